import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.errors import InputError
from tests.comparison.made import nodule_table, score_rows


def cohort_of(labels, tmp_path):
    return Cohort(CohortManifest(name="c", title="C"), nodule_table(labels), tmp_path)


def test_a_patient_has_the_highest_score_and_any_positive_label(tmp_path):
    cohort = cohort_of([[0, 1], [0], [0, 0]], tmp_path)
    found = scores_by_unit(cohort, score_rows(cohort.nodules, "m", "c", [0.9, 0.2, 0.3, 0.1, 0.4]))
    assert found.labels.tolist() == [1, 0, 0]
    # The highest nodule counts, whether or not it is the malignant one.
    assert found.scores["m"].tolist() == [0.9, 0.3, 0.4]
    assert found.kinds == {"m": "probability"}


def test_a_score_of_the_whole_patient_stands_for_itself(tmp_path):
    cohort = cohort_of([[0, 1], [0]], tmp_path)
    rows = score_rows(cohort.nodules, "m", "c", [0.9, 0.8, 0.3])
    whole = rows.iloc[:1].assign(nodule_id="", score=0.1)
    found = scores_by_unit(cohort, pd.concat([rows, whole], ignore_index=True))
    assert found.scores["m"].tolist() == [0.1, 0.3]


def test_a_patient_whose_label_cannot_be_told_is_left_out_and_counted(tmp_path):
    # None and 0: may be positive. None and 1: is positive. None alone: unknown.
    cohort = cohort_of([[None, 0], [None, 1], [None], [0]], tmp_path)
    found = scores_by_unit(cohort, score_rows(cohort.nodules, "m", "c", [0.1] * 6))
    assert found.units["pid"].tolist() == ["P001", "P003"]
    assert found.labels.tolist() == [1, 0]
    assert found.unlabelled == 2


def test_a_failed_score_is_missing_and_common_units_leave_it_out(tmp_path):
    cohort = cohort_of([[1], [0], [0]], tmp_path)
    rows = [
        score_rows(cohort.nodules, "a", "c", [0.9, np.nan, 0.2]),
        score_rows(cohort.nodules, "b", "c", [0.5] * 3),
    ]
    found = scores_by_unit(cohort, pd.concat(rows, ignore_index=True))
    assert np.isnan(found.scores["a"]).tolist() == [False, True, False]
    assert found.common().units["pid"].tolist() == ["P000", "P002"]
    assert found.of("b").units["pid"].tolist() == ["P000", "P001", "P002"]
    assert found.of("b").models == ["b"]


def test_nodules_as_units_leave_out_models_of_patients(tmp_path):
    cohort = cohort_of([[0, 1], [0]], tmp_path)
    patients = score_rows(cohort.nodules.drop_duplicates("pid"), "p", "c", [0.4, 0.5]).assign(nodule_id="")
    rows = pd.concat([score_rows(cohort.nodules, "n", "c", [0.1, 0.2, 0.3]), patients], ignore_index=True)
    found = scores_by_unit(cohort, rows, "nodule")
    assert found.models == ["n"]
    assert found.labels.tolist() == [0, 1, 0]
    assert found.clusters.tolist() == ["P000", "P000", "P001"]


def test_a_scored_patient_that_the_cohort_lacks_is_an_error(tmp_path):
    cohort = cohort_of([[1], [0]], tmp_path)
    other = nodule_table([[0], [0], [0]])
    with pytest.raises(InputError, match="1 patients scored by m are not in cohort c"):
        scores_by_unit(cohort, score_rows(other, "m", "c", [0.1, 0.2, 0.3]))


def test_complete_folds_without_an_ensemble_get_their_mean(tmp_path):
    cohort = cohort_of([[1, 0], [0], [0]], tmp_path)
    values = {"0": [0.2, 0.9, 0.2, 0.3], "1": [0.6, 0.1, 0.4, np.nan]}
    rows = pd.concat([score_rows(cohort.nodules, "m", "c", v, f) for f, v in values.items()], ignore_index=True)
    found = scores_by_unit(cohort, rows)
    # Nodules are averaged first, (.2 + .6)/2 = .4 and (.9 + .1)/2 = .5; the patient has the higher. The last
    # patient has no score of fold 1, so no mean of both.
    assert found.scores["m"].tolist()[:2] == pytest.approx([0.5, 0.3])
    assert np.isnan(found.scores["m"].iloc[2])
    assert found.structures["m"].kind == "complete"
    assert found.structures["m"].lost == 1


def test_a_nodules_score_is_pooled_where_the_ensemble_is_of_patients(tmp_path):
    cohort = cohort_of([[1, 0], [0]], tmp_path)
    folds = [score_rows(cohort.nodules, "m", "c", [0.1 * k, 0.2, 0.3], str(k)) for k in (1, 3)]
    whole = score_rows(cohort.nodules.drop_duplicates("pid"), "m", "c", [0.9, 0.8]).assign(nodule_id="")
    rows = pd.concat([*folds, whole], ignore_index=True)
    assert scores_by_unit(cohort, rows).scores["m"].tolist() == [0.9, 0.8]
    assert scores_by_unit(cohort, rows, "nodule").scores["m"].tolist() == pytest.approx([0.2, 0.2, 0.3])


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_row_order_never_matters(data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=2, max_size=6))
    labels = [[data.draw(st.sampled_from([0, 1, None])) for _ in range(size)] for size in sizes]
    cohort = Cohort(CohortManifest(name="c", title="C"), nodule_table(labels), None)
    scores = [data.draw(st.floats(0, 1)) for _ in range(len(cohort.nodules))]
    rows = score_rows(cohort.nodules, "m", "c", scores)
    first = scores_by_unit(cohort, rows)
    second = scores_by_unit(cohort, rows.sample(frac=1, random_state=data.draw(st.integers(0, 99))))
    pd.testing.assert_frame_equal(first.scores, second.scores)
    pd.testing.assert_frame_equal(first.units, second.units)


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.slow
def test_out_of_fold_scores_pool_to_what_they_are_without_their_folds(data):
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=4, max_size=8))
    cohort = Cohort(
        CohortManifest(name="c", title="C"), nodule_table([[k % 2] * n for k, n in enumerate(sizes)]), None
    )
    rows = score_rows(cohort.nodules, "m", "c", [data.draw(st.floats(0, 1)) for _ in range(len(cohort.nodules))])
    fold_of = {pid: str(k % 2) for k, pid in enumerate(dict.fromkeys(cohort.nodules["pid"]))}
    folded = rows.assign(fold=rows["pid"].map(fold_of)).sample(frac=1, random_state=data.draw(st.integers(0, 99)))
    for unit in ("patient", "nodule"):
        found = scores_by_unit(cohort, folded, unit)
        pd.testing.assert_frame_equal(found.scores, scores_by_unit(cohort, rows, unit).scores)
        assert found.structures["m"].cross_validated
        assert found.folds.notna().sum(axis=1).tolist() == [1] * len(found.units)
