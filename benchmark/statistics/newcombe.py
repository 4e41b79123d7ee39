"""Newcombe's score interval of an AUROC, for classes and AUROCs that leave DeLong's variance without meaning."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import scipy
from scipy.special import ndtri

from benchmark.statistics.delong import structural_components
from benchmark.statistics.samples import Sample


def newcombe_interval(
    auroc: float, n_positive: float, n_negative: float, level: float = 0.95
) -> tuple[float, float]:
    """Method 5 of Newcombe (Statistics in Medicine 2006;25:559): a score interval on Hanley and McNeil's variance.

    Limits θ solve ``|A − θ| = z √(θ(1−θ) [1 + N (1−θ)/(2−θ) + N θ/(1+θ)] / (m n))`` with ``N = (m + n)/2 −
    1``.
    """
    z = float(ndtri((1 + level) / 2))
    common = (n_positive + n_negative) / 2 - 1

    def spread(theta: float) -> float:
        """z² times the variance, without its factor θ(1 − θ)."""
        shape = 1 + common * (1 - theta) / (2 - theta) + common * theta / (1 + theta)
        return z * z * shape / (n_positive * n_negative)

    def solve(excess: Callable[[float], float], start: float, stop: float) -> float:
        return float(scipy.optimize.brentq(excess, start, stop, xtol=1e-15, rtol=1e-14))

    # At 0 and 1 one root is the estimate itself; dividing it out leaves the other.
    if auroc in (0, 1):
        far = solve(lambda theta: (1 - theta) - theta * spread(theta), 0.0, 1.0)
        return (far, 1.0) if auroc == 1 else (0.0, 1.0 - far)

    def excess(theta: float) -> float:
        return (auroc - theta) ** 2 - theta * (1 - theta) * spread(theta)

    return solve(excess, 0.0, auroc), solve(excess, auroc, 1.0)


def effective_counts(sample: Sample, auroc: float, variance: float) -> tuple[float, float]:
    """Positive and negative cases, reduced by the design effect of the clusters where patients repeat.

    The design effect is the clustered over the unclustered variance, 1 at least; with no variance to
    compare, the patients of each class are counted instead.

    Args:
        sample: Cases of one model.
        auroc: Its AUROC.
        variance: Its clustered variance.
    """
    positives, negatives = float(sample.n_positive), float(sample.n_negative)
    if not sample.clustered:
        return positives, negatives
    plain = structural_components(unclustered(sample)).covariance[0, 0]
    if math.isfinite(variance) and math.isfinite(plain) and plain > 0 and 0 < auroc < 1:
        effect = max(1.0, variance / float(plain))
        return positives / effect, negatives / effect
    counts = [float(np.unique(sample.clusters[rows]).size) for rows in (sample.labels, ~sample.labels)]
    return counts[0], counts[1]


def unclustered(sample: Sample) -> Sample:
    """The same cases, each its own patient."""
    n = sample.labels.size
    return Sample(sample.labels, sample.scores, sample.models, np.arange(n, dtype=np.int64), n, False)
