"""How much less several nodules of a patient tell about agreement than as many nodules of different patients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmark.metrics.inputs import Array


class DesignEffects(NamedTuple):
    """Variance over patients by that over nodules, each by leaving one out; 1 at least.

    Attributes:
        icc: Of ``½ log(MSR / MSE)``, which ICC(3,1) is a function of.
        within: Of the logarithm of the variance within nodules.
        bias: Of the mean difference of two scans; NaN with more.
        ccc: Of Lin's coefficient on Fisher's scale; NaN with more than two scans.
    """

    icc: float = 1.0
    within: float = 1.0
    bias: float = 1.0
    ccc: float = 1.0


def design_effects(scores: Array, patients: Any) -> DesignEffects:  # noqa: ANN401 - codes of patients
    """Design effects of what is measured in repeated scans of several nodules of a patient.

    The jackknife over patients is that of a cluster sample (Shao & Tu, The Jackknife and Bootstrap, 1995, 6.3).

    Args:
        scores: Of nodules by scans, ``(n, k)``; NaN where a scan has none. All but ``within`` is of the nodules
            with a score in every scan.
        patients: Code of each nodule's patient, ``(n,)``.
    """
    complete = np.isfinite(scores).all(axis=1)
    whole, of = scores[complete], patients[complete]
    sums, two = _sums_of_nodules(whole - whole.mean()), scores.shape[1] == 2
    squares, df, several = squares_within(scores)
    return DesignEffects(
        icc=_effect(_icc_scale, sums, of),
        within=_effect(_within_scale, np.stack([squares, df], axis=1), patients[several]),
        bias=_effect(_bias, sums, of) if two else math.nan,
        ccc=_effect(_ccc_scale, sums, of) if two else math.nan,
    )


def squares_within(scores: Array) -> tuple[Array, Array, Any]:
    """Squared deviations from each nodule's mean, their degrees of freedom, and which nodules have two scores."""
    there = np.isfinite(scores)
    several = there.sum(axis=1) >= 2
    values, given = scores[several], there[several]
    counts = given.sum(axis=1)
    means = np.where(given, values, 0.0).sum(axis=1) / counts
    return (np.where(given, values - means[:, None], 0.0) ** 2).sum(axis=1), counts - 1.0, several


def _effect(statistic: Callable[[Array], Array], sums: Array, patients: Any) -> float:  # noqa: ANN401
    """Jackknife variance over patients by that over nodules; nodules a patient where one of them cannot be had."""
    _, codes = np.unique(patients, return_inverse=True)
    of_patients = np.stack([np.bincount(codes, column) for column in sums.T], axis=1)
    if len(of_patients) == len(sums):
        return 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        over_patients, over_nodules = (
            (len(units) - 1) * float(np.var(statistic(sums.sum(axis=0) - units))) for units in (of_patients, sums)
        )
        effect = np.divide(over_patients, over_nodules)
    return max(1.0, float(effect)) if math.isfinite(effect) else len(sums) / len(of_patients)


def _sums_of_nodules(scores: Array) -> Array:
    """What all means and squares are made of: 1, the scores, the square of their sum, their squares' sum, x₁x₂."""
    squares = (scores.sum(axis=1) ** 2, (scores**2).sum(axis=1), scores[:, 0] * scores[:, 1])
    return np.column_stack([np.ones(len(scores)), scores, *squares])


def _icc_scale(sums: Array) -> Array:
    n, columns = sums[:, 0], sums[:, 1:-3]
    k = columns.shape[1]
    between = (sums[:, -3] - columns.sum(axis=1) ** 2 / n) / k
    rest = sums[:, -2] - (columns**2).sum(axis=1) / n - between
    return 0.5 * np.log(between / rest)  # type: ignore[no-any-return]


def _within_scale(sums: Array) -> Array:
    return np.log(sums[:, 0] / sums[:, 1])


def _bias(sums: Array) -> Array:
    return (sums[:, 1] - sums[:, 2]) / sums[:, 0]


def _ccc_scale(sums: Array) -> Array:
    n, first, second = sums[:, 0], sums[:, 1], sums[:, 2]
    covariance = sums[:, -1] / n - first * second / n**2
    variances = sums[:, -2] / n - (first**2 + second**2) / n**2
    return np.arctanh(2 * covariance / (variances + ((first - second) / n) ** 2))
