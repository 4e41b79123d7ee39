"""Trials of a search as parallel coordinates: a line a trial, from what it varied to what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmark.report.figures.base import FONT, rounded, safe
from benchmark.report.printing.palette import INK
from benchmark.report.tables.trials import TITLES, setting_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST_TICKS = 12
"""Different values of a setting up to which each has its tick."""
_SCALE = ((0.0, "#56B4E9"), (0.5, "#0072B2"), (1.0, "#D55E00"))


def trials_figure(trials: pd.DataFrame, varied: Sequence[str], by: str, log: Sequence[str] = ()) -> go.Figure:
    """Axes of the settings, then of the metrics; the colour of a line is the metric that chooses.

    A trial without metrics, which diverged or failed, ends below the metric axes at a mark of its own.

    Args:
        trials: See ``trial_table``.
        varied: The settings' columns.
        by: The metric that chooses.
        log: Settings whose logarithm is drawn.
    """
    import plotly.graph_objects as go

    names = [by, *(name for name in TITLES if name != by)]
    axes = [_axis_of_setting(name, trials[name], log=name in log) for name in varied]
    axes += [_axis_of_metric(TITLES[name], trials[name]) for name in names]
    colour = trials[by].astype(float)
    worst = (colour.max() if by == "log_loss" else colour.min()) if colour.notna().any() else 0.0
    figure = go.Figure(
        go.Parcoords(
            dimensions=axes,
            line={
                "color": rounded(colour.fillna(worst), 6),
                "colorscale": [list(step) for step in _SCALE],
                "reversescale": by == "log_loss",
                "showscale": colour.nunique() > 1,
                "colorbar": {"title": {"text": TITLES[by]}, "thickness": 12},
            },
            labelfont={"size": 13},
            tickfont={"size": 12},
        )
    )
    figure.update_layout(
        template=go.layout.Template(),
        paper_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": INK},
        height=440,
        margin={"l": 90, "r": 40, "t": 60, "b": 30},
    )
    return figure


def _axis_of_setting(name: str, values: pd.Series[Any], *, log: bool) -> dict[str, Any]:
    """An axis of numbers where all are numbers, else of the texts in the order in which they come."""
    label, numbers = safe(name), pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        texts = list(dict.fromkeys(values.astype(str)))
        places = [texts.index(text) for text in values.astype(str)]
        return {"label": label, "values": places, "tickvals": list(range(len(texts))),
                "ticktext": [safe(text) for text in texts], "range": _widened(0, len(texts) - 1)}  # fmt: skip
    drawn = np.log10(numbers) if log else numbers
    axis = {"label": label, "values": rounded(drawn, 9), "range": _widened(drawn.min(), drawn.max())}
    ticks = {place: setting_text(value) for place, value in sorted(zip(drawn, values, strict=True))}
    if len(ticks) > _MOST_TICKS:
        if not log:
            return axis
        chosen = np.linspace(drawn.min(), drawn.max(), 6)
        ticks = {place: f"{10**place:.2g}" for place in chosen}
    return axis | {"tickvals": rounded(list(ticks), 9), "ticktext": [safe(text) for text in ticks.values()]}


def _axis_of_metric(title: str, values: pd.Series[Any]) -> dict[str, Any]:
    """An axis of a metric, with a place below it for trials that have none."""
    known = values.dropna().astype(float)
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    low, high = _widened(low, high) if low == high else (low, high)
    lacking = low - 0.15 * (high - low)
    axis: dict[str, Any] = {"label": title, "values": rounded(values.astype(float).fillna(lacking), 6)}
    if len(known) == len(values):
        return axis | {"range": [low, high]}
    ticks = np.linspace(low, high, 6)
    return axis | {"range": [lacking, high], "tickvals": rounded([lacking, *ticks], 6),
                   "ticktext": ["none", *(f"{tick:.3f}" for tick in ticks)]}  # fmt: skip


def _widened(low: float, high: float) -> list[float]:
    """Ends of an axis; of a single value some room around it."""
    return [float(low), float(high)] if low < high else [float(low) - 0.5, float(high) + 0.5]
