"""What waits without using the processor ends too, says why, is not tried again, and costs nobody else."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmark.work import Lost, limited_processes, patience, run
from benchmark.work.limits import OUT_OF_TIME, WAITING, TaskLimits
from benchmark.work.patience import Patience, within
from tests.work import jobs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be watched")


@pytest.mark.parametrize("how", ["sleeps", "deaf", "leaves a child"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_task_that_waits_for_ever_is_lost_alone_once_and_says_so(tmp_path: Path, how: str, workers: int) -> None:
    log = str(tmp_path / "log")
    begin = time.monotonic()
    tasks = [("fine", log), (how, log), ("fine", log)]
    results = list(run(tasks, jobs.waits, limited_processes(workers, 3, jobs.hurried)))
    lines = [line.rsplit(" ", 1) for line in Path(log).read_text().splitlines()]
    for what, pid in lines:
        if what == "child":
            os.kill(int(pid), signal.SIGKILL)
        elif what == how:
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid), 0)
    assert results == ["fine", Lost(OUT_OF_TIME), "fine"]
    assert jobs.hurried(0).broken(OUT_OF_TIME) == "waits for more than 2 s"
    assert [what for what, _ in lines].count(how) == 1
    assert time.monotonic() - begin < 60


def test_a_task_may_wait_far_longer_than_it_may_compute() -> None:
    assert WAITING >= 10
    assert TaskLimits(0, 9).patience == 9 * WAITING


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell what another process uses")
def test_a_task_that_computes_does_not_wait(tmp_path: Path) -> None:
    # on a machine that is busy with other things 0.8 s of the processor take any time: the patience here is 0.6 s
    assert isinstance(*run([0.8], jobs.spins, limited_processes(0, 1, jobs.impatient)), int)


def test_what_does_not_return_in_time_is_left_alone() -> None:
    never = threading.Event()
    assert within(5, lambda: 7) == 7
    with pytest.raises(ValueError, match="its own"):
        within(5, lambda: int("its own"))
    begin = time.monotonic()
    with pytest.raises(TimeoutError, match=r"took more than 0\.2 s"):
        within(0.2, never.wait)
    assert time.monotonic() - begin < 5
    never.set()


def test_time_in_which_the_program_was_stopped_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(patience.time, "monotonic", lambda: now[0])
    left = Patience(10)
    now[0] += 0.5
    assert left.turn() > 0
    assert left.left == 9.5
    now[0] += 3600  # Ctrl-Z, and an hour later fg
    assert left.turn() > 0
    assert left.left > 8
    for _ in range(30):
        now[0] += 0.5
        left.turn()
    assert left.turn() == 0
