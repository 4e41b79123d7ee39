"""Models compared over folds: Friedman, Nemenyi, Conover, Wilcoxon, Nadeau–Bengio, with what they can reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy import stats

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, SampleError, as_scores, matched

ALPHA = 0.05
FOLDS = "folds share training data and a test set, so they are not independent; compare on cases first"


@dataclass(frozen=True)
class FriedmanNemenyi:
    """Friedman's test over folds (or data sets) with Nemenyi's and Conover's comparisons of all pairs.

    Attributes:
        statistic: Friedman's χ², corrected for ties, as scipy computes it.
        p_value: Of ``statistic``.
        statistic_uncorrected: χ² without the correction for ties, as in Demšar (2006).
        iman_davenport: ``(n−1) χ² / (n(k−1) − χ²)`` of the uncorrected χ²; infinite for perfectly
            consistent ranks.
        iman_davenport_p: Its p-value (F with k−1 and (k−1)(n−1) degrees of freedom).
        mean_ranks: Mean rank by model; rank 1 is best.
        nemenyi: p-values of all pairs (scikit-posthocs).
        conover: p-values of all pairs, more powerful and adjusted by Holm (scikit-posthocs).
        critical_difference: Difference of mean ranks that Nemenyi's test calls significant at 0.05.
        attainable_p: Smallest Friedman p for this number of folds and models, reached by perfectly
            consistent ranks.
        nemenyi_attainable_p: Smallest Nemenyi p of any pair: best against worst, ranks perfectly consistent.
        nemenyi_adjacent_p: Nemenyi p of two models next to each other, ranks perfectly consistent.
        n: Folds.
        k: Models.
        note: What a reader must know, in plain words.
    """

    statistic: float
    p_value: float
    statistic_uncorrected: float
    iman_davenport: float
    iman_davenport_p: float
    mean_ranks: pd.Series[float]
    nemenyi: pd.DataFrame
    conover: pd.DataFrame
    critical_difference: float
    attainable_p: float
    nemenyi_attainable_p: float
    nemenyi_adjacent_p: float
    n: int
    k: int
    note: str


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


def friedman_nemenyi(table: pd.DataFrame, higher_is_better: bool = True) -> FriedmanNemenyi:
    """Friedman's test and the comparisons of all pairs that follow it.

    Args:
        table: Folds (or data sets) in rows, models in columns, ``(n, k)``.
        higher_is_better: Whether the largest value gets rank 1.

    Raises:
        SampleError: Missing values, fewer than two rows, fewer than three models.
    """
    import scikit_posthocs

    values = _checked_table(table)
    n, k = values.shape
    models = [str(name) for name in table.columns]
    ranks = stats.rankdata(-values if higher_is_better else values, axis=1)
    mean_ranks = ranks.mean(axis=0)
    plain = 12 * n / (k * (k + 1)) * float(np.sum((mean_ranks - (k + 1) / 2) ** 2))
    ties = 1 - sum(_tie_sum(row) for row in values) / (n * k * (k * k - 1))
    corrected = plain / ties if ties > 0 else 0.0
    rest = n * (k - 1) - plain
    davenport = (n - 1) * plain / rest if rest > 1e-9 else math.inf
    frame = pd.DataFrame(values, columns=models)
    unit = math.sqrt(k * (k + 1) / (6 * n))
    result = {
        "attainable_p": float(stats.chi2.sf(n * (k - 1), k - 1)),
        "nemenyi_attainable_p": nemenyi_p(k - 1, n, k),
        "nemenyi_adjacent_p": nemenyi_p(1, n, k),
    }
    return FriedmanNemenyi(
        statistic=corrected,
        p_value=float(stats.chi2.sf(corrected, k - 1)),
        statistic_uncorrected=plain,
        iman_davenport=davenport,
        iman_davenport_p=float(stats.f.sf(davenport, k - 1, (k - 1) * (n - 1))),
        mean_ranks=pd.Series(mean_ranks, index=models),
        nemenyi=scikit_posthocs.posthoc_nemenyi_friedman(frame),
        conover=_conover(frame, rest < 1e-9),
        critical_difference=float(stats.studentized_range.ppf(1 - ALPHA, k, np.inf)) / math.sqrt(2) * unit,
        n=n,
        k=k,
        note=_friedman_note(n, k, **result),
        **result,
    )


def nemenyi_p(rank_difference: float, n: int, k: int) -> float:
    """Nemenyi's p for a difference of mean ranks over ``n`` folds of ``k`` models."""
    q = rank_difference / math.sqrt(k * (k + 1) / (6 * n)) * math.sqrt(2)
    return float(stats.studentized_range.sf(q, k, np.inf))


def wilcoxon_folds(
    a: Any,  # noqa: ANN401
    b: Any,  # noqa: ANN401
    zero_method: Literal["wilcox", "zsplit", "pratt"] = "wilcox",
) -> WilcoxonFolds:
    """Wilcoxon's signed-rank test, exact, of two models' values fold by fold.

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
    attainable = min(1.0, 2.0 / 2.0**used)
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
    difference = _fold_differences(a, b)
    n = difference.size
    if n < 2:
        raise SampleError("a t-test needs two folds at least")
    mean = float(difference.mean())
    error = math.sqrt((1 / n + test_fraction / (1 - test_fraction)) * float(difference.var(ddof=1)))
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * error
    if error > 0:
        statistic = mean / error
        p_value = 2 * float(stats.t.sf(abs(statistic), n - 1))
    else:
        statistic, p_value = (0.0, 1.0) if mean == 0 else (math.nan, math.nan)
    return CorrectedT(mean, mean - half, mean + half, statistic, p_value, 0.0, n, FOLDS)


def _checked_table(table: pd.DataFrame) -> Array:
    try:
        values = np.asarray(table, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SampleError(f"fold table: not all values are numbers ({error})") from error
    if values.ndim != 2 or values.shape[0] < 2 or values.shape[1] < 3:
        shape = "×".join(map(str, values.shape))
        raise SampleError(
            Problem(
                f"fold table of {shape}: Friedman's test needs 2 folds and 3 models", "compare two by Wilcoxon"
            )
        )
    if not np.isfinite(values).all():
        raise SampleError(
            Problem(
                f"fold table: {int((~np.isfinite(values)).sum())} values are missing or infinite",
                "drop the folds or models that are not complete",
            )
        )
    return values


def _fold_differences(a: Any, b: Any) -> Array:  # noqa: ANN401
    first, second = as_scores(a, "a"), as_scores(matched(a, b, "b"), "b")
    if first.size != second.size:
        raise SampleError(f"unpaired: {first.size} folds of a, {second.size} of b")
    # Values with few decimals tie on paper; without rounding their last bits would break the ties.
    largest = max(float(np.abs(first).max()), float(np.abs(second).max()))
    return np.asarray(np.round(first - second, 12 - math.ceil(math.log10(largest)))) if largest > 0 else first


def _tie_sum(row: Array) -> float:
    counts = np.unique(row, return_counts=True)[1].astype(np.float64)
    return float(np.sum(counts**3 - counts))


def _conover(frame: pd.DataFrame, consistent: bool) -> pd.DataFrame:
    """Conover's p-values; perfectly consistent ranks leave no residual, and every pair that differs has p 0."""
    import scikit_posthocs

    if consistent:
        models = frame.columns
        return pd.DataFrame(np.eye(len(models)), index=models, columns=models)
    return pd.DataFrame(scikit_posthocs.posthoc_conover_friedman(frame, p_adjust="holm"))


def _rank_sums(difference: Array, zero_method: str) -> tuple[float, float]:
    kept = difference[difference != 0] if zero_method == "wilcox" else difference
    ranks = stats.rankdata(np.abs(kept))
    positive, negative = float(ranks[kept > 0].sum()), float(ranks[kept < 0].sum())
    if zero_method == "zsplit":
        zero = float(ranks[kept == 0].sum()) / 2
        return positive + zero, negative + zero
    return positive, negative


def _wilcoxon_p(difference: Array, zero_method: str) -> tuple[float, bool]:
    """P and whether it is exact: scipy's table without ties, all sign flips up to 13 folds with them."""
    if zero_method == "wilcox":
        difference = difference[difference != 0]
    if np.unique(np.abs(difference)).size == difference.size and difference.all():
        method: Any = "exact"
    elif difference.size <= 13:
        method = stats.PermutationMethod(n_resamples=np.inf)
    else:
        method = "asymptotic"
    return float(stats.wilcoxon(difference, zero_method=zero_method, method=method).pvalue), method != "asymptotic"


def _hodges_lehmann(difference: Array) -> tuple[float, float, float, float]:
    """Median of Walsh averages with the exact interval nearest to, and not below, 95 % where there is one."""
    n = difference.size
    upper = np.triu_indices(n)
    walsh = np.sort((difference[upper[0]] + difference[upper[1]]) / 2)
    counts = np.zeros(n * (n + 1) // 2 + 1)
    counts[0] = 1.0
    for rank in range(1, n + 1):
        counts[rank:] += counts[:-rank].copy()
    tail = np.cumsum(counts) / 2.0**n
    cut = int(np.searchsorted(tail, ALPHA / 2, side="right"))
    outside = 2 * tail[cut - 1] if cut else 0.0
    level = 1 - outside if cut else 1 - 2 * tail[0]
    low, high = (walsh[cut], walsh[-1 - cut]) if cut else (walsh[0], walsh[-1])
    return float(np.median(walsh)), float(low), float(high), float(level)


def _wilcoxon_note(n: int, attainable: float, exact: bool) -> str:
    parts = []
    if attainable >= ALPHA:
        parts.append(
            f"with {n} folds that differ the smallest p that this test can give is {attainable:g}: "
            f"significance at {ALPHA:g} cannot be reached"
        )
    if not exact:
        parts.append("tied differences over more than 13 folds: the p-value is the normal approximation")
    return "; ".join([*parts, FOLDS])


def _friedman_note(
    n: int, k: int, *, attainable_p: float, nemenyi_attainable_p: float, nemenyi_adjacent_p: float
) -> str:
    parts = []
    if attainable_p >= ALPHA:
        parts.append(
            f"with {n} folds and {k} models Friedman's p cannot fall below {attainable_p:.3g}: "
            f"significance at {ALPHA:g} cannot be reached"
        )
    if nemenyi_attainable_p >= ALPHA:
        parts.append(
            f"no pair can reach {ALPHA:g} by Nemenyi's test: its p cannot fall below {nemenyi_attainable_p:.3g}"
        )
    elif nemenyi_adjacent_p >= ALPHA:
        parts.append(
            f"with perfectly consistent ranks Nemenyi's p is {nemenyi_attainable_p:.2g} for best against worst but "
            f"{nemenyi_adjacent_p:.3g} for neighbours: these can hardly differ significantly"
        )
    return "; ".join([*parts, FOLDS])
