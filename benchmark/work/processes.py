"""Worker processes of this machine: one that dies takes only its task with it."""

from __future__ import annotations

import pickle
import subprocess
import threading
from collections.abc import Callable, Generator, Sequence
from queue import SimpleQueue
from typing import Any

from benchmark.errors import BenchError
from benchmark.work.limits import ENVIRONMENT, OUT_OF_TIME, TaskLimits
from benchmark.work.messages import receive, send
from benchmark.work.patience import Patience, says_something
from benchmark.work.start import worker_command, worker_environment
from benchmark.work.tasks import Lost, Outcome, R, Raised, T

_END = 5.0
"""Seconds after which a process that was killed and does not end is left alone: the system waits for its disk."""


class Processes:
    """Processes that each do one task after the other.

    A task whose process dies is tried once more in a fresh one, unless that one was fresh: what a library broke in
    an earlier task costs no later one. One that went beyond a limit is not: limits are counted from its own start.
    A process whose task waits longer than its limits say is killed; one that even then does not end is left alone.

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
        self.running: set[subprocess.Popen[bytes]] = set()
        self.lock = threading.Lock()
        self.stopped = False

    def serve(self) -> None:
        """Feed one process with tasks, and start another when it dies."""
        process: subprocess.Popen[bytes] | None = None
        try:
            while (item := self._next()) is not None:
                number, task = item
                message = pickle.dumps(task)
                while True:
                    fresh = process is None
                    process = process or self._started()
                    if process is None:
                        return
                    limits = self.limits(task) if self.limits else None
                    patience = Patience(limits.patience) if limits else None
                    if (answer := self._asked(process, message, patience)) is not None:
                        done, value = pickle.loads(answer)  # noqa: S301 (from our own process)
                        self.outcomes.put((number, value if done else Raised(value)))
                        break
                    status, process = self._ended(process, patience), None
                    if fresh or (limits and limits.broken(status)):
                        self.outcomes.put((number, Lost(status)))
                        break
        except Exception as error:
            self.outcomes.put(error)
        finally:
            if process is not None:
                self._ended(process)

    def stop(self) -> None:
        """Hand out no more tasks and kill what runs."""
        with self.lock:
            self.stopped = True
            for process in self.running:
                process.kill()

    def _next(self) -> tuple[int, Any] | None:
        with self.lock:
            return None if self.stopped else next(self.tasks, None)

    def _started(self) -> subprocess.Popen[bytes] | None:
        """A process that has the function; None if the crew was stopped meanwhile."""
        with self.lock:
            if self.stopped:
                return None
            process = subprocess.Popen(  # noqa: S603 (our own words, no shell)
                worker_command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=worker_environment(ENVIRONMENT if self.limits else {}),
            )
            self.running.add(process)
        if self._asked(process, self.function) is None:
            status = self._ended(process)
            if not self.stopped:
                raise BenchError(f"a worker process could not be started (status {status})")
            return None
        return process

    def _asked(
        self, process: subprocess.Popen[bytes], message: bytes, patience: Patience | None = None
    ) -> bytes | None:
        """A process's answer; None if it died, did not give one in time, or the crew was stopped."""
        if process.stdin is None or process.stdout is None:
            return None
        try:
            send(process.stdin, message)
        except BrokenPipeError:
            return None
        if patience is not None and not says_something(process, patience, lambda: self.stopped):
            return None
        return receive(process.stdout)

    def _ended(self, process: subprocess.Popen[bytes], patience: Patience | None = None) -> int:
        """Exit status of a process that is done or died, or was waited for too long."""
        late = patience is not None and patience.left <= 0
        if late:
            process.kill()
        for stream in (process.stdin, process.stdout):
            try:
                if stream:
                    stream.close()
            except BrokenPipeError:
                pass
        try:
            status = process.wait(_END if late or self.stopped else None)
        except subprocess.TimeoutExpired:
            status = OUT_OF_TIME
        with self.lock:
            self.running.discard(process)
        return OUT_OF_TIME if late else status
