"""Percentile and BCa limits against R's boot and scipy; mechanics of the bootstrap."""

import numpy as np
import pytest
from scipy import stats

from benchmark.errors import InputError
from benchmark.metrics import auprc, operating_point
from benchmark.statistics import (
    auprc_interval,
    auroc_interval,
    metric_interval,
    paired_bootstrap,
    paired_permutation,
)
from benchmark.statistics.bca import bca_limits, jackknife, percentile_limits, strata_of
from benchmark.statistics.bootstrap import bootstrap_samples, draw_weights
from benchmark.statistics.engine import Engine, as_request
from benchmark.statistics.resampling import Resampling
from benchmark.statistics.samples import as_paired_sample


def two_classes(m, n, shift, seed):
    rng = np.random.default_rng(seed)
    return np.repeat([1, 0], [m, n]), np.concatenate([rng.normal(shift, 1, m), rng.normal(0, 1, n)])


def test_limits_of_a_mean_are_those_of_r_boot():
    # The example with which scipy tests against R's boot: BCa 32.31-91.43, percentile 28.86-84.21 [D1].
    x = np.array([10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213])
    everybody = [np.arange(16)]
    weights = draw_weights(np.random.default_rng(1), everybody, 200_000)
    replicates = x @ weights / 16
    assert percentile_limits(replicates, 0.95) == pytest.approx((28.86, 84.21), rel=0.005)
    left_out = (x.sum() - x) / 15
    low, high, note = bca_limits(replicates, float(x.mean()), left_out, everybody, 0.95)
    assert (low, high) == pytest.approx((32.31, 91.43), rel=0.005)
    assert note == ""


def test_stratified_bca_is_scipys_of_two_samples():
    y, s = two_classes(30, 90, 1.2, 4)

    def statistic(a, b, axis=-1):
        wins = (a[..., :, None] > b[..., None, :]).mean(axis=(-1, -2))
        return wins + (a[..., :, None] == b[..., None, :]).mean(axis=(-1, -2)) / 2

    for method, name in (("bca", "BCa"), ("percentile", "percentile")):
        rng = np.random.default_rng(0)
        expected = stats.bootstrap(
            (s[y == 1], s[y == 0]), statistic, n_resamples=8000, batch=500, method=name, random_state=rng
        ).confidence_interval
        found = auroc_interval(y, s, method=method, resampling=Resampling(20_000, seed=1))
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.004)


def test_jackknife_leaves_one_patient_out():
    y, s = two_classes(8, 20, 1, 2)
    clusters = np.arange(28) // 2
    sample = as_paired_sample(y, {"a": s}, clusters)
    values = jackknife(Engine(sample, as_request("auprc")))[0, 0]
    expected = [auprc(y[clusters != c], s[clusters != c]) for c in range(14)]
    assert values == pytest.approx(expected, abs=1e-12)


def test_grouped_jackknife_gives_the_same_acceleration():
    # Above 2,000 patients groups are left out; the limits must not depend on it beyond simulation error.
    y, s = two_classes(300, 2400, 1.3, 6)
    found = metric_interval(y, s, "auprc", "bca", resampling=Resampling(4000, seed=0))
    sample = as_paired_sample(y, {"a": s})
    engine = Engine(sample, as_request("auprc"))
    leave = [(np.arange(2700)[:, None] != np.arange(k, k + 300)).astype(float) for k in range(0, 2700, 300)]
    single = np.concatenate([engine.values(part)[0, 0] for part in leave])
    replicates = bootstrap_samples(engine, Resampling(4000)).values[0, 0]
    low, high, _ = bca_limits(replicates, found.value, single, strata_of(sample, True), 0.95)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.002)


def test_the_choice_of_the_threshold_is_in_the_interval():
    y, s = two_classes(40, 400, 1.5, 3)
    drawn = metric_interval(y, s, "fpr@recall=0.8", resampling=Resampling(4000, seed=0))
    point = operating_point(y, s, 0.8)
    assert drawn.method == "percentile"
    assert drawn.value == pytest.approx(point.fpr, abs=1e-15)
    # With the threshold held fixed FPR is binomial and its standard error ignores the choice.
    fixed = (point.fpr * (1 - point.fpr) / 400) ** 0.5
    assert drawn.standard_error > 1.5 * fixed


def test_endpoints_are_stable_over_seeds_and_width_does_not_shrink():
    # STATISTICS.md D5: at 20 + 200 and B = 2,000 the endpoints' SD over 20 seeds is at most 0.003;
    # the width at B = 4,000 is within 5 % of that at 1,000 (an interval is no standard error of a mean).
    y, s = two_classes(20, 200, 1.81, 7)
    ends = np.array(
        [
            [r.low, r.high]
            for r in (auroc_interval(y, s, "percentile", resampling=Resampling(seed=k)) for k in range(20))
        ]
    )
    assert (ends.std(axis=0, ddof=1) <= 0.003).all()
    widths = [
        r.high - r.low
        for r in (auroc_interval(y, s, "percentile", resampling=Resampling(b, seed=1)) for b in (1000, 4000))
    ]
    assert widths[1] == pytest.approx(widths[0], rel=0.05)


def test_limits_without_width_are_replaced_and_say_so():
    # Equal scores: every resample has AUROC ½ and the prevalence as AUPRC, which is no certainty.
    labels, equal = [0] * 12 + [1] * 12, [0.5] * 24
    for method in ("percentile", "bca"):
        for found, instead in (
            (auroc_interval(labels, equal, method), "newcombe"),
            (auprc_interval(labels, equal, method), "logit"),
        ):
            assert found.low < 0.5 < found.high
            assert (found.method, found.note) == (instead, "resampling gives no width")
    result = paired_bootstrap(labels, {"equal": equal, "perfect": range(24)}, "auroc", resampling=Resampling(50))
    assert result.notes == ("resampling gives no width",)


def test_replicates_without_a_value_are_counted():
    def slope(labels, scores, weights):
        # Undefined in every resample that leaves the first case out.
        return float(np.average(scores, weights=weights)) if weights[0] else float("nan")

    y, s = two_classes(5, 20, 1, 0)
    for method in ("percentile", "bca"):
        found = metric_interval(y, s, slope, method, resampling=Resampling(300))
        assert found.low < found.value < found.high
        assert "of 300 replicates have no value" in found.note
    never = metric_interval(y, s, lambda labels, scores, weights: float("nan"), resampling=Resampling(20))
    assert np.isnan([never.low, never.high]).all()
    pair = paired_bootstrap(y, {"a": s}, {"slope": slope}, resampling=Resampling(300))
    assert "of 300 replicates" in pair.notes[0]
    assert pair.estimates[0].note == pair.notes[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"level": 95}, "level 95 is not within 0..1"),
        ({"resampling": Resampling(1e3)}, "replicates 1000.0: expected a whole number"),
        ({"resampling": Resampling(0)}, "replicates 0: expected a whole number, at least 1"),
        ({"resampling": Resampling(seed=None)}, "seed None: give a whole number"),
        ({"resampling": Resampling(seed=-1)}, "seed -1: give a whole number"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    y, s = two_classes(20, 60, 1, 0)
    models = {"a": s, "b": -s}
    for call in (
        lambda: metric_interval(y, s, "auprc", **settings),
        lambda: auroc_interval(y, s, "bca", **settings),
        lambda: paired_bootstrap(y, models, "auroc", **settings),
        lambda: paired_permutation(y, models, "auroc", **settings),
    ):
        with pytest.raises(InputError, match=message):
            call()


def test_defaults_and_unknown_methods():
    y, s = two_classes(20, 60, 1, 0)
    assert metric_interval(y, s, "auprc", resampling=Resampling(100)).method == "bca"
    assert metric_interval(y, s, "precision@recall=0.7", resampling=Resampling(100)).method == "percentile"
    with pytest.raises(InputError, match="choose from auto, percentile, bca"):
        metric_interval(y, s, "auprc", "basic", resampling=Resampling(100))
    # A generator gives a seed; drawn twice from one generator the results differ.
    rng = np.random.default_rng(3)
    first, second = (metric_interval(y, s, "auprc", resampling=Resampling(200, seed=rng)) for _ in range(2))
    assert first != second
