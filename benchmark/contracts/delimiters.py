"""Tables with another delimiter than was expected: recognised where nothing else is possible, else named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmark.contracts.dialect import DELIMITERS, has_decimal_comma
from benchmark.errors import InputError, Problem
from benchmark.formats.csv import read_csv, read_csv_header

_TRIED: Final = ("semicolon", "tab", "comma", "pipe")


def recognised_delimiter(path: Path, required: Sequence[str]) -> str:
    """The delimiter of a table: a comma, unless its header is one cell and another one gives all columns required.

    Args:
        path: The file.
        required: Columns that must be there; without any nothing is recognised.
    """
    header = read_csv_header(path)
    if len(header) == 1 and required and list(required) != header:
        for name in _TRIED:
            if set(required) <= set(read_csv_header(path, DELIMITERS[name])):
                return DELIMITERS[name]
    return ","


def has_column(path: Path, column: str) -> bool:
    """Whether a table has a column, whatever its delimiter."""
    return column in read_csv_header(path, recognised_delimiter(path, (column,)))


def refuse_other_delimiter(
    path: Path, header: Sequence[str], required: Sequence[str], sep: str, encoding: str, *, options: bool
) -> None:
    """Refuse a header of one cell that holds another delimiter, and a line that only Excel understands.

    Args:
        path: The file.
        header: The cells of its first line.
        required: Columns that must be there.
        sep: The delimiter that it was read with.
        encoding: Its codec.
        options: Whether the command has the options ``--sep`` and ``--decimal``.

    Raises:
        InputError: Says what to pass.
    """
    if header and header[0].lower().startswith("sep="):
        what = "begins with a line for Excel alone, not with the names of the columns"
        raise InputError(Problem(what, "delete that line", path, 1, value=sep.join(header)))
    if len(header) != 1 or list(required) == list(header):
        return
    for name in _TRIED:
        other = DELIMITERS[name]
        if other != sep and other in header[0]:
            spelled = "tab" if name == "tab" else f"'{other}'"
            commas = (
                " --decimal comma"
                if options and other != "," and _has_decimal_commas(path, other, encoding)
                else ""
            )
            fix = (
                f"pass --sep {spelled}{commas}, or save it comma-separated"
                if options
                else "save it comma-separated"
            )
            raise InputError(Problem(f"looks {name}-separated", fix, path, 1))


def _has_decimal_commas(path: Path, sep: str, encoding: str) -> bool:
    """Whether a column holds numbers with a comma, and none with a point."""
    try:
        frame = read_csv(path, sep=sep, encoding=encoding)
    except InputError:
        return False
    for _, column in frame.items():  # two may have one name
        cells = [cell for cell in column.unique() if "," in cell or "." in cell]
        if cells and all(map(has_decimal_comma, cells)):
            return True
    return False
