"""Small multiples: a panel a model, or a year, in place of one plot of more curves than can be told apart."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.report.figures.base import AnyArray, legend_below, rounded, safe, wrapped
from benchmark.report.printing.palette import INK, SOFT

if TYPE_CHECKING:
    import plotly.graph_objects as go

MANY = 8
"""Models above which each has its own panel: so many colours there are."""

COLUMNS, HIGH, LABEL = 3, 150, 13
"""Panels beside each other, height of one in px, characters of a line of its title: a phone shows so many."""

_GRID = 101
_OF_SHARES = 0.2
"""Distance of the ticks of an axis from 0 to 1, which in a panel has three."""
_GAP = 0.06


def panels(figure: go.Figure, titles: Sequence[str], *, legend: bool = False) -> go.Figure:
    """A drawn figure with each model in a panel of its own.

    What belongs to no model, such as the line of chance, stands in every panel; behind each curve lies the range
    of all models' curves, in grey.

    Args:
        figure: One plot, whose traces of a model share its title as their legend group.
        titles: Printed names of the models, in order.
        legend: Panels are of something else, such as years: models keep their names in a legend, and nothing lies
            behind them.
    """
    import plotly.graph_objects as go

    shared = [trace for trace in figure.data if not trace.legendgroup]
    lines = [trace for trace in figure.data if trace.legendgroup and "lines" in trace.mode and not trace.fill]
    times = Counter(trace.legendgroup for trace in lines)
    names = {trace.legendgroup: trace.name for trace in lines if times[trace.legendgroup] == 1}
    labels = [_label((not legend and names.get(safe(title))) or safe(title)) for title in titles]
    for axis, which in ((figure.layout.xaxis, "x"), (figure.layout.yaxis, "y")):
        if axis.range is None:
            axis.range = _range_of(figure.data, which)
    layout = figure.layout.to_plotly_json()
    made = go.Figure(layout={key: value for key, value in layout.items() if key not in ("xaxis", "yaxis")})
    rows = -(-len(titles) // COLUMNS)
    head = 13 * max(count for _, count in labels) + 8
    height = rows * (HIGH + head + 26)
    behind = [] if legend else _range_of_all(lines)
    named: set[str] = set()
    for number, title in enumerate(titles):
        suffix = "" if number == 0 else str(number + 1)
        own = [trace for trace in figure.data if trace.legendgroup == safe(title)]
        for trace in [*behind, *shared, *own]:
            first = legend and trace.name not in named
            copied = copy.deepcopy(trace).update(xaxis=f"x{suffix}", yaxis=f"y{suffix}", showlegend=first)
            made.add_trace(copied.update(legendgroup=trace.name) if legend else copied)
            named.add(trace.name)
        _add_axes(made, figure, number, rows, (HIGH, head, height), labels[number][0])
    across, upwards = (figure.layout[axis].title.text for axis in ("xaxis", "yaxis"))
    made.add_annotation(
        text=f"across: {across}<br>upwards: {upwards}", x=0, y=0, xref="paper", yref="paper", showarrow=False,
        xanchor="left", yanchor="top", yshift=-22, align="left", font={"size": 12, "color": INK},
    )  # fmt: skip
    foot = 68
    made.update_layout(height=height + 8 + foot, showlegend=legend, margin={"l": 34, "r": 8, "t": 8, "b": foot})
    if legend:
        without = made.layout.height
        legend_below(made, without)
        made.layout.margin.b = foot + made.layout.height - without
    return made


def _label(name: str) -> tuple[str, int]:
    """A model's entry of the legend, in short lines."""
    from html import unescape

    return wrapped(unescape(name.replace("<br>", " ")), LABEL)


def _add_axes(
    made: go.Figure, figure: go.Figure, number: int, rows: int, sizes: tuple[int, int, int], label: str
) -> None:
    """The axes of one panel, with the figure's own ranges, and its title above it."""
    high, head, height = sizes
    row, column = divmod(number, COLUMNS)
    suffix = "" if number == 0 else str(number + 1)
    width = (1 - _GAP * (COLUMNS - 1)) / COLUMNS
    left, top = column * (width + _GAP), 1 - (row * (high + head + 26)) / height
    axes = {name: figure.layout[name].to_plotly_json() for name in ("xaxis", "yaxis")}
    for name, axis in axes.items():
        for without in ("title", "scaleanchor", "constrain", "automargin"):
            axis.pop(without, None)
        axis["tickfont"] = {"size": 10}
        if axis.get("dtick") == _OF_SHARES and axis.pop("dtick"):
            named = name == "xaxis" or column == 0
            axis |= {"tickvals": [0, 0.5, 1], "ticktext": ["0", "0.5", "1"] if named else [""] * 3}
        elif name == "yaxis" and "tickvals" not in axis:
            values = _round_values(*axis["range"])
            axis |= {"tickvals": values, "ticktext": [f"{v:g}" if column == 0 else "" for v in values]}
    foot = top - (head + high) / height
    across, upwards = rounded((left, left + width)), rounded((max(foot, 0), top - head / height))
    made.update_layout({
        f"xaxis{suffix}": {**axes["xaxis"], "anchor": f"y{suffix}", "domain": across},
        f"yaxis{suffix}": {**axes["yaxis"], "anchor": f"x{suffix}", "domain": upwards},
    })  # fmt: skip
    made.add_annotation(
        x=round(left, 4), y=round(top - head / height, 4), xref="paper", yref="paper", text=label, showarrow=False,
        xanchor="left", yanchor="bottom", align="left", font={"size": 10, "color": INK},
    )  # fmt: skip


def _range_of(traces: Iterable[Any], which: str) -> list[float]:
    """What an axis must show for every panel to have the same: all values with their error bars, and some room."""
    ends: list[float] = []
    for trace in traces:
        values, error = np.asarray(trace[which], float), trace[f"error_{which}"]
        up, down = (np.asarray(0 if part is None else part, float) for part in (error.array, error.arrayminus))
        ends += [*(values + up), *(values - down)]
    low, high = float(np.nanmin(ends)), float(np.nanmax(ends))
    room = 0.04 * (high - low or 1.0)
    return rounded((low - room, high + room))


def _round_values(low: float, high: float) -> list[float]:
    """Three to six round numbers within a range."""
    power = 10.0 ** np.floor(np.log10((high - low) / 3))
    step = max(power * factor for factor in (1, 2, 5) if power * factor <= (high - low) / 3)
    return [round(step * k, 10) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _range_of_all(lines: Sequence[Any]) -> list[go.Scatter]:
    """The lowest and the highest curve at each place, as a grey area."""
    import plotly.graph_objects as go

    if len(lines) < 2:
        return []
    ends = [float(value) for trace in lines for value in (np.min(trace.x), np.max(trace.x))]
    places = np.linspace(min(ends), max(ends), _GRID)
    heights = np.array([_at(trace, places) for trace in lines])
    known = np.isfinite(heights).any(axis=0)
    low, high = np.nanmin(heights[:, known], axis=0), np.nanmax(heights[:, known], axis=0)
    around = np.concatenate((places[known], places[known][::-1]))
    return [
        go.Scatter(
            x=rounded(around), y=rounded(np.concatenate((high, low[::-1])), 5), mode="lines", fill="toself",
            line={"width": 0, "color": SOFT}, fillcolor=SOFT, opacity=0.25, hoverinfo="skip", showlegend=False,
        )
    ]  # fmt: skip


def _at(trace: Any, places: AnyArray) -> AnyArray:  # noqa: ANN401 (plotly's traces have no types)
    """Height of a curve at places along it; NaN beyond its ends."""
    x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
    if trace.line.shape == "vh":
        after = np.minimum(np.searchsorted(x, places, side="left"), len(x) - 1)
        heights: AnyArray = np.where((places >= x[0]) & (places <= x[-1]), y[after], np.nan)
    else:
        heights = np.interp(places, x, y, left=np.nan, right=np.nan)
    return heights
