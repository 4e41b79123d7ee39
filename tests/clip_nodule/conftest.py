"""Fixtures of the model's tests: one small cohort and one trained run for the whole session."""

from __future__ import annotations

import shutil
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


@pytest.fixture(scope="session")
def project(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as examples stand in: ``cohorts/nlst`` with its crops, the run ``first`` of another cohort, and the
    paper's files: ``checkpoint`` and ``pt``."""
    import torch

    from benchmark.contracts.cohort import write_cohort
    from benchmark.imaging.cropping.cohort import crops_of
    from tests.clip_nodule.paper.test_import_weights import paper_tensors, write_checkpoint
    from tests.clip_nodule.paper.test_legacy_crops import crop, write

    folder = tmp_path_factory.mktemp("project")
    write_checkpoint(folder / "checkpoint", paper_tensors())
    write(folder / "pt", **{"100012_1": torch.tensor(crop())})
    there = Workspace(small / "cohorts", small / "results")
    shutil.copytree(there.cohorts / "balls" / "images", folder / "cohorts" / "nlst" / "images")
    shutil.copytree(there.run("first"), folder / "results" / "runs" / "first")
    balls = there.cohort("balls")
    manifest = balls.manifest.model_copy(update={"name": "nlst", "title": "NLST"})
    crops_of(write_cohort(folder / "cohorts" / "nlst", manifest, balls.nodules), folder / "results", workers=0)
    return folder
