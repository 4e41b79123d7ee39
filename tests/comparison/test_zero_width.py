"""Perfect, constant and equal models: no interval without width or outside the possible, each with its method."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.pairs import pooled_differences
from benchmark.comparison.units import Scored
from benchmark.statistics.resampling import Resampling


def scored(scores, positives=37, negatives=13):
    n = positives + negatives
    units = pd.DataFrame({"pid": [f"P{k:02d}" for k in range(n)], "nodule_id": "", "label": 0})
    units.loc[: positives - 1, "label"] = 1
    table = pd.DataFrame(scores)
    kinds = dict.fromkeys(table.columns, "rank")
    return Scored("c", "patient", units, table, pd.DataFrame(index=table.index), 0, kinds)


@pytest.fixture(scope="module")
def result():
    rng = np.random.default_rng(0)
    label = np.repeat([1, 0], [37, 13])
    return evaluate_cohort(
        scored(
            {
                "perfect": label * 2 + rng.random(50),
                "other": label * 3 + rng.random(50),
                "constant": np.full(50, 0.5),
                "reversed": -label * 2 + rng.random(50),
                "usual": label + rng.normal(size=50),
                "copy": np.zeros(50),
            }
        ),
        resampling=Resampling(300),
    )


def test_areas_have_an_interval_that_names_its_method(result):
    table = result.performance.set_index("model")
    for metric in ("auroc", "auprc"):
        low, value, high = (table[f"{metric}{end}"] for end in ("_low", "", "_high"))
        assert (low < high).all()
        assert (low >= 0).all()
        assert (high <= 1).all()
        assert ((low <= value) & (value <= high)).all()
    assert table.loc["perfect", "auroc_method"] == "Newcombe"
    assert table.loc["perfect", "auprc_method"] == "exact bound of a perfect ranking"
    assert table.loc["constant", "auprc_method"] == "Boyd's logit interval"
    assert table.loc["usual", "auprc_method"] == "BCa bootstrap, 300 replicates of as many positives"
    # What is said of one area is not said of the other.
    notes = result.metrics[result.metrics["model"] == "perfect"].groupby("metric")["note"].first()
    assert "AUROC of 1" in notes["auroc"]
    assert "AUROC" not in notes["auprc"]


def test_rates_have_exact_limits(result):
    points = result.operating_points.set_index(["model", "recall_target"])
    nothing = binomtest(0, 13).proportion_ci(method="exact")
    for target in (0.6, 0.7, 0.8, 0.9):
        row = points.loc[("perfect", target)]
        assert (row["fpr_low"], row["fpr_high"]) == pytest.approx((0, nothing.high), abs=1e-12)
        found = int(row["tp"])
        exact = binomtest(found, found).proportion_ci(method="exact")
        assert (row["precision_low"], row["precision_high"]) == pytest.approx((exact.low, 1), abs=1e-12)
        assert row["fpr_method"] == row["precision_method"] == "Clopper–Pearson"
    assert (points["fpr_low"] < points["fpr_high"]).all()
    assert (points["precision_low"] < points["precision_high"]).all()
    assert nothing.high == pytest.approx(0.247, abs=5e-4)


def test_differences_have_an_interval_that_agrees_with_p_or_a_reason(result):
    for row in result.pairs.to_dict("records"):
        if np.isnan(row["low"]):
            assert row["note"]
            assert row["method"] == ""
            continue
        assert -1 <= row["low"] < row["high"] <= 1
        assert (row["low"] > 0 or row["high"] < 0) == (row["p_value"] < 0.05), row
    pairs = result.pairs.set_index(["metric", "model_a", "model_b"])
    assert "rank these cases alike" in pairs.loc[("auprc", "constant", "copy"), "note"]
    assert pairs.loc[("auroc", "perfect", "other"), "high"] == pytest.approx(0.104, abs=5e-4)
    assert pairs.loc[("auroc", "perfect", "constant"), "p_value"] < 0.001
    assert pairs.loc[("auprc", "perfect", "usual"), "method"] == "paired percentile bootstrap, 300 replicates"


def test_a_difference_that_never_varies_is_pooled_with_the_error_of_its_interval():
    # 40 of 120 positive: the replicates of 1 − 1/3 differ in their last bit, which is no standard error.
    label = np.repeat([1, 0], [40, 80])
    one = scored({"perfect": label * 0.8 + 0.1, "constant": np.full(120, 0.5)}, 40, 80)
    pairs = evaluate_cohort(one, resampling=Resampling(200)).pairs
    widths = (pairs["high"] - pairs["low"]) / pairs["standard_error"]
    assert widths.to_list() == pytest.approx([3.92, 3.92], abs=0.01)
    pooled = pooled_differences(pd.concat([pairs, pairs.assign(cohort="d")]))
    assert (pooled["low"] < pooled["difference"]).all()
    assert (pooled["p_value"] > 1e-3).all()
