"""A patient's label is decided in one place, and every part of the project says the same of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.card import Predictions
from adapters.labels import check_labels
from benchmark.cohorts.check import check_table
from benchmark.cohorts.prepared import counts
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.patients import lps_centres, patient_labels
from benchmark.errors import InputError
from benchmark.ledger import ledger

LABELS = st.lists(st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=4), min_size=1, max_size=12)


def cohort_of(patients: list[list[int | None]], frame: str = "LPS", **columns: object) -> Cohort:
    rows = [
        (f"p{pid}", str(number), "x.nii.gz", 1.0, 2.0, 3.0, label)
        for pid, labels in enumerate(patients)
        for number, label in enumerate(labels)
    ]
    names = ["pid", "nodule_id", "image_path", "coordX", "coordY", "coordZ", "malignant"]
    table = pd.DataFrame(rows, columns=names).astype({"malignant": "Int8"})
    return Cohort(CohortManifest(name="c", title="C", frame=frame), table.assign(**columns), Path())


def spelled_out(labels: list[int | None]) -> int | None:
    """The rule in words: positive if any nodule is, negative if all are known and benign, else unknown."""
    return 1 if 1 in labels else None if None in labels else 0


def test_each_kind_of_patient() -> None:
    found = cohort_of([[1, 0], [1, None], [0, 0], [0, None], [None]]).patient_labels
    assert found.dtype == "Int8"
    assert list(found.index) == ["p0", "p1", "p2", "p3", "p4"]
    assert list(found) == [1, 1, 0, pd.NA, pd.NA]


@given(LABELS, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
@pytest.mark.slow
def test_every_part_counts_the_same_patients(patients: list[list[int | None]], random) -> None:
    cohort = cohort_of(patients)
    order = list(range(len(cohort.nodules)))
    random.shuffle(order)
    expected = {f"p{pid}": spelled_out(labels) for pid, labels in enumerate(patients)}
    shuffled = patient_labels(cohort.nodules.iloc[order])
    assert {pid: None if pd.isna(label) else int(label) for pid, label in shuffled.items()} == expected
    assert list(shuffled.index) == list(dict.fromkeys(cohort.nodules["pid"].iloc[order]))

    known = [label for label in expected.values() if label is not None]
    scores = pd.DataFrame({"pid": list(expected), "nodule_id": ""}).assign(
        model="m", cohort="c", fold="ensemble", score=0.5, score_kind="probability", status="scored", reason=""
    )
    units = scores_by_unit(cohort, scores)
    line = ledger(cohort, scores).iloc[0]
    prepared = counts(cohort.nodules)
    assert units.labels.tolist() == known
    assert [len(units.units), units.unlabelled] == [len(known), len(expected) - len(known)]
    assert [prepared["patients_labelled"], prepared["patients_positive"]] == [len(known), sum(known)]
    assert [line["expected"] - line["unlabelled"], line["expected_positive"]] == [len(known), sum(known)]


@pytest.mark.parametrize("by", ["patient", "scan", "date"])
def test_a_file_that_calls_a_patient_malignant_contradicts_no_unlabelled_nodule(by: str) -> None:
    columns = {"scan": {"scan_id": "s"}, "date": {"study_date": "20200101"}}.get(by, {})
    frame = pd.DataFrame({"pid": ["p0"], "label": ["1"]})
    frame = frame.assign(**{"scan": {"scan_id": "s"}, "date": {"date": "20200101"}}.get(by, {}))
    said = Predictions("m", frame, "patient", "probability", lambda row: (Path("scores.csv"), row + 2))
    check_labels(frame, cohort_of([[0, None]], **columns), said, None)
    with pytest.raises(InputError, match="the cohort says 0"):
        check_labels(frame, cohort_of([[0, 0]], **columns), said, None)


def test_the_check_of_a_cohort_says_which_patients_lose_their_label() -> None:
    found = [finding.what for finding in check_table(cohort_of([[1, None], [0, None], [0], [1]]))]
    said = "2 of 6 nodules have no label: they are left out of every metric"
    assert f"{said}, and so are 1 patients who have one beside benign nodules only" in found


def test_centres_are_given_in_lps() -> None:
    assert cohort_of([[0]]).lps_centres.tolist() == [[1.0, 2.0, 3.0]]
    assert cohort_of([[0]], "RAS").lps_centres.tolist() == [[-1.0, -2.0, 3.0]]
    empty = cohort_of([[0]]).nodules.assign(coordY=np.nan)
    assert np.isnan(lps_centres(empty, "RAS")).tolist() == [[False, True, False]]
