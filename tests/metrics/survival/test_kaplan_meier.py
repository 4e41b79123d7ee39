"""Kaplan and Meier's curve against exact fractions, R's survfit and SciPy, and calibration at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from scipy import stats

from benchmark import metrics as m
from tests.metrics.survival.definitions import remaining
from tests.metrics.survival.test_against_definitions import HORIZONS, cohorts
from tests.metrics.survival.test_against_programs import YEARS, answers, close

__all__ = ["answers"]


@settings(max_examples=80, deadline=None)
@given(cohorts())
def test_the_curve_is_the_product_over_times(cohort):
    time, event, _ = cohort
    found = m.kaplan_meier(time, event).incidence_at(HORIZONS)
    for value, horizon in zip(found, HORIZONS, strict=True):
        expected = 1 - remaining(time, event, horizon, of_event=True)
        beyond = horizon > max(time) and expected < 1
        assert np.isnan(value) if beyond else value == pytest.approx(float(expected), abs=1e-13)


def test_survfit_of_r(answers):
    time, event, _, expected = answers
    of_r, found = expected["r"]["kaplan_meier_survfit"], m.kaplan_meier(time, event)
    close(1 - found.incidence_at(YEARS), of_r["surv"])
    at = np.searchsorted(found.times, YEARS, side="right") - 1
    close(found.standard_error[at], of_r["std_err_greenwood"])
    low, high = found.incidence_limits_at(YEARS)
    close(1 - high, of_r["lower_loglog"])
    close(1 - low, of_r["upper_loglog"])


def test_scipy_agrees():
    rng = np.random.default_rng(5)
    time, event = rng.integers(1, 12, 60), rng.integers(0, 2, 60)
    censored = stats.CensoredData(uncensored=time[event == 1], right=time[event == 0])
    expected, found = stats.ecdf(censored).sf, m.kaplan_meier(time, event)
    np.testing.assert_allclose(found.survival, expected.probabilities, rtol=1e-12)


def test_there_are_no_limits_at_0_and_1_nor_a_share_beyond_follow_up():
    found = m.kaplan_meier([1, 2], [0, 1])
    assert found.incidence_at([0.5, 2, 99]).tolist() == [0.0, 1.0, 1.0]
    assert np.isnan(found.incidence_limits_at([0.5, 2, 99])).all()
    assert np.isnan(m.kaplan_meier([1, 2], [1, 0]).incidence_at(2.01))


def test_calibration_by_group_is_that_of_each_group_alone():
    rng = np.random.default_rng(2)
    risk = np.repeat([0.05, 0.2, 0.5], 40)
    time, event = rng.exponential(3 / risk), np.ones(120, dtype=int)
    end = rng.uniform(0, 12, 120)
    time, event = np.minimum(time, end), (time <= end).astype(int)
    order = rng.permutation(120)
    found = m.calibration_at(time[order], event[order], risk[order], 3, groups=3)
    assert found.predicted.tolist() == [pytest.approx(r) for r in (0.05, 0.2, 0.5)]
    assert found.n.tolist() == [40, 40, 40]
    for k in range(3):
        part = slice(40 * k, 40 * k + 40)
        alone = m.kaplan_meier(time[part], event[part])
        assert found.observed[k] == alone.incidence_at(3)
        np.testing.assert_array_equal((found.low[k], found.high[k]), alone.incidence_limits_at(3))
        assert found.events[k] == int(((time[part] <= 3) & (event[part] == 1)).sum())
    assert found.ratio == m.kaplan_meier(time, event).incidence_at(3) / risk.mean()
    assert found.ratio_low < found.ratio < found.ratio_high


def test_equal_predictions_stay_in_one_group():
    found = m.calibration_at(range(1, 11), [1, 0] * 5, [0.1] * 8 + [0.2, 0.3], 5, groups=5)
    assert found.n.tolist() == [8, 2]
    assert m.calibration_at(range(1, 11), [1, 0] * 5, [0.1] * 10, 5).n.tolist() == [10]
    assert m.calibration_at(range(1, 101), [1, 0] * 50, np.arange(100) / 100, 5).n.tolist() == [20] * 5
