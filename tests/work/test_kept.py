"""A process that is kept: one for many calls, another where it ended, and no answer to an earlier question."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import pytest

from benchmark.work import KeptProcess, Lost
from benchmark.work.limits import OUT_OF_MEMORY
from tests.work import jobs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system limits no memory")
Order = tuple[str, float]


@pytest.fixture
def kept() -> KeptProcess[Order, object]:
    return KeptProcess(jobs.does_as_told, jobs.little)


def test_one_process_answers_all_calls(kept: KeptProcess[Order, object]) -> None:
    first = kept(("pid", 0))
    assert first == kept(("pid", 0)) != os.getpid()
    with pytest.raises(ValueError, match="2 is odd"):
        kept(("raise", 2))
    assert kept(("pid", 0)) == first


def test_one_that_ends_costs_its_task_alone(kept: KeptProcess[Order, object]) -> None:
    assert kept(("die", 9)) == Lost(-9)
    assert kept(("fill", 1000)) == Lost(OUT_OF_MEMORY)
    assert kept(("fill", 10)) == 10


def test_one_that_has_no_task_ends_by_itself_and_another_begins(kept: KeptProcess[Order, object]) -> None:
    first = kept(("idle", 0.05))
    assert isinstance(first, int)
    kept(("pid", 0))  # from here on it waits for 0.05 s
    worker = kept._worker
    assert worker is not None
    assert worker.process is not None
    assert worker.process.wait(10) == 0
    assert kept(("pid", 0)) != first


def test_after_an_interruption_the_next_call_gets_its_own_answer(kept: KeptProcess[Order, object]) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    kept(("pid", 0))
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            kept(("sleep", 0.4))
    finally:
        signal.signal(signal.SIGALRM, before)
    time.sleep(0.1)
    assert kept(("fill", 3)) == 3


def test_a_process_that_was_forked_off_begins_its_own(kept: KeptProcess[Order, object]) -> None:
    ours = kept(("pid", 0))
    child = os.fork()
    if child == 0:
        os._exit(3 if kept(("pid", 0)) != ours else 4)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert kept(("pid", 0)) == ours


def test_a_file_is_where_the_program_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: KeptProcess[str, str] = KeptProcess(os.path.abspath, jobs.little)
    for name in ("one", "another"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        assert kept("file") == str(tmp_path / name / "file")
