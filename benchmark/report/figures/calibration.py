"""Reliability diagram and decision curve."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.comparison.calibration import probability_models
from benchmark.metrics import calibration_curve, decision_curve
from benchmark.report.figures.base import (
    LEGEND,
    AnyArray,
    Styles,
    add_band,
    add_line,
    legend_below,
    new_figure,
    rounded,
    safe,
    unit_axes,
    wrapped,
)
from benchmark.report.printing.names import Names

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from benchmark.comparison.units import Scored

BANDS_SHOWN = 4
THRESHOLDS = np.round(np.concatenate((np.arange(0.005, 0.1, 0.005), np.arange(0.1, 0.501, 0.01))), 3)


def reliability_figure(scored: Scored, styles: Styles, names: Names) -> go.Figure:
    """Observed against predicted risk: smoothed curve with its band, and means of tenths of the cases.

    Args:
        scored: Units that every model scored, of both classes.
        styles: Colour, dash and symbol of each model.
        names: Printed names.
    """
    figure = unit_axes(new_figure("predicted risk", "observed share"))
    add_line(figure, (0, 1), (0, 1), "ideal")
    models = probability_models(scored)
    for model in models:
        p, style, title = scored.scores[model].to_numpy(float), styles[model], names.model(model)
        curve = calibration_curve(scored.labels, p, clusters=scored.repeated, points=51)
        shown = np.isfinite(curve.observed)
        if shown.any() and len(models) <= BANDS_SHOWN:
            add_band(figure, curve.predicted[shown], curve.low[shown], curve.high[shown], title, style)
        figure.add_scatter(
            x=rounded(curve.predicted[shown]),
            y=rounded(curve.observed[shown]),
            mode="lines",
            name=wrapped(title, LEGEND)[0],
            legendgroup=safe(title),
            line={"color": style["color"], "dash": style["dash"], "width": 2.2},
            hovertemplate="predicted %{x:.3f}, observed %{y:.3f}<extra>%{fullData.name}</extra>",
        )
        predicted, observed, n = tenths(scored.labels, p)
        figure.add_scatter(
            x=rounded(predicted),
            y=rounded(observed),
            customdata=n.tolist(),
            mode="markers",
            name=safe(title),
            legendgroup=safe(title),
            showlegend=False,
            marker={"color": style["color"], "symbol": style["symbol"], "size": 7, "opacity": 0.8},
            hovertemplate="%{customdata} cases: (%{x:.3f}, %{y:.3f})<extra>%{fullData.name}</extra>",
        )
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(scaleanchor="x", constrain="domain")
    return legend_below(figure)


def decision_figure(scored: Scored, styles: Styles, names: Names) -> go.Figure:
    """Net benefit over threshold probabilities, treating all and none beside; see `reliability_figure`."""
    figure = new_figure("threshold probability", "net benefit per patient")
    low, high = 0.0, 0.0
    everyone: AnyArray | None = None
    for model in probability_models(scored):
        curve = decision_curve(scored.labels, scored.scores[model].to_numpy(float), THRESHOLDS)
        style, title = styles[model], names.model(model)
        everyone, high = curve.treat_all, max(high, float(curve.net_benefit.max()))
        low = min(low, float(curve.net_benefit.min()))
        figure.add_scatter(
            x=rounded(THRESHOLDS),
            y=rounded(curve.net_benefit, 5),
            mode="lines",
            name=wrapped(title, LEGEND)[0],
            legendgroup=safe(title),
            line={"color": style["color"], "dash": style["dash"], "width": 2.2},
            hovertemplate="at %{x:.1%}: %{y:.4f}<extra>%{fullData.name}</extra>",
        )
    if everyone is not None:
        add_line(figure, rounded(THRESHOLDS), rounded(everyone, 5), "treat all", dash="dash")
    add_line(figure, (0, 0.5), (0, 0), "treat none")
    top = max(high, float(everyone.max()) if everyone is not None else 0.0, 0.01)
    figure.update_xaxes(tickformat=".0%", range=[0, 0.5])
    figure.update_yaxes(range=[max(low, -0.35 * top) - 0.02 * top, top * 1.08])
    return legend_below(figure)


def tenths(labels: AnyArray, p: AnyArray) -> tuple[AnyArray, AnyArray, AnyArray]:
    """Mean prediction, observed share and number of cases in tenths of the cases ordered by prediction."""
    order = np.argsort(p, kind="stable")
    parts = [part for part in np.array_split(order, 10) if part.size]
    return (
        np.array([p[part].mean() for part in parts]),
        np.array([labels[part].mean() for part in parts]),
        np.array([part.size for part in parts]),
    )
