"""Folds trained and nodules scored as jobs are those of one process, byte for byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.work import sbatch, slurm
from benchmark.work.other_machines import OtherMachines
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.tune import Search, run_search
from tests.clip_nodule.training_cohort import TINY

pytestmark = [
    pytest.mark.slow,
    pytest.mark.needs("slurm"),
    pytest.mark.needs("ray"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(params=["slurm", "ray"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[OtherMachines]:
    monkeypatch.setattr(sbatch, "CLUSTER", "local")
    monkeypatch.setattr(slurm, "POLL", 0.2)
    yield OtherMachines(request.param, workers=2, address="local", folder=tmp_path / "slurm")
    if request.param == "ray":
        import ray

        ray.shutdown()


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
    assert not list((tmp_path / "slurm").glob("*"))


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


def test_all_folds_of_a_grid_are_tasks_at_once(small: Path, tmp_path: Path, place: OtherMachines) -> None:
    """Two trials of two folds: four tasks of one call, and the same files as of one trial after the other."""
    request = TrainingRequest(settings=TINY | {"epochs": 1, "threads": 1}, device="cpu")
    searched, seen = [], []
    for number, where in enumerate((None, place)):
        results = tmp_path / str(number)
        shutil.copytree(small / "results" / "crops", results / "crops")
        searched.append(
            run_search(
                "balls",
                Search(["learning_rate=1e-4,1e-3"]),
                replace(request, place=where),
                Workspace(small / "cohorts", results),
                progress=lambda done, total, text="": seen.append((done, total)),
            )
        )
    assert (4, 4) in seen
    one, other = (search.folder for search in searched)
    for name in ("trials.csv", "metrics.csv", "chosen.yaml"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    for run in ("tune-000", "tune-001"):
        found = what_scores(tmp_path / "1" / "runs" / run)
        assert len(found) >= 4
        assert found == what_scores(tmp_path / "0" / "runs" / run)
