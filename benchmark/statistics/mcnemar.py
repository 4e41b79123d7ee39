"""Calls of two models at thresholds fixed beforehand, compared on the same cases: McNemar's test."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy
from scipy.special import ndtr, ndtri

from benchmark.metrics.inputs import Array, Codes, Labels, SampleError, check_level
from benchmark.statistics.samples import Sample, as_paired_sample


@dataclass(frozen=True)
class PairedShares:
    """Two shares of the same cases, such as the recalls of two models, and their difference ``a − b``.

    Attributes:
        difference: ``(only_a − only_b) / total``; NaN without cases.
        low: Lower limit (Tango's score interval).
        high: Upper limit.
        p_value: Of McNemar's test without continuity correction; below 1 − level exactly where the limits leave 0
            out. 1 where no case is called by one model alone.
        exact_p: Of the exact binomial test of the cases called by one model alone; NaN where patients repeat.
        both: Cases that both models call.
        only_a: Cases that a alone calls.
        only_b: Cases that b alone calls.
        neither: Cases that neither calls.
        total: All of them.
        effective_total: Cases that limits and p stand on: fewer than ``total`` where patients repeat.
    """

    difference: float
    low: float
    high: float
    p_value: float
    exact_p: float
    both: int
    only_a: int
    only_b: int
    neither: int
    total: int
    effective_total: float


@dataclass(frozen=True)
class McnemarTest:
    """What two models call at a threshold each.

    Attributes:
        recall: Among positives: the difference of the recalls.
        specificity: Among negatives, called negative: the difference of the specificities. ``only_a`` are
            negatives that a alone leaves uncalled.
        thresholds: Of a and b; a score at or above one is called positive.
        level: Confidence level of the limits.
    """

    recall: PairedShares
    specificity: PairedShares
    thresholds: tuple[float, float]
    level: float


def mcnemar(
    labels: Any,  # noqa: ANN401
    scores_a: Any,  # noqa: ANN401
    scores_b: Any,  # noqa: ANN401
    thresholds: float | tuple[float, float],
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
) -> McnemarTest:
    """Differences of recall and of specificity of two models at thresholds that were fixed beforehand.

    McNemar's test counts the cases that one model alone calls: ``z = (b − c) / √(b + c)``. The interval is
    Tango's, whose limits are the differences that the same score test does not refuse. Where patients have several
    cases all counts are divided by the design effect, the variance of the difference over patients against that
    over cases.

    Sources: McNemar, Psychometrika 1947;12:153; Tango, Stat Med 1998;17:891; Obuchowski, Stat Med 1998;17:1495 on
    clustered pairs; Rao & Scott, Biometrics 1992;48:577 on the design effect.

    Not for thresholds chosen on the same cases: `paired_bootstrap` with ``recall@specificity=0.95`` chooses them
    again in every resample.

    Example::

        >>> from benchmark.statistics import mcnemar
        >>> labels = [1] * 10 + [0] * 10
        >>> first = [0.9] * 9 + [0.1] + [0.6] * 3 + [0.2] * 7
        >>> second = [0.9] * 5 + [0.1] * 5 + [0.6] * 2 + [0.2] * 8
        >>> found = mcnemar(labels, first, second, 0.5)
        >>> found.recall.difference, found.recall.only_a, found.recall.only_b, round(found.recall.p_value, 3)
        (0.4, 4, 0, 0.046)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores_a: Scores of the first model, ``(n,)``, higher means more malignant.
        scores_b: Scores of the second on the same cases, ``(n,)``.
        thresholds: One for both, or one each.
        clusters: Patient of each case, ``(n,)``.
        level: Confidence level of the limits.

    Raises:
        SampleError: Missing values, labels other than 0/1, ids or lengths that differ, a class without a case, or
            a threshold that is no number.
    """
    sample = as_paired_sample(labels, {"a": scores_a, "b": scores_b}, clusters)
    pair = thresholds if isinstance(thresholds, tuple) else (thresholds, thresholds)
    if len(pair) != 2:
        raise SampleError(f"thresholds: expected one or a pair, got {len(pair)}")
    return mcnemar_of(sample, (float(pair[0]), float(pair[1])), level=level)


def mcnemar_of(sample: Sample, thresholds: tuple[float, float], *, level: float = 0.95) -> McnemarTest:
    """`mcnemar` of a sample of two models that is checked already.

    Example::

        >>> from benchmark.statistics import as_paired_sample, mcnemar_of
        >>> sample = as_paired_sample([1, 1, 1, 0, 0], {"a": [9, 8, 1, 7, 2], "b": [9, 1, 1, 2, 2]})
        >>> found = mcnemar_of(sample, (5.0, 5.0))
        >>> found.recall.only_a, found.recall.only_b
        (1, 0)
    """
    check_level(level)
    if any(map(math.isnan, thresholds)):
        raise SampleError("thresholds: NaN is no threshold")
    called = sample.scores >= np.array(thresholds)[:, None]
    truth = sample.labels

    def shares(hits: Labels, among: Labels) -> PairedShares:
        return paired_shares(hits[0][among], hits[1][among], sample.clusters[among], level)

    return McnemarTest(shares(called, truth), shares(~called, ~truth), thresholds, level)


def paired_shares(hit_a: Labels, hit_b: Labels, codes: Codes, level: float) -> PairedShares:
    """Difference of two shares of the same cases.

    Args:
        hit_a: Whether each case counts for a, ``(n,)``.
        hit_b: Whether it counts for b, ``(n,)``.
        codes: Patient of each case, ``(n,)``.
        level: Confidence level.
    """
    total = int(hit_a.size)
    both, only_a, only_b = (int(np.sum(x)) for x in (hit_a & hit_b, hit_a & ~hit_b, ~hit_a & hit_b))
    counts = (both, only_a, only_b, total - both - only_a - only_b, total)
    if not total:
        return PairedShares(math.nan, math.nan, math.nan, math.nan, math.nan, *counts, 0.0)
    gap = hit_a.astype(np.float64) - hit_b
    patients = np.unique(codes).size
    effect = 1.0 if patients == total else _design_effect_of_gap(gap, codes)
    z = float(ndtri((1 + level) / 2))
    first, second, size = only_a / effect, only_b / effect, total / effect
    low, high = tango_limits(first, second, size, z)
    apart = first + second
    p_value = 2 * float(ndtr(-abs(first - second) / math.sqrt(apart))) if apart else 1.0
    exact = scipy.stats.binomtest(only_a, only_a + only_b).pvalue if only_a + only_b else 1.0
    exact_p = float(exact) if patients == total else math.nan
    return PairedShares((only_a - only_b) / total, low, high, p_value, exact_p, *counts, size)


def tango_limits(only_a: float, only_b: float, total: float, z: float) -> tuple[float, float]:
    """Score interval of a paired difference of shares (Tango 1998), of counts that need not be whole.

    Limits are the differences δ at which ``|only_a − only_b − n δ| = z √(n (2 q̂ + δ (1 − δ)))``, q̂ being the share
    called by b alone that is most likely given δ.
    """
    gap = only_a - only_b

    def statistic(delta: float) -> float:
        b = -only_a - only_b + (2 * total - gap) * delta
        c = -only_b * delta * (1 - delta)
        q = (math.sqrt(max(b * b - 8 * total * c, 0.0)) - b) / (4 * total)
        spread = total * (2 * q + delta * (1 - delta))
        off = gap - total * delta
        return off / math.sqrt(spread) if spread > 1e-15 else math.copysign(math.inf, off) if off else 0.0

    def limit(sign: float) -> float:
        end = -sign
        if sign * statistic(end) <= z:
            return end
        middle = gap / total
        if middle == end:
            return end
        inside = end + sign * 1e-13
        return float(
            scipy.optimize.brentq(
                lambda delta: min(max(sign * statistic(delta), -1e9), 1e9) - z, inside, middle, xtol=1e-14
            )
        )

    return limit(1.0), limit(-1.0)


def _design_effect_of_gap(gap: Array, codes: Codes) -> float:
    """Variance of the mean gap over patients (ratio estimator) against that over cases, at least 1."""
    _, index = np.unique(codes, return_inverse=True)
    patients = int(index.max()) + 1
    if patients < 2 or not gap.any():
        return float(gap.size / patients)
    # Against the null of McNemar's test, where the mean gap is 0 and a case adds its square.
    by_patient = np.bincount(index, gap - gap.mean())
    plain = float(np.sum((gap - gap.mean()) ** 2))
    if plain == 0:
        return float(gap.size / patients)
    return max(1.0, float(np.sum(by_patient**2)) * patients / (patients - 1) / plain)
