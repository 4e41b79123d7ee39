"""Tasks on a Ray cluster: core tasks, a bounded number of them on their way at a time.

A task with limits runs in a limited process of its own beside Ray's worker, as on one machine: what reads a
damaged file brings down neither the worker nor its node. Messages are pickled by the two ends of one program; none
is read from a file.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from benchmark import __version__
from benchmark.errors import InputError, Problem
from benchmark.work.limits import TaskLimits
from benchmark.work.messages import portable
from benchmark.work.process import WorkerProcess
from benchmark.work.ray_tokens import require_token
from benchmark.work.start import working_folder
from benchmark.work.tasks import Lost, Outcome, R, Raised, T

DEATHS = 2
"""Times that a task is tried again whose worker or node died."""
AHEAD = 2
"""Tasks on their way for each processor of the cluster."""
CONNECTING = 10.0
"""Seconds that the port of a cluster may take to answer."""
_held: dict[bytes, WorkerProcess] = {}
"""The limited process of a Ray worker, by what it does."""


@dataclass(frozen=True)
class RayCluster:
    """A Ray cluster, and how much of it is taken.

    Attributes:
        address: Where it is: ``auto``, ``ray://HOST:PORT``, or ``local`` for one that ends with this program.
        workers: How many tasks run at a time; by default as many as it has processors (or GPUs).
        insecure: Join one on another machine without a token (see ``require_token``).
    """

    address: str = "auto"
    workers: int | None = None
    insecure: bool = False

    def connected(self) -> Any:  # noqa: ANN401
        """See the function of this name."""
        return connected(self.address, insecure=self.insecure)


@dataclass(frozen=True)
class RayTasks(RayCluster):
    """Tasks of one processor each.

    Attributes:
        limits: What each task may use up (see ``benchmark.work.limits``); nothing is limited without.
    """

    limits: Callable[[Any], TaskLimits] | None = None

    def outcomes(
        self, function: Callable[[T], R], tasks: Sequence[T]
    ) -> Generator[tuple[int, Outcome[R]], None, None]:
        """See ``Executor``; a task whose worker or node died is tried ``DEATHS`` times more.

        Raises:
            InputError: There is no cluster at the address, or it is elsewhere and has no tokens.
        """
        ray = self.connected()
        shared = ray.put(pickle.dumps((function, self.limits)))
        remote = ray.remote(num_cpus=1, max_retries=DEATHS)(run_in_worker)
        window = self._window(int(ray.cluster_resources().get("CPU", 1)))
        left = iter(enumerate(tasks))
        running: dict[Any, int] = {}

        def send() -> None:
            for number, task in islice(left, window - len(running)):
                running[remote.remote(__version__, shared, pickle.dumps(task))] = number

        try:
            send()
            while running:
                ready, _ = ray.wait(list(running), num_returns=1)
                done = [(running.pop(reference), reference) for reference in ready]
                send()  # before whoever takes the result has dealt with it
                for number, reference in done:
                    yield number, outcome_of(ray, reference)
        finally:
            for reference in running:
                ray.cancel(reference, force=True)

    def _window(self, processors: int) -> int:
        """Tasks on their way: more than run at a time, unless the cluster would run more than were asked for."""
        if self.workers is not None and self.workers < processors:
            return self.workers
        return AHEAD * max(1, processors, self.workers or 0)


def run_in_worker(version: str, shared: bytes, message: bytes) -> bytes:
    """Do a task, in a Ray worker.

    Args:
        version: Of the program that sent the task. Another one here is refused: it may compute other numbers.
        shared: The function and its limits, pickled.
        message: The task, pickled.

    Returns:
        What became of it, pickled.
    """
    if version != __version__:
        what = f"the Ray node {socket.gethostname()} has nodule-bench {__version__}, and this program is {version}"
        return pickle.dumps(Raised(InputError(Problem(what, "install the same version on all nodes"))))
    _leave_a_folder_that_is_gone()
    function, limits = pickle.loads(shared)  # noqa: S301 (from the program that sent the task)
    task = pickle.loads(message)  # noqa: S301 (from the program that sent it)
    if limits is None:
        try:
            return pickle.dumps(function(task))
        except Exception as error:
            return pickle.dumps(Raised(portable(error)))
    if shared not in _held:
        for worker in _held.values():
            worker.close()
        _held.clear()
        _held[shared] = WorkerProcess(shared, limits)
    outcome = _held[shared].outcome(task)
    return pickle.dumps(Raised(portable(outcome.error)) if isinstance(outcome, Raised) else outcome)


def _leave_a_folder_that_is_gone() -> None:
    """Workers of a cluster that ends with its program begin in one (`_in_an_empty_folder`); torch dies there."""
    if working_folder() is None:
        os.chdir(Path(sys.executable).anchor)


def connected(address: str, *, insecure: bool = False) -> Any:  # noqa: ANN401
    """The module ``ray``, connected to a cluster.

    Raises:
        InputError: There is none at the address, or it is elsewhere and has no tokens (see ``require_token``).
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if ray.is_initialized():
        return ray
    require_token(address, insecure=insecure)
    options: dict[str, Any] = {"log_to_driver": False}
    if address == "local":
        options |= {"include_dashboard": False, "_node_ip_address": "127.0.0.1"}
    try:
        _require_answer(address)
        with _in_an_empty_folder():
            ray.init(address, **options)
    except Exception as error:  # Ray raises plain ones too, e.g. where it does not start within 30 s
        ray.shutdown()
        fix = "start one with `ray start --head`, or give --address ray://HOST:10001, or local for this machine"
        what = f"no Ray cluster answers: {' '.join(str(error).split())[:200]}"
        raise InputError(Problem(what, fix, column="--address", value=address)) from error
    return ray


def _require_answer(address: str) -> None:
    """Raise an ``OSError`` or ``ValueError`` where nobody listens at an address: Ray would wait for minutes."""
    if address in ("auto", "local"):
        return
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdigit():
        raise ValueError("it names no host and port")
    with socket.create_connection((host, int(port)), CONNECTING):
        pass


@contextmanager
def _in_an_empty_folder() -> Iterator[None]:
    """Ray's workers search the folder in which a program connects before all others, for any module."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as empty:
        os.chdir(empty)
        try:
            yield
        finally:
            os.chdir(before)


def outcome_of(ray: Any, reference: Any) -> Outcome[Any]:  # noqa: ANN401
    """What became of a task of this program; ``Lost`` where its process died each time."""
    errors = ray.exceptions
    died = (
        errors.WorkerCrashedError, errors.NodeDiedError, errors.OutOfMemoryError, errors.ObjectLostError,
        errors.RayActorError,
    )  # fmt: skip
    try:
        return pickle.loads(ray.get(reference))  # noqa: S301 (from our own function, run by Ray)
    except died as error:
        return Lost(-9, f"{type(error).__name__}, {1 + DEATHS} times")
