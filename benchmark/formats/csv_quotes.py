"""Quotes of a CSV file: one that is not closed where its cell ends takes the rows up to the next one with it."""

from __future__ import annotations

import csv
import io
import re
from functools import cache
from pathlib import Path
from typing import Final

from benchmark.errors import Problem

_TOLD: Final = 6
"""Delimiters in the lines of one cell, each line as wide as a row, from which the cell is taken for lost rows."""
_FIX: Final = "close it where the cell ends, write quotes within a quoted cell twice, or delete it"


def wrong_quotes(path: Path, data: bytes, width: int, sep: str, rows: int) -> list[Problem]:
    """What is wrong with the quotes of a CSV file.

    Args:
        path: The file.
        data: Its bytes in UTF-8.
        width: Cells of a row.
        sep: The delimiter.
        rows: Rows that it is read as; cells are looked into where it has more lines.

    Returns:
        Empty where every quoted cell ends at its closing quote and holds no rows of the table.
    """
    if (end := _end_of_whole_cells(data, sep)) < len(data):
        line = _line_ends(data[:end]) + 1
        closed = _quoted().match(data, end) is not None
        what = "has text behind it" if closed else "is never closed"
        return [Problem(f"quote opened on this line {what}: rows would be lost in its cell", _FIX, path, line)]
    if b'"' not in data or _line_ends(data) <= rows + 1:
        return []
    return _rows_in_cells(path, data, width, sep)


def _end_of_whole_cells(data: bytes, sep: str) -> int:
    """Where the first cell begins that has a quote at its begin and none at its end; the length without any."""
    if b'"' not in data:
        return len(data)
    found = _cells(sep).match(data)
    return found.end() if found else 0


def _line_ends(data: bytes) -> int:
    return max(data.count(b"\n"), data.count(b"\r"))


@cache
def _quoted() -> re.Pattern[bytes]:
    return re.compile(rb'"[^"]*+(?:""[^"]*+)*+"')


@cache
def _cells(sep: str) -> re.Pattern[bytes]:
    """Cells from the begin of a file on; within one that begins without a quote, quotes mean nothing."""
    end = re.escape(sep.encode())
    quoted, plain = _quoted().pattern, rb'[^"' + end + rb"\r\n][^" + end + rb"\r\n]*+"
    quoted += rb"(?:(?!" + end + rb")[ \t])*+"  # some programs write blanks behind it
    return re.compile(rb"(?:(?:" + quoted + rb"|" + plain + rb")?+(?:" + end + rb"|[\r\n]++|\Z))*+")


def _rows_in_cells(path: Path, data: bytes, width: int, sep: str) -> list[Problem]:
    csv.field_size_limit(len(data) + 1)
    problems, begin = [], 1
    reader = csv.reader(io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", newline=""), delimiter=sep)
    for row in reader:
        if any(_holds_rows(cell, place, width, sep) for place, cell in enumerate(row)):
            what = "a cell that begins on this line holds whole rows of the table: is its quote closed too late?"
            problems.append(Problem(what, _FIX, path, begin))
        begin = reader.line_num + 1
    return problems


def _holds_rows(cell: str, place: int, width: int, sep: str) -> bool:
    """Whether the further lines of a cell are as wide as rows, and the last as a row up to the cell's column."""
    if "\n" not in cell and "\r" not in cell:
        return False
    *whole, last = [line.count(sep) for line in cell.splitlines()[1:]] or [0]
    return all(count == width - 1 for count in whole) and last == place and sum(whole) + last >= _TOLD
