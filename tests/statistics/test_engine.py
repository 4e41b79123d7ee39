"""The resampling engine against the metrics themselves."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.errors import InputError
from benchmark.metrics import METRICS, auroc, named_metric
from benchmark.statistics import metric_interval, paired_bootstrap, paired_permutation
from benchmark.statistics.bootstrap import bootstrap_samples, draw_weights, strata_of
from benchmark.statistics.engine import Engine, _first_reaching, as_request, block_generator, block_size
from benchmark.statistics.resampling import Resampling
from benchmark.statistics.samples import as_paired_sample
from tests.metrics.test_discrimination import samples

RECALLS = (0.3, 0.6, 0.8, 0.95, 1.0)
POINTS = [f"{rate}@recall={t}" for t in RECALLS for rate in ("fpr", "precision", "specificity", "npv")]
FAST = ["auroc", "auprc", *POINTS, *(f"recall@specificity={t}" for t in (0.01, 0.5, 0.9, 1.0))]


@settings(max_examples=60, deadline=None)
@given(samples(), samples(), st.integers(0, 1000))
def test_counts_give_what_the_metrics_give_with_weights(first, second, seed):
    rng = np.random.default_rng(seed)
    y, a = first
    b = np.resize(second[1], y.size)
    clusters = rng.integers(0, max(2, y.size // 2), y.size)
    sample = as_paired_sample(y, {"a": a, "b": b}, clusters)
    weights = rng.integers(0, 4, (sample.n_clusters, 6)).astype(float)
    found = Engine(sample, as_request(FAST)).values(weights)
    for r in range(6):
        mass = weights[:, r][sample.clusters]
        if not (mass[y == 1].any() and mass[y == 0].any()):
            assert np.isnan(found[:, :, r]).all()
            continue
        for k, name in enumerate(FAST):
            for m, scores in enumerate((a, b)):
                expected = named_metric(name)(y, scores, mass)
                assert found[k, m, r] == pytest.approx(expected, abs=1e-12, nan_ok=True), name


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 40), st.integers(0, 1000))
def test_the_first_row_that_reaches_a_bound_is_that_after_all_below_it(rows, columns, seed):
    rng = np.random.default_rng(seed)
    rising = np.cumsum(rng.integers(0, 3, (rows, columns)), axis=0).astype(float)
    bounds = rng.integers(-1, 2 * rows + 2, columns).astype(float)
    assert _first_reaching(rising, bounds).tolist() == (rising < bounds).sum(axis=0).tolist()


def test_every_metric_of_the_registry_can_be_resampled():
    rng = np.random.default_rng(1)
    y, p = np.arange(60) % 3 == 0, rng.random(60)
    names = [name + ("=0.4" if metric.argument else "") for name, metric in METRICS.items()]
    result = paired_bootstrap(y, {"a": p, "b": rng.random(60)}, names, resampling=Resampling(20, seed=0))
    for name in names:
        estimate = result.estimate("a", name)
        assert estimate.value == pytest.approx(named_metric(name)(y, p), abs=1e-12)
        assert estimate.low <= estimate.high


def test_own_functions_are_resampled_with_weights():
    rng = np.random.default_rng(1)
    y, p = np.arange(60) % 3 == 0, rng.random(60)

    def gap(labels, scores, weights):
        return np.average(scores[labels], weights=weights[labels]) - np.average(
            scores[~labels], weights=weights[~labels]
        )

    result = paired_bootstrap(
        y, {"a": p}, {"gap": gap, "auroc": named_metric("auroc")}, resampling=Resampling(50, seed=0)
    )
    assert result.metrics == ("gap", "auroc")
    assert result.estimate("a", "gap").value == pytest.approx(p[y].mean() - p[~y].mean(), abs=1e-15)
    named = paired_bootstrap(y, {"a": p}, "auroc", resampling=Resampling(50, seed=0))
    assert (named.samples[0] == result.samples[1]).all()


def test_functions_without_weights_get_the_repeated_cases():
    rng = np.random.default_rng(4)
    y, p = np.arange(40) % 3 == 0, rng.random(40).round(1)
    metrics = {"theirs": roc_auc_score, "named": "auroc", "mine": lambda labels, scores: auroc(labels, scores)}
    clusters = np.arange(40) // 2
    result = paired_bootstrap(y, {"a": p}, metrics, clusters, resampling=Resampling(40, seed=2))
    assert result.samples[0] == pytest.approx(result.samples[1], abs=1e-12)
    assert result.samples[2] == pytest.approx(result.samples[1], abs=1e-12)
    swapped = paired_permutation(
        y, {"a": p, "b": rng.random(40)}, {"x": roc_auc_score}, clusters, resampling=Resampling(50)
    )
    assert 0 < swapped.differences[0].p_value <= 1


def test_replicates_are_what_scikit_learn_says_of_the_resamples():
    rng = np.random.default_rng(5)
    n = 300
    clusters = np.arange(n) // 2
    y, s = (np.arange(n) % 7 == 0).astype(int), rng.normal(size=n).round(1)
    sample = as_paired_sample(y, {"a": s}, clusters)
    result = paired_bootstrap(y, {"a": s}, ["auroc", "auprc"], clusters, resampling=Resampling(30, seed=11))
    weights = draw_weights(block_generator(11, 0), strata_of(sample, True), block_size(sample.n_clusters))
    for r in range(30):
        rows = np.repeat(np.arange(n), weights[:, r][sample.clusters].astype(int))
        assert result.samples[0, 0, r] == pytest.approx(roc_auc_score(y[rows], s[rows]), abs=1e-12)
        assert result.samples[1, 0, r] == pytest.approx(average_precision_score(y[rows], s[rows]), abs=1e-12)


def test_patients_are_drawn_whole_and_strata_keep_their_size():
    y = np.array([1, 0, 0, 0, 1, 0, 0, 0, 0, 0])
    sample = as_paired_sample(y, {"a": np.arange(10.0)}, list("aabbccddee"))
    weights = draw_weights(np.random.default_rng(0), strata_of(sample, True), 500)
    # Two of five patients have a positive nodule; every resample holds two such draws and three others.
    assert (weights[[0, 2]].sum(axis=0) == 2).all()
    assert (weights[[1, 3, 4]].sum(axis=0) == 3).all()
    assert weights.mean(axis=1) == pytest.approx(1, abs=0.15)
    together = draw_weights(np.random.default_rng(0), strata_of(sample, False), 500)
    assert (together.sum(axis=0) == 5).all()
    assert together[[0, 2]].sum(axis=0).std() > 0.5


@pytest.mark.parametrize("clustered", [False, True])
def test_same_bytes_for_any_number_of_workers(clustered):
    rng = np.random.default_rng(2)
    n = 700
    y = rng.random(n) < 0.2
    scores = {"a": rng.normal(size=n) + y, "b": rng.normal(size=n).round(1)}
    clusters = rng.integers(0, 300, n) if clustered else None
    runs = [
        paired_bootstrap(
            y,
            scores,
            ["auroc", "auprc", "fpr@recall=0.8"],
            clusters,
            resampling=Resampling(2500, seed=9, workers=w),
        )
        for w in (1, 2, 8)
    ]
    assert len({run.samples.tobytes() for run in runs}) == 1
    assert runs[0] == runs[1] == runs[2]
    other = paired_bootstrap(y, scores, ["auroc"], clusters, resampling=Resampling(2500, seed=10))
    assert other.samples.tobytes() != runs[0].samples[:1].tobytes()
    # Fewer replicates are the first of more.
    fewer = paired_bootstrap(y, scores, ["auroc"], clusters, resampling=Resampling(700, seed=9))
    assert (fewer.samples[0] == runs[0].samples[0, :, :700]).all()


def test_resamples_of_one_class_are_drawn_again_and_counted():
    y, s = [1, 0, 0, 0], [4.0, 1.0, 2.0, 3.0]
    drawn = metric_interval(y, s, "auroc", "percentile", resampling=Resampling(400, seed=0, stratified=False))
    assert drawn.redrawn > 50
    assert metric_interval(y, s, "auroc", "percentile", resampling=Resampling(400, seed=0)).redrawn == 0
    # Positive patients with negative nodules: a resample of them alone still has both classes.
    sample = as_paired_sample([1, 0, 1, 0], {"a": [1, 2, 3, 4]}, ["a", "a", "b", "b"])
    assert np.isfinite(bootstrap_samples(Engine(sample, as_request("auroc")), Resampling(50)).values).all()


def test_memory_stays_bounded():
    rng = np.random.default_rng(0)
    n = 200_000
    y = rng.random(n) < 0.3
    sample = as_paired_sample(y, {"a": rng.normal(size=n)})
    engine = Engine(sample, as_request(["auroc", "auprc"]))
    tracemalloc.start()
    bootstrap_samples(engine, Resampling(4, workers=1))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # A dense table of 4 replicates of two models' counts is within some tens of columns of n float64.
    assert peak < 40 * n * 8


@pytest.mark.parametrize("metrics", [[], ["auroc", "auroc"], ["nonsense"]])
def test_requests_that_make_no_sense_are_refused(metrics):
    with pytest.raises(InputError, match="metric"):
        paired_bootstrap([0, 1], {"a": [0, 1]}, metrics)


def test_no_replicates_are_refused():
    with pytest.raises(InputError, match="replicates 0"):
        paired_bootstrap([0, 1], {"a": [0, 1]}, resampling=Resampling(0))
