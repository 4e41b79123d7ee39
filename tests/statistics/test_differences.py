"""Differences: the interval and the p of one line agree, none is without width, none leaves the possible."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import ndtr, ndtri
from scipy.stats import t as student

from benchmark.statistics import auroc_difference, delong_test, paired_bootstrap, paired_permutation
from benchmark.statistics.differences import (
    ALIKE,
    Side,
    gaps,
    percentile_difference,
    square_and_add,
)
from benchmark.statistics.rates import rate_interval
from benchmark.statistics.resampling import Resampling

METRICS = ["auroc", "auprc", "fpr@recall=0.8", "precision@recall=0.8", "specificity@recall=0.7"]
LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@st.composite
def cohorts(draw):
    """Few cases with few distinct scores: perfect, constant, tied and equal models are frequent."""
    positives, negatives = draw(st.integers(2, 12)), draw(st.integers(2, 12))
    n = positives + negatives
    score = st.integers(0, draw(st.sampled_from([0, 1, 3, 50])))
    models = [draw(st.lists(score, min_size=n, max_size=n)) for _ in range(2)]
    label = [1] * positives + [0] * negatives
    if draw(st.booleans()):
        models[0] = [10 * y + s % 10 for y, s in zip(label, models[0], strict=True)]
    return label, models[0], models[1]


def agrees(found, level):
    if math.isnan(found.low):
        assert math.isnan(found.high)
        assert found.note
        return
    alpha = round(1 - level, 12)
    assert (found.low > 0 or found.high < 0) == (found.p_value < alpha), found
    assert found.low < found.high
    assert found.low >= -1
    assert found.high <= 1


@settings(max_examples=150, deadline=None)
@given(cohorts(), LEVELS, st.integers(0, 5))
def test_interval_and_p_of_a_difference_agree(drawn, level, seed):
    label, a, b = drawn
    result = paired_bootstrap(
        label, {"a": a, "b": b}, METRICS, level=level, resampling=Resampling(199, seed=seed, workers=1)
    )
    for found in result.differences:
        agrees(found, level)
        assert found.p_value >= found.attainable_p or found.method == "square_and_add"
        turned = result.difference("b", "a", found.metric)
        assert turned.p_value == found.p_value
    for found in result.estimates:
        assert 0 <= found.low <= found.high <= 1
        assert found.low < found.high, found
        assert found.method
    agrees(auroc_difference(label, a, b, level=level), level)


@settings(max_examples=25, deadline=None)
@given(cohorts(), st.integers(0, 3))
def test_limits_of_a_permutation_never_contradict_its_p(drawn, seed):
    label, a, b = drawn
    found = paired_permutation(label, {"a": a, "b": b}, METRICS, resampling=Resampling(99, seed=seed, workers=1))
    for difference in found.differences:
        agrees(difference, 0.95)


def test_limits_are_the_expanded_quantiles():
    # By scipy: with 20 patients 0.025 becomes Φ(√(20/19) t(0.025; 19)), and with many it stays 0.025.
    samples = np.random.default_rng(0).permutation(np.arange(1, 100_000.0)) / 1e5
    tail = ndtr(math.sqrt(20 / 19) * student.ppf(0.025, 19))
    assert tail == pytest.approx(0.01588, abs=1e-5)
    found = percentile_difference(samples, 20, 0.95)
    assert (found.low, found.high) == pytest.approx((tail, 1 - tail), abs=2e-5)
    found = percentile_difference(samples, 10**7, 0.95)
    assert (found.low, found.high) == pytest.approx((0.025, 0.975), abs=2e-5)
    assert found.method == "expanded_percentile"


def test_p_inverts_the_limits():
    # 30 of 999 replicates at or below 0, many patients: the tail is 31/1000.
    samples = np.concatenate([np.full(30, -1.0), np.linspace(0.1, 1, 969)])
    assert percentile_difference(samples, 10**8, 0.95).p_value == pytest.approx(0.062, rel=1e-6)
    # 20 patients: by the t distribution of the normal quantile.
    q = ndtri(31 / 1000) * math.sqrt(19 / 20)
    assert percentile_difference(samples, 20, 0.95).p_value == pytest.approx(2 * student.cdf(q, 19), rel=1e-9)
    # The smallest p: no replicate beyond 0.
    best = percentile_difference(np.linspace(0.1, 1, 999), 10**8, 0.95)
    assert best.p_value == best.attainable_p == pytest.approx(0.002, rel=1e-6)
    # Half the replicates exactly 0: they count on both sides.
    assert percentile_difference(np.array([0.0] * 50 + [1.0] * 49), 50, 0.95).p_value == 1


def test_too_few_replicates_give_no_interval_and_say_so():
    few = percentile_difference(np.linspace(0.1, 1, 39), 10**8, 0.95)
    assert math.isnan(few.low)
    assert "39 replicates" in few.note
    assert few.p_value == pytest.approx(0.05, rel=1e-6)
    assert percentile_difference(np.linspace(0.1, 1, 40), 10**8, 0.95).low == pytest.approx(0.1)


def test_rounding_is_no_difference():
    first, second = np.array([0.1 + 0.2, 0.5, 1.0]), np.array([0.3, 0.4, 1.0])
    assert list(gaps(first, second)) == [0.0, pytest.approx(0.1), 0.0]


def test_perfect_models_differ_by_the_limits_of_both():
    label = [1] * 37 + [0] * 13
    perfect, other = [*range(100, 137), *range(13)], [*range(137, 100, -1), *range(13)]
    scores = {"perfect": perfect, "other": other, "const": [1] * 50}
    result = paired_bootstrap(label, scores, METRICS, resampling=Resampling(300))
    fpr = result.difference("perfect", "other", "fpr@recall=0.8")
    # Clopper and Pearson's limit of 0/13 is 1 − 0.025^(1/13) = 0.247, on both sides.
    assert (fpr.low, fpr.high) == pytest.approx((-0.24705, 0.24705), abs=1e-5)
    assert fpr.method == "square_and_add"
    assert fpr.p_value == 1
    away = result.difference("const", "perfect", "fpr@recall=0.8")
    # 13/13 − 0/13: Newcombe's square-and-add of (0.753, 1) and (0, 0.247).
    assert (away.low, away.high) == pytest.approx((1 - math.hypot(0.24705, 0.24705), 1), abs=1e-5)
    assert 0 < away.p_value < 1e-4
    area = result.difference("const", "perfect", "auprc")
    # The bound of a perfect AUPRC and Boyd's logit interval of 0.74, both wide: 0 is just inside.
    assert (area.low, area.high) == pytest.approx((-0.4228, 0.0044), abs=1e-4)
    assert area.p_value == pytest.approx(0.0556, abs=1e-4)
    test = auroc_difference(label, scores["const"], perfect)
    assert test.difference == -0.5
    assert -1 < test.low < -0.5 < test.high < 0
    assert test.p_value < 0.001
    assert test.method == "square_and_add"
    both = auroc_difference(label, perfect, other)
    # Newcombe's lower limit of a perfect AUROC at 37 + 13 is 0.896 (faults/perfect_models_zero_width).
    assert (both.low, both.high) == pytest.approx((-0.104, 0.104), abs=5e-4)
    assert (both.statistic, both.p_value) == (0, 1)


def test_models_that_rank_alike_have_no_interval_and_say_why():
    rng = np.random.default_rng(1)
    label = np.arange(60) % 3 == 0
    score = rng.normal(size=60) + label
    result = paired_bootstrap(
        label, {"a": score, "copy": 3 * score + 1}, ["auroc", "auprc"], resampling=Resampling(100)
    )
    for found in (*result.differences, auroc_difference(label, score, 3 * score + 1)):
        assert math.isnan(found.low)
        assert (found.difference, found.statistic, found.p_value, found.note) == (0, 0, 1, ALIKE)
    # DeLong's own formula, as pROC prints it, has no width there, and says so.
    plain = delong_test(label, score, 3 * score + 1)
    assert (plain.low, plain.high) == (0, 0)
    assert "no width" in plain.note
    other = rng.normal(size=60)
    assert auroc_difference(label, score, other) == delong_test(label, score, other)


def test_square_and_add_is_newcombes_method_10():
    # Newcombe 1998 (Statistics in Medicine 17:873), method 10 for 56/70 − 48/80: 0.0524 to 0.3339.
    sides = [
        Side(x / n, lambda level, x=x, n=n: rate_interval(x, n, "wilson", level)) for x, n in ((56, 70), (48, 80))
    ]
    found = square_and_add(*sides, 0.95)
    assert (found.low, found.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    # Its p is the level at which the lower limit reaches 0.
    edge = square_and_add(*sides, 1 - found.p_value)
    assert edge.low == pytest.approx(0, abs=1e-9)
    assert square_and_add(sides[0], Side(0.5, None), 0.95) is None
