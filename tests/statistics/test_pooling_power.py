"""Pooling against statsmodels; power against simulation and its own inverse."""

import math
from fractions import Fraction

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from benchmark.errors import InputError
from benchmark.statistics import (
    auroc_interval,
    corrected_t,
    delong_test,
    patients_needed,
    pool_differences,
    power_of_difference,
    power_of_variance,
    smallest_difference,
)
from benchmark.statistics.power import hanley_mcneil_variance

DIFFERENCES, VARIANCES = [0.08, -0.02, 0.05, 0.11, 0.00], [0.0004, 0.0009, 0.0003, 0.002, 0.0006]


def test_pooled_difference_is_that_of_statsmodels():
    found = pool_differences(DIFFERENCES, VARIANCES, list("abcde"))
    reference = combine_effects(np.array(DIFFERENCES), np.array(VARIANCES), method_re="iterated", use_t=True)
    assert found.difference == pytest.approx(reference.mean_effect_re, abs=1e-9)
    assert found.tau2 == pytest.approx(reference.tau2, abs=1e-9)
    assert found.q == pytest.approx(reference.q, abs=1e-9)
    # Their spread is real here, so the Hartung-Knapp scale exceeds 1 or is held at 1.
    assert found.standard_error >= reference.sd_eff_w_re - 1e-12
    assert found.standard_error >= reference.sd_eff_w_re_hksj - 1e-9
    assert found.weights.sum() == pytest.approx(1, abs=1e-12)
    assert found.low < found.difference < found.high
    assert found.prediction_low < found.low
    assert found.i_squared == pytest.approx(max(0, 1 - 4 / found.q), abs=1e-12)
    assert found.cohorts == tuple("abcde")


def test_cohorts_that_agree_have_no_variance_between_them():
    found = pool_differences([0.03, 0.03], [0.001, 0.002])
    assert found.tau2 == pytest.approx(0, abs=1e-9)
    assert found.difference == pytest.approx(0.03, abs=1e-12)
    assert math.isnan(found.prediction_low)
    assert "poorly known" in found.note
    # The better known cohort weighs twice as much.
    assert found.weights == pytest.approx([2 / 3, 1 / 3], abs=1e-6)


def paule_mandel_by_bisection(y, v):
    """τ² in exact fractions, to 1e-25 of its bracket."""
    y, v = [Fraction(x) for x in y], [Fraction(x) for x in v]

    def excess(tau2):
        w = [1 / (x + tau2) for x in v]
        mean = sum(a * b for a, b in zip(w, y, strict=True)) / sum(w)
        return sum(a * (b - mean) ** 2 for a, b in zip(w, y, strict=True)) - (len(y) - 1)

    if excess(Fraction(0)) <= 0:
        return 0.0
    low, high = Fraction(0), (max(y) - min(y)) ** 2 + 1
    for _ in range(110):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
        # Halves of a bracket have long fractions; 2^-160 is enough.
        low, high = Fraction(round(low * 2**160), 2**160), Fraction(round(high * 2**160), 2**160)
    return float(low)


@pytest.mark.parametrize(
    ("y", "v"),
    [
        (DIFFERENCES, VARIANCES),
        # statsmodels' iteration stops at 1.36e-7 · (1 − 0.002) for three such cohorts; large scales likewise.
        ([0.0063, -0.0094, -0.0149], [1.5e-05, 1.2e-04, 2.7e-03]),
        ([-1.0894424822, 3.0185667362], [4.42e-06, 1.89e-06]),
        ([1.0, 1.0000001, 0.9999999], [1e-15, 2e-15, 3e-15]),
        ([0.1, 0.1, 0.1], [1.0, 2.0, 3.0]),
    ],
)
def test_tau2_is_the_root_to_ten_digits(y, v):
    assert pool_differences(y, v).tau2 == pytest.approx(paule_mandel_by_bisection(y, v), rel=1e-10, abs=1e-300)


@pytest.mark.parametrize(
    ("d", "v"), [([0.1], [0.1]), ([0.1, 0.2], [0.1, 0.0]), ([0.1, np.nan], [1, 1]), ([0.1, 0.2], [1])]
)
def test_what_cannot_be_pooled_is_refused(d, v):
    with pytest.raises(InputError):
        pool_differences(d, v)


def test_a_level_in_percent_is_refused():
    with pytest.raises(InputError, match=r"level 95 is not within 0..1 — give a share"):
        pool_differences([0.01, 0.02], [1e-4, 2e-4], level=95)
    with pytest.raises(InputError, match=r"level 95 is not within 0..1 — give a share"):
        corrected_t([0.8, 0.7], [0.7, 0.5], 0.2, level=95)


def test_hanley_mcneil_adds_both_terms():
    # By hand for A = .9, 100 and 1000: Q1 = .9/1.1, Q2 = 1.62/1.9; the wrong sign gives .98 of this SE [5d].
    q1, q2 = 0.9 / 1.1, 1.62 / 1.9
    right = (0.09 + 99 * (q1 - 0.81) + 999 * (q2 - 0.81)) / 100_000
    wrong = (0.09 + 99 * (q1 - 0.81) - 999 * (q2 - 0.81)) / 100_000
    assert hanley_mcneil_variance(0.9, 100, 1000) == pytest.approx(right, rel=1e-12)
    assert wrong < right
    # It is near DeLong's variance of data from the exponential model.
    rng = np.random.default_rng(0)
    found = []
    for _ in range(200):
        s = np.concatenate([rng.exponential(9, 60), rng.exponential(1, 200)])
        found.append(auroc_interval([1] * 60 + [0] * 200, s).variance)
    assert np.mean(found) == pytest.approx(hanley_mcneil_variance(0.9, 60, 200), rel=0.06)


def test_smallest_difference_and_patients_are_inverse():
    found = smallest_difference(0.85, 63, 1057, correlation=0.4)
    assert power_of_difference(0.85, found.auroc_b, 63, 1057, 0.4) == pytest.approx(0.8, abs=1e-6)
    need = patients_needed(0.85, found.auroc_b, 63 / 1120, correlation=0.4)
    assert need.n == pytest.approx(1120, rel=0.03)
    assert need.power >= 0.8
    lower = smallest_difference(0.85, 63, 1057, direction="lower")
    assert lower.difference < 0
    assert abs(lower.difference) > abs(smallest_difference(0.85, 63, 1057).difference)
    # More patients or more correlated models show less.
    assert smallest_difference(0.85, 630, 10570).difference < found.difference
    assert smallest_difference(0.85, 63, 1057, correlation=0.8).difference < found.difference


def test_a_cohort_that_can_show_nothing_says_so():
    found = smallest_difference(0.95, 3, 5)
    assert math.isnan(found.difference)
    assert "cannot show any difference from 0.95" in found.note


def test_power_is_the_rate_at_which_delong_finds_the_difference():
    # Two correlated binormal models at 100 + 400; predicted from the mean DeLong variance (D4, 400 repeats).
    rng = np.random.default_rng(3)
    y = np.repeat([1, 0], [100, 400])
    found, variances, gaps = 0, [], []
    for _ in range(400):
        shared = rng.normal(size=500) * 0.7
        a = shared + rng.normal(size=500) * 0.714 + 1.19 * y
        b = shared + rng.normal(size=500) * 0.714 + 1.55 * y
        test = delong_test(y, b, a)
        found += test.p_value < 0.05
        variances.append(test.variance)
        gaps.append(test.difference)
    predicted = power_of_variance(float(np.mean(gaps)), float(np.mean(variances)))
    assert 0.5 < predicted < 0.99
    assert found / 400 == pytest.approx(predicted, abs=3.29 * math.sqrt(0.25 / 400))


def test_bad_settings_are_refused():
    for call in (
        lambda: power_of_difference(1.0, 0.9, 10, 10),
        lambda: power_of_difference(0.8, 0.9, 0, 10),
        lambda: power_of_difference(0.8, 0.9, 10, 10, correlation=1.0),
        lambda: smallest_difference(0.8, 10, 10, direction="up"),
        lambda: patients_needed(0.8, 0.8, 0.1),
        lambda: patients_needed(0.8, 0.9, 0.0),
        lambda: patients_needed(0.8, 0.8000001, 0.001),
        lambda: power_of_variance(0.1, 0.0),
    ):
        with pytest.raises(InputError):
            call()
