"""AUROC, AUPRC and operating points of each model, with intervals."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.metrics import count_curve, operating_point
from benchmark.metrics.operating import required_count
from benchmark.statistics import Estimate, PairedBootstrap, auroc_interval, paired_bootstrap
from benchmark.statistics.differences import ONE_PATIENT

RECALLS = (0.6, 0.7, 0.8, 0.9)
AREAS = ("auroc", "auprc")
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
    "square_and_add": "limits of both models combined",
    "delong": "paired DeLong",
}
"""What tables and the page call the methods of `benchmark.statistics`."""

BCA_UNITS = 20_000
"""Above this number of units the bootstrap of AUPRC is symmetric enough for percentile limits."""

BOOTSTRAP_WORK = 400_000_000
"""Units that all replicates may draw: larger cohorts get fewer replicates, never under 200."""

GRID = np.round(np.arange(0.005, 1.0001, 0.005), 3)
"""Recalls that the page's threshold explorer can be set to."""


def auprc_bootstrap(scored: Scored, *, replicates: int, seed: int) -> PairedBootstrap | None:
    """AUPRC of all models and of their differences: BCa limits of each AUPRC, percentile limits for large cohorts.

    Returns:
        The bootstrap; None with one class only.
    """
    if not scored.both_classes:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return paired_bootstrap(
            scored.labels,
            scored.named(),
            ["auprc"],
            clusters_of(scored),
            replicates=replicates,
            seed=seed,
            method="auto" if len(scored.units) <= BCA_UNITS else "percentile",
        )


def can_resample(scored: Scored) -> bool:
    """Whether each class is of two patients or more: a single one is the same in every replicate."""
    return all(len(set(scored.clusters[scored.labels == label])) > 1 for label in (0, 1))


def performance(scored: Scored, drawn: PairedBootstrap | None) -> pd.DataFrame:
    """AUROC (DeLong, logit scale) and AUPRC (bootstrap) of each model on the units of ``scored``.

    Args:
        scored: Units that every model scored.
        drawn: Their `auprc_bootstrap`.

    Returns:
        ``cohort, model, n, n_positive, auroc, auroc_low, auroc_high, auprc, auprc_low, auprc_high, auroc_method,
        auprc_method, auroc_note, auprc_note``.
    """
    rows = []
    areas = {estimate.model: estimate for estimate in _estimates(drawn)}
    for model in scored.models:
        row: dict[str, Any] = {"cohort": scored.cohort, "model": model, "n": len(scored.units)}
        row["n_positive"] = int(scored.labels.sum())
        if drawn is None:
            names = [f"{name}{end}" for name in AREAS for end in ("", "_low", "_high")]
            row |= {**dict.fromkeys(names, np.nan), "auroc_method": "", "auprc_method": ""}
            row |= {"auroc_note": UNDEFINED, "auprc_note": UNDEFINED}
        else:
            found = auroc_interval(scored.labels, scored.scores[model].to_numpy(), clusters=clusters_of(scored))
            row |= {"auroc": found.auroc, "auroc_low": found.low, "auroc_high": found.high}
            row |= {"auroc_method": AUROC_METHODS[found.method], "auroc_note": found.note}
            row |= _auprc(areas[model], drawn.replicates, can_resample(scored))
        rows.append(row)
    return pd.DataFrame(rows)


def _auprc(found: Estimate, replicates: int, resampled: bool) -> dict[str, Any]:
    if not resampled:
        found = replace(found, low=np.nan, high=np.nan, method="", note=ONE_PATIENT)
    return {
        "auprc": found.value,
        "auprc_low": found.low,
        "auprc_high": found.high,
        "auprc_method": named_method(found.method, replicates),
        "auprc_note": found.note,
    }


def named_method(method: str, replicates: int) -> str:
    """A method in words, with its replicates where it draws any; empty without an interval."""
    drawn = f", {replicates} replicates" if "bootstrap" in METHODS.get(method, "") else ""
    return METHODS.get(method, "") + drawn


def operating_points(scored: Scored, recalls: Sequence[float], *, replicates: int, seed: int) -> pd.DataFrame:
    """FPR and precision at each recall; their intervals include the choice of the threshold.

    Returns:
        ``cohort, model, recall_target, recall, tp, fp, n_positive, n_negative, fpr, precision, threshold`` and
        ``fpr_low, fpr_high, fpr_method, precision_low, precision_high, precision_method, tied``.
    """
    rates = ("fpr", "precision")
    limits: dict[tuple[str, str], tuple[float, float, str]] = {}
    if can_resample(scored):
        names = [f"{rate}@recall={t:g}" for t in recalls for rate in rates]
        drawn = paired_bootstrap(
            scored.labels, scored.named(), names, clusters_of(scored), replicates=replicates, seed=seed
        )
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
            for rate in rates:
                nothing = (np.nan, np.nan, ONE_PATIENT if scored.both_classes else "")
                ends = limits.get((model, f"{rate}@recall={target:g}"), nothing)
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


def used_replicates(n: int, asked: int) -> int:
    """Replicates for a cohort of ``n`` units: what was asked, fewer where the cohort is very large."""
    return min(asked, max(200, BOOTSTRAP_WORK // max(n, 1)))


def clusters_of(scored: Scored) -> npt.NDArray[np.object_] | None:
    """Patient of each unit, or None where every unit is a patient."""
    return scored.clusters if scored.unit == "nodule" else None


def _estimates(drawn: PairedBootstrap | None) -> tuple[Estimate, ...]:
    return drawn.estimates if drawn is not None else ()
