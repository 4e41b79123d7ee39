"""Traces of a plotly figure, drawn by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.report.manuscript.refusal import only_known
from benchmark.report.manuscript.style import POINT

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

SYMBOLS = {
    "circle": "o", "square": "s", "diamond": "D", "triangle-up": "^", "triangle-down": "v", "cross": "P", "x": "X",
    "star": "*", "hexagon": "h", "pentagon": "p", "line-ns": "|",
}  # fmt: skip
DASHES: dict[str, Any] = {
    "solid": "solid", "dot": (0, (1, 1.4)), "dash": (0, (4, 2)), "longdash": (0, (8, 2.5)),
    "dashdot": (0, (4, 1.6, 1, 1.6)),
}  # fmt: skip
STEPS = {"linear": "default", "vh": "steps-pre", "hv": "steps-post"}
_IGNORED = {"type", "name", "legendgroup", "showlegend", "hoverinfo", "hovertemplate", "customdata", "xaxis",
            "yaxis", "hoverlabel", "hoveron", "meta", "uid", "legendrank", "cliponaxis"}  # fmt: skip
_SCATTER = {"x", "y", "mode", "line", "marker", "fill", "fillcolor", "opacity", "error_x", "error_y"}


def draw_trace(axes: Axes, trace: Mapping[str, Any]) -> None:
    """Draw one trace.

    Args:
        axes: Where.
        trace: The trace as plotly's own dict.

    Raises:
        ValueError: It has what is not drawn here, so that nothing is left out unseen.
    """
    kind = trace.get("type", "scatter")
    if kind == "bar":
        _draw_bars(axes, trace)
    elif kind == "scatter":
        _draw_scatter(axes, trace)
    else:
        raise ValueError(f"a figure file cannot hold a trace of type {kind!r}")


def line_look(trace: Mapping[str, Any]) -> dict[str, Any]:
    """How matplotlib draws a trace's line and markers, for the trace and for its legend."""
    line, marker, mode = trace.get("line", {}), trace.get("marker", {}), trace.get("mode", "lines")
    only_known(line, {"color", "dash", "width", "shape"}, "line")
    only_known(marker, {"color", "symbol", "size", "opacity", "line"}, "marker")
    look: dict[str, Any] = {"linestyle": "none", "alpha": trace.get("opacity", 1.0)}
    if "lines" in mode:
        look |= {"linestyle": DASHES[line.get("dash", "solid")], "linewidth": line.get("width", 2) * POINT}
    look["color"] = colour(line.get("color") or marker.get("color"))
    if "markers" in mode:
        symbol = marker.get("symbol", "circle")
        open_ = symbol.endswith("-open")
        filled = colour(marker.get("color") or line.get("color"))
        edge = marker.get("line", {})
        look |= {
            "marker": SYMBOLS[symbol.removesuffix("-open")],
            "markersize": marker.get("size", 6) * POINT,
            "markerfacecolor": "none" if open_ else filled,
            "markeredgecolor": filled if open_ else colour(edge.get("color")) if edge else "none",
            "markeredgewidth": (edge.get("width", 1) if not open_ else 1.5) * POINT if edge or open_ else 0,
        }
        if "lines" not in mode:
            look["alpha"] *= marker.get("opacity", 1.0)
    return look


def colour(text: str | None) -> Any:  # noqa: ANN401
    """A CSS colour, also ``rgba(...)``, as matplotlib reads it."""
    from benchmark.report.printing.palette import INK

    if text and text.startswith("rgb"):
        parts = [float(part) for part in text[text.index("(") + 1 : -1].split(",")]
        return (*(part / 255 for part in parts[:3]), *parts[3:])
    return text or INK


def _draw_scatter(axes: Axes, trace: Mapping[str, Any]) -> None:
    only_known(trace, _SCATTER | _IGNORED, "scatter")
    x, y = trace_numbers(trace.get("x")), trace_numbers(trace.get("y"))
    if trace.get("fill"):
        if trace["fill"] != "toself":
            raise ValueError(f"a figure file cannot hold the filling {trace['fill']!r}")
        alpha = trace.get("opacity", 1.0)
        axes.fill(x, y, facecolor=colour(trace.get("fillcolor")), alpha=alpha, linewidth=0)
        return
    shape = trace.get("line", {}).get("shape", "linear")
    look = line_look(trace)
    lines: list[Line2D] = axes.plot(x, y, drawstyle=STEPS[shape], **look)
    if "lines" not in trace.get("mode", "lines"):
        for line in lines:
            line.set_zorder(2.5)
    for name in ("error_x", "error_y"):
        if name in trace:
            _draw_error_bars(axes, x, y, name[-1], trace[name], look)


def _draw_error_bars(
    axes: Axes,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    axis: str,
    error: Mapping[str, Any],
    look: Mapping[str, Any],
) -> None:
    only_known(error, {"type", "symmetric", "array", "arrayminus", "color", "thickness", "width"}, "error bar")
    up = trace_numbers(error["array"])
    down = trace_numbers(error["arrayminus"]) if "arrayminus" in error else up
    both = np.stack((down, up))
    axes.errorbar(
        x,
        y,
        xerr=both if axis == "x" else None,
        yerr=both if axis == "y" else None,
        fmt="none",
        ecolor=colour(error["color"]) if "color" in error else look["color"],
        elinewidth=error.get("thickness", 2) * POINT,
        capthick=error.get("thickness", 2) * POINT,
        capsize=error.get("width", 4) * POINT,
        alpha=look["alpha"],
    )


def _draw_bars(axes: Axes, trace: Mapping[str, Any]) -> None:
    only_known(trace, {"x", "y", "marker", "opacity"} | _IGNORED, "bar")
    only_known(trace.get("marker", {}), {"color", "line"}, "marker")
    x, y = trace_numbers(trace["x"]), trace_numbers(trace["y"])
    step = float(np.diff(x).min()) if len(x) > 1 else 1.0
    axes.bar(x, y, width=0.92 * step, color=colour(trace["marker"]["color"]), linewidth=0)


def trace_numbers(values: Any) -> NDArray[np.float64]:  # noqa: ANN401
    """Numbers of a trace, NaN where there is none; plotly's packed arrays too.

    Raises:
        ValueError: They are texts or dates.
    """
    if isinstance(values, Mapping):
        import base64

        return np.frombuffer(base64.b64decode(values["bdata"]), np.dtype(values["dtype"])).astype(float)
    return np.array([np.nan if value is None else value for value in (() if values is None else values)], float)
