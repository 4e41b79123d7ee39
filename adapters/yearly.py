"""Risks of several years in one file: which columns they are, and which of them a binary endpoint is judged by."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import AdapterOptions, Predictions
from adapters.tables import Tables
from benchmark.contracts.scores import LAST_YEAR, YEARS
from benchmark.errors import InputError, Problem

_NAMED = re.compile(r"(?:.*[^a-z0-9])?y(?:ea)?r?[ _.-]?0?([1-9]\d?)(?:[ _.-]?risk)?", re.IGNORECASE)

_HORIZON = r"^(?:y(?:ea)?r?s?[ _.-]?)?0?([1-9]\d?)(?:\.0+)?(?:[ _.-]?y(?:ea)?r?s?)?$"


def columns_of_years(columns: Sequence[str], file: Path) -> dict[str, str]:
    """``year1``, ``year2``, ... → column of a file that is called so, such as ``sybil_year1`` or ``Year 1``.

    Raises:
        InputError: There is none, or two could be the same year.
    """
    found: dict[str, list[str]] = {}
    for column in columns:
        named = _NAMED.fullmatch(column.strip())
        if named and f"year{named[1]}" in YEARS:
            found.setdefault(f"year{named[1]}", []).append(column)
    twice = [f"{', '.join(names)} could each be {year}" for year, names in found.items() if len(names) > 1]
    fix = "name them: --column year1=NAME --column year2=NAME"
    if twice or not found:
        raise InputError(Problem("; ".join(twice) or "has no columns such as year1, year2", fix, file, 1))
    return {year: found[year][0] for year in YEARS if year in found}


def with_horizons(
    frame: pd.DataFrame, tables: Tables, column: str, year: int | None
) -> tuple[pd.DataFrame, npt.NDArray[np.int64], list[str]]:
    """A row a case and a column a year from a row a case and horizon.

    Args:
        frame: A row a row of the files, with ``score``.
        tables: The files.
        column: Their column of horizons, whole years: ``3``, ``3.0``, ``year3``, ``3 years``.
        year: Whose risk is the score; the last by default.

    Returns:
        The frame of ``Predictions``, the row of the files that each case first stands in, and the years.

    Raises:
        InputError: A horizon is no year, a case stands twice with one horizon, or the year is not there.
    """
    texts = tables.text(column)
    named = texts.str.strip().str.extract(_HORIZON, expand=False)
    years = "year" + named.fillna("")
    key = [name for name in frame.columns if name not in ("score", "reason")]
    case = frame.groupby(key, sort=False, dropna=False).ngroup().to_numpy()
    start = 0
    for table in tables.tables:
        rows = slice(start, start + len(table.frame))
        known = years[rows].isin(YEARS)
        table.report(~known, column, "is no horizon in whole years", f"write 1 to {LAST_YEAR}, or year1")
        twice = pd.DataFrame({"case": case, "year": years}).duplicated()[rows]
        table.report(twice & known, column, "is given twice for one case", "keep one row a case and horizon")
        start += len(table.frame)
    tables.finish()
    there = [name for name in YEARS if name in set(years)]
    chosen = there[-1] if year is None else f"year{year}"
    if chosen not in there:
        what = f"holds no horizon of {year} years"
        raise InputError(Problem(what, f"--year: {', '.join(there)}", tables.tables[0].path, 1, column))
    first = np.unique(case, return_index=True)[1]
    risks = np.full((len(first), len(there)), np.nan)
    risks[case, [there.index(name) for name in years]] = frame["score"].to_numpy(np.float64)
    wide = frame.iloc[first].reset_index(drop=True).assign(score=risks[:, there.index(chosen)])
    return with_risks(wide, dict(zip(there, risks.T, strict=True))), first, there


def with_years(frame: pd.DataFrame, tables: Tables, yearly: dict[str, str], *, drop_missing: bool) -> pd.DataFrame:
    """The frame of ``Predictions`` with a column a year; a case that lacks the risk of a year has none of any.

    Raises:
        InputError: A cell is no number, or empty without ``drop_missing``.
    """
    values = {year: tables.numbers(column, drop_missing=drop_missing) for year, column in yearly.items()}
    tables.finish()
    return with_risks(frame, values)


def with_risks(frame: pd.DataFrame, values: dict[str, npt.NDArray[np.float64]]) -> pd.DataFrame:
    """`with_years` of risks that are numbers already."""
    lost = np.isnan(np.column_stack([*values.values()])).any(axis=1) | frame["score"].isna().to_numpy()
    frame = frame.assign(**{year: np.where(lost, np.nan, risk) for year, risk in values.items()})
    frame.loc[lost, "score"] = np.nan
    if lost.any():
        reason = frame["reason"] if "reason" in frame else pd.Series("", index=frame.index)
        frame["reason"] = reason.mask(
            pd.Series(lost, frame.index) & (reason == ""), "the file holds no score of a year"
        )
    return frame


def chosen_year(options: AdapterOptions, years: Sequence[str]) -> tuple[int, list[str]]:
    """The year whose risk is the score, and what the user should know where no year was chosen: then the last."""
    if options.year is not None:
        return options.year, []
    last = int(years[-1].removeprefix("year"))
    return last, [
        f"no --year was given: the score, which a binary endpoint is judged by, is the risk of year {last}"
    ]


def say_years(predictions: Predictions, years: Sequence[str], warnings: Sequence[str]) -> Predictions:
    """Record which years a table holds."""
    predictions.recorded["years"] = ", ".join(name.removeprefix("year") for name in years)
    predictions.warnings += warnings
    return predictions
