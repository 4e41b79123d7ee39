"""Confidence intervals of one AUPRC (average precision)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from scipy.special import ndtri

from benchmark.metrics.curve import cumulative_counts
from benchmark.metrics.discrimination import curve_average_precision
from benchmark.metrics.inputs import SampleError, check_level
from benchmark.statistics.bootstrap import metric_interval_of
from benchmark.statistics.conservative import auprc_without_resampling
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

AuprcMethod = Literal["auto", "bca", "percentile", "logit", "binomial"]


@dataclass(frozen=True)
class AuprcInterval:
    """An AUPRC with its confidence interval.

    Attributes:
        auprc: Average precision of the full sample.
        low: Lower limit.
        high: Upper limit.
        prevalence: Share of positives: the AUPRC of chance.
        method: Method that gave the limits: as asked for, or ``separation`` (`auprc_interval`).
        level: Confidence level.
        n_positive: Positive cases.
        n_negative: Negative cases.
        n_clusters: Patients.
        note: What a reader must know; empty when nothing.
    """

    auprc: float
    low: float
    high: float
    prevalence: float
    method: str
    level: float
    n_positive: int
    n_negative: int
    n_clusters: int
    note: str = ""


def auprc_interval(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    method: AuprcMethod = "auto",
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> AuprcInterval:
    """Confidence interval of average precision.

    Example::

        >>> from benchmark.statistics import auprc_interval
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> found = auprc_interval(labels, scores, "logit")
        >>> round(found.auprc, 3), round(found.low, 3), round(found.high, 3)
        (0.648, 0.424, 0.822)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        method: ``bca``, ``percentile``: stratified bootstrap over patients. ``logit``, ``binomial``: the
            quick intervals of Boyd, Eng & Page (2013), as if the AUPRC were a share of the positives;
            ``logit`` is the conservative one. ``auto``: ``bca``, or ``logit`` with under ten patients in a
            class. Where a method has no width, ``logit`` stands in, and at an AUPRC of 1 the smallest AUPRC
            with which a perfect ranking still has a chance of (1 − level)/2.
        clusters: Patient of each case, ``(n,)``. Where patients repeat, the quick intervals count positive
            patients in place of positive cases.
        level: Confidence level.
        resampling: Replicates, seed and threads.

    Raises:
        SampleError: As `benchmark.statistics.auroc_interval`.
    """
    sample = as_paired_sample(labels, {"model": scores}, clusters)
    return auprc_interval_of(sample, method, level=level, resampling=resampling)


def auprc_interval_of(
    sample: Sample,
    method: AuprcMethod = "auto",
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> AuprcInterval:
    """`auprc_interval` of a sample of one model that is checked already.

    Example::

        >>> from benchmark.statistics import as_paired_sample, auprc_interval_of
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": scores})
        >>> round(auprc_interval_of(sample, "logit").low, 3)
        0.424
    """
    if method not in get_args(AuprcMethod):
        raise SampleError(f"method {method!r}: choose from {', '.join(get_args(AuprcMethod))}")
    check_level(level)
    note = ""
    if method in ("auto", "bca", "percentile"):
        drawn = metric_interval_of(sample, "auprc", method, level=level, resampling=resampling)
        value, low, high, used, note = drawn.value, drawn.low, drawn.high, drawn.method, drawn.note
    else:
        value = curve_average_precision(cumulative_counts(sample.labels, sample.scores[0]))
        found, note = auprc_without_resampling(sample, value), ""
        used, (low, high) = found.method, found.at(level)
        if used == "separation":
            note = f"the {method} interval has no width at an AUPRC of 1"
        elif method == "binomial":
            used, (low, high) = method, _binomial(value, int(sample.positive_clusters().sum()), level)
    return AuprcInterval(
        auprc=value,
        low=low,
        high=high,
        prevalence=sample.n_positive / sample.labels.size,
        method=used,
        level=level,
        n_positive=sample.n_positive,
        n_negative=sample.n_negative,
        n_clusters=sample.n_clusters,
        note=note,
    )


def _binomial(value: float, count: int, level: float) -> tuple[float, float]:
    half = float(ndtri((1 + level) / 2)) * math.sqrt(value * (1 - value) / count)
    return max(0.0, value - half), min(1.0, value + half)
