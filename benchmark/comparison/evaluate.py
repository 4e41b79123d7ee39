"""Every number of a comparison on one cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.bands import Band, curve_bands
from benchmark.comparison.calibration import calibration, net_benefits
from benchmark.comparison.folds import LeftOut, fold_results
from benchmark.comparison.measured import AREAS
from benchmark.comparison.odd_models import odd_models
from benchmark.comparison.operating_pairs import operating_differences
from benchmark.comparison.pairs import joint_p, paired_differences
from benchmark.comparison.performance import (
    RECALLS,
    SPECIFICITIES,
    metric_bootstrap,
    operating_point_table,
    performance,
    recall_grid,
    resampling_of,
)
from benchmark.comparison.units import Scored
from benchmark.metrics.registry import NamedMetric
from benchmark.statistics import PairedBootstrap
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling


@dataclass(frozen=True)
class CohortResult:
    """The numbers of one cohort; every table has a column ``cohort``.

    Attributes:
        scored: Units that every model compared scored; all numbers are of these unless they say otherwise.
        available: Units of the cohort with a known label, scored or not.
        performance: See `performance`.
        operating_points: See `operating_point_table`.
        performance_all: The same with each model on all units that it scored.
        operating_points_all: The same with each model on all units that it scored.
        pairs: See `paired_differences`.
        operating_pairs: See `operating_differences`.
        joint: P of the joint test that all AUROCs are equal.
        folds: ``model, fold, metric, value, n, n_positive``.
        fold_tests: ``metric, test, model_a, model_b, n_folds, statistic, p_value, attainable_p, note``.
        fold_left_out: Models with folds that are in no test over them.
        fold_notes: What else a reader of the folds must know.
        calibration: Of models whose scores are probabilities.
        net_benefit: Of the same models at the thresholds of guidelines.
        grid: Operating points at every recall, for the page.
        bands: Of the curves.
        untested: Models left out of the tests, and why.
        odd: Models left out of the comparison, and why; `performance_all` has their own numbers.
        metrics: The metric table of the contract.
    """

    scored: Scored
    available: Scored
    performance: pd.DataFrame
    operating_points: pd.DataFrame
    performance_all: pd.DataFrame
    operating_points_all: pd.DataFrame
    pairs: pd.DataFrame
    operating_pairs: pd.DataFrame
    joint: float
    folds: pd.DataFrame
    fold_tests: pd.DataFrame
    fold_left_out: tuple[LeftOut, ...]
    fold_notes: tuple[str, ...]
    calibration: pd.DataFrame
    net_benefit: pd.DataFrame
    grid: dict[str, npt.NDArray[np.float64]] = field(repr=False)
    bands: dict[str, Band] = field(repr=False)
    untested: dict[str, str]
    odd: dict[str, str]
    metrics: pd.DataFrame = field(repr=False)

    @property
    def all_same(self) -> bool:
        """Whether every model scored the same units."""
        return not self.odd and bool((self.performance_all["n"] == len(self.scored.units)).all())


def evaluate_cohort(
    available: Scored,
    *,
    recalls: Sequence[float] = RECALLS,
    specificities: Sequence[float] = SPECIFICITIES,
    resampling: Resampling = DEFAULT_RESAMPLING,
    untested: dict[str, str] | None = None,
    metrics: Sequence[NamedMetric] = AREAS,
) -> CohortResult:
    """Evaluate the models of one cohort on the units that all of them scored.

    A model that would leave the others without a comparison is left out of it (`odd_models`).

    Args:
        available: The cohort's units (``gather``).
        recalls: Recalls of the operating points.
        specificities: Specificities that the models' recalls are compared at.
        resampling: Of the bootstrap: patients are drawn with all their units.
        untested: Models whose numbers are shown but which take part in no test, and why.
        metrics: What to measure and compare besides the operating points (`measured_metrics`).
    """
    untested = {model: why for model, why in (untested or {}).items() if model in available.models}
    odd = odd_models(available)
    scored = available.keeping([model for model in available.models if model not in odd]).common()
    resampling = resampling_of(len(scored.units), resampling)

    def drawn_and_tables(
        units: Scored, specificities: Sequence[float] = ()
    ) -> tuple[PairedBootstrap | None, pd.DataFrame, pd.DataFrame]:
        drawn = metric_bootstrap(units, metrics, recalls, specificities, resampling=resampling)
        return drawn, performance(units, drawn, metrics), operating_point_table(units, recalls, drawn)

    drawn, table, points = drawn_and_tables(scored, specificities)
    rates = drawn if scored.sample is not None and scored.sample.can_resample else None
    tested = [model for model in scored.models if model not in untested]
    folds = fold_results(available, untested, metrics)
    lines = calibration(scored)
    table_all, points_all = table, points
    if len(available.models) > 1:
        each = [
            _rows_of(model, table, points)
            if model in scored.models and len(own.units) == len(scored.units)
            else drawn_and_tables(own)[1:]
            for model in available.models
            for own in [available.of(model)]
        ]
        table_all, points_all = (pd.concat(parts, ignore_index=True) for parts in zip(*each, strict=True))
    return CohortResult(
        scored=scored,
        available=available,
        performance=table,
        operating_points=points,
        performance_all=table_all,
        operating_points_all=points_all,
        pairs=paired_differences(scored, drawn, metrics, tested),
        operating_pairs=operating_differences(scored, rates, tested),
        joint=joint_p(scored, tested),
        folds=folds.values,
        fold_tests=folds.tests,
        fold_left_out=folds.left_out,
        fold_notes=folds.notes,
        calibration=lines,
        net_benefit=net_benefits(scored),
        grid=recall_grid(scored),
        bands=curve_bands(scored, resampling),
        untested=untested,
        odd=odd,
        metrics=_metric_table(scored, table, points, lines, metrics),
    )


def _rows_of(model: str, *tables: pd.DataFrame) -> tuple[pd.DataFrame, ...]:
    return tuple(table[table["model"] == model] for table in tables)


def _metric_table(
    scored: Scored,
    table: pd.DataFrame,
    points: pd.DataFrame,
    calibrations: pd.DataFrame,
    metrics: Sequence[NamedMetric],
) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []

    def add(model: str, name: str, record: dict[Any, Any], **more: Any) -> None:  # noqa: ANN401
        ends = {"low": record.get(f"{name}_low", np.nan), "high": record.get(f"{name}_high", np.nan)}
        rows.append({"model": model, "metric": name, "at": "", "value": record[name], **ends, "note": "", **more})

    pointwise = {(rate, f"recall>={t:g}") for rate in ("fpr", "precision") for t in points["recall_target"]}
    for record in table.to_dict("records"):
        for metric in metrics:
            name = metric.canonical
            if (metric.quantity, metric.where) not in pointwise:
                told = {"method": record[f"{name}_method"], "note": record[f"{name}_note"]}
                told |= {"metric": metric.quantity, "at": metric.where}
                add(record["model"], name, record, **told)
    for record in points.to_dict("records"):
        at = f"recall>={record['recall_target']:g}"
        for rate in ("fpr", "precision"):
            method = record[f"{rate}_method"]
            method += ", threshold chosen again" if "bootstrap" in method else ""
            add(record["model"], rate, record, at=at, method=method, note=f"tp={record['tp']} fp={record['fp']}")
    for record in calibrations.to_dict("records"):
        for name in ("brier", "slope", "intercept", "ece"):
            method = "Wald" if name in ("slope", "intercept") else ""
            add(record["model"], name, record, method=method, note=record["note"])
    size = {"n": len(scored.units), "n_positive": int(scored.labels.sum())}
    fixed = {"cohort": scored.cohort, "unit": scored.unit, "subgroup": "", **size}
    return pd.DataFrame([{**fixed, **row} for row in rows])
