"""Time to event: concordance, AUC and Brier score by year, their differences, and calibration at each year."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals, estimate_text, p_value
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.holm_family import family_size
from benchmark.report.tables.performance import is_best_of
from benchmark.wording import counted

TITLES = {
    "harrell_c": "Harrell's C",
    "uno_c": "Uno's C",
    "dynamic_auc": "AUC (IPCW)",
    "mean_dynamic_auc": "Mean AUC",
    "sybil_auc": "AUC (Sybil's)",
    "brier_at": "Brier",
    "integrated_brier": "Integrated Brier",
}
FEWEST_EVENTS = 15
"""Intervals of AUC and C cover 89 to 92 % with about 7 events, 93 to 97 % with 15 and more (docs/api.md)."""
LOWER_IS_BETTER = ("brier_at", "integrated_brier")
DEFINITIONS = (
    "AUC (IPCW): cases had the event by the year, weighted by the inverse chance not to be censored before "
    "(Kaplan–Meier of the censoring just before the event), controls are followed beyond it. AUC (Sybil's): no "
    "weights, those censored before the year left out. Uno's C: up to the year given. Mean AUC: weighted by the "
    "share of events of each year. Intervals: bootstrap over patients, weights estimated anew, on the logit scale."
)


def survival_table(values: pd.DataFrame, names: Names, notes: Sequence[str] = ()) -> Table:
    """A block of rows a cohort and measure of it, a row a model, the interval beside each number."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    remarks: dict[str, None] = {}
    for (cohort, metric, year), part in values.groupby(["cohort", "metric", "year"], sort=False):
        first = part.iloc[0]
        by = f" by year {year}" if year else ""
        events, patients = counted(first["n_events"], "event"), counted(first["n"], "patient")
        size = f"{events}, {count(first['censored'])} censored before"
        heading = f"{names.cohort(str(cohort))}, {_measure(str(metric), int(str(year)))}"
        heading += f": {size}" if by else f": {patients}, {events}"
        blocks.append((len(rows), heading))
        competing = names.competing(part, str(cohort))["value"]
        best = decimals(competing.min() if metric in LOWER_IS_BETTER else competing.max())
        for row in part.to_dict("records"):
            competes = len(part) > 1 and names.competes(str(cohort), row["model"])
            text = estimate_text(row["value"], row["low"], row["high"])
            title = names.on(str(cohort), row["model"])
            rows.append(
                (
                    Cell(title),
                    Cell(text, competes and is_best_of(decimals(row["value"]), best, map(decimals, competing))),
                )
            )
            if row["note"]:
                remarks[
                    f"{names.model(row['model'])}, {_measure(str(metric), int(str(year)))}: {row['note']}."
                ] = None
    sentences = [f"{note[:1].upper()}{note[1:]}." for note in dict.fromkeys(notes)]
    marks = names.notes(values["cohort"])
    if (values["low"].notna() & (values["n_events"] < FEWEST_EVENTS)).any():
        sentences.append(
            f"With fewer than {FEWEST_EVENTS} events an interval holds the truth less often than it says."
        )
    return Table(
        "Time to event",
        ("Model", "Value (95 % interval)"),
        tuple(rows),
        (),
        (DEFINITIONS, *sentences, *remarks, *marks),
        "tab:survival",
        tuple(blocks),
    )


def survival_differences_table(pairs: pd.DataFrame, names: Names) -> Table:
    """A block of rows a cohort and measure: differences by pair and year, the interval before the p-value."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, metric), part in pairs.groupby(["cohort", "metric"], sort=False):
        blocks.append((len(rows), f"{names.cohort(str(cohort))}, {TITLES[str(metric)]}"))
        rows += [_difference_cells(row, names) for row in part.to_dict("records")]
    return Table(
        "Time to event: differences on the same patients",
        ("Models", "Year", "Difference (95 % interval)", "p", "p (Holm)"),
        tuple(rows),
        (),
        (
            "Expanded percentile limits of the paired bootstrap over patients; p inverts the interval. Holm over "
            f"all pairs and years of a measure on a cohort{family_size(pairs, ['cohort', 'metric'])}. "
            "Bold: Holm p < 0.05. Of Brier scores lower is better.",
            *names.notes(pairs["cohort"]),
        ),
        "tab:survival-differences",
        tuple(blocks),
    )


def survival_calibration_table(calibration: pd.DataFrame, names: Names) -> Table:
    """A block of rows a cohort and model: predicted and observed risk by each year, and their ratio."""
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    whole = calibration[calibration["group"] == 0]
    for (cohort, model), part in whole.groupby(["cohort", "model"], sort=False):
        blocks.append((len(rows), f"{names.cohort(str(cohort))}, {names.model(str(model))}"))
        rows += [
            (
                Cell(str(row["year"])),
                Cell(decimals(row["predicted"])),
                Cell(estimate_text(row["observed"], row["low"], row["high"])),
                Cell(estimate_text(row["ratio"], row["ratio_low"], row["ratio_high"], 2)),
                Cell(count(row["n_events"])),
            )
            for row in part.to_dict("records")
        ]
    return Table(
        "Calibration at each year",
        ("Year", "Mean predicted", "Observed (95 % interval)", "Observed / expected", "Events"),
        tuple(rows),
        (),
        ("Observed: 1 − Kaplan–Meier, limits by log(−log). By group of risk: survival_calibration.csv.",),
        "tab:survival-calibration",
        tuple(blocks),
    )


def _measure(metric: str, year: int) -> str:
    return f"{TITLES[metric]}, year {year}" if year else TITLES[metric]


def _difference_cells(row: dict[Any, Any], names: Names) -> tuple[Cell, ...]:
    return (
        Cell(names.pair(str(row["cohort"]), str(row["model_a"]), str(row["model_b"]))),
        Cell(str(row["year"]) if row["year"] else "all"),
        Cell(estimate_text(row["difference"], row["low"], row["high"])),
        Cell(p_value(row["p_value"], row["attainable_p"])),
        Cell(p_value(row["p_holm"], row["attainable_p"]), bool(row["p_holm"] < 0.05)),
    )
