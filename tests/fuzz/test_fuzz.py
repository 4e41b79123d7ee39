"""Inputs that once went wrong go right, no reader is left out, and the fuzzer sees what it is there to see."""

from __future__ import annotations

import json
import random
import shutil
import sys
import time
from pathlib import Path

import pytest

import tests.fuzz.child as child
from benchmark.errors import InputError
from benchmark.formats import READERS
from tests.fuzz.__main__ import CASES, Run, fuzz
from tests.fuzz.child import finding, lay_out, mutant
from tests.fuzz.mutate import LARGEST, _cells, mutated
from tests.fuzz.targets import Target, missing_readers, targets

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of processes are those of POSIX")


@pytest.fixture(scope="module")
def found() -> dict[str, Target]:
    return targets()


@pytest.mark.parametrize("case", sorted(CASES.glob("*/case.json")), ids=lambda case: case.parent.name)
def test_a_case_is_read_or_refused(
    case: Path, tmp_path: Path, found: dict[str, Target], capfd: pytest.CaptureFixture[str]
) -> None:
    about = json.loads(case.read_text(encoding="utf-8"))
    if about["target"] not in found:
        pytest.skip("needs torch")
    folder = shutil.copytree(case.parent / "input", tmp_path / "input")
    assert finding(found[about["target"]], folder, about["first"]) is None
    assert capfd.readouterr().out == ""


def test_every_reader_is_fuzzed(found: dict[str, Target]) -> None:
    pytest.importorskip("torch")
    assert missing_readers(found) == set()


def test_a_reader_that_no_target_reads_is_missed(
    found: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, "a format", "benchmark.formats.new:read_new")
    assert "a format" in missing_readers(found)


def test_every_seed_is_read(found: dict[str, Target], tmp_path: Path) -> None:
    """A seed that is refused would leave most of what lies behind the reader unread."""
    refused = set()
    for name, target in found.items():
        for number, seed in enumerate(target.seeds):
            try:
                target.read(tmp_path / "input", lay_out(seed, tmp_path / "input"))
            except InputError:
                refused.add((name, number))
    assert {name for name, _ in refused} <= {
        "crop of the paper",
        "pretrained weights",
    }  # made of two small tensors


@pytest.mark.parametrize("suffix", [".csv", ".json", ".yaml", ".xlsx", ".npz", ".nii"])
def test_a_mutant_is_that_of_its_seed(suffix: str) -> None:
    data = b'{"a": [1, 2.5, "x"]}\nb: 3,4\n'
    mutants = [mutated(data, suffix, random.Random(seed)) for seed in range(200)]  # noqa: S311 (dice)
    assert mutants == [mutated(data, suffix, random.Random(seed)) for seed in range(200)]  # noqa: S311 (dice)
    assert len(set(mutants)) > 100


@pytest.mark.parametrize("line", ["a,b,c\n", "\n", "a" * 70_000 + ",b\n"])
def test_a_step_of_damage_makes_no_mutant_that_fills_the_memory(line: str) -> None:
    """A hundred thousand rows, each with a cell of 70,000 characters, were seven gigabytes."""
    text = line * (4000 // len(line) + 1)
    assert max(len(_cells(text, random.Random(seed))) for seed in range(60)) <= 10 * LARGEST  # noqa: S311 (dice)


def test_mutants_are_read_or_refused(found: dict[str, Target], tmp_path: Path) -> None:
    safe = {name: target for name, target in found.items() if not target.may_die}
    for number in range(4 * len(safe)):
        name, files = mutant(safe, 7, number)
        first = lay_out(files, tmp_path / "input")
        assert finding(safe[name], tmp_path / "input", first) is None, name


def raises(folder: Path, name: str) -> None:
    raise KeyError(name)


def sleeps(folder: Path, name: str) -> None:
    time.sleep(30)


def spins(folder: Path, name: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        pass


def test_what_raises_or_hangs_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "SECONDS", 0.1)
    child.limit_time()
    wrong = finding(Target(raises, []), tmp_path, "x")
    assert wrong is not None
    assert (wrong["kind"], "KeyError: 'x'" in wrong["text"]) == ("KeyError", True)
    for hangs in (spins, sleeps):
        wrong = finding(Target(hangs, []), tmp_path, "x")
        assert wrong is not None
        assert wrong["kind"] == "hang"
    monkeypatch.setattr(child, "WAITING", 600)
    assert finding(Target(lambda *_: time.sleep(0.3), []), tmp_path, "x") is None  # as where others work too
    monkeypatch.setattr(child, "GROWTH", -1)
    wrong = finding(Target(lambda *_: None, []), tmp_path, "x")
    assert wrong is not None
    assert wrong["kind"] == "memory"


def run_with_fifth_text(does: str, folder: Path, found: dict[str, Target], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run of a few mutants; a module on the path of the children does something at every fifth text."""
    (folder / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def fifth(path, *more):\n"
        "    fifth.count += path.name == 'a.txt'\n"
        f"    fifth.count == 5 and {does}\n"
        "    return read(path, *more)\n"
        "fifth.count = 0\n"
        "if 'tests.fuzz.child' in ' '.join(sys.orig_argv):\n"
        "    import benchmark.formats.opening as opening\n"
        "    read, opening.read_text = opening.read_text, fifth\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return fuzz(Run({"text": found["text"]}, 3, 120, only="text", most=6, start=40, cases=folder / "cases"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "kind"),
    [("os.abort()", "death by signal 6"), ("os.write(1, b'0 is out')", "a line on standard output")],
)
def test_what_dies_or_prints_is_a_case_and_the_next_goes_on(
    does: str, kind: str, tmp_path: Path, found: dict[str, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_with_fifth_text(does, tmp_path, found, monkeypatch)
    assert list(run.findings) == [("text", kind, "")]
    assert run.findings["text", kind, ""][0]["number"] == 44
    assert run.mutants >= 6
    assert len(list((tmp_path / "cases").glob("text-*/case.json"))) == 1
