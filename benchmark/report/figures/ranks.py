"""Critical-difference diagram (Demšar 2006): mean ranks over folds, and which models cannot be told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.report.figures.base import AnyArray, Styles, new_figure, safe, wrapped
from benchmark.report.printing.names import Names
from benchmark.report.printing.palette import INK, SOFT
from benchmark.statistics import friedman_nemenyi

if TYPE_CHECKING:
    import plotly.graph_objects as go


LABEL = 24
"""Characters of a line of a model's name."""


def rank_figure(wide: pd.DataFrame, styles: Styles, names: Names) -> go.Figure:
    """Mean ranks of the models, a row each, with brackets beside models that Nemenyi's test does not tell apart.

    Rows instead of Demšar's line with names to both sides, whose names overprint each other where there are many.

    Args:
        wide: Folds in rows, three models or more in columns.
        styles: Colour of each model.
        names: Printed names.
    """
    result = friedman_nemenyi(wide)
    ranks = result.mean_ranks.sort_values(kind="stable")
    models, values = list(ranks.index), ranks.to_numpy(float)
    labels = [
        wrapped(f"{names.model(model)}, {rank:.2f}", LABEL)
        for model, rank in zip(map(str, models), values, strict=True)
    ]
    tallest = max(lines for _, lines in labels)
    figure = new_figure("mean rank", "", height=112 + (14 + 13 * tallest) * len(models))
    for place, model in enumerate(models):
        _add_model(figure, float(values[place]), -place, styles[model], names.model(model))
    lanes = _add_groups(figure, values, result.critical_difference, len(models))
    _add_scale(figure, result.critical_difference)
    figure.update_xaxes(
        range=[0.7, len(models) + 0.5 + LANE * len(models) * (lanes + 1)],
        tickvals=sorted({1, (len(models) + 1) / 2, len(models)}),
    )
    figure.update_yaxes(
        tickvals=[-place for place in range(len(models))], ticktext=[text for text, _ in labels], ticks="",
        showgrid=True, range=[-len(models) + 0.4, 1.6], tickfont={"color": INK, "size": 11},
    )  # fmt: skip
    return figure


LANE = 0.04
"""Width of a bracket's lane, as a share of the number of models."""


def _add_model(figure: go.Figure, rank: float, y: float, style: Mapping[str, str], title: str) -> None:
    figure.add_scatter(
        x=[round(rank, 4)],
        y=[y],
        mode="markers",
        marker={"color": style["color"], "symbol": style["symbol"], "size": 11},
        name=safe(title),
        hovertemplate=f"mean rank {rank:.2f}<extra>%{{fullData.name}}</extra>",
        showlegend=False,
    )


def _add_groups(figure: go.Figure, ranks: AnyArray, critical: float, count: int) -> int:
    """A bracket beside the longest runs of models within the critical difference; returns their number."""
    runs: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + critical, side="right")) - 1
        if last > first and not any(a <= first and last <= b for a, b in runs):
            runs.append((first, last))
    for k, (first, last) in enumerate(runs):
        figure.add_scatter(
            x=[round(count + 0.3 + LANE * count * (k + 1), 4)] * 2, y=[-first + 0.3, -last - 0.3], mode="lines",
            line={"color": INK, "width": 4}, hovertemplate="not told apart by Nemenyi's test<extra></extra>",
            showlegend=False,
        )  # fmt: skip
    return len(runs)


def _add_scale(figure: go.Figure, critical: float) -> None:
    figure.add_scatter(
        x=[1, round(1 + critical, 4)], y=[0.75, 0.75], mode="lines+markers", line={"color": SOFT, "width": 2},
        marker={"symbol": "line-ns-open", "size": 9, "color": SOFT}, hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.add_annotation(
        x=1, y=0.75, text=f"critical difference {critical:.2f}", showarrow=False, yshift=12, xanchor="left",
        font={"color": SOFT, "size": 11},
    )  # fmt: skip
