"""Added value: conditional AUROC, fusion, gain in net benefit, yield of the top k, against brute force."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.metrics import auroc, net_benefit
from benchmark.statistics import (
    Resampling,
    as_paired_sample,
    auroc_interval,
    conditional_auroc,
    fused_scores,
    net_benefit_gain,
    paired_bootstrap,
    strata_of_scores,
    top_yield,
)
from benchmark.statistics.net_gain import _kinds, net_benefit_gains_of

CASES = st.lists(st.tuples(st.booleans(), st.integers(0, 4), st.integers(0, 2)), min_size=2, max_size=25).filter(
    lambda rows: 0 < sum(row[0] for row in rows) < len(rows)
)


def drawn(n: int = 120, seed: int = 0):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    return label, rng.normal(size=n) + label, rng.normal(size=n) + 0.8 * label, rng


@given(CASES)
@settings(max_examples=50, deadline=None)
def test_conditional_auroc_by_all_pairs(rows: list[tuple[bool, int, int]]) -> None:
    label, score, stratum = (np.array(column) for column in zip(*rows, strict=True))
    pairs = [
        (score[i] > score[j]) + 0.5 * (score[i] == score[j])
        for i, j in itertools.product(np.flatnonzero(label), np.flatnonzero(~label))
        if stratum[i] == stratum[j]
    ]
    found = conditional_auroc(label.astype(int), score, stratum)
    assert found.pairs == len(pairs)
    if pairs:
        assert found.auroc == pytest.approx(np.mean(pairs))
    else:
        assert math.isnan(found.auroc)
    if not math.isnan(found.low):
        assert (found.low > 0.5 or found.high < 0.5) == (found.p_value < 0.05)


@pytest.mark.parametrize("clusters", [None, np.arange(120) // 3])
def test_with_one_stratum_it_is_the_auroc(clusters: np.ndarray | None) -> None:
    label, score, _, _ = drawn()
    found = conditional_auroc(label, score, ["all"] * 120, clusters)
    whole = auroc_interval(label, score, clusters=clusters)
    assert (found.auroc, found.low, found.high) == pytest.approx((whole.auroc, whole.low, whole.high), rel=1e-12)
    assert found.pairs == found.all_pairs


def test_its_error_is_that_of_the_bootstrap() -> None:
    label, score, other, rng = drawn(400, 3)
    stratum = strata_of_scores(other)
    values = []
    for _ in range(1000):
        rows = np.concatenate([rng.choice(np.flatnonzero(label == y), int((label == y).sum())) for y in (0, 1)])
        parts = [(label[r], score[r]) for s in range(5) for r in [rows[stratum[rows] == s]]]
        counts = [(y.sum(), (1 - y).sum()) for y, _ in parts]
        area = [auroc(y, x) * a * b for (y, x), (a, b) in zip(parts, counts, strict=True) if a * b]
        values.append(sum(area) / sum(a * b for a, b in counts))
    found = conditional_auroc(label, score, stratum)
    assert found.standard_error == pytest.approx(np.std(values), rel=0.08)


def test_a_score_adds_nothing_to_itself() -> None:
    label, score, _, _ = drawn(300, 1)
    own = conditional_auroc(label, score, np.argsort(np.argsort(score)))
    assert (own.pairs, own.strata, own.note) == (0, 0, "no pair in a stratum")
    assert conditional_auroc(label, score, strata_of_scores(score)).auroc < auroc(label, score) - 0.1


def test_fused_scores_are_those_of_a_pipeline_that_saw_other_patients() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    label, a, b, _ = drawn()
    patient = np.arange(120) // 2
    p = 1 / (1 + np.exp(-a))
    found = fused_scores(label, {"a": p, "b": b}, patient, probabilities=["a"], folds=3, seed=2)
    features = np.stack([np.log(p / (1 - p)), b], axis=1)
    for fold in range(3):
        test = found.fold == fold
        assert set(patient[test]).isdisjoint(patient[~test])
        ridge = make_pipeline(StandardScaler(), LogisticRegression(C=found.penalties[fold], max_iter=1000))
        expected = ridge.fit(features[~test], label[~test]).predict_proba(features[test])[:, 1]
        assert found.probabilities[test] == pytest.approx(expected, abs=1e-6)
        sums = ridge[0].transform(features) @ ridge[-1].coef_[0]
        scaled = (sums - sums[~test].mean()) / sums[~test].std()
        assert found.scores[test] == pytest.approx(scaled[test], abs=1e-6)
        assert found.weights[fold] == pytest.approx(ridge[-1].coef_[0], abs=1e-6)


def test_two_independent_views_are_better_together_and_noise_stays_noise() -> None:
    label, a, b, rng = drawn(600, 5)
    together = fused_scores(label, {"a": a, "b": b}, folds=4).scores
    assert auroc(label, together) > max(auroc(label, a), auroc(label, b)) + 0.02
    noise = {"a": rng.normal(size=600), "b": rng.normal(size=600)}
    assert abs(auroc(label, fused_scores(label, noise, folds=4).scores) - 0.5) < 0.08


def test_what_cannot_be_fused_is_refused() -> None:
    label, a, b, _ = drawn()
    with pytest.raises(InputError, match="two models or more"):
        fused_scores(label, {"a": a})
    with pytest.raises(InputError, match="5 folds within 5 need 7"):
        fused_scores([1] * 6 + [0] * 30, {"a": range(36), "b": range(36)})
    with pytest.raises(InputError, match=r"outside 0\.\.1"):
        fused_scores(label, {"a": a, "b": b}, probabilities=["a"])


@pytest.mark.parametrize("stratified", [True, False])
def test_gain_in_net_benefit_is_that_of_the_paired_bootstrap(stratified: bool) -> None:
    label, a, b, _ = drawn(90, 8)
    p, q = (1 / (1 + np.exp(-x)) for x in (a, b))
    patient = np.arange(90) // 2
    label[::2] |= label[1::2]  # some patients with cases of both classes
    resampling = Resampling(2000, seed=6, stratified=stratified)
    for threshold, found in zip((0.2, 0.5), net_benefit_gain(label, p, q, (0.2, 0.5), patient,
                                resampling=resampling), strict=True):  # fmt: skip
        assert found.gain == pytest.approx(net_benefit(label, p, threshold) - net_benefit(label, q, threshold))
        whole = paired_bootstrap(
            label, {"a": p, "b": q}, f"net_benefit@threshold={threshold}", patient, resampling=resampling
        ).differences[0]
        # Two draws of 2,000 of one distribution: a 2.5 % quantile of either has a standard error of
        # sqrt(.025 * .975 / 2000) / .0584 = 0.06 SD; four of their difference are 0.34 SD.
        spread = (whole.high - whole.low) / 3.92
        assert (found.low, found.high) == pytest.approx((whole.low, whole.high), abs=0.34 * spread)
        share = whole.p_value / 2
        assert found.p_value == pytest.approx(whole.p_value, abs=8 * math.sqrt(2 * share * (1 - share) / 2000))
        assert found.attainable_p == whole.attainable_p


def test_gains_of_several_pairs_are_those_of_each_pair_within_what_another_draw_gives() -> None:
    label, a, b, _ = drawn(90, 8)
    scores = {name: 1 / (1 + np.exp(-x)) for name, x in {"a": a, "b": b, "c": a - b}.items()}
    sample = as_paired_sample(label, scores)
    found = net_benefit_gains_of(sample, [(0, 1), (1, 2)], (0.2,), resampling=Resampling(2000, seed=1))
    for (gain,), pair in zip(found, ("ab", "bc"), strict=True):
        (alone,) = net_benefit_gain(label, *(scores[name] for name in pair), (0.2,))
        spread = (alone.high - alone.low) / 3.92
        assert (gain.low, gain.high) == pytest.approx((alone.low, alone.high), abs=0.35 * spread)
        assert gain.gain == alone.gain


def test_gains_are_the_same_whatever_the_number_of_threads() -> None:
    label, a, b, _ = drawn(400, 3)
    patient = np.arange(400) // 3
    p, q = (1 / (1 + np.exp(-x)) for x in (a, b))
    one, two = (
        net_benefit_gain(label, p, q, (0.2,), patient, resampling=Resampling(1500, workers=workers))
        for workers in (1, 2)
    )
    assert one == two


@given(st.integers(1, 4).flatmap(lambda rows: st.lists(st.tuples(*[st.integers(0, 3)] * rows), min_size=1)))
def test_kinds_of_patients_are_the_distinct_columns(patients: list[tuple[int, ...]]) -> None:
    sums = np.array(patients, dtype=float).T
    counts, numbers = np.unique(sums, axis=1, return_counts=True)
    found = _kinds(sums)
    assert (found[0].tolist(), found[1].tolist()) == (counts.tolist(), numbers.tolist())


def test_models_that_call_the_same_have_no_interval() -> None:
    label = [0, 1] * 20
    [found] = net_benefit_gain(label, [0.5, 0.9] * 20, [0.6, 0.8] * 20, [0.2], resampling=Resampling(100))
    assert (found.gain, found.p_value, math.isnan(found.low)) == (0, 1, True)
    assert "call the same cases" in found.note


@given(CASES, st.data())
@settings(max_examples=40, deadline=None)
def test_yield_by_every_way_to_break_ties(rows: list[tuple[bool, int, int]], data: st.DataObject) -> None:
    rows = (
        rows[:7]
        if 0 < sum(row[0] for row in rows[:7]) < len(rows[:7])
        else [*rows[-2:], (True, 1, 0), (False, 1, 0)]
    )
    label, score = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    k = data.draw(st.integers(1, len(rows)))
    ways = [
        label[list(taken)].sum()
        for taken in itertools.combinations(range(len(rows)), k)
        if min(score[list(taken)]) >= max([s for i, s in enumerate(score) if i not in taken], default=-1)
    ]
    found = top_yield(label.astype(int), score, k, resampling=Resampling(20, workers=1))
    assert (found.least, found.most) == (min(ways), max(ways))
    assert found.positives == pytest.approx(np.mean(ways))
    assert (found.tied > 0) == (len(ways) > 1)


def test_limits_of_a_yield_are_the_percentiles_of_a_bootstrap() -> None:
    label, score, _, _ = drawn(100, 2)
    score = score.round(1)

    def share(labels: np.ndarray, scores: np.ndarray) -> float:
        k, order = 0.2 * len(labels), np.argsort(-scores, kind="stable")
        ranked, truth = scores[order], labels[order]
        found = 0.0
        for value in np.unique(ranked)[::-1]:
            at = ranked == value
            take = min(1.0, max(0.0, (k - (ranked > value).sum()) / at.sum()))
            found += take * truth[at].sum()
        return float(found / truth.sum())

    found = top_yield(label, score, 20, resampling=Resampling(200, seed=3))
    samples = paired_bootstrap(label, {"a": score}, {"share": share}, resampling=Resampling(200, seed=3)).samples
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(samples[0, 0], (0.025, 0.975))))
    assert found.share == pytest.approx(share(label == 1, score))


@pytest.mark.parametrize("k", [0, 7, 2.5])
def test_a_k_that_is_no_number_of_cases_is_refused(k: float) -> None:
    with pytest.raises(InputError, match="is no number of 6 cases"):
        top_yield([0, 1] * 3, range(6), k)  # type: ignore[arg-type]


def test_a_gain_of_nothing_is_nothing_in_every_resample():
    # One hit against 19 false alarms at 5 %: 1 − 19 · 0.05 / 0.95 = 0.
    labels = ([1] + [0] * 19) * 10
    [found] = net_benefit_gain(labels, [0.9] * 200, [0.0] * 200, [0.05], resampling=Resampling(200, seed=2))
    assert found.gain == pytest.approx(0, abs=1e-15)
    assert found.p_value == 1
    assert found.low < 0 < found.high


def test_a_gain_that_no_resample_varies_has_the_limits_of_recall_and_fpr() -> None:
    # At 20 % the first calls the 40 positives alone, the second all 120: 80 · 0.25 / 120 in every resample.
    label = np.repeat([1, 0], [40, 80])
    resampling = Resampling(200)
    [found] = net_benefit_gain(label, label * 0.9, np.full(120, 0.5), [0.2], resampling=resampling)
    assert found.gain == pytest.approx(1 / 6)
    # Clopper and Pearson: 40 of 40 and 80 of 80, in closed form.
    hit, clean = 1 - 0.025 ** (1 / 40), 1 - 0.025 ** (1 / 80)
    miss, alarm = hit / 3, clean * 0.25 * 2 / 3
    assert found.low == pytest.approx(1 / 6 - math.hypot(miss, 0, alarm, alarm))
    assert found.high == pytest.approx(1 / 6 + math.hypot(miss, 0, 0))
    assert found.low < found.gain < found.high
    assert found.p_value < 0.001
    assert "the same in all resamples" in found.note
    whole = paired_bootstrap(
        label, {"a": label * 0.9, "b": np.full(120, 0.5)}, "net_benefit@threshold=0.2", resampling=resampling
    )
    assert (whole.differences[0].low, whole.differences[0].high) == pytest.approx((found.low, found.high))
    assert whole.estimates[0].low < whole.estimates[0].value


@pytest.mark.parametrize("k", [6, 40, 60])
def test_a_yield_that_no_resample_varies_has_exact_limits(k: int) -> None:
    label = np.repeat([1, 0], [40, 80])
    found = top_yield(label, label * 0.9, k, resampling=Resampling(200))
    assert found.share == min(k, 40) / 40
    # Clopper and Pearson in closed form: k of k taken, and 40 of 40 positives.
    lows = {6: 0.025 ** (1 / 6) * 6 / 40, 40: 0.025 ** (1 / 40), 60: 0.025 ** (1 / 40)}
    assert found.low <= lows[k] + 1e-12
    assert found.low < found.share == found.high
    nothing = top_yield(label, -label, k, resampling=Resampling(200))
    assert nothing.low == 0 < nothing.high
    assert "all resamples" in nothing.note
