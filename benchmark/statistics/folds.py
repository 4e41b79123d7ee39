"""Several models compared over folds: Friedman, Nemenyi and Conover, with what they can reach."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import scipy

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, SampleError, matched
from benchmark.metrics.sequences import as_columns, as_numbers
from benchmark.statistics.multiplicity import holm

ALPHA = 0.05
FOLDS = "folds share training data and a test set, so they are not independent; compare on cases first"


@dataclass(frozen=True)
class FriedmanNemenyi:
    """Friedman's test over folds (or data sets) with Nemenyi's and Conover's comparisons of all pairs.

    Attributes:
        statistic: Friedman's χ², corrected for ties, as scipy computes it but without its cancellation; 0 where
            all models tie in every fold, where scipy has none.
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


def friedman_nemenyi(table: Any, higher_is_better: bool = True) -> FriedmanNemenyi:  # noqa: ANN401
    """Friedman's test and the comparisons of all pairs that follow it.

    Example::

        >>> from benchmark.statistics import friedman_nemenyi
        >>> folds = {"a": [0.9, 0.8, 0.85], "b": [0.7, 0.75, 0.8], "c": [0.6, 0.7, 0.65]}
        >>> found = friedman_nemenyi(folds)
        >>> found.mean_ranks.to_dict(), round(found.p_value, 3), round(found.attainable_p, 3)
        ({'a': 1.0, 'b': 2.0, 'c': 3.0}, 0.05, 0.05)

    Args:
        table: Folds (or data sets) in rows, models in columns, ``(n, k)``; a data frame, a mapping of models to
            their values, or rows without names (models are then numbered from 0).
        higher_is_better: Whether the largest value gets rank 1.

    Raises:
        SampleError: Missing values, fewer than two rows, fewer than three models.
    """
    import scikit_posthocs

    table = _as_frame(table)
    values = _checked_table(table)
    n, k = values.shape
    models = [str(name) for name in table.columns]
    ranks = scipy.stats.rankdata(-values if higher_is_better else values, axis=1)
    mean_ranks = ranks.mean(axis=0)
    plain = 12 * n / (k * (k + 1)) * float(np.sum((mean_ranks - (k + 1) / 2) ** 2))
    ties = 1 - sum(_tie_sum(row) for row in values) / (n * k * (k * k - 1))
    corrected = plain / ties if ties > 0 else 0.0
    rest = n * (k - 1) - plain
    davenport = (n - 1) * plain / rest if rest > 1e-9 else math.inf
    frame = pd.DataFrame(values, columns=models)
    result = {
        "attainable_p": float(scipy.stats.chi2.sf(n * (k - 1), k - 1)),
        "nemenyi_attainable_p": nemenyi_p(k - 1, n, k),
        "nemenyi_adjacent_p": nemenyi_p(1, n, k),
    }
    return FriedmanNemenyi(
        statistic=corrected,
        p_value=float(scipy.stats.chi2.sf(corrected, k - 1)),
        statistic_uncorrected=plain,
        iman_davenport=davenport,
        iman_davenport_p=float(scipy.stats.f.sf(davenport, k - 1, (k - 1) * (n - 1))),
        mean_ranks=pd.Series(mean_ranks, index=models),
        nemenyi=_under_model_names(scikit_posthocs.posthoc_nemenyi_friedman(values), models),
        conover=_conover(frame, mean_ranks, consistent=n * (k - 1) - corrected < 1e-9),
        critical_difference=critical_difference(n, k),
        n=n,
        k=k,
        note=_friedman_note(n, k, **result),
        **result,
    )


def critical_difference(n: int, k: int, alpha: float = ALPHA) -> float:
    """Difference of mean ranks that Nemenyi's test calls significant: ``q √(k(k+1)/(6n))`` (Demšar 2006).

    Example::

        >>> from benchmark.statistics import critical_difference
        >>> round(critical_difference(n=5, k=4), 3)
        2.098

    Args:
        n: Folds, one at least.
        k: Models, two at least.
        alpha: Family-wise level.

    Raises:
        SampleError: Too few folds or models, or a level outside (0, 1).
    """
    if n < 1 or k < 2 or not 0 < alpha < 1:
        raise SampleError(f"no critical difference for {n} folds, {k} models, alpha {alpha:g}")
    q = float(scipy.stats.studentized_range.ppf(1 - alpha, k, np.inf)) / math.sqrt(2)
    return q * math.sqrt(k * (k + 1) / (6 * n))


def nemenyi_p(rank_difference: float, n: int, k: int) -> float:
    """Nemenyi's p for a difference of mean ranks over ``n`` folds of ``k`` models."""
    q = rank_difference / math.sqrt(k * (k + 1) / (6 * n)) * math.sqrt(2)
    return float(scipy.stats.studentized_range.sf(q, k, np.inf))


def _as_frame(table: Any) -> pd.DataFrame:  # noqa: ANN401
    try:
        if not (isinstance(table, Mapping) or hasattr(table, "columns")):
            return pd.DataFrame(table)
        columns = as_columns(table, "fold table")
        first = next(iter(columns.values()), None)
        values = {name: as_numbers(matched(first, given, name), name) for name, given in columns.items()}
        return pd.DataFrame(values)
    except SampleError:
        raise
    except (TypeError, ValueError) as error:
        raise SampleError(
            Problem(f"fold table: {error}", "give folds in rows and models in columns, all of one length")
        ) from error


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


def _tie_sum(row: Array) -> float:
    counts = np.unique(row, return_counts=True)[1].astype(np.float64)
    return float(np.sum(counts**3 - counts))


def _under_model_names(table: pd.DataFrame, models: list[str]) -> pd.DataFrame:
    """Pairs under the models' names, which scikit-posthocs would take for its own (``y``, ``groups``)."""
    return pd.DataFrame(table.to_numpy(), index=models, columns=models)


def _conover(frame: pd.DataFrame, mean_ranks: Array, consistent: bool) -> pd.DataFrame:
    """Conover's p-values; ranks that are the same in every fold leave no residual: pairs that differ have p 0."""
    import scikit_posthocs

    models = frame.columns
    if (frame.nunique(axis=1) == 1).all():
        return pd.DataFrame(np.ones((len(models), len(models))), index=models, columns=models)
    if consistent:
        equal = mean_ranks[:, None] == mean_ranks
        return pd.DataFrame(equal.astype(np.float64), index=models, columns=models)
    table = pd.DataFrame(scikit_posthocs.posthoc_conover_friedman(frame.to_numpy()))
    values, upper = table.to_numpy(copy=True), np.triu_indices(len(models), 1)
    values[upper] = holm(values[upper])
    values.T[upper] = values[upper]
    return pd.DataFrame(values, index=models, columns=models)


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
            f"with perfectly consistent ranks Nemenyi's p is {nemenyi_attainable_p:.2g} for best and worst but "
            f"{nemenyi_adjacent_p:.3g} for neighbours: these can hardly differ significantly"
        )
    return "; ".join([*parts, FOLDS])
