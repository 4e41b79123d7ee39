"""Words and codes of clinical columns: the one thing that each can mean, and what is refused."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.producers.calculators import words
from benchmark.producers.calculators.formulas import NODULE_TYPES
from benchmark.producers.calculators.inputs import INPUTS

EMPHYSEMA = INPUTS["emphysema"].read


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("sex", "F", 1), ("sex", "f", 1), ("sex", "Female", 1), ("gender", "woman", 1), ("Sex", "M", 0),
        ("gender", "Male", 0), ("female", "1", 1), ("female", "0", 0), ("female", "1.0", 1), ("Female", "True", 1),
        ("is_female", "yes", 1), ("isFemale", "no", 0), ("sex_female", "1", 1), ("male", "1", 0), ("male", "0", 1),
        ("IsMale", "False", 1), ("Gender_Male", "1", 0), ("female", "Female", 1), ("female", "male", 0),
        ("male", "female", 1),
    ],
)  # fmt: skip
def test_sex_that_is_said(column: str, cell: str, value: float) -> None:
    assert words.sex(column)(cell) == (value, "", "")


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("sex", "1"), ("sex", "0"), ("Gender", "2"), ("gender", "1.0"), ("sex", "yes"), ("sex", "True"),
        ("female", "2"), ("female", "F"), ("male", "f"), ("male_female", "1"), ("sex", "other"), ("sex", "x"),
        ("sex", "not female"), ("sex", "non-male"),
    ],
)  # fmt: skip
def test_sex_that_could_be_either_is_refused(column: str, cell: str) -> None:
    said = words.sex(column)(cell)
    assert said.refused
    assert math.isnan(said.value)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1), ("0", 0), ("yes", 1), ("No", 0), ("present", 1), ("Absent", 0), ("upper lobe", 1), ("Upper", 1),
        ("non-upper lobe", 0), ("non upper", 0), ("not upper", 0), ("not upper lobe", 0), ("lower", 0),
        ("lower lobe", 0), ("middle or lower lobe", 0), ("middle/lower", 0), ("RUL", 1), ("LUL", 1), ("RML", 0),
        ("RLL", 0), ("lll", 0), ("right upper lobe", 1), ("Left Upper Lobe", 1), ("left lower lobe", 0),
        ("lung_upper_lobe_left", 1), ("lung_lower_lobe_right", 0), ("lung_middle_lobe_right", 0),
        ("upper lobe of the right lung", 1),
    ],
)  # fmt: skip
def test_lobes_that_are_said(cell: str, value: float) -> None:
    assert words.upper_lobe("upper_lobe")(cell) == (value, "", "")


@pytest.mark.parametrize(
    "cell",
    [
        "upper/middle", "upper and lower lobes", "RUL/RLL", "lingula", "left lingula", "not RUL",
        "not right upper lobe",
        "not lower", "non-lower lobe", "right", "Undefined", "apex", "2", "RUL?", "left middle lobe",
        "possibly upper",
        "upper lobe unlikely", "no lobe",
    ],
)  # fmt: skip
def test_lobes_that_could_be_several_are_refused(cell: str) -> None:
    assert words.upper_lobe("upper_lobe")(cell).refused


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("lobe", "1"),
        ("lob_loc", "0"),
        ("lobe", "yes"),
        ("lower_lobe", "1"),
        ("not_upper", "1"),
        ("no_upper", "no"),
    ],
)
def test_a_code_in_a_column_of_lobes_is_refused(column: str, cell: str) -> None:
    assert words.upper_lobe(column)(cell).refused


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1", 1), ("0", 0), ("Spiculated", 1), ("Spiculated/Serrated", 1), ("spiculation", 1),
        ("spiculation present", 1),
        ("spiculation: yes", 1), ("spiculation absent", 0), ("Spiculation: absent", 0), ("no spiculation", 0),
        ("not spiculated", 0), ("non-spiculated", 0), ("without spiculation", 0), ("smooth", 0), ("Lobulated", 0),
        ("ill-defined", 0), ("Smooth/Lobulated", 0), ("lobulated and spiculated", 1),
        ("Smooth, no spiculation", 0),
    ],
)  # fmt: skip
def test_margins_that_are_said(cell: str, value: float) -> None:
    assert words.spiculation("spiculation")(cell) == (value, "", "")


@pytest.mark.parametrize(
    "cell",
    [
        "2",
        "5",
        "possibly spiculated",
        "slight spiculation",
        "spiculated, no spiculation",
        "irregular",
        "1/0",
        "spic",
    ],
)
def test_margins_that_could_be_either_are_refused(cell: str) -> None:
    assert words.spiculation("spiculation")(cell).refused


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("emphysema", 1), ("no emphysema", 0), ("Emphysema absent", 0), ("emphysema: no", 0), ("not present", 0),
        ("absent", 0), ("present", 1), ("without emphysema", 0), ("False", 0), ("True", 1), ("1.0", 1),
    ],
)  # fmt: skip
def test_findings_that_are_said(cell: str, value: float) -> None:
    assert EMPHYSEMA("emphysema")(cell) == (value, "", "")


@pytest.mark.parametrize("cell", ["mild", "2", "?", "not absent", "no evidence", "probable", "no COPD", "-1"])
def test_findings_that_could_be_either_are_refused(cell: str) -> None:
    assert EMPHYSEMA("emphysema")(cell).refused


@pytest.mark.parametrize("column", ["no_emphysema", "EmphysemaAbsent", "without_emphysema"])
def test_a_column_whose_name_says_no_is_refused(column: str) -> None:
    assert EMPHYSEMA(column)("1").refused


NEGATIONS = st.sampled_from(["no {}", "not {}", "non-{}", "{} absent", "{}: no", "without {}", "{} not present"])


@given(
    NEGATIONS, st.sampled_from(["spiculation", "spiculated"]), st.sampled_from([str.lower, str.upper, str.title])
)
def test_a_negation_is_never_the_positive(form: str, word: str, case: object) -> None:
    assert words.spiculation("spiculation")(case(form.format(word))).value == 0  # type: ignore[operator]


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("Solid", "solid"), ("Part-solid", "part-solid"), ("PartSolid", "part-solid"),
        ("semi-solid", "part-solid"),
        ("Pure ground glass", "non-solid"), ("GGO", "non-solid"), ("non_solid", "non-solid"),
        ("Semiconsolidation", "part-solid"),
    ],
)  # fmt: skip
def test_types_that_are_said(cell: str, kind: str) -> None:
    assert words.nodule_type("nodule_consistency")(cell).value == NODULE_TYPES[kind]


@pytest.mark.parametrize("cell", ["subsolid", "sub-solid", "not solid", "0", "1", "mixed", "calcified"])
def test_types_that_could_be_several_are_refused(cell: str) -> None:
    assert words.nodule_type("nodule_type")(cell).refused


@pytest.mark.parametrize(
    ("column", "cell", "ever", "current"),
    [
        ("smoking_status", "current", 1, 1), ("smoking_status", "Former smoker", 1, 0),
        ("status", "ex-smoker", 1, 0),
        ("smoking_status", "never smoked", 0, 0), ("Smoking_Status", "Never", 0, 0),
    ],
)  # fmt: skip
def test_smoking_that_is_said(column: str, cell: str, ever: float, current: float) -> None:
    assert words.smoker("ever")(column)(cell).value == ever
    assert words.smoker("current")(column)(cell).value == current


@pytest.mark.parametrize(
    ("question", "column", "cell"),
    [
        *[(q, "smoking_status", c) for q in ("ever", "current") for c in ("0", "1", "2", "yes", "no", "9")],
        *[(q, "smoking_status", c) for q in ("ever", "current") for c in ("smoker", "non-smoker", "not current")],
        ("current", "ever_smoker", "1"), ("ever", "current_smoker", "0"), ("ever", "never_smoker", "1"),
        ("ever", "ever_smoker", "2"),
    ],
)  # fmt: skip
def test_smoking_that_could_be_several_is_refused(question: str, column: str, cell: str) -> None:
    assert words.smoker(question)(column)(cell).refused


def test_ones_own_question_is_answered_by_yes_and_no() -> None:
    assert words.smoker("ever")("ever_smoker")("1").value == 1
    assert words.smoker("current")("current_smoker")("0").value == 0


@pytest.mark.parametrize("cell", ["not hispanic", "non-white", "1", "2", "other"])
def test_races_that_are_not_said_are_refused(cell: str) -> None:
    assert words.race("race")(cell).refused
