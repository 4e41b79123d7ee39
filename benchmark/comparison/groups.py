"""Patients (or nodules) by the values of a column of the nodule table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.comparison.measured import AREAS
from benchmark.comparison.twins import SEVERAL, told_apart, united_values
from benchmark.comparison.units import Scored
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.nodules import COLUMNS, numbers
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.metrics.registry import NamedMetric
from benchmark.statistics import Subgroups, bin_sizes, subgroup_metrics_of
from benchmark.statistics.resampling import Resampling

FEW_VALUES = 6
"""A numeric column with more distinct values than this is cut into thirds."""


@dataclass(frozen=True)
class ByColumn:
    """One cohort's metrics by the groups of a column.

    Attributes:
        cohort: Name of the cohort.
        column: The column.
        result: Metrics, differences and interaction tests; None where there is nothing to test.
        note: Why there is no result; empty otherwise.
        united: Sentences on values that were taken as one, because a reader would not tell them apart.
    """

    cohort: str
    column: str
    result: Subgroups | None
    note: str = ""
    united: tuple[str, ...] = ()


def by_column(
    scored: Scored,
    cohort: Cohort,
    column: str,
    *,
    resampling: Resampling,
    metrics: Sequence[NamedMetric] = AREAS,
    untested: Collection[str] = (),
) -> ByColumn:
    """Metrics of every model in the groups of a column.

    A column of diameters in mm is cut at 6, 8 and 15 mm, other numbers with many values into thirds. A patient has
    the value of its nodules, the largest number among them, or the group ``(several)``.

    Args:
        scored: Units that every model scored.
        cohort: Their cohort.
        column: A column of its nodule table.
        resampling: Of the metrics but AUROC.
        metrics: What to measure.
        untested: Models whose numbers are shown but which take part in no test.

    Raises:
        InputError: The column belongs to the contract.
    """
    if column in COLUMNS:
        raise InputError(
            Problem("is no column to group by", "name a semantic or clinical one", None, None, "--by", column)
        )
    if column not in cohort.nodules:
        return ByColumn(cohort.name, column, None, f"its nodule table has no column {column!r}")
    if scored.sample is None:
        return ByColumn(cohort.name, column, None, "its scored cases are all of one class")
    groups = group_of_units(scored, cohort, column)
    united = united_values(_values_of_column(cohort, column), cohort.name, column).sentences
    if len(set(groups.dropna())) < 2:
        return ByColumn(cohort.name, column, None, f"{column!r} has fewer than two values here", united)
    names = [metric.canonical for metric in metrics]
    compared = [model for model in scored.models if model not in untested]
    found = subgroup_metrics_of(
        scored.sample,
        groups.to_numpy(object),
        names,
        resampling=resampling,
        compared=compared,
    )
    return ByColumn(cohort.name, column, found, united=united)


def check_column(column: str, cohorts: list[Cohort]) -> None:
    """Refuse a column that no cohort has.

    Raises:
        InputError: With the nearest name.
    """
    known = sorted({name for cohort in cohorts for name in cohort.nodules.columns} - set(COLUMNS))
    if column not in known:
        fix = f"columns there: {', '.join(known[:20])}" if known else "the nodule tables have no further columns"
        what = f"no cohort has a column {column!r} to group by{nearest(column, known)}"
        raise InputError(Problem(what, fix, column="--by", value=column))


def group_of_units(scored: Scored, cohort: Cohort, column: str) -> pd.Series:
    """Group of each unit of ``scored``; missing where the column is empty."""
    return _binned(values_of_units(scored, cohort, column), column)


def values_of_units(scored: Scored, cohort: Cohort, column: str) -> pd.Series:
    """Value of each unit of ``scored``: numbers where every cell is one, else text; missing where it is empty.

    A patient has the value of its nodules: the largest number, or ``(several)`` where texts differ.
    """
    value = united_values(_values_of_column(cohort, column), cohort.name, column).values
    nodules = cohort.nodules[["pid", "nodule_id"]].assign(value=value)
    if scored.unit == "nodule":
        by_nodule = nodules.set_index(["pid", "nodule_id"])["value"]
        found = by_nodule.reindex(pd.MultiIndex.from_frame(scored.units[["pid", "nodule_id"]]))
        return found.reset_index(drop=True)
    return _of_patients(nodules).reindex(scored.units["pid"]).reset_index(drop=True)


def _values_of_column(cohort: Cohort, column: str) -> pd.Series:
    """Numbers where every cell is one, else text."""
    try:
        return numbers(cohort.nodules, column)
    except InputError:
        return cohort.nodules[column]


def holds_numbers(cohort: Cohort, column: str) -> bool:
    """Whether every cell of a column of the nodule table is a number or empty, and one is a number."""
    values = _values_of_column(cohort, column)
    return pd.api.types.is_numeric_dtype(values) and bool(values.notna().any())


def _of_patients(nodules: pd.DataFrame) -> pd.Series:
    by_patient = nodules.dropna(subset="value").groupby("pid", sort=False)["value"]
    if pd.api.types.is_numeric_dtype(nodules["value"]):
        return by_patient.max()
    return by_patient.first().where(by_patient.nunique() == 1, SEVERAL)


def _binned(values: pd.Series, column: str) -> pd.Series:
    try:
        number = values.astype(float)
    except ValueError:
        return values
    if number.notna().sum() == 0:
        return values
    if "diameter" in column.lower() or column.lower().endswith("_mm") or "(mm)" in column.lower():
        return pd.Series(bin_sizes(number))
    if number.nunique() <= FEW_VALUES:
        return number.map(lambda value: None if pd.isna(value) else f"{value:.15g}")
    first, second = np.nanquantile(number, (1 / 3, 2 / 3))
    low, high = told_apart(first, second)
    titles = (f"<{low}", f"{low} to <{high}", f"≥{high}")
    at = np.searchsorted((first, second), number.to_numpy(), side="right")
    return text_column(None if pd.isna(v) else titles[k] for v, k in zip(number, at, strict=True))
