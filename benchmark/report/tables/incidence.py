"""Cumulative incidence of the event in groups of predicted risk."""

from __future__ import annotations

import pandas as pd

from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, estimate_text, threshold_text
from benchmark.report.printing.table import Cell, Table


def incidence_table(incidence: pd.DataFrame, names: Names) -> Table:
    """Share with the event by each year, a row a group of risk, a block a cohort and model.

    Args:
        incidence: Of `benchmark.comparison.incidence.incidence_rows`.
        names: Printed names.
    """
    whole = incidence[(incidence["year"] > 0) & (incidence["year"] == incidence["year"].round())]
    years = sorted(set(whole["year"]))
    rows: list[tuple[Cell, ...]] = []
    blocks = []
    for (cohort, model), part in whole.groupby(["cohort", "model"], sort=False):
        title = names.on(str(cohort), str(model))
        blocks.append((len(rows), f"{names.cohort(str(cohort))}, {title}"))
        for number, own in part.groupby("group", sort=False):
            first = own.iloc[0]
            span = f"{threshold_text(first['risk_low'])} to {threshold_text(first['risk_high'])}"
            told = {row["year"]: row for row in own.to_dict("records")}
            cells = [
                estimate_text(told[year]["incidence"], told[year]["low"], told[year]["high"])
                if year in told
                else ""
                for year in years
            ]
            label = f"{risk_group(int(str(number)), int(first['groups']))} ({span})"
            rows.append(tuple(map(Cell, (label, count(first["n"]), *cells))))
    return Table(
        "Cumulative incidence by group of predicted risk",
        ("Group (risk)", "Patients", *(f"Year {year:g}" for year in years)),
        tuple(rows),
        (),
        (
            "1 − Kaplan–Meier with 95 % limits by log(−log), in groups of equal size by each model's risk; equal "
            "risks "
            "stay together. Death from other causes counts as the end of follow-up. Curves: "
            "survival_incidence.csv.",
            *names.notes(incidence["cohort"]),
        ),
        "tab:incidence",
        tuple(blocks),
    )


def risk_group(number: int, groups: int) -> str:
    """What a group is called: lowest, middle, highest third."""
    fraction = {2: "half", 3: "third", 4: "quarter", 5: "fifth"}.get(groups, "group")
    if groups == 1:
        return "All"
    if number in (1, groups):
        return f"{'Lowest' if number == 1 else 'Highest'} {fraction}"
    return f"Middle {fraction}" if groups == 3 else f"{number}. {fraction}"
