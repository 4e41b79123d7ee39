"""What the cases without a score of a model could change: worst and best case, and weights by chosen columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.groups import values_of_units
from benchmark.comparison.performance import resampling_of
from benchmark.comparison.units import Scored
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.nodules import COLUMNS
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import Array
from benchmark.statistics import Resampling, WeightedArea, missing_score_bounds, weighted_for_missing
from benchmark.statistics.missing_scores import NO_WEIGHTS

METRICS: Final = ("auroc", "auprc")
MISSING_COLUMNS: Final = (
    "cohort", "model", "metric", "n", "n_positive", "missing", "missing_positive", "common", "common_n",
    "available", "available_low", "available_high", "worst", "best", "weighted", "weighted_low", "weighted_high",
    "largest_weight", "effective_positive", "effective_negative", "columns", "note",
)  # fmt: skip
MOST_REPLICATES: Final = 500
"""Resamples of weighted areas, whose limits need a standard deviation only; each fits a regression."""
MOST_TEXTS: Final = 10
OPTION: Final = "--missing-by"


def check_missing_columns(columns: Sequence[str], cohorts: Sequence[Cohort]) -> None:
    """Refuse columns that no cohort has, and those of the contract.

    Raises:
        InputError: Names every one, with the nearest name.
    """
    known = sorted({str(name) for cohort in cohorts for name in cohort.nodules.columns} - set(COLUMNS))
    problems = []
    for column in columns:
        if column not in known:
            what = f"is no clinical or semantic column of any cohort{nearest(column, known)}"
            fix = (
                f"columns there: {', '.join(known[:20])}" if known else "the nodule tables have no further columns"
            )
            problems.append(Problem(what, fix, column=OPTION, value=column))
    if problems:
        raise InputError(problems)


def missing_rows(
    result: CohortResult, cohort: Cohort, columns: Sequence[str] = (), *, resampling: Resampling
) -> pd.DataFrame:
    """A row a model and metric, of the models that lack a score of some labelled unit.

    Args:
        result: The numbers of the cohort.
        cohort: The cohort.
        columns: Columns of its nodule table that weights are made from; none without any.
        resampling: Of the weighted numbers, up to ``MOST_REPLICATES``.

    Returns:
        ``MISSING_COLUMNS``; ``common`` is on the units that every model scored, NaN for a model left out of them;
        ``available`` on all that this model scored.
    """
    available = result.available
    rows = []
    for model in available.models:
        scores = available.scores[model].to_numpy(np.float64)
        gone = np.isnan(scores)
        own = available.labels[~gone]
        if not gone.any() or not 0 < own.sum() < own.size:
            continue
        weighted = _weighted(available, cohort, columns, scores, resampling)
        for metric in METRICS:
            bounds = missing_score_bounds(available.labels, scores, metric)
            found = weighted[metric]
            row: dict[str, Any] = {"cohort": available.cohort, "model": model, "metric": metric}
            row |= {"n": scores.size, "n_positive": int(available.labels.sum()), "missing": int(gone.sum())}
            row |= {"missing_positive": bounds.missing_positive, "worst": bounds.worst, "best": bounds.best}
            row |= _reported(result, model, metric)
            row |= {"weighted": found.value, "weighted_low": found.low, "weighted_high": found.high}
            row |= {"largest_weight": found.largest_weight, "effective_positive": found.effective_positive}
            row |= {"effective_negative": found.effective_negative}
            rows.append(row | {"columns": ", ".join(columns), "note": found.note})
    return pd.DataFrame(rows, columns=list(MISSING_COLUMNS))


def _reported(result: CohortResult, model: str, metric: str) -> dict[str, float]:
    """What the tables of performance say of a model on common and on its own units."""
    found: dict[str, float] = {"common": math.nan, "common_n": math.nan}
    common = result.performance[result.performance["model"] == model]
    if len(common):
        found |= {"common": float(common[metric].iloc[0]), "common_n": float(common["n"].iloc[0])}
    own = result.performance_all[result.performance_all["model"] == model].iloc[0]
    return found | {f"available{end}": float(own[f"{metric}{end}"]) for end in ("", "_low", "_high")}


def _weighted(
    available: Scored, cohort: Cohort, columns: Sequence[str], scores: Array, resampling: Resampling
) -> dict[str, WeightedArea]:
    if not columns:
        return dict.fromkeys(METRICS, NO_WEIGHTS)
    absent = [name for name in columns if name not in cohort.nodules]
    if absent:
        note = f"no weights: the nodule table has no column {', '.join(absent)}"
        return dict.fromkeys(METRICS, replace(NO_WEIGHTS, note=note))
    given = covariates_of_units(available, cohort, columns)
    few = replace(resampling, replicates=min(resampling.replicates, MOST_REPLICATES))
    drawn = resampling_of(len(available.units), few)
    return weighted_for_missing(available.labels, scores, given, available.repeated, resampling=drawn)


def covariates_of_units(available: Scored, cohort: Cohort, columns: Sequence[str]) -> dict[str, Array]:
    """Columns of a nodule table as numbers of each unit, for a regression.

    Of a patient a number is the largest of its nodules. An empty number is the mean of the others and has a column
    that says so; a text becomes a column for each of its values but the first.

    Raises:
        InputError: A column of texts has more than ``MOST_TEXTS`` values.
    """
    found: dict[str, Array] = {}
    problems = []
    for name in columns:
        values = values_of_units(available, cohort, name)
        if pd.api.types.is_numeric_dtype(values):
            numbers = values.to_numpy(np.float64, na_value=np.nan)
            empty = np.isnan(numbers)
            if not empty.all():
                found[name] = np.where(empty, np.nanmean(numbers), numbers)
            if empty.any():
                found[f"{name} is empty"] = empty.astype(np.float64)
            continue
        texts = values.astype(object).where(values.notna(), "").astype(str)
        kinds = sorted(texts.unique())
        if len(kinds) > MOST_TEXTS:
            what = f"holds {len(kinds)} different texts in cohort {cohort.name}"
            problems.append(Problem(what, "give a column of numbers or of a few words", column=OPTION, value=name))
        found |= {f"{name}: {kind}": (texts == kind).to_numpy(np.float64) for kind in kinds[1:]}
    if problems:
        raise InputError(problems)
    return found or {"none": np.zeros(len(available.units))}
