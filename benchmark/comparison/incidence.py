"""Cumulative incidence by group of risk: do those whom a model puts high have the event more often, and when?"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from benchmark.metrics.inputs import Array, Codes
from benchmark.metrics.kaplan_meier import groups_of_risk, kaplan_meier

INCIDENCE: Final = (
    "cohort", "model", "group", "groups", "risk_low", "risk_high", "n", "year", "incidence", "low", "high",
    "at_risk",
)  # fmt: skip
GROUPS: Final = 3
"""Thirds of the patients by predicted risk."""
POINTS: Final = 200
"""Most points of a curve; with more event times it is told at this many evenly spaced ones."""


def incidence_rows(
    cohort: str, model: str, time: Array, event: Codes, risk: Array, years: Array, groups: int = GROUPS
) -> pd.DataFrame:
    """Share with the event over time, 1 − Kaplan–Meier, in each group of a model's risk.

    Args:
        cohort: Name of the cohort.
        model: Name of the model.
        time: Years to the event or to the end of follow-up, ``(n,)``.
        event: 1 or 0, ``(n,)``.
        risk: By which patients are grouped, ``(n,)``.
        years: Years that are always told, ascending, the last of them the end of the curves.
        groups: Groups of nearly equal size, at most; equal risks stay together.

    Returns:
        ``INCIDENCE``, a row a group, the lowest first, and time: 0, the years, and the times of events between.
    """
    group = groups_of_risk(risk, groups)
    last = float(years[-1])
    at = np.unique(time[(event == 1) & (time <= last)])
    if at.size > POINTS:
        at = np.linspace(0, last, POINTS + 1)
    at = np.unique(np.concatenate(([0.0], years.astype(np.float64), at)))
    rows = []
    for number in range(int(group.max()) + 1):
        own = group == number
        curve = kaplan_meier(time[own], event[own])
        low, high = curve.incidence_limits_at(at)
        told = {"year": at, "incidence": curve.incidence_at(at), "low": low, "high": high}
        told["at_risk"] = (time[own][:, None] >= at[None, :]).sum(axis=0)
        table = pd.DataFrame(told)
        table["cohort"], table["model"], table["n"] = cohort, model, int(own.sum())
        table["group"], table["groups"] = number + 1, int(group.max()) + 1
        table["risk_low"], table["risk_high"] = float(risk[own].min()), float(risk[own].max())
        rows.append(table)
    return pd.concat(rows, ignore_index=True)[list(INCIDENCE)]
