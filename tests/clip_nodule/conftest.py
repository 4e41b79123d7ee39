"""Fixtures of the model's tests: one small cohort and one trained run for the whole session."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.contracts.workspace import Workspace


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``cohorts/balls``, 20 patients, the last without an image, and results with one LoRA run."""
    from clip_nodule.train import TrainingRequest, train_run
    from tests.clip_nodule.training_cohort import TINY, make_cohort

    folder = tmp_path_factory.mktemp("small")
    make_cohort(folder / "cohorts" / "balls", broken=1)
    train_run(
        "balls", TrainingRequest(settings=TINY, device="cpu"),
        workspace=Workspace(folder / "cohorts", folder / "results"), name="first",
    )  # fmt: skip
    return folder
