"""The layouts of the paper's tables, from the numbers of a comparison."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.report.numbers import count, decimals, estimate, p_value
from benchmark.report.table import Cell, Table

RECALL_NOTE = (
    "At recall t: the threshold with the smallest achievable recall ≥ t, chosen on these patients, "
    "so descriptive; tied scores move as one block."
)


def performance_table(performance: pd.DataFrame, titles: dict[str, str]) -> Table:
    """The paper's Table 2: a row a model, AUROC and AUPRC of each cohort, the best of each column bold.

    Args:
        performance: Columns ``cohort, model, n, n_positive, auroc, auroc_low, auroc_high, auprc, ...``.
        titles: Printed name of each cohort and model.
    """
    cohorts = list(dict.fromkeys(performance["cohort"]))
    models = list(dict.fromkeys(performance["model"]))
    rows = []
    for model in models:
        cells = [Cell(titles.get(model, model))]
        for cohort in cohorts:
            here = performance[performance["cohort"] == cohort]
            for metric in ("auroc", "auprc"):
                cells.append(_estimate_cell(here, model, metric))
        rows.append(tuple(cells))
    groups = [("", 1)]
    for cohort in cohorts:
        first = performance[performance["cohort"] == cohort].iloc[0]
        groups.append((f"{titles.get(cohort, cohort)} {count(first['n'])} ({count(first['n_positive'])})", 2))
    return Table(
        "Model performance: AUROC and AUPRC with 95 % interval",
        ("Model", *("AUROC ↑", "AUPRC ↑") * len(cohorts)),
        tuple(rows),
        tuple(groups),
        (
            "Above the columns: patients (positives). AUPRC is average precision; its chance level is "
            "the prevalence. Bold: best of the column, on the patients that all models scored.",
        ),
        "tab:performance",
    )


def operating_table(points: pd.DataFrame, cohort: str, titles: dict[str, str]) -> Table:
    """The paper's Tables S2-S5 for one cohort: FPR and precision at each recall, with the counts behind them."""
    here = points[points["cohort"] == cohort]
    targets = sorted(set(here["recall_target"]))
    rows = []
    for model in dict.fromkeys(here["model"]):
        cells = [Cell(titles.get(model, model))]
        for target in targets:
            at = here[here["recall_target"] == target]
            row = at[at["model"] == model].iloc[0]
            fpr, precision = decimals(row["fpr"]), decimals(row["precision"])
            cells += [
                Cell(f"{count(row['tp'])}/{count(row['n_positive'])}"),
                Cell(fpr, fpr == decimals(at["fpr"].min())),
                Cell(precision, precision == decimals(at["precision"].max())),
            ]
        rows.append(tuple(cells))
    return Table(
        f"{titles.get(cohort, cohort)}: FPR and precision at fixed recall",
        ("Model", *("TP/P", "FPR ↓", "Precision ↑") * len(targets)),
        tuple(rows),
        (("", 1), *((f"Recall ≥ {target:g}", 3) for target in targets)),
        (RECALL_NOTE,),
        f"tab:operating-{cohort}",
    )


def pairs_table(pairs: pd.DataFrame, titles: dict[str, str]) -> Table:
    """Differences of AUROC between models on the same cases, their interval before their p-value."""
    rows = [
        (
            Cell(titles.get(row["cohort"], row["cohort"])),
            Cell(f"{titles.get(row['model_a'], row['model_a'])} − {titles.get(row['model_b'], row['model_b'])}"),
            Cell(estimate(row["difference"], row["low"], row["high"])),
            Cell(p_value(row["p_value"])),
            Cell(p_value(row["p_holm"]), bool(row["p_holm"] < 0.05)),
        )
        for row in pairs.to_dict("records")
    ]
    return Table(
        "AUROC differences between models on the same patients",
        ("Cohort", "Models", "Difference (95 % interval)", "p", "p (Holm)"),
        tuple(rows),
        notes=("Paired DeLong test, clustered by patient where units repeat; Holm over all pairs of a cohort.",),
        label="tab:pairs",
    )


def fold_table(folds: pd.DataFrame, titles: dict[str, str]) -> Table:
    """The paper's Table 4: mean ± SD over the folds' scores of each cohort."""
    cohorts = list(dict.fromkeys(folds["cohort"]))
    rows = []
    for model in dict.fromkeys(folds["model"]):
        cells = [Cell(titles.get(model, model))]
        for cohort in cohorts:
            here = folds[(folds["cohort"] == cohort) & (folds["model"] == model)]
            for metric in ("auroc", "auprc"):
                values = here.loc[here["metric"] == metric, "value"]
                text = (
                    f"{decimals(values.mean())} ± {decimals(values.std(ddof=1))}"
                    if len(values) > 1
                    else decimals(None)
                )
                cells.append(Cell(text))
        rows.append(tuple(cells))
    return Table(
        "Mean ± SD over folds",
        ("Model", *("AUROC ↑", "AUPRC ↑") * len(cohorts)),
        tuple(rows),
        (("", 1), *((titles.get(cohort, cohort), 2) for cohort in cohorts)),
        ("SD over the models of the folds (n − 1); it is no standard error of the ensemble.",),
        "tab:folds",
    )


def fold_test_table(tests: pd.DataFrame, titles: dict[str, str]) -> Table:
    """Friedman, Nemenyi and Wilcoxon over folds, each with the smallest p that it could have reached."""
    rows = [
        (
            Cell(titles.get(row["cohort"], row["cohort"])),
            Cell(row["metric"].upper()),
            Cell(row["test"]),
            Cell(_between(row, titles)),
            Cell(decimals(row["statistic"])),
            Cell(p_value(row["p_value"]), bool(row["p_value"] < 0.05)),
            Cell(p_value(row["attainable_p"])),
        )
        for row in tests.to_dict("records")
    ]
    return Table(
        "Tests over folds",
        ("Cohort", "Metric", "Test", "Models", "Statistic", "p", "Attainable p"),
        tuple(rows),
        notes=(
            "Folds share training data and one test set, so these p-values are secondary to the paired "
            "differences. Attainable p: the smallest that the test can give with this number of folds and models.",
        ),
        label="tab:fold-tests",
    )


def _between(row: Mapping[Hashable, Any], titles: dict[str, str]) -> str:
    if not row["model_b"]:
        return "all"
    return f"{titles.get(row['model_a'], row['model_a'])} / {titles.get(row['model_b'], row['model_b'])}"


def _estimate_cell(here: pd.DataFrame, model: str, metric: str) -> Cell:
    found = here[here["model"] == model]
    if found.empty:
        return Cell(decimals(None))
    row = found.iloc[0]
    text = estimate(row[metric], row[f"{metric}_low"], row[f"{metric}_high"])
    best = decimals(here[metric].max())
    return Cell(text, decimals(row[metric]) == best != decimals(None) and len(here) > 1)


def titles_of(names: Sequence[str], given: dict[str, str]) -> dict[str, str]:
    """Printed names: those given, else the name itself."""
    return {name: given.get(name, name) for name in names}
