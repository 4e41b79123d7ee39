"""A run goes on where it began, unless somebody says that it may go on elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from clip_nodule import train as training
from clip_nodule.runs.run_folder import read_run
from clip_nodule.train import TrainingRequest, train_run
from tests.clip_nodule.training_cohort import TINY

NOTE = "began on cpu in fp32 and went on on cpu in bf16: its weights are those of neither alone"


def go(small: Path, results: Path, *, resume: bool = False, elsewhere: bool = False, stop: bool = False) -> Path:
    """Train a probe of one epoch and two folds; ``stop`` interrupts it after the first fold."""
    if not (results / "crops").exists():
        shutil.copytree(small / "results" / "crops", results / "crops")

    def interrupt(done: int, total: int, text: str) -> None:
        if stop and done and text.startswith("fold"):
            raise KeyboardInterrupt

    request = TrainingRequest(
        settings=TINY | {"epochs": 1, "tuning": "probe", "precision": "auto"}, device="cpu", elsewhere=elsewhere
    )
    return train_run(
        "balls", request, Workspace(small / "cohorts", results), name="x", resume=resume, progress=interrupt
    )


@pytest.fixture
def bf16(monkeypatch: pytest.MonkeyPatch):
    """Say whether the processor has bf16, and so what ``auto`` is on it."""

    def say(has: bool) -> None:
        monkeypatch.setattr("clip_nodule.network.device.has_bf16", lambda device: has)

    say(False)
    return say


def test_a_run_says_where_it_is_computed(small: Path, tmp_path: Path, bf16) -> None:
    run = go(small, tmp_path)
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    assert record["computed"] == {"device": "cpu", "precision": "fp32"}
    assert record["device"].startswith("CPU, ")
    assert str(read_run(run).computed) == "cpu in fp32"


def test_another_precision_is_refused_unless_asked_for(small: Path, tmp_path: Path, bf16, caplog) -> None:
    with pytest.raises(KeyboardInterrupt):
        go(small, tmp_path, stop=True)
    before = (tmp_path / "runs" / "x" / "run.yaml").read_bytes()
    bf16(True)
    with pytest.raises(
        InputError, match=r"began on cpu in fp32.*on cpu in bf16.*go on where auto is fp32, or --resume-els"
    ):
        go(small, tmp_path, resume=True)
    assert (tmp_path / "runs" / "x" / "run.yaml").read_bytes() == before
    run = go(small, tmp_path, resume=True, elsewhere=True)
    info = read_run(run)
    assert info.notes[-1] == NOTE
    assert NOTE in caplog.text
    assert str(info.computed) == "cpu in bf16"
    assert json.loads((run / "record.json").read_text(encoding="utf-8"))["notes"][-1] == NOTE


def test_another_kind_of_device_is_refused_before_anything_is_done(
    small: Path, tmp_path: Path, bf16, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(KeyboardInterrupt):
        go(small, tmp_path, stop=True)
    monkeypatch.setattr(training, "choose_device", lambda name: torch.device("cuda", 1))
    with pytest.raises(InputError, match=r"would go on on cuda in fp32.*give --device cpu"):
        go(small, tmp_path, resume=True)


def test_a_finished_run_is_not_asked_where_it_is(small: Path, tmp_path: Path, bf16) -> None:
    go(small, tmp_path)
    bf16(True)
    assert str(read_run(go(small, tmp_path, resume=True)).computed) == "cpu in fp32"


def test_a_run_of_before_goes_on_with_a_note(small: Path, tmp_path: Path, bf16, caplog) -> None:
    with pytest.raises(KeyboardInterrupt):
        go(small, tmp_path, stop=True)
    path = tmp_path / "runs" / "x" / "run.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    del content["computed"]
    path.write_text(yaml.safe_dump(content | {"schema_version": 3}), encoding="utf-8")
    info = read_run(go(small, tmp_path, resume=True))
    assert "where it began was not recorded" in info.notes[-1]
    assert "where it began was not recorded" in caplog.text
    assert info.schema_version == 4
