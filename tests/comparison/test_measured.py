"""Metrics besides AUROC and AUPRC in a whole comparison: every table has them, and nothing else changes."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_curve

from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.measured import AREAS, check_measurable, measured_metrics
from benchmark.comparison.pairs import pooled_differences
from benchmark.comparison.score_files import read_scores
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.metrics import read_metric_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.metrics import METRICS, Metric, auroc, named_metric
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from benchmark.statistics import holm
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import NOISE, write_made

RECALL, NPV, FPR = "recall@specificity=0.95", "npv@recall=0.9", "fpr@recall=0.8"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    cohorts = write_made(folder, {"a": (90, 30), "b": (60, 20)}, columns={"sex": ["F", "M"]})
    scores = read_scores(Workspace(folder / "cohorts", folder), ["a", "b"])
    return folder, {name: scores_by_unit(cohort, scores[name]) for name, cohort in cohorts.items()}


@pytest.fixture(scope="module")
def result(made):
    return evaluate_cohort(made[1]["a"], resampling=Resampling(300), metrics=measured_metrics([RECALL, NPV, FPR]))


def compared(folder, out, **more):
    options = CompareOptions(replicates=200, by="sex", **more)
    return compare_cohorts(["a", "b"], Workspace(folder / "cohorts", folder), options, out=folder / out)


@pytest.fixture(scope="module")
def written(made):
    terminal = compared(made[0], "more", metrics=[RECALL, "npv@recall=0.90", NPV, "auroc", FPR])
    compared(made[0], "plain")
    return terminal, made[0] / "more" / "tables", made[0] / "plain" / "tables"


def test_values_are_those_of_a_search_over_all_thresholds(result):
    labels = result.scored.labels
    for row in result.performance.to_dict("records"):
        scores = result.scored.scores[row["model"]].to_numpy()
        fpr, tpr, _ = roc_curve(labels, scores, drop_intermediate=False)
        assert row[RECALL] == pytest.approx(tpr[1 - fpr >= 0.95 - 1e-12].max(), abs=1e-12)
        # The highest threshold whose recall is 0.9 at least: NPV of the cases below it.
        threshold = max(t for t in scores if (scores >= t)[labels == 1].mean() >= 0.9 - 1e-12)
        assert row[NPV] == pytest.approx((labels[scores < threshold] == 0).mean(), abs=1e-12)
        for name in (RECALL, NPV, FPR):
            assert 0 <= row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] <= 1
            wider = (
                "the wider of percentile bootstrap and Clopper–Pearson limits, 300 replicates of as many positives"
            )
            assert row[f"{name}_method"] == (wider if name == NPV else "percentile bootstrap, 300 replicates")


def test_differences_have_an_interval_that_agrees_with_p_and_holm(result):
    table = result.performance.set_index("model")
    for name in (RECALL, NPV, FPR):
        rows = result.pairs[result.pairs["metric"] == name]
        assert len(rows) == 3
        for row in rows.to_dict("records"):
            expected = table.at[row["model_a"], name] - table.at[row["model_b"], name]
            assert row["difference"] == pytest.approx(expected, abs=1e-12)
            assert (row["low"] > 0 or row["high"] < 0) == (row["p_value"] < 0.05)
        assert list(rows["p_holm"]) == pytest.approx(list(holm(list(rows["p_value"]))))


def test_the_bootstrap_of_a_pair_is_that_of_resampled_patients(result):
    # Independent of the engine: whole patients drawn with replacement, each metric from the drawn cases.
    labels, scores = result.scored.labels, result.scored.named()
    rng, metric = np.random.default_rng(5), named_metric(RECALL)
    classes = [np.flatnonzero(labels == k) for k in (0, 1)]
    gaps = []
    for _ in range(400):
        drawn = np.concatenate([rng.choice(part, part.size) for part in classes])
        gaps.append(metric(labels[drawn], scores["good"][drawn]) - metric(labels[drawn], scores["poor"][drawn]))
    pairs = result.pairs.set_index(["metric", "model_a", "model_b"])
    assert pairs.at[(RECALL, "good", "poor"), "standard_error"] == pytest.approx(np.std(gaps, ddof=1), rel=0.2)


@pytest.mark.slow
def test_numbers_of_auroc_and_auprc_do_not_change(written):
    _, more, plain = written
    for name in ("performance", "performance_all"):
        both = [pd.read_csv(folder / f"{name}.csv", dtype=str) for folder in (plain, more)]
        pd.testing.assert_frame_equal(both[0], both[1][both[0].columns])
    for name in ("pairs", "folds", "fold_tests", "pooled"):
        both = [pd.read_csv(folder / f"{name}.csv", dtype=str) for folder in (plain, more)]
        kept = both[1][both[1]["metric"].isin(["auroc", "auprc"])].reset_index(drop=True)
        pd.testing.assert_frame_equal(both[0], kept)
    for name in ("operating_points", "calibration", "net_benefit", "subgroup_differences"):
        assert (plain / f"{name}.csv").read_bytes() == (more / f"{name}.csv").read_bytes()


@pytest.mark.slow
def test_every_table_and_form_has_them(written):
    terminal, more, _ = written
    title = "Recall at specificity 0.95"
    for stem in ("performance", "folds", "subgroups", "pooled", "pairs_recall_at_specificity_0_95"):
        for form in (f"{stem}_wide.csv", f"{stem}.tex", f"{stem}.html", f"{stem}.md"):
            # A CSV of cells holds neither the title of a table nor those of its blocks.
            known = (more / form).read_text(encoding="utf-8")
            assert title in known or (form.endswith(".csv") and stem.startswith(("pooled", "pairs"))), form
    assert "NPV at recall 0.9" in (more.parent / "report" / "index.html").read_text(encoding="utf-8")
    assert [table.label for table in terminal if table.label.startswith("tab:pairs")] == [
        "tab:pairs-auroc",
        "tab:pairs-recall_at_specificity_0_95",
        "tab:pairs-npv_at_recall_0_9",
        "tab:pairs-fpr_at_recall_0_8",
    ]
    assert terminal[0].columns[3:] == (f"{title} ↑", "NPV at recall 0.9 ↑", "FPR at recall 0.8 ↓")


def test_the_metric_table_says_where_a_rate_was_measured_and_has_each_once(written):
    table = read_metric_table(written[1] / "metrics.csv")
    assert not table.duplicated(["cohort", "model", "subgroup", "metric", "at"]).any()
    known = set(zip(table["metric"], table["at"], strict=True))
    assert {("recall", "specificity>=0.95"), ("npv", "recall>=0.9"), ("fpr", "recall>=0.8")} <= known


def test_the_lowest_is_the_best_where_lower_is_better(written):
    table = next(table for table in written[0] if table.label.startswith("tab:performance"))
    column = [row[-1] for row in table.rows[:3]]
    values = [float(cell.text.split(" ")[0]) for cell in column]
    assert [cell.bold for cell in column] == [value == min(values) for value in values]


def test_folds_are_measured_too(result):
    values = result.folds.set_index(["model", "fold", "metric"])["value"]
    for (model, fold, name), value in values.items():
        scores = result.available.folds[(model, fold)].to_numpy()
        assert value == pytest.approx(named_metric(name)(result.available.labels, scores), abs=1e-12)
    assert set(result.fold_tests["metric"]) == {"auroc", "auprc", RECALL, NPV, FPR}


def test_a_single_patient_in_a_class_has_numbers_and_no_interval(made):
    available = made[1]["a"]
    rows = (available.labels == 0) | (np.cumsum(available.labels) == 1)
    found = evaluate_cohort(
        available.only(rows), resampling=Resampling(50), metrics=measured_metrics([RECALL, NPV])
    )
    assert found.performance[[RECALL, NPV]].notna().all(axis=None)
    assert found.performance[[f"{RECALL}_low", f"{NPV}_high"]].isna().all(axis=None)
    assert set(found.pairs["note"]) == {"no interval: one patient makes up a class"}


def test_one_class_alone_is_undefined(made):
    available = made[1]["a"]
    found = evaluate_cohort(
        available.only(available.labels == 1), resampling=Resampling(50), metrics=measured_metrics([NPV])
    )
    assert found.performance[NPV].isna().all()
    assert set(found.performance[f"{NPV}_note"]) == {"undefined: only one class"}


def test_a_perfect_model_has_an_interval_below_one(made):
    available = made[1]["a"]
    perfect = available.scores.assign(good=(available.labels + available.scores["good"]) / 2)
    found = evaluate_cohort(
        replace(available, scores=perfect), resampling=Resampling(200), metrics=measured_metrics([RECALL, NPV])
    )
    row = found.performance.set_index("model").loc["good"]
    # Clopper and Pearson at 30 of 30: the lower limit is 0.025^(1/30).
    assert row[[RECALL, f"{RECALL}_high", f"{RECALL}_method"]].tolist() == [1.0, 1.0, "Clopper–Pearson"]
    assert row[f"{RECALL}_low"] == pytest.approx(0.025 ** (1 / 30))


def test_a_rate_that_is_the_same_in_all_folds_by_chance_is_tested_all_the_same(made):
    available = made[1]["a"]
    found = evaluate_cohort(available, resampling=Resampling(50), metrics=measured_metrics(["recall@threshold=0"]))
    rows = found.folds[found.folds["metric"] == "recall@threshold=0"]
    assert (rows["value"] == 1).all()
    assert not found.fold_left_out
    tests = found.fold_tests.set_index("metric").loc["recall@threshold=0"]
    assert not (tests["p_value"] < 0.05).any()
    assert len(tests) == 1 + 3 + 3


def gini(labels, scores, weights, value):
    return 2 * auroc(labels, scores, weights) - 1


@pytest.mark.slow
def test_a_new_entry_of_the_registry_is_in_every_table(made, monkeypatch):
    # What CONTRIBUTING promises: a function and its entry, and no table knows its name.
    monkeypatch.setitem(METRICS, "gini", Metric(gini, "Gini", True, True, unit_range=False))
    terminal = compared(made[0], "new", metrics=["gini"])
    assert "Gini ↑" in terminal[0].columns
    tables = made[0] / "new" / "tables"
    table = pd.read_csv(tables / "performance.csv")
    assert table["gini"].to_numpy() == pytest.approx(2 * table["auroc"].to_numpy() - 1, abs=1e-12)
    pairs = pd.read_csv(tables / "pairs.csv").set_index(["cohort", "metric", "model_a", "model_b"])["difference"]
    assert pairs["a", "gini", "good", "poor"] == pytest.approx(2 * pairs["a", "auroc", "good", "poor"], abs=1e-12)
    for stem in ("folds", "subgroups", "pairs_gini", "pooled"):
        assert "Gini" in (tables / f"{stem}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("npv@recal=0.9", "is not known: choose from"),
        ("npv@recall", "expected npv@recall=VALUE"),
        ("recall@specificity=1.2", "expected recall@specificity=VALUE"),
        ("calibration_slope", "neither when it is higher nor when it is lower"),
    ],
)
def test_names_that_cannot_be_compared_are_refused(name, message):
    with pytest.raises(InputError, match=message) as refused:
        measured_metrics([NPV, name])
    assert "--metric" in str(refused.value)


def test_metrics_of_probabilities_are_refused_for_other_scores(made):
    units = [replace(scored, kinds={**scored.kinds, "poor": "rank"}) for scored in made[1].values()]
    check_measurable(measured_metrics([NPV]), units)
    with pytest.raises(InputError, match=r"Brier score needs probabilities.* poor \(a: rank\), poor \(b: rank\)"):
        check_measurable(measured_metrics(["brier"]), units)
    found = evaluate_cohort(made[1]["a"], resampling=Resampling(50), metrics=measured_metrics(["brier"]))
    assert found.performance["brier"].to_numpy() == pytest.approx(found.calibration["brier"].to_numpy(), abs=1e-12)


def test_only_differences_of_shares_are_kept_within_one():
    rows = [
        {"cohort": c, "metric": m, "model_a": "x", "model_b": "y", "difference": d, "standard_error": 0.5}
        for m in (NPV, "net_benefit@threshold=0.9")
        for c, d in (("a", 0.5), ("b", -0.6), ("c", 0.9))
    ]
    found = pooled_differences(pd.DataFrame(rows)).set_index("metric")
    assert found.at[NPV, "prediction_high"] == 1.0
    assert found.at["net_benefit@threshold=0.9", "prediction_high"] > 1.0


def test_one_sample_is_made_of_a_cohort(made):
    scored = made[1]["a"].common()
    assert scored.sample is scored.sample
    assert scored.sample.models == tuple(NOISE)
    for k, model in enumerate(NOISE):
        assert (rankdata(scored.sample.scores[k]) == rankdata(scored.scores[model])).all()
    assert measured_metrics([]) == AREAS
