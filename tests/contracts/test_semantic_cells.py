"""What a cell says: one reading for check, text and models; what could mean two things is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cohorts.check import check_table
from benchmark.contracts.cells import cell_text, plain_number, presence
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.feature_columns import renamed_features
from benchmark.contracts.semantic_cells import SOLID_PART, parse_features, read_features
from benchmark.contracts.vocabulary import BY_COLUMN, FEATURES, SEMANTIC_COLUMNS
from benchmark.errors import InputError

BINARY = [feature.column for feature in FEATURES if feature.kind == "binary"]
MEASURES = [column for column in SEMANTIC_COLUMNS if BY_COLUMN[column].kind == "number"]
WITHOUT_ABSENT = [c for c in SEMANTIC_COLUMNS if "Absent" not in BY_COLUMN[c].classes]


def table(**cells: object) -> pd.DataFrame:
    rows = {name: cell if isinstance(cell, list) else [cell] for name, cell in cells.items()}
    count = max(map(len, rows.values()))
    return pd.DataFrame(
        {"pid": [f"p{i}" for i in range(count)], "nodule_id": ["1"] * count, "image_path": ["x"] * count}
        | {f"coord{axis}": [-1.5] * count for axis in "XYZ"}
        | {"malignant": pd.array([i % 2 for i in range(count)], dtype="Int8")}
        | rows
    )


class TestNumbers:
    # Python's float() takes all of these but the last two; none of them is how a length is written.
    @pytest.mark.parametrize(
        "text", ["1_2", "1_000", "nan", "inf", "-Infinity", "1e3", "１２", "١٢", "12,5", "9 mm", "", "."]
    )
    def test_only_plain_decimals_are_numbers(self, text: str) -> None:
        assert plain_number(text) is None

    @given(st.decimals(min_value=-999, max_value=999, allow_nan=False, places=3))
    def test_every_plain_decimal_is_itself(self, value: object) -> None:
        assert plain_number(f"{value:f}") == float(f"{value:f}")

    @pytest.mark.parametrize("column", [c for c in MEASURES if c != SOLID_PART])
    @pytest.mark.parametrize("text", ["0", "0.0", "-0"])
    def test_no_nodule_is_0_mm_long(self, column: str, text: str) -> None:
        with pytest.raises(InputError, match="is not a length in mm"):
            read_features(table(**{column: text}))

    def test_pure_ground_glass_has_no_solid_part(self) -> None:
        # The paper's sample CSV writes 0.0 for it.
        assert read_features(table(**{SOLID_PART: "0.0"}))[SOLID_PART].tolist() == [0.0]

    @pytest.mark.parametrize("column", MEASURES)
    @pytest.mark.parametrize("text", ["1_2", "-3", "inf", "1e1", "１２", "999", "9 mm", "12,5", "?"])
    def test_what_is_no_length_is_refused(self, column: str, text: str) -> None:
        with pytest.raises(InputError, match="is not a length in mm"):
            read_features(table(**{column: text}))

    @pytest.mark.parametrize("missing", [None, np.nan, pd.NA, pd.NaT, "", " "])
    def test_missing_has_no_text(self, missing: object) -> None:
        assert cell_text(missing) == ""


class TestMissing:
    @pytest.mark.parametrize("column", SEMANTIC_COLUMNS)
    @pytest.mark.parametrize("word", ["NaN", "nan", "n/a", "NA", "N/A", "<NA>", "null", "NaT", "unknown", " "])
    def test_a_word_for_missing_is_missing(self, column: str, word: str) -> None:
        assert pd.isna(read_features(table(**{column: word}))[column].iloc[0])

    @pytest.mark.parametrize("column", [*BINARY, "pleural_retraction"])
    @pytest.mark.parametrize("word", ["None", "none", "NONE", "-", "–", "nil"])
    def test_a_word_for_missing_or_absent_is_refused_with_both(self, column: str, word: str) -> None:
        with pytest.raises(InputError, match="absent or that nobody looked — write Absent, or leave"):
            read_features(table(**{column: word}))

    @pytest.mark.parametrize("column", WITHOUT_ABSENT)
    def test_where_nothing_can_be_absent_none_is_missing(self, column: str) -> None:
        assert pd.isna(read_features(table(**{column: "None"}))[column].iloc[0])

    @pytest.mark.needs("model")
    def test_no_report_makes_a_finding_of_a_missing_value(self) -> None:
        from clip_nodule.text.report_text import report_texts

        nodules = table(necrosis=["NaN", None, "Absent"], cavitation=["Absent", "Absent", None])
        texts = report_texts(nodules)["text"]
        assert ["necrosis" in text.lower() for text in texts] == [False, False, True]


class TestNegations:
    @pytest.mark.parametrize("column", BINARY)
    def test_negations_are_absent(self, column: str) -> None:
        name = BY_COLUMN[column].name
        for text in (
            f"no {name}",
            f"No {name}.",
            f"{name} absent",
            f"{name}: no",
            f"without {name}",
            "not present",
        ):
            assert read_features(table(**{column: text}))[column].tolist() == ["Absent"], text
        for text in (name, f"{name} present", f"{name}: yes", "1"):
            assert read_features(table(**{column: text}))[column].tolist() == ["Present"], text

    @pytest.mark.parametrize(
        ("column", "text"),
        [
            ("nodule_margins", "not spiculated"),
            ("nodule_margins", "non-spiculated"),
            ("nodule_margins", "spiculation absent"),
            ("nodule_shape", "not round"),
            ("nodule_consistency", "not solid"),
            ("nodule_consistency", "subsolid"),
            ("pleural_retraction", "no mild dimpling"),
            ("necrosis", "no evidence"),
            ("necrosis", "possible"),
            ("necrosis", "not absent"),
            ("necrosis", "no cavitation"),
        ],
    )
    def test_a_negation_is_never_taken_as_the_positive(self, column: str, text: str) -> None:
        with pytest.raises(InputError, match="use one of") as caught:
            read_features(table(**{column: text}))
        assert "did you mean" not in str(caught.value)

    @given(st.text(max_size=12), st.sampled_from(["no {}", "{} absent", "non-{}", "without {}", "{}: no"]))
    def test_no_text_around_a_negation_makes_it_present(self, extra: str, form: str) -> None:
        assert presence(form.format("necrosis"), ("necrosis",)) is False
        assert presence(f"{form.format('necrosis')} {extra}".strip(), ("necrosis",)) is not True


class TestRenamedColumns:
    @pytest.mark.needs("model")
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("nodule_margin", "nodule_margins"),
            ("Nodule_Shape", "nodule_shape"),
            ("pleural attachment", "pleural_attachment"),
            ("NECROSIS", "necrosis"),
            ("cyst_like_spaces", "cyst-like_spaces"),
            ("airwayCutOff", "airway_cut-off"),
            ("longest_axial_diameter", "longest_axial_diameter_(mm)"),
            ("mean_diameter_mm", "mean_diameter"),
            ("vascular_convergance", "vascular_convergence"),
            ("paracarcinomatous_emphysema", "paracicatricial_emphysema"),
            ("nodule_necrosis", "necrosis"),
            ("presence_of_cavitation", "cavitation"),
            ("shape of nodule", "nodule_shape"),
            ("Conspicuity", "nodule_margin_conspicuity"),
            ("suspicion", "level_of_suspicion_of_lung_cancer"),
        ],
    )
    def test_a_column_under_another_name_is_an_error_in_text_and_in_check(self, name: str, expected: str) -> None:
        from clip_nodule.text.report_text import report_texts

        nodules = table(**{name: "7" if "diameter" in name else BY_COLUMN[expected].classes[0]})
        with pytest.raises(InputError) as caught:
            report_texts(nodules)
        (problem,) = caught.value.problems
        assert (problem.row, problem.column) == (1, name)
        assert f"rename it to {expected!r}" in problem.fix
        assert [f.severity for f in check_table(cohort(nodules)) if name in f.what] == ["case"]

    def test_clinical_and_foreign_columns_are_left_alone(self) -> None:
        # Columns of the tables that are read here: LUNA25's, DIAG's, LIDC's ratings, the calculators' inputs.
        luna25 = ["pid", "nodule_id", "scan_id", "study_date", "lesion", "age", "sex", "lobe", "upper_lobe"]
        diag = ["Diameter [mm]", "NoduleType", "Spiculation", "Emphysema", "NoduleCounts", "NoduleInUpperLung"]
        lidc = ["subtlety", "sphericity", "lobulation", "texture", "calcification", "internal_structure"]
        ours = ["emphysema", "nodule_count", "nodule_type", "spiculation", "diameter_mm", "cancer_history"]
        names = [*luna25, *diag, *lidc, *ours]
        assert renamed_features(names) == {}

    def test_the_opposite_class_is_never_suggested(self) -> None:
        fixes = [p.what for p in parse_features(table(nodule_margins=["well-defined", "il-defined", "smoth"]))[1]]
        assert ["did you mean" in what for what in fixes] == [False, False, True]

    def test_ratings_are_not_classes_under_another_name(self) -> None:
        assert parse_features(table(margin=["1", "5"]))[1] == []
        assert len(parse_features(table(margin=["Smooth", "5"]))[1]) == 1


def cohort(nodules: pd.DataFrame) -> Cohort:
    return Cohort(CohortManifest(name="c", title="c"), nodules, Path("somewhere"))


WRITTEN = st.one_of(
    st.sampled_from(
        [
            "Absent",
            "absent",
            "None",
            "none",
            "NaN",
            "-",
            "0",
            "1",
            "1_2",
            "2",
            "no",
            "n/a",
            "Smooth",
            "spiculate",
            "9.5",
        ]
    ),
    st.text(max_size=8),
)


@pytest.mark.needs("model")
@given(st.sampled_from(SEMANTIC_COLUMNS), WRITTEN)
@pytest.mark.slow
def test_check_and_text_give_one_answer(column: str, cell: str) -> None:
    from clip_nodule.text.report_text import report_texts

    nodules = table(**{column: cell})
    findings = [f for f in check_table(cohort(nodules)) if f.severity == "case"]
    assert not findings or [(f.pid, f.nodule_id) for f in findings] == [("p0", "1")]
    if not findings:
        assert len(report_texts(nodules)) == 1
        return
    with pytest.raises(InputError) as caught:
        report_texts(nodules)
    assert [f"{p.column} {p.value!r} {p.what}" for p in caught.value.problems] == [f.what for f in findings]


def test_centimetres_are_noticed_in_the_check() -> None:
    nodules = table(**{"longest_axial_diameter_(mm)": ["0.8", "1.2", "2.1", "1.4", "0.6"]})
    assert any("centimetres" in f.what for f in check_table(cohort(nodules)))
