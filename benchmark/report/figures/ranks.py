"""Critical-difference diagram (Demšar 2006): mean ranks over folds, and which models cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.report.figures.base import AnyArray, Styles, new_figure, safe
from benchmark.report.printing.names import Names
from benchmark.report.printing.palette import INK, SOFT
from benchmark.statistics import friedman_nemenyi

if TYPE_CHECKING:
    import plotly.graph_objects as go


def rank_figure(wide: pd.DataFrame, styles: Styles, names: Names) -> go.Figure:
    """Mean ranks of the models on a line, with bars over models that Nemenyi's test does not tell apart.

    Args:
        wide: Folds in rows, three models or more in columns.
        styles: Colour of each model.
        names: Printed names.
    """
    result = friedman_nemenyi(wide)
    ranks = result.mean_ranks.sort_values(kind="stable")
    models = list(ranks.index)
    figure = new_figure("mean rank over folds (1 is best)", "", height=160 + 17 * len(models))
    half = (len(models) + 1) // 2
    for place, model in enumerate(models):
        left = place < half
        y = -float(place + 1 if left else len(models) - place)
        _add_model(figure, float(ranks[model]), y, left, len(models), styles[model], names.model(model))
    top = _add_groups(figure, ranks.to_numpy(float), result.critical_difference)
    _add_scale(figure, result.critical_difference, top + 0.9)
    figure.update_xaxes(
        range=[-0.05, len(models) + 1.05], tickvals=list(range(1, len(models) + 1)), showgrid=False
    )
    figure.update_yaxes(visible=False, range=[-half - 0.7, top + 1.8])
    return figure


def _add_model(
    figure: go.Figure, rank: float, y: float, left: bool, count: int, style: Mapping[str, str], title: str
) -> None:
    """A line from a model's rank down and out to its name, the better half to the left."""
    edge = 0.0 if left else count + 1.0
    figure.add_scatter(
        x=[rank, rank, edge],
        y=[0, y, y],
        mode="lines",
        line={"color": style["color"], "width": 1.6},
        name=safe(title),
        hovertemplate=f"mean rank {rank:.2f}<extra>%{{fullData.name}}</extra>",
        showlegend=False,
    )
    figure.add_annotation(
        x=edge, y=y, text=f"{safe(title)}, {rank:.2f}", showarrow=False, yshift=9,
        xanchor="left" if left else "right", font={"color": INK, "size": 12},
    )  # fmt: skip


def _add_groups(figure: go.Figure, ranks: AnyArray, critical: float) -> float:
    """Bars over the longest runs of models within the critical difference; returns the height used."""
    runs: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + critical, side="right")) - 1
        if last > first and not any(a <= first and last <= b for a, b in runs):
            runs.append((first, last))
    for k, (first, last) in enumerate(runs):
        figure.add_scatter(
            x=[ranks[first] - 0.03, ranks[last] + 0.03], y=[0.3 + 0.35 * k] * 2, mode="lines",
            line={"color": INK, "width": 4}, hovertemplate="not told apart by Nemenyi's test<extra></extra>",
            showlegend=False,
        )  # fmt: skip
    return 0.3 + 0.35 * len(runs)


def _add_scale(figure: go.Figure, critical: float, y: float) -> None:
    figure.add_scatter(
        x=[1, 1 + critical], y=[y, y], mode="lines+markers", line={"color": SOFT, "width": 2},
        marker={"symbol": "line-ns-open", "size": 9, "color": SOFT}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_annotation(
        x=1, y=y, text=f"critical difference {critical:.2f}", showarrow=False, yshift=12, xanchor="left",
        font={"color": SOFT, "size": 11},
    )  # fmt: skip
