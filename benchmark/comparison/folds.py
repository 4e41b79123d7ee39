"""Models over folds: each fold's metrics, and the tests that take a fold as a block."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.metrics import auprc, auroc
from benchmark.statistics import friedman_nemenyi, wilcoxon_folds

COLUMNS = ["cohort", "model", "fold", "metric", "value"]
TESTS = [
    "cohort",
    "metric",
    "test",
    "model_a",
    "model_b",
    "n_folds",
    "statistic",
    "p_value",
    "attainable_p",
    "note",
]


def fold_metrics(available: Scored) -> pd.DataFrame:
    """AUROC and AUPRC of each model's folds, on the units that all folds of all models scored."""
    numbered = available.folds
    rows_all = numbered.notna().all(axis=1).to_numpy()
    labels = available.labels[rows_all]
    if numbered.shape[1] == 0 or labels.min(initial=1) == labels.max(initial=0):
        return pd.DataFrame(columns=COLUMNS)
    functions: dict[str, Callable[..., float]] = {"auroc": auroc, "auprc": auprc}
    ordered = [column for model in available.models for column in numbered.columns if column[0] == model]
    rows = [
        (available.cohort, *column, name, function(labels, numbered[column].to_numpy()[rows_all]))
        for column in ordered
        for name, function in functions.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def fold_tests(folds: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """Friedman and Nemenyi over folds for three models or more, Wilcoxon for every pair.

    Only models with the same folds take part; a fold is a block. The statistic of a Nemenyi row is the difference
    of mean ranks.
    """
    rows: list[tuple[Any, ...]] = []
    for metric, part in folds.groupby("metric", sort=False):
        wide = wide_folds(part)
        k, n = wide.shape[1], wide.shape[0]
        if n < 2:
            continue
        if k >= 3:
            result = friedman_nemenyi(wide)
            whole = (result.statistic, result.p_value, result.attainable_p, result.note)
            rows.append((metric, "Friedman", "", "", n, *whole))
            for a, b in combinations(wide.columns, 2):
                ranks = abs(result.mean_ranks[a] - result.mean_ranks[b])
                note = f"critical difference {result.critical_difference:.3f}"
                p = result.nemenyi.at[a, b]
                rows.append((metric, "Nemenyi", a, b, n, ranks, p, result.nemenyi_attainable_p, note))
        for a, b in combinations(wide.columns, 2):
            test = wilcoxon_folds(wide[a].to_numpy(), wide[b].to_numpy())
            rows.append((metric, "Wilcoxon", a, b, n, test.statistic, test.p_value, test.attainable_p, test.note))
    return pd.DataFrame([(cohort, *row) for row in rows], columns=TESTS)


def wide_folds(folds: pd.DataFrame) -> pd.DataFrame:
    """One metric's values with a row a fold and a column a model; models that lack a fold are left out."""
    wide = folds.pivot(index="fold", columns="model", values="value").dropna(axis=1)
    return wide[[model for model in dict.fromkeys(folds["model"]) if model in wide]]


def starred(folds: pd.DataFrame, tests: pd.DataFrame) -> set[tuple[str, str, str]]:
    """``(cohort, metric, model)`` whose folds differ from those of the best model at 0.05.

    By Nemenyi's test where there are three models or more, else by Wilcoxon's.
    """
    found = set()
    for (cohort, metric), part in folds.groupby(["cohort", "metric"], sort=False):
        means = part.groupby("model", sort=False)["value"].mean()
        here = tests[(tests["cohort"] == cohort) & (tests["metric"] == metric)]
        named = "Nemenyi" if (here["test"] == "Nemenyi").any() else "Wilcoxon"
        best = means.idxmax() if np.isfinite(means).any() else None
        for row in here[(here["test"] == named) & (here["p_value"] < 0.05)].to_dict("records"):
            if best in (row["model_a"], row["model_b"]):
                other = row["model_b"] if row["model_a"] == best else row["model_a"]
                found.add((str(cohort), str(metric), str(other)))
    return found
