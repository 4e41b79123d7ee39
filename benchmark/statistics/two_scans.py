"""Bland and Altman's limits and Lin's concordance of two scans of the same nodules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy
from scipy.special import ndtri

from benchmark.metrics.inputs import Array
from benchmark.statistics.agreement_of_patients import DesignEffects

TWO = (
    "bias", "bias_low", "bias_high", "limits_low", "limits_high", "limit_error", "ccc", "ccc_low", "ccc_high",
)  # fmt: skip
"""What two scans have and more have not."""


def without_rounding(spread: float, scores: Array) -> float:
    """A standard deviation, 0 where it is no more than what rounding leaves of equal scores."""
    return spread if spread > 1e-12 * float(np.nanmax(np.abs(scores))) else 0.0


def two_scans(scores: Array, level: float, effects: DesignEffects, patients: int) -> dict[str, Any]:
    """Bland–Altman and Lin's CCC."""
    n = len(scores)
    difference = scores[:, 0] - scores[:, 1]
    bias, sd = float(difference.mean()), without_rounding(float(difference.std(ddof=1)), scores)
    quantile = float(scipy.stats.t.ppf((1 + level) / 2, patients - 1))
    half = quantile * (sd or math.nan) * math.sqrt(effects.bias / n)
    reach = float(ndtri(0.975)) * sd
    ccc, low, high = _concordance(scores, level, effects.ccc)
    error = math.sqrt(3 * effects.bias / n) * sd
    values = (bias, bias - half, bias + half, bias - reach, bias + reach, error, ccc, low, high)
    return dict(zip(TWO, values, strict=True))


def _concordance(scores: Array, level: float, effect: float) -> tuple[float, float, float]:
    """Lin's CCC with its limits by Fisher's z; NaN limits where the delta method has no variance."""
    n = len(scores)
    first, second = (scores - scores.mean()).T
    variances = float(first.var()), float(second.var())
    covariance = float(((first - first.mean()) * (second - second.mean())).mean())
    gap = float(second.mean() - first.mean())
    total = variances[0] + variances[1] + gap**2
    if total <= (1e-12 * float(np.abs(scores).max())) ** 2:
        return math.nan, math.nan, math.nan
    ccc = 2 * covariance / total
    product = math.sqrt(variances[0] * variances[1])
    pearson = covariance / product if product > 0 else 0.0
    if pearson == 0 or abs(ccc) > 1 - 1e-12:
        return ccc, math.nan, math.nan
    shift = gap**2 / product
    variance = (1 - pearson**2) * ccc**2 * (1 - ccc**2) / pearson**2
    variance += 2 * ccc**3 * (1 - ccc) * shift / pearson - ccc**4 * shift**2 / (2 * pearson**2)
    half = float(ndtri((1 + level) / 2)) * math.sqrt(max(0.0, variance) * effect / (n - 2)) / (1 - ccc**2)
    centre = math.atanh(ccc)
    return ccc, math.tanh(centre - half), math.tanh(centre + half)
