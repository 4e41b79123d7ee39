"""Any table as text: CSV, TSV, Excel or Parquet, its delimiter and decimal mark found or named."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.cells import NOT_GIVEN
from benchmark.contracts.dialect import decimal_mark, has_decimal_comma
from benchmark.contracts.sheets import SheetRow, read_sheets
from benchmark.contracts.text import TEXT, text_column
from benchmark.contracts.text_table import TextTable, nearest, read_text_table, require_columns
from benchmark.errors import InputError, Problem
from benchmark.formats.csv import find_delimiter
from benchmark.formats.parquet import read_parquet

MOST_COLUMNS: Final = 2_000
"""Columns of a table of predictions, each of which is looked at: some milliseconds."""
LONGEST_NAME: Final = 500
"""Characters of a column's name."""
WORKBOOKS: Final = (".xlsx", ".xlsm")
PARQUET: Final = (".parquet", ".pq")
_NO_TABLES: Final = {
    ".xls": "save it as .xlsx or CSV (UTF-8)",
    ".ods": "save it as .xlsx or CSV (UTF-8)",
    ".gz": "unpack it",
    ".zip": "unpack it",
    ".bz2": "unpack it",
    ".xz": "unpack it",
    ".json": "save it as a table: CSV, TSV, Excel or Parquet",
    ".jsonl": "save it as a table: CSV, TSV, Excel or Parquet",
    ".ndjson": "save it as a table: CSV, TSV, Excel or Parquet",
    ".pkl": "save it as CSV or Parquet: what is pickled can run code, and is not read",
    ".npy": "save it as a table with named columns: CSV or Parquet",
}
_EXACT: Final = 2.0**53
"""Whole numbers below it are themselves as floating-point numbers."""
THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
"""A number whose comma could part thousands as well as be a decimal mark."""
UNNAMED: Final = re.compile(r"(Unnamed: \d+)?")
"""What pandas calls the column of a row's number, in a file and when it reads that file."""


@dataclass(frozen=True)
class TableForm:
    """How a file is written, where the user says so.

    Attributes:
        sep: Delimiter, or its name; found in the first line by default.
        encoding: Codec.
        decimal: Decimal mark, or its name; found in the cells by default.
        sheet: Sheet of a workbook; the only one with cells by default.
    """

    sep: str | None = None
    encoding: str = "utf-8"
    decimal: str | None = None
    sheet: str | None = None


def read_any_table(path: Path, form: TableForm, required: Sequence[str] = ()) -> TextTable:
    """Read a table with named columns; every cell is text, and ``""`` where the value is missing.

    Args:
        path: The file.
        form: How it is written.
        required: Columns that must be there.

    Raises:
        InputError: It cannot be read or lacks a column, or a workbook has several sheets, or no sheet of the name
            that is given.
    """
    suffix = path.suffix.lower()
    if suffix in _NO_TABLES:
        raise InputError(Problem("is no table that is read here", _NO_TABLES[suffix], path))
    if form.sheet is not None and suffix not in WORKBOOKS:
        raise InputError(Problem("is no workbook with sheets", "leave --sheet out", path, column="--sheet"))
    if suffix in WORKBOOKS:
        table = _from_workbook(path, form.sheet)
    elif suffix in PARQUET:
        table = _from_parquet(path)
    else:
        sep = form.sep or ("\t" if suffix == ".tsv" else find_delimiter(path, form.encoding))
        table = read_text_table(path, sep=sep, encoding=form.encoding)
    _check_column_names(table)
    require_columns(path, list(map(str, table.frame)), required)
    table.decimal = decimal_mark(form.decimal) if form.decimal else _found_decimal(table.frame)
    table.frame = table.frame.drop(
        columns=[c for c in map(str, table.frame) if not c and (table.frame[c] == "").all()]
    )
    return table


def _check_column_names(table: TextTable) -> None:
    """Refuse names of columns with marks that nobody sees, or of no end: they are printed as names of models."""
    if table.frame.shape[1] > MOST_COLUMNS:
        what = f"has {table.frame.shape[1]:,} columns, more than {MOST_COLUMNS:,}"
        raise InputError(Problem(what, "keep the ids, the label and the scores", table.path, 1))
    problems = []
    for name in map(str, table.frame):
        if len(name) > LONGEST_NAME:
            what = f"the name of a column has {len(name):,} characters, more than {LONGEST_NAME}"
            problems.append(Problem(what, "shorten it", table.path, 1, value=f"{name[:50]}..."))
            continue
        hidden = next((mark for mark in name if unicodedata.category(mark) in ("Cc", "Cf")), "")
        if hidden:
            what = f"the name of a column holds the character U+{ord(hidden):04X}, which cannot be seen"
            problems.append(Problem(what, "remove it", table.path, 1, value=name))
    if problems:
        raise InputError(problems)


def _from_workbook(path: Path, sheet: str | None) -> TextTable:
    sheets = {title: rows for title, rows in read_sheets(path) if rows}
    if not sheets:
        raise InputError(Problem("holds no cells", "check that the export finished", path))
    if sheet is not None and sheet not in sheets:
        what = f"is no sheet with cells{nearest(sheet, list(sheets))}"
        raise InputError(Problem(what, f"sheets: {', '.join(sheets)}", path, column="--sheet", value=sheet))
    if sheet is None and len(sheets) > 1:
        what = f"holds {len(sheets)} sheets: {', '.join(map(repr, sheets))}"
        raise InputError(Problem(what, "name the one that is meant: --sheet NAME", path))
    (line, header), *rows = sheets[sheet] if sheet is not None else next(iter(sheets.values()))
    names = [name.strip() for name in header]
    while names and not names[-1]:
        names.pop()
    _check_sheet(path, line, names, rows)
    frame = pd.DataFrame(
        {
            name: text_column(cells[at] if at < len(cells) else "" for _, cells in rows)
            for at, name in enumerate(names)
        }
    )
    return TextTable(path, frame, _lines=[line for line, _ in rows])


def _check_sheet(path: Path, line: int, names: list[str], rows: list[SheetRow]) -> None:
    if not rows:
        raise InputError(Problem("has no rows below its header", "check that the export finished", path))
    problems = _repeated_names(path, names, line)
    beyond = [number for number, cells in rows if any(cells[len(names) :])]
    if beyond:
        what = f"{len(beyond):,} rows have cells beyond the {len(names)} columns of the header"
        problems.append(Problem(what, "name those columns in the first line", path, beyond[0]))
    if problems:
        raise InputError(problems)


def _repeated_names(path: Path, names: list[str], line: int) -> list[Problem]:
    return [
        Problem(f"{times} columns are called {name!r}", "give each its own name", path, line)
        for name, times in Counter(names).items()
        if times > 1
    ]


def _from_parquet(path: Path) -> TextTable:
    frame = read_parquet(path)
    if frame.empty:
        raise InputError(Problem("has no rows", "check that the export finished", path))
    names = [str(name).strip() for name in frame]
    if repeated := _repeated_names(path, names, 1):
        raise InputError(repeated)
    text = pd.DataFrame({name: _cells_as_text(frame[own]) for name, own in zip(names, frame, strict=True)})
    return TextTable(path, text, _lines=range(1, len(text) + 1))


def _cells_as_text(column: pd.Series) -> pd.Series:
    """Cells as text; numbers with all their digits, and whole numbers beside missing ones without a point."""
    missing = column.isna().to_numpy()
    known = column[~missing]
    if column.dtype.kind == "f" and missing.any() and ((known % 1 == 0) & (known.abs() < _EXACT)).all():
        column = column.astype("Int64")
    return text_column("" if gone else str(cell) for cell, gone in zip(column.tolist(), missing, strict=True))


def _found_decimal(frame: pd.DataFrame) -> str:
    """A comma where half of a column are numbers with one that cannot be numbers whose comma parts thousands."""
    for name in map(str, frame):
        cells = frame[name][frame[name].str.contains(",", regex=False)]
        is_most = 2 * len(cells) >= (frame[name] != "").sum()  # one odd id is no decimal mark of a table
        is_decimal = len(cells) > 0 and is_most and all(map(has_decimal_comma, cells))
        if is_decimal and not all(map(THOUSANDS.fullmatch, cells.str.strip())):
            return ","
    return "."


def without_missing(cells: pd.Series) -> pd.Series:
    """Cells without outer blanks, and ``""`` where a word says that there is no value (``NOT_GIVEN``)."""
    known = {cell: "" if cell.strip().lower() in NOT_GIVEN else cell.strip() for cell in cells.unique()}
    return cells.map(known).astype(TEXT)
