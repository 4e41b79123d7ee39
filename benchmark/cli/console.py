"""Printing tables on the terminal: as wide as it is, and no cell is cut."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from shutil import get_terminal_size
from textwrap import fill
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.measure import Measurement
    from rich.table import Column, Table

FILE_WIDTH = 200
"""Characters a line where the output is a file or a pipe; more where a table needs more."""

_ENDLESS = 1_000_000


def show(table: Table) -> None:
    """Print a table on standard output.

    It is as wide as ``COLUMNS`` says, else as the terminal; in a file or pipe as wide as it needs to be for no
    word to be broken. Where it has less room, its columns follow each other in pieces that begin with the first
    column; a word is broken only where it alone has no room.
    """
    from rich.console import Console

    class Passing(Console):
        """Rich itself ends the program with 1 where nobody reads any more."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = Passing(width=stated_width(), soft_wrap=False)
    if not sys.stdout.isatty() and stated_width() is None:
        console.width = max(FILE_WIDTH, _needed_width(console, table))
    for piece in _pieces(console, table):
        _share_room(console, piece)
        console.print(piece)


def tell(text: str) -> None:
    """Print a sentence on standard output, broken between words where a terminal ends; whole in a file or pipe."""
    width = stated_width() or (get_terminal_size().columns if sys.stdout.isatty() else None)
    print(text if width is None else fill(text, width, break_long_words=False, break_on_hyphens=False))  # noqa: T201


def stated_width() -> int | None:
    """What ``COLUMNS`` says; None if it says no number above 0."""
    text = os.environ.get("COLUMNS", "")
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text) < 100_000 else None


def _pieces(console: Console, table: Table) -> list[Table]:
    """The table, or the first column with as many others at a time as there is room for."""
    if _needed_width(console, table) <= console.width:
        return [table]
    from rich.text import Text

    pieces: list[Table] = []
    rest = list(range(1, len(table.columns)))
    while rest or not pieces:
        number = len(rest)
        while number > 1 and _needed_width(console, _with_columns(table, rest[:number])) > console.width:
            number -= 1
        pieces.append(_with_columns(table, rest[:number]))
        rest = rest[number:]
    for piece in pieces[1:]:
        piece.title = Text.assemble(table.title or "", " (continued)")
    for piece in pieces[:-1]:
        piece.caption = None
    return pieces


def _with_columns(table: Table, chosen: Sequence[int]) -> Table:
    """A table with its first column and some others."""
    piece = copy(table)
    columns = [table.columns[number] for number in (0, *chosen)]
    piece.columns = [replace(column, _index=number) for number, column in enumerate(columns)]
    return piece


def _share_room(console: Console, table: Table) -> None:
    """Give each column its longest word, and the rest of the line by what they lack; Rich would break words."""
    columns = [_column_widths(console, column) for column in table.columns]
    least, most = sum(low for low, _ in columns), sum(high for _, high in columns)
    spare = console.width - _needed_width(console, table)
    if spare < 0:
        for column in table.columns:
            column.no_wrap, column.overflow = False, "fold"
    elif spare < most - least:
        for column, (low, high) in zip(table.columns, columns, strict=True):
            column.width = low + spare * (high - low) // (most - least)


def _column_widths(console: Console, column: Column) -> tuple[int, int]:
    """Characters that a column needs (its longest word, or line where it may not wrap), and that it could use."""
    found = [_measured(console, cell) for cell in (column.header, *column.cells)]
    most = max(measured.maximum for measured in found)
    return (most if column.no_wrap else max(measured.minimum for measured in found)), most


def _needed_width(console: Console, table: Table) -> int:
    """Characters that a table needs for what its columns need to stand on one line."""
    whole = _measured(console, table)
    columns = [_column_widths(console, column) for column in table.columns]
    return whole.maximum - sum(high - low for low, high in columns)


def _measured(console: Console, content: RenderableType) -> Measurement:
    from rich.measure import Measurement

    return Measurement.get(console, console.options.update(max_width=_ENDLESS), content)
