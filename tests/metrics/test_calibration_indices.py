"""ICI and observed / expected: against known curves, the drawn curve, the bootstrap, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit

from benchmark.metrics import calibration_curve, integrated_calibration_index, observed_expected


def drawn(n: int, slope: float = 1.0, shift: float = 0.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1, 1.2, n)
    true = expit(slope * logit + shift)
    return (rng.random(n) < true).astype(int), expit(logit), true


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.6, 0.0), (1.0, 0.7), (1.8, -0.4)])
def test_with_many_cases_it_is_the_distance_from_the_true_risk(slope: float, shift: float) -> None:
    label, p, true = drawn(60_000, slope, shift)
    found = integrated_calibration_index(label, p)
    gap = np.abs(true - p)
    assert found.ici == pytest.approx(gap.mean(), abs=0.006)
    assert found.e50 == pytest.approx(np.median(gap), abs=0.008)
    assert found.e90 == pytest.approx(np.quantile(gap, 0.9), abs=0.012)


def test_it_is_the_mean_distance_of_the_drawn_curve() -> None:
    label, p, _ = drawn(400, 0.7)
    curve = calibration_curve(label, p, points=2001)
    inside = (p >= curve.predicted[0]) & (p <= curve.predicted[-1])
    gap = np.abs(np.interp(p[inside], curve.predicted, curve.observed) - p[inside])
    found = integrated_calibration_index(label, p)
    assert found.e50 == pytest.approx(np.median(gap), abs=2e-3)
    assert found.e_max >= gap.max() - 1e-6
    assert found.e50 <= found.e90 <= found.e_max


def test_weights_are_repetitions() -> None:
    label, p, _ = drawn(80, 0.7, seed=4)
    weights = np.random.default_rng(1).integers(1, 4, 80)
    twice = integrated_calibration_index(np.repeat(label, weights), np.repeat(p, weights))
    once = integrated_calibration_index(label, p, weights)
    # The knots stand at quantiles of the cases, weighted or not.
    assert once.ici == pytest.approx(twice.ici, abs=0.02)


def test_without_a_curve_there_is_no_index() -> None:
    found = integrated_calibration_index([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert math.isnan(found.ici)


def test_observed_over_expected_by_hand() -> None:
    # O = 2 of 4, E = 1.6: R = 1.25; gaps o - R e = .5, -.25, -.5, .25 -> sum of squares .625, times 4/3, over 2^2.
    found = observed_expected([1, 0, 0, 1], [0.4, 0.2, 0.4, 0.6])
    error = math.sqrt(0.625 * 4 / 3) / 2
    assert found.ratio == pytest.approx(1.25)
    assert (found.low, found.high) == pytest.approx(
        (1.25 * math.exp(-1.959964 * error), 1.25 * math.exp(1.959964 * error)), rel=1e-6
    )
    nothing = observed_expected([0, 0], [0.1, 0.2])
    assert (nothing.ratio, math.isnan(nothing.low)) == (0, True)
    assert math.isnan(observed_expected([0, 1], [0.0, 0.0]).ratio)


def test_its_error_is_that_of_the_bootstrap_of_patients() -> None:
    label, p, _ = drawn(400, seed=2)
    label, p, patient = np.repeat(label, 2), np.repeat(p, 2), np.arange(800) // 2
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(2000):
        weight = np.bincount(rng.integers(0, 400, 400), minlength=400)[patient]
        ratios.append(math.log((weight * label).sum() / (weight * p).sum()))
    found = observed_expected(label, p, patient)
    width = math.log(found.high / found.low) / (2 * 1.959964)
    assert width == pytest.approx(np.std(ratios), rel=0.06)
    assert math.log(observed_expected(label, p).high / found.ratio) < math.log(found.high / found.ratio)
