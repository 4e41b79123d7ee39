"""One worker process of this machine, which is started again when it dies."""

from __future__ import annotations

import pickle
import subprocess
import threading
from collections.abc import Callable
from typing import Any

from benchmark.errors import BenchError
from benchmark.work.limits import ENVIRONMENT, OUT_OF_TIME, TaskLimits
from benchmark.work.messages import receive, send
from benchmark.work.patience import Patience, says_something
from benchmark.work.start import worker_command, worker_environment
from benchmark.work.tasks import Lost, Outcome, Raised

_END = 5.0
"""Seconds after which a process that was killed and does not end is left alone: the system waits for its disk."""


class Stopped(Exception):
    """A worker was stopped while it did a task."""


class WorkerProcess:
    """A process that does one task after the other.

    A task whose process dies is tried once more in a fresh one, unless that one was fresh: what a library broke in
    an earlier task costs no later one. One that went beyond a limit is not: limits are counted from its own start.
    A process whose task waits longer than its limits say is killed; one that even then does not end is left alone.

    Args:
        function: The function and its limits, pickled.
        limits: What each task may use up (see ``benchmark.work.limits``); nothing is limited without.
    """

    def __init__(self, function: bytes, limits: Callable[[Any], TaskLimits] | None) -> None:
        self.function = function
        self.limits = limits
        self.process: subprocess.Popen[bytes] | None = None
        self.lock = threading.Lock()
        self.stopped = False

    def outcome(self, task: Any) -> Outcome[Any]:  # noqa: ANN401
        """What became of a task.

        Raises:
            Stopped: It was stopped meanwhile.
            BenchError: A process could not be started.
        """
        message = pickle.dumps(task)
        limits = self.limits(task) if self.limits else None
        while True:
            fresh = self.process is None
            process = self.process or self._started()
            patience = Patience(limits.patience) if limits else None
            if (answer := self._asked(process, message, patience)) is not None:
                done, value = pickle.loads(answer)  # noqa: S301 (from our own process)
                return value if done else Raised(value)
            status = self._ended(process, patience)
            if self.stopped:
                raise Stopped
            if fresh or (limits and limits.broken(status)):
                return Lost(status)

    def stop(self) -> None:
        """Kill the process, and start no other; for another thread than that which waits for an outcome."""
        with self.lock:
            self.stopped = True
            if self.process is not None:
                self.process.kill()

    def close(self) -> None:
        """Let the process end."""
        if self.process is not None:
            self._ended(self.process)

    def _started(self) -> subprocess.Popen[bytes]:
        """A process that has the function."""
        with self.lock:
            if self.stopped:
                raise Stopped
            process = subprocess.Popen(  # noqa: S603 (our own words, no shell)
                worker_command(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=worker_environment(ENVIRONMENT if self.limits else {}),
            )
            self.process = process
        if self._asked(process, self.function) is None:
            status = self._ended(process)
            if self.stopped:
                raise Stopped
            raise BenchError(f"a worker process could not be started (status {status})")
        return process

    def _asked(
        self, process: subprocess.Popen[bytes], message: bytes, patience: Patience | None = None
    ) -> bytes | None:
        """A process's answer; None if it died, did not give one in time, or was stopped."""
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
            self.process = None
        return OUT_OF_TIME if late else status
