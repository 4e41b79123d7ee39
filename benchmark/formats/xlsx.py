"""Excel workbooks as rows of values."""

from __future__ import annotations

import io
import re
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
_SHEETS: Final = "xl/worksheets/"
_UNCALCULATED: Final = re.compile(
    rb"<c\b([^<>]*+)>\s*+<f\b(?:[^<>]*+>[^<]*+</f>|[^<>]*?/>)\s*+(?:<v\s*+/>|<v>\s*+</v>)?+\s*+</c>"
)
_TYPED_AS_TEXT: Final = re.compile(rb"""\bt=["']str["']""")
_PLACE: Final = re.compile(rb"""\br=["']([A-Z]{1,3}\d{1,7})["']""")


def read_xlsx(path: Path | str) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Name of each sheet of a workbook and its rows from the first line on; empty cells are None.

    Formulas are read as the values that Excel stored.

    Raises:
        InputError: It is missing, no workbook, damaged, too large once unpacked, its cells lie too far apart, or a
            formula has no stored value.
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
        _require_small_and_calculated(path)
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


def _require_small_and_calculated(path: Path) -> None:
    problems = []
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > LARGEST:
            what = f"unpacks to more than {LARGEST >> 20} MiB or {MOST_PARTS} parts"
            raise InputError(Problem(what, _FIX, path))
        for part in parts:
            with archive.open(part) as stream:
                content = stream.read()
            if b"<!DOCTYPE" in content[:4096]:
                raise InputError(Problem("declares entities, which no program writes", _FIX, path))
            if places := _without_stored_value(content) if part.filename.startswith(_SHEETS) else []:
                what = (
                    f"{len(places):,} formulas have no stored value, {places[0]} first: they would read as empty"
                )
                problems.append(Problem(what, "open and save it in Excel or LibreOffice, which calculate", path))
    if problems:
        raise InputError(problems)


def _without_stored_value(sheet: bytes) -> list[str]:
    """Cells of a sheet whose formula nobody calculated; where the result is an empty text, the cell is of text."""
    return [
        place.group(1).decode(errors="replace") if (place := _PLACE.search(found.group(1))) else "a cell"
        for found in _UNCALCULATED.finditer(sheet)
        if not _TYPED_AS_TEXT.search(found.group(1))
    ]
