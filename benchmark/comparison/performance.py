"""AUROC, AUPRC and operating points of each model, with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.measured import AREAS
from benchmark.comparison.units import Scored
from benchmark.metrics import count_curve, operating_point
from benchmark.metrics.registry import NamedMetric, named_metric
from benchmark.metrics.targets import required_count
from benchmark.statistics import Estimate, PairedBootstrap, Sample, auroc_interval_of, paired_bootstrap_of
from benchmark.statistics.differences import ONE_PATIENT
from benchmark.statistics.resampling import Resampling

RECALLS = (0.6, 0.7, 0.8, 0.9)
SPECIFICITIES = (0.9, 0.95)
"""Specificities that recalls are compared at."""
AUROC_METHODS = {"logit": "DeLong on the logit scale", "newcombe": "Newcombe"}
UNDEFINED = "undefined: only one class"
COUNTS = ("tp", "fp", "n_positive", "n_negative")
POINT = ("recall", *COUNTS, "fpr", "precision", "threshold")
METHODS = {
    "bca": "BCa bootstrap",
    "percentile": "percentile bootstrap",
    "expanded_percentile": "paired percentile bootstrap",
    "logit": "Boyd's logit interval",
    "separation": "exact bound of a perfect ranking",
    "newcombe": "Newcombe",
    "clopper_pearson": "Clopper–Pearson",
    "wider": "the wider of percentile bootstrap and Clopper–Pearson limits",
    "square_and_add": "limits of both models combined",
    "delong": "paired DeLong",
}
"""What tables and the page call the methods of `benchmark.statistics`."""

POINT_RATES = ("fpr", "precision")
"""What operating points show."""

BCA_UNITS = 20_000
"""Above this number of units the bootstrap of AUPRC is symmetric enough for percentile limits."""

POSITIVES = {True: " of as many positives", False: ", the number of positives drawn too"}
"""How many positives replicates have, by whether classes are drawn apart: said where limits change with it."""
BOOTSTRAP_WORK = 400_000_000
"""Units that all replicates may draw: larger cohorts get fewer replicates, never under 200."""

GRID = np.round(np.arange(0.005, 1.0001, 0.005), 3)
"""Recalls that the page's threshold explorer can be set to."""


def metric_bootstrap(
    scored: Scored,
    metrics: Iterable[NamedMetric] = AREAS,
    recalls: Sequence[float] = (),
    specificities: Sequence[float] = (),
    *,
    resampling: Resampling,
) -> PairedBootstrap | None:
    """All metrics but AUROC of all models and of their differences, on the same resamples.

    With them FPR and precision at recalls and recall at specificities, thresholds chosen anew.

    AUPRC has BCa limits, percentile limits for large cohorts; rates at a chosen threshold have percentile limits.

    Returns:
        The bootstrap; None with one class only.
    """
    if scored.sample is None:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return paired_bootstrap_of(
            scored.sample,
            {metric.canonical: metric for metric in metrics if metric.key != "auroc"}
            | _rates_at(recalls, specificities),
            resampling=resampling,
            method="auto" if len(scored.units) <= BCA_UNITS else "percentile",
        )


def _rate_at_recall(rate: str, target: float) -> str:
    """A name with all digits of the target; the canonical one rounds them."""
    return f"{rate}@recall={float(target)!r}"


def _rates_at(recalls: Sequence[float], specificities: Sequence[float]) -> dict[str, NamedMetric]:
    names = [_rate_at_recall(rate, target) for target in recalls for rate in POINT_RATES]
    names += [f"recall@specificity={s!r}" for s in map(float, specificities)]
    return {name: named_metric(name) for name in names}


def performance(
    scored: Scored, drawn: PairedBootstrap | None, metrics: Sequence[NamedMetric] = AREAS
) -> pd.DataFrame:
    """AUROC (DeLong, logit scale), AUPRC and further metrics (bootstrap) of each model on the units of ``scored``.

    Args:
        scored: Units that every model scored.
        drawn: Their `metric_bootstrap`.
        metrics: What to measure.

    Returns:
        ``cohort, model, n, n_positive``, of each metric ``auroc, auroc_low, auroc_high``, ``auprc, ...``, then of
        each ``auroc_method`` and of each ``auroc_note``.
    """
    rows = []
    for k, model in enumerate(scored.models):
        row: dict[str, Any] = {"cohort": scored.cohort, "model": model, "n": len(scored.units)}
        row["n_positive"] = int(scored.labels.sum())
        found = [_estimated(scored.sample, k, metric, drawn) for metric in metrics]
        for name, estimate in zip((metric.canonical for metric in metrics), found, strict=True):
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        row |= {f"{m.canonical}_method": e.method for m, e in zip(metrics, found, strict=True)}
        row |= {f"{m.canonical}_note": e.note for m, e in zip(metrics, found, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows)


def _estimated(sample: Sample | None, k: int, metric: NamedMetric, drawn: PairedBootstrap | None) -> Estimate:
    """One metric of the ``k``-th model, its method in words."""
    if sample is None or drawn is None:
        return Estimate("", metric.canonical, np.nan, np.nan, np.nan, np.nan, note=UNDEFINED)
    model = sample.models[k]
    if metric.key == "auroc":
        area = auroc_interval_of(sample.of_model(k))
        method = AUROC_METHODS[area.method]
        return Estimate(model, metric.canonical, area.auroc, area.low, area.high, np.nan, method, area.note)
    found = drawn.estimate(model, metric.canonical)
    if not sample.can_resample:
        return replace(found, low=np.nan, high=np.nan, method="", note=ONE_PATIENT)
    how = POSITIVES[drawn.stratified] if metric.metric.limits_keep_positives else ""
    return replace(found, method=named_method(found.method, drawn.replicates, how))


def named_method(method: str, replicates: int, how: str = "") -> str:
    """A method in words, with its replicates where it draws any; empty without an interval.

    Args:
        method: Its name.
        replicates: How many were drawn.
        how: Said of the replicates, such as one of ``POSITIVES``.
    """
    if "bootstrap" not in METHODS.get(method, ""):
        return METHODS.get(method, "")
    return f"{METHODS[method]}, {replicates} replicates{how}"


def operating_point_table(scored: Scored, recalls: Sequence[float], drawn: PairedBootstrap | None) -> pd.DataFrame:
    """FPR and precision at each recall; their intervals include the choice of the threshold.

    Args:
        scored: Units that every model scored.
        recalls: Recalls of the operating points.
        drawn: Their `metric_bootstrap`, with these recalls.

    Returns:
        ``cohort, model, recall_target, recall, tp, fp, n_positive, n_negative, fpr, precision, threshold`` and
        ``fpr_low, fpr_high, fpr_method, precision_low, precision_high, precision_method, tied``.
    """
    limits: dict[tuple[str, str], tuple[float, float, str]] = {}
    if drawn is not None and scored.sample is not None and scored.sample.can_resample:
        limits = {(e.model, e.metric): (e.low, e.high, METHODS.get(e.method, "")) for e in drawn.estimates}
    rows = []
    for model in scored.models:
        for target in recalls:
            row: dict[str, Any] = {"cohort": scored.cohort, "model": model, "recall_target": target}
            if scored.both_classes:
                point = operating_point(scored.labels, scored.scores[model].to_numpy(), target)
                row |= {name: getattr(point, name) for name in (*POINT, "tied")}
                row |= {name: int(row[name]) for name in (*COUNTS, "tied")}
            else:
                row |= dict.fromkeys((*POINT, "tied"), np.nan)
            for rate in POINT_RATES:
                nothing = (np.nan, np.nan, ONE_PATIENT if scored.both_classes else "")
                ends = limits.get((model, _rate_at_recall(rate, target)), nothing)
                row[f"{rate}_low"], row[f"{rate}_high"], row[f"{rate}_method"] = ends
            rows.append(row)
    return pd.DataFrame(rows)


def recall_grid(scored: Scored) -> dict[str, npt.NDArray[np.float64]]:
    """Operating points of each model at every recall of ``GRID``, as `operating_point` gives them.

    Returns:
        ``(3, recalls)`` by model: true positives, false positives, threshold. Empty with one class only.
    """
    if not scored.both_classes:
        return {}
    grid = {}
    for model, scores in scored.named().items():
        curve = count_curve(scored.labels.astype(bool), scores)
        need = np.array([required_count(t, curve.n_positive) for t in GRID])
        at = np.searchsorted(curve.tp, need)
        grid[model] = np.stack((curve.tp[at], curve.fp[at], curve.threshold[at]))
    return grid


def resampling_of(n: int, asked: Resampling) -> Resampling:
    """What a cohort of ``n`` units is drawn with: what was asked, fewer replicates where it is very large."""
    return replace(asked, replicates=min(asked.replicates, max(200, BOOTSTRAP_WORK // max(n, 1))))
