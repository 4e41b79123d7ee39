"""Folds trained and nodules scored as jobs are those of one process, byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.work import sbatch, slurm
from benchmark.work.other_machines import OtherMachines
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.train import TrainingRequest, train_run
from tests.clip_nodule.training_cohort import TINY

pytestmark = [pytest.mark.slow, pytest.mark.needs("slurm")]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OtherMachines:
    monkeypatch.setattr(sbatch, "CLUSTER", "local")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    return OtherMachines("slurm", workers=2, folder=tmp_path / "slurm")


def what_scores(run: Path) -> dict[str, bytes]:
    """Every file of a run that holds numbers of its folds."""
    names = ("*.safetensors", "metrics.csv", "calibration.json")
    return {
        path.relative_to(run).as_posix(): path.read_bytes()
        for name in names
        for path in run.glob(f"fold_*/**/{name}")
    }


def test_folds_are_trained_as_jobs(small: Path, tmp_path: Path, place: OtherMachines) -> None:
    results = tmp_path / "results"
    shutil.copytree(small / "results" / "crops", results / "crops")
    request = TrainingRequest(settings=TINY, device="cpu", place=place)
    seen: list[tuple[int, int]] = []
    run = train_run(
        "balls", request, Workspace(small / "cohorts", results), name="first",
        progress=lambda done, total, text="": seen.append((done, total)),
    )  # fmt: skip
    found = what_scores(run)
    assert len(found) >= 6
    assert found == what_scores(small / "results" / "runs" / "first")
    assert seen[-1] == (4, 4)
    assert not list((tmp_path / "slurm").iterdir())


def test_nodules_are_scored_as_jobs(small: Path, tmp_path: Path, place: OtherMachines) -> None:
    tables = []
    for number, scoring in enumerate([Scoring(device="cpu"), Scoring(device="cpu", place=place)]):
        results = tmp_path / str(number)
        shutil.copytree(small / "results", results)
        out = results / "scores" / "s.csv"
        tables.append(score_cohort("balls", scoring, Workspace(small / "cohorts", results), run="first", out=out))
    alone, elsewhere = (table.read_bytes() for table in tables)
    assert elsewhere == alone
    assert b"failed" in alone  # the patient without an image, with its reason
