"""What all figures share: layout, escaping, thinning."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmark.report.printing.palette import GRID, INK, SOFT

if TYPE_CHECKING:
    import plotly.graph_objects as go

AnyArray = npt.NDArray[Any]
Style = Mapping[str, str]
Styles = Mapping[str, Style]

FONT = "system-ui, -apple-system, Segoe UI, Roboto, Helvetica Neue, Arial, sans-serif"
THINNED = 0.0005
"""Curve points closer than this to the drawing are left out."""


def new_figure(x: str, y: str, *, height: int = 440) -> go.Figure:
    """An empty figure with titled axes and the report's fonts and colours."""
    import plotly.graph_objects as go

    figure = go.Figure()
    axis = {"gridcolor": GRID, "linecolor": SOFT, "zeroline": False, "automargin": True, "ticks": "outside"}
    axis |= {"tickcolor": SOFT, "ticklen": 4}
    figure.update_layout(
        template=go.layout.Template(),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 13, "color": INK},
        height=height,
        margin={"l": 56, "r": 16, "t": 12, "b": 52},
        xaxis={**axis, "title": {"text": x, "standoff": 8}},
        yaxis={**axis, "title": {"text": y, "standoff": 8}},
        legend={"orientation": "h", "y": -0.2, "yanchor": "top", "x": 0, "xanchor": "left"},
        hovermode="closest",
        hoverlabel={"namelength": 60},
    )
    return figure


def unit_axes(figure: go.Figure, *, x: bool = True, y: bool = True) -> go.Figure:
    """Axes from 0 to 1."""
    whole: dict[str, Any] = {"range": [-0.01, 1.01], "dtick": 0.2}
    if x:
        figure.update_xaxes(whole)
    if y:
        figure.update_yaxes(whole)
    return figure


def add_line(figure: go.Figure, x: Any, y: Any, name: str, **line: Any) -> None:  # noqa: ANN401
    """A thin grey line of reference, such as chance or the prevalence."""
    figure.add_scatter(
        x=list(x),
        y=list(y),
        mode="lines",
        line={"color": SOFT, "dash": "dot", "width": 1.2, **line},
        name=safe(name),
        hoverinfo="name",
    )


def add_band(
    figure: go.Figure, x: AnyArray, low: AnyArray, high: AnyArray, name: str, style: Mapping[str, str]
) -> None:
    """A shaded band between two limits."""
    figure.add_scatter(
        x=rounded(np.concatenate((x, x[::-1]))),
        y=rounded(np.concatenate((high, low[::-1]))),
        mode="lines",
        line={"width": 0, "color": style["color"]},
        fill="toself",
        fillcolor=style["color"],
        opacity=0.13,
        name=safe(name),
        legendgroup=safe(name),
        showlegend=False,
        hoverinfo="skip",
    )


def legend_below(figure: go.Figure, plot: int = 400) -> go.Figure:
    """Put the legend below the plot, a line an entry, and leave it room: the plot keeps its height.

    Args:
        figure: With all its traces.
        plot: Height in px of all but the legend.
    """
    entries = [trace.name or "" for trace in figure.data if trace.showlegend is not False]
    room = sum(19 + 16 * name.count("<br>") for name in entries) + 10
    # With x on the paper and y on the container plotly adds the legend's height below, and nothing at its side.
    legend = {"orientation": "v", "yref": "container", "y": 0, "yanchor": "bottom", "x": 0, "xanchor": "left"}
    figure.update_layout(height=plot + room, legend={**legend, "font": {"size": 12}, "tracegroupgap": 0})
    return figure


LEGEND = 34
"""Characters of a line of a legend: a phone shows so many."""


def safe(text: str) -> str:
    """Text that plotly shows literally: it reads tags, and dollars as the ends of a formula."""
    return escape(text, quote=False).replace("$", "&#36;")


def wrapped(text: str, width: int) -> tuple[str, int]:
    """Text in lines of at most ``width`` characters as plotly shows it, and the number of lines."""
    lines = wrap(text, width) or [""]
    return "<br>".join(map(safe, lines)), len(lines)


def rounded(values: Any, places: int = 4) -> list[float]:  # noqa: ANN401
    """Values for a drawing: short in the file, no visible change."""
    return [round(float(value), places) for value in values]


def thin(x: AnyArray, y: AnyArray, tolerance: float = THINNED) -> npt.NDArray[np.intp]:
    """Indices of the points to draw, so that no point of the curve is further than ``tolerance`` from the drawing.

    Keeps the first point of each stretch within a box of ``tolerance``, and where the curve jumps the point before
    the jump too, so steps stay steps.
    """
    n = len(x)
    if n <= 500:
        return np.arange(n)
    cells = np.stack((np.floor(x / tolerance), np.floor(y / tolerance)), axis=1)
    change = np.flatnonzero((cells[1:] != cells[:-1]).any(axis=1))
    jumps = change[(np.abs(np.diff(x)[change]) > tolerance) | (np.abs(np.diff(y)[change]) > tolerance)]
    kept: npt.NDArray[np.intp] = np.unique(np.concatenate(([0], jumps, change + 1, [n - 1])))
    return kept
