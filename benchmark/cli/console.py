"""Printing tables on the terminal: as wide as it is, and no cell is cut."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

FILE_WIDTH = 200
"""Characters a line where the output is a file or a pipe; more where a table needs more."""


def show(table: Table) -> None:
    """Print a table on standard output.

    It is as wide as ``COLUMNS`` says, else as the terminal; in a file or pipe as wide as it needs to be for no
    word to be broken. Where it has less room than that, words are broken, but all of them are there.
    """
    from rich.console import Console

    class Passing(Console):
        """Rich itself ends the program with 1 where nobody reads any more."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = Passing(width=stated_width(), soft_wrap=False)
    needed = _needed_width(console, table)
    if not sys.stdout.isatty() and stated_width() is None:
        console.width = max(FILE_WIDTH, needed)
    if needed > console.width:
        for column in table.columns:
            column.no_wrap, column.overflow = False, "fold"
    console.print(table)


def stated_width() -> int | None:
    """What ``COLUMNS`` says; None if it says no number above 0."""
    text = os.environ.get("COLUMNS", "")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100_000 else None


def _needed_width(console: Console, table: Table) -> int:
    """Characters that a table needs for its longest words to stand on one line."""
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(max_width=1_000_000), table).minimum
