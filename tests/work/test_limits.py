"""What a worker may use up: beyond it the task is lost, says why, and the others go on."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.work import Lost, Processes, limited_processes, limits, run
from benchmark.work.limits import OUT_OF_MEMORY, not_limited, warn_of_what_is_not_limited
from tests.work import jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system limits no memory")


def test_a_task_that_needs_too_much_memory_is_lost_and_says_so() -> None:
    results = list(run([10, 100, 1000, 20], jobs.fills_memory, Processes(1, jobs.little)))
    assert results == [10, 100, Lost(OUT_OF_MEMORY), 20]
    assert jobs.little(0).broken(OUT_OF_MEMORY) == "needs more than 0.2 GB of memory"


@pytest.mark.slow
def test_a_task_that_takes_too_long_is_lost_and_says_so() -> None:
    # 0.7 s each: together more than the limit, which is one of each task and not of the process
    first, second, lost, last = run([0.7, 0.7, 30, 0.1], jobs.spins, Processes(1, jobs.little))
    assert first == second != last
    assert isinstance(lost, Lost)
    assert lost.status == -signal.SIGXCPU
    assert jobs.little(0).broken(lost.status) == "takes more than 1 s of processor time"
    assert jobs.little(0).broken(-9) == ""


def test_what_a_task_broke_costs_no_later_one() -> None:
    assert list(run(range(5), jobs.breaks_the_next, Processes(1))) == [0, 1, 2, Lost(-9), 4]


def test_a_worker_serves_many_tasks_and_one_is_started_where_none_is_asked_for() -> None:
    for workers in (0, 1):
        pids = set(run(range(20), jobs.pid_of_process, limited_processes(workers, 20, jobs.little)))
        assert len(pids) == 1
    assert list(run([], abs, limited_processes(0, 0, jobs.little))) == []


def test_a_system_without_limits_works_and_says_so_once(tmp_path: Path) -> None:
    script = """
import sys
sys.modules["resource"] = None  # as on Windows: importing it fails
from benchmark.work import limited_processes, run
from benchmark.work.limits import TaskLimits, limited
from tests.work.jobs import little
with limited(TaskLimits(1, 1)):
    held = bytes(10_000_000)
for _ in range(2):
    print(list(run([-1, 2], abs, limited_processes(1, 2, little))))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )  # fmt: skip
    assert done.stdout == "[1, 2]\n[1, 2]\n"
    assert done.stderr == (
        "this system does not limit the memory and processor time of what reads a scan: "
        "a damaged file may use up all there is\n"
    )


def test_where_memory_alone_is_not_limited_that_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert not_limited() == []
    monkeypatch.setattr(limits, "_bytes_held", lambda: None)  # as on macOS, which has no /proc
    warn_of_what_is_not_limited.cache_clear()
    with caplog.at_level(logging.WARNING):
        warn_of_what_is_not_limited()
        warn_of_what_is_not_limited()
    warn_of_what_is_not_limited.cache_clear()
    assert [record.getMessage().split(" of ")[0] for record in caplog.records] == [
        "this system does not limit the memory"
    ]
