"""Calculators as producers of the score table: columns, units, missing inputs, imputation, cards."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest

from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.score_card import read_score_card
from benchmark.contracts.scores import read_score_table
from benchmark.errors import InputError
from benchmark.producers.calculators import CALCULATORS, score_card, score_with_calculator, write_calculator_scores
from benchmark.producers.calculators.formulas import brock, mayo
from benchmark.producers.calculators.inputs import INPUTS

FULL = {
    "age": "70",
    "sex": "Female",
    "family_history": "1",
    "emphysema": "0",
    "longest_axial_diameter_(mm)": "20",
    "nodule_consistency": "Part-solid",
    "lobe": "lung_upper_lobe_left",
    "nodule_count": "1",
    "nodule_margins": "Smooth",
    "additional_nodule_margins": "Spiculated/Serrated",
}


def cohort(*rows: dict[str, object], name: str = "c") -> Cohort:
    table = pd.DataFrame(list(rows)).astype(object)
    table = table.where(table.notna(), None)
    if "pid" not in table:
        table.insert(0, "pid", [f"p{i}" for i in range(len(table))])
    table.insert(1, "nodule_id", [str(i) for i in range(len(table))])
    table["malignant"] = pd.array([pd.NA] * len(table), dtype="Int8")
    return Cohort(CohortManifest(name=name, title=name), table, Path("somewhere"))


def test_columns_of_the_vocabulary_and_of_other_tables_are_found() -> None:
    values = {
        "age": 70.0,
        "female": 1.0,
        "family_history": 1.0,
        "emphysema": 0.0,
        "diameter_mm": 20.0,
        "nodule_type": 0.3770,
        "upper_lobe": 1.0,
        "nodule_count": 1.0,
        "spiculation": 1.0,
    }
    expected = brock(**{name: np.array([value]) for name, value in values.items()})[0]
    other = {
        "Age": "70",
        "Gender": "2",
        "FamilyHistoryLungCa": "1",
        "Emphysema": "0",
        "Diameter [mm]": "20",
        "NoduleType": "PartSolid",
        "NoduleInUpperLung": "1",
        "NoduleCounts": "1",
        "Spiculation": "1",
    }
    stated = {"female": {"1": "male", "2": "female"}}
    for row, codes in ((FULL, {}), (other, stated)):
        assert score_with_calculator("brock", cohort(row), codes=codes)["score"].tolist() == [expected]


def test_inputs_without_a_column_are_listed_with_their_units() -> None:
    row = {k: v for k, v in FULL.items() if k not in ("emphysema", "age")}
    with pytest.raises(InputError, match=r"age \(years\); emphysema \(0 or 1\)"):
        score_with_calculator("brock", cohort(row))


def test_a_row_with_a_missing_input_fails_and_names_it() -> None:
    table = score_with_calculator("brock", cohort(FULL, {**FULL, "emphysema": None, "lobe": None}))
    assert table["status"].tolist() == ["scored", "failed"]
    assert table["reason"].tolist() == ["", "missing: emphysema, upper_lobe"]
    assert np.isnan(table["score"].iloc[1])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"longest_axial_diameter_(mm)": "0.9"}, "outside 1 to 150 mm"),
        ({"age": "7"}, "outside 18 to 110 years"),
        ({"sex": "0"}, "is no female"),
        ({"nodule_consistency": "Subsolid"}, "is no nodule_type"),
        ({"emphysema": "2"}, "is no emphysema"),
    ],
)
def test_units_and_codes_are_checked(change: dict[str, str], what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        score_with_calculator("brock", cohort(FULL, {**FULL, **change}))
    assert caught.value.problems[0].row == 3


def test_centimetres_are_noticed() -> None:
    rows = [{**FULL, "longest_axial_diameter_(mm)": str(1 + i / 10)} for i in range(6)]
    with pytest.raises(InputError, match="centimetres"):
        score_with_calculator("size", cohort(*rows))


class TestImputation:
    def test_nothing_is_filled_in_unless_asked(self) -> None:
        assert (score_with_calculator("brock", cohort({**FULL, "age": None}))["status"] == "failed").all()

    def test_the_training_cohort_fills_in_and_is_named(self) -> None:
        training = cohort(
            *[{**FULL, "age": age, "emphysema": e} for age, e in (("60", "1"), ("64", "1"), ("80", "0"))],
            name="train",
        )
        table = score_with_calculator(
            "brock", cohort({**FULL, "age": None, "emphysema": None}), impute_from=training
        )
        expected = score_with_calculator("brock", cohort({**FULL, "age": "64", "emphysema": "1"}))["score"].iloc[0]
        assert table["score"].iloc[0] == expected
        assert table["reason"].iloc[0] == "filled in from train: age, emphysema"

    def test_a_column_that_is_wholly_absent_can_be_filled_in(self) -> None:
        row = {k: v for k, v in FULL.items() if k != "emphysema"}
        training = cohort(FULL, name="train")
        table = score_with_calculator("brock", cohort(row), impute_from=training)
        assert table["status"].tolist() == ["scored"]

    def test_values_of_the_scored_cohort_play_no_part(self) -> None:
        training = cohort({**FULL, "age": "60"}, name="train")
        young = cohort({**FULL, "age": None}, *[{**FULL, "age": "90"}] * 5)
        filled = score_with_calculator("brock", young, impute_from=training)["score"].iloc[0]
        assert filled == score_with_calculator("brock", cohort({**FULL, "age": "60"}))["score"].iloc[0]

    def test_a_training_cohort_without_the_column_is_refused(self) -> None:
        training = cohort({k: v for k, v in FULL.items() if k != "emphysema"}, name="train")
        with pytest.raises(InputError, match="emphysema"):
            score_with_calculator("brock", cohort(FULL), impute_from=training)


class TestPatients:
    ROW: ClassVar = {
        "age": "66",
        "education": "2",
        "bmi": "24",
        "copd": "1",
        "cancer_history": "no",
        "family_history": "yes",
        "race": "Black",
        "smoking_status": "current",
        "cigarettes_per_day": "20",
        "smoking_years": "45",
        "years_quit": None,
    }

    def test_a_patient_has_one_score_and_smokers_have_not_quit(self) -> None:
        made = cohort({"pid": "a", **self.ROW}, {"pid": "a", **self.ROW})
        table = score_with_calculator("plco2012", made)
        assert table[["pid", "nodule_id", "status"]].to_numpy().tolist() == [["a", "", "scored"]]

    def test_the_latest_row_counts_and_contradictions_without_dates_do_not(self) -> None:
        rows = [
            {"pid": "a", **self.ROW, "age": "68", "study_date": "20010102"},
            {"pid": "a", **self.ROW, "age": "66", "study_date": "19990102"},
        ]
        latest = score_with_calculator("plco2012", cohort(*rows))["score"].iloc[0]
        assert latest == score_with_calculator("plco2012", cohort(rows[0]))["score"].iloc[0]
        undated = [{k: v for k, v in row.items() if k != "study_date"} for row in rows]
        with pytest.raises(InputError, match="several values"):
            score_with_calculator("plco2012", cohort(*undated))

    def test_the_calendar_says_which_row_is_the_latest(self) -> None:
        new, old = {"pid": "a", **self.ROW, "age": "68"}, {"pid": "a", **self.ROW, "age": "66"}
        expected = score_with_calculator("plco2012", cohort(new))["score"].iloc[0]
        for later, earlier in (("2001-03-15", "20001120"), ("20010315", "2000-11-20"), ("2001", "20001120")):
            made = cohort({**new, "study_date": later}, {**old, "study_date": earlier})
            assert score_with_calculator("plco2012", made)["score"].tolist() == [expected]
        for same in ("2001-03-15", "2001"):
            made = cohort({**new, "study_date": "20010315"}, {**old, "study_date": same})
            with pytest.raises(InputError, match="latest study_date contradict"):
                score_with_calculator("plco2012", made)

    def test_people_who_never_smoked_have_no_plco_score(self) -> None:
        table = score_with_calculator("plco2012", cohort({**self.ROW, "cigarettes_per_day": "0"}))
        assert table["status"].tolist() == ["failed"]
        assert "cigarettes_per_day" in table["reason"].iloc[0]


def test_size_ranks_by_the_diameter() -> None:
    table = score_with_calculator("size", cohort({"diameter_mm": "7.5"}, {"diameter_mm": "22"}))
    assert table["score"].tolist() == [7.5, 22]
    assert set(table["score_kind"]) == {"rank"}


def test_columns_can_be_named_and_wrong_names_are_caught() -> None:
    made = cohort({"mm": "9"})
    assert score_with_calculator("size", made, columns={"diameter_mm": "mm"})["score"].tolist() == [9]
    with pytest.raises(InputError, match="did you mean 'diameter_mm'"):
        score_with_calculator("size", made, columns={"diameter": "mm"})
    with pytest.raises(InputError, match="did you mean 'brock'"):
        score_with_calculator("brok", made)


def test_the_table_on_disk_has_a_card(tmp_path: Path) -> None:
    row = {"age": "65", "ever_smoker": "1", "extrathoracic_cancer": "0", "diameter_mm": "15", "spiculation": "0"}
    made = cohort({**row, "upper_lobe": "0"})
    out = tmp_path / "mayo.csv"
    write_calculator_scores("mayo", made, out)
    expected = mayo(*(np.array([v]) for v in (65.0, 1.0, 0.0, 15.0, 0.0, 0.0)))[0]
    assert read_score_table(out)["score"].tolist() == [expected]
    card = read_score_card(out)
    assert card is not None
    assert card.producer == "calculator mayo"
    with pytest.raises(InputError, match="--overwrite"):
        write_calculator_scores("mayo", made, out)


@pytest.mark.parametrize("name", CALCULATORS)
def test_every_input_is_known_and_the_card_names_the_paper(name: str) -> None:
    assert set(CALCULATORS[name].inputs) <= set(INPUTS)
    assert score_card(name, cohort({"a": "1"})).title == CALCULATORS[name].title
