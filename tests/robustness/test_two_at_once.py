"""Two of one command at once on one target: one waits or is refused, none corrupts."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.robustness.project import COMMANDS, bench, contents, copy_project, leftovers, start, todays

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", todays(COMMANDS, "BENCH_PAIRS"))
def test_two_at_once_leave_what_one_leaves(name: str, base: Path, tmp_path: Path) -> None:
    command = COMMANDS[name]
    before = copy_project(base, tmp_path / "before")
    if command.earlier:
        assert bench(before, command.earlier).returncode == 0
    alone = copy_project(before, tmp_path / "alone")
    status = bench(alone, command.arguments).returncode
    project = copy_project(before, tmp_path / "two")
    pair = [start(project, command.arguments) for _ in range(2)]
    outputs = [process.communicate()[0] for process in pair]
    ends = [process.returncode for process in pair]
    assert status in ends
    for end, output in zip(ends, outputs, strict=True):
        assert end == status or (end == 2 and ("is being written by" in output or "there is a run of" in output))
        assert "Traceback" not in output
    assert contents(project) == contents(alone)
    assert leftovers(project) == []


def test_two_runs_of_one_name_train_what_the_winner_asked_for(base: Path, tmp_path: Path) -> None:
    project = copy_project(base, tmp_path / "two")
    rates = ("0.001", "0.002")
    common = COMMANDS["train"].arguments
    pair = [start(project, (*common, "--lr", rate)) for rate in rates]
    outputs = [process.communicate()[0] for process in pair]
    ends = [process.returncode for process in pair]
    assert sorted(ends) == [0, 2], outputs
    winner = rates[ends.index(0)]
    alone = copy_project(base, tmp_path / "alone")
    assert bench(alone, (*common, "--lr", winner)).returncode == 0
    assert contents(project / "results" / "runs" / "t") == contents(alone / "results" / "runs" / "t")
