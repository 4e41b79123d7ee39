"""What acting on one model's probabilities is worth more than acting on another's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.metrics.inputs import Array, Codes, SampleError, check_level
from benchmark.metrics.registry import NamedMetric
from benchmark.metrics.sequences import as_numbers
from benchmark.metrics.utility import THRESHOLDS
from benchmark.statistics.bca import strata_of
from benchmark.statistics.conservative import NEAR
from benchmark.statistics.differences import ONE_PATIENT, percentile_difference, side_of, square_and_add
from benchmark.statistics.engine import block_generator, block_size, run_blocks
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

SAME_CALLS = "both models call the same cases, so their difference has no spread and no interval"

SAME_GAIN = "the gain is the same in all resamples: Clopper and Pearson's limits of recall and FPR, combined"


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
        note: Why there is no interval, or where it comes from if not from the resamples; empty otherwise.
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
    patient's sum; limits are expanded percentiles and p inverts them, as those of `paired_bootstrap`. Where
    resampling gives no width, such as for a perfect model against one that calls all, `square_and_add` stands in.

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
    [found] = net_benefit_gains_of(sample, [(0, 1)], thresholds, level=level, resampling=resampling)
    return found


def net_benefit_gains_of(
    sample: Sample,
    pairs: Sequence[tuple[int, int]],
    thresholds: Iterable[float] = THRESHOLDS,
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> list[tuple[NetBenefitGain, ...]]:
    """`net_benefit_gain_of` of several pairs of models, which stand by their places, all on the same resamples.

    Example::

        >>> from benchmark.statistics import Resampling, as_paired_sample
        >>> from benchmark.statistics.net_gain import net_benefit_gains_of
        >>> models = {"a": [0.9, 0.6, 0.3, 0.1] * 20, "b": [0.9, 0.1, 0.3, 0.1] * 20, "c": [0.5] * 80}
        >>> sample = as_paired_sample([1, 1, 0, 0] * 20, models)
        >>> found = net_benefit_gains_of(sample, [(0, 1), (0, 2)], [0.2], resampling=Resampling(200))
        >>> [round(gain.gain, 3) for (gain,) in found]
        [0.25, 0.062]
    """
    check_level(level)
    at = as_numbers(thresholds, "thresholds")
    if not ((at > 0) & (at < 1)).all():
        raise SampleError("thresholds: expected probabilities above 0 and below 1")
    if sample.scores.min() < 0 or sample.scores.max() > 1:
        raise SampleError("net benefit needs probabilities: scores lie outside 0..1")
    called = sample.scores[:, None, :] >= at[None, :, None]
    odds, total = at / (1 - at), sample.labels.size
    hits, alarms, sizes = _counts(sample, called, resampling.seeded())
    right, wrong = (np.sum(called & among, axis=2) for among in (sample.labels, ~sample.labels))
    benefit = (right - odds * wrong) / total
    found = []
    for a, b in pairs:
        # Rounded: 1 hit against 19 alarms at 5 % is a gain of 0, and the test counts those of either sign.
        drawn = np.round(((hits[a] - hits[b]) - odds[:, None] * (alarms[a] - alarms[b])) / sizes, 12)
        gains = []
        for k, threshold in enumerate(at.tolist()):
            first, second = float(benefit[a, k]), float(benefit[b, k])
            differ = bool((called[a, k] != called[b, k]).any())
            ends = _limits_of(drawn[k], differ, sample.smaller_class(), level)
            if differ and ends[1] - ends[0] <= NEAR:
                metric = NamedMetric("net_benefit", "net_benefit@threshold", threshold)
                ends = _limits_without_resampling(sample, metric, {a: first, b: second}, level)
            gains.append(NetBenefitGain(threshold, first, second, first - second, *ends))
        found.append(tuple(gains))
    return found


def _limits_of(samples: Array, differ: bool, few: int, level: float) -> tuple[float, float, float, float, str]:
    """Limits, p, the smallest p, and why there are none."""
    if few < 2:
        return (np.nan, np.nan, np.nan, 0.0, ONE_PATIENT)
    found = percentile_difference(samples, few, level)
    if not differ:
        return (np.nan, np.nan, 1.0, found.attainable_p, SAME_CALLS)
    return (found.low, found.high, found.p_value, found.attainable_p, found.note)


def _limits_without_resampling(
    sample: Sample, metric: NamedMetric, values: dict[int, float], level: float
) -> tuple[float, float, float, float, str]:
    """What `_limits_of` gives, from the conservative limits of both models."""
    first, second = (side_of(sample.of_model(k), metric, value) for k, value in values.items())
    found = square_and_add(first, second, level)
    if found is None:
        return (np.nan, np.nan, np.nan, 0.0, "no interval: the gain is the same in all resamples")
    return (found.low, found.high, found.p_value, 0.0, SAME_GAIN)


def _counts(sample: Sample, called: npt.NDArray[np.bool_], resampling: Resampling) -> tuple[Array, Array, Array]:
    """True and false positives, ``(models, thresholds, replicates)``, and cases of each resample."""
    classes = np.stack([sample.labels, ~sample.labels])
    rows = (classes[:, None, None] & called[None]).reshape(-1, called.shape[2])
    sizes = np.bincount(sample.clusters, minlength=sample.n_clusters)
    sums = np.stack([*(np.bincount(sample.clusters, row, sample.n_clusters) for row in rows), sizes])
    kinds = [(stratum.size, *_kinds(sums[:, stratum])) for stratum in strata_of(sample, resampling.stratified)]
    out = np.zeros((len(sums), resampling.replicates))
    size = block_size(max(patients.size for *_, patients in kinds))

    def work(block: int, start: int) -> None:
        part = out[:, start : start + size]
        stream = block_generator(resampling.root, block)
        for total, counts, patients in kinds:
            drawn = stream.multinomial(total, patients / total, part.shape[1])
            part += counts @ drawn.T.astype(np.float64)  # whole numbers too, whose product is a slow one

    run_blocks(work, resampling.replicates, size, resampling.workers)
    hits, alarms = out[:-1].reshape(2, *called.shape[:2], resampling.replicates)
    return hits, alarms, out[-1]


def _kinds(sums: Array) -> tuple[Array, Codes]:
    """Patients who count alike, drawn as one kind, for which of them was drawn changes no number.

    Args:
        sums: What each patient counts, whole numbers from 0, ``(numbers, patients)``.

    Returns:
        Distinct columns in ascending order, ``(numbers, kinds)``, and how many patients have each.
    """
    codes = np.zeros(sums.shape[1], dtype=np.int64)
    for row in sums.astype(np.int64):
        codes, _ = pd.factorize(codes * (row.max() + 1) + row)
    patients = np.bincount(codes)
    first = np.empty(patients.size, dtype=np.int64)
    first[codes[::-1]] = np.arange(codes.size)[::-1]
    counts = sums[:, first]
    order = np.lexsort(counts[::-1])
    return counts[:, order], patients[order]
