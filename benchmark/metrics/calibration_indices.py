"""How far probabilities are from what is observed, in one number: ICI, E50, E90, observed / expected."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit, ndtri

from benchmark.metrics.calibration import QUANTILES, log_odds, spline_basis
from benchmark.metrics.inputs import as_sample, check_level, cluster_codes, matched
from benchmark.metrics.logistic import fit_logistic


@dataclass(frozen=True)
class CalibrationIndices:
    """Distance between predicted risk and the risk observed among cases alike, over the cases.

    Attributes:
        ici: Mean distance (integrated calibration index); NaN where no curve can be fitted.
        e50: Median distance.
        e90: Distance that nine of ten cases stay below.
        e_max: Largest distance.
    """

    ici: float
    e50: float
    e90: float
    e_max: float


@dataclass(frozen=True)
class ObservedExpected:
    """Positives observed over positives expected from the probabilities.

    Attributes:
        ratio: 1 is ideal; above 1 risks are underestimated.
        low: Lower limit; NaN without a positive.
        high: Upper limit.
        observed: Positives.
        expected: Sum of the probabilities.
    """

    ratio: float
    low: float
    high: float
    observed: int
    expected: float


def integrated_calibration_index(
    labels: Any,  # noqa: ANN401
    probabilities: Any,  # noqa: ANN401
    weights: Any = None,  # noqa: ANN401
    knots: int = 4,
) -> CalibrationIndices:
    """ICI, E50 and E90 (Austin & Steyerberg, Stat Med 2019;38:4051) on the smoothed curve of `calibration_curve`.

    The observed risk of a case is that of a logistic regression on a restricted cubic spline of the predicted
    log-odds. All are 0 for perfect calibration in endless cases and above it in few: they are not compared between
    samples of another size.

    Example::

        >>> from benchmark.metrics import integrated_calibration_index
        >>> labels = [0, 0, 1, 0, 1, 0, 1, 1] * 25
        >>> found = integrated_calibration_index(labels, [0.1, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8, 0.9] * 25)
        >>> round(found.ici, 3), found.e50 <= found.e90 <= found.e_max
        (0.166, True)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        probabilities: Predicted probabilities, ``(n,)``.
        weights: Weight of each case, ``(n,)``; all 1 by default.
        knots: 3, 4 or 5.

    Raises:
        SampleError: As `calibration_curve`.
    """
    truth, p, mass = as_sample(labels, probabilities, weights, probabilities=True)
    logit, _ = log_odds(p)
    basis = spline_basis(logit, np.unique(np.quantile(logit, QUANTILES[knots])))
    fit = fit_logistic(basis, truth, mass)
    if fit is None:
        return CalibrationIndices(*[math.nan] * 4)
    gap = np.abs(expit(basis @ fit.coefficients) - p)
    share = np.ones_like(p) if mass is None else mass
    kept = share > 0
    order = np.argsort(gap[kept])
    reached = np.cumsum(share[kept][order]) / share[kept].sum()
    at = [gap[kept][order][min(int(np.searchsorted(reached, q - 1e-12)), order.size - 1)] for q in (0.5, 0.9, 1.0)]
    return CalibrationIndices(float(np.average(gap, weights=share)), *map(float, at))


def observed_expected(
    labels: Any,  # noqa: ANN401
    probabilities: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    level: float = 0.95,
) -> ObservedExpected:
    """Ratio of observed to expected positives, its limits on the scale of the logarithm.

    Source: Debray et al., BMJ 2017;356:i6460. Its variance is that of a ratio of two sums over patients, ``Σ (o −
    R e)² / O²``: predictions vary from sample to sample together with the outcomes.

    Example::

        >>> from benchmark.metrics import observed_expected
        >>> found = observed_expected([1, 0, 0, 1] * 25, [0.5, 0.2, 0.1, 0.7] * 25)
        >>> round(found.ratio, 3), found.observed, round(found.expected, 6)
        (1.333, 50, 37.5)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        probabilities: Predicted probabilities, ``(n,)``.
        clusters: Patient of each case, ``(n,)``.
        level: Confidence level.

    Raises:
        SampleError: As `brier`, or a missing patient.
    """
    check_level(level)
    truth, p, _ = as_sample(labels, probabilities, None, both_classes=False, probabilities=True)
    codes, patients = cluster_codes(matched(labels, clusters, "clusters"), truth.size)
    observed, expected = int(truth.sum()), float(p.sum())
    ratio = observed / expected if expected > 0 else math.nan
    if not observed or not expected > 0 or patients < 2:
        return ObservedExpected(ratio, math.nan, math.nan, observed, expected)
    gaps = np.bincount(codes, truth - ratio * p, patients)
    error = math.sqrt(float(np.sum(gaps**2)) * patients / (patients - 1)) / observed
    factor = math.exp(float(ndtri((1 + level) / 2)) * error)
    return ObservedExpected(ratio, ratio / factor, ratio * factor, observed, expected)
