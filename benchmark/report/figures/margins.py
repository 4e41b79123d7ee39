"""Non-inferiority: each difference with its interval against the margin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from benchmark.report.figures.base import LEGEND, Styles, new_figure, rounded, safe, wrapped
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import estimate_text, p_value
from benchmark.report.printing.palette import INK, SOFT

if TYPE_CHECKING:
    import plotly.graph_objects as go


def margin_figure(rows: pd.DataFrame, versus: str, margin: float, styles: Styles, names: Names) -> go.Figure:
    """Differences of AUROC from ``versus``, a row a model and cohort; shaded: worse by the margin or more.

    Args:
        rows: Of `benchmark.comparison.margins.noninferiority_rows`.
        versus: The model that the others must not be worse than.
        margin: By how much.
        styles: Colour and symbol of each model.
        names: Printed names.
    """
    figure = new_figure(wrapped(f"AUROC minus that of {names.model(versus)}", LEGEND)[0], "")
    ticks: list[tuple[float, str]] = []
    y = 0.0
    for cohort in dict.fromkeys(rows["cohort"]):
        ticks.append((y, f"<b>{safe(names.cohort(str(cohort)))}</b>"))
        for row in rows[rows["cohort"] == cohort].to_dict("records"):
            y -= 1
            model = str(row["model"])
            ticks.append((y, wrapped(names.model(model), LEGEND)[0]))
            has_limits = pd.notna(row["low"])
            text = estimate_text(row["difference"], row["low"], row["high"])
            text += f", one-sided p {p_value(row['p_value'])}"
            figure.add_scatter(
                x=rounded([row["difference"]]),
                y=[y],
                mode="markers",
                name=safe(names.model(model)),
                marker={"color": styles[model]["color"], "symbol": styles[model]["symbol"], "size": 10},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": rounded([row["high"] - row["difference"] if has_limits else 0]),
                    "arrayminus": rounded([row["difference"] - row["low"] if has_limits else 0]),
                    "color": styles[model]["color"],
                    "thickness": 1.6,
                    "width": 4,
                },
                customdata=[text],
                hovertemplate="%{customdata}<extra>%{fullData.name}</extra>",
            )
        y -= 1.4
    ends = rows[["difference", "low", "high"]].to_numpy(float)
    least = min(-1.6 * margin, float(pd.Series(ends.ravel()).min()) - 0.2 * margin)
    most = max(1.6 * margin, float(pd.Series(ends.ravel()).max()) + 0.2 * margin)
    figure.add_vrect(x0=least, x1=-margin, fillcolor=SOFT, opacity=0.18, line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": SOFT, "width": 1, "dash": "dot"})
    for end in (-margin, margin):
        figure.add_vline(x=end, line={"color": INK, "width": 1.4, "dash": "dash" if end < 0 else "dot"})
        figure.add_annotation(
            x=end, y=1.0, xref="x", yref="paper", showarrow=False, yanchor="bottom",
            text=f"{'−' if end < 0 else '+'}{margin:g}", font={"size": 11, "color": SOFT},
        )  # fmt: skip
    figure.update_layout(height=int(120 + 25 * (-y + 0.5)), showlegend=False, margin={"t": 28})
    figure.update_xaxes(range=[least, most], dtick=margin * math.ceil((most - least) / (5 * margin)))
    figure.update_yaxes(
        tickvals=[at for at, _ in ticks], ticktext=[text for _, text in ticks], range=[y + 0.6, 0.8],
        showgrid=False, ticks="", tickfont={"color": INK},
    )  # fmt: skip
    return figure
