"""Metrics by subgroup."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from benchmark.errors import InputError
from benchmark.statistics import auroc_interval, bin_sizes, delong_test, holm, subgroup_metrics
from benchmark.statistics.resampling import Resampling


def cohort(n=900, seed=0, gap=0.0):
    rng = np.random.default_rng(seed)
    y = rng.random(n) < 0.3
    sex = np.where(rng.random(n) < 0.5, "F", "M").astype(object)
    a = rng.normal(size=n) + y * np.where(sex == "F", 1.0 + gap, 1.0)
    return y, {"a": a, "b": rng.normal(size=n) + y}, sex


def test_rows_are_the_metrics_of_each_group():
    y, scores, sex = cohort()
    found = subgroup_metrics(y, scores, sex, resampling=Resampling(200))
    assert list(found.metrics["subgroup"].unique()) == ["F", "M"]
    for group in "FM":
        rows = sex == group
        one = auroc_interval(y[rows], scores["a"][rows])
        row = found.metrics.query("subgroup == @group and model == 'a' and metric == 'auroc'").iloc[0]
        assert (row["value"], row["low"], row["high"]) == pytest.approx((one.auroc, one.low, one.high), abs=1e-12)
        assert (row["n"], row["n_positive"]) == (rows.sum(), y[rows].sum())
        test = delong_test(y[rows], scores["a"][rows], scores["b"][rows])
        pair = found.differences.query("subgroup == @group").iloc[0]
        assert (pair["difference"], pair["p_value"]) == pytest.approx((test.difference, test.p_value), abs=1e-12)
    assert list(found.differences["p_holm"]) == pytest.approx(list(holm(found.differences["p_value"])), abs=1e-15)


def test_interaction_of_two_independent_groups_is_the_unpaired_z_test():
    y, scores, sex = cohort(gap=1.2)
    found = subgroup_metrics(y, scores, sex, ["auroc"]).interactions
    f, m = (auroc_interval(y[sex == g], scores["a"][sex == g]) for g in "FM")
    z2 = (f.auroc - m.auroc) ** 2 / (f.variance + m.variance)
    row = found.set_index("what").loc["AUROC of a"]
    # Each case is its own patient, so the groups share nobody.
    assert (row["statistic"], row["df"]) == pytest.approx((z2, 1), rel=1e-9)
    assert row["p_value"] == pytest.approx(chi2.sf(z2, 1), abs=1e-12)
    assert row["p_value"] < 0.001
    assert list(found["what"]) == ["AUROC of a", "AUROC of b", "a − b"]
    assert found.set_index("what").loc["AUROC of b", "p_value"] > 0.01


def test_interaction_keeps_its_level_when_patients_are_in_both_groups():
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        y = np.repeat(rng.random(150) < 0.4, 2)
        s = np.repeat(rng.normal(size=150), 2) + 0.3 * rng.normal(size=300) + y
        groups = np.tile(["left", "right"], 150)
        table = subgroup_metrics(y, {"a": s}, groups, ["auroc"], np.repeat(np.arange(150), 2)).interactions
        rejected += table["p_value"].iloc[0] < 0.05
    # 3.29 binomial standard deviations around 0.05 of 200.
    assert 0 <= rejected <= 20
    assert rejected >= 1


def test_few_events_are_refused_or_warned():
    rng = np.random.default_rng(0)
    y = np.array([1] * 4 + [0] * 40 + [1] * 7 + [0] * 40 + [1] * 30 + [0] * 40)
    groups = np.repeat(["tiny", "small", "large"], [44, 47, 70])
    found = subgroup_metrics(
        y, {"a": rng.normal(size=161) + y}, groups, ["auroc", "auprc"], resampling=Resampling(100)
    )
    table = found.metrics.set_index(["subgroup", "metric"])
    assert math.isnan(table.loc[("tiny", "auprc"), "value"])
    assert table.loc[("tiny", "auroc"), "note"] == "too few: 4 positive and 40 negative patients, under 5"
    assert table.loc[("tiny", "auroc"), "n"] == 44
    assert table.loc[("small", "auroc"), "note"].startswith("few: 7 positive")
    assert table.loc[("small", "auroc"), "value"] > 0
    assert table.loc[("large", "auroc"), "note"] == ""
    # The refused group takes no part in the interaction test.
    assert found.interactions["df"].iloc[0] == 1


def test_missing_groups_are_shown_apart_and_not_tested():
    y, scores, sex = cohort()
    sex[:200] = None
    found = subgroup_metrics(y, scores, sex, ["auroc"])
    assert list(found.metrics["subgroup"].unique()) == ["F", "M", "(missing)"]
    assert found.interactions["df"].iloc[0] == 1
    one = subgroup_metrics(y, scores, np.full(len(y), "all"), ["auroc"])
    assert one.interactions.empty
    assert len(one.metrics) == 2


def test_events_are_counted_in_patients():
    y = np.array([1] * 12 + [0] * 60)
    s = np.random.default_rng(0).normal(size=72)
    patients = np.array([f"p{i // 4}" for i in range(72)])
    found = subgroup_metrics(y, {"a": s}, ["x"] * 72, ["auroc"], patients)
    assert "3 positive and 15 negative patients" in found.metrics["note"].iloc[0]


def test_size_classes():
    found = bin_sizes([5.99, 6, 7.9, 8, 14.9, 15, 40, None, float("nan"), "7"])
    assert list(found) == [
        *("<6 mm", "6 to <8 mm", "6 to <8 mm", "8 to <15 mm", "8 to <15 mm", "≥15 mm", "≥15 mm", None, None),
        "6 to <8 mm",
    ]
    assert list(bin_sizes([3, 30], [10])) == ["<10 mm", "≥10 mm"]
    y = np.tile([1, 0], 60)
    groups = bin_sizes(np.repeat([3, 6.5, 9, 20], 30))
    table = subgroup_metrics(y, {"a": np.arange(120.0) % 7}, groups, ["auroc"]).metrics
    assert list(table["subgroup"]) == ["<6 mm", "6 to <8 mm", "8 to <15 mm", "≥15 mm"]


def test_bad_groups_are_refused():
    with pytest.raises(InputError, match="ascending"):
        bin_sizes([1, 2], [8, 6])
    with pytest.raises(InputError, match="1 values are negative"):
        bin_sizes([-1, 2])
    with pytest.raises(InputError, match="4 cases but 3 groups"):
        subgroup_metrics([0, 1, 0, 1], {"a": [1, 2, 3, 4]}, ["x", "y", "x"])
    with pytest.raises(InputError, match="every case is a group of its own"):
        subgroup_metrics([0, 1] * 10, {"a": range(20)}, np.linspace(3, 30, 20))
    labels = pd.Series([0, 1, 0, 1], index=list("abcd"))
    with pytest.raises(InputError, match="groups: the ids differ"):
        subgroup_metrics(labels, {"a": [1, 2, 3, 4]}, pd.Series(["x"] * 4, index=list("abce")))
