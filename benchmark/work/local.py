"""This process, its threads, and what a number of workers means."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

from benchmark.work.limits import TaskLimits, warn_of_what_is_not_limited
from benchmark.work.processes import Processes
from benchmark.work.tasks import Executor, Outcome, R, Raised, T, WorkersOrPlace


def worker_count(workers: WorkersOrPlace) -> int:
    """How many workers a command starts on this machine: as many as asked for, 0 for none.

    One for each usable core by default, and where the tasks for which ``workers`` is meant run elsewhere.
    """
    if isinstance(workers, int):
        return max(workers, 0)
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processes(workers: WorkersOrPlace, tasks: int) -> Executor:
    """Processes for a number of tasks, never more than tasks; this process where ``workers`` is 0."""
    if workers is not None and not isinstance(workers, int):
        return workers.executor(tasks, None)
    count = min(worker_count(workers), tasks)
    return Processes(count) if count else Here()


def limited_processes(workers: WorkersOrPlace, tasks: int, limits: Callable[[Any], TaskLimits]) -> Executor:
    """Processes that are held to limits, never more than tasks, and at least one: also where ``workers`` is 0.

    Where the system cannot hold them to all of their limits, a warning says so.
    """
    if workers is not None and not isinstance(workers, int):
        return workers.executor(tasks, limits)
    warn_of_what_is_not_limited()
    return Processes(max(1, min(worker_count(workers), tasks)), limits)


def threads(workers: WorkersOrPlace, tasks: int) -> Executor:
    """Threads for a number of tasks, never more than tasks; this thread where one is enough."""
    count = min(worker_count(workers), tasks)
    return Threads(count) if count > 1 else Here()


class Here:
    """One task after the other, in this thread."""

    def outcomes(
        self, function: Callable[[T], R], tasks: Sequence[T]
    ) -> Generator[tuple[int, Outcome[R]], None, None]:
        """See ``Executor``."""
        for number, task in enumerate(tasks):
            yield number, _outcome(function, task)


class Threads:
    """Threads of this process, for work that waits for the disk or lets other threads run.

    Args:
        workers: Number of threads.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def outcomes(
        self, function: Callable[[T], R], tasks: Sequence[T]
    ) -> Generator[tuple[int, Outcome[R]], None, None]:
        """See ``Executor``; a task that runs when this is closed is waited for."""
        pool = ThreadPoolExecutor(self.workers)
        try:
            numbers: dict[Future[Outcome[R]], int] = {
                pool.submit(_outcome, function, task): number for number, task in enumerate(tasks)
            }
            for future in as_completed(numbers):
                yield numbers[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _outcome(function: Callable[[T], R], task: T) -> Outcome[R]:
    try:
        return function(task)
    except Exception as error:
        return Raised(error)
