"""Folds as blocks: who shares them, who is left out, and what a star is worth."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.comparison.evaluate import evaluate_cohort
from benchmark.comparison.folds import fold_results, starred
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.statistics.resampling import Resampling
from tests.comparison.made import expit, nodule_table, score_rows

PATIENTS = 60
COHORT = Cohort(
    CohortManifest(name="c", title="C"), nodule_table([[int(k % 3 == 0)] for k in range(PATIENTS)]), None
)
POSITIVE = (COHORT.nodules["malignant"] == 1).to_numpy(float)


def complete(model, folds, noise=1.0, seed=0, first=0):
    """Every fold scores every patient; the mean of the folds is the ensemble."""
    generator = np.random.default_rng(seed)
    own = POSITIVE + noise * generator.normal(size=PATIENTS)
    values = [expit(own + 0.2 * generator.normal(size=PATIENTS)) for _ in range(folds)]
    parts = [score_rows(COHORT.nodules, model, "c", v, str(first + k)) for k, v in enumerate(values)]
    return pd.concat([*parts, score_rows(COHORT.nodules, model, "c", np.mean(values, axis=0))], ignore_index=True)


def held_out(model, folds, noise=1.0, seed=0, shift=0):
    """Each patient in one fold."""
    scores = expit(POSITIVE + noise * np.random.default_rng(seed).normal(size=PATIENTS))
    rows = score_rows(COHORT.nodules, model, "c", scores)
    return rows.assign(fold=[str((k + shift) // 4 % folds) for k in range(PATIENTS)])


def results(*parts, untested=None):
    return fold_results(scores_by_unit(COHORT, pd.concat(parts, ignore_index=True)), untested or {})


def why(found):
    return {one.model: one.why for one in found.left_out}


def test_a_model_with_another_number_of_folds_takes_nothing_from_the_others():
    three = [complete(m, 5, seed=k) for k, m in enumerate("abc")]
    alone, with_fourth = results(*three), results(*three, complete("d", 6, seed=9))
    pd.testing.assert_frame_equal(alone.tests, with_fourth.tests)
    assert len(alone.tests) == 2 * (1 + 3 + 3)
    assert why(alone) == {}
    assert why(with_fourth) == {"d": "it has 6 folds, the models tested have 5"}
    assert set(with_fourth.values["model"]) == set("abcd")


@pytest.mark.parametrize("order", [0, 1, 2])
def test_it_does_not_matter_where_the_odd_one_stands(order):
    parts = [complete(m, 5, seed=k) for k, m in enumerate("ab")]
    parts.insert(order, held_out("d", 5))
    found = results(*parts)
    assert set(found.tests["model_a"]) | set(found.tests["model_b"]) == {"a", "b"}
    assert why(found) == {
        "d": "its folds are parts of a cross-validation, those of the models tested all scored every patient"
    }


def test_other_numbers_and_other_patients_are_other_folds():
    numbered = results(complete("a", 3), complete("b", 3, seed=1), complete("d", 3, seed=2, first=1))
    assert why(numbered) == {"d": "its folds are 1, 2, 3, those of the models tested 0, 1, 2"}
    moved = results(held_out("a", 3), held_out("b", 3, seed=1), held_out("d", 3, seed=2, shift=1))
    assert why(moved) == {"d": "its folds hold other patients than those of the models tested"}
    assert set(moved.tests["model_a"]) | set(moved.tests["model_b"]) == {"a", "b"}
    single = results(held_out("a", 3), complete("b", 3), held_out("d", 3, seed=1))
    assert why(single) == {
        "b": "its folds all scored every patient, those of the models tested are parts of a cross-validation"
    }


def test_held_out_folds_stand_on_their_own_patients():
    rows = held_out("a", 3)
    found = results(rows)
    for fold, part in rows.groupby("fold"):
        labels, values = POSITIVE[part.index], part["score"]
        here = found.values[found.values["fold"] == fold].set_index("metric")
        assert here.loc["auroc", "value"] == pytest.approx(roc_auc_score(labels, values), abs=1e-12)
        assert here.loc["auprc", "value"] == pytest.approx(average_precision_score(labels, values), abs=1e-12)
        assert here.loc["auroc", ["n", "n_positive"]].tolist() == [len(part), labels.sum()]


def test_a_failure_of_one_model_leaves_the_patient_out_of_the_fold_for_all_that_share_it():
    other = held_out("b", 3, seed=1)
    other.loc[7, ["score", "status", "reason"]] = [np.nan, "failed", "no lung found"]
    found = results(held_out("a", 3), other).values
    sizes = found[found["metric"] == "auroc"].pivot(index="fold", columns="model", values="n")
    assert sizes["a"].tolist() == sizes["b"].tolist()
    assert sizes["a"].sum() == PATIENTS - 1


def test_a_fold_of_one_class_has_no_value_and_the_rest_is_tested():
    def folded(model, seed):
        rows = held_out(model, 4, seed=seed)
        # Fold 4 is one positive patient and fold 5 the one after it, a negative.
        rows.loc[[0, 1], "fold"] = ["4", "5"]
        return rows

    found = results(folded("a", 0), folded("b", 1))
    lost = found.values[found.values["value"].isna()]
    assert set(lost["fold"]) == {"4", "5"}
    assert set(found.tests["n_folds"]) == {4}
    assert any("fold 4, 5" in note for note in found.notes)


def test_a_model_that_empties_a_fold_of_a_class_is_left_out():
    rows = complete("d", 5, seed=5)
    rows = rows[rows["pid"].isin(COHORT.nodules["pid"][POSITIVE == 0])]
    parts = [complete("a", 5), complete("b", 5, seed=1)]
    for order in ([*parts, rows], [rows, *parts]):
        found = results(*order)
        assert set(found.tests["model_a"]) | set(found.tests["model_b"]) == {"a", "b"}
        assert why(found) == {"d": "it shares too few patients with the models tested"}


def test_folds_that_are_all_the_same_are_one_result_and_get_no_star():
    bad = expit(-POSITIVE + 0.2 * np.random.default_rng(3).normal(size=PATIENTS))
    same = [score_rows(COHORT.nodules, "same", "c", bad, str(k)) for k in range(5)]
    good = [complete(m, 5, noise=0.2, seed=k) for k, m in enumerate("ab")]
    found = results(*good, *same)
    assert why(found)["same"].startswith("all its folds have the same AUROC and AUPRC")
    assert not {model for _, _, model in starred(found.values, found.tests)} & {"same"}
    assert set(found.tests["model_a"]) | set(found.tests["model_b"]) == {"a", "b"}
    # The same scores with a little noise do get the star: the test is able to give one.
    generator = np.random.default_rng(4)
    noisy = [
        score_rows(
            COHORT.nodules, "same", "c", np.clip(bad + 0.05 * generator.normal(size=PATIENTS), 0, 1), str(k)
        )
        for k in range(5)
    ]
    varied = results(*good, *noisy)
    assert ("c", "auroc", "same") in starred(varied.values, varied.tests)


def test_models_left_out_of_all_tests_are_named_with_that_reason():
    found = results(complete("a", 5), complete("b", 5, seed=1), complete("d", 5, seed=2), untested={"d": "it saw"})
    assert why(found) == {"d": "it saw"}
    assert set(found.tests["model_a"]) | set(found.tests["model_b"]) == {"a", "b"}


def test_models_of_a_single_fold_take_no_test_from_those_that_have_several():
    single = [complete(m, 1, seed=k) for k, m in enumerate("xyz")]
    found = results(*single, complete("a", 5, seed=7), complete("b", 5, seed=8))
    assert set(found.tests["model_a"]) | set(found.tests["model_b"]) == {"a", "b"}


def test_where_no_two_models_share_folds_nobody_is_called_tested():
    found = results(complete("a", 5), held_out("d", 5))
    assert found.tests.empty
    assert why(found) == dict.fromkeys("ad", "no other model that takes part in tests has the same folds")


def test_a_single_model_with_folds_has_values_and_nobody_is_left_out():
    found = results(complete("a", 5))
    assert len(found.values) == 10
    assert found.tests.empty
    assert found.left_out == ()


def test_out_of_fold_models_take_part_in_the_tests_on_patients():
    parts = [held_out("a", 3, 0.3), held_out("b", 3, 3.0, seed=1), complete("d", 5, seed=2)]
    found = evaluate_cohort(scores_by_unit(COHORT, pd.concat(parts, ignore_index=True)), resampling=Resampling(50))
    assert len(found.pairs) == 6
    assert set(found.pairs["n"]) == {PATIENTS}
