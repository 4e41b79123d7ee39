"""What smoking status settles, and what contradicts it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmark.errors import Problem
from benchmark.producers.calculators.units import Array

STATUS: Final = ("ever_smoker", "current_smoker", "never_smoker", "former_smoker")
AMOUNTS: Final = ("cigarettes_per_day", "smoking_years", "years_quit")
DEFINED_FOR: Final = "PLCOm2012 is defined for people who have smoked"

Bools = npt.NDArray[np.bool_]


class Smoking(NamedTuple):
    """Who has ever smoked and who smokes now, ``(rows,)``: 1, 0, or NaN where it is not said."""

    ever: Array
    current: Array


def smoking_of(values: Mapping[str, Array], rows: int) -> Smoking:
    """Combine the questions: who smokes now or used to has smoked, who does neither never has.

    Args:
        values: The inputs of ``STATUS`` that a table has; answers that contradict each other are left as they are,
            see ``contradictions``.
        rows: Number of rows.
    """
    unknown = np.full(rows, np.nan)
    ever, current, never, former = (values.get(name, unknown) for name in STATUS)
    said_ever = np.where(np.isnan(ever), 1 - never, ever)
    neither = (current == 0) & (former == 0)
    known = np.where((current == 1) | (former == 1), 1.0, np.where(neither, 0.0, np.nan))
    return Smoking(
        np.where(np.isnan(said_ever), known, said_ever),
        np.where(np.isnan(current) & ((said_ever == 0) | (former == 1)), 0.0, current),
    )


def contradictions(
    values: Mapping[str, Array],
    smoking: Smoking,
    columns: Mapping[str, str],
    line: Callable[[int], int],
    where: str,
) -> list[Problem]:
    """Rows in which years or cigarettes contradict the smoking status or the age.

    Args:
        values: Inputs by name ``(rows,)``.
        smoking: Status of each row.
        columns: Column of each input.
        line: Row → line of the file.
        where: The file.
    """
    unknown = np.full(len(smoking.ever), np.nan)
    cigarettes, years, quit_for = (values.get(name, unknown) for name in AMOUNTS)
    age, never, former = (values.get(name, unknown) for name in ("age", "never_smoker", "former_smoker"))
    cases: list[tuple[Bools, str, str]] = [
        ((smoking.current == 1) & (quit_for > 0), "years_quit", "who smokes now has quit"),
        ((smoking.ever == 0) & (quit_for > 0), "years_quit", "who never smoked has quit"),
        ((smoking.ever == 0) & (years > 0), "smoking_years", "who never smoked has smoked for years"),
        ((smoking.ever == 0) & (cigarettes > 0), "cigarettes_per_day", "who never smoked smokes cigarettes"),
        ((smoking.ever == 0) & (smoking.current == 1), "current_smoker", "who never smoked smokes now"),
        ((smoking.ever == 0) & (former == 1), "former_smoker", "who never smoked used to smoke"),
        ((smoking.current == 1) & (former == 1), "former_smoker", "who smokes now used to smoke"),
        ((smoking.ever == 1) & (never == 1), "never_smoker", "who has smoked never smoked"),
        (np.nan_to_num(years) + np.nan_to_num(quit_for) > age, "age", "more years smoked and since than lived"),
    ]
    problems = []
    for rows, name, what in cases:
        found = np.flatnonzero(rows)
        if found.size and name in columns:
            shown = ", ".join(str(line(int(row))) for row in found[:5])
            more = f" and {found.size - 5:,} more" if found.size > 5 else ""
            text = f"contradiction: {what} (rows {shown}{more})"
            problems.append(Problem(text, "correct one of the columns", where, line(int(found[0])), columns[name]))
    return problems


def settle_years_quit(values: dict[str, Array], smoking: Smoking) -> None:
    """Years since quitting are 0 where they are empty for current and never smokers: the models define them so."""
    if "years_quit" in values:
        settled = (smoking.current == 1) | (smoking.ever == 0)
        since = values["years_quit"]
        values["years_quit"] = np.where(np.isnan(since) & settled, 0.0, since)


def never_smoked(values: Mapping[str, Array], smoking: Smoking) -> list[str]:
    """Why a model of smokers has no score for a row; empty where it has."""
    reasons = np.full(len(smoking.ever), "", dtype=object)
    for name in ("smoking_years", "cigarettes_per_day"):
        zero = (values[name] == 0) & ((smoking.ever != 1) | (name == "cigarettes_per_day"))
        reasons[zero] = f"{name} is 0: {DEFINED_FOR}"
    reasons[smoking.ever == 0] = f"never smoked: {DEFINED_FOR}"
    return [str(reason) for reason in reasons]
