"""Axes, shapes and annotations of a plotly figure, drawn by matplotlib."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmark.report.manuscript.refusal import only_known
from benchmark.report.manuscript.style import LETTER_MM, POINT
from benchmark.report.manuscript.text import is_bold, plain_text
from benchmark.report.manuscript.traces import DASHES, colour
from benchmark.report.printing.palette import INK, SOFT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_DRAWN = {"title", "range", "dtick", "tickvals", "ticktext", "tickformat", "tickfont", "showgrid", "gridcolor",
          "visible", "side", "domain", "anchor", "ticks", "scaleanchor", "constrain"}  # fmt: skip
_SCREEN_ONLY = {"linecolor", "zeroline", "automargin", "tickcolor", "ticklen", "fixedrange", "tickmode", "layer"}
_ALIGNED = {"left": "left", "right": "right", "center": "center", "top": "top", "bottom": "bottom",
            "middle": "center", "auto": "center"}  # fmt: skip
LABEL_SHARE = 0.36
"""Of the width, what the labels of rows may take before they are wrapped."""


def set_axis(axes: Axes, which: str, spec: Mapping[str, Any], width_mm: float) -> int:
    """Give an axis its range, ticks, grid and title.

    Args:
        axes: Where.
        which: ``x`` or ``y``.
        spec: The axis in plotly's words.
        width_mm: Width of the figure, by which labels of rows are wrapped.

    Returns:
        Lines that wrapping added to its tick labels, at most.
    """
    only_known(spec, _DRAWN | _SCREEN_ONLY, "axis")
    axis: Axis = axes.xaxis if which == "x" else axes.yaxis
    if "range" in spec:
        axes.set(**{f"{which}lim": spec["range"]})
    if spec.get("visible") is False:
        axis.set_visible(False)
        axes.spines["bottom" if which == "x" else "left"].set_visible(False)
        return 0
    title = spec.get("title", {})
    axis.set_label_text(plain_text(title.get("text")), color=INK)
    lines = _set_ticks(axis, which, spec, width_mm)
    if spec.get("showgrid") is not False:
        axis.grid(visible=True, color=colour(spec.get("gridcolor")), linewidth=0.5)
    if spec.get("side") == "top":
        axes.xaxis.tick_top()
    if spec.get("ticks") == "":
        axis.set_tick_params(length=0)
    font = spec.get("tickfont", {})
    axis.set_tick_params(labelsize=font.get("size", 13) * POINT, labelcolor=colour(font.get("color")), color=SOFT)
    return lines


def _set_ticks(axis: Axis, which: str, spec: Mapping[str, Any], width_mm: float) -> int:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    if "tickvals" in spec:
        columns = int(width_mm * LABEL_SHARE / LETTER_MM) if which == "y" else 0
        texts = spec.get("ticktext")
        wrapped = [plain_text(text, columns) for text in texts] if texts else None
        axis.set_ticks(list(spec["tickvals"]), wrapped)
        if texts:
            for label, text in zip(axis.get_ticklabels(), texts, strict=True):
                label.set_fontweight("bold" if is_bold(text) else "normal")
        return max((_added(text, one) for text, one in zip(texts or (), wrapped or (), strict=True)), default=0)
    if "dtick" in spec:
        axis.set_major_locator(MultipleLocator(spec["dtick"]))
    if "tickformat" in spec:
        pattern = spec["tickformat"]
        if not re.fullmatch(r",?(\.\d+)?[%fdg]", pattern):
            raise ValueError(f"a figure file cannot hold ticks as {pattern!r}")
        axis.set_major_formatter(FuncFormatter(lambda value, _: format(value, pattern)))
    return 0


def _added(markup: str, shown: str) -> int:
    """Lines that wrapping added to a text."""
    return shown.count("\n") - plain_text(markup).count("\n")


def draw_shape(axes: Axes, shape: Mapping[str, Any]) -> None:
    """Draw a line or a filled rectangle between two points of the axes or of the drawing."""
    known = {"type", "x0", "x1", "y0", "y1", "xref", "yref", "line", "layer"}
    line = shape.get("line", {})
    if shape["type"] == "rect":
        only_known(shape, known | {"fillcolor", "opacity"}, "rectangle")
        if line.get("width", 2):
            raise ValueError("a figure file cannot hold a rectangle with an edge")
        _fill_rectangle(axes, shape)
        return
    only_known(shape, known, "shape")
    if shape["type"] != "line":
        raise ValueError(f"a figure file cannot hold a shape of type {shape['type']!r}")
    axes.plot(
        [shape["x0"], shape["x1"]],
        [shape["y0"], shape["y1"]],
        transform=_transform(axes, shape.get("xref", "x"), shape.get("yref", "y")),
        color=colour(line.get("color")),
        linewidth=line.get("width", 2) * POINT,
        linestyle=DASHES[line.get("dash", "solid")],
        zorder=0.5 if shape.get("layer") == "below" else 1.5,
        scalex=False,
        scaley=False,
    )


def _fill_rectangle(axes: Axes, shape: Mapping[str, Any]) -> None:
    from matplotlib.patches import Rectangle

    patch = Rectangle(
        (shape["x0"], shape["y0"]),
        shape["x1"] - shape["x0"],
        shape["y1"] - shape["y0"],
        transform=_transform(axes, shape.get("xref", "x"), shape.get("yref", "y")),
        facecolor=colour(shape.get("fillcolor")),
        alpha=shape.get("opacity", 1.0),
        linewidth=0,
        zorder=0.4 if shape.get("layer") == "below" else 1.4,
    )
    axes.add_artist(patch)


def draw_annotation(axes: Axes, note: Mapping[str, Any], width_mm: float) -> int:
    """Write a text at a point, moved by the pixels that plotly moves it by.

    One that would take more than half of the width is wrapped, upwards where it stands above its point.

    Returns:
        Lines that this added to one that stands among the data.
    """
    known = {"x", "y", "xref", "yref", "text", "showarrow", "xanchor", "yanchor", "xshift", "yshift", "font",
             "align"}  # fmt: skip
    only_known(note, known, "annotation")
    if note.get("showarrow") is not False:
        raise ValueError("a figure file cannot hold an arrow")
    font, text = note.get("font", {}), note["text"]
    shown, shift = plain_text(text, int(width_mm / 2 / LETTER_MM)), note.get("yshift", 0)
    added = _added(text, shown)
    above = added > 0 and shift > 0
    axes.annotate(
        shown,
        (note["x"], note["y"]),
        xycoords=_transform(axes, note.get("xref", "x"), note.get("yref", "y")),
        xytext=(note.get("xshift", 0) * POINT, (2 if above else shift) * POINT),
        textcoords="offset points",
        ha=_ALIGNED[note.get("xanchor", "auto")],
        va="bottom" if above else _ALIGNED[note.get("yanchor", "auto")],
        fontsize=font.get("size", 13) * POINT,
        fontweight="bold" if is_bold(text) else "normal",
        color=colour(font.get("color")),
        annotation_clip=False,
    )
    return 0 if note.get("yref", "y") == "paper" else added


def _transform(axes: Axes, xref: str, yref: str) -> Any:  # noqa: ANN401
    """Coordinates of data for ``x3``, shares of the axes for ``x3 domain``; the paper is the whole drawing."""
    from matplotlib.transforms import blended_transform_factory

    whole = axes.figure.get_axes()[0].transAxes if axes.figure else axes.transAxes

    def of(ref: str) -> Any:  # noqa: ANN401
        return whole if ref == "paper" else axes.transAxes if ref.endswith("domain") else axes.transData

    return blended_transform_factory(of(xref), of(yref))
