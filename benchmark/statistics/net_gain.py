"""What acting on one model's probabilities is worth more than acting on another's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.inputs import Array, SampleError, check_level
from benchmark.metrics.sequences import as_numbers
from benchmark.metrics.utility import THRESHOLDS
from benchmark.statistics.bca import strata_of
from benchmark.statistics.bootstrap import draw_weights
from benchmark.statistics.differences import ONE_PATIENT, percentile_difference
from benchmark.statistics.engine import block_generator, block_size, run_blocks
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

SAME_CALLS = "both models call the same cases, so their difference has no spread and no interval"


@dataclass(frozen=True)
class NetBenefitGain:
    """Net benefit of one model minus that of another at a threshold probability.

    Attributes:
        threshold: The threshold probability pt.
        net_benefit_a: Of the first model.
        net_benefit_b: Of the second.
        gain: ``net_benefit_a − net_benefit_b``: true positives a case that cost no false positive.
        low: Lower limit.
        high: Upper limit.
        p_value: Two-sided; below 1 − level exactly where the limits leave 0 out.
        attainable_p: The smallest p that so many replicates and patients can give.
        note: Why there is no interval; empty otherwise.
    """

    threshold: float
    net_benefit_a: float
    net_benefit_b: float
    gain: float
    low: float
    high: float
    p_value: float
    attainable_p: float
    note: str = ""


def net_benefit_gain(
    labels: Any,  # noqa: ANN401
    probabilities_a: Any,  # noqa: ANN401
    probabilities_b: Any,  # noqa: ANN401
    thresholds: Iterable[float] = THRESHOLDS,
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> tuple[NetBenefitGain, ...]:
    """Differences of net benefit of two models on the same cases, by the paired bootstrap of patients.

    Net benefit is a mean over cases (``TP − FP pt/(1 − pt)``), so that a replicate is a weighted mean of each
    patient's sum; limits are expanded percentiles and p inverts them, as those of `paired_bootstrap`.

    Sources: Vickers & Elkin, Med Decis Making 2006;26:565; Vickers et al., BMC Med Inform Decis Mak 2008;8:53.

    Example::

        >>> from benchmark.statistics import Resampling, net_benefit_gain
        >>> labels = [1, 1, 0, 0, 0] * 20
        >>> a, b = [0.9, 0.6, 0.3, 0.1, 0.1] * 20, [0.9, 0.1, 0.3, 0.1, 0.1] * 20
        >>> [found] = net_benefit_gain(labels, a, b, [0.2], resampling=Resampling(200))
        >>> round(found.gain, 3), found.p_value < 0.05
        (0.2, True)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        probabilities_a: Of the first model, ``(n,)``.
        probabilities_b: Of the second on the same cases, ``(n,)``.
        thresholds: Threshold probabilities, each above 0 and below 1.
        clusters: Patient of each case, ``(n,)``.
        level: Confidence level of the limits.
        resampling: Replicates, seed and threads.

    Returns:
        One a threshold, in their order.

    Raises:
        SampleError: Missing values, scores that are no probabilities, labels other than 0/1, ids or lengths that
            differ, a class without a case, or a threshold outside (0, 1).
    """
    sample = as_paired_sample(labels, {"a": probabilities_a, "b": probabilities_b}, clusters)
    return net_benefit_gain_of(sample, thresholds, level=level, resampling=resampling)


def net_benefit_gain_of(
    sample: Sample,
    thresholds: Iterable[float] = THRESHOLDS,
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> tuple[NetBenefitGain, ...]:
    """`net_benefit_gain` of a sample of two models that is checked already.

    Example::

        >>> from benchmark.statistics import Resampling, as_paired_sample, net_benefit_gain_of
        >>> models = {"a": [0.9, 0.6, 0.3, 0.1] * 20, "b": [0.9, 0.1, 0.3, 0.1] * 20}
        >>> sample = as_paired_sample([1, 1, 0, 0] * 20, models)
        >>> [found] = net_benefit_gain_of(sample, [0.2], resampling=Resampling(200))
        >>> round(found.gain, 3)
        0.25
    """
    check_level(level)
    at = as_numbers(thresholds, "thresholds")
    if not ((at > 0) & (at < 1)).all():
        raise SampleError("thresholds: expected probabilities above 0 and below 1")
    if sample.scores.min() < 0 or sample.scores.max() > 1:
        raise SampleError("net benefit needs probabilities: scores lie outside 0..1")
    called = sample.scores[:, None, :] >= at[None, :, None]
    worth = np.where(sample.labels[None, :], 1.0, -(at / (1 - at))[:, None])
    cases = called * worth[None]
    gaps = cases[0] - cases[1]
    sums: Array = np.stack([np.bincount(sample.clusters, row, sample.n_clusters) for row in gaps]).astype(
        np.float64
    )
    samples = _weighted_means(sample, sums, resampling.seeded())
    found = []
    for k, threshold in enumerate(at.tolist()):
        first, second = (float(cases[m, k].mean()) for m in (0, 1))
        ends = _limits_of(samples[k], bool(gaps[k].any()), sample.smaller_class(), level)
        found.append(NetBenefitGain(threshold, first, second, first - second, *ends))
    return tuple(found)


def _limits_of(samples: Array, differ: bool, few: int, level: float) -> tuple[float, float, float, float, str]:
    """Limits, p, the smallest p, and why there are none."""
    if few < 2:
        return (np.nan, np.nan, np.nan, 0.0, ONE_PATIENT)
    found = percentile_difference(samples, few, level)
    if not differ:
        return (np.nan, np.nan, 1.0, found.attainable_p, SAME_CALLS)
    return (found.low, found.high, found.p_value, found.attainable_p, found.note)


def _weighted_means(sample: Sample, sums: Array, resampling: Resampling) -> Array:
    """Mean over the cases of each resample of what patients add up to, ``(rows, replicates)``."""
    sizes = np.bincount(sample.clusters, minlength=sample.n_clusters).astype(np.float64)
    strata, size = strata_of(sample, resampling.stratified), block_size(sample.n_clusters)
    out = np.empty((len(sums), resampling.replicates))

    def work(block: int, start: int) -> None:
        count = min(size, resampling.replicates - start)
        weights = draw_weights(block_generator(resampling.root, block), strata, size)[:, :count]
        out[:, start : start + count] = sums @ weights / (sizes @ weights)

    run_blocks(work, resampling.replicates, size, resampling.workers)
    return out
