"""A task that takes too much costs itself alone, once, and says which limit it went beyond."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmark.work import Lost, limited_processes, run
from tests.work import jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are known on Linux alone")


def outcomes(tasks: list[str], log: Path, workers: int = 0) -> list[str | Lost]:
    executor = limited_processes(workers, len(tasks), jobs.limits_of)
    return list(run([(task, str(log)) for task in tasks], jobs.uses_up, executor))


@pytest.mark.parametrize(
    ("what", "said"),
    [("memory", "needs more than 0.3 GB of memory"), ("time", "takes more than 1 s of processor time")],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_a_task_beyond_a_limit_is_lost_alone_and_is_not_tried_again(
    tmp_path: Path, what: str, said: str, workers: int
) -> None:
    results = outcomes(["fine", what, "fine"], tmp_path / "log", workers)
    lost = results[1]
    assert (results[0], results[2]) == ("fine", "fine")
    assert isinstance(lost, Lost)
    assert jobs.limits_of(None).broken(lost.status) == said
    assert [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()].count(what) == 1


def test_a_crash_is_tried_once_more_in_a_fresh_process_and_is_no_limit(tmp_path: Path) -> None:
    results = outcomes(["fine", "dies", "fine"], tmp_path / "log")
    lost = results[1]
    assert isinstance(lost, Lost)
    assert jobs.limits_of(None).broken(lost.status) == ""
    lines = [line.split() for line in (tmp_path / "log").read_text().splitlines()]
    assert [what for what, _ in lines] == ["fine", "dies", "dies", "fine"]
    assert lines[0][1] == lines[1][1] != lines[2][1]


def test_limits_count_from_the_start_of_each_task_in_one_process(tmp_path: Path) -> None:
    # 40 tasks use more processor time together (start of Python included) than one may; all come from one process
    assert outcomes(["fine"] * 40, tmp_path / "log") == ["fine"] * 40
    used = {line.split()[1] for line in (tmp_path / "log").read_text().splitlines()}
    assert len(used) == 1
    assert str(os.getpid()) not in used
