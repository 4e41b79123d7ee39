"""Differences at operating points: what the paired bootstrap of one metric gives, and Holm over its family."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.comparison.operating_pairs import AMONG, call_differences, operating_differences
from benchmark.comparison.performance import metric_bootstrap, operating_point_table
from benchmark.comparison.thresholds import ChosenThreshold
from benchmark.comparison.units import Scored
from benchmark.statistics import Resampling, holm, paired_bootstrap

DRAWN = np.random.default_rng(3)
LABELS = np.repeat([1, 0], [30, 70])
SCORES = {m: DRAWN.normal(size=100) + lift * LABELS for m, lift in (("a", 2.0), ("b", 1.0), ("c", 0.2))}


def scored(scores: dict[str, np.ndarray] = SCORES, labels: np.ndarray = LABELS) -> Scored:
    units = pd.DataFrame({"pid": [f"p{k}" for k in range(len(labels))], "nodule_id": "", "label": labels})
    return Scored("ucla", "patient", units, pd.DataFrame(scores), pd.DataFrame(), 0)


def test_rows_are_those_of_the_paired_bootstrap_and_holm_is_over_a_quantity() -> None:
    drawn = metric_bootstrap(scored(), (), (0.8, 0.9), (0.95,), resampling=Resampling(200, seed=4))
    found = operating_differences(scored(), drawn)
    assert found["metric"].drop_duplicates().tolist() == [
        "fpr@recall=0.8", "fpr@recall=0.9", "recall@specificity=0.95"
    ]  # fmt: skip
    names = found["metric"].unique().tolist()
    alone = paired_bootstrap(LABELS, SCORES, names, resampling=Resampling(200, seed=4))
    for row in found.to_dict("records"):
        one = alone.difference(row["model_a"], row["model_b"], row["metric"])
        assert [row[k] for k in ("difference", "low", "high", "p_value")] == pytest.approx(
            [one.difference, one.low, one.high, one.p_value], nan_ok=True
        )
    of_fpr = found["metric"].str.startswith("fpr")
    for part in (found[of_fpr], found[~of_fpr]):
        assert part["p_holm"].tolist() == pytest.approx(holm(part["p_value"].to_list()).tolist())
    assert len(found[of_fpr]) == 6


def test_models_in_no_test_are_left_out() -> None:
    drawn = metric_bootstrap(scored(), (), (0.8,), resampling=Resampling(50))
    found = operating_differences(scored(), drawn, ["a", "c"])
    assert found[["model_a", "model_b"]].to_numpy().tolist() == [["a", "c"]]
    assert operating_differences(scored(), drawn, ["a"]).empty


def test_one_class_has_no_differences() -> None:
    alone = scored({m: s[:30] for m, s in SCORES.items()}, LABELS[:30])
    assert metric_bootstrap(alone, (), (0.8,), resampling=Resampling(50)) is None
    assert operating_differences(alone, None).empty
    assert call_differences(alone, [ChosenThreshold("a", 1.0)]).empty


def test_a_recall_with_many_digits_has_the_limits_of_its_own_point() -> None:
    third = 2 / 3
    drawn = metric_bootstrap(scored(), (), (third,), resampling=Resampling(100))
    table = operating_point_table(scored(), (third,), drawn)
    assert table["tp"].tolist() == [20, 20, 20]
    assert table[["fpr_low", "fpr_high"]].notna().all(axis=None)


def test_calls_are_compared_where_thresholds_came_about_alike() -> None:
    chosen = [ChosenThreshold("a", 0.5), ChosenThreshold("a", 1.0), ChosenThreshold("b", 1.0)]
    chosen += [ChosenThreshold(m, t, "nlst", "recall=0.9") for m, t in (("a", 0.2), ("b", 0.1), ("c", -1.0))]
    found = call_differences(scored(), chosen)
    kept = found[["model_a", "model_b", "threshold_a", "threshold_b"]].drop_duplicates().to_numpy().tolist()
    assert kept == [["a", "b", 1.0, 1.0], ["a", "b", 0.2, 0.1], ["a", "c", 0.2, -1.0], ["b", "c", 0.1, -1.0]]
    for among in AMONG:
        part = found[found["among"] == among]
        assert part["p_holm"].tolist() == pytest.approx(holm(part["p_value"].to_list()).tolist())
    # Nothing alike: every threshold of one against every one of the other.
    apart = call_differences(scored(), [*chosen[:2], ChosenThreshold("c", 0.3)])
    assert apart[["threshold_a", "threshold_b"]].drop_duplicates().to_numpy().tolist() == [[0.5, 0.3], [1.0, 0.3]]
    # A threshold that was chosen on this cohort says nothing of it.
    own = [ChosenThreshold(m, 0.5, "ucla", "youden") for m in "abc"]
    assert call_differences(scored(), own).empty


def test_differences_of_calls_are_those_of_the_rates() -> None:
    found = call_differences(scored(), [ChosenThreshold(m, 0.7) for m in "ab"]).set_index("among")
    called = {m: SCORES[m] >= 0.7 for m in "ab"}
    recalls, alarms = ([called[m][y == LABELS].mean() for m in "ab"] for y in (1, 0))
    assert found.loc["malignant", "difference"] == pytest.approx(recalls[0] - recalls[1])
    assert found.loc["benign", "difference"] == pytest.approx(alarms[1] - alarms[0])
