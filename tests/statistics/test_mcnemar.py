"""McNemar's test and Tango's interval: published numbers, statsmodels, brute force, clusters."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from benchmark.metrics.inputs import SampleError
from benchmark.statistics import mcnemar
from benchmark.statistics.mcnemar import paired_shares, tango_limits

COUNTS = st.tuples(*[st.integers(0, 12)] * 4).filter(lambda counts: sum(counts) > 0)


def shares(both: int, only_a: int, only_b: int, neither: int, times: int = 1):
    cells = np.repeat([0, 1, 2, 3], [both, only_a, only_b, neither])
    codes = np.tile(np.arange(cells.size), times)
    cells = np.tile(cells, times)
    return paired_shares(cells <= 1, (cells == 0) | (cells == 2), codes, 0.95)


def test_published_example() -> None:
    # Airway hyper-responsiveness before and after transplantation, 1 and 7 of 21 pairs discordant: Fagerland,
    # Lydersen and Laake (Stat Med 2014;33:2850) print -0.286 (-0.517 to -0.026), McNemar p 0.034, exact 0.070.
    found = shares(1, 1, 7, 12)
    assert [round(x, 3) for x in (found.difference, found.low, found.high)] == [-0.286, -0.517, -0.026]
    assert (round(found.p_value, 3), round(found.exact_p, 3)) == (0.034, 0.070)


@given(COUNTS)
@settings(max_examples=60, deadline=None)
def test_p_is_that_of_statsmodels_and_agrees_with_the_limits(counts: tuple[int, int, int, int]) -> None:
    from statsmodels.stats.contingency_tables import mcnemar as reference

    both, only_a, only_b, neither = counts
    found = shares(*counts)
    table = [[both, only_a], [only_b, neither]]
    assert found.exact_p == pytest.approx(reference(table, exact=True).pvalue)
    if only_a + only_b:
        assert found.p_value == pytest.approx(reference(table, exact=False, correction=False).pvalue)
    assert found.low <= found.difference <= found.high
    if abs(found.p_value - 0.05) > 1e-6:
        assert (found.low > 0 or found.high < 0) == (found.p_value < 0.05)
    turned = shares(both, only_b, only_a, neither)
    assert [-turned.high, -turned.low] == pytest.approx([found.low, found.high], abs=1e-9)


def score_statistic(only_a: int, only_b: int, total: int, delta: float) -> float:
    """The score test of a difference by maximising the likelihood, not by its closed form."""
    alike = total - only_a - only_b

    def minus_log_likelihood(q: float) -> float:
        cells = ((only_a, q + delta), (only_b, q), (alike, 1 - 2 * q - delta))
        return -sum(k * math.log(max(p, 1e-300)) for k, p in cells if k)

    low, high = max(0.0, -delta), (1 - delta) / 2
    q = minimize_scalar(minus_log_likelihood, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    return (only_a - only_b - total * delta) / math.sqrt(total * (2 * q + delta - delta**2))


@pytest.mark.parametrize(
    ("only_a", "only_b", "total"), [(7, 1, 21), (3, 2, 40), (9, 4, 15), (1, 1, 12), (2, 5, 9)]
)
def test_limits_are_where_the_score_test_refuses(only_a: int, only_b: int, total: int) -> None:
    low, high = tango_limits(only_a, only_b, total, 1.96)
    assert score_statistic(only_a, only_b, total, low) == pytest.approx(1.96, abs=1e-4)
    assert score_statistic(only_a, only_b, total, high) == pytest.approx(-1.96, abs=1e-4)


def test_without_discordant_cases_the_limits_are_wilsons() -> None:
    # Both models alike on 20 cases: Tango's limit is z²/(n + z²).
    z = 1.959963984540054
    assert tango_limits(0, 0, 20, z) == pytest.approx((-(z**2) / (20 + z**2), z**2 / (20 + z**2)))


def test_cases_of_one_patient_count_once() -> None:
    once, thrice = shares(20, 9, 3, 18), shares(20, 9, 3, 18, times=3)
    assert thrice.difference == once.difference
    assert thrice.effective_total == pytest.approx(50 * 49 / 50)  # the ratio estimator's (c - 1) / c
    assert [thrice.low, thrice.high] == pytest.approx([once.low, once.high], abs=5e-3)
    assert math.isnan(thrice.exact_p)
    same = shares(20, 0, 0, 30, times=2)
    assert same.effective_total == 50


def test_recall_and_specificity_at_two_thresholds() -> None:
    labels = [1, 1, 1, 0, 0, 0]
    found = mcnemar(labels, [0.9, 0.8, 0.2, 0.7, 0.1, 0.1], [9, 1, 1, 5, 6, 1], (0.5, 5))
    assert found.recall.difference == pytest.approx(1 / 3)
    assert (found.specificity.both, found.specificity.only_a, found.specificity.only_b) == (1, 1, 0)
    assert found.specificity.difference == pytest.approx(1 / 3)


@pytest.mark.parametrize("thresholds", [math.nan, (0.5, math.nan), (0.1, 0.2, 0.3)])
def test_what_is_no_threshold_is_refused(thresholds: object) -> None:
    with pytest.raises(SampleError, match="thresholds"):
        mcnemar([0, 1], [0, 1], [0, 1], thresholds)  # type: ignore[arg-type]
