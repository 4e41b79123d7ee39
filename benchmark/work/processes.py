"""Worker processes of this machine: one that dies takes only its task with it."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Generator, Sequence
from queue import SimpleQueue
from typing import Any

from benchmark.work.limits import TaskLimits
from benchmark.work.process import Stopped, WorkerProcess
from benchmark.work.tasks import Outcome, R, T


class Processes:
    """Processes that each do one task after the other (see ``WorkerProcess``).

    Args:
        workers: Number of processes.
        limits: What each task may use up (see ``benchmark.work.limits``); nothing is limited without.
    """

    def __init__(self, workers: int, limits: Callable[[Any], TaskLimits] | None = None) -> None:
        self.workers = workers
        self.limits = limits

    def outcomes(
        self, function: Callable[[T], R], tasks: Sequence[T]
    ) -> Generator[tuple[int, Outcome[R]], None, None]:
        """See ``Executor``.

        Raises:
            BenchError: A process could not be started.
        """
        crew = _Crew(pickle.dumps((function, self.limits)), tasks, self.limits)
        members = [threading.Thread(target=crew.serve, daemon=True) for _ in range(min(self.workers, len(tasks)))]
        for member in members:
            member.start()
        try:
            for _ in range(len(tasks)):
                outcome = crew.outcomes.get()
                if isinstance(outcome, Exception):
                    raise outcome
                yield outcome
        finally:
            crew.stop()
            for member in members:
                member.join()


class _Crew:
    """The processes of one call, a thread for each that feeds it."""

    def __init__(self, function: bytes, tasks: Sequence[Any], limits: Callable[[Any], TaskLimits] | None) -> None:
        self.function = function
        self.limits = limits
        self.tasks = iter(enumerate(tasks))
        self.outcomes: SimpleQueue[tuple[int, Any] | Exception] = SimpleQueue()
        self.workers: set[WorkerProcess] = set()
        self.lock = threading.Lock()
        self.stopped = False

    def serve(self) -> None:
        """Feed one process with tasks."""
        worker = WorkerProcess(self.function, self.limits)
        with self.lock:
            if self.stopped:
                return
            self.workers.add(worker)
        try:
            while (item := self._next()) is not None:
                number, task = item
                self.outcomes.put((number, worker.outcome(task)))
        except Stopped:
            pass
        except Exception as error:
            self.outcomes.put(error)
        finally:
            worker.close()

    def stop(self) -> None:
        """Hand out no more tasks and kill what runs."""
        with self.lock:
            self.stopped = True
            for worker in self.workers:
                worker.stop()

    def _next(self) -> tuple[int, Any] | None:
        with self.lock:
            return None if self.stopped else next(self.tasks, None)
