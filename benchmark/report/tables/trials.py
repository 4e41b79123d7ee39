"""The trials of a search over settings, for readers."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from benchmark.report.printing.numbers import MISSING, count, decimals
from benchmark.report.printing.table import Cell, Table

TITLES = {"auroc": "AUROC", "auprc": "AUPRC", "log_loss": "log loss"}
"""Metric of validation folds → what is printed for it."""
OF_COHORT = "auroc_of_"
"""What the column of a single cohort's AUROC begins with."""


def trial_table(trials: pd.DataFrame, varied: Sequence[str], by: str) -> Table:
    """A row a trial: what it varied, mean ± SD over validation folds, and what came of it; the chosen one is bold.

    Args:
        trials: ``trial, run, state, choice``, a column a setting, the metrics of ``TITLES`` each with its ``_sd``,
            ``n``, ``n_positive`` and of several cohorts ``auroc_of_<cohort>``.
        varied: The settings' columns.
        by: The metric that chooses.
    """
    cohorts = [name for name in map(str, trials) if name.startswith(OF_COHORT)]
    names = [by, *(name for name in TITLES if name != by)]
    rows = []
    for row in trials.to_dict("records"):
        outcome = row["choice"] or ("" if row["state"] == "done" else row["state"])
        cells = [row["run"], *(setting_text(row[name]) for name in varied)]
        cells += [_mean_and_deviation(row[name], row[f"{name}_sd"]) for name in names]
        cells += [decimals(row[name]) for name in cohorts]
        cells += [_counted(row["n"]), _counted(row["n_positive"]), outcome]
        rows.append(tuple(Cell(str(cell), bold=row["choice"] == "chosen") for cell in cells))
    columns = ["run", *varied, *(TITLES[name] for name in names)]
    columns += [f"AUROC {name.removeprefix(OF_COHORT)}" for name in cohorts]
    columns += ["nodules", "malignant", ""]
    notes = (
        "Validation folds, labelled nodules as units; mean ± SD over folds. Held-out patients take no part.",
        f"Chosen by the mean {TITLES[by]}, which says how the settings compare and not how the model does on "
        "others: the best of several is too good by chance.",
    )
    return Table("Trials", tuple(columns), tuple(rows), notes=notes)


def setting_text(value: object) -> str:
    """A setting's value: of a number four significant digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _mean_and_deviation(mean: float, deviation: float) -> str:
    text = decimals(mean)
    return text if text == MISSING else f"{text} ± {decimals(deviation)}"


def _counted(number: float) -> str:
    return MISSING if pd.isna(number) else count(float(number))
