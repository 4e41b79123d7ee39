"""Comparing on the patients that no compared model saw, from the lists of patients in cards."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.comparison.exposures import exposures, score_cards
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.overlap import refuse_other_spellings
from benchmark.contracts.patient_list import read_patient_list
from benchmark.contracts.score_card import ScoreCard, card_path, read_score_card
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_content import printed_names_of
from benchmark.report.compare_inputs import CompareInputs, read_inputs
from benchmark.report.compare_options import CompareOptions, check_options
from benchmark.report.overlap_notes import unseen_notes
from tests.comparison.made import nodule_table, write_made

MODELS = {"good": 0.4, "poor": 3.0}


def write_card(folder: Path, model: str, cohort: str = "nlst", **changed: Any) -> None:
    """The card of ``model``, trained on NLST, as somebody edits it by hand."""
    path = folder / "scores" / cohort / f"{model}.csv"
    card = ScoreCard(model, cohort, model, "test", ("nlst",), "seen")
    card_path(path).write_text(json.dumps({**asdict(card), **changed}))


def read(folder: Path, cohort: str = "nlst", **options: Any) -> CompareInputs:
    """What a comparison on the unseen patients stands on."""
    return read_inputs(
        [cohort], Workspace(folder / "cohorts", folder), CompareOptions(unseen_patients=True, **options)
    )


def compare(folder: Path, cohort: str = "nlst", **options: Any) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Performance, pairs and the notes of the terminal of a comparison on the unseen patients."""
    asked = CompareOptions(unseen_patients=True, replicates=30, **options)
    tables = compare_cohorts([cohort], Workspace(folder / "cohorts", folder), asked, out=folder / "out")
    read = [pd.read_csv(folder / "out" / "tables" / f"{name}.csv") for name in ("performance", "pairs")]
    return read[0], read[1], " ".join(map(str, tables[0].notes))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    write_made(tmp_path, {"nlst": (60, 25)}, MODELS, folds=1)  # P000 to P024 are positive
    return tmp_path


def test_patients_that_any_compared_model_saw_are_in_no_number(made: Path) -> None:
    write_card(made, "good", patients={"nlst": [f"P{k:03d}" for k in range(10)]})
    write_card(made, "poor", patients={"nlst": [f"P{k:03d}" for k in [*range(5, 12), *range(50, 60)]]})
    performance, pairs, notes = compare(made)
    left = [f"P{k:03d}" for k in range(12, 50)]
    assert list(performance["n"]) == [38, 38]
    assert list(performance["n_positive"]) == [13, 13]
    for model, row in performance.set_index("model").iterrows():
        scores = read_score_table(made / "scores" / "nlst" / f"{model}.csv")
        best = scores[scores["fold"] == "ensemble"].groupby("pid")["score"].max()[left]
        assert row["auroc"] == pytest.approx(roc_auc_score([int(pid < "P025") for pid in left], best))
    # Both models were trained on NLST and are tested all the same, on patients new to both.
    assert set(pairs["n"]) == {38}
    assert "22 of 60 patients (12 of 25 positive)" in notes
    assert "(good 10, poor 17)" in notes
    assert "38 remain, 13 of them positive" in notes


def test_without_the_option_a_model_that_saw_some_is_in_no_test(made: Path) -> None:
    write_card(made, "good", patients={"nlst": ["P000"]})
    inputs = read_inputs(["nlst"], Workspace(made / "cohorts", made), CompareOptions())
    assert inputs.untested("nlst").keys() == {"good"}


def test_a_model_whose_card_lists_nobody_takes_nobody_away_and_is_named(made: Path) -> None:
    write_card(made, "good")
    write_card(made, "poor", patients={"nlst": ["P000", "P001"]})
    inputs = read(made)
    assert len(inputs.units[0].units) == 58
    assert inputs.unseen[0].not_known == ("good",)
    assert inputs.untested("nlst").keys() == {"good"}


def test_the_file_of_a_published_split_stands_for_its_patients(made: Path) -> None:
    ids = [f"P{k:03d}" for k in (*range(5), 40)]
    (made / "scores" / "nlst" / "train.txt").write_text("\n".join(ids) + "\n")
    write_card(made, "good", patients={"nlst": "train.txt"})
    card = read_score_card(made / "scores" / "nlst" / "good.csv")
    assert card is not None
    assert card.patients == {"nlst": tuple(ids)}
    assert len(read(made).units[0].units) == 54


def test_a_file_elsewhere_or_absent_is_refused(made: Path) -> None:
    scores = made / "scores" / "nlst" / "good.csv"
    (made / "scores" / "train.txt").write_text("P000\n")
    for named in ("../train.txt", str(made / "scores" / "train.txt"), "absent.txt"):
        write_card(made, "good", patients={"nlst": named})
        with pytest.raises(InputError, match="beside the card"):
            read_score_card(scores)


def test_next_to_nobody_left_is_an_error_with_the_counts(made: Path) -> None:
    write_card(made, "good", patients={"nlst": [f"P{k:03d}" for k in range(22)]})
    write_card(made, "poor", patients={"nlst": ["P030"]})
    with pytest.raises(InputError) as caught:
        compare(made)
    assert (
        "23 of 60 patients were seen in training (good 22, poor 1): 37 are left, 3 positive and 34 negative"
        in str(caught.value)
    )


def test_both_options_at_once_are_refused() -> None:
    with pytest.raises(InputError, match="give one of the two"):
        check_options(CompareOptions(unseen_patients=True, allow_seen=True))


def test_a_cohort_of_the_same_patients_is_held_against_the_list(tmp_path: Path) -> None:
    # LUNA25's patients are NLST's, under NLST's own ids.
    write_made(tmp_path, {"luna25": (60, 25)}, MODELS, folds=1)
    write_card(tmp_path, "good", "luna25", patients={"nlst": ["P001", "P058", "900000"]})
    inputs = read(tmp_path, "luna25")
    assert len(inputs.units[0].units) == 58
    assert inputs.untested("luna25") == {}


def test_a_list_that_meets_no_id_of_another_cohort_says_nothing(tmp_path: Path) -> None:
    # It may hold series, or ids of another spelling: the model is not taken for one that saw nobody.
    write_made(tmp_path, {"luna25": (60, 25)}, MODELS, folds=1)
    write_card(tmp_path, "good", "luna25", patients={"nlst": ["1.2.840.1", "1.2.840.2"]})
    inputs = read(tmp_path, "luna25")
    assert len(inputs.units[0].units) == 60
    assert inputs.untested("luna25").keys() == {"good"}
    (note, _) = unseen_notes(inputs.unseen, printed_names_of(inputs, CompareOptions()))
    assert "all 60 remain" in note


def test_ids_that_differ_in_zeros_or_case_are_refused(made: Path) -> None:
    write_card(made, "good", patients={"nlst": ["p000", "P1", "P002"]})
    cards = score_cards(Workspace(made / "cohorts", made), "nlst")
    with pytest.raises(InputError, match="lists 2 training patients of nlst whose ids differ") as caught:
        refuse_other_spellings(Workspace(made / "cohorts", made).cohort("nlst"), cards)
    assert "p000 (P000 in nlst)" in str(caught.value)
    # A cohort of other people may have ids that look alike.
    other = Cohort(CohortManifest(name="lungx", title="x"), nodule_table([[1], [0]]), made)
    refuse_other_spellings(other, {"good": replace(cards["good"], cohort="lungx")})


def test_the_state_follows_the_list_where_the_ids_meet() -> None:
    card = ScoreCard("m", "luna25", "m", "t", ("nlst",), "unknown", patients={"nlst": ("P000",)})
    cohort = Cohort(CohortManifest(name="luna25", title="x"), nodule_table([[1], [0], [0]]), Path())

    def state(scored: set[str]) -> str:
        return str(exposures({"m": card}, cohort, ["m"], scored={"m": frozenset(scored)})["exposure"].item())

    assert state({"P000", "P001"}) == "seen"
    assert state({"P001"}) == "unseen"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.csv", "pid,age\n007,60\n8,70\n007,61\n", ("007", "8")),
        ("a.csv", "PatientID;sex\n1;M\n2;F\n", ("1", "2")),
        ("a.csv", "patient_id,split\n1,train\n2,train\n", ("1", "2")),
        ("a.txt", "\n 1 \n2\n1\n", ("1", "2")),
    ],
)
def test_lists_of_patients(tmp_path: Path, name: str, text: str, expected: tuple[str, ...]) -> None:
    (tmp_path / name).write_text(text)
    assert read_patient_list(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "pid,split\n1,train\n2,test\n", "several parts of a split: test, train"),
        ("a.csv", "age\n1\n", "no column of patients is recognised: age"),
        ("a.csv", "pid,subject\n1,2\n", "several columns could be the patients"),
        ("a.csv", "pid\n\n", "no rows"),
        ("a.csv", "pid,x\n,1\n", "empty"),
        ("a.txt", "\n\n", "lists no patient"),
        ("a.txt", "pid\n1\n", "is the name of a column"),
        ("a.txt", "1,2\n3,4\n", "more than an id a line"),
    ],
)
def test_lists_that_are_not_clear_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=message):
        read_patient_list(tmp_path / name)
