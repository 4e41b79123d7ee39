"""Time to event: AUC over the years, incidence by group of risk, predicted against observed risk at each year."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmark.report.figures.base import (
    LEGEND,
    Styles,
    add_band,
    add_line,
    legend_below,
    new_figure,
    rounded,
    safe,
    wrapped,
)
from benchmark.report.figures.panels import MANY, panels
from benchmark.report.printing.names import Names
from benchmark.report.tables.incidence import risk_group

if TYPE_CHECKING:
    import plotly.graph_objects as go


def yearly_auc_figure(values: pd.DataFrame, styles: Styles, names: Names) -> go.Figure:
    """AUC (IPCW) of each model over the years, with its pointwise intervals.

    Args:
        values: Rows of one cohort's `benchmark.comparison.survival.SurvivalResult.values`.
        styles: Colour, dash and symbol of each model.
        names: Printed names.
    """
    figure = new_figure("years after the scan", "AUC")
    shown = values[(values["metric"] == "dynamic_auc") & values["value"].notna()]
    for model, part in shown.groupby("model", sort=False):
        style, title = styles[str(model)], names.model(str(model))
        year = part["year"].to_numpy(float)
        limits = part[["low", "high"]].to_numpy(float)
        known = np.isfinite(limits).all(axis=1)
        if known.any():
            add_band(figure, year[known], limits[known, 0], limits[known, 1], title, style)
        figure.add_scatter(
            x=year.tolist(),
            y=rounded(part["value"]),
            customdata=part["n_events"].tolist(),
            mode="lines+markers",
            name=wrapped(title, LEGEND)[0],
            legendgroup=safe(title),
            line={"color": style["color"], "dash": style["dash"], "width": 2.2},
            marker={"symbol": style["symbol"], "size": 7},
            hovertemplate="year %{x}: %{y:.3f}, %{customdata} events<extra>%{fullData.name}</extra>",
        )
    if len(shown):
        add_line(figure, (shown["year"].min(), shown["year"].max()), (0.5, 0.5), "chance")
    figure.update_xaxes(dtick=1)
    return legend_below(figure)


def yearly_calibration_figure(calibration: pd.DataFrame, styles: Styles, names: Names) -> go.Figure:
    """Observed against predicted risk by group of risk: a panel a year, or of many models a panel a model.

    Args:
        calibration: Rows of one cohort's `benchmark.comparison.survival.SurvivalResult.calibration`.
        styles: Colour, dash and symbol of each model.
        names: Printed names.
    """
    groups = calibration[(calibration["group"] > 0) & calibration["observed"].notna()]
    models = list(dict.fromkeys(map(str, groups["model"])))
    if len(models) > MANY:
        return panels(_observed_against_predicted(groups, styles, names), list(map(names.model, models)))
    years = [f"year {year}" for year in sorted(set(groups["year"]))]
    return panels(_observed_against_predicted(groups, styles, names, by_year=True), years, legend=True)


def _observed_against_predicted(
    groups: pd.DataFrame, styles: Styles, names: Names, *, by_year: bool = False
) -> go.Figure:
    """One plot with a line a model and year, in groups of a model, or of a year."""
    figure = new_figure("mean predicted risk", "observed risk (Kaplan–Meier)")
    top = float(np.nanmax(groups[["predicted", "observed", "high"]].to_numpy(float)))
    add_line(figure, (0, top), (0, top), "ideal")
    years = sorted(set(groups["year"]))
    for (model, year), part in groups.groupby(["model", "year"], sort=False):
        style, title = styles[str(model)], names.model(str(model))
        up, down = part["high"] - part["observed"], part["observed"] - part["low"]
        figure.add_scatter(
            x=rounded(part["predicted"]),
            y=rounded(part["observed"]),
            error_y={
                "array": rounded(up.fillna(0)),
                "arrayminus": rounded(down.fillna(0)),
                "width": 2,
                "thickness": 1,
            },
            mode="lines+markers",
            name=wrapped(title if by_year else f"{title}, year {year}", LEGEND)[0],
            legendgroup=f"year {year}" if by_year else safe(title),
            opacity=1 if by_year else 0.35 + 0.65 * (years.index(year) + 1) / len(years),
            line={"color": style["color"], "dash": style["dash"], "width": 1.8},
            marker={"symbol": style["symbol"], "size": 6},
            hovertemplate="predicted %{x:.3f}, observed %{y:.3f}<extra>%{fullData.name}</extra>",
        )
    return figure


def incidence_figure(incidence: pd.DataFrame, style: Mapping[str, str]) -> go.Figure:
    """Share with the event over time in each group of one model's risk, with its pointwise limits.

    Args:
        incidence: Rows of one cohort and model of `benchmark.comparison.incidence.incidence_rows`.
        style: Colour of the model; higher groups are drawn darker and thicker.
    """
    figure = new_figure("years after the scan", "share with the event")
    for number, part in incidence.groupby("group", sort=False):
        groups, at = int(part["groups"].iloc[0]), int(str(number))
        known = part[part["incidence"].notna()]
        title = f"{risk_group(at, groups)} ({len(known) and int(known['n'].iloc[0])} patients)"
        strength = at / groups
        drawn = known[known["low"].notna()]
        if len(drawn):
            # Steps: each limit holds until the next time.
            year = np.repeat(drawn["year"].to_numpy(float), 2)[1:]
            low, high = (np.repeat(drawn[end].to_numpy(float), 2)[:-1] for end in ("low", "high"))
            add_band(figure, year, low, high, title, style)
        figure.add_scatter(
            x=rounded(known["year"]),
            y=rounded(known["incidence"]),
            customdata=known["at_risk"].tolist(),
            mode="lines",
            name=safe(title),
            legendgroup=safe(title),
            opacity=0.3 + 0.7 * strength,
            line={"color": style["color"], "shape": "hv", "width": 1.2 + 1.6 * strength,
                  "dash": ("solid", "dash", "dot")[(groups - at) % 3]},
            hovertemplate="year %{x:.2f}: %{y:.3f}, %{customdata} at risk<extra>%{fullData.name}</extra>",
        )  # fmt: skip
    figure.update_xaxes(dtick=1)
    top = float(np.nanmax([0.01, *incidence["incidence"], *incidence["high"]]))
    figure.update_yaxes(range=[0, 1.05 * top])
    return legend_below(figure)
