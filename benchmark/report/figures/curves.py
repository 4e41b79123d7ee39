"""ROC and precision-recall curves of a cohort."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.bands import GRID, Band
from benchmark.metrics.curve import count_curve
from benchmark.report.figures.base import (
    LEGEND,
    AnyArray,
    Styles,
    add_band,
    add_line,
    legend_below,
    new_figure,
    rounded,
    safe,
    thin,
    unit_axes,
    wrapped,
)
from benchmark.report.printing.names import PRINTED, Names
from benchmark.report.printing.palette import INK

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from benchmark.comparison.units import Scored

BANDS_SHOWN = 4
"""Up to this many models every band is drawn; beyond it only that of the reference."""


def roc_figure(
    scored: Scored,
    points: pd.DataFrame,
    bands: Mapping[str, Band],
    styles: Styles,
    names: Names,
    *,
    reference: str = "",
    printed: pd.DataFrame | None = None,
    areas: Mapping[str, str] | None = None,
) -> go.Figure:
    """ROC curves of all models of a cohort, pointwise bands, and their operating points.

    Args:
        scored: Units that every model scored, of both classes.
        points: Operating points: ``model, recall_target, recall, fpr``.
        bands: Bootstrap bands of the models.
        styles: Colour, dash and symbol of each model.
        names: Printed names.
        reference: The model whose band is drawn when there are many.
        printed: Printed operating points: ``title, recall_target, fpr`` as text.
        areas: What the legend says of each model's curve, such as ``AUROC 0.895``.
    """
    figure = new_figure("false positive rate", "recall")
    add_line(figure, (0, 1), (0, 1), "chance")
    for model in _banded(scored.models, bands, reference):
        band = bands[model]
        add_band(figure, GRID, band.recall_low, band.recall_high, names.model(model), styles[model])
    for index, model in enumerate(scored.models):
        fpr, recall = roc_points(scored.labels, scored.scores[model].to_numpy(float))
        hover = "FPR %{x:.3f}, recall %{y:.3f}"
        legend = _legend(names.model(model), model, areas)
        more = {"hover": hover, "index": index, "legend": legend, "shape": "linear"}
        _add_curve(figure, names.model(model), styles[model], fpr, recall, more)
    for named, part in points.groupby("model", sort=False):
        _add_points(figure, names.model(str(named)), styles[str(named)], part["fpr"], part["recall"], part)
    if printed is not None:
        shown = printed[printed["fpr"] != ""]
        _add_printed(figure, shown, shown["fpr"].map(fraction), shown["recall_target"])
    return _square(figure)


def pr_figure(
    scored: Scored,
    points: pd.DataFrame,
    bands: Mapping[str, Band],
    styles: Styles,
    names: Names,
    *,
    reference: str = "",
    printed: pd.DataFrame | None = None,
    areas: Mapping[str, str] | None = None,
) -> go.Figure:
    """Precision-recall curves of all models of a cohort, the prevalence as the line of chance.

    Precision is drawn as the step function that average precision sums. Arguments as `roc_figure`.
    """
    figure = new_figure("recall", "precision")
    prevalence = float(scored.labels.mean())
    add_line(figure, (0, 1), (prevalence, prevalence), f"prevalence {prevalence:.3f}")
    for model in _banded(scored.models, bands, reference):
        band = bands[model]
        add_band(figure, GRID, band.precision_low, band.precision_high, names.model(model), styles[model])
    for index, model in enumerate(scored.models):
        recall, precision = pr_points(scored.labels, scored.scores[model].to_numpy(float))
        hover = "recall %{x:.3f}, precision %{y:.3f}"
        legend = _legend(names.model(model), model, areas)
        more = {"hover": hover, "index": index, "legend": legend, "shape": "vh"}
        _add_curve(figure, names.model(model), styles[model], recall, precision, more)
    for named, part in points.dropna(subset="precision").groupby("model", sort=False):
        _add_points(figure, names.model(str(named)), styles[str(named)], part["recall"], part["precision"], part)
    if printed is not None:
        shown = printed[printed["precision"] != ""]
        _add_printed(figure, shown, shown["recall_target"], shown["precision"].map(fraction))
    return _square(figure)


def roc_points(labels: npt.NDArray[np.int64], scores: AnyArray) -> tuple[AnyArray, AnyArray]:
    """FPR and recall at every distinct score, from (0, 0) to (1, 1), thinned to what can be seen."""
    curve = count_curve(labels.astype(bool), scores)
    tp, fp = curve.with_origin()
    fpr, recall = fp / curve.n_negative, tp / curve.n_positive
    keep = thin(fpr, recall)
    return fpr[keep], recall[keep]


def pr_points(labels: npt.NDArray[np.int64], scores: AnyArray) -> tuple[AnyArray, AnyArray]:
    """Recall and precision at every distinct score, the first point drawn out to recall 0, thinned."""
    curve = count_curve(labels.astype(bool), scores)
    recall, precision = curve.tp / curve.n_positive, curve.tp / (curve.tp + curve.fp)
    recall, precision = np.concatenate(([0.0], recall)), np.concatenate((precision[:1], precision))
    keep = thin(recall, precision)
    return recall[keep], precision[keep]


def fraction(text: str) -> float:
    """A printed number as a float; percentages become fractions."""
    plain = text.strip().replace("·", ".")
    return float(plain.removesuffix("%")) / 100 if plain.endswith("%") else float(plain)


def _banded(models: list[str], bands: Mapping[str, Band], reference: str) -> list[str]:
    shown = models if len(models) <= BANDS_SHOWN else [reference]
    return [model for model in shown if model in bands]


def _legend(title: str, model: str, areas: Mapping[str, str] | None) -> str:
    """A model's entry in the legend, in lines that a phone shows."""
    area = (areas or {}).get(model, "")
    return wrapped(f"{title}, {area}" if area else title, LEGEND)[0]


def _add_curve(
    figure: go.Figure, name: str, style: Mapping[str, str], x: AnyArray, y: AnyArray, more: Mapping[str, Any]
) -> None:
    """Draw a curve; ``more`` has its ``hover``, ``index`` among the models, ``legend`` and ``shape``."""
    figure.add_scatter(
        x=rounded(x),
        y=rounded(y),
        mode="lines",
        name=more["legend"],
        legendgroup=safe(name),
        line={"color": style["color"], "dash": style["dash"], "width": 2.2, "shape": more["shape"]},
        meta={"curve": more["index"], "symbol": style["symbol"]},
        hovertemplate=more["hover"] + "<extra>%{fullData.name}</extra>",
    )


def _add_points(
    figure: go.Figure, name: str, style: Mapping[str, str], x: pd.Series, y: pd.Series, part: pd.DataFrame
) -> None:
    figure.add_scatter(
        x=rounded(x),
        y=rounded(y),
        mode="markers",
        legendgroup=safe(name),
        showlegend=False,
        name=safe(name),
        customdata=rounded(part["recall_target"]),
        marker={
            "color": style["color"],
            "symbol": style["symbol"],
            "size": 8,
            "line": {"color": "white", "width": 1},
        },
        hovertemplate="recall ≥ %{customdata}: (%{x:.3f}, %{y:.3f})<extra>%{fullData.name}</extra>",
    )


def _add_printed(figure: go.Figure, printed: pd.DataFrame, x: pd.Series, y: pd.Series) -> None:
    for index, title in enumerate(dict.fromkeys(printed["title"])):
        rows = (printed["title"] == title).to_numpy()
        at: dict[str, Any] = {"x": rounded(x[rows]), "y": rounded(y[rows])}
        figure.add_scatter(
            **at,
            mode="markers",
            name=wrapped(f"{title} {PRINTED}", LEGEND)[0],
            marker={"symbol": f"{PRINTED_SYMBOLS[index % len(PRINTED_SYMBOLS)]}-open", "size": 9, "color": INK},
            hovertemplate="printed: (%{x}, %{y})<extra>%{fullData.name}</extra>",
        )


PRINTED_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon", "star")


def _square(figure: go.Figure) -> go.Figure:
    unit_axes(figure)
    figure.update_xaxes(constrain="domain")
    figure.update_yaxes(scaleanchor="x", constrain="domain")
    return legend_below(figure)
