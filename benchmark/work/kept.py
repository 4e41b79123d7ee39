"""A limited process that is kept from call to call: for readers of one file whose libraries load slowly."""

from __future__ import annotations

import os
import pickle
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

from benchmark.work.limits import TaskLimits, warn_of_what_is_not_limited
from benchmark.work.process import WorkerProcess
from benchmark.work.start import working_folder
from benchmark.work.tasks import Lost, R, Raised, T


class KeptProcess(Generic[T, R]):
    """One function, called in a process of its own that is held to limits.

    It begins with the first call and ends with this program, after a minute without a call (see
    ``benchmark.work.worker``), or by a task; the next call begins another.

    Args:
        function: What is called; it and its tasks and results must be picklable.
        limits: What each task may use up.
    """

    def __init__(self, function: Callable[[T], R], limits: Callable[[T], TaskLimits]) -> None:
        self._limits: Callable[[Any], TaskLimits] = _InItsFolder(limits)
        self._message = pickle.dumps((_InItsFolder(function), self._limits))
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._owner = 0

    def __call__(self, task: T) -> R | Lost:
        """The function's result for a task, or ``Lost`` where the process did not live to send it.

        Raises:
            Exception: What the function raised.
        """
        warn_of_what_is_not_limited()
        with self._lock:
            if self._worker is None or self._owner != os.getpid():  # a fork must not share its parent's process
                self._worker, self._owner = WorkerProcess(self._message, self._limits), os.getpid()
                weakref.finalize(self, self._worker.close)
            try:
                outcome = self._worker.outcome((working_folder(), task))
            except BaseException:  # Ctrl-C: its answer would be taken for that of the next task
                self._worker.stop()
                self._worker = None
                raise
        if isinstance(outcome, Raised):
            raise outcome.error
        result: R | Lost = outcome
        return result


@dataclass(frozen=True)
class _InItsFolder(Generic[T, R]):
    """A function of a task that may name files relative to where its program is, which may have moved."""

    function: Callable[[T], R]

    def __call__(self, call: tuple[Path | None, T]) -> R:
        folder, task = call
        if folder is not None and folder != working_folder():
            os.chdir(folder)
        return self.function(task)
