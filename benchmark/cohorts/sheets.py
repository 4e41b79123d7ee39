"""Workbooks and CSV copies of them as rows of text."""

from __future__ import annotations

import csv
import io
import warnings
from pathlib import Path
from typing import Any

from benchmark.errors import InputError, Problem

SheetRow = tuple[int, list[str]]
"""Line in the sheet (from 1) and its cells as text."""


def read_sheets(path: Path) -> list[tuple[str, list[SheetRow]]]:
    """Every sheet of a workbook, or the one table of a CSV file.

    Returns:
        Name of each sheet and its rows that are not blank. Whole numbers carry no decimal point.

    Raises:
        InputError: The file is no workbook and no text.
    """
    if path.suffix.lower() in (".xlsx", ".xlsm"):
        return _read_workbook(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(Problem("is not UTF-8", "save it as CSV (UTF-8) or as xlsx", path)) from error
    sep = ";" if text.split("\n", 1)[0].count(";") > text.split("\n", 1)[0].count(",") else ","
    rows = [(line, [cell.strip() for cell in row]) for line, row in _csv_rows(text, sep)]
    return [(path.name, [(line, cells) for line, cells in rows if any(cells)])]


def _csv_rows(text: str, sep: str) -> list[SheetRow]:
    rows, begin = [], 1
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sep)
    for row in reader:
        rows.append((begin, row))
        begin = reader.line_num + 1
    return rows


def _read_workbook(path: Path) -> list[tuple[str, list[SheetRow]]]:
    import openpyxl

    try:
        with warnings.catch_warnings():
            # openpyxl warns of Excel extensions that it drops; values are not among them.
            warnings.simplefilter("ignore", UserWarning)
            book = openpyxl.load_workbook(path, data_only=True)
    except Exception as error:  # a damaged archive fails anywhere in zip, XML or openpyxl, each with its own error
        raise InputError(Problem(f"is no Excel workbook ({error})", "download it again", path)) from error
    sheets = []
    for sheet in book.worksheets:
        rows = [(line, [_cell_as_text(cell) for cell in row]) for line, row in enumerate(sheet.values, 1)]
        sheets.append((sheet.title, [(line, cells) for line, cells in rows if any(cells)]))
    return sheets


def _cell_as_text(cell: Any) -> str:  # noqa: ANN401
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip().replace("\u00a0", " ").strip()
