"""Predictions in memory to the inputs of a comparison."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from benchmark.contracts.cohort import require_cohort_name
from benchmark.errors import InputError
from benchmark.evaluation.predictions import CohortPredictions, cohort_name, inputs_of
from benchmark.report.compare_inputs import CompareInputs
from benchmark.report.compare_options import CompareOptions
from tests.evaluation.tables import PATIENTS, predictions

BASE = predictions()


def made(frame: pd.DataFrame = BASE, **more: Any) -> CohortPredictions:
    """The predictions of a table ``pid, label, a, b``."""
    return CohortPredictions("c", frame["pid"], frame["label"], frame[["a", "b"]], **more)


def test_units_are_the_rows_and_their_scores() -> None:
    inputs = inputs_of([made(title="A title", notes=["taken"])])
    (scored,) = inputs.units
    assert scored.models == ["a", "b"]
    assert list(scored.units["pid"]) == list(BASE["pid"])
    np.testing.assert_array_equal(scored.labels, BASE["label"])
    np.testing.assert_array_equal(scored.scores.to_numpy(), BASE[["a", "b"]].to_numpy())
    assert scored.structures["a"].kind == "none"
    assert inputs.cohorts[0].manifest.title == "A title"
    assert inputs.notes == ("taken",)


def test_nothing_is_known_of_training_overlap_and_models_are_tested_all_the_same() -> None:
    inputs = inputs_of([made()])
    assert list(inputs.exposures["exposure"]) == ["unknown", "unknown"]
    assert inputs.untested("c") == {}


def test_a_patient_has_the_highest_score_of_its_rows() -> None:
    more = BASE.iloc[:5].assign(a=0.999, b=0.0, label=0)
    (scored,) = inputs_of([made(pd.concat([BASE, more]))]).units
    assert len(scored.units) == PATIENTS
    assert list(scored.scores["a"][:5]) == [0.999] * 5
    assert list(scored.scores["b"]) == list(BASE["b"])
    assert list(scored.labels) == list(BASE["label"])


def test_rows_of_a_cluster_are_cases_of_their_own() -> None:
    cluster = pd.Series([f"S{k % 8}" for k in range(PATIENTS)])
    inputs = inputs_of([made(clusters=cluster)], CompareOptions(unit="nodule"))
    (scored,) = inputs.units
    assert len(scored.units) == PATIENTS
    assert list(scored.clusters) == list(cluster)
    # Every row counts once, so the AUROC is scikit-learn's of the rows.
    from benchmark.metrics.discrimination import auroc

    assert auroc(scored.labels, scored.named()["a"]) == pytest.approx(roc_auc_score(BASE["label"], BASE["a"]))


def test_scores_that_are_no_probabilities_on_one_cohort_are_none_on_any() -> None:
    other = replace(made(BASE.assign(a=BASE["a"] * 10)), cohort="d")
    inputs = inputs_of([made(), other])
    assert [scored.kinds for scored in inputs.units] == [{"a": "rank", "b": "probability"}] * 2


def test_a_missing_score_is_a_failure_and_an_absent_row_is_none() -> None:
    frame = BASE.assign(a=BASE["a"].where(BASE.index > 1))
    absent = pd.DataFrame({"a": BASE.index == 0, "b": False})
    rows = inputs_of([made(frame, absent=absent)]).scores["c"]
    failed = rows[rows["status"] == "failed"]
    assert failed[["model", "pid", "reason"]].values.tolist() == [["a", "002", "the table holds no score"]]
    assert len(rows) == 2 * PATIENTS - 1


def test_folds_that_held_patients_out_are_a_cross_validation() -> None:
    inputs = inputs_of([made(folds=pd.Series([str(k % 5) for k in range(PATIENTS)]))])
    assert set(inputs.exposures["exposure"]) == {"cross-validated"}
    np.testing.assert_array_equal(inputs.units[0].scores["a"], BASE["a"])


def test_models_are_in_the_order_asked_for_and_numbers_are_ids() -> None:
    frame = BASE.assign(pid=range(PATIENTS))
    inputs = inputs_of([made(frame)], CompareOptions(models=["b", "a"]))
    assert inputs.units[0].models == ["b", "a"]
    assert list(inputs.units[0].units["pid"][:2]) == ["0", "1"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (made(BASE.assign(label=BASE["label"] + 1)), "'2' — is no label"),
        (made(BASE.assign(label=np.nan)), "no patient has a label"),
        (made(BASE.assign(pid=[None, *BASE["pid"][1:]])), "pid '' — is empty"),
        (made(BASE.assign(a=[np.inf, *BASE["a"][1:]])), "is infinite"),
        (made(pd.concat([BASE[:-1], BASE[:1]]), nodules=pd.Series(["1"] * PATIENTS)), "scored twice"),
        (
            made(pd.concat([BASE, BASE[:9]]), folds=pd.Series([str((k + k // 40) % 5) for k in range(49)])),
            "nothing says which rows are of one nodule",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(broken: CohortPredictions, message: str) -> None:
    with pytest.raises(InputError, match=message):
        inputs_of([broken])


def test_two_cohorts_of_one_name_and_models_that_are_not_there_are_refused() -> None:
    with pytest.raises(InputError, match="two cohorts have this name"):
        inputs_of([made(), made()])
    with pytest.raises(InputError, match="did you mean 'a'"):
        inputs_of([made()], CompareOptions(models=["aa"]))
    with pytest.raises(InputError, match="no model has scores of nodules"):
        inputs_of([made()], CompareOptions(unit="nodule"))


@given(st.text())
def test_every_title_gives_a_name_that_a_cohort_may_have(title: str) -> None:
    require_cohort_name(cohort_name(title))


@pytest.mark.parametrize(
    ("title", "name"), [("UCLA (CT)", "UCLA-CT"), ("Köln 2", "Köln-2"), ("con", "cohort-con"), ("  ", "cohort")]
)
def test_names_of_cohorts_stay_readable(title: str, name: str) -> None:
    assert cohort_name(title) == name


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(PATIENTS)))
def test_the_order_of_rows_changes_no_score(order: list[int]) -> None:
    def scores(inputs: CompareInputs) -> pd.DataFrame:
        scored = inputs.units[0]
        return scored.units.join(scored.scores).set_index("pid").sort_index()

    pd.testing.assert_frame_equal(scores(inputs_of([made(BASE.iloc[order])])), scores(inputs_of([made()])))
