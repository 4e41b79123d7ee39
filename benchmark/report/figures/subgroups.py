"""Dot plot of a metric by subgroup; with many models a row each, under its own name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.comparison.groups import ByColumn
from benchmark.metrics.registry import named_metric
from benchmark.report.figures.base import AnyArray, Style, Styles, legend_below, new_figure, rounded, safe
from benchmark.report.figures.named_rows import NamedRows
from benchmark.report.figures.panels import MANY
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import estimate_text
from benchmark.report.printing.palette import INK

if TYPE_CHECKING:
    import plotly.graph_objects as go


def subgroup_figure(part: ByColumn, styles: Styles, names: Names, *, metric: str = "auroc") -> go.Figure:
    """One cohort's metric by group, a row a group, a dot with its interval a model.

    Where there are more models than colours tell apart, each has a row with its name below its group.

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
    many, number = len(models) > MANY, len(models)
    figure = new_figure(named_metric(metric).title, "")
    sizes = metrics.drop_duplicates("subgroup").set_index("subgroup")["n"]
    titles = [f"{group} (n = {int(sizes[group]):,})" for group in groups]
    rows = NamedRows()
    if many:
        heights = np.array([_rows_of_group(rows, title, list(map(names.model, models))) for title in titles])
        figure.update_layout(showlegend=False, height=int(80 - 17 * rows.y))
        figure.update_yaxes(range=[rows.y + 0.3, 0.8], tickfont={"size": 11, "color": INK})
    else:
        rows.labels = [(-k, safe(title)) for k, title in enumerate(titles)]
        shifts = (np.arange(number) - (number - 1) / 2) * 0.7 / max(number, 1)
        heights = -np.arange(len(groups))[:, None] - shifts
    for k, model in enumerate(models):
        here = metrics[metrics["model"] == model].set_index("subgroup").reindex(groups)
        _add_model(figure, here, heights[:, k], safe(names.model(model)), styles[model])
    ticks, texts = zip(*rows.labels, strict=True)
    figure.update_yaxes(tickvals=ticks, ticktext=texts, ticks="", showgrid=False)
    return figure if many else legend_below(figure, 86 + len(groups) * (24 + 13 * number))


def _rows_of_group(rows: NamedRows, title: str, models: list[str]) -> list[float]:
    """Place a group's title and a row a model; returns where the models stand."""
    rows.add(title, bold=True)
    heights = [rows.add(model) for model in models]
    rows.y -= 0.4
    return heights


def _add_model(figure: go.Figure, here: pd.DataFrame, heights: AnyArray, title: str, style: Style) -> None:
    """A model's dots with their intervals, one a group."""
    texts = [
        estimate_text(row["value"], row["low"], row["high"])
        + f"; {row['n_positive']:.0f} of {row['n']:.0f} positive"
        for row in here.to_dict("records")
    ]
    figure.add_scatter(
        x=[None if not np.isfinite(v) else round(float(v), 4) for v in here["value"]],
        y=rounded(heights),
        mode="markers",
        name=title,
        marker={"color": style["color"], "symbol": style["symbol"], "size": 9},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": rounded((here["high"] - here["value"]).fillna(0.0)),
            "arrayminus": rounded((here["value"] - here["low"]).fillna(0.0)),
            "color": style["color"],
            "thickness": 1.4,
            "width": 3,
        },
        customdata=texts,
        hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
    )
