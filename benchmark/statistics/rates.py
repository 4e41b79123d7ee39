"""Intervals of rates at a threshold that was fixed beforehand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from benchmark.metrics.inputs import Codes, Labels, SampleError
from benchmark.statistics.samples import as_paired_sample

RateMethod = Literal["wilson", "clopper_pearson"]


@dataclass(frozen=True)
class RateInterval:
    """A share with its interval.

    Attributes:
        rate: ``count / total``; NaN when the total is 0.
        low: Lower limit.
        high: Upper limit.
        count: Cases counted.
        total: Cases they are counted from.
        method: ``wilson`` or ``clopper_pearson``.
        effective_total: Cases that the interval is computed for: fewer than ``total`` when patients repeat.
    """

    rate: float
    low: float
    high: float
    count: int
    total: int
    method: str
    effective_total: float


@dataclass(frozen=True)
class FixedThreshold:
    """Rates at one threshold.

    Attributes:
        threshold: Cases with a score at or above it are called positive.
        recall: Among positives.
        specificity: Among negatives.
        fpr: Among negatives, ``1 − specificity``.
        precision: Among the cases called.
    """

    threshold: float
    recall: RateInterval
    specificity: RateInterval
    fpr: RateInterval
    precision: RateInterval


def rate_interval(
    count: float, total: float, method: RateMethod = "wilson", level: float = 0.95
) -> tuple[float, float]:
    """Interval of a binomial share.

    Example::

        >>> from benchmark.statistics import rate_interval
        >>> low, high = rate_interval(8, 10)
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)

    Args:
        count: Successes; whole, or effective (not whole) for clustered data.
        total: Trials.
        method: ``wilson``: score interval, covers 95 % on average. ``clopper_pearson``: never covers less.
        level: Confidence level.

    Returns:
        Low and high; 0 and 1 without trials.

    Raises:
        SampleError: An unknown method, or counts that are no share.
    """
    if method not in get_args(RateMethod):
        raise SampleError(f"method {method!r}: choose from {', '.join(get_args(RateMethod))}")
    if not 0 <= count <= total or not 0 < level < 1:
        raise SampleError(f"{count:g} of {total:g} at level {level:g} is no share")
    if total == 0:
        return 0.0, 1.0
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(count, total, 1 - level, "beta" if method == "clopper_pearson" else "wilson")
    return (0.0 if count == 0 else float(low)), (1.0 if count == total else float(high))


def rates_at_threshold(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    threshold: float,
    clusters: Any = None,  # noqa: ANN401
    method: RateMethod = "wilson",
    level: float = 0.95,
) -> FixedThreshold:
    """Recall, specificity, FPR and precision at a threshold fixed beforehand, with their intervals.

    Not for a threshold that was chosen on the same cases: use `metric_interval` with ``fpr@recall=0.8``,
    whose bootstrap includes the choice.

    Example::

        >>> from benchmark.statistics import rates_at_threshold
        >>> found = rates_at_threshold([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.2], threshold=0.45)
        >>> found.recall.rate, found.recall.count, found.recall.total
        (0.5, 1, 2)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        threshold: The threshold, from another cohort or a guideline.
        clusters: Patient of each case, ``(n,)``. Where patients repeat, counts are divided by the design
            effect of the share (Rao & Scott 1992), or down to one case a patient where it cannot be
            estimated.
        method: ``wilson`` or ``clopper_pearson``.
        level: Confidence level.

    Raises:
        SampleError: Missing values, labels other than 0/1, ids or lengths that differ, a class without a
            case.
    """
    if np.isnan(threshold):
        raise SampleError("threshold: NaN is no threshold")
    sample = as_paired_sample(labels, {"model": scores}, clusters)
    called = sample.scores[0] >= threshold
    truth = sample.labels

    def share(hit: Labels, among: Labels) -> RateInterval:
        return rate_of_cases(hit[among], sample.clusters[among], sample.clustered, method, level)

    return FixedThreshold(
        threshold=float(threshold),
        recall=share(called, truth),
        specificity=share(~called, ~truth),
        fpr=share(called, ~truth),
        precision=share(truth, called),
    )


def rate_of_cases(hit: Labels, codes: Codes, clustered: bool, method: RateMethod, level: float) -> RateInterval:
    """Share of the cases that are hit, its interval widened by the design effect where patients repeat."""
    count, total = int(hit.sum()), int(hit.size)
    rate = count / total if total else float("nan")
    effective = total / _design_effect(hit, codes, rate) if clustered and total else float(total)
    low, high = rate_interval(rate * effective if total else 0.0, effective, method, level)
    return RateInterval(rate, low, high, count, total, method, effective)


def _design_effect(hit: Labels, codes: Codes, rate: float) -> float:
    """Variance of the share over patients (ratio estimator) against the binomial one, at least 1."""
    _, index = np.unique(codes, return_inverse=True)
    count = int(index.max()) + 1
    if count == hit.size:
        return 1.0
    sizes: npt.NDArray[np.float64] = np.bincount(index).astype(np.float64)
    residual = np.bincount(index, hit - rate)
    binomial = rate * (1 - rate) * hit.size
    if count < 2 or binomial == 0:
        return float(hit.size / sizes.size)
    return max(1.0, float(np.sum(residual**2)) * count / (count - 1) / binomial)
