"""Intervals of one AUPRC."""

import math

import numpy as np
import pytest

from benchmark.errors import InputError
from benchmark.metrics import auprc
from benchmark.statistics import auprc_interval, metric_interval
from benchmark.statistics.resampling import Resampling

RNG = np.random.default_rng(0)
Y = np.arange(300) % 6 == 0
S = RNG.normal(size=300) + 1.5 * Y


def test_quick_intervals_by_boyds_formulas():
    p = auprc(Y, S)
    binomial = auprc_interval(Y, S, method="binomial")
    half = 1.959963984540054 * math.sqrt(p * (1 - p) / 50)
    assert (binomial.low, binomial.high) == pytest.approx((p - half, p + half), abs=1e-12)
    logit = auprc_interval(Y, S, method="logit")
    half = 1.959963984540054 / math.sqrt(50 * p * (1 - p))
    odds = [p / (1 - p) * math.exp(sign * half) for sign in (-1, 1)]
    assert (logit.low, logit.high) == pytest.approx([o / (1 + o) for o in odds], abs=1e-12)


def test_bootstrap_intervals_are_those_of_any_metric():
    for method in ("bca", "percentile"):
        found = auprc_interval(Y, S, method, resampling=Resampling(seed=4))
        same = metric_interval(Y, S, "auprc", method, resampling=Resampling(seed=4))
        assert (found.auprc, found.low, found.high) == (same.value, same.low, same.high)
    assert auprc_interval(Y, S) == auprc_interval(Y, S, "bca")
    assert found.prevalence == pytest.approx(1 / 6, abs=1e-15)


def test_clusters_count_patients():
    patients = np.arange(300) // 12
    for method in ("bca", "binomial", "logit"):
        plain, whole = auprc_interval(Y, S, method), auprc_interval(Y, S, method, patients)
        assert whole.auprc == plain.auprc
        assert whole.n_clusters == 25
    assert whole.high - whole.low > 1.3 * (plain.high - plain.low)


def test_perfect_and_bad_input():
    assert "no width" in auprc_interval([0, 0, 1], [1, 2, 3], method="logit").note
    with pytest.raises(InputError, match="choose from auto, bca"):
        auprc_interval(Y, S, method="wald")
    with pytest.raises(InputError, match="level"):
        auprc_interval(Y, S, level=95)
    with pytest.raises(InputError, match="missing or infinite"):
        auprc_interval([0, 1], [0, math.nan])
