"""Reading a table of readings: what is taken for what, what is refused, and which calls were meant."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmark.comparison.reader_studies import calls_by_reader, read_reader_study
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.errors import InputError

ROWS = {
    "reader": ["a", "a", "a", "b", "b", "b"],
    "case": ["p1", "p2", "p3", "p1", "p2", "p3"],
    "rating": ["5", "2", "1", "4", "", "2"],
    "label": ["1", "0", "0", "1", "0", "0"],
}


def written(folder: Path, **changes: object) -> Path:
    rows = {name: value for name, value in {**ROWS, **changes}.items() if value is not None}
    pd.DataFrame(rows).to_csv(folder / "readings.csv", index=False)
    return folder / "readings.csv"


def cohort(folder: Path) -> Cohort:
    rows = {"pid": ["p1", "p1", "p2", "p3"], "nodule_id": ["1", "2", "1", "1"], "malignant": [1, 0, 0, pd.NA]}
    rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
    return write_cohort(folder / "cohorts" / "mine", CohortManifest(name="mine", title="Mine"), pd.DataFrame(rows))


def test_ratings_by_reader(tmp_path: Path) -> None:
    study = read_reader_study(written(tmp_path))
    wide, label = study.of_modality("readers")
    assert (study.readers, study.unit, study.crossed) == (["a", "b"], "patient", False)
    assert wide["a"].tolist() == [5, 2, 1]
    assert wide["b"].isna().tolist() == [False, True, False]
    assert label.tolist() == [1, 0, 0]
    assert study.notes == ("1 readings have no rating.",)


def test_labels_of_the_cohort(tmp_path: Path) -> None:
    found = read_reader_study(written(tmp_path, label=None), cohort(tmp_path))
    assert found.of_modality("readers")[1].tolist() == [1, 0]
    assert "1 cases without a label are left out." in found.notes
    nodules = read_reader_study(
        written(tmp_path, label=None, case=["p1", "p1", "p2"] * 2, nodule_id=["1", "2", "1"] * 2), cohort(tmp_path)
    )
    assert nodules.unit == "nodule"
    assert nodules.of_modality("readers")[1].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"case": ["p1", "p1", "p3", "p1", "p2", "p3"]}, "is read twice by one reader"),
        ({"rating": ["5", "high", "1", "4", "3", "2"]}, "is not a finite number"),
        ({"label": ["1", "0", "0", "0", "0", "0"]}, "differs between readings of one case"),
        ({"label": ["1", "maybe", "0", "1", "0", "0"]}, "is neither 0 nor 1"),
        ({"label": ["0"] * 6}, "are of one class"),
        ({"label": None}, "holds no label, and no cohort was named"),
        ({"reader": None}, "has no column for the reader"),
        ({"score": ["1"] * 6}, "several columns could be the rating: rating, score"),
        ({"reader": ["a", "a", "a", "b", "b", ""]}, "is empty"),
    ],
)
def test_bad_tables_are_refused(changes: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        read_reader_study(written(tmp_path, **changes))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"label": ["0", "0", "0"] * 2}, "contradicts the label of cohort mine"),
        ({"case": ["p1", "p2", "P3"] * 2}, "is not in cohort mine"),
    ],
)
def test_what_contradicts_the_cohort_is_refused(changes: dict[str, object], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        read_reader_study(written(tmp_path, **changes), cohort(tmp_path))


def test_columns_are_named_by_role(tmp_path: Path) -> None:
    path = written(tmp_path, rating=None, grade=ROWS["rating"], score=["0.1"] * 6)
    assert "Columns: rating from 'grade'." in read_reader_study(path, columns={"rating": "grade"}).notes
    with pytest.raises(InputError, match="is no role; did you mean 'rating'"):
        read_reader_study(path, columns={"ratings": "grade"})


def test_calls(tmp_path: Path) -> None:
    study = read_reader_study(written(tmp_path))
    assert calls_by_reader(study, []) == {}
    assert calls_by_reader(study, ["4"]) == {"a": 4, "b": 4}
    assert calls_by_reader(study, ["b=2", "4"]) == {"a": 4, "b": 2}
    binary = read_reader_study(written(tmp_path, rating=["1", "0", "0", "1", "1", "0"]))
    assert calls_by_reader(binary, []) == {"a": 1, "b": 1}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["four"], "is no rating"),
        (["4", "3"], "is given twice"),
        (["a=4"], "says nothing of b"),
        (["c=4", "3"], "is of no reader"),
        (["9"], "lies outside the ratings, 1 to 5"),
        (["nan"], "is no rating"),
    ],
)
def test_calls_that_could_be_anything_are_refused(given: list[str], says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says):
        calls_by_reader(read_reader_study(written(tmp_path)), given)


def test_readers_of_one_name_in_two_ways_and_scales_turned_round_are_told(tmp_path: Path) -> None:
    names = ["Anna", "Anna", "anna", "b", "b", "b"]
    notes = read_reader_study(written(tmp_path, reader=names, rating=["5", "2", "1", "1", "4", "5"])).notes
    assert "readers 'Anna' and 'anna' differ only in zeros, blanks or case, and are taken for several" in " ".join(
        notes
    )
    assert [note for note in notes if "inverted" in note] == [
        "Warning: b: AUROC is 0.000, below 0.5: are the ratings inverted? They are left as they are."
    ]
