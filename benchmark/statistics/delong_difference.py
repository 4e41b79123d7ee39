"""AUROCs compared on cases: DeLong's test, paired and unpaired, with clusters."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy
from scipy.special import ndtr, ndtri

from benchmark.errors import Problem
from benchmark.metrics.inputs import SampleError, check_level
from benchmark.metrics.registry import named_metric
from benchmark.metrics.sequences import as_ids, as_sequence
from benchmark.statistics.delong import Components, contrast_variance, structural_components
from benchmark.statistics.differences import ALIKE, ONE_PATIENT, side_of, square_and_add
from benchmark.statistics.samples import Sample, as_paired_sample, require_same_ids

PLAIN = "model_a", "model_b"
NO_WIDTH = "no width: DeLong's variance of the difference is zero"


@dataclass(frozen=True)
class DelongTest:
    """Difference of two AUROCs, ``a − b``, with its interval and test.

    Attributes:
        difference: ``auroc_a − auroc_b``.
        low: Lower limit of the difference.
        high: Upper limit.
        statistic: ``difference / √variance``: normal when paired, Student's t with ``df`` when unpaired.
        p_value: Two-sided; below α exactly where the limits at level 1 − α leave 0 out. NaN where the variance is
            zero but the difference is not: DeLong's test then says nothing.
        variance: Of the difference.
        auroc_a: First AUROC.
        auroc_b: Second AUROC.
        variance_a: DeLong's (Obuchowski's) variance of the first.
        variance_b: Of the second.
        covariance: Between the two; 0 when unpaired.
        df: Degrees of freedom (Welch–Satterthwaite); infinite when paired.
        paired: Whether both were measured on the same cases.
        level: Confidence level.
        n_positive: Positive cases of a and b.
        n_negative: Negative cases of a and b.
        n_clusters: Patients of a and b.
        note: What a reader must know; empty when nothing.
        method: ``delong``; ``square_and_add`` (`auroc_difference`); empty without an interval.
    """

    difference: float
    low: float
    high: float
    statistic: float
    p_value: float
    variance: float
    auroc_a: float
    auroc_b: float
    variance_a: float
    variance_b: float
    covariance: float
    df: float
    paired: bool
    level: float
    n_positive: tuple[int, int]
    n_negative: tuple[int, int]
    n_clusters: tuple[int, int]
    note: str = ""
    method: str = "delong"


def delong_test(
    labels: Any,  # noqa: ANN401
    scores_a: Any,  # noqa: ANN401
    scores_b: Any,  # noqa: ANN401
    paired: bool = True,
    clusters: Any = None,  # noqa: ANN401
    *,
    ids: tuple[Iterable[Any], Iterable[Any]] | None = None,
    level: float = 0.95,
) -> DelongTest:
    """Compare two AUROCs by DeLong, DeLong & Clarke-Pearson (1988), as R's pROC does.

    Two models on the same cases::

        delong_test(labels, scores_a, scores_b)

    One model (or two) on two cohorts::

        delong_test((labels_a, labels_b), scores_a, scores_b, paired=False)

    Example::

        >>> from benchmark.statistics import delong_test
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> test = delong_test(labels, first, second)
        >>> round(test.difference, 3), round(test.low, 3), round(test.high, 3), round(test.p_value, 3)
        (0.147, -0.04, 0.335, 0.124)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``. Unpaired: a pair of labels, or labels of both alike.
        scores_a: Higher means more malignant, ``(n,)``.
        scores_b: Paired: of the same cases, ``(n,)``. Unpaired: of their own cases.
        paired: Whether both models scored the same cases.
        clusters: Patient of each case; variances are then Obuchowski's (1997). Unpaired: a pair, as the labels.
        ids: Paired: ids of the cases behind ``scores_a`` and behind ``scores_b``; others are refused
            with the counts. Series carry theirs in the index.
        level: Confidence level of the difference.

    Returns:
        The difference, its interval, and the test.

    Raises:
        SampleError: Missing values, unpaired data in a paired test, labels other than 0/1, a class without
            a case.
    """
    check_level(level)
    labels, scores_a, scores_b = (
        given if _is_pair(given) else as_sequence(given, name)
        for name, given in (("labels", labels), ("scores_a", scores_a), ("scores_b", scores_b))
    )
    if not paired:
        return _unpaired(*_two_samples(labels, scores_a, scores_b, clusters), level)
    if _is_pair(labels) or _is_pair(clusters):
        fix = "give paired=False, or the labels that both share"
        raise SampleError(Problem("labels of two cohorts in a paired test", fix))
    if ids is not None:
        ids_a, ids_b = (as_ids(given, "ids") for given in ids)
        require_same_ids(ids_a, ids_b)
        if len(ids_a) != len(labels):
            raise SampleError(f"{len(labels)} labels but {len(ids_a)} ids")
    sample = as_paired_sample(labels, dict(zip(PLAIN, (scores_a, scores_b), strict=True)), clusters)
    return paired_result(structural_components(sample), sample, 0, 1, level)


def _two_samples(labels: Any, scores_a: Any, scores_b: Any, clusters: Any) -> tuple[Sample, Sample]:  # noqa: ANN401
    labels_a, labels_b = labels if _is_pair(labels) else (labels, labels)
    clusters_a, clusters_b = clusters if _is_pair(clusters) else (clusters, clusters)
    if not _is_pair(labels) and len(scores_b) != len(labels):
        what = f"{len(labels)} labels but {len(scores_b)} scores_b"
        raise SampleError(Problem(what, "give the labels of both: (labels_a, labels_b)"))
    if _is_pair(labels) and clusters is not None and not _is_pair(clusters):
        fix = "give the patients of both: (clusters_a, clusters_b)"
        raise SampleError(Problem("labels of two cohorts, but patients of one", fix))
    return (
        as_paired_sample(labels_a, {"a": scores_a}, clusters_a),
        as_paired_sample(labels_b, {"b": scores_b}, clusters_b),
    )


def _is_pair(values: Any) -> bool:  # noqa: ANN401
    """Whether this holds two sequences, one of each cohort."""
    return isinstance(values, (tuple, list)) and len(values) == 2 and all(np.ndim(part) == 1 for part in values)


def paired_result(components: Components, sample: Sample, i: int, j: int, level: float) -> DelongTest:
    """Difference of models i and j of a sample, from the components of all of them."""
    contrast = np.zeros(len(sample.models))
    contrast[i], contrast[j] = 1.0, -1.0
    covariance = components.covariance
    n_positive, n_negative, n_clusters = sample.n_positive, sample.n_negative, sample.n_clusters
    found = DelongTest(
        difference=float(components.auroc[i] - components.auroc[j]),
        auroc_a=float(components.auroc[i]),
        auroc_b=float(components.auroc[j]),
        low=math.nan,
        high=math.nan,
        statistic=math.nan,
        p_value=math.nan,
        variance=contrast_variance(components, sample, contrast),
        variance_a=float(covariance[i, i]),
        variance_b=float(covariance[j, j]),
        covariance=float(covariance[i, j]),
        df=math.inf,
        paired=True,
        level=level,
        n_positive=(n_positive, n_positive),
        n_negative=(n_negative, n_negative),
        n_clusters=(n_clusters, n_clusters),
    )
    return _tested(found)


def _unpaired(a: Sample, b: Sample, level: float) -> DelongTest:
    first, second = structural_components(a), structural_components(b)
    va, vb = float(first.covariance[0, 0]), float(second.covariance[0, 0])
    total = va + vb
    df = total**2 / (va**2 / (a.n_clusters - 1) + vb**2 / (b.n_clusters - 1)) if total > 0 else math.inf
    found = DelongTest(
        difference=float(first.auroc[0] - second.auroc[0]),
        auroc_a=float(first.auroc[0]),
        auroc_b=float(second.auroc[0]),
        low=math.nan,
        high=math.nan,
        statistic=math.nan,
        p_value=math.nan,
        variance=total,
        variance_a=va,
        variance_b=vb,
        covariance=0.0,
        df=df,
        paired=False,
        level=level,
        n_positive=(a.n_positive, b.n_positive),
        n_negative=(a.n_negative, b.n_negative),
        n_clusters=(a.n_clusters, b.n_clusters),
    )
    return _tested(found)


def _tested(found: DelongTest) -> DelongTest:
    """With limits, within −1 and 1, statistic and p-value."""
    difference, error = found.difference, math.sqrt(found.variance) if found.variance >= 0 else math.nan
    if math.isnan(error):
        return replace(found, method="", note="a class with a single patient has no variance")
    if error <= abs(difference) * 1e-12:
        if difference == 0:
            return replace(found, low=0.0, high=0.0, statistic=0.0, p_value=1.0, note=NO_WIDTH)
        note = "the variance is zero although the AUROCs differ: use auroc_difference or paired_permutation"
        return replace(found, method="", note=note)
    tail = (1 + found.level) / 2
    half = error * float(ndtri(tail) if math.isinf(found.df) else scipy.stats.t.ppf(tail, found.df))
    statistic = difference / error
    beyond = ndtr(-abs(statistic)) if math.isinf(found.df) else scipy.stats.t.sf(abs(statistic), found.df)
    low, high = max(-1.0, difference - half), min(1.0, difference + half)
    return replace(found, low=low, high=high, statistic=statistic, p_value=2 * float(beyond))


def auroc_difference(
    labels: Any,  # noqa: ANN401
    scores_a: Any,  # noqa: ANN401
    scores_b: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
) -> DelongTest:
    """The paired `delong_test` as tables print it: with an interval also where DeLong's variance is zero.

    There, such as for two perfect models, Newcombe's limits of both AUROCs are combined (`square_and_add`). Two
    models that place every case alike have no interval, and the note says why.

    Example::

        >>> from benchmark.statistics import auroc_difference
        >>> test = auroc_difference([1, 1, 0, 0, 0], [5, 4, 3, 2, 1], [9, 8, 2, 1, 0])
        >>> test.difference, round(test.low, 3), round(test.high, 3), test.method
        (0.0, -0.561, 0.561, 'square_and_add')

    Raises:
        SampleError: As `delong_test`.
    """
    sample = as_paired_sample(labels, dict(zip(PLAIN, (scores_a, scores_b), strict=True)), clusters)
    return auroc_difference_of(sample, level=level)


def auroc_difference_of(sample: Sample, *, level: float = 0.95) -> DelongTest:
    """`auroc_difference` of a sample of two models that is checked already.

    Example::

        >>> from benchmark.statistics import as_paired_sample, auroc_difference_of
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": first, "b": second})
        >>> round(auroc_difference_of(sample).difference, 3)
        0.147
    """
    check_level(level)
    found = paired_result(structural_components(sample), sample, 0, 1, level)
    if math.isnan(found.variance):
        return replace(found, note=ONE_PATIENT)
    if found.method and found.note != NO_WIDTH:
        return found
    if found.difference == 0 and min(found.variance_a, found.variance_b) > 0:
        return replace(found, low=math.nan, high=math.nan, method="", note=ALIKE)
    auroc = named_metric("auroc")
    sides = [side_of(sample.of_model(k), auroc, value) for k, value in enumerate((found.auroc_a, found.auroc_b))]
    limits = square_and_add(sides[0], sides[1], level)
    if limits is None:
        return replace(found, low=math.nan, high=math.nan, method="")
    note = "DeLong's variance of the difference is zero: Newcombe's limits of both AUROCs, combined"
    return replace(
        found, low=limits.low, high=limits.high, p_value=limits.p_value, method=limits.method, note=note
    )
