"""Forest plot: differences from the reference model, cohort by cohort and pooled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmark.comparison.pairs import enough_to_pool, oriented
from benchmark.metrics.registry import named_metric
from benchmark.report.figures.base import Styles, new_figure, rounded, safe, wrapped
from benchmark.report.figures.named_rows import NamedRows
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import estimate_text, p_value
from benchmark.report.printing.palette import INK, SOFT

if TYPE_CHECKING:
    import plotly.graph_objects as go

WIDEST = 40
"""Characters of a line of the title: a phone shows so many."""
MOST = 40
"""Differences above which only the pooled ones are drawn."""


def forest_figure(
    pairs: pd.DataFrame,
    pooled: pd.DataFrame,
    reference: str,
    styles: Styles,
    names: Names,
    *,
    metric: str = "auroc",
) -> go.Figure:
    """Differences ``reference − other``, a row a cohort for each other model, that of three or more pooled below.

    With very many of them only the pooled ones are drawn (`pooled_alone`).

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
    means = oriented(enough_to_pool(known).reset_index(drop=True), reference)
    if pooled_alone(here, means):
        here = here.iloc[:0]
    title, lines = wrapped(f"{named.title} of {names.model(reference)}", WIDEST)
    figure = new_figure(f"{named.title} difference", "")
    rows = NamedRows()
    several = here["cohort"].nunique() > 1
    for other in dict.fromkeys([*here["model_b"], *means["model_b"]]):
        name, colour = names.model(other), styles[other]["color"]
        part, mean = here[here["model_b"] == other], means[means["model_b"] == other]
        if several:
            rows.add(f"vs {name}", bold=True)
        for row in part.to_dict("records"):
            label = names.cohort(str(row["cohort"])) if several else f"vs {name}"
            _add_row(figure, row, rows.add(label), name, colour, "square")
        for row in mean.to_dict("records"):
            _add_row(figure, row, rows.add("pooled" if several else f"vs {name}"), name, colour, "diamond")
        rows.y -= 0.4 if several else 0
    figure.add_vline(x=0, line={"color": SOFT, "width": 1, "dash": "dot"})
    figure.update_layout(
        height=int(110 + 18 * lines + 25 * (-rows.y + 1)), showlegend=False, margin={"t": 50 + 16 * lines}
    )
    figure.update_yaxes(
        tickvals=[at for at, _ in rows.labels], ticktext=[text for _, text in rows.labels],
        range=[rows.y - 0.3, 0.8], showgrid=False, ticks="", tickfont={"color": INK, "size": 11},
    )  # fmt: skip
    upwards = named.metric.higher_is_better is not False
    figure.add_annotation(
        x=1, y=1, xref="paper", yref="paper", showarrow=False, xanchor="right", yanchor="bottom", align="right",
        text=f"{title}<br>minus that of the other model<br>"  # which a narrow column need not break
        f"{'reference better →' if upwards else '← reference better'}",
        font={"size": 12, "color": INK},
    )  # fmt: skip
    return figure


def pooled_alone(pairs: pd.DataFrame, pooled: pd.DataFrame) -> bool:
    """Whether there are so many cohorts and models that only pooled differences are drawn."""
    return len(pairs) > MOST and len(pooled) > 0


def _add_row(figure: go.Figure, row: Mapping[Any, Any], at: float, name: str, colour: str, symbol: str) -> None:
    text = f"{estimate_text(row['difference'], row['low'], row['high'])}, "
    text += f"p {p_value(row['p_value'], row.get('attainable_p'))}"
    limits = pd.Series([row["high"] - row["difference"], row["difference"] - row["low"]]).fillna(0.0)
    figure.add_scatter(
        x=rounded([row["difference"]]),
        y=[round(at, 3)],
        mode="markers",
        name=safe(name),
        marker={"color": colour, "symbol": symbol, "size": 10 if symbol == "square" else 13},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": rounded(limits[:1]),
            "arrayminus": rounded(limits[1:]),
            "color": colour,
            "thickness": 1.6,
            "width": 4,
        },
        customdata=[text],
        hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
    )
