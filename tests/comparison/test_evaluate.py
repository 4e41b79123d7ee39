import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from benchmark.comparison.bands import GRID as BAND_GRID
from benchmark.comparison.bands import curve_bands
from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.folds import starred
from benchmark.comparison.losses import losses
from benchmark.comparison.pairs import oriented, pooled_differences, strongest
from benchmark.comparison.performance import GRID, resampling_of
from benchmark.comparison.score_files import read_scores
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.workspace import Workspace
from benchmark.metrics import operating_point
from benchmark.statistics import delong_test
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import NOISE, write_made


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    cohorts = write_made(folder, {"a": (90, 30), "b": (60, 20)})
    scores = read_scores(Workspace(results=folder), ["a", "b"])
    return cohorts, scores, {name: scores_by_unit(cohort, scores[name]) for name, cohort in cohorts.items()}


@pytest.fixture(scope="module")
def result(made):
    return evaluate_cohort(made[2]["a"], resampling=Resampling(200))


def test_performance_equals_scikit_learn(result):
    for row in result.performance.to_dict("records"):
        scores = result.scored.scores[row["model"]]
        assert row["auroc"] == pytest.approx(roc_auc_score(result.scored.labels, scores), abs=1e-12)
        assert row["auprc"] == pytest.approx(average_precision_score(result.scored.labels, scores), abs=1e-12)
        assert row["auroc_low"] < row["auroc"] < row["auroc_high"]
        assert row["auprc_low"] < row["auprc"] < row["auprc_high"]
    assert set(result.performance["n"]) == {90}
    assert set(result.performance["n_positive"]) == {30}


def test_operating_points_equal_a_search_over_all_thresholds(result):
    for row in result.operating_points.to_dict("records"):
        scores, labels = result.scored.scores[row["model"]].to_numpy(), result.scored.labels
        reached = [
            (int(((scores >= t) & (labels == 1)).sum()), int(((scores >= t) & (labels == 0)).sum()), t)
            for t in np.unique(scores)
        ]
        # The smallest achievable recall that reaches the target; of equal recalls the one with fewest alarms.
        tp, fp, threshold = min(r for r in reached if r[0] / 30 >= row["recall_target"] - 1e-12)
        assert (row["tp"], row["fp"], row["threshold"]) == (tp, fp, threshold)
        assert row["fpr"] == pytest.approx(fp / 60)
        assert row["precision"] == pytest.approx(tp / (tp + fp))
        assert row["fpr_low"] <= row["fpr"] <= row["fpr_high"]


def test_the_explorers_grid_is_what_the_metrics_module_says(result):
    labels = result.scored.labels
    for model, grid in result.grid.items():
        for k in (0, 57, 119, 159, 199):
            point = operating_point(labels, result.scored.scores[model].to_numpy(), float(GRID[k]))
            assert grid[:, k].tolist() == [point.tp, point.fp, point.threshold]


def test_pairs_give_the_interval_and_holm(result):
    pairs = result.pairs
    assert set(pairs["metric"]) == {"auroc", "auprc"}
    assert len(pairs) == 6
    row = pairs[(pairs["metric"] == "auroc") & (pairs["model_a"] == "good") & (pairs["model_b"] == "poor")].iloc[0]
    scores = result.scored.scores
    test = delong_test(result.scored.labels, scores["good"].to_numpy(), scores["poor"].to_numpy())
    assert (row["difference"], row["p_value"]) == (test.difference, test.p_value)
    assert (pairs["p_holm"] >= pairs["p_value"]).all()
    # Holm by hand: the smallest of three p-values times three.
    three = pairs[pairs["metric"] == "auroc"]
    assert three["p_holm"].min() == pytest.approx(min(1.0, 3 * three["p_value"].min()))


def test_a_pair_turned_round_has_the_opposite_difference(result):
    pairs = result.pairs[result.pairs["metric"] == "auroc"].reset_index(drop=True)
    turned = oriented(pairs, "poor")
    assert (turned["model_a"] == "poor").all()
    assert len(turned) == 2
    before = pairs[(pairs["model_a"] == "good") & (pairs["model_b"] == "poor")].iloc[0]
    after = turned[turned["model_b"] == "good"].iloc[0]
    assert (after["difference"], after["low"], after["high"]) == (
        -before["difference"],
        -before["high"],
        -before["low"],
    )


def test_each_model_on_all_that_it_scored_beside_the_common_patients(made):
    available = made[2]["a"]
    scores = available.scores.copy()
    scores.loc[[1, 50], "poor"] = np.nan
    uneven = type(available)("a", "patient", available.units, scores, available.folds, 0, available.kinds)
    found = evaluate_cohort(uneven, resampling=Resampling(50))
    assert set(found.performance["n"]) == {88}
    assert dict(zip(found.performance_all["model"], found.performance_all["n"], strict=True)) == {
        "good": 90,
        "middling": 90,
        "poor": 88,
    }
    assert not found.all_same
    good = found.performance_all.set_index("model").loc["good", "auroc"]
    assert good == pytest.approx(roc_auc_score(available.labels, scores["good"]))


def test_models_left_out_of_tests_keep_their_numbers(made):
    found = evaluate_cohort(made[2]["a"], resampling=Resampling(50), untested={"good": "seen"})
    assert set(found.performance["model"]) == set(NOISE)
    assert set(found.pairs["model_a"]) | set(found.pairs["model_b"]) == {"middling", "poor"}
    assert "good" not in set(found.fold_tests["model_a"]) | set(found.fold_tests["model_b"])


def test_no_common_patient_gives_no_areas_and_no_error(made):
    available = made[2]["a"]
    scores = available.scores.assign(good=np.nan, middling=np.nan, poor=np.nan)
    empty = type(available)("a", "patient", available.units, scores, available.folds, 0, available.kinds)
    found = evaluate_cohort(empty, resampling=Resampling(50))
    assert set(found.performance["n"]) == {0}
    assert found.performance["auroc"].isna().all()


def test_one_class_gives_no_areas_and_no_error(made):
    available = made[2]["a"]
    found = evaluate_cohort(available.only(available.labels == 1), resampling=Resampling(50))
    assert found.performance["auroc"].isna().all()
    assert set(found.performance["auroc_note"]) == {"undefined: only one class"}
    assert set(found.performance["auprc_note"]) == {"undefined: only one class"}
    assert found.pairs.empty
    assert found.grid == {}
    assert found.bands == {}


def test_a_model_that_shares_nobody_is_left_out_and_the_others_stand(made):
    available = made[2]["a"]
    scores = available.scores.copy()
    scores.loc[:44, "good"] = np.nan
    scores.loc[45:, "poor"] = np.nan
    uneven = type(available)("a", "patient", available.units, scores, available.folds, 0, available.kinds)
    found = evaluate_cohort(uneven, resampling=Resampling(50))
    # The first 30 of 90 patients are positive: good is left with negatives alone.
    assert found.odd == {"good": "it scored 0 positive and 45 negative patients"}
    assert set(found.performance["model"]) == {"middling", "poor"}
    assert set(found.performance["n"]) == {45}
    assert not found.all_same


def test_calibration_and_net_benefit_by_hand(result):
    row = result.calibration.set_index("model").loc["good"]
    p, labels = result.scored.scores["good"].to_numpy(), result.scored.labels
    assert row["brier"] == pytest.approx(brier_score_loss(labels, p))
    worth = result.net_benefit[(result.net_benefit["model"] == "good") & (result.net_benefit["threshold"] == 0.1)]
    called = p >= 0.1
    by_hand = (called & (labels == 1)).sum() / 90 - (called & (labels == 0)).sum() / 90 * 0.1 / 0.9
    assert worth.iloc[0]["net_benefit"] == pytest.approx(by_hand)
    assert worth.iloc[0]["treat_all"] == pytest.approx(30 / 90 - 60 / 90 * 0.1 / 0.9)


def test_scores_that_are_no_probabilities_have_no_calibration(made):
    available = made[2]["a"]
    ranks = type(available)(
        "a", "patient", available.units, available.scores * 7, available.folds, 0, dict.fromkeys(NOISE, "rank")
    )
    found = evaluate_cohort(ranks, resampling=Resampling(50))
    assert found.calibration.empty
    assert found.net_benefit.empty
    assert found.performance["auroc"].notna().all()


def test_fold_tests_name_what_they_can_reach(result):
    tests = result.fold_tests
    assert set(tests["test"]) == {"Friedman", "Nemenyi", "Wilcoxon"}
    # STATISTICS.md 5b: Wilcoxon's smallest two-sided p over n folds is 2/2^n, 0.25 for three.
    assert set(tests.loc[tests["test"] == "Wilcoxon", "attainable_p"]) == {0.25}
    assert not starred(result.folds, tests[tests["test"] == "Wilcoxon"])


def test_stars_follow_nemenyi_against_the_best_mean():
    folds = pd.DataFrame(
        [
            ("c", m, str(f), "auroc", v + f / 100)
            for m, v in (("x", 0.9), ("y", 0.8), ("z", 0.7))
            for f in range(5)
        ],
        columns=["cohort", "model", "fold", "metric", "value"],
    )
    from benchmark.comparison.folds import fold_tests

    tests = fold_tests(folds, "c")
    # STATISTICS.md 5b: k = 3, n = 5, perfectly separated: neighbours .254, extremes .0045.
    assert starred(folds, tests) == {("c", "auroc", "z")}


def test_pooling_leaves_out_pairs_of_one_cohort(made):
    pairs = pd.concat(
        [evaluate_cohort(made[2][name], resampling=Resampling(50)).pairs for name in ("a", "b")], ignore_index=True
    )
    pooled = pooled_differences(pairs)
    assert set(pooled["cohorts"]) == {"a; b"}
    assert len(pooled) == 6
    assert pooled_differences(pairs[pairs["cohort"] == "a"]).empty


def test_cohorts_that_share_patients_are_not_pooled(made):
    pairs = pd.concat(
        [evaluate_cohort(made[2][name], resampling=Resampling(50)).pairs for name in ("a", "b")], ignore_index=True
    )
    refused = pooled_differences(pairs, {frozenset(("b", "a"))})
    assert refused["difference"].isna().all()
    assert len(refused) == 6
    assert refused["note"].str.startswith("not pooled: a and b share patients").all()
    pd.testing.assert_frame_equal(pooled_differences(pairs, {frozenset(("a", "z"))}), pooled_differences(pairs))


def test_the_strongest_model_is_on_most_cohorts_first():
    table = pd.DataFrame({"model": ["x", "x", "y"], "auroc": [0.7, 0.8, 0.99], "cohort": ["a", "b", "a"]})
    assert strongest([table]) == "x"


def test_bands_are_those_of_a_plain_loop(made):
    scored = made[2]["b"].keeping(["good"]).common()
    band = curve_bands(scored, resampling=Resampling(200, seed=3))["good"]
    # A loop over resamples with the same draws: positives and negatives apart, recall at FPR ≤ x by counting.
    generator = np.random.default_rng(3)
    codes = np.unique(scored.clusters, return_inverse=True)[1]
    by_code = np.argsort(codes)
    labels, scores = scored.labels[by_code], scored.scores["good"].to_numpy()[by_code]
    positives, negatives = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    at = 0.3
    recalls = []
    for _ in range(200):
        chosen_p = positives[generator.integers(0, len(positives), len(positives))]
        chosen_n = negatives[generator.integers(0, len(negatives), len(negatives))]
        thresholds = np.unique(np.r_[scores[chosen_p], scores[chosen_n], np.inf])
        fpr = (scores[chosen_n][:, None] >= thresholds).mean(axis=0)
        recall = (scores[chosen_p][:, None] >= thresholds).mean(axis=0)
        recalls.append(recall[fpr <= at + 1e-12].max())
    k = int(np.flatnonzero(np.isclose(BAND_GRID, at))[0])
    assert band.recall_low[k] == pytest.approx(np.percentile(recalls, 2.5))
    assert band.recall_high[k] == pytest.approx(np.percentile(recalls, 97.5))


def test_bands_repeat_with_their_seed(made):
    scored = made[2]["b"].common()
    first, second = curve_bands(scored, Resampling(seed=1)), curve_bands(scored, Resampling(seed=1))
    assert all(np.array_equal(first[m].precision_low, second[m].precision_low) for m in first)


def test_losses_count_failures_and_missing_apart(made):
    cohorts, scores, _ = made
    rows = scores["a"].copy()
    rows = rows[~((rows["model"] == "poor") & (rows["pid"] == "P005"))]
    failed = (rows["model"] == "poor") & (rows["pid"] == "P007")
    rows.loc[failed, ["score", "status", "reason"]] = [np.nan, "failed", "no lung found"]
    table = losses(cohorts["a"], scores_by_unit(cohorts["a"], rows), rows).set_index("model")
    poor = table.loc["poor"]
    assert (poor["expected"], poor["scored"], poor["failed"], poor["missing"]) == (90, 88, 1, 1)
    assert poor["reasons"] == "no lung found: 1"
    assert table.loc["good", "scored"] == 90
    assert set(table["compared"]) == {88}


def test_a_model_whose_rows_all_failed_stays_in_the_ledger(made):
    cohorts, scores, _ = made
    rows = scores["a"].copy()
    poor = rows["model"] == "poor"
    rows.loc[poor, "score"] = np.nan
    rows.loc[poor, ["status", "reason"]] = ["failed", "no lung found"]
    table = losses(cohorts["a"], scores_by_unit(cohorts["a"], rows), rows)
    assert table["model"].iloc[-1] == "poor"
    lost = table.iloc[-1]
    assert (lost["expected"], lost["scored"], lost["failed"], lost["compared"]) == (90, 0, 90, 0)
    assert set(table["compared"].iloc[:-1]) == {90}


def test_replicates_are_kept_for_ordinary_cohorts():
    assert resampling_of(1120, Resampling(10_000)).replicates == 10_000
    assert resampling_of(1_000_000, Resampling()).replicates == 400
    assert resampling_of(10**9, Resampling()).replicates == 200
    assert resampling_of(10**9, Resampling(100)).replicates == 100
