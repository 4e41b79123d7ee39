"""Where the tests that need a GPU run: on it, or in a dry run of ``make gpu`` on the processor."""

from __future__ import annotations

import os

import pytest

from benchmark.contracts.workspace import Workspace


@pytest.fixture(scope="session")
def device() -> str:
    """``cuda``; ``cpu`` in a dry run, where the tests compare the processor with itself."""
    import torch

    if os.environ.get("GPU_CHECK_DRY"):
        return "cpu"
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return "cuda"


@pytest.fixture(scope="session")
def workspace(device: str, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A cohort ``balls`` of 16 patients."""
    from tests.clip_nodule.training_cohort import make_cohort  # a light install collects this folder too

    folder = tmp_path_factory.mktemp("gpu")
    make_cohort(folder / "cohorts" / "balls", 16)
    return Workspace(folder / "cohorts", folder / "results")
