"""Columns of numbers: scores, percentages, and cells that are neither."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.any_table import THOUSANDS, without_missing
from benchmark.contracts.dialect import are_infinite, parse_numbers
from benchmark.contracts.text_table import INFINITE, TextTable

PARTED_THOUSANDS: Final = r"[+-]?[1-9]\d{0,2}([,.'’ ]\d{3})+([.,]\d+)?"
_BROKEN: Final = rf"#(?:DIV/0!|VALUE!|REF!|NAME\?|NUM!|NULL!)|{PARTED_THOUSANDS}"
"""Cells that were numbers: what a spreadsheet writes for a formula that failed, or parted thousands."""
MOSTLY: Final = 0.5
"""A column of which this share of the filled cells are numbers was meant as one of numbers."""


@dataclass(frozen=True)
class Numbers:
    """A column read as numbers.

    Attributes:
        values: float64 ``(rows,)``, NaN where a cell is missing or no number.
        missing: Where a cell is empty or says that there is no value.
        infinite: Where a cell says infinity, which is no value but no text either.
        percent: Whether all cells were written with ``%``; the values are hundredths of them.
        mixed: Whether some were and others were not: no number with ``%`` is then read.
        foreign: Whether the cells have the decimal mark that the rest of the table has not.
        are_broken: Whether those that are none were numbers once: all are errors of a spreadsheet, or parted.
    """

    values: npt.NDArray[np.float64]
    missing: npt.NDArray[np.bool_]
    infinite: npt.NDArray[np.bool_]
    percent: bool = False
    mixed: bool = False
    foreign: bool = False
    are_broken: bool = False

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Where a cell is no finite number."""
        return np.isnan(self.values) & ~self.missing

    @property
    def known(self) -> npt.NDArray[np.float64]:
        """The numbers that are there."""
        return self.values[~np.isnan(self.values)]

    @property
    def share(self) -> float:
        """Share of the filled cells that are numbers, infinite ones among them; 0 without any."""
        filled = int((~self.missing).sum())
        return (len(self.known) + int(self.infinite.sum())) / filled if filled else 0.0

    @property
    def are_probabilities(self) -> bool:
        """Whether all lie in 0 to 1."""
        return bool(((self.known >= 0) & (self.known <= 1)).all())

    @property
    def are_flags(self) -> bool:
        """Whether there is nothing but 0 and 1."""
        return not self.infinite.any() and bool(np.isin(self.known, (0, 1)).all())

    @property
    def constant(self) -> bool:
        """Whether all are one number, in more than one row."""
        return not self.infinite.any() and len(self.known) > 1 and bool((self.known == self.known[0]).all())


def read_column_of_numbers(table: TextTable, column: str) -> Numbers:
    """A column as numbers; nothing is reported."""
    cells = table.frame[column]
    values = parse_numbers(cells, table.decimal)
    doubtful = np.isnan(values)
    if not doubtful.any():
        return Numbers(values, doubtful, doubtful)
    rest = without_missing(cells[doubtful])
    missing = np.zeros(len(cells), dtype=bool)
    missing[doubtful] = (rest == "").to_numpy(bool)
    infinite = np.zeros(len(cells), dtype=bool)
    infinite[doubtful] = are_infinite(rest)
    rest = rest.mask(infinite[doubtful], "")
    with_sign = np.zeros(len(cells), dtype=bool)
    with_sign[doubtful] = rest.str.endswith("%").to_numpy(bool)
    if not with_sign.any():
        filled = rest[rest != ""]
        foreign = _has_other_mark(filled, table.decimal)
        are_broken = len(filled) > 0 and bool(filled.str.fullmatch(_BROKEN).all())
        return Numbers(values, missing, infinite, foreign=foreign, are_broken=are_broken)
    hundredths = np.full(len(cells), np.nan)
    hundredths[doubtful] = parse_numbers(rest.str.removesuffix("%").str.strip(), table.decimal) / 100
    if not np.isnan(values).all():
        mixed = bool(~np.isnan(hundredths[with_sign]).all())
        return Numbers(values, missing, infinite, mixed=mixed)
    return Numbers(np.where(with_sign, hundredths, np.nan), missing, infinite, percent=True)


def _has_other_mark(cells: pd.Series, decimal: str) -> bool:
    """Whether cells that are no numbers are some with the other decimal mark, and not with parted thousands."""
    other = "." if decimal == "," else ","
    if not len(cells) or np.isnan(parse_numbers(cells, other)).any():
        return False
    return not all(THOUSANDS.fullmatch(cell.replace(".", ",")) for cell in cells)


def report_wrong_numbers(table: TextTable, column: str, numbers: Numbers, fix: str) -> None:
    """Add every cell that is no finite number to the problems of its table."""
    if numbers.foreign:
        other = "point" if table.decimal == "," else "comma"
        what = f"has a decimal {other}, other columns do not"
        table.report(_first(numbers.wrong), column, what, "write one decimal mark in the whole table")
        return
    if numbers.share == 0 and not (numbers.mixed or numbers.are_broken):
        table.report(_first(numbers.wrong), column, "holds no numbers", fix)
        return
    table.report(numbers.infinite, column, INFINITE, fix)
    advice = "write all cells with % or none" if numbers.mixed else fix
    odd = table.frame[column][numbers.wrong & ~numbers.infinite].str.strip()
    if len(odd) and odd.str.fullmatch(PARTED_THOUSANDS).all():
        advice = "thousands? write them without marks between the digits"
    table.report(numbers.wrong & ~numbers.infinite, column, "is not a finite number", advice)


def _first(rows: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(rows), dtype=bool)
    if len(rows):
        found[rows.argmax() if rows.any() else 0] = True
    return found


def add_up_to_one(first: pd.Series, second: pd.Series) -> bool:
    """Whether two columns of scores are the two classes of one model."""
    both = (first + second).dropna()
    return len(both) > 1 and bool(np.allclose(both, 1, atol=1e-3))
