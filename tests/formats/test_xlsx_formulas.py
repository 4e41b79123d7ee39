"""Formulas of a workbook: their stored values are read, and none without one is taken for an empty cell."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import openpyxl
import pytest

from benchmark.errors import InputError
from benchmark.formats.xlsx import read_xlsx


def workbook(path: Path, *cells: object) -> Path:
    book = openpyxl.Workbook()
    for cell in ("score", *cells):
        book.active.append(["p", cell])
    book.save(path)
    return path


def rewritten(path: Path, cell: bytes) -> Path:
    """The workbook with cell B2 as another program writes it."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet], times = re.subn(rb'<c r="B2">.*?</c>', cell, parts[sheet])
    assert times == 1
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_formulas_that_were_never_calculated_are_refused(tmp_path: Path) -> None:
    # openpyxl and R's openxlsx store none: the cells were read as scores that are missing.
    path = workbook(tmp_path / "a.xlsx", 0.25, "=0.5*0.3", "=B2/2")
    with pytest.raises(InputError, match="2 formulas have no stored value, B3 first"):
        read_xlsx(path)


def test_stored_values_are_read(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", "=0.5*0.3", 0.25)
    rewritten(path, b'<c r="B2"><f>0.5*0.3</f><v>0.15</v></c>')
    ((_, rows),) = read_xlsx(path)
    assert [row[1] for row in rows] == ["score", 0.15, 0.25]


@pytest.mark.parametrize("stored", [b"<v></v>", b"<v/>", b""])
def test_a_formula_whose_result_is_an_empty_text_is_an_empty_cell(tmp_path: Path, stored: bytes) -> None:
    # As Excel stores =IF(A2="","",1): typed as a text, of no characters.
    path = workbook(tmp_path / "a.xlsx", "=0.5*0.3", 0.25)
    rewritten(path, b'<c r="B2" s="1" t="str"><f>IF(A2="","",1)</f>' + stored + b"</c>")
    ((_, rows),) = read_xlsx(path)
    assert [row[1] for row in rows] == ["score", None, 0.25]
