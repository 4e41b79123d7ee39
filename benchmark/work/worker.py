"""The worker process: takes a function and then tasks from its program, and answers each.

Messages are pickled as those of ``multiprocessing`` are: they come from the program that started this process,
never from a file. Unlike with ``multiprocessing``, the program's main module is not imported again.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import IO, Any

from benchmark.work.limits import OUT_OF_MEMORY, TaskLimits, limited, swollen
from benchmark.work.messages import portable, receive, send

READY = b"ready"
IDLE = 60.0
"""Seconds without a task after which a worker with limits ends: the next task starts another."""


def main() -> None:
    """Serve tasks until the program is done or gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # what libraries read and print must not mix with the messages
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    waiting: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    function, limits = _loaded(waiting.get())
    _reply(answers, READY)
    while True:
        try:
            request = waiting.get(timeout=None if limits is None else IDLE)
        except Empty:
            os._exit(0)
        _reply(answers, _answer(function, limits, request))
        if limits is not None and swollen():
            os._exit(0)  # the next task starts another process


def _listen(requests: IO[bytes], waiting: SimpleQueue[bytes]) -> None:
    """Pass requests on; ends the process, whatever it does, as soon as its program is gone."""
    while (request := receive(requests)) is not None:
        waiting.put(request)
    os._exit(0)


def _loaded(request: bytes) -> tuple[Callable[[Any], Any], Callable[[Any], TaskLimits] | None]:
    limits: Callable[[Any], TaskLimits] | None = None
    try:
        function: Callable[[Any], Any]
        function, limits = pickle.loads(request)  # noqa: S301 (from the program that started this process)
    except Exception as error:  # defined in a script or notebook, for example
        why = error

        def function(task: Any) -> Any:  # noqa: ANN401
            raise TypeError(f"the function cannot be loaded by another process: {why}") from why

    return function, limits


def _answer(function: Callable[[Any], Any], limits: Callable[[Any], TaskLimits] | None, request: bytes) -> bytes:
    try:
        task = pickle.loads(request)  # noqa: S301 (from the program that started this process)
        if limits is None:
            return pickle.dumps((True, function(task)))
        with limited(limits(task)):
            return pickle.dumps((True, function(task)))
    except MemoryError as error:
        if limits is not None:
            os._exit(OUT_OF_MEMORY)
        return pickle.dumps((False, portable(error)))
    except Exception as error:
        return pickle.dumps((False, portable(error)))


def _reply(answers: IO[bytes], message: bytes) -> None:
    try:
        send(answers, message)
    except BrokenPipeError:
        os._exit(0)
