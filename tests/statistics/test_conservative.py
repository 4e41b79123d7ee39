"""Intervals where resampling gives no width: against exact probabilities and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, norm

from benchmark.metrics import auprc, brier
from benchmark.statistics import auprc_interval, auroc_interval, metric_interval, paired_bootstrap
from benchmark.statistics.conservative import separation_limit
from benchmark.statistics.newcombe import newcombe_interval
from benchmark.statistics.resampling import Resampling


def chance_and_area(recalls, fprs, m, n):
    """P(all m positives above all n negatives) and the AUPRC, for an ROC curve of steps, in closed form.

    ``fprs[k]`` is the FPR for recalls in ``(recalls[k], recalls[k + 1]]``. The lowest positive has recall ≤ u with
    chance uᵐ; the integral of u/(u + c) is u − c log(u + c).
    """
    ends = np.diff(np.asarray(recalls) ** m)
    chance = float(np.sum(ends * (1 - np.asarray(fprs)) ** n))
    area = 0.0
    for low, high, fpr in zip(recalls[:-1], recalls[1:], fprs, strict=True):
        c = n / m * fpr
        area += high - low - (c * math.log((high + c) / (low + c)) if c > 1e-12 else 0.0)
    return chance, area


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 60),
    st.integers(1, 80),
    st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6, unique=True),
    st.lists(st.floats(0, 1), min_size=7, max_size=7),
    st.floats(0.0005, 1),
)
def test_a_smaller_auprc_ranks_perfectly_too_rarely(m, n, cuts, heights, scale):
    recalls = [0.0, *sorted(cuts), 1.0]
    fprs = sorted(scale * height for height in heights[: len(recalls) - 1])
    chance, area = chance_and_area(recalls, fprs, m, n)
    if area < separation_limit(m, n, n / m, 0.95) - 1e-9:
        assert chance < 0.025


def test_the_limit_is_near_the_worst_case():
    # 37 + 13: outliers among the negatives, or positives below all negatives, in any mixture that still ranks
    # perfectly with chance 0.025: the smallest AUPRC of this family is little above the limit.
    m, n = 37, 13
    areas = []
    for share in np.linspace(0, 1, 400)[1:]:
        reach = share ** (1 / m)
        chance_above = 0.025 / share
        if chance_above <= 1:
            fpr = 1 - chance_above ** (1 / n)
            chance, area = chance_and_area([0.0, reach, 1.0], [fpr, 1.0], m, n)
            assert chance == pytest.approx(0.025, rel=1e-6)
            areas.append(area)
    limit = separation_limit(m, n, n / m, 0.95)
    assert 0 <= min(areas) - limit < 0.06


def test_perfect_models_have_an_interval():
    label, perfect = [1] * 37 + [0] * 13, [*range(100, 137), *range(13)]
    for method in ("auto", "bca", "percentile", "logit", "binomial"):
        found = auprc_interval(label, perfect, method, resampling=Resampling(100))
        assert (found.auprc, found.high, found.method) == (1, 1, "separation")
        assert found.low == separation_limit(37, 13, 13 / 37, 0.95)
        assert found.note
    for metric, k, n in (
        ("fpr@recall=0.8", 0, 13),
        ("precision@recall=0.8", 30, 30),
        ("recall@specificity=1", 37, 37),
    ):
        found = metric_interval(label, perfect, metric, resampling=Resampling(200))
        exact = binomtest(k, n).proportion_ci(method="exact")
        assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-12), metric
        assert found.method == "clopper_pearson"
    for method in ("bca", "percentile"):
        found = auroc_interval(label, perfect, method, resampling=Resampling(100))
        assert (found.low, found.high, found.method) == (*newcombe_interval(1, 37, 13), "newcombe")


def test_equal_scores_have_an_interval():
    label, equal = [0] * 13 + [1] * 37, [0.5] * 50
    found = auprc_interval(label, equal)
    # Boyd's logit interval of 37/50 with 37 positives, by hand: log odds 1.046 ± 1.96/√(37·0.74·0.26).
    half = 1.959963984540054 / math.sqrt(37 * 0.74 * 0.26)
    odds = [math.exp(math.log(0.74 / 0.26) + sign * half) for sign in (-1, 1)]
    assert (found.low, found.high) == pytest.approx([o / (1 + o) for o in odds], abs=1e-12)
    assert (found.method, "no width" in found.note) == ("logit", True)
    precision = metric_interval(label, equal, "precision@recall=0.8", resampling=Resampling(100))
    exact = binomtest(37, 50).proportion_ci(method="exact")
    assert (precision.low, precision.high) == pytest.approx((exact.low, exact.high), abs=1e-12)


def test_a_rate_of_zero_keeps_the_binomial_limit():
    # One negative stands among the lowest positives, so that few replicates have a false positive.
    label = [1] * 20 + [0] * 30
    score = [*range(100, 120), 102.5, *range(29)]
    found = metric_interval(label, score, "fpr@recall=0.8", resampling=Resampling(500))
    assert found.value == 0
    # statsmodels' and scipy's limits may differ in the last bit.
    assert found.high >= binomtest(0, 30).proportion_ci(method="exact").high - 1e-15
    assert found.low == 0


def test_two_positives_have_a_wide_interval():
    rng = np.random.default_rng(0)
    for _ in range(20):
        label = np.r_[1, 1, np.zeros(30, int)]
        score = rng.normal(size=32) + 2 * label
        found = auprc_interval(label, score, resampling=Resampling(50))
        assert found.method in ("logit", "separation")
        assert found.low < found.auprc <= found.high
        assert found.high - found.low > 0.3
        assert "2 patients in a class" in found.note


def test_reversed_rankings_are_inside_their_interval():
    # Replicates repeat positives, which lifts the AUPRC of a reversed ranking: all lie above the estimate.
    label, score = [1] * 15 + [0] * 20, range(35)
    for found in (
        auprc_interval(label, score, resampling=Resampling(200)),
        auprc_interval(label, score, "bca", resampling=Resampling(200)),
    ):
        assert found.low < found.auprc < found.high
        assert found.auprc == pytest.approx(auprc(label, score), abs=1e-15)


def test_patients_count_where_they_repeat():
    label = [1] * 40 + [0] * 60
    patients = np.arange(100) // 4
    perfect = np.arange(100)[::-1]
    plain = metric_interval(label, perfect, "fpr@recall=0.8", resampling=Resampling(50))
    whole = metric_interval(label, perfect, "fpr@recall=0.8", clusters=patients, resampling=Resampling(50))
    assert plain.high == pytest.approx(1 - 0.025 ** (1 / 60), abs=1e-12)
    assert whole.high == pytest.approx(1 - 0.025 ** (1 / 15), abs=1e-12)
    assert auprc_interval(label, perfect, clusters=patients).low == separation_limit(10, 15, 1.5, 0.95)


def test_metrics_without_such_an_interval_have_none_and_say_so():
    label, equal = [0] * 20 + [1] * 20, [0.5] * 40
    found = metric_interval(label, equal, "brier", resampling=Resampling(50))
    assert found.value == brier(label, equal) == 0.25
    assert math.isnan(found.low)
    assert "no interval" in found.note
    pair = paired_bootstrap(label, {"a": equal, "b": [0.4] * 40}, "brier", resampling=Resampling(50)).differences[
        0
    ]
    assert pair.difference == pytest.approx(-0.01)
    assert math.isnan(pair.low)
    assert math.isnan(pair.p_value)
    assert "no interval" in pair.note


def test_an_npv_at_a_recall_covers_what_it_is_in_the_population():
    # Binormal scores of 20 + 40 patients. Percentile limits alone cover 78 % (400 samples): the recall fixes the
    # positives below the threshold, so that resampling hardly varies their number.
    threshold = norm.ppf(0.1, loc=1.8)
    below = norm.cdf(threshold) * 40
    label = np.repeat([1, 0], [20, 40])
    percentile = kept = 0
    for draw in range(100):
        scores = np.random.default_rng([1, draw]).normal(size=60) + 1.8 * label
        found = paired_bootstrap(
            label, {"a": scores}, "npv@recall=0.9", resampling=Resampling(200, seed=draw, workers=1)
        )
        estimate, values = found.estimates[0], found.samples[0, 0]
        low, high = np.nanquantile(values, (0.025, 0.975))
        truth = below / (below + 2)
        percentile += low <= truth <= high
        kept += estimate.low <= truth <= estimate.high
        assert estimate.low <= low + 1e-12
        assert high - 1e-12 <= estimate.high
        assert estimate.method in ("wider", "clopper_pearson")
    assert percentile < 90 <= kept
