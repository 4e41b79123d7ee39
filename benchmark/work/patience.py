"""Waiting no longer than some seconds for what may never come, e.g. a read from a server that is gone."""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from subprocess import Popen
from typing import TypeVar

R = TypeVar("R")

_TURN = 0.5


class Patience:
    """Seconds of the clock that are left to wait.

    Those in which this program did not run, because it was stopped (Ctrl-Z) or the machine slept, do not count.

    Args:
        seconds: To wait together.
    """

    def __init__(self, seconds: float) -> None:
        self.left = seconds
        self._seen = time.monotonic()

    def turn(self) -> float:
        """How long to wait now, after which this is asked again; 0 when all are used up."""
        now = time.monotonic()
        self.left -= min(now - self._seen, 2 * _TURN)
        self._seen = now
        return min(max(self.left, 0.0), _TURN)

    def give_back(self) -> None:
        """Let the time since ``turn`` was asked last not count."""
        self._seen = time.monotonic()


def says_something(process: Popen[bytes], patience: Patience, stopped: Callable[[], bool]) -> bool:
    """Whether a process answers, or ends, before patience does or it is stopped.

    Time in which it used the processor does not count, where the system tells (Linux): that is limited by itself,
    and on a busy machine a little of it takes long. On Windows, where pipes cannot be watched, nothing counts.
    """
    if os.name == "nt" or process.stdout is None:
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        used = _ticks(process.pid)
        while (turn := patience.turn()) and not stopped():
            if selector.select(turn):
                return True
            before, used = used, _ticks(process.pid)
            if used != before:
                patience.give_back()
    return False


def _ticks(process: int) -> int:
    """Processor time that a process has used, in the system's ticks; 0 where it does not say."""
    try:
        fields = (
            Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        return int(fields[11]) + int(fields[12])
    except (OSError, ValueError, IndexError):
        return 0


def within(seconds: float, function: Callable[[], R]) -> R:
    """What a function returns, if it does so in time; else it goes on in a thread that nothing waits for.

    Args:
        seconds: See ``Patience``.
        function: What may never return.

    Raises:
        TimeoutError: It did not return in time.
        Exception: What it raised.
    """
    results: SimpleQueue[tuple[R | None, BaseException | None]] = SimpleQueue()

    def answer() -> None:
        try:
            results.put((function(), None))
        except BaseException as error:
            results.put((None, error))

    threading.Thread(target=answer, daemon=True).start()
    patience = Patience(seconds)
    while turn := patience.turn():
        try:
            result, error = results.get(timeout=turn)
        except Empty:
            continue
        if error is not None:
            raise error
        return result  # type: ignore[return-value]
    raise TimeoutError(f"took more than {seconds:g} s")
