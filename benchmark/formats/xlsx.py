"""Excel workbooks as rows of values."""

from __future__ import annotations

import io
import warnings
import zipfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import refusing, require_regular
from benchmark.redaction import note_values

LARGEST: Final = 32 * 2**20
"""Bytes of a workbook, and of all its parts once unpacked: some 300,000 cells, which take ten seconds."""
MOST_PARTS: Final = 1000
MOST_ROWS: Final = 1_048_576
"""Rows of a sheet, as Excel has it."""
MOST_CELLS: Final = 5_000_000
"""Cells of all rows, each as long as its last cell: one cell in the last column counts as 16,384."""
_FIX: Final = "save the table alone as CSV (UTF-8)"


def read_xlsx(path: Path | str) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Name of each sheet of a workbook and its rows from the first line on; empty cells are None.

    Formulas are read as the values that Excel stored.

    Raises:
        InputError: It is missing, no workbook, damaged, too large once unpacked, or its cells lie too far apart.
    """
    path = require_regular(path, LARGEST)
    import openpyxl

    with (
        refusing(path, "is no Excel workbook", "download it again"),
        warnings.catch_warnings(),
        path.open("rb") as stream,  # openpyxl leaves a file open that it refuses
        redirect_stdout(io.StringIO()),  # and prints what it misses
    ):
        # openpyxl warns of Excel extensions that it drops; values are not among them.
        warnings.simplefilter("ignore", UserWarning)
        _require_small(path)
        # Merged cells, drawings and styles are not built in this mode: a merged range can have 10¹⁰ cells.
        book = openpyxl.load_workbook(stream, data_only=True, read_only=True, keep_links=False)
        try:
            left = MOST_CELLS
            sheets = []
            for sheet in book.worksheets:
                rows = _rows_of_sheet(sheet, path, left)
                left -= sum(map(len, rows))
                sheets.append((str(sheet.title), rows))
            note_values(sheets)
            return sheets
        finally:
            book.close()


def _rows_of_sheet(sheet: Any, path: Path, most: int) -> list[tuple[Any, ...]]:  # noqa: ANN401
    sheet.reset_dimensions()  # what a file says of its own size is not to be believed
    rows: list[tuple[Any, ...]] = []
    pending = 0
    for number, row in enumerate(sheet.values, 1):
        most -= len(row)
        if number > MOST_ROWS or most < 0:
            what = f"the cells of sheet {sheet.title!r} lie too far apart, or are more than {MOST_CELLS:,}"
            raise InputError(Problem(what, _FIX, path, number))
        if any(cell is not None for cell in row):
            rows += [()] * pending
            rows.append(row)
            pending = 0
        else:
            pending += 1
    return rows


def _require_small(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST:
            what = f"unpacks to more than {LARGEST >> 20} MiB or {MOST_PARTS} parts"
            raise InputError(Problem(what, _FIX, path))
        for part in parts:
            with archive.open(part) as stream:
                if b"<!DOCTYPE" in stream.read(4096):
                    raise InputError(Problem("declares entities, which no program writes", _FIX, path))
