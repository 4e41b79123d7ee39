"""Pointwise bootstrap bands of ROC and precision-recall curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.comparison.units import Scored
from benchmark.statistics.resampling import Resampling

Array = npt.NDArray[np.float64]
GRID = np.linspace(0.0, 1.0, 101)
MOST_REPLICATES = 500
WORK = 30_000_000
"""Sorted scores that all replicates may go through: large cohorts have narrow bands and get fewer."""


@dataclass(frozen=True)
class Band:
    """Limits of one model's curves at the points of ``GRID``.

    Attributes:
        recall_low: Recall at each FPR, lower 2.5 %, ``(101,)``.
        recall_high: Upper 97.5 %.
        precision_low: Precision at each recall; at recall 0 that of the first threshold.
        precision_high: Upper end.
    """

    recall_low: Array
    recall_high: Array
    precision_low: Array
    precision_high: Array


def curve_bands(scored: Scored, resampling: Resampling) -> dict[str, Band]:
    """Pointwise 95 % bands of every model's curves; patients are drawn.

    Args:
        scored: Units that every model scored.
        resampling: At most as many replicates and ``MOST_REPLICATES``; fewer where the cohort is large.
    """
    if not scored.both_classes or not scored.models:
        return {}
    most = min(max(resampling.replicates, 1), MOST_REPLICATES)
    used = min(int(np.clip(WORK // (len(scored.units) * len(scored.models)), 40, most)), most)
    codes, patients = np.unique(scored.clusters, return_inverse=True)
    positive = np.zeros(len(codes), dtype=bool)
    np.logical_or.at(positive, patients, scored.labels == 1)
    strata = [np.flatnonzero(positive), np.flatnonzero(~positive)]
    strata = strata if resampling.stratified else [np.arange(len(codes))]
    sorts = {model: _Sorted(scored.labels, scores) for model, scores in scored.named().items()}
    drawn = {model: np.empty((2, used, len(GRID))) for model in sorts}
    generator = np.random.default_rng(resampling.root)
    for replicate in range(used):
        weights = np.zeros(len(codes))
        for stratum in strata:
            if stratum.size:
                picks = generator.integers(0, stratum.size, stratum.size)
                weights[stratum] = np.bincount(picks, minlength=stratum.size)
        mass = weights[patients]
        for model, ranked in sorts.items():
            drawn[model][:, replicate] = ranked.curves(mass)
    return {model: _band(values) for model, values in drawn.items()}


class _Sorted:
    """Scores of one model, sorted once for all replicates."""

    def __init__(self, labels: npt.NDArray[np.int64], scores: Array) -> None:
        self.order = np.argsort(-scores, kind="stable")
        ranked = scores[self.order]
        self.last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), len(ranked) - 1)
        self.positive = labels[self.order] == 1

    def curves(self, mass: Array) -> Array:
        """Recall at each FPR of ``GRID`` and precision at each recall, ``(2, 101)``."""
        weights = mass[self.order]
        tp = np.cumsum(np.where(self.positive, weights, 0.0))[self.last]
        fp = np.cumsum(np.where(self.positive, 0.0, weights))[self.last]
        if tp[-1] == 0 or fp[-1] == 0:
            return np.full((2, len(GRID)), np.nan)
        below = np.searchsorted(fp, GRID * fp[-1] + 1e-9, side="right") - 1
        recall = np.where(below >= 0, tp[np.maximum(below, 0)], 0.0) / tp[-1]
        at = np.minimum(np.searchsorted(tp, GRID * tp[-1] - 1e-9), len(tp) - 1)
        at[0] = np.flatnonzero(tp + fp > 0)[0]
        return np.stack((recall, tp[at] / (tp[at] + fp[at])))


def _band(values: Array) -> Band:
    kept = values[:, np.isfinite(values[0, :, 0])]
    low, high = np.percentile(kept, (2.5, 97.5), axis=1)
    return Band(low[0], high[0], low[1], high[1])
