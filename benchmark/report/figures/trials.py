"""Trials of a search as parallel coordinates: a line a trial, from what it varied to what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmark.report.figures.base import new_figure, rounded, safe
from benchmark.report.printing.numbers import decimals
from benchmark.report.printing.palette import OKABE_ITO, SOFT
from benchmark.report.tables.trials import TITLES, setting_text

if TYPE_CHECKING:
    import plotly.graph_objects as go

_MOST_TICKS = 10
"""Different values of a setting up to which each has its tick."""
_LACKING = -0.12
"""Where a line ends on the axis of a metric that its trial does not have."""
_FAINTEST = 0.2


@dataclass(frozen=True)
class _Axis:
    """One axis: where each trial meets it, from 0 at its foot to 1, and its ticks."""

    title: str
    places: list[float]
    ticks: list[tuple[float, str]]


def trials_figure(trials: pd.DataFrame, varied: Sequence[str], by: str, log: Sequence[str] = ()) -> go.Figure:
    """Axes of the settings, then of the metrics; the better a trial, the darker its line; the chosen one orange.

    A trial without metrics, which diverged or failed, is dotted and ends below the axes of the metrics. Lines and
    axes are drawn, since plotly's own kind of this figure needs WebGL and code made at run time, which the page's
    policy forbids.

    Args:
        trials: See ``trial_table``.
        varied: The settings' columns.
        by: The metric that chooses.
        log: Settings whose logarithm is drawn.
    """
    names = [by, *(name for name in TITLES if name != by)]
    axes = [_axis_of_setting(name, trials[name], log=name in log) for name in varied]
    axes += [_axis_of_metric(TITLES[name], trials[name]) for name in names]
    figure = new_figure("", "", height=460)
    order = trials["choice"].eq("chosen").to_numpy().argsort(kind="stable")  # the chosen one is drawn last, on top
    darkness = _darkness(trials[by].astype(float), largest=by != "log_loss")
    for index in order:
        row = {str(name): value for name, value in trials.iloc[int(index)].items()}
        places = [axis.places[int(index)] for axis in axes]
        _add_trial(figure, row, places, _hover_text(row, [*varied, *names]), darkness[int(index)])
    for number, axis in enumerate(axes):
        _add_axis(figure, number, axis)
    figure.update_xaxes(
        tickvals=list(range(len(axes))), ticktext=[safe(axis.title) for axis in axes], side="top",
        range=[-0.5, len(axes) - 0.7], showgrid=False, ticks="", fixedrange=True,
    )  # fmt: skip
    figure.update_yaxes(visible=False, range=[_LACKING - 0.05, 1.05], fixedrange=True)
    figure.update_layout(showlegend=False, margin={"l": 30, "r": 16, "t": 44, "b": 16})
    return figure


def _add_trial(
    figure: go.Figure, row: Mapping[str, Any], places: Sequence[float], hover: str, darkness: float
) -> None:
    chosen, done = row["choice"] == "chosen", row["state"] == "done"
    colour = OKABE_ITO[1] if chosen else OKABE_ITO[0] if done else SOFT
    figure.add_scatter(
        x=list(range(len(places))),
        y=rounded(places),
        mode="lines+markers",
        name=safe(str(row["run"])),
        opacity=1.0 if chosen else darkness,
        line={"color": colour, "width": 3 if chosen else 1.6, "dash": "solid" if done else "dot"},
        marker={"color": colour, "size": 7 if chosen else 5},
        hovertemplate=f"{hover}<extra>%{{fullData.name}}</extra>",
    )


def _add_axis(figure: go.Figure, number: int, axis: _Axis) -> None:
    figure.add_shape(
        type="line", x0=number, x1=number, y0=0, y1=1, line={"color": SOFT, "width": 1}, layer="below"
    )
    for place, text in axis.ticks:
        figure.add_annotation(
            x=number, y=round(place, 4), text=safe(text), showarrow=False, xanchor="right", xshift=-8,
            font={"size": 11},
        )  # fmt: skip


def _axis_of_setting(name: str, values: pd.Series[Any], *, log: bool) -> _Axis:
    """An axis of numbers where all are numbers, else of the texts in the order in which they come."""
    numbers = pd.to_numeric(values, errors="coerce").astype(float)
    if numbers.isna().any():
        texts = list(dict.fromkeys(values.astype(str)))
        place_of = dict(zip(texts, _scaled(np.arange(len(texts), dtype=float)), strict=True))
        return _Axis(name, [place_of[text] for text in values.astype(str)], [(y, t) for t, y in place_of.items()])
    places = _scaled(np.log10(numbers.to_numpy()) if log else numbers.to_numpy())
    ticks = {place: setting_text(value) for place, value in zip(places, values, strict=True)}
    if len(ticks) > _MOST_TICKS:
        ends = numbers.min(), numbers.max()
        values_at = np.geomspace(*ends, 6) if log else np.linspace(*ends, 6)
        ticks = {place: f"{value:.2g}" for place, value in zip(np.linspace(0, 1, 6), values_at, strict=True)}
    return _Axis(name, places, sorted(ticks.items()))


def _axis_of_metric(title: str, values: pd.Series[Any]) -> _Axis:
    """An axis of a metric, with a place below it for trials that have none."""
    numbers = values.astype(float).to_numpy()
    known = np.isfinite(numbers)
    places = np.full(len(numbers), _LACKING)
    places[known] = _scaled(numbers[known])
    ticks: list[tuple[float, str]] = [] if known.all() else [(_LACKING, "none")]
    if known.any():
        low, high = numbers[known].min(), numbers[known].max()
        steps = np.linspace(0, 1, 6) if low < high else np.array([0.5])
        ticks += [(float(y), decimals(float(low + y * (high - low) if low < high else low))) for y in steps]
    return _Axis(title, places.tolist(), ticks)


def _scaled(values: Any) -> list[float]:  # noqa: ANN401
    """Places from 0 to 1; the middle for equal values."""
    low, high = min(values, default=0.0), max(values, default=0.0)
    return [float((value - low) / (high - low)) if low < high else 0.5 for value in values]


def _darkness(values: pd.Series[float], *, largest: bool) -> list[float]:
    """Opacity of each line by how good its trial is among those that have a value."""
    share = values.rank(pct=True, ascending=largest).fillna(1.0)
    return rounded(_FAINTEST + (1 - _FAINTEST) * share, 3)


def _hover_text(row: Mapping[str, Any], names: Sequence[str]) -> str:
    lines = [f"{TITLES[n]} {decimals(row[n])}" if n in TITLES else f"{n} {setting_text(row[n])}" for n in names]
    reason = [row["reason"]] if row["reason"] else []
    return "<br>".join(safe(line).replace("%{", "% {") for line in [*lines, *reason])
