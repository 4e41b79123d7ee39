"""Readers as points beside the ROC curves of models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.report.figures.base import add_line, new_figure, rounded, safe, unit_axes
from benchmark.report.figures.curves import roc_points
from benchmark.report.printing.palette import INK, SYMBOLS, styles

if TYPE_CHECKING:
    import plotly.graph_objects as go


def reader_figure(points: pd.DataFrame, scored: Scored | None, titles: Mapping[str, str]) -> go.Figure:
    """Points of readers, a symbol a modality, and curves of models on the labelled cases that each scored.

    Args:
        points: Of `benchmark.comparison.reader_numbers.reader_points`; the chosen ones are filled.
        scored: Scores of the models; None without.
        titles: What is printed for a model.
    """
    figure = new_figure("false positive rate", "recall")
    add_line(figure, (0, 1), (0, 1), "chance")
    for model, style in styles(scored.models if scored is not None else []).items():
        own = scored.of(model) if scored is not None else None
        if own is None or not own.both_classes:
            continue
        fpr, recall = roc_points(own.labels, own.scores[model].to_numpy(np.float64))
        figure.add_scatter(
            x=rounded(fpr), y=rounded(recall), mode="lines", name=safe(titles.get(model, model)),
            line={"color": style["color"], "dash": style["dash"], "width": 2.2},
            hovertemplate="FPR %{x:.3f}, recall %{y:.3f}<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    for place, modality in enumerate(dict.fromkeys(points["modality"])):
        for chosen in (False, True):
            part = points[(points["modality"] == modality) & (points["chosen"].astype(bool) == chosen)]
            if part.empty:
                continue
            symbol = SYMBOLS[place % len(SYMBOLS)]
            figure.add_scatter(
                x=rounded(1 - part["specificity"]), y=rounded(part["recall"]), mode="markers",
                name=safe(f"{modality}, calls" if chosen else f"{modality}, other ratings"),
                text=[safe(f"{r} from {c:g}") for r, c in zip(part["reader"], part["call_from"], strict=True)],
                marker={"symbol": symbol if chosen else f"{symbol}-open", "size": 7 + 3 * chosen, "color": INK},
                hovertemplate="%{text}: FPR %{x:.3f}, recall %{y:.3f}<extra>%{fullData.name}</extra>",
            )  # fmt: skip
    unit_axes(figure)
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(scaleanchor="x", constrain="domain")
    return figure
