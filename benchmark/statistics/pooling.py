"""Differences pooled over cohorts by a random-effects model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from benchmark.metrics.inputs import Array, SampleError, as_scores, check_level
from benchmark.metrics.sequences import as_ids


@dataclass(frozen=True)
class PooledDifference:
    """Random-effects mean of a difference over cohorts.

    Attributes:
        difference: Pooled difference.
        low: Lower limit (Hartung–Knapp–Sidik–Jonkman, t with k − 1 degrees of freedom).
        high: Upper limit.
        statistic: ``difference / standard_error``.
        p_value: Two-sided.
        standard_error: Of the pooled difference.
        tau2: Variance between cohorts.
        i_squared: Share of the spread that is between cohorts, 0 to 1.
        q: Cochran's Q.
        q_p_value: Of Q: small when the cohorts disagree.
        prediction_low: Where the difference of a new cohort is expected, lower end; NaN under three cohorts.
        prediction_high: Upper end.
        cohorts: Names.
        weights: Weight of each cohort, summing to 1, ``(k,)``.
        k: Cohorts.
        note: What a reader must know; empty when nothing.
    """

    difference: float
    low: float
    high: float
    statistic: float
    p_value: float
    standard_error: float
    tau2: float
    i_squared: float
    q: float
    q_p_value: float
    prediction_low: float
    prediction_high: float
    cohorts: tuple[str, ...]
    weights: Array
    k: int
    note: str = ""


def pool_differences(
    differences: Sequence[float] | Array,
    variances: Sequence[float] | Array,
    cohorts: Sequence[str] | None = None,
    level: float = 0.95,
) -> PooledDifference:
    """Pool one difference per cohort, such as that of two AUROCs with its DeLong variance.

    τ² is Paule and Mandel's (1982), as in R's metafor; the interval is Hartung, Knapp, Sidik and
    Jonkman's, which keeps its level with few cohorts. It is never narrower than the plain random-effects
    one.

    Example::

        >>> from benchmark.statistics import pool_differences
        >>> found = pool_differences([0.05, 0.02, 0.08], [0.001, 0.002, 0.001], ["UCLA", "NLST", "LUNA25"])
        >>> round(found.difference, 3), round(found.low, 3), round(found.high, 3), found.k
        (0.056, -0.03, 0.142, 3)

    Args:
        differences: One per cohort, ``(k,)``.
        variances: Of each, above 0, ``(k,)``.
        cohorts: Their names.
        level: Confidence level.

    Raises:
        SampleError: Fewer than two cohorts, lengths that differ, missing values, or a variance of 0.
    """
    check_level(level)
    effect, variance = as_scores(differences, "differences"), as_scores(variances, "variances")
    k = effect.size
    names = [str(i + 1) for i in range(k)] if cohorts is None else [*map(str, as_ids(cohorts, "cohorts"))]
    if k < 2 or variance.size != k or len(names) != k:
        given = f"{k} differences, {variance.size} variances, {len(names)} names"
        raise SampleError(f"pooling needs two cohorts at least, got {given}")
    if not (variance > 0).all():
        raise SampleError(f"pooling: {int((~(variance > 0)).sum())} variances are not above 0")
    tau2 = paule_mandel(effect, variance)
    weights = 1.0 / (variance + tau2)
    plain = 1.0 / float(weights.sum())
    mean = float(np.dot(weights, effect)) * plain
    scale = float(np.dot(weights, (effect - mean) ** 2)) / (k - 1)
    error = math.sqrt(plain * max(1.0, scale))
    critical = float(scipy.stats.t.ppf((1 + level) / 2, k - 1))
    fixed = 1.0 / variance
    q = float(np.dot(fixed, (effect - np.dot(fixed, effect) / fixed.sum()) ** 2))
    spread = math.nan
    if k >= 3:
        spread = float(scipy.stats.t.ppf((1 + level) / 2, k - 2)) * math.sqrt(tau2 + error**2)
    return PooledDifference(
        difference=mean,
        low=mean - critical * error,
        high=mean + critical * error,
        statistic=mean / error,
        p_value=2 * float(scipy.stats.t.sf(abs(mean / error), k - 1)),
        standard_error=error,
        tau2=tau2,
        i_squared=max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
        q=q,
        q_p_value=float(scipy.stats.chi2.sf(q, k - 1)),
        prediction_low=mean - spread,
        prediction_high=mean + spread,
        cohorts=tuple(names),
        weights=weights * plain,
        k=k,
        note=f"{k} cohorts: the variance between cohorts is poorly known" if k < 5 else "",
    )


def paule_mandel(effects: Array, variances: Array) -> float:
    """τ² with ``Σ wᵢ(yᵢ − μ)² = k − 1``, ``wᵢ = 1/(vᵢ + τ²)`` and μ the mean under these weights; 0 at least.

    Args:
        effects: One per study, ``(k,)``.
        variances: Of each, above 0, ``(k,)``.
    """

    def excess(tau2: float) -> float:
        weights = 1.0 / (variances + tau2)
        mean = np.dot(weights, effects) / weights.sum()
        return float(np.dot(weights, (effects - mean) ** 2)) - (effects.size - 1)

    if excess(0.0) <= 0:
        return 0.0
    high = float(np.ptp(effects)) ** 2
    while excess(high) > 0:
        high *= 2
    # The smallest step that brentq takes: τ² is often a millionth, and is to be right to all its digits.
    return float(
        scipy.optimize.brentq(
            excess, 0.0, high, xtol=np.finfo(float).tiny, rtol=4 * np.finfo(float).eps, maxiter=500
        )
    )
