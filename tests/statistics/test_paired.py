"""Paired bootstrap and permutation of differences."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, rankdata, t
from statsmodels.stats.multitest import multipletests

from benchmark.errors import InputError
from benchmark.metrics import auroc, brier
from benchmark.statistics import delong_joint, delong_test, holm, paired_bootstrap, paired_permutation
from benchmark.statistics.permutation import resampling_p
from benchmark.statistics.resampling import Resampling


def cohort(n=400, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.25
    shared = rng.normal(size=n) + y
    scores = {name: shared + k * y + rng.normal(size=n) for name, k in (("a", 0.0), ("b", 0.4), ("c", 0.9))}
    return y, scores


def test_estimates_and_differences_come_from_the_full_sample():
    y, scores = cohort()
    result = paired_bootstrap(y, scores, ["auroc", "fpr@recall=0.8"], resampling=Resampling(500, seed=1))
    assert len(result.estimates) == 6
    assert [(d.model_a, d.model_b) for d in result.differences[:3]] == [("a", "b"), ("a", "c"), ("b", "c")]
    for name, s in scores.items():
        assert result.estimate(name, "auroc").value == pytest.approx(auroc(y, s), abs=1e-15)
    pair = result.difference("a", "c", "auroc")
    assert pair.difference == pytest.approx(auroc(y, scores["a"]) - auroc(y, scores["c"]), abs=1e-15)
    turned = result.difference("c", "a", "auroc")
    assert (turned.low, turned.high, turned.p_value) == (-pair.high, -pair.low, pair.p_value)
    gap = result.samples[0, 0] - result.samples[0, 2]
    # Some 100 patients in the smaller class widen the tails a little: between those of 0.025 and of 0.02.
    inner, outer = np.quantile(gap, [0.025, 0.975]), np.quantile(gap, [0.02, 0.98])
    assert outer[0] - 1e-12 <= pair.low <= inner[0]
    assert inner[1] <= pair.high <= outer[1] + 1e-12
    assert pair.standard_error == pytest.approx(gap.std(ddof=1), abs=1e-15)


@pytest.mark.parametrize("call", [paired_bootstrap, paired_permutation, delong_joint])
def test_scores_without_the_names_of_models_are_refused(call):
    y, scores = cohort(60)
    for given in (scores["a"], [scores["a"], scores["b"]]):
        with pytest.raises(InputError, match=r'scores: expected those of each model .* give \{"name": scores\}'):
            call(y, given)


def test_bootstrap_agrees_with_delong():
    y, scores = cohort(1500, 3)
    result = paired_bootstrap(y, scores, resampling=Resampling(4000, seed=0))
    for a, b in (("a", "b"), ("b", "c")):
        drawn, exact = result.difference(a, b, "auroc"), delong_test(y, scores[a], scores[b])
        assert drawn.standard_error == pytest.approx(exact.variance**0.5, rel=0.08)
        assert (drawn.low, drawn.high) == pytest.approx((exact.low, exact.high), abs=0.004)


def test_p_counts_the_replicates_beyond_zero():
    y, scores = cohort()
    result = paired_bootstrap(y, scores, "auroc", resampling=Resampling(999, seed=5))
    n = min(int(y.sum()), int((~y).sum()))
    for pair in result.differences:
        k = {"a": 0, "b": 1, "c": 2}
        gap = result.samples[0, k[pair.model_a]] - result.samples[0, k[pair.model_b]]
        tail = (min((gap <= 0).sum(), (gap >= 0).sum()) + 1) / 1000
        expected = 2 * t.cdf(norm.ppf(tail) * ((n - 1) / n) ** 0.5, n - 1)
        assert pair.p_value == pytest.approx(min(1, expected), rel=1e-9)
        assert pair.attainable_p <= pair.p_value
    assert result.difference("a", "c", "auroc").p_value < 0.05


def test_resampling_p_is_b_plus_one_over_replicates_plus_one():
    assert resampling_p(np.zeros(99), 0.5) == 0.01
    assert resampling_p(np.array([-0.5, 0.2, 0.5]), 0.5) == 0.75


def test_holm_is_that_of_statsmodels():
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 10):
        p = rng.random(n) ** 3
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1], abs=1e-15)
    adjusted = holm([0.01, float("nan"), 0.04])
    assert adjusted[0] == 0.02
    assert np.isnan(adjusted[1])
    with pytest.raises(InputError, match="within 0"):
        holm([1.2])
    y, scores = cohort()
    result = paired_bootstrap(y, scores, ["auroc", "auprc"], resampling=Resampling(300))
    for metric in result.metrics:
        pairs = [d for d in result.differences if d.metric == metric]
        assert [d.p_holm for d in pairs] == pytest.approx(holm([d.p_value for d in pairs]), abs=1e-15)


def test_tables_put_the_interval_before_the_p_value():
    y, scores = cohort()
    result = paired_bootstrap(y, scores, "auroc", resampling=Resampling(100))
    columns = list(result.differences_table().columns)
    assert columns.index("high") < columns.index("p_value") < columns.index("p_holm")
    assert list(result.estimates_table()["model"]) == ["a", "b", "c"]


def test_clusters_widen_and_bca_shifts():
    rng = np.random.default_rng(1)
    y = np.repeat(rng.random(150) < 0.3, 3)
    effect = np.repeat(rng.normal(size=150), 3)
    scores = {"a": effect + y + 0.3 * rng.normal(size=450), "b": rng.normal(size=450) + y}
    patients = np.repeat(np.arange(150), 3)
    plain = paired_bootstrap(y, scores, "auroc", resampling=Resampling(1000)).estimate("a", "auroc")
    whole = paired_bootstrap(y, scores, "auroc", patients, resampling=Resampling(1000)).estimate("a", "auroc")
    assert whole.high - whole.low > 1.4 * (plain.high - plain.low)
    bca = paired_bootstrap(y, scores, "auroc", patients, resampling=Resampling(1000), method="bca").estimate(
        "a", "auroc"
    )
    assert bca.low < whole.low


def test_unpaired_models_are_refused_with_the_counts():
    y, scores = cohort(60)
    with pytest.raises(InputError, match="unpaired: 60 labelled cases but 59 scores of b"):
        paired_bootstrap(y, {"a": scores["a"], "b": scores["b"][:-1]})
    ids = [f"{i:03d}" for i in range(60)]
    labels = pd.Series(y, index=ids)
    table = pd.DataFrame(scores, index=ids)
    shuffled = {"a": table["a"].sample(frac=1, random_state=0), "b": table["b"]}
    ordered = paired_bootstrap(labels, {"a": table["a"], "b": table["b"]}, resampling=Resampling(200))
    assert paired_bootstrap(labels, shuffled, resampling=Resampling(200)) == ordered
    assert paired_bootstrap(labels, table[["a", "b"]], resampling=Resampling(200)) == ordered
    with pytest.raises(InputError, match="59 of 60 labelled cases have one"):
        paired_bootstrap(labels, {"a": table["a"].iloc[1:]})
    with pytest.raises(InputError, match=r"1 of 60 values.*(.|\n)*unpaired"):
        paired_bootstrap(y, {"a": [np.nan, *scores["a"][1:]], "b": scores["b"][:5]})


def test_permutation_p_is_that_of_all_exchanges():
    rng = np.random.default_rng(2)
    y = np.array([1, 0, 0, 1, 0, 1, 0, 0, 1, 0])
    patients = np.array([0, 0, 1, 2, 2, 3, 4, 5, 6, 6])
    a, b = rng.normal(size=10) + y, 100 * rng.normal(size=10)
    ra, rb = rankdata(a), rankdata(b)
    observed = auroc(y, a) - auroc(y, b)
    as_far = 0
    for swaps in product([False, True], repeat=7):
        swap = np.array(swaps)[patients]
        gap = auroc(y, np.where(swap, rb, ra)) - auroc(y, np.where(swap, ra, rb))
        as_far += abs(gap) >= abs(observed) - 1e-12
    found = paired_permutation(
        y, {"a": a, "b": b}, "auroc", patients, resampling=Resampling(20_000, seed=3)
    ).differences[0]
    assert found.p_value == pytest.approx(as_far / 128, abs=0.012)
    assert found.low <= found.difference <= found.high


def test_permutation_uses_values_for_metrics_of_values():
    rng = np.random.default_rng(3)
    y = np.arange(8) % 2
    a, b = rng.random(8), rng.random(8)
    observed = brier(y, a) - brier(y, b)
    as_far = 0
    for swaps in product([False, True], repeat=8):
        swap = np.array(swaps)
        as_far += abs(brier(y, np.where(swap, b, a)) - brier(y, np.where(swap, a, b))) >= abs(observed) - 1e-12
    found = paired_permutation(y, {"a": a, "b": b}, ["auroc", "brier"], resampling=Resampling(4000)).differences
    assert found[1].metric == "brier"
    assert found[1].p_value == pytest.approx(as_far / 256, abs=0.025)


def test_permutation_p_is_never_zero_and_does_not_depend_on_workers():
    y = np.arange(200) % 4 == 0
    rng = np.random.default_rng(0)
    scores = {
        "good": rng.normal(size=200) + 4 * y,
        "bad": rng.normal(size=200),
        "worse": -1.0 * y + rng.normal(size=200),
    }
    runs = [
        paired_permutation(y, scores, ["auroc", "auprc"], resampling=Resampling(999, seed=1, workers=w))
        for w in (1, 2, 8)
    ]
    assert runs[0] == runs[1] == runs[2]
    assert runs[0].differences[0].p_value == 0.001
    assert runs[0].differences[0].p_holm == 0.003
