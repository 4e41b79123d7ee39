"""Whole columns: units, codes that are stated, contradictions, and people for whom a model is not defined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.errors import InputError
from benchmark.producers.calculators import (
    Choices,
    codes_from_text,
    score_card,
    score_with_calculator,
    units_from_text,
    write_calculator_scores,
)
from benchmark.producers.calculators.formulas import brock, plco2012, va

BROCK = {
    "age": "62", "female": "1", "family_history": "0", "emphysema": "0", "diameter_mm": "4",
    "nodule_type": "solid", "upper_lobe": "0", "nodule_count": "4", "spiculation": "0",
}  # fmt: skip
PLCO = {
    "age": "66", "education": "2", "bmi": "24", "copd": "1", "cancer_history": "no", "family_history": "yes",
    "race": "Black", "smoking_status": "former", "cigarettes_per_day": "20", "smoking_years": "30",
    "years_quit": "5",
}  # fmt: skip
VA = {"age": "70", "smoking_status": "former", "diameter_mm": "12", "years_quit": "10"}


def cohort(*rows: dict[str, str | None], source: str | None = None) -> Cohort:
    table = pd.DataFrame(list(rows), dtype=object)
    table.insert(0, "pid", [f"p{i}" for i in range(len(table))])
    table.insert(1, "nodule_id", "1")
    table["malignant"] = pd.array([pd.NA] * len(table), dtype="Int8")
    details = {"source": source} if source else {}
    return Cohort(CohortManifest(name="c", title="c", details=details), table, Path("somewhere"))


def scores(name: str, *rows: dict[str, str | None], **choices: object) -> list[float]:
    return score_with_calculator(name, cohort(*rows), **choices)["score"].tolist()  # type: ignore[arg-type]


class TestSex:
    def test_a_column_of_women_and_one_of_men(self) -> None:
        # All centred inputs are at their centres: 1 / (1 + e^6.7892) for a man, 1 / (1 + e^(6.7892 - 0.6011)).
        rest = {k: v for k, v in BROCK.items() if k != "female"}
        woman, man = scores("brock", BROCK), scores("brock", BROCK | {"female": "0"})
        assert woman == pytest.approx([0.0020495], abs=5e-8)
        assert man == pytest.approx([0.0011246], abs=5e-8)
        for column, cell in (("sex", "F"), ("is_female", "True"), ("male", "0"), ("Gender", "woman")):
            assert scores("brock", rest | {column: cell}) == woman, column

    def test_codes_are_refused_together_until_they_are_stated(self) -> None:
        rest = {k: v for k, v in BROCK.items() if k != "female"}
        rows = [rest | {"Gender": code} for code in ("1", "2", "1.0")]
        with pytest.raises(InputError) as caught:
            scores("brock", *rows)
        assert [(p.row, p.value) for p in caught.value.problems] == [(2, "1"), (3, "2"), (4, "1.0")]
        assert "--code 'female:1=...' with one of female, male" in caught.value.problems[0].fix
        codes = codes_from_text(["female:1=male", "female:2=female"])
        assert scores("brock", *rows, codes=codes) == scores("brock", *[BROCK | {"female": f} for f in "010"])
        assert score_card("brock", cohort(*rows), codes=codes).recorded["code of female"] == "1 = male, 2 = female"

    def test_a_code_against_the_usual_meaning_leaves_no_other_number_to_guess(self) -> None:
        rows = [BROCK | {"family_history": code} for code in ("1", "0", "no")]
        with pytest.raises(InputError, match="the numbers have another meaning here") as caught:
            scores("brock", *rows, codes=codes_from_text(["family_history:1=no"]))
        assert [(p.row, p.value) for p in caught.value.problems] == [(3, "0")]
        said = codes_from_text(["family_history:1=no", "family_history:0=yes"])
        assert scores("brock", *rows, codes=said) == scores(
            "brock", *[BROCK | {"family_history": code} for code in "010"]
        )
        further = codes_from_text(["family_history:2=no"])
        assert scores("brock", BROCK | {"family_history": "1"}, codes=further) == scores(
            "brock", BROCK | {"family_history": "1"}
        )

    def test_nlst_says_what_its_codes_mean(self) -> None:
        rest = {k: v for k, v in BROCK.items() if k != "female"}
        made = cohort(rest | {"gender": "2"}, source="nlst")
        assert score_with_calculator("brock", made)["score"].tolist() == scores("brock", BROCK)

    def test_two_columns_that_contradict_each_other(self) -> None:
        with pytest.raises(InputError, match="contradicts column 'female'"):
            scores("brock", BROCK | {"sex": "M"})
        assert scores("brock", BROCK | {"sex": "M"}, columns={"female": "female"}) == scores("brock", BROCK)


class TestWords:
    @pytest.mark.parametrize(
        ("change", "same_as"),
        [
            ({"spiculation": "spiculation absent"}, {}),
            ({"upper_lobe": "non-upper lobe"}, {}),
            ({"emphysema": "no emphysema"}, {}),
            ({"spiculation": "not smooth, spiculated"}, None),
            ({"emphysema": "None"}, None),
            ({"spiculation": "-"}, None),
            ({"nodule_type": "subsolid"}, None),
            ({"nodule_count": "4.5"}, None),
            ({"age": "6_2"}, None),
            ({"age": "６２"}, None),
            ({"diameter_mm": "4e0"}, None),
            ({"diameter_mm": "inf"}, None),
        ],
    )
    def test_negations_and_numbers(self, change: dict[str, str], same_as: dict[str, str] | None) -> None:
        if same_as is None:
            with pytest.raises(InputError, match="is no "):
                scores("brock", BROCK | change)
        else:
            assert scores("brock", BROCK | change) == scores("brock", BROCK | same_as)

    @pytest.mark.parametrize("cell", ["NaN", "n/a", "NA", "unknown", None])
    def test_a_word_for_missing_fails_its_row(self, cell: str | None) -> None:
        table = score_with_calculator("brock", cohort(BROCK | {"emphysema": cell, "age": cell}))
        assert table["reason"].tolist() == ["missing: age, emphysema"]

    def test_the_second_margin_is_read_like_the_first(self) -> None:
        rest = {k: v for k, v in BROCK.items() if k != "spiculation"}
        spiculated = scores("brock", BROCK | {"spiculation": "1"})
        for first, second, value in (
            ("Smooth", "Spiculated/Serrated", spiculated),
            (None, "Spiculated/Serrated", spiculated),
            ("Smooth", "spiculation absent", scores("brock", BROCK)),
            ("Lobulated", None, scores("brock", BROCK)),
            ("Smooth", "None", scores("brock", BROCK)),
        ):
            margins = {"nodule_margins": first, "additional_nodule_margins": second}
            assert scores("brock", rest | margins) == value, (first, second)

    def test_the_phantoms_own_words_for_consistency(self) -> None:
        rows = [BROCK | {"nodule_type": t} for t in ("Semiconsolidation", "Peri-cystic", "Part-solid")]
        table = score_with_calculator("brock", cohort(*rows))
        assert table["status"].tolist() == ["scored", "failed", "scored"]
        assert table["score"].iloc[0] == table["score"].iloc[2]
        assert table["reason"].iloc[0] == "nodule_type: Semiconsolidation taken as part-solid"
        assert "--code 'nodule_type:Peri-cystic=...'" in table["reason"].iloc[1]
        codes = codes_from_text(["nodule_type:Peri-cystic=solid"])
        assert scores("brock", rows[1], codes=codes) == scores("brock", BROCK)


class TestUnits:
    @pytest.mark.parametrize("values", [["0.2", "2.5", "1.1"], ["1.5"], ["1", "2", "1", "0.5"]])
    def test_packs_are_refused_until_stated(self, values: list[str]) -> None:
        rows = [PLCO | {"cigarettes_per_day": value} for value in values]
        with pytest.raises(InputError, match=r"packs of 20.*--unit cigarettes_per_day=packs"):
            scores("plco2012", *rows)
        stated = scores("plco2012", *rows, units={"cigarettes_per_day": "packs"})
        by_hand = [PLCO | {"cigarettes_per_day": str(20 * float(value))} for value in values]
        assert stated == pytest.approx(scores("plco2012", *by_hand))

    @pytest.mark.parametrize(
        ("column", "cells", "message"),
        [
            ("age", ["24000", "25000"], "days.*--unit age=days"),
            ("age", ["792", "804"], "months.*--unit age=months"),
            ("bmi", ["70", "82", "64"], "the median is 70 kg/m²"),
            ("smoking_years", ["360", "420"], "months.*--unit smoking_years=months"),
            ("education", ["12", "16"], "outside 1 to 6"),
            ("education", ["2.5", "3"], "no whole number"),
            ("years_quit", ["1998", "2001"], "--unit years_quit=years"),
        ],
    )
    def test_columns_in_another_unit_are_refused_with_the_choice(
        self, column: str, cells: list[str], message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            scores("plco2012", *[PLCO | {column: cell} for cell in cells])

    def test_centimetres_and_volumes(self) -> None:
        for cells in (["0.8", "1.2"], ["1.9"], ["90", "120", "70"]):
            with pytest.raises(InputError, match="--unit diameter_mm=cm"):
                scores("size", *[{"diameter_mm": cell} for cell in cells])
        assert scores("size", {"diameter_mm": "1.9"}, units={"diameter_mm": "cm"}) == [19]
        assert scores("size", {"diameter_mm": "1.9"}, units={"diameter_mm": "mm"}) == [1.9]

    @pytest.mark.parametrize(
        ("item", "column", "says"),
        [
            ("cigarettes_per_day", "packs_per_day", "packs of 20"),
            ("cigarettes_per_day", "PackYears", "pack-years"),
            ("smoking_years", "pack_years", "pack-years"),
            ("smoking_years", "pkyr", "pkyr"),
            ("bmi", "weight_kg", "weight"),
            ("age", "age_days", "days"),
        ],
    )
    def test_the_columns_name_may_say_another_unit(self, item: str, column: str, says: str) -> None:
        row = {k: v for k, v in PLCO.items() if k != item} | {column: "30"}
        with pytest.raises(InputError, match=f"name says '{says}'"):
            scores("plco2012", row, columns={item: column})


class TestSmoking:
    def test_one_code_means_the_same_in_every_model_or_nothing(self) -> None:
        mayo = {
            "age": "65",
            "extrathoracic_cancer": "0",
            "diameter_mm": "15",
            "spiculation": "0",
            "upper_lobe": "0",
        }
        for name, row in (("mayo", mayo), ("va", VA), ("plco2012", PLCO)):
            for code in ("0", "1", "2"):
                with pytest.raises(InputError, match="does not say whether that is current, former or never"):
                    scores(name, row | {"smoking_status": code})
        codes = {"0": "never", "1": "former", "2": "current"}
        for name, row in (("mayo", mayo), ("va", VA | {"years_quit": None})):
            stated = [scores(name, row | {"smoking_status": c}, codes={"ever_smoker": codes})[0] for c in codes]
            said = [scores(name, row | {"smoking_status": word})[0] for word in codes.values()]
            np.testing.assert_array_equal(stated, said)

    def test_never_smokers_have_no_plco_score_even_if_filled_in(self) -> None:
        never = PLCO | {"smoking_status": "never", "years_quit": None}
        empty = {"cigarettes_per_day": None, "smoking_years": None}
        zero = {"cigarettes_per_day": "0", "smoking_years": "0"}
        rows = [never | empty, never | zero, PLCO | {"smoking_status": None} | zero]
        for source in (None, cohort(PLCO)):
            table = score_with_calculator("plco2012", cohort(*rows, PLCO), impute_from=source)
            assert table["status"].tolist() == ["failed", "failed", "failed", "scored"]
            assert all("defined for people who have smoked" in reason for reason in table["reason"].iloc[:3])

    def test_an_ever_smoker_column_is_heeded_beside_current_smoker(self) -> None:
        rest = {k: v for k, v in PLCO.items() if k != "smoking_status"}
        made = cohort(rest | {"current_smoker": "0", "ever_smoker": "1"})
        values = (66, 2, 24, 1, 0, 1, 0.3944778, 0, 20, 30, 5)
        expected = plco2012(*(np.array([float(v)]) for v in values))[0]
        assert score_with_calculator("plco2012", made)["score"].tolist() == [expected]
        with pytest.raises(InputError, match="who never smoked"):
            scores("plco2012", rest | {"current_smoker": "0", "ever_smoker": "0"})

    @pytest.mark.parametrize(
        ("columns", "status"),
        [
            ({"current_smoker": "0", "never_smoker": "1"}, "failed"),
            ({"current_smoker": "0", "former_smoker": "0"}, "failed"),
            ({"current_smoker": "0", "never_smoker": "0"}, "scored"),
            ({"current_smoker": "0", "former_smoker": "1"}, "scored"),
        ],
    )
    def test_one_column_a_status(self, columns: dict[str, str], status: str) -> None:
        row = {k: v for k, v in PLCO.items() if k != "smoking_status"} | columns
        if status == "failed":
            row |= {"cigarettes_per_day": None, "smoking_years": None, "years_quit": None}
        table = score_with_calculator("plco2012", cohort(row), impute_from=cohort(PLCO))
        assert table["status"].tolist() == [status]

    @pytest.mark.parametrize(
        "columns",
        [
            {"current_smoker": "1", "never_smoker": "1"},
            {"current_smoker": "1", "former_smoker": "1"},
            {"current_smoker": "1", "ever_smoker": "0"},
            {"current_smoker": "0", "ever_smoker": "0", "former_smoker": "1"},
            {"current_smoker": "0", "ever_smoker": "1", "never_smoker": "1"},
        ],
    )
    def test_columns_of_status_that_contradict_each_other(self, columns: dict[str, str]) -> None:
        row = {k: v for k, v in PLCO.items() if k not in ("smoking_status", "years_quit")} | {"years_quit": "0"}
        with pytest.raises(InputError, match="contradiction"):
            scores("plco2012", row | columns)

    @pytest.mark.parametrize(
        ("change", "what"),
        [
            ({"smoking_status": "current", "years_quit": "5"}, "who smokes now has quit"),
            ({"smoking_status": "never"}, "who never smoked"),
            ({"smoking_years": "50", "years_quit": "40"}, "more years smoked and since than lived"),
        ],
    )
    def test_contradictions_are_refused(self, change: dict[str, str], what: str) -> None:
        with pytest.raises(InputError, match=what) as caught:
            scores("plco2012", PLCO, PLCO | change)
        assert caught.value.problems[0].row == 3

    def test_years_quit_of_the_va_model(self) -> None:
        def by_hand(ever: float, quit_for: float) -> float:
            return float(va(*(np.array([v]) for v in (70.0, ever, 12.0, quit_for)))[0])

        for status, since, expected in (
            ("current", None, by_hand(1, 0)),
            ("current", "0", by_hand(1, 0)),
            ("never", None, by_hand(0, 0)),
            ("former", "10", by_hand(1, 10)),
        ):
            assert scores("va", VA | {"smoking_status": status, "years_quit": since}) == [expected]
        assert score_with_calculator("va", cohort(VA | {"years_quit": None}))["reason"].tolist() == [
            "missing: years_quit"
        ]
        with pytest.raises(InputError, match="who smokes now has quit"):
            scores("va", VA | {"smoking_status": "current"})


class TestOptions:
    def test_what_is_no_choice_is_named(self) -> None:
        with pytest.raises(InputError) as caught:
            scores(
                "brock",
                BROCK,
                codes={"female": {"1": "lady"}, "sexx": {"1": "male"}},
                units={"diameter_mm": "inch", "emphysema": "mm"},
            )
        assert len(caught.value.problems) == 4
        with pytest.raises(InputError, match="is no INPUT:CELL=MEANING"):
            codes_from_text(["female=male"])
        with pytest.raises(InputError, match="two meanings: 'male' and 'female'"):
            codes_from_text(["female:1=male", "female:1=female"])
        with pytest.raises(InputError, match="two units: 'mm' and 'cm'"):
            units_from_text(["diameter_mm=mm", "diameter_mm=cm"])

    def test_the_logistic_regression_does_not_ignore_them(self, tmp_path: Path) -> None:
        made = cohort(BROCK)
        with pytest.raises(InputError, match="column is missing"):
            write_calculator_scores(
                "clinical-logistic", made, tmp_path / "a.csv", Choices(columns={"age": "years"})
            )
        with pytest.raises(InputError, match="own training folds"):
            write_calculator_scores("clinical-logistic", made, tmp_path / "a.csv", impute_from=made)


def test_brock_is_the_published_equation_for_a_woman() -> None:
    values = (62.0, 1.0, 0.0, 0.0, 4.0, 0.0, 0.0, 4.0, 0.0)
    assert scores("brock", BROCK) == brock(*(np.array([v]) for v in values)).tolist()
