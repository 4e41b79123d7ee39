"""Dates of scans: read one way wherever they order or compare, and refused where they can mean two things.

``20010315``, ``2001-03-15`` and ISO date and time (``2001-03-15T10:30``) are dates, and so is a year alone, which
is all that some systems write. Two dates that agree as far as both go (a year and a day in it) cannot be ordered.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.text import TEXT
from benchmark.contracts.text_table import TextTable

NO_DATE: Final = "is no date YYYYMMDD or YYYY-MM-DD"
_CLOCK: Final = r"(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,9}))?)?"
_DAY: Final = re.compile(
    rf"(?P<year>\d{{4}})(?P<dash>-?)(?P<month>\d{{2}})(?P=dash)(?P<day>\d{{2}})(?:[T ]{_CLOCK})?", re.ASCII
)
_YEAR: Final = re.compile(r"(19|2[01])\d\d", re.ASCII)
"""A year alone; other numbers of four digits may count days."""
_FORMATS: Final = {
    r"\d{1,2}/\d{1,2}/\d{4}": "'%m/%d/%Y' if the month comes first, else '%d/%m/%Y'",
    r"\d{1,2}-\d{1,2}-\d{4}": "'%m-%d-%Y' if the month comes first, else '%d-%m-%Y'",
    r"\d{1,2}\.\d{1,2}\.\d{4}": "'%d.%m.%Y'",
    r"\d{4}/\d{1,2}/\d{1,2}": "'%Y/%m/%d'",
    r"\d{4}-(\d-\d{1,2}|\d\d-\d)": "'%Y-%m-%d'",
    r"\d{1,2}-[A-Za-z]{3}-\d{4}": "'%d-%b-%Y'",
    r"\d{8}\.0": "'%Y%m%d.0'",
}
"""Forms of cells that are no date here, and how pandas reads them."""


def canonical_date(text: str) -> str:
    """A date as text that sorts in time: ``2001``, ``20010315`` or ``20010315T103000``; empty if it is none.

    Midnight is what programs write for a day without a time, so it is left out.
    """
    text = text.strip()
    if _YEAR.fullmatch(text):
        return text
    match = _DAY.fullmatch(text)
    if match is None:
        return ""
    hour, minute, second = (int(match[name] or 0) for name in ("hour", "minute", "second"))
    try:
        moment = datetime.datetime(
            int(match["year"]), int(match["month"]), int(match["day"]), hour, minute, second
        )
    except ValueError:
        return ""
    fraction = (match["fraction"] or "").rstrip("0")
    clock = f"T{moment:%H%M%S}{fraction}" if fraction or moment.time() != datetime.time() else ""
    return f"{match['year']}{match['month']}{match['day']}{clock}"


def canonical_dates(cells: pd.Series) -> pd.Series:
    """``canonical_date`` of every cell; empty where it is missing or no date (see ``report_dates``)."""
    known = {cell: canonical_date(str(cell)) for cell in cells.dropna().unique()}
    found = [known.get(cell, "") if isinstance(cell, str) else "" for cell in cells]
    return pd.Series(found, index=cells.index, name=cells.name, dtype=TEXT)


def no_dates(cells: pd.Series) -> npt.NDArray[np.bool_]:
    """Which cells are neither missing nor a date ``(rows,)``."""
    filled = [not pd.isna(cell) and str(cell).strip() != "" for cell in cells]
    return np.asarray(filled, dtype=bool) & (canonical_dates(cells) == "").to_numpy(bool)


def report_dates(table: TextTable, column: str, *, days: bool = False) -> None:
    """Report every cell of a column that is neither empty nor a date, and how to convert it.

    Args:
        table: The file.
        column: The column.
        days: Every cell must be a day: neither empty nor a year alone.
    """
    cells = table.frame[column]
    bad = (canonical_dates(cells).str.len() < len("YYYYMMDD")).to_numpy(bool) if days else no_dates(cells)
    fixes = cells[bad].map({value: how_to_convert(value) for value in pd.unique(cells[bad])})
    for fix in pd.unique(fixes):
        rows = np.zeros(len(cells), dtype=bool)
        rows[np.flatnonzero(bad)[(fixes == fix).to_numpy(bool)]] = True
        table.report(rows, column, NO_DATE, str(fix))


def how_to_convert(value: str) -> str:
    """What to do about a cell that is no date."""
    fix = "write 20010315 or 2001-03-15"
    form = next((form for cell, form in _FORMATS.items() if re.fullmatch(cell, value.strip(), re.ASCII)), None)
    if form is None:
        return fix
    return f"{fix}; pandas.to_datetime(dates, format=F).dt.strftime('%Y-%m-%d') does it, with F = {form}"


def same_date(one: str, other: str) -> bool:
    """Whether two canonical dates agree as far as both go: ``1999`` and ``19990102`` do."""
    return bool(one and other) and (one.startswith(other) or other.startswith(one))


def first_or_last(keys: Sequence[pd.Series], dates: pd.Series, *, last: bool) -> npt.NDArray[np.bool_]:
    """Rows whose date may be the last (or first) of their group ``(rows,)``.

    Args:
        keys: Columns that tell the group of a row, e.g. the patient.
        dates: Canonical dates, none of them empty in a group of several rows.
        last: The last, else the first.

    Returns:
        Exactly one row a group where the dates decide; several where they are equal or agree as far as both go.
    """
    names, codes = np.unique(dates.to_numpy(dtype=object).astype(str), return_inverse=True)
    code = pd.Series(codes, index=dates.index)
    best = code.groupby(list(keys), sort=False).transform("max" if last else "min").to_numpy(dtype=np.int64)
    pairs = zip(dates, names[best], strict=True)
    return np.fromiter((date == str(chosen) or same_date(date, str(chosen)) for date, chosen in pairs), dtype=bool)
