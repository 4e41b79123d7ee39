"""Intervals of rates at a fixed threshold."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from benchmark.errors import InputError
from benchmark.statistics import rate_interval, rates_at_threshold


# Newcombe (1998), table I [STATISTICS.md D1].
@pytest.mark.parametrize(
    ("count", "total", "wilson", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0, 0.1611), (0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_newcombes_table(count, total, wilson, exact):
    assert rate_interval(count, total) == pytest.approx(wilson, abs=5e-5)
    assert rate_interval(count, total, "clopper_pearson") == pytest.approx(exact, abs=5e-5)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.99))
def test_intervals_are_those_of_scipy(case, level):
    count, total = case
    for method, name in (("wilson", "wilson"), ("clopper_pearson", "exact")):
        expected = binomtest(count, total).proportion_ci(level, method=name)
        assert rate_interval(count, total, method, level) == pytest.approx(tuple(expected), abs=1e-9)


@pytest.mark.parametrize(
    ("n", "method", "mean", "least"),
    [
        (20, "wilson", 0.956, 0.899),
        (20, "clopper_pearson", 0.981, 0.960),
        (60, "wilson", 0.953, 0.918),
        (60, "clopper_pearson", 0.970, 0.955),
    ],
)
def test_exact_coverage_is_that_of_the_rule(n, method, mean, least):
    # Exact sums over p = .700, .701, ... .990 [STATISTICS.md D2, rounded to three digits].
    p = np.linspace(0.70, 0.99, 291)
    chance = np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])
    limits = np.array([rate_interval(k, n, method) for k in range(n + 1)])
    covers = (limits[:, :1] <= p) & (p <= limits[:, 1:])
    coverage = (chance * covers).sum(axis=0)
    assert coverage.mean() == pytest.approx(mean, abs=6e-4)
    assert coverage.min() == pytest.approx(least, abs=6e-4)


def test_rates_of_a_threshold():
    y, s = np.array([1, 1, 1, 0, 0, 0, 0]), np.array([0.9, 0.5, 0.1, 0.5, 0.4, 0.2, 0.1])
    found = rates_at_threshold(y, s, 0.5)
    assert (found.recall.count, found.recall.total) == (2, 3)
    assert (found.fpr.count, found.fpr.total) == (1, 4)
    assert (found.precision.count, found.precision.total) == (2, 3)
    assert (found.recall.low, found.recall.high) == pytest.approx(rate_interval(2, 3), abs=1e-12)
    assert found.specificity.low == pytest.approx(1 - found.fpr.high, abs=1e-12)
    nothing = rates_at_threshold(y, s, 2.0)
    assert math.isnan(nothing.precision.rate)
    assert (nothing.precision.low, nothing.precision.high) == (0, 1)


def test_repeated_patients_count_less():
    rng = np.random.default_rng(0)
    patients = np.repeat(np.arange(100), 4)
    y = np.repeat(np.arange(100) % 2, 4)
    s = np.repeat(rng.normal(size=100), 4) + 0.01 * rng.normal(size=400)
    apart, whole = rates_at_threshold(y, s, 0.0), rates_at_threshold(y, s, 0.0, patients)
    # Nodules of a patient agree almost perfectly: 200 positives tell as much as 50 patients.
    assert whole.recall.effective_total == pytest.approx(50, rel=0.1)
    assert whole.recall.high - whole.recall.low > 1.7 * (apart.recall.high - apart.recall.low)
    alone = rates_at_threshold(y, s, 0.0, np.arange(400))
    assert alone == apart
    # All hit: the spread over patients is unknown, so patients are counted.
    sure = rates_at_threshold(y, s, -99.0, patients)
    assert sure.recall.effective_total == 50
    assert (sure.recall.low, sure.recall.high) == pytest.approx(rate_interval(50, 50), abs=1e-12)


def test_bad_shares_are_refused():
    for count, total in ((-1, 5), (6, 5)):
        with pytest.raises(InputError, match="no share"):
            rate_interval(count, total)
    with pytest.raises(InputError, match="method 'wald'"):
        rate_interval(1, 5, "wald")
    with pytest.raises(InputError, match="NaN"):
        rates_at_threshold([0, 1], [0, 1], float("nan"))
    assert rate_interval(0, 0) == (0, 1)
