"""The paper's Table 4 (mean ± SD over folds), and the tests over folds with what they can reach."""

from __future__ import annotations

from typing import Any

import pandas as pd

from benchmark.report.names import Names
from benchmark.report.numbers import attainable, decimals, p_value
from benchmark.report.table import Cell, Table

CAVEAT = (
    "Folds share training data and one test set, so tests over folds are secondary to the paired differences on "
    "patients."
)


def fold_table(folds: pd.DataFrame, tests: pd.DataFrame, stars: set[tuple[str, str, str]], names: Names) -> Table:
    """A row a model, mean ± SD over folds of each cohort; a star where the folds differ from the best model's.

    Args:
        folds: ``cohort, model, fold, metric, value``.
        tests: Tests over these folds.
        stars: ``(cohort, metric, model)`` to star.
        names: Printed names.
    """
    cohorts = list(dict.fromkeys(folds["cohort"]))
    means = folds.groupby(["cohort", "metric", "model"], sort=False)["value"].agg(["mean", "std", "count"])
    rows = []
    for model in dict.fromkeys(folds["model"]):
        cells = [Cell(names.model(model))]
        for cohort in cohorts:
            for metric in ("auroc", "auprc"):
                cells.append(_cell(means, (cohort, metric, model), (cohort, metric, model) in stars))
        rows.append(tuple(cells))
    return Table(
        "Mean ± SD over folds",
        ("Model", *("AUROC ↑", "AUPRC ↑") * len(cohorts)),
        tuple(rows),
        (("", 1), *((names.cohort(cohort), 2) for cohort in cohorts)),
        (
            "SD over the models of the folds (n − 1); it is no standard error of the ensemble. Bold: best mean.",
            _star_note(tests),
            CAVEAT,
        ),
        "tab:folds",
    )


def fold_test_table(tests: pd.DataFrame, names: Names) -> Table:
    """Friedman's test of all models and, for each pair, Nemenyi and Wilcoxon, with the p they can reach."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, metric), part in tests.groupby(["cohort", "metric"], sort=False):
        blocks.append((len(rows), f"{names.cohort(str(cohort))}, {str(metric).upper()}"))
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
            CAVEAT,
            "Attainable p: the smallest that the test can give with this number of folds and models. "
            "Ranks: difference of mean ranks.",
        ),
        "tab:fold-tests",
        tuple(blocks),
    )


def _p(row: dict[Any, Any]) -> Cell:
    return Cell(p_value(row["p_value"], row["attainable_p"]), bool(row["p_value"] < 0.05))


def _cell(means: pd.DataFrame, key: tuple[str, str, str], star: bool) -> Cell:
    if key not in means.index:
        return Cell(decimals(None))
    row: Any = means.xs(key)
    if row["count"] < 2:
        return Cell(decimals(None))
    column: Any = means.xs(key[:2], level=(0, 1))
    best = len(column) > 1 and decimals(row["mean"]) == decimals(column["mean"].max())
    return Cell(f"{decimals(row['mean'])} ± {decimals(row['std'])}{'*' if star else ''}", best)


def _star_note(tests: pd.DataFrame) -> str:
    if tests.empty:
        return "No test: fewer than two folds."
    name = "Nemenyi" if (tests["test"] == "Nemenyi").any() else "Wilcoxon"
    least = tests.loc[tests["test"] == name, "attainable_p"].min()
    text = f"* p < 0.05 against the best mean of the column, {name}'s test over folds"
    text += f" (smallest p that it can give here: {attainable(least)})."
    return text if least < 0.05 else text + " No star can arise."
