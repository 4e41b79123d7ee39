"""A plotly figure as a matplotlib figure of a given width, all of it inside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmark.report.manuscript.axes import draw_annotation, draw_shape, set_axis
from benchmark.report.manuscript.legend import Legend, legend_of
from benchmark.report.manuscript.refusal import only_known
from benchmark.report.manuscript.style import MM, PIXEL_MM
from benchmark.report.manuscript.traces import draw_trace

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PAD, _LEGEND_GAP, _LARGEST_SQUARE = 1.2, 3.0, 110.0
"""Millimetres: around everything, between drawing and legend, and the longest edge of a square drawing."""
_LAYOUT = {"template", "paper_bgcolor", "plot_bgcolor", "font", "height", "width", "margin", "legend", "hovermode",
           "hoverlabel", "showlegend", "barmode", "bargap", "shapes", "annotations", "uirevision",
           "dragmode", "modebar", "meta"}  # fmt: skip


@dataclass
class Drawn:
    """A figure while it is laid out; all lengths are in millimetres.

    Attributes:
        figure: The figure.
        sheet: An empty axes over the whole drawing; shares of the paper are shares of it.
        axes: Axes by the number in plotly's names, with the part of the sheet that each takes.
        width: Width of the figure.
        height: Height of the drawing without what stands around it; 0 for a square.
        legend: What names the models, if anything.
        margins: Left, right, bottom and top of the drawing.
    """

    figure: Figure
    sheet: Axes
    axes: dict[str, tuple[Axes, tuple[float, float], tuple[float, float]]]
    width: float
    height: float
    legend: Legend | None
    margins: list[float] = field(default_factory=lambda: [12.0, 3.0, 10.0, 3.0])


def render(figure: go.Figure, width_mm: float) -> Figure:
    """Draw a plotly figure at a width; its height follows from what it shows.

    Args:
        figure: One of `benchmark.report.figures`.
        width_mm: Width of the figure.

    Returns:
        A figure that reaches from edge to edge, with nothing outside; draw it within `print_style`.

    Raises:
        ValueError: It has what cannot be drawn here.
    """
    from matplotlib.figure import Figure

    spec = figure.to_plotly_json()
    layout = spec["layout"]
    axis_names = {key for key in layout if key.startswith(("xaxis", "yaxis"))}
    only_known({key: layout[key] for key in layout if key not in axis_names}, _LAYOUT, "layout")
    canvas = Figure(figsize=(width_mm * MM, width_mm * MM), facecolor="white")
    sheet = canvas.add_axes((0.1, 0.1, 0.8, 0.8))
    sheet.set_axis_off()
    sheet.set(xlim=(0, 1), ylim=(0, 1))
    traces = [dict(trace) for trace in spec["data"]]
    drawn = Drawn(canvas, sheet, {}, width_mm, 0.0, None)
    wrapped = _add_axes(drawn, layout, traces)
    if not layout.get("yaxis", {}).get("scaleanchor"):
        drawn.height = _height(layout, traces) * PIXEL_MM * (1 + 0.44 * wrapped)
    if layout.get("showlegend") is not False:
        drawn.legend = legend_of(traces, width_mm)
    _fit(drawn)
    return canvas


def _height(layout: Mapping[str, Any], traces: Iterable[Mapping[str, Any]]) -> float:
    """Height of the drawing on the page in px, without what stands around it."""
    margin, height = layout.get("margin", {}), layout.get("height", 440)
    if layout.get("legend", {}).get("yref") == "container":  # the page's height leaves room for its legend
        names = [trace.get("name", "") for trace in traces if trace.get("showlegend") is not False]
        height -= sum(19 + 16 * name.count("<br>") for name in names)
    return float(height - margin.get("t", 12) - margin.get("b", 52))


def _add_axes(drawn: Drawn, layout: Mapping[str, Any], traces: Iterable[Mapping[str, Any]]) -> int:
    """Add the axes with all that is drawn on them; returns the lines that wrapping added to a text, at most."""
    lines = 0
    for trace in traces:
        draw_trace(_axes_of(drawn, layout, trace), trace)
    for number, (axes, *_) in drawn.axes.items():
        axes.set(facecolor="none")
        axes.spines[["top", "right"]].set_visible(False)
        for which in "xy":
            lines = max(lines, set_axis(axes, which, layout.get(f"{which}axis{number}", {}), drawn.width))
    first = next((axes for axes, *_ in drawn.axes.values()), drawn.sheet)
    by_reference = {f"x{number}": axes for number, (axes, *_) in drawn.axes.items()}
    for shape in layout.get("shapes", ()):
        draw_shape(by_reference.get(shape.get("xref", "x").split()[0], first), shape)
    for note in layout.get("annotations", ()):
        axes = by_reference.get(note.get("xref", "x").split()[0], first)
        lines = max(lines, draw_annotation(axes, note, drawn.width))
    return lines


def _axes_of(drawn: Drawn, layout: Mapping[str, Any], trace: Mapping[str, Any]) -> Axes:
    number, other = (str(trace.get(f"{which}axis") or which)[1:] for which in "xy")
    if number != other:
        raise ValueError(f"a figure file cannot hold a trace on the axes x{number} and y{other}")
    if number not in drawn.axes:
        across, upwards = (layout.get(f"{which}axis{number}", {}).get("domain", (0, 1)) for which in "xy")
        axes = drawn.figure.add_axes((0.1, 0.1, 0.8, 0.8), label=f"axes {number}")
        drawn.axes[number] = (axes, (across[0], across[1]), (upwards[0], upwards[1]))
    return drawn.axes[number][0]


def _fit(drawn: Drawn) -> None:
    """Let the margins be what labels, titles and legend need: ticks change with the size, so measure again."""
    for _ in range(8):
        total = _place(drawn)
        needed = _needed_margins(drawn, total)
        moved = max(abs(new - old) for new, old in zip(needed, drawn.margins, strict=True))
        drawn.margins = needed
        if moved < 0.2:
            break
    _place(drawn)


def _place(drawn: Drawn) -> float:
    """Place everything by the margins; returns the height of the figure."""
    left, right, bottom, top = drawn.margins
    beside, below = drawn.legend.room(_LEGEND_GAP) if drawn.legend else (0.0, 0.0)
    width = drawn.width - left - right - beside
    if drawn.height == 0:
        width = min(width, _LARGEST_SQUARE)
    height = drawn.height or width
    total = top + height + bottom + below
    if drawn.legend and beside:
        total = max(total, drawn.legend.height + 2 * _PAD)
    drawn.figure.set_size_inches(drawn.width * MM, total * MM)
    start = total - top - height
    drawn.sheet.set_position((left / drawn.width, start / total, width / drawn.width, height / total))
    for axes, (x0, x1), (y0, y1) in drawn.axes.values():
        corner = ((left + x0 * width) / drawn.width, (start + y0 * height) / total)
        axes.set_position((*corner, (x1 - x0) * width / drawn.width, (y1 - y0) * height / total))
    if drawn.legend:
        x = left + width + right + _LEGEND_GAP - _PAD if beside else _PAD
        y = total - top if beside else drawn.legend.height + _PAD
        drawn.legend.place(drawn.figure, x / drawn.width, y / total)
    return total


def _needed_margins(drawn: Drawn, total: float) -> list[float]:
    """What stands out of the drawing on each side, and the space around it."""
    scale = 1 / (drawn.figure.dpi * MM)
    boxes = [box for axes, *_ in drawn.axes.values() if (box := axes.get_tightbbox()) is not None]
    sheet = drawn.sheet.get_window_extent()
    left = max((sheet.x0 - box.x0 for box in boxes), default=0.0)
    right = max((box.x1 - sheet.x1 for box in boxes), default=0.0)
    below = max((sheet.y0 - box.y0 for box in boxes), default=0.0)
    above = max((box.y1 - sheet.y1 for box in boxes), default=0.0)
    return [max(side, 0.0) * scale + _PAD for side in (left, right, below, above)]
