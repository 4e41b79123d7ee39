"""The paper's Table 4 (mean ± SD over folds), and the tests over folds with what they can reach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.comparison.folds import fold_reference
from benchmark.comparison.measured import AREAS, metrics_of_rows
from benchmark.comparison.pairs import oriented
from benchmark.metrics.registry import NamedMetric, named_metric
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import attainable, decimals, estimate_text, p_value
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.performance import is_best_of

CAVEAT = (
    "Folds share training data and patients, so tests over folds are secondary to the paired differences on the "
    "same {unit}s: only those say which model is better."
)
STAR_RATE = (
    "of three equal models with five folds on one test set, some model got a star in about three of four "
    "simulations"
)
"""Measured by ``make coverage``, *Level of tests*; see results/coverage.md."""


def fold_table(
    folds: pd.DataFrame,
    tests: pd.DataFrame,
    stars: set[tuple[str, str, str]],
    names: Names,
    *,
    pairs: pd.DataFrame,
    notes: Sequence[str] = (),
) -> Table:
    """A row a model, mean ± SD over folds of each cohort, and beside it the difference on the same cases.

    A star where the folds differ from the best model's, as papers print it; the difference of the pooled scores
    from that model's, with its interval and Holm p, is what answers the question.

    Args:
        folds: ``cohort, model, fold, metric, value``.
        tests: Tests over these folds.
        stars: ``(cohort, metric, model)`` to star.
        names: Printed names.
        pairs: Rows of `benchmark.comparison.pairs.paired_differences`.
        notes: Further sentences.
    """
    cohorts = list(dict.fromkeys(folds["cohort"]))
    means = folds.groupby(["cohort", "metric", "model"], sort=False)["value"].agg(["mean", "std", "count"])
    metrics = list(dict.fromkeys([*AREAS, *metrics_of_rows(folds)]))
    best = {(c, m.canonical): fold_reference(folds, tests, c, m.canonical) for c in cohorts for m in metrics}
    rows = []
    for model in dict.fromkeys(folds["model"]):
        cells = [Cell(names.model(model))]
        for cohort in cohorts:
            for metric in metrics:
                key = (cohort, metric.canonical, model)
                cells.append(_mean_cell(means, key, metric, key in stars))
                cells.append(_difference(pairs, *key, best[key[:2]]))
        rows.append(tuple(cells))
    columns = [
        column
        for metric in metrics
        for column in (metric.heading, f"{metric.title} difference (95 % interval), Holm p")
    ]
    return Table(
        "Mean ± SD over folds, and differences on the same cases",
        ("Model", *columns * len(cohorts)),
        tuple(rows),
        (("", 1), *((names.cohort(cohort), 2 * len(metrics)) for cohort in cohorts)),
        (
            "SD over the models of the folds (n − 1); it is no standard error of the ensemble. Bold: best mean, "
            "none where all tie.",
            f"{_star_note(tests)} Which model is better is answered by the difference of the pooled scores from "
            f"the reference (the best mean of those tested) on the same {names.unit}s, with its interval and Holm "
            f"p, and not by the star: {STAR_RATE}.",
            CAVEAT.format(unit=names.unit),
            *notes,
        ),
        "tab:folds",
    )


def fold_test_table(tests: pd.DataFrame, names: Names, *, notes: Sequence[str] = ()) -> Table:
    """Friedman's test of all models and, for each pair, Nemenyi and Wilcoxon, with the p they can reach."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, metric), part in tests.groupby(["cohort", "metric"], sort=False):
        blocks.append((len(rows), f"{names.cohort(str(cohort))}, {named_metric(str(metric)).title}"))
        for row in part[part["test"] == "Friedman"].to_dict("records"):
            friedman = (
                Cell(f"χ² {decimals(row['statistic'], 2)}"),
                _p(row),
                Cell(attainable(row["attainable_p"])),
            )
            rows.append((Cell("all models, Friedman"), *friedman, Cell(""), Cell("")))
        pairs = part[part["test"] == "Wilcoxon"]
        for row in pairs.to_dict("records"):
            other = part[
                (part["test"] == "Nemenyi")
                & (part["model_a"] == row["model_a"])
                & (part["model_b"] == row["model_b"])
            ].to_dict("records")
            rows.append(
                (
                    Cell(f"{names.model(row['model_a'])} / {names.model(row['model_b'])}"),
                    Cell(f"ranks {decimals(other[0]['statistic'], 1)}" if other else ""),
                    _p(other[0]) if other else Cell(""),
                    Cell(attainable(other[0]["attainable_p"]) if other else ""),
                    _p(row),
                    Cell(attainable(row["attainable_p"])),
                )
            )
    return Table(
        "Tests over folds",
        ("Models", "Statistic", "p", "Attainable p", "p", "Attainable p"),
        tuple(rows),
        (("", 1), ("Friedman / Nemenyi", 3), ("Wilcoxon", 2)),
        (
            CAVEAT.format(unit=names.unit),
            "Attainable p: the smallest that the test can give with this number of folds and models. "
            "Ranks: difference of mean ranks.",
            *notes,
        ),
        "tab:fold-tests",
        tuple(blocks),
    )


def _p(row: dict[Any, Any]) -> Cell:
    return Cell(p_value(row["p_value"], row["attainable_p"]))


def _mean_cell(means: pd.DataFrame, key: tuple[str, str, str], metric: NamedMetric, star: bool) -> Cell:
    if key not in means.index:
        return Cell(decimals(None))
    row: Any = means.xs(key)
    if row["count"] < 2:
        return Cell(decimals(None))
    column: Any = means.xs(key[:2], level=(0, 1))
    best = decimals(metric.best(column["mean"]))
    bold = len(column) > 1 and is_best_of(decimals(row["mean"]), best, map(decimals, column["mean"]))
    return Cell(f"{decimals(row['mean'])} ± {decimals(row['std'])}{'*' if star else ''}", bold)


def _difference(pairs: pd.DataFrame, cohort: str, metric: str, model: str, best: str | None) -> Cell:
    """Difference from the model with the best mean over folds; a dash where the two are in no test."""
    if model == best:
        return Cell("reference")
    here = pairs[(pairs["cohort"] == cohort) & (pairs["metric"] == metric)].reset_index(drop=True)
    here = oriented(here, model) if len(here) else here
    for row in here[here["model_b"] == best].to_dict("records"):
        return Cell(
            f"{estimate_text(row['difference'], row['low'], row['high'])}, p {p_value(row['p_holm'])}"
            if np.isfinite(row["difference"])
            else decimals(None)
        )
    return Cell(decimals(None))


def _star_note(tests: pd.DataFrame) -> str:
    if tests.empty:
        return "No test over folds: fewer than two models share two folds or more."
    name = "Nemenyi" if (tests["test"] == "Nemenyi").any() else "Wilcoxon"
    least = tests.loc[tests["test"] == name, "attainable_p"].min()
    text = f"* p < 0.05 against the best mean of those tested, {name}'s test over folds"
    text += f" (smallest p that it can give here: {attainable(least)})."
    return text if least < 0.05 else text + " No star can arise."
