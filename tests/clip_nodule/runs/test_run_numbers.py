"""No two runs get one number, also those begun at the same time; targets are tried before weights are loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import clip_nodule.inference.predict as predict
import clip_nodule.train as training
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.files import write_text
from clip_nodule.ablation import run_ablation
from clip_nodule.inference.predict import score_cohort
from clip_nodule.paper.import_weights import import_weights
from clip_nodule.runs.run_folder import MANIFEST, claimed_number, list_runs, new_run, read_run
from clip_nodule.train import TrainingRequest, train_run
from tests.clip_nodule.paper.test_import_weights import paper_tensors, write_checkpoint

OTHER = """
import sys
from pathlib import Path
from clip_nodule.runs.run_folder import new_run
results, name = Path(sys.argv[1]), sys.argv[2]
with new_run(results, name or None, "clip-lora") as (folder, number):
    print(folder.name, number, flush=True)
    sys.stdin.readline()
"""
RACE = """
import sys
from pathlib import Path
from benchmark.files import write_text
from clip_nodule.runs.run_folder import claimed_number
runs, me = Path(sys.argv[1]), sys.argv[2]
sys.stdin.readline()
for turn in range(8):
    with claimed_number(runs) as number:
        write_text(runs / f"{me}x{turn}x" / "run.yaml", f"number: {number}\\n")
"""


def process(code: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@contextmanager
def another_process(results: Path, name: str = "") -> Iterator[tuple[str, int, subprocess.Popen[str]]]:
    """A process that has begun a run and not yet written anything of it: the run's name and number."""
    with process(OTHER, str(results), name) as other:
        assert other.stdout is not None
        folder, number = other.stdout.readline().split()
        yield folder, int(number), other
        other.kill()


def test_a_run_that_another_process_begins_has_another_number(tmp_path: Path) -> None:
    with another_process(tmp_path, "theirs") as (_, number, other):
        assert number == 1
        with new_run(tmp_path, "mine", "clip-lora") as (folder, own):
            assert (folder.name, own) == ("mine", 2)
        with new_run(tmp_path, None, "clip-lora") as (folder, own):
            assert (folder.name, own) == ("clip-lora-2", 2)
        other.kill()
        other.wait()
        with new_run(tmp_path, None, "clip-lora") as (folder, own):  # a killed process claims nothing
            assert (folder.name, own) == ("clip-lora-1", 1)
    assert list_runs(tmp_path) == []


def test_weights_that_are_imported_meanwhile_have_another_number(tmp_path: Path) -> None:
    source = write_checkpoint(tmp_path / "ckpt", paper_tensors())
    with another_process(tmp_path / "results", "theirs"):
        out = import_weights(source, tmp_path / "results" / "runs" / "paper")
        assert read_run(out).number == 2


@pytest.mark.slow
def test_many_processes_that_claim_at_once_get_24_numbers(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    others = [process(RACE, str(runs), str(me)) for me in range(3)]
    for other in others:  # all wait for their line: they have loaded what they need
        assert other.stdin is not None
        other.stdin.write("\n")
        other.stdin.flush()
    for other in others:
        other.communicate(timeout=300)
    assert [other.returncode for other in others] == [0, 0, 0]
    # One that sees a later run finished while it claims goes on after it: its number may stay free.
    numbers = [number for number, _ in list_runs(tmp_path)]
    assert len(set(numbers)) == len(numbers) == 24


def test_a_run_finished_between_two_looks_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from clip_nodule.runs import run_folder

    looks = iter([1, 2, 2])
    monkeypatch.setattr(run_folder, "_next_number", lambda runs: next(looks))
    with claimed_number(tmp_path) as number:
        assert number == 2


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing may be loaded or built."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("weights were loaded before the target was tried")

    monkeypatch.setattr(predict, "load_run", refuse)
    monkeypatch.setattr(training, "start_backbone", refuse)


@pytest.mark.usefixtures("no_weights")
def test_scoring_tries_its_target_first(small: Path, tmp_path: Path) -> None:
    workspace = Workspace(small / "cohorts", small / "results")
    (tmp_path / "file").write_text("x")
    write_text(tmp_path / "other.csv", "pid,score\n1,0.5\n")
    write_text(tmp_path / "new.json", "{}")
    for out, said in {
        "file/x.csv": "cannot be written: it is a file, or lies in one",
        "other.csv": "is not replaced",
        "new.csv": "is no record of a run",
    }.items():
        with pytest.raises(InputError, match=said):
            score_cohort("balls", workspace=workspace, run="first", out=tmp_path / out)
    with pytest.raises(AssertionError):
        score_cohort("balls", workspace=workspace, run="first", out=tmp_path / "good.csv")


@pytest.mark.usefixtures("no_weights")
def test_training_tries_its_target_first(small: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    request = TrainingRequest(settings={"pretrained": None}, device="cpu")
    with pytest.raises(InputError, match="cannot be written"):
        train_run("balls", request, workspace=Workspace(small / "cohorts", tmp_path / "file"), name="new")
    with pytest.raises(InputError, match="cannot be written"):
        run_ablation("modality", "balls", request, Workspace(small / "cohorts", tmp_path / "file"))
    with pytest.raises(InputError, match="there is a run of that name"):
        train_run("balls", request, workspace=Workspace(small / "cohorts", small / "results"), name="first")
    with pytest.raises(AssertionError):
        train_run("balls", request, workspace=Workspace(small / "cohorts", tmp_path / "r"), name="new")
    assert not (tmp_path / "r").exists()
    assert (small / "results" / "runs" / "first" / MANIFEST).is_file()


def test_what_a_killed_run_left_of_its_claim_goes_and_a_living_ones_stays(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    with another_process(tmp_path) as (_, first, killed), another_process(tmp_path) as (_, second, _):
        killed.kill()
        killed.wait()
        write_text(runs / "mine" / MANIFEST, f"number: {first}\n")  # it was written before the kill
        left = {path.name for path in runs.glob(f".number-{first}.*")}
        assert left == {f".number-{first}.lock", f".number-{first}.lease"}
        with new_run(tmp_path, "other", "clip-lora") as (_, number):
            assert number == second + 1
            assert not list(runs.glob(f".number-{first}.*"))
            assert len(list(runs.glob(f".number-{second}.*"))) == 2
