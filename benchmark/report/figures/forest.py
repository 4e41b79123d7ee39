"""Forest plot: differences from the reference model, cohort by cohort and pooled."""

from __future__ import annotations

from textwrap import wrap
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.comparison.pairs import oriented
from benchmark.metrics.registry import named_metric
from benchmark.report.figures.base import Styles, new_figure, rounded, safe
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import estimate_text, p_value
from benchmark.report.printing.palette import INK, SOFT

if TYPE_CHECKING:
    import plotly.graph_objects as go

WIDEST = 26
"""Characters of a line of the axis's title: a phone shows so many."""


def forest_figure(
    pairs: pd.DataFrame,
    pooled: pd.DataFrame,
    reference: str,
    styles: Styles,
    names: Names,
    *,
    metric: str = "auroc",
) -> go.Figure:
    """Differences ``reference − other``, a row a cohort for each other model, the pooled difference below.

    Args:
        pairs: Paired differences of all cohorts.
        pooled: Random-effects means of them.
        reference: The model that stands first.
        styles: Colour of each model.
        names: Printed names.
        metric: Which metric.
    """
    named = named_metric(metric)
    here = oriented(pairs[pairs["metric"] == metric].reset_index(drop=True), reference)
    known = pooled[(pooled["metric"] == metric) & pooled["difference"].notna()]
    means = oriented(known.reset_index(drop=True), reference)
    others = list(dict.fromkeys(here["model_b"]))
    rows: list[tuple[float, str]] = []
    title = wrap(f"{named.title} of {names.model(reference)} minus that of the other model", WIDEST)
    figure = new_figure("<br>".join(map(safe, title)), "")
    y = 0.0
    for other in others:
        rows.append((y, f"<b>vs {safe(names.model(other))}</b>"))
        y -= 1
        part = here[here["model_b"] == other]
        at = [y - k for k in range(len(part))]
        rows += [(k, safe(names.cohort(cohort))) for k, cohort in zip(at, part["cohort"], strict=True)]
        _add_rows(figure, part, at, names.model(other), styles[other]["color"], "square", "cohort")
        y -= len(part)
        mean = means[means["model_b"] == other]
        if len(mean):
            rows.append((y, "pooled"))
            _add_rows(figure, mean, [y], names.model(other), styles[other]["color"], "diamond", "")
            y -= 1
        y -= 0.4
    figure.add_vline(x=0, line={"color": SOFT, "width": 1, "dash": "dot"})
    figure.update_layout(height=int(92 + 18 * len(title) + 25 * (-y + 1)), showlegend=False)
    figure.update_yaxes(
        tickvals=[at for at, _ in rows], ticktext=[text for _, text in rows], range=[y + 0.2, 0.8],
        showgrid=False, ticks="", tickfont={"color": INK},
    )  # fmt: skip
    upwards = named.metric.higher_is_better is not False
    figure.add_annotation(
        x=1 if upwards else 0, y=1.0, xref="paper", yref="paper", showarrow=False,
        text="reference better →" if upwards else "← reference better", xanchor="right" if upwards else "left",
        yanchor="bottom", font={"size": 11, "color": SOFT},
    )  # fmt: skip
    figure.update_layout(margin={"t": 28})
    return figure


def _add_rows(
    figure: go.Figure, part: pd.DataFrame, at: list[float], name: str, colour: str, symbol: str, where: str
) -> None:
    texts = [
        f"{estimate_text(row['difference'], row['low'], row['high'])}, "
        f"p {p_value(row['p_value'], row.get('attainable_p'))}"
        for row in part.to_dict("records")
    ]
    figure.add_scatter(
        x=rounded(part["difference"]),
        y=at,
        mode="markers",
        name=safe(name),
        marker={"color": colour, "symbol": symbol, "size": 10 if where else 13},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": rounded((part["high"] - part["difference"]).fillna(0.0)),
            "arrayminus": rounded((part["difference"] - part["low"]).fillna(0.0)),
            "color": colour,
            "thickness": 1.6,
            "width": 4,
        },
        customdata=texts,
        hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
    )
