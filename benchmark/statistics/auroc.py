"""Confidence intervals of one AUROC."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

from scipy.special import ndtri

from benchmark.metrics.inputs import SampleError, check_level
from benchmark.statistics.bootstrap import metric_interval_of
from benchmark.statistics.delong import structural_components
from benchmark.statistics.newcombe import effective_counts, newcombe_interval
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

AurocMethod = Literal["auto", "logit", "wald", "newcombe", "percentile", "bca"]

SMALL_CLASS = 10
"""With fewer patients in a class the default is Newcombe's method: DeLong's variance is then unreliable."""


@dataclass(frozen=True)
class AurocInterval:
    """An AUROC with its confidence interval.

    Attributes:
        auroc: Estimate from the full sample.
        low: Lower limit.
        high: Upper limit.
        variance: DeLong's variance, Obuchowski's when patients repeat; NaN when a class has a single patient.
        method: Method that gave the limits.
        level: Confidence level.
        n_positive: Positive cases.
        n_negative: Negative cases.
        n_clusters: Patients.
        note: What a reader must know, such as why another method was used; empty when nothing.
    """

    auroc: float
    low: float
    high: float
    variance: float
    method: str
    level: float
    n_positive: int
    n_negative: int
    n_clusters: int
    note: str = ""


def auroc_interval(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    method: AurocMethod = "auto",
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> AurocInterval:
    """Confidence interval of the AUROC.

    Example::

        >>> from benchmark.statistics import auroc_interval
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> found = auroc_interval(labels, scores)
        >>> round(found.auroc, 3), round(found.low, 3), round(found.high, 3), found.method
        (0.72, 0.567, 0.835, 'logit')

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        method: ``logit``: DeLong's variance on the logit scale (Pepe 2003, Pohar Perme & Manevski 2018).
            ``wald``: on the plain scale, cut at 0 and 1, as pROC prints it. ``newcombe``: method 5 of
            Newcombe (2006), wide and safe. ``percentile``, ``bca``: stratified bootstrap. ``auto``:
            ``logit``, or ``newcombe`` where a class has under ten patients or the AUROC is 0 or 1.
        clusters: Patient of each case, ``(n,)``; with patients that repeat the variance is Obuchowski's
            (1997), the bootstrap draws patients, and Newcombe's method counts effective cases.
        level: Confidence level.
        resampling: Replicates, seed and threads.

    Returns:
        The interval. ``logit`` and ``wald`` have no width at an AUROC of 0 or 1 or with a single case in a
        class: ``logit`` then gives Newcombe's limits and says so, ``wald`` gives what its formula gives.

    Raises:
        SampleError: Missing values, labels other than 0/1, ids or lengths that differ, a class without a
            case, an unknown method, a level outside (0, 1).
    """
    sample = as_paired_sample(labels, {"model": scores}, clusters)
    return auroc_interval_of(sample, method, level=level, resampling=resampling)


def auroc_interval_of(
    sample: Sample,
    method: AurocMethod = "auto",
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> AurocInterval:
    """`auroc_interval` of a sample of one model that is checked already.

    Example::

        >>> from benchmark.statistics import as_paired_sample, auroc_interval_of
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": scores})
        >>> round(auroc_interval_of(sample).low, 3)
        0.567
    """
    if method not in get_args(AurocMethod):
        raise SampleError(f"method {method!r}: choose from {', '.join(get_args(AurocMethod))}")
    check_level(level)
    components = structural_components(sample)
    auroc, variance = float(components.auroc[0]), float(components.covariance[0, 0])
    used, note = _resolve(method, auroc, variance, sample)
    if used in ("percentile", "bca"):
        drawn = metric_interval_of(sample, "auroc", used, level=level, resampling=resampling)
        low, high, used, note = drawn.low, drawn.high, drawn.method, drawn.note
    elif used == "newcombe":
        low, high = newcombe_interval(auroc, *effective_counts(sample, auroc, variance), level=level)
    else:
        low, high = (wald_interval if used == "wald" else logit_interval)(auroc, variance, level)
    note = "; ".join(part for part in (note, _caution(auroc, sample, used)) if part)
    return AurocInterval(
        auroc, low, high, variance, used, level, sample.n_positive, sample.n_negative, sample.n_clusters, note
    )


def logit_interval(auroc: float, variance: float, level: float = 0.95) -> tuple[float, float]:
    """``logit(A) ± z √V / (A (1 − A))``, turned back; needs 0 < A < 1."""
    centre = math.log(auroc / (1 - auroc))
    half = float(ndtri((1 + level) / 2)) * math.sqrt(variance) / (auroc * (1 - auroc))
    return 1 / (1 + math.exp(half - centre)), 1 / (1 + math.exp(-half - centre))


def wald_interval(auroc: float, variance: float, level: float = 0.95) -> tuple[float, float]:
    """``A ± z √V``, cut at 0 and 1; covers too rarely near 1."""
    half = float(ndtri((1 + level) / 2)) * math.sqrt(variance)
    return max(0.0, auroc - half), min(1.0, auroc + half)


def _resolve(method: str, auroc: float, variance: float, sample: Sample) -> tuple[str, str]:
    if method in ("auto", "logit"):
        if not 0 < auroc < 1:
            return "newcombe", f"Newcombe's method: DeLong's interval has no width at an AUROC of {auroc:g}"
        if not variance > 0:
            return "newcombe", "Newcombe's method: DeLong's variance is zero or cannot be estimated"
        small = sample.smaller_class()
        if method == "auto" and small < SMALL_CLASS:
            return "newcombe", f"Newcombe's method: the smaller class has {small} patients, under {SMALL_CLASS}"
        return "logit", ""
    if method == "wald" and not variance >= 0:
        raise SampleError("method wald: a class with a single patient has no variance; use newcombe")
    return method, ""


def _caution(auroc: float, sample: Sample, used: str) -> str:
    if used != "newcombe" and sample.smaller_class() < 30 and auroc > 0.9:
        return "fewer than 30 patients in a class and an AUROC above 0.90: intervals tend to sit too high"
    return ""
