"""Dot plot of a metric by subgroup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmark.comparison.groups import ByColumn
from benchmark.metrics.registry import named_metric
from benchmark.report.figures.base import Styles, new_figure, rounded, safe
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import estimate_text

if TYPE_CHECKING:
    import plotly.graph_objects as go


def subgroup_figure(part: ByColumn, styles: Styles, names: Names, *, metric: str = "auroc") -> go.Figure:
    """One cohort's metric by group, a row a group, a dot with its interval a model.

    Args:
        part: Metrics by group; it must have a result.
        styles: Colour and symbol of each model.
        names: Printed names.
        metric: Which metric.
    """
    if part.result is None:
        raise ValueError(f"no subgroups of {part.cohort}: {part.note}")
    metrics = part.result.metrics[part.result.metrics["metric"] == metric]
    groups, models = list(dict.fromkeys(metrics["subgroup"])), list(dict.fromkeys(metrics["model"]))
    figure = new_figure(named_metric(metric).title, "", height=120 + len(groups) * (24 + 13 * len(models)))
    for k, model in enumerate(models):
        here = metrics[metrics["model"] == model].set_index("subgroup").reindex(groups)
        shift = (k - (len(models) - 1) / 2) * 0.7 / max(len(models), 1)
        texts = [
            estimate_text(row["value"], row["low"], row["high"])
            + f"; {row['n_positive']:.0f} of {row['n']:.0f} positive"
            for row in here.to_dict("records")
        ]
        title = safe(names.model(model))
        figure.add_scatter(
            x=[None if not np.isfinite(v) else round(float(v), 4) for v in here["value"]],
            y=rounded(-np.arange(len(groups)) - shift),
            mode="markers",
            name=title,
            marker={"color": styles[model]["color"], "symbol": styles[model]["symbol"], "size": 9},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": rounded((here["high"] - here["value"]).fillna(0.0)),
                "arrayminus": rounded((here["value"] - here["low"]).fillna(0.0)),
                "color": styles[model]["color"],
                "thickness": 1.4,
                "width": 3,
            },
            customdata=texts,
            hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
        )
    sizes = metrics.drop_duplicates("subgroup").set_index("subgroup")["n"]
    labels = [safe(f"{group} (n = {int(sizes[group]):,})") for group in groups]
    figure.update_yaxes(tickvals=[-k for k in range(len(groups))], ticktext=labels, ticks="", showgrid=False)
    return figure
