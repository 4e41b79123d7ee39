"""Intervals of one AUROC."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings

from benchmark.errors import InputError
from benchmark.statistics import auroc_interval
from benchmark.statistics.newcombe import newcombe_interval
from benchmark.statistics.resampling import Resampling
from tests.metrics.test_discrimination import samples

ASAH = json.loads((Path(__file__).parent / "references" / "asah.json").read_text(encoding="utf-8"))
Z = 1.959963984540054


def test_wald_and_logit_on_asah():
    # pROC 1.18 on aSAH, ndka [STATISTICS.md D1].
    wald = auroc_interval(ASAH["label"], ASAH["ndka"], method="wald")
    assert (wald.low, wald.high) == pytest.approx((0.501244999271703, 0.722670989888189), abs=1e-9)
    logit = auroc_interval(ASAH["label"], ASAH["ndka"])
    assert logit.method == "logit"
    assert (logit.low, logit.high) == pytest.approx((0.4973306, 0.7154042), abs=1e-6)
    assert logit == auroc_interval(ASAH["label"], ASAH["ndka"], method="logit")


def test_logit_by_its_formula():
    found = auroc_interval(ASAH["label"], ASAH["wfns"], method="logit", level=0.9)
    a, half = found.auroc, 1.6448536269514722 * math.sqrt(found.variance) / (found.auroc * (1 - found.auroc))
    odds = [a / (1 - a) * math.exp(sign * half) for sign in (-1, 1)]
    assert (found.low, found.high) == pytest.approx([o / (1 + o) for o in odds], abs=1e-14)


@pytest.mark.parametrize(
    ("a", "m", "n"), [(0.9, 10, 100), (0.99, 20, 200), (0.5, 3, 4), (1.0, 6, 18), (0.0, 5, 5), (0.7, 1, 1)]
)
def test_newcombe_limits_solve_his_equation(a, m, n):
    low, high = newcombe_interval(a, m, n)
    common = (m + n) / 2 - 1
    for theta in (low, high):
        variance = theta * (1 - theta) / (m * n) * (1 + common * ((1 - theta) / (2 - theta) + theta / (1 + theta)))
        if not (a in (0, 1) and theta == a):
            assert abs(a - theta) == pytest.approx(Z * math.sqrt(variance), abs=1e-9)
    assert 0 <= low <= a <= high <= 1
    assert low < high
    # Turned round it is the interval of the other class.
    assert newcombe_interval(1 - a, m, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)


def test_default_is_newcombe_where_delong_fails():
    perfect = auroc_interval([0] * 30 + [1] * 20, range(50))
    assert (perfect.auroc, perfect.high, perfect.method) == (1.0, 1.0, "newcombe")
    assert 0.8 < perfect.low < 1
    assert "no width" in perfect.note
    assert auroc_interval([0] * 30 + [1] * 20, range(50), method="logit").low == perfect.low
    few = auroc_interval([0] * 30 + [1] * 9, [*range(30), *range(20, 38, 2)])
    assert few.method == "newcombe"
    assert "smaller class has 9 patients" in few.note
    # Asked for by name, the logit interval is given with few cases too.
    assert auroc_interval([0] * 30 + [1] * 9, [*range(30), *range(20, 38, 2)], method="logit").method == "logit"
    single = auroc_interval([0, 0, 1], [1, 2, 1.5])
    assert single.method == "newcombe"
    assert math.isnan(single.variance)
    # A class counts by its patients: 20 positives of 5 patients are 5.
    y, s = [1] * 20 + [0] * 40, np.random.default_rng(0).normal(size=60)
    assert auroc_interval(y, s, clusters=[i // 4 for i in range(60)]).method == "newcombe"


def test_clustered_intervals_are_wider_when_patients_repeat():
    rng = np.random.default_rng(4)
    patients = np.repeat(np.arange(120), 3)
    y = np.repeat(np.arange(120) % 4 == 0, 3)
    s = np.repeat(rng.normal(size=120), 3) * 0.9 + 0.3 * rng.normal(size=360) + y
    for method in ("logit", "wald", "newcombe", "percentile", "bca"):
        plain = auroc_interval(y, s, method=method)
        clustered = auroc_interval(y, s, method=method, clusters=patients)
        assert clustered.high - clustered.low > 1.3 * (plain.high - plain.low), method
        assert clustered.auroc == plain.auroc
    assert clustered.n_clusters == 120


@settings(max_examples=60, deadline=None)
@given(samples())
def test_every_interval_holds_its_estimate(sample):
    y, s = sample
    found = auroc_interval(y, s)
    assert 0 <= found.low <= found.auroc <= found.high <= 1
    assert found.low < found.high
    turned = auroc_interval(1 - y, s)
    assert (turned.low, turned.high) == pytest.approx((1 - found.high, 1 - found.low), abs=1e-9)


def test_bootstrap_methods_agree_with_delong_in_large_samples():
    rng = np.random.default_rng(8)
    y = np.arange(1500) % 3 == 0
    s = rng.normal(size=1500) + y
    logit = auroc_interval(y, s)
    for method in ("percentile", "bca"):
        drawn = auroc_interval(y, s, method=method, resampling=Resampling(seed=3))
        assert drawn.auroc == logit.auroc
        assert (drawn.low, drawn.high) == pytest.approx((logit.low, logit.high), abs=0.004)
        assert drawn == auroc_interval(y, s, method=method, resampling=Resampling(seed=3))


def test_unknown_methods_and_levels_are_refused():
    with pytest.raises(InputError, match="choose from auto, logit, wald"):
        auroc_interval([0, 1], [0, 1], method="delong")
    with pytest.raises(InputError, match="level"):
        auroc_interval([0, 1], [0, 1], level=95)
    with pytest.raises(InputError, match="single patient"):
        auroc_interval([0, 0, 1], [0, 1, 2], method="wald")
