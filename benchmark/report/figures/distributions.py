"""Score distributions by label, a row a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.report.figures.base import AnyArray, Styles, new_figure, rounded, safe
from benchmark.report.printing.names import Names
from benchmark.report.printing.palette import GRID, INK, SOFT

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from benchmark.comparison.units import Scored

BINS = 40
FEW = 8
"""Models up to which a row is tall."""


def distribution_figure(scored: Scored, styles: Styles, names: Names) -> go.Figure:
    """Histograms of each model's scores: positives upwards in colour, negatives downwards in grey.

    Both are shares of their class, so a rare class stays visible. Probabilities share the axis 0 to 1, other
    scores span their own range.

    Args:
        scored: Units that every model scored.
        styles: Colour of each model.
        names: Printed names.
    """
    models = scored.models
    height = 1.0 / max(len(models), 1)
    figure = new_figure("", "", height=40 + (104 if len(models) <= FEW else 72) * max(len(models), 1))
    layout: dict[str, object] = {}
    for row, model in enumerate(models):
        scores, positive = scored.scores[model].to_numpy(float), scored.labels == 1
        whole = scored.kinds.get(model) == "probability"
        low, high = (0.0, 1.0) if whole else (float(scores.min()), float(scores.max()))
        edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
        suffix = "" if row == 0 else str(row + 1)
        top = 1 - row * height
        shares = [_shares(scores[part], edges) for part in (positive, ~positive)]
        largest = max(float(np.max(share)) for share in shares) or 1.0
        middles = rounded((edges[1:] + edges[:-1]) / 2, 6)
        for share, sign, colour, label in zip(
            shares, (1, -1), (styles[model]["color"], SOFT), LABELS, strict=True
        ):
            figure.add_bar(
                x=middles,
                y=rounded(sign * share),
                customdata=rounded(share),
                marker={"color": colour, "line": {"width": 0}},
                name=label,
                xaxis=f"x{suffix}",
                yaxis=f"y{suffix}",
                showlegend=False,
                hovertemplate="score %{x:.3f}: %{customdata:.1%} of the " + f"{label}s<extra></extra>",
            )
        axis = {
            "gridcolor": GRID,
            "linecolor": SOFT,
            "automargin": True,
            "zeroline": False,
            "range": [edges[0], edges[-1]],
        }
        layout[f"xaxis{suffix}"] = {**axis, "anchor": f"y{suffix}", "domain": [0, 1], "tickfont": {"size": 11}}
        layout[f"yaxis{suffix}"] = {
            "domain": [max(top - height * 0.72, 0), top - height * 0.1], "visible": False,
            "range": [-1.1 * largest, 1.1 * largest], "anchor": f"x{suffix}",
        }  # fmt: skip
        figure.add_annotation(
            x=0, y=top, xref="paper", yref="paper", text=f"<b>{safe(names.model(model))}</b>", showarrow=False,
            xanchor="left", yanchor="top", font={"size": 12, "color": INK},
        )  # fmt: skip
    figure.update_layout(**layout, barmode="overlay", bargap=0.08, margin={"l": 16, "b": 24})
    return figure


LABELS = ("positive", "negative")


def _shares(scores: AnyArray, edges: AnyArray) -> AnyArray:
    counts = np.histogram(scores, edges)[0].astype(float)
    return counts / counts.sum() if counts.sum() else counts
