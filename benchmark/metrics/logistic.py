"""Weighted logistic regression with a few columns, for calibration: Newton's method and its covariance.

statsmodels' GLM gives the same coefficients four times as slowly, and finite ones, called converged, for separated
classes, which have none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy
from scipy.special import expit

from benchmark.metrics.inputs import Array, Labels

STEPS = 60
LARGEST_LOGIT = 30.0
"""At a fitted log-odds beyond this it is checked whether the classes are separated: there is no maximum then."""


@dataclass(frozen=True)
class LogisticFit:
    """A fitted logistic regression.

    Attributes:
        coefficients: One per column, ``(k,)``.
        covariance: Of the coefficients, ``(k, k)``; the sandwich over clusters when clusters were given.
    """

    coefficients: Array
    covariance: Array


def fit_logistic(
    design: Array,
    labels: Labels,
    weights: Array | None = None,
    offset: Array | None = None,
    clusters: npt.NDArray[np.int64] | None = None,
) -> LogisticFit | None:
    """Maximum likelihood by Newton's method with step halving.

    Args:
        design: Columns, ``(n, k)``.
        labels: True for positives, ``(n,)``.
        weights: Case weights, ``(n,)``.
        offset: Log-odds that are added with coefficient 1, ``(n,)``.
        clusters: Cluster codes 0..c-1, ``(n,)``; the covariance then allows for dependence within a cluster.

    Returns:
        The fit, or None when there is no finite maximum (separated classes, constant columns).
    """
    used = slice(None) if weights is None else np.flatnonzero(weights > 0)
    design, y = design[used], labels[used].astype(np.float64)
    mass = np.ones_like(y) if weights is None else weights[used]
    base = np.zeros_like(y) if offset is None else offset[used]
    codes = None if clusters is None else np.unique(clusters[used], return_inverse=True)[1]
    beta: Array = np.zeros(design.shape[1])
    checked = False
    value = _log_likelihood(design @ beta + base, y, mass)
    for _ in range(STEPS):
        p = expit(design @ beta + base)
        gradient = design.T @ (mass * (y - p))
        information = (design * (mass * p * (1 - p))[:, None]).T @ design
        if np.linalg.cond(information) > 1e14:
            return None
        step = np.linalg.solve(information, gradient)
        for _ in range(30):
            proposed = _log_likelihood(design @ (beta + step) + base, y, mass)
            if proposed >= value - 1e-12 * abs(value):
                break
            step = step / 2
        beta, value = beta + step, proposed
        if np.abs(step).max() <= 1e-10 * (1 + np.abs(beta).max()):
            break
        if not checked and np.abs(design @ beta).max() > LARGEST_LOGIT + np.abs(base).max():
            if separated(design, y):
                return None
            checked = True
    else:
        return None
    return LogisticFit(beta, _covariance(design, y, mass, base, beta, codes))


def separated(design: Array, labels: Array) -> bool:
    """Whether some line has every positive on or above it and every negative on or below it, not all on it.

    Albert & Anderson (1984): then, and only then, the likelihood of a logistic regression has no maximum.
    """
    centred = design - np.where(np.ptp(design, axis=0) > 0, design.mean(axis=0), 0.0)
    signed = centred / np.abs(centred).max(axis=0) * (2 * labels - 1)[:, None]
    # The line that parts them furthest in sum, among those with coefficients up to 1.
    found = scipy.optimize.linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(labels.size), bounds=(-1, 1))
    return not found.success or -found.fun > 1e-6


def _log_likelihood(eta: Array, y: Array, mass: Array) -> float:
    return float(np.dot(mass, y * eta - np.logaddexp(0.0, eta)))


def _covariance(
    design: Array, y: Array, mass: Array, base: Array, beta: Array, clusters: npt.NDArray[np.int64] | None
) -> Array:
    p = expit(design @ beta + base)
    bread = np.linalg.inv((design * (mass * p * (1 - p))[:, None]).T @ design)
    if clusters is None:
        return np.asarray(bread)
    scores = design * (mass * (y - p))[:, None]
    count = int(clusters.max()) + 1
    summed = np.stack([np.bincount(clusters, column, count) for column in scores.T], axis=1)
    return np.asarray(bread @ (summed.T @ summed) @ bread * (count / max(count - 1, 1)))
