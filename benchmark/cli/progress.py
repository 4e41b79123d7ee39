"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from benchmark.progress import Progress


@contextmanager
def progress(title: str, /, *, every: float = 10.0) -> Iterator[Progress]:
    """Yield a `Progress` that shows how far ``title`` has come; its lines are not shown.

    Args:
        title: What is being done.
        every: Seconds between two plain lines where there is no terminal.
    """
    if sys.stderr.isatty():
        with _rich_bar(title) as bar:
            yield bar
    else:
        with _plain_lines(title, every) as lines:
            yield lines


@contextmanager
def _rich_bar(title: str) -> Iterator[Progress]:
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=None)

        def move_bar(done: int, total: int, text: str = "", /) -> None:
            del text
            bars.update(task, completed=done, total=total)

        yield move_bar


@contextmanager
def _plain_lines(title: str, every: float) -> Iterator[Progress]:
    begin = last = time.monotonic()
    ended = False

    def print_line(done: int, total: int, text: str = "", /) -> None:
        nonlocal last, ended
        del text
        now = time.monotonic()
        if done >= total and not ended:
            ended = True
        elif ended or now - last < every:
            return
        last = now
        typer.echo(f"{title}: {done}/{total} ({now - begin:.0f} s)", err=True)

    yield print_line
