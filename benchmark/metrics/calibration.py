"""Whether predicted probabilities mean what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy.special import expit, ndtri

from benchmark.metrics.inputs import Array, Codes, SampleError, as_sample, check_level, cluster_codes, matched
from benchmark.metrics.logistic import fit_logistic

NEAREST = 1e-9
"""Probabilities of 0 and 1 have infinite log-odds; they are moved this far inside before a line is fitted."""

FEW_EVENTS = 100
"""Below this number of events or non-events slopes and curves are unstable (a rule of thumb)."""


@dataclass(frozen=True)
class CalibrationLine:
    """Logistic recalibration of predicted log-odds (Cox 1958).

    Attributes:
        slope: 1 is ideal; below 1 the predictions are too extreme. NaN where it cannot be fitted.
        slope_low: Lower end of the Wald interval.
        slope_high: Upper end.
        intercept: Of the fit together with the slope.
        intercept_in_the_large: With the slope held at 1: 0 is ideal, above 0 risks are underestimated.
        intercept_low: Lower end of its interval.
        intercept_high: Upper end.
        n_positive: Events.
        n_negative: Non-events.
        moved: Probabilities of 0 or 1 that were moved inside.
        caution: What a reader must know; empty when nothing.
    """

    slope: float
    slope_low: float
    slope_high: float
    intercept: float
    intercept_in_the_large: float
    intercept_low: float
    intercept_high: float
    n_positive: float
    n_negative: float
    moved: int
    caution: str


@dataclass(frozen=True)
class CalibrationCurve:
    """Smoothed observed risk against predicted risk.

    Attributes:
        predicted: Predicted probabilities, ascending, ``(g,)``.
        observed: Smoothed observed risk there, ``(g,)``; NaN where no curve can be fitted.
        low: Lower pointwise limit, ``(g,)``.
        high: Upper pointwise limit, ``(g,)``.
        caution: What a reader must know; empty when nothing.
    """

    predicted: Array
    observed: Array
    low: Array
    high: Array
    caution: str


def brier(labels: Any, probabilities: Any, weights: Any = None) -> float:  # noqa: ANN401
    """Mean squared difference between label and probability.

    Example::

        >>> from benchmark.metrics import brier
        >>> brier([1, 0], [0.75, 0.5])
        0.15625

    Raises:
        SampleError: Missing values, lengths or ids that differ, or values outside [0, 1].
    """
    truth, p, mass = as_sample(labels, probabilities, weights, both_classes=False, probabilities=True)
    return float(np.average((truth - p) ** 2, weights=mass))


def expected_calibration_error(labels: Any, probabilities: Any, weights: Any = None, bins: int = 10) -> float:  # noqa: ANN401
    """ECE: ``Σ n_b/n |mean label − mean probability|`` over equal-width bins ``[b/k, (b+1)/k)``, 1 in the last.

    Edges are the floats nearest to b/k, so that 0.29 is in the bin of 29/100, with any number of bins.

    Example::

        >>> from benchmark.metrics import expected_calibration_error
        >>> round(expected_calibration_error([1, 0, 0], [0.9, 0.3, 0.3], bins=10), 3)
        0.233

    Raises:
        SampleError: As `brier`, or fewer than one bin.
    """
    if not isinstance(bins, Integral) or bins < 1:
        raise SampleError(f"bins {bins!r}: expected a whole number, at least 1")
    truth, p, mass = as_sample(labels, probabilities, weights, both_classes=False, probabilities=True)
    share = np.ones_like(p) if mass is None else mass
    # p * bins would put 0.29 into the 28th of 100 bins: the product falls below 29.
    index = np.searchsorted(np.arange(1, bins) / bins, p, side="right")
    gaps = np.bincount(index, share * (truth - p), bins)
    return float(np.abs(gaps).sum() / share.sum())


def calibration_line(
    labels: Any,  # noqa: ANN401
    probabilities: Any,  # noqa: ANN401
    weights: Any = None,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    level: float = 0.95,
) -> CalibrationLine:
    """Calibration slope, and intercept in the large, with Wald intervals.

    Example::

        >>> from benchmark.metrics import calibration_line
        >>> line = calibration_line([1, 0, 0, 1] * 50, [0.8, 0.2, 0.6, 0.4] * 50)
        >>> round(line.slope, 3)
        1.102

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        probabilities: Predicted probabilities, ``(n,)``.
        weights: Weight of each case, ``(n,)``; all 1 by default.
        clusters: Patient of each case, ``(n,)``: intervals then allow for dependence within a patient.
        level: Confidence level.

    Returns:
        The line; NaN with a caution where the classes are separated or all predictions are equal.

    Raises:
        SampleError: As `brier`, or a class without a case.
    """
    check_level(level)
    truth, p, mass = as_sample(labels, probabilities, weights, probabilities=True)
    codes = _codes(labels, clusters, truth.size)
    logit, moved = log_odds(p)
    z = float(ndtri((1 + level) / 2))
    line = fit_logistic(np.stack([np.ones_like(logit), logit], axis=1), truth, mass, clusters=codes)
    large = fit_logistic(np.ones((truth.size, 1)), truth, mass, logit, codes)
    intercept, slope, slope_error = (
        (math.nan, math.nan, math.nan)
        if line is None
        else (float(line.coefficients[0]), float(line.coefficients[1]), math.sqrt(line.covariance[1, 1]))
    )
    shift, shift_error = (
        (math.nan, math.nan)
        if large is None
        else (float(large.coefficients[0]), math.sqrt(large.covariance[0, 0]))
    )
    share = np.ones_like(p) if mass is None else mass
    positives, negatives = float(share[truth].sum()), float(share[~truth].sum())
    return CalibrationLine(
        slope=slope,
        slope_low=slope - z * slope_error,
        slope_high=slope + z * slope_error,
        intercept=intercept,
        intercept_in_the_large=shift,
        intercept_low=shift - z * shift_error,
        intercept_high=shift + z * shift_error,
        n_positive=positives,
        n_negative=negatives,
        moved=moved,
        caution=_caution(positives, negatives, moved, line is None),
    )


def calibration_curve(
    labels: Any,  # noqa: ANN401
    probabilities: Any,  # noqa: ANN401
    weights: Any = None,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    knots: int = 4,
    points: int = 101,
    level: float = 0.95,
) -> CalibrationCurve:
    """Smoothed calibration curve: logistic regression on a restricted cubic spline of the predicted log-odds.

    Knots sit at Harrell's quantiles (0.05, 0.35, 0.65, 0.95 for four). The curve spans the 1st to the 99th
    percentile of the predictions, pointwise limits come from the (clustered) covariance. Fewer distinct
    predictions than knots give fewer knots, down to a straight line.

    Example::

        >>> from benchmark.metrics import calibration_curve
        >>> labels = [0, 0, 1, 0, 1, 1, 0, 1, 0, 1] * 20
        >>> probabilities = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.35, 0.9] * 20
        >>> curve = calibration_curve(labels, probabilities, points=3)
        >>> curve.predicted.round(2).tolist(), curve.observed.round(2).tolist()
        ([0.1, 0.5, 0.9], [0.0, 0.54, 0.98])

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        probabilities: Predicted probabilities, ``(n,)``.
        weights: Weight of each case, ``(n,)``; all 1 by default.
        clusters: Patient of each case, ``(n,)``.
        knots: 3, 4 or 5.
        points: Number of points of the curve.
        level: Confidence level of the limits.

    Raises:
        SampleError: As `calibration_line`, or a number of knots without a rule.
    """
    if knots not in QUANTILES:
        raise SampleError(f"knots {knots}: known are {', '.join(map(str, QUANTILES))}")
    check_level(level)
    truth, p, mass = as_sample(labels, probabilities, weights, probabilities=True)
    logit, moved = log_odds(p)
    where = np.unique(np.quantile(logit, QUANTILES[knots]))
    first, last = np.quantile(logit, (0.01, 0.99))
    grid = np.linspace(float(first), float(last), points, dtype=np.float64)
    fit = fit_logistic(spline_basis(logit, where), truth, mass, clusters=_codes(labels, clusters, truth.size))
    share = np.ones_like(p) if mass is None else mass
    caution = _caution(float(share[truth].sum()), float(share[~truth].sum()), moved, fit is None)
    predicted = expit(grid)
    if fit is None:
        empty = np.full(points, math.nan)
        return CalibrationCurve(predicted, empty, empty, empty, caution)
    basis = spline_basis(grid, where)
    eta = basis @ fit.coefficients
    error = float(ndtri((1 + level) / 2)) * np.sqrt(np.einsum("gi,ij,gj->g", basis, fit.covariance, basis))
    return CalibrationCurve(predicted, expit(eta), expit(eta - error), expit(eta + error), caution)


QUANTILES = {3: (0.10, 0.50, 0.90), 4: (0.05, 0.35, 0.65, 0.95), 5: (0.05, 0.275, 0.50, 0.725, 0.95)}
"""Places of the knots (Harrell, Regression Modeling Strategies)."""


def spline_basis(x: Array, knots: Array) -> Array:
    """Restricted cubic spline basis with intercept, ``(n, 2 + max(k − 2, 0))``."""
    columns = [np.ones_like(x), x]
    if knots.size >= 3:
        last, before = knots[-1], knots[-2]
        span = (last - knots[0]) ** 2
        for knot in knots[:-2]:
            cube = np.maximum(x - knot, 0.0) ** 3
            left = np.maximum(x - before, 0.0) ** 3 * (last - knot) / (last - before)
            right = np.maximum(x - last, 0.0) ** 3 * (before - knot) / (last - before)
            columns.append((cube - left + right) / span)
    return np.stack(columns, axis=1)


def log_odds(p: Array) -> tuple[Array, int]:
    """Log-odds of probabilities, those of 0 and 1 moved inside by ``NEAREST``, and how many were moved."""
    inside = np.clip(p, NEAREST, 1 - NEAREST)
    return np.log(inside / (1 - inside)), int((inside != p).sum())


def _codes(labels: Any, clusters: Any, n: int) -> Codes | None:  # noqa: ANN401
    return None if clusters is None else cluster_codes(matched(labels, clusters, "clusters"), n)[0]


def _caution(positives: float, negatives: float, moved: int, failed: bool) -> str:
    parts = []
    if failed:
        parts.append("no finite fit: the classes are separated or the predictions are all equal")
    if min(positives, negatives) < FEW_EVENTS:
        parts.append(
            f"{positives:g} events and {negatives:g} non-events: slopes and curves are unstable below {FEW_EVENTS}"
        )
    if moved:
        parts.append(f"{moved} probabilities of 0 or 1 were moved inside by {NEAREST:g}")
    return "; ".join(parts)
