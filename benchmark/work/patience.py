"""Waiting no longer than some seconds for what may never come, e.g. a read from a server that is gone."""

from __future__ import annotations

import os
import selectors
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import IO, TypeVar

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


def says_something(stream: IO[bytes], patience: Patience, stopped: Callable[[], bool]) -> bool:
    """Whether a pipe has something to read, or was closed, before patience ends or it is stopped.

    On Windows, where pipes cannot be watched, it is waited for by reading.
    """
    if os.name == "nt":
        return True
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while (turn := patience.turn()) and not stopped():
            if selector.select(turn):
                return True
    return False


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
