"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

Step = Callable[[int, int], None]
"""Called with what is done and how much there is in all."""


@contextmanager
def progress(title: str, *, every: float = 10.0) -> Iterator[Step]:
    """Yield a callback ``step(done, total)`` that shows how far ``title`` has come.

    Args:
        title: What is being done.
        every: Seconds between two plain lines where there is no terminal.
    """
    if sys.stderr.isatty():
        with _bar(title) as step:
            yield step
    else:
        with _lines(title, every) as step:
            yield step


@contextmanager
def _bar(title: str) -> Iterator[Step]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)


@contextmanager
def _lines(title: str, every: float) -> Iterator[Step]:
    begin = last = time.monotonic()
    ended = False

    def step(done: int, total: int) -> None:
        nonlocal last, ended
        now = time.monotonic()
        if done >= total and not ended:
            ended = True
        elif ended or now - last < every:
            return
        last = now
        typer.echo(f"{title}: {done}/{total} ({now - begin:.0f} s)", err=True)

    yield step
