"""What difference of two AUROCs a cohort can show, and how many patients a difference needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import scipy
from scipy.special import ndtr, ndtri

from benchmark.metrics.inputs import SampleError

MOST_PATIENTS = 10**9


@dataclass(frozen=True)
class DetectableDifference:
    """The smallest difference of two AUROCs that is found with the given power.

    Attributes:
        difference: ``auroc_b − auroc_a``; NaN when no AUROC up to 1 (or down to 0.5) is far enough.
        auroc_a: Reference.
        auroc_b: The AUROC that is just found to differ.
        power: Chance of finding it.
        alpha: Two-sided level of the test.
        n_positive: Positive patients.
        n_negative: Negative patients.
        correlation: Correlation of the two estimated AUROCs.
        note: In plain words.
    """

    difference: float
    auroc_a: float
    auroc_b: float
    power: float
    alpha: float
    n_positive: int
    n_negative: int
    correlation: float
    note: str


@dataclass(frozen=True)
class PatientsNeeded:
    """Patients with which a difference of two AUROCs is found with the given power.

    Attributes:
        n: Patients.
        n_positive: Positives among them, rounded to the prevalence.
        n_negative: Negatives among them.
        power: What is reached with them.
    """

    n: int
    n_positive: int
    n_negative: int
    power: float


def hanley_mcneil_variance(auroc: float, n_positive: float, n_negative: float) -> float:
    """Variance of an AUROC under the exponential model of Hanley & McNeil (1982).

    ``[A(1−A) + (m−1)(Q₁−A²) + (n−1)(Q₂−A²)] / (m n)`` with ``Q₁ = A/(2−A)``, ``Q₂ = 2A²/(1+A)``; both terms
    are added.
    """
    first = auroc / (2 - auroc) - auroc**2
    second = 2 * auroc**2 / (1 + auroc) - auroc**2
    spread = auroc * (1 - auroc) + (n_positive - 1) * first + (n_negative - 1) * second
    return spread / (n_positive * n_negative)


def power_of_difference(
    auroc_a: float,
    auroc_b: float,
    n_positive: float,
    n_negative: float,
    correlation: float = 0.5,
    alpha: float = 0.05,
) -> float:
    """Chance that a paired two-sided test finds two true AUROCs to differ.

    Example::

        >>> from benchmark.statistics import power_of_difference
        >>> round(power_of_difference(0.85, 0.8, n_positive=100, n_negative=400), 3)
        0.468

    Args:
        auroc_a: First true AUROC.
        auroc_b: Second true AUROC.
        n_positive: Positive patients.
        n_negative: Negative patients.
        correlation: Correlation of the two estimates: ``covariance/√(variance_a variance_b)`` of a
            `DelongTest`; 0 for two cohorts.
        alpha: Level of the test.

    Raises:
        SampleError: An AUROC outside (0, 1), a correlation outside [−1, 1), or counts below 1.
    """
    _check_design((auroc_a, auroc_b), n_positive, n_negative, correlation, alpha)
    error = error_of_difference(auroc_a, auroc_b, n_positive, n_negative, correlation)
    return _power(abs(auroc_a - auroc_b), error, alpha)


def power_of_variance(difference: float, variance: float, alpha: float = 0.05) -> float:
    """Chance of finding a true difference whose estimate has the given (DeLong) variance.

    Example::

        >>> from benchmark.statistics import power_of_variance
        >>> round(power_of_variance(difference=0.05, variance=0.0004), 3)
        0.705

    Raises:
        SampleError: A variance that is not above 0.
    """
    if not variance > 0:
        raise SampleError(f"variance {variance!r} is not above 0")
    return _power(abs(difference), math.sqrt(variance), alpha)


def smallest_difference(
    auroc: float,
    n_positive: int,
    n_negative: int,
    correlation: float = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
    direction: Literal["higher", "lower"] = "higher",
) -> DetectableDifference:
    """Smallest difference from a reference AUROC that a cohort can show.

    Example::

        >>> from benchmark.statistics import smallest_difference
        >>> smallest_difference(0.8, n_positive=100, n_negative=400).note
        'an AUROC of 0.873 would be told from 0.800 with a chance of 80%'

    Args:
        auroc: Reference AUROC.
        n_positive: Positive patients of the cohort.
        n_negative: Negative patients.
        correlation: Correlation of the two estimated AUROCs.
        power: Wanted chance of finding it.
        alpha: Two-sided level of the test.
        direction: Whether the other model is better (``higher``) or worse.

    Raises:
        SampleError: As `power_of_difference`; an unknown direction; a power outside (alpha, 1).
    """
    _check_design((auroc,), n_positive, n_negative, correlation, alpha)
    if direction not in ("higher", "lower") or not alpha < power < 1:
        raise SampleError(
            f"direction {direction!r}, power {power!r}: expected higher or lower, and alpha < power < 1"
        )
    sign = 1 if direction == "higher" else -1
    room = (1 - auroc if sign > 0 else auroc) * (1 - 1e-9)

    def missing(gap: float) -> float:
        error = error_of_difference(auroc, auroc + sign * gap, n_positive, n_negative, correlation)
        return _power(gap, error, alpha) - power

    if missing(room) < 0:
        note = f"{n_positive} positives and {n_negative} negatives cannot show any difference from {auroc:g}"
        return DetectableDifference(
            math.nan, auroc, math.nan, power, alpha, n_positive, n_negative, correlation, note
        )
    gap = sign * float(scipy.optimize.brentq(missing, 0.0, room, xtol=1e-12))
    note = f"an AUROC of {auroc + gap:.3f} would be told from {auroc:.3f} with a chance of {power:.0%}"
    return DetectableDifference(gap, auroc, auroc + gap, power, alpha, n_positive, n_negative, correlation, note)


def patients_needed(
    auroc_a: float,
    auroc_b: float,
    prevalence: float,
    correlation: float = 0.5,
    power: float = 0.8,
    alpha: float = 0.05,
) -> PatientsNeeded:
    """Smallest number of patients with which two true AUROCs are found to differ.

    Example::

        >>> from benchmark.statistics import patients_needed
        >>> patients_needed(0.8, 0.85, prevalence=0.2).n
        1113

    Args:
        auroc_a: First true AUROC.
        auroc_b: Second true AUROC.
        prevalence: Share of positives.
        correlation: Correlation of the two estimated AUROCs.
        power: Wanted chance of finding the difference.
        alpha: Two-sided level of the test.

    Raises:
        SampleError: As `power_of_difference`; equal AUROCs; a prevalence outside (0, 1); over 10⁹ patients.
    """
    if not 0 < prevalence < 1 or auroc_a == auroc_b or not alpha < power < 1:
        raise SampleError("expected two different AUROCs, a prevalence within 0..1 and alpha < power < 1")

    def reached(positives: int, negatives: int) -> float:
        return power_of_difference(auroc_a, auroc_b, positives, negatives, correlation, alpha)

    return patients_reaching(power, prevalence, reached)


def patients_reaching(power: float, prevalence: float, reached: Callable[[int, int], float]) -> PatientsNeeded:
    """Fewest patients with whose positives and negatives a test reaches a power.

    Raises:
        SampleError: Over 10⁹ would be needed.
    """
    n = smallest_number(lambda size: reached(*by_prevalence(size, prevalence)) >= power, MOST_PATIENTS)
    positives, negatives = by_prevalence(n, prevalence)
    return PatientsNeeded(n, positives, negatives, reached(positives, negatives))


def by_prevalence(n: int, prevalence: float) -> tuple[int, int]:
    """Positives and negatives of n patients, one of each at least."""
    positives = min(max(round(n * prevalence), 1), n - 1)
    return positives, n - positives


def smallest_number(enough: Callable[[int], bool], most: int, within: float = 0.0) -> int:
    """Smallest number, 4 at least, that is enough, where larger ones are too; to within a share of it.

    Raises:
        SampleError: ``most`` is not enough.
    """
    high = 4
    while not enough(high):
        high *= 2
        if high > most:
            raise SampleError(f"over {most:,} patients would be needed")
    low = high // 2
    while high - low > max(1, within * high):
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _power(gap: float, error: float, alpha: float) -> float:
    if error == 0:
        return 1.0 if gap > 0 else alpha
    critical = -float(ndtri(alpha / 2))
    return float(ndtr(gap / error - critical) + ndtr(-gap / error - critical))


def error_of_difference(a: float, b: float, n_positive: float, n_negative: float, correlation: float) -> float:
    """Standard error of the difference of two AUROCs, each with Hanley and McNeil's variance."""
    first = hanley_mcneil_variance(a, n_positive, n_negative)
    second = hanley_mcneil_variance(b, n_positive, n_negative)
    return math.sqrt(max(0.0, first + second - 2 * correlation * math.sqrt(first * second)))


def _check_design(
    aurocs: tuple[float, ...], n_positive: float, n_negative: float, correlation: float, alpha: float
) -> None:
    if not all(0 < a < 1 for a in aurocs):
        raise SampleError(f"AUROCs {aurocs}: expected values above 0 and below 1")
    if min(n_positive, n_negative) < 1 or not -1 <= correlation < 1 or not 0 < alpha < 1:
        raise SampleError(
            f"{n_positive:g} positives, {n_negative:g} negatives, correlation {correlation:g}, alpha {alpha:g}: "
            "expected one of each at least, −1 ≤ correlation < 1, 0 < alpha < 1"
        )
