"""Models × cohorts of one metric: the table for comparisons on many cohorts."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from benchmark.comparison.measured import metrics_of_columns
from benchmark.metrics.registry import named_metric
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count, decimals
from benchmark.report.printing.table import Cell, Table
from benchmark.report.tables.performance import metric_cell, notes_on_performance

MANY_COHORTS = 3
"""Cohorts above which a block of rows a cohort is too long to compare by eye."""


def grid_table(
    performance: pd.DataFrame,
    names: Names,
    *,
    metric: str = "auroc",
    uneven: Collection[str] = (),
    intervals: bool = True,
) -> Table:
    """A row a model, a column a cohort, the best of each column bold.

    Args:
        performance: As `performance_table` takes it.
        names: Printed names.
        metric: Which metric.
        uneven: Cohorts whose models stand on different patients; no best one is marked there.
        intervals: Whether 95 % intervals stand beside the values; a terminal has no room for them.
    """
    named = named_metric(metric)
    cohorts = list(dict.fromkeys(performance["cohort"]))
    rows = []
    for model in dict.fromkeys(performance["model"]):
        cells = [Cell(names.model(model))]
        for cohort in cohorts:
            here = performance[performance["cohort"] == cohort]
            cell = metric_cell(here, cohort, model, named, names, cohort not in uneven)
            if not intervals:
                value = here.loc[here["model"] == model, metric]
                text = decimals(float(value.iloc[0]) if len(value) else None) + names.mark(cohort, model)
                cell = Cell(text, cell.bold)
            cells.append(cell)
        rows.append(tuple(cells))
    others = [other for other in metrics_of_columns(performance) if other.canonical != metric]
    without = performance[[c for c in performance.columns if not c.startswith(tuple(o.canonical for o in others))]]
    sizes = "; ".join(f"{names.cohort(cohort)} {_size(performance, cohort)}" for cohort in cohorts)
    return Table(
        f"{named.title} of every model on every cohort{' (95 % interval)' if intervals else ''}",
        ("Model", *map(names.cohort, cohorts)),
        tuple(rows),
        (),
        (*notes_on_performance(without, names, uneven, None), f"{names.unit.capitalize()}s (positive): {sizes}."),
        f"tab:grid-{named.stem}",
    )


def _size(performance: pd.DataFrame, cohort: str) -> str:
    here = performance[performance["cohort"] == cohort]
    low, high = here["n"].min(), here["n"].max()
    if low != high:
        return f"{count(low)} to {count(high)}"
    return f"{count(low)} ({count(here['n_positive'].iloc[0])})"
