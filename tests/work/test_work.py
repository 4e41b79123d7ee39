"""The same results in the same order wherever tasks run; a dead worker costs its task; nothing is left running."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from benchmark.errors import BenchError, InputError, Problem
from benchmark.work import (
    Executor,
    Here,
    Lost,
    Processes,
    Threads,
    finished,
    processes,
    run,
    threads,
    worker_count,
)
from tests.work import jobs

EVERYWHERE = [Here(), Threads(3), Processes(1), Processes(3)]
NAMES = ["here", "threads", "a process", "processes"]


def refused(number: int) -> int:
    raise InputError([Problem("is wrong", "mend it", "a.csv", number, "pid"), Problem("is worse")])


@pytest.mark.parametrize("executor", EVERYWHERE[2:], ids=NAMES[2:])
def test_results_come_in_the_order_of_tasks(executor: Executor) -> None:
    # the function reads standard input and prints, as libraries do: neither reaches the messages
    assert list(run(range(20), jobs.slow_square, executor)) == [number**2 for number in range(20)]


@pytest.mark.parametrize("executor", EVERYWHERE, ids=NAMES)
def test_no_task_is_no_work_and_finished_ones_keep_their_number(executor: Executor) -> None:
    assert list(run([], abs, executor)) == []
    assert sorted(finished([-1, 2, -3], abs, executor)) == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("executor", EVERYWHERE, ids=NAMES)
def test_the_error_of_the_first_task_that_fails_is_raised_and_earlier_results_stand(executor: Executor) -> None:
    results = run(range(6), jobs.refuses_odd, executor)
    assert next(results) == 0
    with pytest.raises(ValueError, match="1 is odd"):
        next(results)


@pytest.mark.parametrize("executor", EVERYWHERE, ids=NAMES)
def test_the_problems_of_bad_input_survive(executor: Executor) -> None:
    with pytest.raises(InputError) as error:
        list(run([7], refused, executor))
    assert [(problem.row, problem.what) for problem in error.value.problems] == [
        (7, "is wrong"),
        (None, "is worse"),
    ]


def test_a_worker_that_is_killed_costs_its_task_only() -> None:
    for workers in (1, 2):
        assert list(run(range(5), jobs.dies_at_two, Processes(workers))) == [0, 1, Lost(-9), 3, 4]


def test_an_error_that_cannot_travel_is_told_in_words() -> None:
    with pytest.raises(RuntimeError, match="Picky: not today"):
        list(run([1], jobs.raises_picky, Processes(1)))


def test_a_process_that_cannot_start_is_no_lost_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os\nos._exit(7)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BenchError, match=r"could not be started \(status 7\)"):
        list(run(range(3), abs, Processes(2)))


def test_a_function_of_a_script_is_refused_in_words_and_its_module_is_not_run_again() -> None:
    script = (
        "from benchmark.work import Processes, run\n"
        "print('once')\n"
        "def mine(number): return number\n"
        "try: list(run([1], mine, Processes(1)))\n"
        "except TypeError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.count("once") == 1
    assert "the function cannot be loaded by another process" in done.stdout


def pids(folder: Path, number: int) -> list[int]:
    for _ in range(600):
        found = [int(text) for path in folder.glob("*.pid") if (text := path.read_text())]
        if len(found) == number:
            return found
        time.sleep(0.05)
    raise AssertionError(f"{number} workers did not start")


def gone(pid: int) -> bool:
    """Whether a process ended; one that was not our child leaves no zombie of ours."""
    for _ in range(100):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 0)
            time.sleep(0.05)
            continue
        return True
    return False


SLEEPERS = """
import signal, sys
from contextlib import closing
from benchmark.work import Processes, run
from tests.work.jobs import never_ends
# A shell's background job ignores it, and hands that down.
signal.signal(signal.SIGINT, signal.default_int_handler)
with closing(run([(sys.argv[1], k) for k in range(4)], never_ends, Processes(2))) as results:
    list(results)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_process_is_left_when_the_program_is_interrupted_or_killed(tmp_path: Path, number: int) -> None:
    program = subprocess.Popen(
        [sys.executable, "-c", SLEEPERS, str(tmp_path)], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},  # an installed project has no tests
    )  # fmt: skip
    children = pids(tmp_path, 2)
    program.send_signal(number)
    _, said = program.communicate(timeout=30)
    assert all(gone(pid) for pid in children)
    assert len(list(tmp_path.glob("*.pid"))) == 2
    assert ("KeyboardInterrupt" in said) == (number == signal.SIGINT)


def test_closing_early_ends_the_processes(tmp_path: Path) -> None:
    with closing(Processes(2).outcomes(jobs.never_ends, [(str(tmp_path), k) for k in range(5)])) as outcomes:
        waiting: Iterator[object] = outcomes

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, 3)
        try:
            with pytest.raises(KeyboardInterrupt):
                next(waiting)
        finally:
            signal.signal(signal.SIGALRM, before)
    assert all(gone(int(path.read_text())) for path in tmp_path.glob("*.pid"))


def test_workers_mean_one_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert [worker_count(number) for number in (None, 0, 1, 8)] == [3, 0, 1, 8]
    assert isinstance(processes(0, 9), Here)
    assert isinstance(processes(1, 9), Processes)  # apart: a scan that kills its reader must not kill the command
    assert isinstance(threads(1, 9), Here)
    monkeypatch.delattr(os, "sched_getaffinity")  # macOS
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert worker_count(None) == 6
