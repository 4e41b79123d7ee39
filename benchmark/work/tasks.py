"""Run one function over many tasks with an executor, and get what became of each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from benchmark.work.limits import TaskLimits

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Lost:
    """What a task became whose worker died.

    Attributes:
        status: Exit status of the worker; ``-n`` if signal ``n`` ended it.
        why: What is known besides, e.g. that a whole machine went, as the end of a sentence; often nothing.
    """

    status: int
    why: str = ""

    @property
    def death(self) -> str:
        """How the worker died, as the end of a sentence."""
        return f"died ({self.why or f'status {self.status}'})"


@dataclass(frozen=True)
class Raised:
    """What a task became that raised an error.

    Attributes:
        error: The error.
    """

    error: Exception


Outcome: TypeAlias = R | Lost | Raised
"""The result of a task, or why there is none."""


class Executor(Protocol):
    """Somewhere to run tasks."""

    def outcomes(
        self, function: Callable[[T], R], tasks: Sequence[T]
    ) -> Generator[tuple[int, Outcome[R]], None, None]:
        """Number and outcome of every task, as they finish; closing it ends what runs and starts nothing more."""
        ...


class Elsewhere(Protocol):
    """Other machines than this one: what commands give to library functions in place of a number of workers."""

    def executor(self, tasks: int, limits: Callable[[Any], TaskLimits] | None) -> Executor:
        """An executor for a number of tasks, each of which is held to its limits, if there are any."""
        ...


WorkersOrPlace: TypeAlias = int | Elsewhere | None
"""Processes of this machine, 0 for none where that can be, None for one a usable core; or where else tasks run."""


def run(tasks: Sequence[T], function: Callable[[T], R], executor: Executor) -> Generator[R | Lost, None, None]:
    """Apply a function to every task.

    Nothing runs after the generator was closed: wrap it in ``contextlib.closing`` where the loop over it can end
    early, also by ``KeyboardInterrupt``.

    Args:
        tasks: The tasks. For ``Processes`` they, the function and its results must be picklable.
        function: Is called with each task; its result may depend on the task alone.
        executor: Where it runs. What is yielded is the same for all of them.

    Yields:
        The results in the order of the tasks; ``Lost`` for one whose worker died.

    Raises:
        Exception: What the function raised, of the first task that did.
    """
    early: dict[int, Outcome[R]] = {}
    due = 0
    with closing(executor.outcomes(function, tasks)) as outcomes:
        for number, outcome in outcomes:
            early[number] = outcome
            while due in early:
                yield _value_or_raise(early.pop(due))
                due += 1


def finished(
    tasks: Sequence[T], function: Callable[[T], R], executor: Executor
) -> Generator[tuple[int, R | Lost], None, None]:
    """As ``run``, but number and result of each task as soon as it is finished."""
    with closing(executor.outcomes(function, tasks)) as outcomes:
        for number, outcome in outcomes:
            yield number, _value_or_raise(outcome)


def _value_or_raise(outcome: Outcome[R]) -> R | Lost:
    if isinstance(outcome, Raised):
        raise outcome.error
    return outcome
