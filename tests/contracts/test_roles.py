"""Which column is what: names that are recognised, and what is suggested where none is."""

from __future__ import annotations

import pandas as pd
import pytest

from benchmark.contracts.column_guesses import centre_guess, guesses, number_columns
from benchmark.contracts.roles import NAMES, by_role, column_of, recognised_columns
from benchmark.contracts.text import TEXT
from benchmark.errors import InputError

TABLE = pd.DataFrame(
    {
        "Fall-Nr": ["Ä1", "Ö2", "0003", "4"],
        "Datei": ["a/1.nii.gz", "a/2.nii.gz", "b/1.nii.gz", "b/2.nii.gz"],
        "sex": ["m", "f", "f", "m"],
        "Befund": ["benign", "malignant", "", "Benign"],
        "center_x": ["1.5", "2", "", "4"],
        "center_y": ["1,5", "2", "", "4"],
        "center_z": ["1", "2", "", "-4"],
        "uid": ["1.2.3", "1.2.4", "1.2.5", "1.2.5"],
    },
    dtype=TEXT,
)


@pytest.mark.parametrize(
    ("spelling", "role"),
    [
        ("PatientID", "pid"), ("patient-id", "pid"), ("Patient ID", "pid"), ("SUBJECT", "pid"),
        ("NoduleID", "nodule_id"), ("noduleID", "nodule_id"), ("AnnotationID", "nodule_id"),
        ("SeriesInstanceUID", "scan_id"), ("StudyDate", "date"), ("Malignant_lbl", "label"), ("Label", "label"),
        ("CoordX", "coordX"), ("coord_z", "coordZ"), ("filename", "path"), ("Fold", "fold"),
    ],
)  # fmt: skip
def test_spellings_are_recognised(spelling: str, role: str) -> None:
    assert [name for name in NAMES if recognised_columns(["x", spelling], name)] == [role]


def test_our_own_name_wins_and_two_others_must_agree() -> None:
    frame = pd.DataFrame(
        {"label": ["1", "2"], "malignant": ["0", "1"], "subject": ["a", "b"], "patient": ["a", "b"]}
    )
    assert column_of(list(frame), "label", frame.__getitem__) == "malignant"
    assert column_of(list(frame), "pid", frame.__getitem__) == "subject"
    frame["subject"] = ["a", "c"]
    with pytest.raises(
        InputError, match="several columns could be the pid: subject, patient — say which with --column"
    ):
        column_of(list(frame), "pid", frame.__getitem__)


def test_labels_that_contradict_our_own_are_asked_about() -> None:
    frame = pd.DataFrame(
        {"malignant": ["0", "1", ""], "label": ["1", "0", "1"], "Label": ["0", "1", "1"]}, dtype=TEXT
    )
    assert column_of(["malignant", "Label"], "label", frame.__getitem__) == "malignant"
    with pytest.raises(InputError, match="several columns could be the label: malignant, label"):
        column_of(["malignant", "label"], "label", frame.__getitem__)


def test_our_own_name_does_not_win_over_another_spelling_of_it() -> None:
    frame = pd.DataFrame({"coordX": ["1", "2"], "coordx": ["1", "2"], "Coord X": ["1", "2"]})
    assert column_of(list(frame), "coordX", frame.__getitem__) == "coordX"
    frame["coordx"] = ["1", "3"]
    said = "several columns could be the coordX: coordX, coordx, Coord X — say which with --column coordX=NAME"
    with pytest.raises(InputError, match=said):
        column_of(list(frame), "coordX", frame.__getitem__)


def test_a_role_may_be_named_by_our_column() -> None:
    assert by_role({"malignant": "y", "study_date": "", "age": "Age"}) == {"label": "y", "date": "", "age": "Age"}
    with pytest.raises(InputError, match="given twice, as malignant and as label"):
        by_role({"malignant": "y", "label": "z"})


def test_contents_say_what_a_column_could_be() -> None:
    assert guesses(TABLE, "pid")[0] == "Fall-Nr"
    assert guesses(TABLE, "path") == ["Datei"]
    assert guesses(TABLE, "label") == ["Befund"]
    assert centre_guess(TABLE) == ("center_x", "center_y", "center_z")
    assert number_columns(TABLE) == ["center_x", "center_y", "center_z"]
    assert centre_guess(TABLE.drop(columns="center_y")) is None


def test_near_names_are_suggested() -> None:
    frame = pd.DataFrame({"patnt_id": ["1.5", "2.5"], "labels": ["a", "b"]}, dtype=TEXT)
    assert guesses(frame, "pid")[0] == "patnt_id"
    assert guesses(frame, "label") == ["labels"]
