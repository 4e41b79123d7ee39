"""Workbooks and CSV copies of them as rows of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.formats.csv import read_csv_rows
from benchmark.formats.xlsx import read_xlsx

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
        sheets = []
        for title, values in read_xlsx(path):
            rows = [(line, [_cell_as_text(cell) for cell in row]) for line, row in enumerate(values, 1)]
            sheets.append((title, [(line, cells) for line, cells in rows if any(cells)]))
        return sheets
    rows = [(line, [cell.strip() for cell in row]) for line, row in read_csv_rows(path)]
    return [(path.name, [(line, cells) for line, cells in rows if any(cells)])]


def _cell_as_text(cell: Any) -> str:  # noqa: ANN401
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip().replace("\u00a0", " ").strip()
