"""Follow-up of somebody's table: checked as it will be when the cohort is read, and told in numbers."""

from __future__ import annotations

import pandas as pd

from benchmark.cohorts.prepared import Prepared
from benchmark.contracts.column_guesses import columns_found
from benchmark.contracts.followup import COLUMNS, PER_YEAR, TimeUnit, censored_before, followed_nodules, years
from benchmark.contracts.text_table import TextTable
from benchmark.errors import InputError, Problem
from benchmark.wording import counted

LONGEST_LIFE = 120
SHORTEST_YEARS, LONGEST_YEARS = 0.02, 20
"""Years of median follow-up, a week and more than any screening trial has, beyond which a unit is asked about."""
CENSORED = "censored before the horizon"
FOLLOWED = (
    "time and event are taken as follow-up once the unit of time is said: --time-unit years (or months, days), "
    "and as labels within --horizon-years: who was censored before is then unknown, not benign"
)


def take_followup(
    prepared: Prepared, source: TextTable, unit: TimeUnit | None, horizon: float | None
) -> pd.Series:
    """Put unit and horizon into the manifest, and into the labels what follow-up says of them.

    Args:
        prepared: What was read; its table, fields and notes are changed.
        source: Where it was read from.
        unit: Of the column ``time``; None where nobody said it.
        horizon: Years within which the endpoint counts.

    Returns:
        Rows of patients whose follow-up ended before the horizon.

    Raises:
        InputError: The table has no ``time`` or ``event``, or they are wrong; a horizon is none.
    """
    if horizon is not None and not 0 < horizon <= 100:
        raise InputError(
            Problem("is no horizon in years", "e.g. 1 or 6", column="--horizon-years", value=f"{horizon:g}")
        )
    prepared.fields |= {"horizon_years": horizon} if horizon is not None else {}
    there = set(COLUMNS) <= set(prepared.nodules.columns)
    if unit is None:
        prepared.warnings += [FOLLOWED] if there else []
        return pd.Series(False, prepared.nodules.index)
    lacking = [name for name in COLUMNS if name not in prepared.nodules]
    if lacking:
        fix = " ".join(f"--column {name}=NAME" for name in lacking)
        what = f"has no column {', '.join(lacking)}, and --time-unit says that it has follow-up"
        raise InputError(Problem(what, f"pass {fix}; {columns_found(source.frame)}", source.path, 1))
    before = prepared.nodules["malignant"]
    checked = followed_nodules(prepared.nodules, unit, None, source.path)
    _check_unit(checked, unit, source, prepared)
    if horizon is not None:
        checked = followed_nodules(prepared.nodules, unit, horizon, source.path)
    prepared.fields |= {"time_unit": unit}
    prepared.notes.append(_followed(checked, unit))
    if horizon is not None:
        prepared.notes.append(_labels_of_followup(checked, before, unit, horizon))
    # Texts as they stand in the file: the cohort is read, and checked, as it was given.
    prepared.nodules = prepared.nodules.assign(malignant=checked["malignant"])
    return censored_before(checked, unit, horizon or 0.0)


def _check_unit(nodules: pd.DataFrame, unit: TimeUnit, source: TextTable, prepared: Prepared) -> None:
    """Refuse follow-up of more years than anybody lives, and tell of one that is over in days, or is very long."""
    lasted = years(nodules["time"], unit).dropna()
    if lasted.empty:
        return
    if lasted.max() > LONGEST_LIFE:
        what = f"lasts up to {lasted.max():,.0f} years, taken in {unit}"
        shorter = " or ".join(other for other, number in PER_YEAR.items() if number > PER_YEAR[unit])
        fix = f"are they {shorter}? --time-unit says so" if shorter else "give the days from the scan"
        raise InputError(Problem(what, fix, source.path, 1, "time"))
    median = lasted.median()
    if median < SHORTEST_YEARS or median > LONGEST_YEARS:
        long = f"{365 * median:.2g} days or less" if median < SHORTEST_YEARS else f"{median:,.0f} years or more"
        prepared.warnings.append(f"half of the patients are followed for {long}: is time in {unit}?")


def _followed(nodules: pd.DataFrame, unit: TimeUnit) -> str:
    patients = nodules.drop_duplicates("pid")
    known = patients["time"].notna()
    events = int((patients["event"] == 1).fillna(False).sum())
    text = f"follow-up in {unit}: {int(known.sum()):,} of {len(patients):,} patients, {events:,} with the event"
    if known.any():
        text += f", median {counted(float(years(patients['time'], unit).median()), 'year')}"
    return text


def _labels_of_followup(nodules: pd.DataFrame, before: pd.Series, unit: TimeUnit, horizon: float) -> str:
    """What the horizon made of the labels."""
    now = nodules["malignant"]
    taken = int((before.notna() & now.isna()).sum())
    given = int((before.isna() & now.notna()).sum())
    early = nodules.loc[censored_before(nodules, unit, horizon) & now.isna(), "pid"].nunique()
    nobody = "" if (now == 0).fillna(False).any() else "; nobody is left as benign"
    return (
        f"labels within {horizon:g} years: {given:,} nodules labelled by follow-up, {taken:,} labels taken away; "
        f"{early:,} patients censored before are unknown, not benign{nobody}"
    )
