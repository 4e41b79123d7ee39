"""Patients needed for an interval of a wanted width, or to show that a model is not worse by a margin."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import expit, logit, ndtr, ndtri

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, SampleError, check_level
from benchmark.statistics.power import (
    MOST_PATIENTS,
    PatientsNeeded,
    by_prevalence,
    error_of_difference,
    hanley_mcneil_variance,
    patients_reaching,
    smallest_number,
)
from benchmark.statistics.rates import rate_interval

MOST_SIMULATED = 200_000
"""Patients beyond which nothing is simulated."""


@dataclass(frozen=True)
class PlannedWidth:
    """Patients with which an interval is as narrow as wanted.

    Attributes:
        n: Patients, the fewest.
        n_positive: Positives among them, rounded to the prevalence.
        n_negative: Negatives among them.
        width: Width that is expected with them.
        level: Confidence level of the interval.
    """

    n: int
    n_positive: int
    n_negative: int
    width: float
    level: float


def patients_for_auroc(auroc: float, width: float, prevalence: float, level: float = 0.95) -> PlannedWidth:
    """Patients for an interval of an AUROC, of the logit interval with Hanley and McNeil's variance.

    Width of ``expit(logit(A) ± z √V / (A (1 − A)))``. The variance is on the safe side with few positives.

    Example::

        >>> from benchmark.statistics import patients_for_auroc
        >>> patients_for_auroc(0.85, width=0.1, prevalence=0.1)
        PlannedWidth(n=946, n_positive=95, n_negative=851, width=0.0994..., level=0.95)

    Args:
        auroc: The AUROC that is expected.
        width: Wanted width, from limit to limit.
        prevalence: Share of positives.
        level: Confidence level.

    Raises:
        SampleError: A value outside (0, 1), or more than 10⁹ patients.
    """
    _check_shares(auroc=auroc, width=width, prevalence=prevalence)
    check_level(level)
    z = float(ndtri((1 + level) / 2))

    def expected(positives: int, negatives: int) -> float:
        error = math.sqrt(hanley_mcneil_variance(auroc, positives, negatives)) / (auroc * (1 - auroc))
        return float(expit(logit(auroc) + z * error) - expit(logit(auroc) - z * error))

    return _planned(expected, width, prevalence, level)


def patients_for_recall(recall: float, width: float, prevalence: float, level: float = 0.95) -> PlannedWidth:
    """Patients for Wilson's interval of a recall at a threshold fixed beforehand.

    The width is its mean over the binomial distribution of the positives found, exactly.

    Example::

        >>> from benchmark.statistics import patients_for_recall
        >>> found = patients_for_recall(0.9, width=0.1, prevalence=0.1)
        >>> found.n, found.n_positive, round(found.width, 4)
        (1386, 139, 0.0998)

    Args:
        recall: The recall that is expected; for a specificity give that, and the share of negatives.
        width: Wanted width, from limit to limit.
        prevalence: Share of positives.
        level: Confidence level.

    Raises:
        SampleError: A value outside (0, 1), or more than 10⁹ patients.
    """
    _check_shares(recall=recall, width=width, prevalence=prevalence)
    check_level(level)

    def expected(positives: int, _: int) -> float:
        # Beyond ten standard deviations there is no mass that counts.
        reach = 10 * math.sqrt(positives * recall * (1 - recall)) + 10
        found = np.arange(
            max(0, int(positives * recall - reach)), min(positives, int(positives * recall + reach)) + 1
        )
        limits = np.array([rate_interval(int(k), positives, level=level) for k in found])
        return float(scipy.stats.binom.pmf(found, positives, recall) @ (limits[:, 1] - limits[:, 0]))

    return _planned(expected, width, prevalence, level)


def patients_for_auprc(
    auroc: float, width: float, prevalence: float, level: float = 0.95, *, replicates: int = 500, seed: int = 0
) -> PlannedWidth:
    """Patients for an average precision, by simulation of binormal scores with a given AUROC.

    The width is that of the middle ``level`` of the average precisions of simulated cohorts: what an interval that
    covers must have. The number is found to within 1 %, and depends on the model of the scores more than that.

    Example::

        >>> from benchmark.statistics import patients_for_auprc
        >>> found = patients_for_auprc(0.85, width=0.25, prevalence=0.2, replicates=200)
        >>> 150 < found.n < 400, found.width <= 0.25
        (True, True)

    Args:
        auroc: AUROC of scores that are normal in both classes, with equal variances.
        width: Wanted width, from limit to limit.
        prevalence: Share of positives.
        level: Confidence level.
        replicates: Simulated cohorts of each size tried.
        seed: Seed of the simulation.

    Raises:
        SampleError: A value outside (0, 1), fewer than 100 replicates, or more than 200,000 patients.
    """
    _check_shares(auroc=auroc, width=width, prevalence=prevalence)
    check_level(level)
    if replicates < 100:
        raise SampleError(Problem(f"{replicates} replicates", "give 100 at least"))

    def expected(positives: int, negatives: int) -> float:
        found = simulated_average_precisions(auroc, positives, negatives, replicates, seed)
        low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
        return float(high - low)

    return _planned(expected, width, prevalence, level, most=MOST_SIMULATED, within=0.01)


def simulated_average_precisions(
    auroc: float, n_positive: int, n_negative: int, replicates: int, seed: int
) -> Array:
    """Average precisions of cohorts with binormal scores, ``(replicates,)``."""
    rng = np.random.default_rng(seed)
    shift = math.sqrt(2) * float(ndtri(auroc))
    ranks = np.arange(1, n_positive + 1)
    found = np.empty(replicates)
    for k in range(replicates):
        positives = np.sort(rng.normal(shift, 1, n_positive))[::-1]
        negatives = np.sort(rng.normal(size=n_negative))
        above = n_negative - np.searchsorted(negatives, positives, side="right")
        found[k] = float(np.mean(ranks / (ranks + above)))
    return found


def patients_for_noninferiority(
    auroc_new: float,
    auroc_reference: float,
    margin: float,
    prevalence: float,
    correlation: float = 0.5,
    power: float = 0.8,
    alpha: float = 0.025,
) -> PatientsNeeded:
    """Patients with which a model is shown to be not worse than another by a margin.

    Power of the one-sided test of `noninferiority`: ``Φ((d + margin) / se − z)``, d the true difference, se by
    Hanley and McNeil's variances and the correlation of the two estimates.

    Example::

        >>> from benchmark.statistics import patients_for_noninferiority
        >>> patients_for_noninferiority(0.85, 0.85, margin=0.05, prevalence=0.2).n
        988

    Args:
        auroc_new: True AUROC of the new model.
        auroc_reference: True AUROC of the reference.
        margin: Loss of AUROC that still counts as not worse.
        prevalence: Share of positives.
        correlation: Correlation of the two estimated AUROCs.
        power: Wanted chance of showing it.
        alpha: One-sided level.

    Raises:
        SampleError: A value outside its range, a new model that is worse by the margin or more, or more than 10⁹
            patients.
    """
    _check_shares(auroc_new=auroc_new, auroc_reference=auroc_reference, margin=margin, prevalence=prevalence)
    gap = auroc_new - auroc_reference + margin
    if not alpha < power < 1 or not 0 < alpha < 0.5 or not -1 <= correlation < 1:
        raise SampleError("expected 0 < alpha < 0.5, alpha < power < 1 and −1 ≤ correlation < 1")
    if gap <= 1e-12:
        what = f"{auroc_new:g} is worse than {auroc_reference:g} by the margin {margin:g} or more"
        raise SampleError(Problem(what, "no number of patients shows otherwise"))

    def reached(positives: int, negatives: int) -> float:
        error = error_of_difference(auroc_new, auroc_reference, positives, negatives, correlation)
        return float(ndtr(gap / error + ndtri(alpha))) if error > 0 else 1.0

    return patients_reaching(power, prevalence, reached)


def _planned(
    expected: Callable[[int, int], float],
    width: float,
    prevalence: float,
    level: float,
    *,
    most: int = MOST_PATIENTS,
    within: float = 0.0,
) -> PlannedWidth:
    def enough(size: int) -> bool:
        return expected(*by_prevalence(size, prevalence)) <= width

    n = smallest_number(enough, most, within)
    positives, negatives = by_prevalence(n, prevalence)
    return PlannedWidth(n, positives, negatives, expected(positives, negatives), level)


def _check_shares(**values: float) -> None:
    wrong = [
        Problem(f"{name} {value!r} is not above 0 and below 1")
        for name, value in values.items()
        if not 0 < value < 1
    ]
    if wrong:
        raise SampleError(wrong)
