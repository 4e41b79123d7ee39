"""Patients that a study needs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.report.printing.numbers import count, decimals, percent
from benchmark.report.printing.table import Cell, Table
from benchmark.statistics import PatientsNeeded, PlannedWidth


def planned_table(
    title: str, found: Sequence[tuple[float, PatientsNeeded | PlannedWidth]], notes: Sequence[str]
) -> Table:
    """A row a prevalence: patients, positives and negatives among them, and what is reached.

    Args:
        title: What is planned.
        found: Prevalence and what it needs.
        notes: How it was found.
    """
    widths = isinstance(found[0][1], PlannedWidth)
    rows = tuple(
        (
            Cell(percent(prevalence)),
            Cell(count(one.n)),
            Cell(count(one.n_positive)),
            Cell(count(one.n_negative)),
            Cell(decimals(one.width if isinstance(one, PlannedWidth) else one.power)),
        )
        for prevalence, one in found
    )
    columns = ("Prevalence", "Patients", "Positive", "Negative", "Width" if widths else "Power")
    return Table(title, columns, rows, (), tuple(notes), "tab:patients-needed")
