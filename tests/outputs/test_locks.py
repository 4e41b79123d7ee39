"""One process at a time writes a result."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from benchmark.comparison.score_files import score_paths
from benchmark.contracts.cohort import list_cohorts
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.files import (
    list_finished,
    list_named,
    remove_leftovers,
    remove_leftovers_below,
    replacing,
    temporary_folder,
)
from benchmark.outputs.locks import InUseError, holding

HOLD = """
import sys
from benchmark.outputs.locks import holding
with holding(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(target: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("kind", ["absent", "file", "folder"])
def test_what_another_process_holds_is_refused_until_it_ends(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "deep" / "x"
    if kind == "folder":
        target.mkdir(parents=True)
    elif kind == "file":
        target.parent.mkdir()
        target.write_text("1")
    with held_elsewhere(target) as process:
        with pytest.raises(InUseError, match=f"is being written by process {process.pid}"), holding(target):
            pass
        with holding(target.with_name("y")):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with holding(target), holding(target):
            pass
    with holding(target):
        pass


def test_a_link_is_the_same_target(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with held_elsewhere(tmp_path / "real"), pytest.raises(InUseError), holding(tmp_path / "link"):
        pass


def test_where_nothing_can_be_written_is_said_before_work_begins(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("1")
    with pytest.raises(InputError, match="is a file, or lies in one"), holding(tmp_path / "file" / "x"):
        pass
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(InputError, match="cannot be written"), holding(tmp_path / "closed" / "x"):
            pass


def test_what_a_killed_run_left_goes_with_the_next_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "scores.csv"
    mine = [".scores.csv", ".bench-notes", ".bench-scores.csv-short.csv", ".bench-scores.csv-abcdefgh.txt"]
    others = [".bench-scores.csv-b-abcdefgh.csv", ".bench-more-scores.csv-abcdefgh.csv"]
    for name in (*mine, *others, "scores.csv"):
        (tmp_path / name).write_text("1")
    with replacing(target) as temporary:
        temporary.write_text("2")
        left = temporary.name.replace(".csv-", "|").split("|")[0] + ".csv-aaaaaaaa.csv"
    (tmp_path / left).write_text("torn")
    assert left == ".bench-scores.csv-aaaaaaaa.csv"
    (temporary_folder(target, tmp_path) / "x").write_text("1")
    with holding(target):
        pass
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {*mine, *others, "scores.csv"}


def test_long_names_have_leftovers_of_their_own(tmp_path: Path) -> None:
    one, two = (tmp_path / ("x" * 240 + end + ".csv") for end in "ab")
    with replacing(one) as temporary:
        temporary.write_text("1")
        remove_leftovers(two)
        assert temporary.exists()
    assert one.read_text() == "1"


def test_nothing_hidden_is_listed(tmp_path: Path) -> None:
    for name in ("a/x.csv", ".a/x.csv", "a/.x.csv", ".bench-a-abcdefgh/x.csv", "b/.c/x.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    assert list_finished(tmp_path, "**/*.csv") == [tmp_path / "a" / "x.csv"]
    assert list_finished(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert list_finished(tmp_path / "nowhere") == []
    hidden = tmp_path / ".a"  # a project may lie in a hidden folder itself
    assert list_finished(hidden, "*.csv") == [hidden / "x.csv"]


def test_one_walk_lists_what_each_pattern_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("b/x.json", "b-1/x.json", "a/b/c/y.json", "a/X.JSON", ".a/x.json", "a/.x.json", "x.json/in.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")
    (tmp_path / "linked").symlink_to(tmp_path / "b")
    (tmp_path / "l.json").symlink_to(tmp_path / "b" / "x.json")
    patterns = ("*.json", "x.json", "linked", "none")
    for folder in (tmp_path, Path(), "."):
        expected = [[str(path) for path in list_finished(folder, f"**/{each}")] for each in patterns]
        assert list_named(folder, *patterns) == expected
    assert len(list_named(tmp_path, "*.json")[0]) == 6
    assert list_named(tmp_path / "nowhere", "*") == [[]]


@pytest.mark.parametrize("hidden", [".mine-abcdefgh.csv", ".bench-mine.csv-abcdefgh.csv", ".x.parquet"])
def test_what_a_killed_command_left_is_no_model_and_no_cohort(tmp_path: Path, hidden: str) -> None:
    workspace = Workspace(tmp_path / "cohorts", tmp_path / "results")
    scores = workspace.scores("a")
    scores.mkdir(parents=True)
    for name in ("m.csv", hidden):
        (scores / name).write_text("1")
    assert score_paths(workspace, "a") == {"m": scores / "m.csv"}
    for name in ("a", hidden):
        (workspace.cohorts / name).mkdir(parents=True)
        (workspace.cohorts / name / "cohort.yaml").write_text("1")
    assert list_cohorts(workspace.cohorts) == ["a"]


def test_a_lock_and_the_empty_folders_that_it_needed_go_with_it(tmp_path: Path) -> None:
    target = tmp_path / "results" / "scores" / "a.csv"
    with holding(target), holding(target):
        assert (target.parent / ".a.csv.lock").is_file()
    assert not list(tmp_path.iterdir())
    with holding(target):
        target.write_text("1")
    assert [path.name for path in target.parent.iterdir()] == ["a.csv"]


def test_of_a_whole_folder_only_what_killed_runs_left_is_removed(tmp_path: Path) -> None:
    left = [".bench-a.csv-abcd_123.csv", "b/.bench-epoch-00001-flko3z9e/c/d.txt", "b/.bench-x-00000000"]
    kept = [".bench-notes", "b/.bench-a-short.csv", "b/.hidden-abcd_123", "b/a.bench-x-00000000"]
    for name in (*left, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / "b" / ".bench-link-00000000").symlink_to(tmp_path / "b" / ".hidden-abcd_123")
    remove_leftovers_below(tmp_path)
    there = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if not path.is_dir()}
    assert there == {*kept, "b/.bench-link-00000000"}
