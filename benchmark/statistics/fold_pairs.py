"""Two models compared over folds: Wilcoxon's exact test and Nadeau–Bengio's t, with what they can reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy

from benchmark.metrics.inputs import Array, SampleError, as_scores, check_level, matched
from benchmark.statistics.folds import ALPHA, FOLDS

MOST_FLIPPED = 500
"""Up to this number of folds with ties the distribution over all sign flips is computed."""


@dataclass(frozen=True)
class WilcoxonFolds:
    """Wilcoxon's signed-rank test of paired values over folds.

    Attributes:
        difference: Hodges–Lehmann estimate: the median of all means of two differences ``a − b``.
        low: Lower limit; at ``level``.
        high: Upper limit.
        level: Confidence that the limits really have: 0.95 or, with few folds, the most that can be reached.
        statistic: The smaller of the two rank sums.
        rank_sum_positive: Rank sum of folds where a is better.
        rank_sum_negative: Rank sum of folds where b is better.
        p_value: Two-sided; exact unless the note says otherwise.
        attainable_p: Smallest two-sided p for the folds that count: ``2/2ⁿ``.
        n: Folds.
        n_used: Folds that count (without equal ones under ``wilcox``).
        note: What a reader must know, in plain words.
    """

    difference: float
    low: float
    high: float
    level: float
    statistic: float
    rank_sum_positive: float
    rank_sum_negative: float
    p_value: float
    attainable_p: float
    n: int
    n_used: int
    note: str


@dataclass(frozen=True)
class CorrectedT:
    """Nadeau and Bengio's corrected t-test of paired values over folds.

    Attributes:
        difference: Mean of ``a − b``.
        low: Lower limit.
        high: Upper limit.
        statistic: ``mean / √((1/J + n_test/n_train) s²)``.
        p_value: Two-sided, J − 1 degrees of freedom.
        attainable_p: 0: the statistic has no upper bound.
        n: Folds times repeats, J.
        note: What a reader must know.
    """

    difference: float
    low: float
    high: float
    statistic: float
    p_value: float
    attainable_p: float
    n: int
    note: str


def wilcoxon_folds(
    a: Any,  # noqa: ANN401
    b: Any,  # noqa: ANN401
    zero_method: Literal["wilcox", "zsplit", "pratt"] = "wilcox",
) -> WilcoxonFolds:
    """Wilcoxon's signed-rank test, exact, of two models' values fold by fold.

    Example::

        >>> from benchmark.statistics import wilcoxon_folds
        >>> found = wilcoxon_folds([0.81, 0.79, 0.85, 0.8, 0.83], [0.78, 0.77, 0.8, 0.79, 0.79])
        >>> found.p_value, found.attainable_p
        (0.0625, 0.0625)

    Args:
        a: Values of the first model, ``(n,)``.
        b: Values of the second on the same folds, ``(n,)``.
        zero_method: What equal folds do: dropped (``wilcox``), ranked and split (``zsplit``), or ranked and
            dropped (``pratt``).

    Returns:
        The test; with five folds its p cannot fall below 0.0625, and the note says so.

    Raises:
        SampleError: Missing values, lengths or ids that differ, or an unknown ``zero_method``.
    """
    if zero_method not in ("wilcox", "zsplit", "pratt"):
        raise SampleError(f"zero_method {zero_method!r}: choose from wilcox, zsplit, pratt")
    difference = _fold_differences(a, b)
    n = difference.size
    used = int(np.count_nonzero(difference))
    estimate, low, high, level = _hodges_lehmann(difference)
    if used == 0:
        return WilcoxonFolds(
            estimate, low, high, level, 0.0, 0.0, 0.0, 1.0, 1.0, n, 0, f"all folds are equal; {FOLDS}"
        )
    positive, negative = _rank_sums(difference, zero_method)
    p_value, exact = _wilcoxon_p(difference, zero_method)
    attainable = min(1.0, 2.0 ** (1 - used))
    return WilcoxonFolds(
        difference=estimate,
        low=low,
        high=high,
        level=level,
        statistic=min(positive, negative),
        rank_sum_positive=positive,
        rank_sum_negative=negative,
        p_value=p_value,
        attainable_p=attainable,
        n=n,
        n_used=used,
        note=_wilcoxon_note(used, attainable, exact),
    )


def corrected_t(a: Any, b: Any, test_fraction: float, level: float = 0.95) -> CorrectedT:  # noqa: ANN401
    """Nadeau & Bengio (2003): a t-test whose variance allows for the training data that folds share.

    Example::

        >>> from benchmark.statistics import corrected_t
        >>> found = corrected_t([0.81, 0.79, 0.85], [0.78, 0.77, 0.8], test_fraction=1 / 3)
        >>> round(found.difference, 3), round(found.p_value, 3)
        (0.033, 0.139)

    Args:
        a: Values of the first model, one a fold (and repeat), ``(J,)``.
        b: Values of the second, ``(J,)``.
        test_fraction: Share of the cases that a fold tests on; 1/k in k-fold cross-validation. The variance
            is multiplied by ``1/J + test_fraction/(1 − test_fraction)`` instead of 1/J.
        level: Confidence level.

    Raises:
        SampleError: Missing values, lengths that differ, fewer than two folds, a fraction outside (0, 1).
    """
    if not 0 < test_fraction < 1:
        raise SampleError(f"test_fraction {test_fraction!r} is not within 0..1")
    check_level(level)
    difference = _fold_differences(a, b)
    n = difference.size
    if n < 2:
        raise SampleError("a t-test needs two folds at least")
    mean = float(difference.mean())
    error = math.sqrt((1 / n + test_fraction / (1 - test_fraction)) * float(difference.var(ddof=1)))
    half = float(scipy.stats.t.ppf((1 + level) / 2, n - 1)) * error
    if error > 0:
        statistic = mean / error
        p_value = 2 * float(scipy.stats.t.sf(abs(statistic), n - 1))
    else:
        statistic, p_value = (0.0, 1.0) if mean == 0 else (math.nan, math.nan)
    return CorrectedT(mean, mean - half, mean + half, statistic, p_value, 0.0, n, FOLDS)


def _fold_differences(a: Any, b: Any) -> Array:  # noqa: ANN401
    first, second = as_scores(a, "a"), as_scores(matched(a, b, "b"), "b")
    if first.size != second.size:
        raise SampleError(f"unpaired: {first.size} folds of a, {second.size} of b")
    # Values with few decimals tie on paper; without rounding their last bits would break the ties.
    largest = max(float(np.abs(first).max()), float(np.abs(second).max()))
    return np.asarray(np.round(first - second, 12 - math.ceil(math.log10(largest)))) if largest > 0 else first


def _rank_sums(difference: Array, zero_method: str) -> tuple[float, float]:
    kept = difference[difference != 0] if zero_method == "wilcox" else difference
    ranks = scipy.stats.rankdata(np.abs(kept))
    positive, negative = float(ranks[kept > 0].sum()), float(ranks[kept < 0].sum())
    if zero_method == "zsplit":
        zero = float(ranks[kept == 0].sum()) / 2
        return positive + zero, negative + zero
    return positive, negative


def _wilcoxon_p(difference: Array, zero_method: str) -> tuple[float, bool]:
    """P and whether it is exact: scipy's table without ties, all sign flips of the mean ranks with them."""
    nonzero = difference[difference != 0]
    untied = np.unique(np.abs(nonzero)).size == nonzero.size
    if untied and (zero_method == "wilcox" or nonzero.size == difference.size):
        return float(scipy.stats.wilcoxon(nonzero, method="exact").pvalue), True
    if nonzero.size > MOST_FLIPPED:
        found = scipy.stats.wilcoxon(difference, zero_method=zero_method, method="asymptotic")
        return float(found.pvalue), False
    ranked = nonzero if zero_method == "wilcox" else difference
    ranks = scipy.stats.rankdata(np.abs(ranked))[ranked != 0]
    return _flipped_p(ranks, float(ranks[nonzero > 0].sum())), True


def _flipped_p(ranks: Array, rank_sum: float) -> float:
    """Two-sided p of a positive rank sum when every rank is positive or negative with chance ½."""
    steps = np.rint(2 * ranks).astype(np.int64)
    chance: Array = np.zeros(int(steps.sum()) + 1)
    chance[0] = 1.0
    for step in steps:
        moved = np.zeros_like(chance)
        moved[step:] = chance[: chance.size - step]
        chance = np.asarray((chance + moved) / 2)
    at = round(2 * rank_sum)
    return float(min(1.0, 2 * min(chance[: at + 1].sum(), chance[at:].sum())))


def _hodges_lehmann(difference: Array) -> tuple[float, float, float, float]:
    """Median of Walsh averages with the exact interval nearest to, and not below, 95 % where there is one."""
    n = difference.size
    upper = np.triu_indices(n)
    walsh = np.sort((difference[upper[0]] + difference[upper[1]]) / 2)
    chance = np.zeros(n * (n + 1) // 2 + 1)
    chance[0] = 1.0
    for rank in range(1, n + 1):
        chance[rank:] += chance[:-rank].copy()
        chance /= 2
    tail = np.cumsum(chance)
    # Leaving out the `cut` smallest and largest averages but one misses the truth with chance 2 tail[cut − 1].
    cut = max(int(np.searchsorted(tail, ALPHA / 2, side="right")), 1)
    return float(np.median(walsh)), float(walsh[cut - 1]), float(walsh[-cut]), float(1 - 2 * tail[cut - 1])


def _wilcoxon_note(n: int, attainable: float, exact: bool) -> str:
    parts = []
    if attainable >= ALPHA:
        parts.append(
            f"with {n} folds that differ the smallest p that this test can give is {attainable:g}: "
            f"significance at {ALPHA:g} cannot be reached"
        )
    if not exact:
        parts.append(f"ties over more than {MOST_FLIPPED} folds: the p-value is the normal approximation")
    return "; ".join([*parts, FOLDS])
