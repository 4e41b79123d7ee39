"""Calibration against statsmodels, scikit-learn and known truths."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn.metrics import brier_score_loss

from benchmark.errors import InputError
from benchmark.metrics import (
    brier,
    calibration_curve,
    calibration_line,
    expected_calibration_error,
)


def simulated(n=4000, seed=3):
    rng = np.random.default_rng(seed)
    logit = rng.normal(-1.5, 1.2, n)
    p = 1 / (1 + np.exp(-logit))
    return (rng.random(n) < p).astype(int), p, logit


def test_line_is_the_logistic_regression_of_statsmodels():
    y, p, logit = simulated()
    p = 1 / (1 + np.exp(-(0.4 + 1.7 * logit)))
    x = np.log(p / (1 - p))
    fit = sm.Logit(y, sm.add_constant(x)).fit(disp=0, tol=1e-12)
    large = sm.GLM(y, np.ones((len(y), 1)), family=sm.families.Binomial(), offset=x).fit(tol=1e-12)
    line = calibration_line(y, p)
    assert line.slope == pytest.approx(fit.params[1], abs=1e-8)
    assert line.intercept == pytest.approx(fit.params[0], abs=1e-8)
    assert (line.slope_low, line.slope_high) == pytest.approx(tuple(fit.conf_int()[1]), abs=1e-7)
    assert line.intercept_in_the_large == pytest.approx(large.params[0], abs=1e-8)
    assert (line.intercept_low, line.intercept_high) == pytest.approx(tuple(large.conf_int()[0]), abs=1e-7)
    # The predictions were 1.7 times too extreme and shifted by 0.4.
    assert line.slope_low < 1 / 1.7 < line.slope_high
    assert line.caution == ""


def test_clustered_limits_are_the_sandwich_of_statsmodels():
    y, p, _ = simulated(600)
    clusters = np.repeat(np.arange(200), 3)
    x = np.log(p / (1 - p))
    fit = sm.GLM(y, sm.add_constant(x), family=sm.families.Binomial()).fit(
        cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False}
    )
    line = calibration_line(y, p, clusters=[f"patient {c}" for c in clusters])
    half = 1.959963984540054 * fit.bse[1] * math.sqrt(200 / 199)
    assert line.slope_high - line.slope == pytest.approx(half, rel=1e-6)


def test_brier_and_ece_by_hand_and_scikit_learn():
    y, p, _ = simulated(500)
    assert brier(y, p) == pytest.approx(brier_score_loss(y, p), abs=1e-14)
    # Two bins: {0.1, 0.3} with labels 0, 1 and {0.9} with label 1: (|1 − 0.4| + |1 − 0.9|)/3.
    assert expected_calibration_error([0, 1, 1], [0.1, 0.3, 0.9], bins=2) == pytest.approx(0.7 / 3, abs=1e-15)
    # A probability of 1 belongs to the last bin.
    assert expected_calibration_error([1, 0], [1.0, 0.0]) == 0.0


def test_curve_of_calibrated_predictions_is_the_diagonal():
    y, p, _ = simulated(20_000)
    curve = calibration_curve(y, p)
    assert curve.predicted.size == 101
    assert np.all(np.diff(curve.predicted) > 0)
    assert np.all((curve.low <= curve.observed) & (curve.observed <= curve.high))
    assert np.mean((curve.low <= curve.predicted) & (curve.predicted <= curve.high)) > 0.9
    assert np.abs(curve.observed - curve.predicted).max() < 0.05


def test_curve_bends_where_the_truth_bends():
    rng = np.random.default_rng(5)
    logit = rng.normal(0, 1.5, 20_000)
    # True risk follows |logit|: low in the middle, which a straight line cannot show.
    y = rng.random(20_000) < 1 / (1 + np.exp(-(np.abs(logit) - 1.5)))
    # Five knots put one at the bend itself.
    curve = calibration_curve(y, 1 / (1 + np.exp(-logit)), knots=5)
    truth = 1 / (1 + np.exp(-(np.abs(np.log(curve.predicted / (1 - curve.predicted))) - 1.5)))
    assert np.abs(curve.observed - truth).mean() < 0.03


def test_what_cannot_be_fitted_is_nan_with_a_reason():
    line = calibration_line([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert math.isnan(line.slope)
    assert "no finite fit" in line.caution
    assert math.isnan(calibration_line([0, 1, 0, 1], [0.3] * 4).slope)
    curve = calibration_curve([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])
    assert np.isnan(curve.observed).all()


def test_few_events_and_moved_probabilities_are_said():
    line = calibration_line([0, 1, 0, 1, 1, 0], [0.0, 0.3, 0.4, 0.2, 0.8, 0.6])
    assert line.moved == 1
    assert "unstable below 100" in line.caution
    assert "moved inside" in line.caution


@pytest.mark.parametrize("metric", [brier, expected_calibration_error, calibration_line, calibration_curve])
def test_scores_that_are_no_probabilities_are_refused(metric):
    with pytest.raises(InputError, match=r"2 of 3 values lie outside \[0, 1\] \(from -2 to 3\)"):
        metric([0, 1, 0], [-2, 3, 0.5])


def test_bad_settings_are_refused():
    with pytest.raises(InputError, match="bins"):
        expected_calibration_error([0, 1], [0.1, 0.2], bins=0)
    with pytest.raises(InputError, match="knots"):
        calibration_curve([0, 1], [0.1, 0.2], knots=9)
    for limits in (calibration_line, calibration_curve):
        with pytest.raises(InputError, match="level 95 is not within"):
            limits([0, 1, 0, 1], [0.1, 0.2, 0.3, 0.4], level=95)
    with pytest.raises(InputError, match="3 patient ids"):
        calibration_line([0, 1], [0.1, 0.2], clusters=["a", "b", "c"])


def test_patients_are_matched_by_id_and_none_may_be_missing():
    y, p, _ = simulated(300)
    ids = [f"n{k}" for k in range(300)]
    patients = pd.Series(np.arange(300) // 3, index=ids)
    labels, scores = pd.Series(y, index=ids), pd.Series(p, index=ids)
    plain = calibration_line(y, p, clusters=patients.to_numpy())
    assert calibration_line(labels, scores, clusters=patients[::-1]) == plain
    assert calibration_line(y, p, clusters=[f"p{k}" if k % 2 else k for k in patients]) == plain
    curve = calibration_curve(labels, scores, clusters=patients[::-1])
    assert curve.low.tolist() == calibration_curve(y, p, clusters=patients.to_numpy()).low.tolist()
    with pytest.raises(InputError, match="1 of 300 cases have no patient id"):
        calibration_line(y, p, clusters=[None, *ids[1:]])
    with pytest.raises(InputError, match="clusters: the ids differ: 299 of 300"):
        calibration_line(labels, scores, clusters=patients[1:])


@pytest.mark.parametrize("metric", [brier, expected_calibration_error, calibration_line])
def test_weights_that_are_all_zero_are_refused(metric):
    with pytest.raises(InputError, match="weights: all 2 are 0"):
        metric([1, 0], [0.7, 0.2], [0, 0])


def test_classes_that_hardly_overlap_still_have_a_slope():
    # One pair of 20 cases is out of order (AUROC 0.99), so the likelihood has a maximum, at log-odds up to 37.
    logit = np.r_[np.linspace(-8, -1, 10), np.linspace(-1.1, 8, 10)]
    y = np.repeat([0, 1], 10)
    fit = sm.Logit(y, sm.add_constant(logit)).fit(disp=0, tol=1e-12, maxiter=200)
    p = 1 / (1 + np.exp(-logit))
    line = calibration_line(y, p)
    assert line.slope == pytest.approx(fit.params[1], rel=1e-6)
    assert np.abs(fit.params[0] + fit.params[1] * logit).max() > 30
    # In order, or with the two at one value, there is none.
    for last in (-0.9, -1.0):
        logit[10] = last
        parted = calibration_line(y, 1 / (1 + np.exp(-logit)))
        assert math.isnan(parted.slope)
        assert "separated" in parted.caution


@pytest.mark.parametrize("bins", [3, 7, 10, 15, 29, 49, 100, 1000])
def test_every_share_lies_in_its_own_bin(bins):
    # In exact fractions i/d belongs to bin floor(k i/d); 0.29 · 100 is 28.999999999999996 in floats.
    shares = {Fraction(i, d) for d in (bins, 2 * bins, 10, 100, 7) for i in range(d + 1)}
    for share in shares:
        at = min(math.floor(share * bins), bins - 1)
        low, high = Fraction(at, bins), Fraction(at + 1, bins)
        # In one bin with a case of the bin's middle the gaps add up, in two bins they do not: 1 − p against −m.
        middle = (low + high) / 2
        found = expected_calibration_error([1, 0], [float(share), float(middle)], bins=bins)
        assert found == pytest.approx(float(abs(1 - share - middle) / 2), abs=1e-12), (share, bins)


def test_bins_are_a_whole_number():
    for bins in (0, 2.5):
        with pytest.raises(InputError, match="expected a whole number, at least 1"):
            expected_calibration_error([0, 1], [0.2, 0.3], bins=bins)
