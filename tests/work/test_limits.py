"""What a worker may use up: beyond it the task is lost, says why, and the others go on."""

from __future__ import annotations

import signal
import sys

import pytest

from benchmark.work import Lost, Processes, limited_processes, run
from benchmark.work.limits import OUT_OF_MEMORY
from tests.work import jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system limits no memory")


def test_a_task_that_needs_too_much_memory_is_lost_and_says_so() -> None:
    results = list(run([10, 100, 1000, 20], jobs.fills_memory, Processes(1, jobs.little)))
    assert results == [10, 100, Lost(OUT_OF_MEMORY), 20]
    assert jobs.little(0).broken(OUT_OF_MEMORY) == "needs more than 0.2 GB of memory"


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
