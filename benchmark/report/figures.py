"""Figures, one function each; every one returns a plotly figure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from benchmark.metrics.curve import count_curve
from benchmark.report.palette import styles

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from benchmark.comparison.units import Scored

    Array = npt.NDArray[np.float64]

THINNED = 0.0005
"""Curve points closer than this to the line through their neighbours are left out of the drawing."""


def roc_figure(scored: Scored, points: Sequence[dict[str, Any]] = ()) -> go.Figure:
    """ROC curves of all models of a cohort, with their operating points.

    Args:
        scored: Units that every model scored.
        points: Operating points: dicts with ``model, recall, fpr, recall_target``.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"color": "#9a9a9a", "dash": "dot", "width": 1},
        name="chance",
        hoverinfo="skip",
        showlegend=False,
    )
    for model, style in styles(scored.models).items():
        fpr, recall = roc_points(scored.labels, scored.scores[model].to_numpy(float))
        _add_curve(figure, model, style, fpr, recall, "FPR %{x:.3f}, recall %{y:.3f}")
    for point in points:
        _add_point(figure, scored.models, point, point["fpr"], point["recall"])
    return _square(figure, "false positive rate", "recall")


def pr_figure(scored: Scored, points: Sequence[dict[str, Any]] = ()) -> go.Figure:
    """Precision-recall curves of all models of a cohort, the prevalence as the line of chance.

    Precision is drawn as the step function that average precision sums.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    prevalence = float(scored.labels.mean())
    figure.add_scatter(
        x=[0, 1],
        y=[prevalence, prevalence],
        mode="lines",
        line={"color": "#9a9a9a", "dash": "dot", "width": 1},
        name=f"prevalence {prevalence:.3f}",
        hoverinfo="name",
    )
    for model, style in styles(scored.models).items():
        recall, precision = pr_points(scored.labels, scored.scores[model].to_numpy(float))
        _add_curve(figure, model, style, recall, precision, "recall %{x:.3f}, precision %{y:.3f}", shape="vh")
    for point in points:
        if np.isfinite(point["precision"]):
            _add_point(figure, scored.models, point, point["recall"], point["precision"])
    return _square(figure, "recall", "precision")


def roc_points(labels: npt.NDArray[np.int64], scores: Array) -> tuple[Array, Array]:
    """FPR and recall at every distinct score, from (0, 0) to (1, 1), thinned to what can be seen."""
    curve = count_curve(labels.astype(bool), scores)
    tp, fp = curve.with_origin()
    fpr, recall = fp / curve.n_negative, tp / curve.n_positive
    keep = thin(fpr, recall)
    return fpr[keep], recall[keep]


def pr_points(labels: npt.NDArray[np.int64], scores: Array) -> tuple[Array, Array]:
    """Recall and precision at every distinct score, the first point drawn out to recall 0, thinned."""
    curve = count_curve(labels.astype(bool), scores)
    recall, precision = curve.tp / curve.n_positive, curve.tp / (curve.tp + curve.fp)
    recall, precision = np.concatenate(([0.0], recall)), np.concatenate((precision[:1], precision))
    keep = thin(recall, precision)
    return recall[keep], precision[keep]


def thin(x: Array, y: Array, tolerance: float = THINNED) -> npt.NDArray[np.intp]:
    """Indices of the points to draw, so that no point of the curve is further than ``tolerance`` from the drawing.

    Walks along the curve and starts a new stretch whenever the curve leaves the box of ``tolerance`` around the
    last point kept; the points before and after a jump are kept both, so steps stay steps.
    """
    n = len(x)
    if n <= 500:
        return np.arange(n)
    cells = np.stack((np.floor(x / tolerance), np.floor(y / tolerance)), axis=1)
    change = np.flatnonzero((cells[1:] != cells[:-1]).any(axis=1))
    kept: npt.NDArray[np.intp] = np.unique(np.concatenate(([0], change, change + 1, [n - 1])))
    return kept


def _add_curve(
    figure: go.Figure, model: str, style: dict[str, str], x: Array, y: Array, hover: str, shape: str = "linear"
) -> None:
    figure.add_scatter(
        x=np.round(x, 4),
        y=np.round(y, 4),
        mode="lines",
        name=escape(model),
        legendgroup=escape(model),
        line={**style, "width": 2, "shape": shape},
        hovertemplate=hover + "<extra>%{fullData.name}</extra>",
    )


def _add_point(figure: go.Figure, models: Sequence[str], point: dict[str, Any], x: float, y: float) -> None:
    model = str(point["model"])
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        legendgroup=escape(model),
        showlegend=False,
        name=escape(model),
        marker={"color": styles(models)[model]["color"], "size": 8, "line": {"color": "white", "width": 1}},
        hovertemplate=f"recall ≥ {point['recall_target']}: %{{x:.3f}}, %{{y:.3f}}<extra>{escape(model)}</extra>",
    )


def _square(figure: go.Figure, x: str, y: str) -> go.Figure:
    axis = {"range": [-0.01, 1.01], "constrain": "domain", "zeroline": False, "dtick": 0.2, "gridcolor": "#e5e5e5"}
    figure.update_layout(
        template="plotly_white",
        height=460,
        margin={"l": 60, "r": 20, "t": 20, "b": 60},
        xaxis={**axis, "title": {"text": x}},
        yaxis={**axis, "title": {"text": y}, "scaleanchor": "x"},
        legend={"orientation": "h", "y": -0.18},
        hovermode="closest",
    )
    return figure
