"""How a CSV file is written: delimiter, codec and decimal mark, as people name them."""

from __future__ import annotations

import codecs
import re
from typing import Final, TypedDict

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from benchmark.errors import InputError, Problem

DELIMITERS: Final = {
    "comma": ",",
    "semicolon": ";",
    "tab": "\t",
    "\\t": "\t",
    "pipe": "|",
    "space": " ",
}
"""Name of a delimiter, or how a shell passes it on → the character."""
DECIMALS: Final = {"comma": ",", "point": ".", ",": ",", ".": "."}
_COMMA_NUMBER: Final = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?", re.ASCII)


class Dialect(TypedDict, total=False):
    """How a user says that a CSV file is written; ``,``, ``utf-8`` and ``.`` where not said."""

    sep: str
    encoding: str
    decimal: str


def delimiter(text: str) -> str:
    """The character that ``--sep`` names.

    Raises:
        InputError: It is neither one character nor a name, or a character that cells are made of.
    """
    found = DELIMITERS.get(text.lower(), text)
    if len(found) != 1 or found.isalnum() or found in '"\r\n\\' or not found.isascii():
        fix = f"give one character, or {', '.join(name for name in DELIMITERS if name.isalpha())}"
        raise InputError(Problem("is no delimiter", fix, column="--sep", value=text))
    return found


def text_codec(text: str) -> str:
    """The name that Python gives to the codec that ``--encoding`` names.

    Raises:
        InputError: There is no such codec, or it is none of text.
    """
    try:
        found = codecs.lookup(text).name
        "a".encode(found)  # base64 and its like are codecs, but not of text
    except (LookupError, ValueError) as error:
        fix = "e.g. utf-8, utf-16, latin-1 or cp1252"
        raise InputError(Problem("is no text encoding", fix, column="--encoding", value=text)) from error
    return found


def decimal_mark(text: str) -> str:
    """The decimal mark, ``.`` or ``,``, that ``--decimal`` names.

    Raises:
        InputError: It is another.
    """
    if text.lower() not in DECIMALS:
        raise InputError(Problem("is no decimal mark", "comma or point", column="--decimal", value=text))
    return DECIMALS[text.lower()]


def has_decimal_comma(cell: str) -> bool:
    """Whether a cell is a number with a decimal comma."""
    return "," in cell and _COMMA_NUMBER.fullmatch(cell.strip()) is not None


def commas_to_points(cells: pd.Series) -> pd.Series:
    """Cells in which numbers with a decimal comma have a point; all other text is left as it is."""
    known = {cell: cell.strip().replace(",", ".") if has_decimal_comma(cell) else cell for cell in cells.unique()}
    return cells.map(known)


def parse_numbers(cells: pd.Series, decimal: str) -> npt.NDArray[np.float64]:
    """Cells as float64 ``(rows,)``; NaN where a cell is no finite number.

    With a decimal comma a point groups thousands, or belongs to another country: such a cell is no number.
    """
    if decimal == ",":
        cells = commas_to_points(cells).where(~cells.str.contains(".", regex=False), "")
    filled = (cells != "").to_numpy(bool)
    values = np.full(len(cells), np.nan)
    values[filled] = _to_doubles(cells[filled])
    return np.where(np.isfinite(values), values, np.nan)


def are_infinite(cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Where a cell says infinity, or a number beyond the largest double: ``(rows,)``."""
    return np.asarray(np.isinf(_to_doubles(cells.str.strip().str.replace("\N{INFINITY}", "inf"))), dtype=np.bool_)


def _to_doubles(cells: pd.Series) -> npt.NDArray[np.float64]:
    """The nearest double of every cell, NaN where it is none; pandas' own parser misses a third by one bit."""
    try:
        exact = pa.array(cells.tolist(), pa.string()).cast(pa.float64())
        return np.asarray(exact.to_numpy(zero_copy_only=False), dtype=np.float64)
    except pa.ArrowInvalid:
        values = pd.to_numeric(cells, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)
        known = np.isfinite(values)
        values[known] = [float(cell) for cell in cells[known]]
        return np.asarray(values, dtype=np.float64)


def number_fix(cells: pd.Series, fix: str, *, options: bool) -> str:
    """What to do about cells that are no numbers: ``fix``, but for numbers with a decimal comma."""
    if len(cells) and all(map(has_decimal_comma, cells)):
        return "a decimal comma? " + ("pass --decimal comma, or write points" if options else "write points")
    return fix
