"""Yield of the cases with the highest scores: what a clinic finds that can see only so many."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, SampleError, check_level
from benchmark.statistics.bca import strata_of
from benchmark.statistics.bootstrap import draw_weights
from benchmark.statistics.conservative import NEAR
from benchmark.statistics.differences import ONE_PATIENT
from benchmark.statistics.engine import block_generator, block_size, run_blocks
from benchmark.statistics.rates import rate_interval
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

SAME_SHARE = "the share is the same in all resamples: Clopper and Pearson's limits"


@dataclass(frozen=True)
class TopYield:
    """Positives among the k cases with the highest scores.

    Attributes:
        k: Cases taken.
        positives: Positives among them; where equal scores stand at the cut, their mean over all ways to take
            some.
        least: Positives with the worst luck among equal scores.
        most: Positives with the best luck.
        share: Of all positives that are found, ``positives / n_positive``.
        low: Lower limit of the share.
        high: Upper limit.
        ppv: ``positives / k``.
        by_chance: Positives that k cases taken at random hold on average.
        tied: Cases with the score at the cut, where not all of them are taken; 0 otherwise.
        note: Why there is no interval, or where it comes from if not from resamples; empty otherwise.
    """

    k: int
    positives: float
    least: int
    most: int
    share: float
    low: float
    high: float
    ppv: float
    by_chance: float
    tied: int
    note: str = ""


def top_yield(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    k: int,
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> TopYield:
    """Positives among the k cases with the highest scores, and the share of all positives that they are.

    Limits of the share: percentiles of the bootstrap of patients, in which the same share of the cases is taken,
    the cut chosen again. Where every resample gives the same share: the wider of Clopper and Pearson's limits of
    the positives among those taken and among all positives, at either end.

    Example::

        >>> from benchmark.statistics import top_yield
        >>> found = top_yield([1, 1, 0, 0, 1, 0], [0.9, 0.8, 0.7, 0.4, 0.4, 0.1], 4)
        >>> found.positives, found.least, found.most, found.by_chance
        (2.5, 2, 3, 2.0)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        k: How many cases, from 1 to n.
        clusters: Patient of each case, ``(n,)``.
        level: Confidence level of the limits.
        resampling: Replicates, seed and threads.

    Raises:
        SampleError: Missing values, labels other than 0/1, ids or lengths that differ, a class without a case, or
            a k that is no number of these cases.
    """
    return top_yield_of(
        as_paired_sample(labels, {"model": scores}, clusters), k, level=level, resampling=resampling
    )


def top_yield_of(
    sample: Sample, k: int, *, level: float = 0.95, resampling: Resampling = DEFAULT_RESAMPLING
) -> TopYield:
    """`top_yield` of a sample of one model that is checked already.

    Example::

        >>> from benchmark.statistics import as_paired_sample, top_yield_of
        >>> sample = as_paired_sample([1, 1, 0, 0, 1, 0], {"a": [0.9, 0.8, 0.7, 0.4, 0.4, 0.1]})
        >>> top_yield_of(sample, 2).positives
        2.0
    """
    check_level(level)
    n = sample.labels.size
    if not isinstance(k, Integral) or not 1 <= k <= n:
        raise SampleError(Problem(f"k {k!r} is no number of {n} cases", f"give a whole number from 1 to {n}"))
    scores, truth = sample.scores[0], sample.labels
    cut = float(np.sort(scores)[n - k])
    above, at = scores > cut, scores == cut
    left, tied, tied_positive = k - int(above.sum()), int(at.sum()), int(truth[at].sum())
    sure = int(truth[above].sum())
    positives = sure + left * tied_positive / tied
    extremes = sure + max(0, left - (tied - tied_positive)), sure + min(left, tied_positive)
    low, high, note = math.nan, math.nan, ONE_PATIENT
    if sample.can_resample:
        drawn = _shares_found(sample, k / n, resampling.seeded())
        low, high = (float(end) for end in np.quantile(drawn, ((1 - level) / 2, (1 + level) / 2)))
        note = "" if high - low > NEAR else SAME_SHARE
    if note == SAME_SHARE:
        low, high = _exact_limits(sample, positives, k, level)
    return TopYield(
        k=int(k),
        positives=positives,
        least=extremes[0],
        most=extremes[1],
        share=positives / sample.n_positive,
        low=low,
        high=high,
        ppv=positives / k,
        by_chance=k * sample.n_positive / n,
        tied=tied if left < tied else 0,
        note=note,
    )


def _exact_limits(sample: Sample, positives: float, k: int, level: float) -> tuple[float, float]:
    """Limits of the share of positives that are found, from those of two binomial shares, in patients."""
    each = sample.n_clusters / sample.labels.size
    ends = [
        [end * among / sample.n_positive for end in rate_interval(
            positives * each, among * each, "clopper_pearson", level)]
        for among in (k, sample.n_positive)
    ]  # fmt: skip
    return min(end[0] for end in ends), min(max(end[1] for end in ends), 1.0, k / sample.n_positive)


def _shares_found(sample: Sample, taken: float, resampling: Resampling) -> Array:
    """Share of the positives of each resample among its highest scores, ``(replicates,)``."""
    strata, size = strata_of(sample, resampling.stratified), block_size(sample.labels.size)
    order = np.argsort(-sample.scores[0], kind="stable")
    ranked, codes = sample.scores[0][order], sample.clusters[order]
    truth = sample.labels[order].astype(np.float64)[:, None]
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))
    out = np.empty(resampling.replicates)

    def work(block: int, start: int) -> None:
        count = min(size, resampling.replicates - start)
        weights = draw_weights(block_generator(resampling.root, block), strata, size)[codes, :count]
        called, hits = np.cumsum(weights, axis=0)[last], np.cumsum(weights * truth, axis=0)[last]
        for r in range(count):
            steps, found = np.append(0.0, called[:, r]), np.append(0.0, hits[:, r])
            share = np.interp(taken * steps[-1], steps, found) / found[-1] if found[-1] else np.nan
            out[start + r] = share

    run_blocks(work, resampling.replicates, size, resampling.workers)
    return out[np.isfinite(out)]
