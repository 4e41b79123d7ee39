"""Models over folds: each fold's metrics, and the tests that take a fold as a block."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchmark.comparison.fold_sharing import FoldGroup, fold_groups, why_apart
from benchmark.comparison.measured import AREAS, metrics_of_rows
from benchmark.comparison.units import Scored
from benchmark.metrics.registry import NamedMetric, named_metric
from benchmark.statistics import friedman_nemenyi, wilcoxon_folds

COLUMNS = ["cohort", "model", "fold", "metric", "value", "n", "n_positive"]
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
ALONE = "no other model that takes part in tests has the same folds"


class LeftOut(NamedTuple):
    """A model that has folds and is in no test over them.

    Attributes:
        cohort: Name of the cohort.
        model: The model.
        why: The reason, to follow the model's name and a colon.
    """

    cohort: str
    model: str
    why: str


class FoldResults(NamedTuple):
    """What folds say of the models of a cohort.

    Attributes:
        values: Columns ``COLUMNS``; ``value`` is NaN in a fold of one class.
        tests: Columns ``TESTS``.
        left_out: Models with folds that are in no test over them.
        notes: What else a reader must know.
    """

    values: pd.DataFrame
    tests: pd.DataFrame
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()


def fold_results(
    available: Scored, untested: Mapping[str, str], metrics: Sequence[NamedMetric] = AREAS
) -> FoldResults:
    """Metrics of each model's folds, and the tests over the folds that most models share.

    Where every fold scored every unit, all folds stand on the units that all models with these folds scored; in a
    cross-validation each fold stands on its own units. Models whose folds are other blocks are left out of the
    tests, and so are those whose folds are all the same: they are one result, not several.

    Args:
        available: The units of a cohort with a known label.
        untested: Models that take part in no test, and why.
        metrics: What to measure.
    """
    groups = fold_groups(available)
    if not groups:
        return FoldResults(pd.DataFrame(columns=COLUMNS), pd.DataFrame(columns=TESTS))
    values = fold_metrics(available, groups, metrics)
    candidates = [
        [model for model in group.models if model not in untested and len(group.folds) > 1] for group in groups
    ]
    chosen = groups[int(np.argmax([len(models) for models in candidates]))]
    tested = [model for model in chosen.models if model not in untested]
    reasons = {
        model: untested.get(model) or (why_apart(group, chosen, available.unit) if tested[1:] else ALONE)
        for group in groups
        for model in group.models
        if len(group.folds) > 1 and (model in untested or group is not chosen or not tested[1:])
    }
    part = values[values["model"].isin(tested)]
    same = constant_folds(part)
    reasons |= {model: _same(metrics) for model, metrics in same.items()}
    varies = [
        metric not in same.get(model, ()) for model, metric in zip(part["model"], part["metric"], strict=True)
    ]
    left_out = [LeftOut(available.cohort, model, why) for model, why in reasons.items()]
    return FoldResults(
        values,
        fold_tests(part.loc[varies], available.cohort),
        tuple(left_out) if _could_test(groups) else (),
        _notes_on_folds(values, available.unit, groups),
    )


def fold_metrics(
    available: Scored, groups: Collection[FoldGroup], metrics: Sequence[NamedMetric] = AREAS
) -> pd.DataFrame:
    """Metrics of each fold of each model, on the units that `fold_groups` says."""
    rows: list[tuple[Any, ...]] = []
    for model in available.models:
        for group in groups:
            for fold, units in group.units.items() if model in group.models else ():
                labels = available.labels[units]
                scores = available.folds[(model, fold)].to_numpy(np.float64)[units]
                both = 0 < labels.sum() < len(labels)
                for metric in metrics:
                    value = metric(labels, scores) if both else np.nan
                    size = (len(labels), int(labels.sum()))
                    rows.append((available.cohort, model, fold, metric.canonical, value, *size))
    return pd.DataFrame(rows, columns=COLUMNS)


def constant_folds(folds: pd.DataFrame) -> dict[str, list[str]]:
    """Metrics of which a model has the same value in all of its folds, by model.

    A rate counts few cases and is easily the same by chance: it tells that folds are one only beside the AUROC.
    """
    found: dict[str, list[str]] = {}
    for (model, metric), part in folds.groupby(["model", "metric"], sort=False):
        known = part["value"].dropna()
        if len(known) > 1 and np.ptp(known.to_numpy(np.float64)) < 1e-12:
            found.setdefault(str(model), []).append(str(metric))
    return {
        model: kept
        for model, metrics in found.items()
        if (kept := [m for m in metrics if "auroc" in metrics or named_metric(m).metric.rate is None])
    }


def fold_tests(folds: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """Friedman and Nemenyi over folds for three models or more, Wilcoxon for every pair.

    A fold is a block: all models of ``folds`` must share them. The statistic of a Nemenyi row is the difference of
    mean ranks.
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
    """One metric's values with a row a fold and a column a model; folds of one class are left out."""
    wide = folds.pivot(index="fold", columns="model", values="value").dropna(axis=0)
    return wide[list(dict.fromkeys(folds["model"]))]


def tested_models(tests: pd.DataFrame, cohort: str, metric: str) -> list[str]:
    """Models that a cohort's tests over folds compare by a metric."""
    here = tests[(tests["cohort"] == cohort) & (tests["metric"] == metric) & (tests["test"] == "Wilcoxon")]
    return list(dict.fromkeys([*here["model_a"], *here["model_b"]]))


def fold_reference(folds: pd.DataFrame, tests: pd.DataFrame, cohort: str, metric: str) -> str | None:
    """The model with the best mean over folds, of those that are tested over them where there are tests."""
    here = folds[(folds["cohort"] == cohort) & (folds["metric"] == metric)]
    tested = tested_models(tests, cohort, metric)
    means = here[here["model"].isin(tested or set(here["model"]))].groupby("model", sort=False)["value"].mean()
    best = means[means == named_metric(metric).best(means)]
    return str(best.index[0]) if len(best) else None


def starred(folds: pd.DataFrame, tests: pd.DataFrame) -> set[tuple[str, str, str]]:
    """``(cohort, metric, model)`` whose folds differ from those of the best tested model at 0.05.

    By Nemenyi's test where there are three models or more, else by Wilcoxon's.
    """
    found = set()
    for (cohort, metric), _ in folds.groupby(["cohort", "metric"], sort=False):
        best = fold_reference(folds, tests, str(cohort), str(metric))
        here = tests[(tests["cohort"] == cohort) & (tests["metric"] == metric)]
        named = "Nemenyi" if (here["test"] == "Nemenyi").any() else "Wilcoxon"
        for row in here[(here["test"] == named) & (here["p_value"] < 0.05)].to_dict("records"):
            if best in (row["model_a"], row["model_b"]):
                other = row["model_b"] if row["model_a"] == best else row["model_a"]
                found.add((str(cohort), str(metric), str(other)))
    return found


def _could_test(groups: Collection[FoldGroup]) -> bool:
    """Whether two models have folds at all, so that a reader may expect a test."""
    return sum(len(group.models) for group in groups if len(group.folds) > 1) > 1


def _same(metrics: Collection[str]) -> str:
    named = " and ".join(named_metric(metric).title for metric in metrics)
    return f"all its folds have the same {named}, so they are one result and not several (not tested, no star)"


def _notes_on_folds(values: pd.DataFrame, unit: str, groups: Collection[FoldGroup]) -> tuple[str, ...]:
    notes = []
    if any(not group.complete and len(group.folds) > 1 for group in groups):
        notes.append(f"In a cross-validation each fold stands on its own {unit}s.")
    lost = values[values["value"].isna() & (values["metric"] == "auroc")]
    if len(lost):
        folds = ", ".join(dict.fromkeys(lost["fold"]))
        notes.append(f"Without a value, because all {unit}s are of one class: fold {folds}.")
    whole = values[~values["fold"].isin(lost["fold"])] if len(lost) else values
    for metric in metrics_of_rows(whole[whole["value"].isna()]):
        part = whole[whole["value"].isna() & (whole["metric"] == metric.canonical)]
        where = ", ".join(
            f"fold {fold} of {model}" for model, fold in zip(part["model"], part["fold"], strict=True)
        )
        notes.append(f"{metric.title} has no value in {where}; tests leave such a fold out for all models.")
    return tuple(notes)
