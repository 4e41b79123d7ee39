"""Learning curves of a training run, a line a fold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.figures.base import new_figure, rounded, safe
from benchmark.report.printing.palette import DASHES, OKABE_ITO

if TYPE_CHECKING:
    import plotly.graph_objects as go


FEW_EPOCHS = 6
"""Up to as many every epoch has a tick: Plotly's own would stand between them."""


def learning_figure(folds: Mapping[str, pd.DataFrame], column: str, what: str) -> go.Figure:
    """One logged value over epochs, a line a fold.

    Args:
        folds: Metrics of each fold: ``epoch`` and further columns.
        column: Which of them, such as ``val_loss``.
        what: What it is called at its axis.
    """
    figure = new_figure("epoch", safe(what), height=340)
    if max(table["epoch"].max() for table in folds.values()) < FEW_EPOCHS:
        figure.update_xaxes(dtick=1)
    for k, (fold, table) in enumerate(folds.items()):
        if column not in table:
            continue
        kept = table[["epoch", column]].dropna()
        figure.add_scatter(
            x=kept["epoch"].astype(int).tolist(),
            y=rounded(kept[column], 5),
            mode="lines+markers",
            name=safe(fold),
            marker={"size": 4},
            line={"color": OKABE_ITO[k % len(OKABE_ITO)], "dash": DASHES[k // len(OKABE_ITO) % len(DASHES)]},
            hovertemplate="epoch %{x}: %{y:.4f}<extra>%{fullData.name}</extra>",
        )
    return figure
