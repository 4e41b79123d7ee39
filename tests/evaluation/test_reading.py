"""Tables as people write them: what is taken for what, what is said of it, and what is refused with a choice."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmark.contracts.any_table import TableForm
from benchmark.errors import InputError
from benchmark.evaluation.evaluate_files import evaluate_files
from benchmark.evaluation.options import ReadingOptions
from benchmark.evaluation.predictions import CohortPredictions, inputs_of
from benchmark.evaluation.reading import predictions_of_files
from benchmark.evaluation.roles import fold_names
from benchmark.report.compare_options import CompareOptions
from tests.evaluation.tables import PATIENTS, POSITIVES, predictions, saved

BASE = predictions()
MALIGNANT = BASE["label"] == 1


def read(frame: pd.DataFrame, folder: Path, name: str = "t.csv", **said: Any) -> CohortPredictions:
    (found,) = predictions_of_files([saved(frame, folder / name, **said.pop("form", {}))], ReadingOptions(**said))
    return found


def refusal(frame: pd.DataFrame, folder: Path, name: str = "t.csv", **said: Any) -> str:
    with pytest.raises(InputError) as error:
        read(frame, folder, name, **said)
    return str(error.value)


def assert_is_base(found: CohortPredictions, models: tuple[str, ...] = ("a", "b")) -> None:
    """The table was read as what ``BASE`` holds: ids, labels and scores to the last bit."""
    assert list(found.ids) == list(BASE["pid"])
    assert found.labels.tolist() == BASE["label"].tolist()
    assert list(found.scores) == list(models)
    np.testing.assert_array_equal(found.scores.to_numpy(), BASE[["a", "b"]].to_numpy())


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("t.csv", {}),
        ("t.txt", {"sep": "|"}),
        ("t.tsv", {}),
        ("t.xlsx", {}),
        ("t.parquet", {}),
        ("t.csv", {"sep": ";", "decimal": ","}),
        ("t.csv", {"decimal": ","}),
        ("t.csv", {"sep": "\t", "encoding": "utf-8-sig"}),
        ("t.csv", {"index": True}),
        ("t.csv", {"quoting": 1, "lineterminator": "\r\n"}),
    ],
)
def test_the_form_of_a_file_is_found(tmp_path: Path, name: str, form: dict[str, object]) -> None:
    assert_is_base(read(BASE, tmp_path, name, form=form))


def test_codec_and_forms_can_be_named(tmp_path: Path) -> None:
    table = BASE.rename(columns={"a": "Größe"})
    form = {"sep": ";", "encoding": "utf-16"}
    named = TableForm(sep="semicolon", encoding="utf-16", decimal="point")
    path = saved(table, tmp_path / "t.csv", **form)
    (found,) = predictions_of_files([path], ReadingOptions(form=named))
    assert_is_base(found, ("Größe", "b"))
    assert "--encoding latin-1" in refusal(table, tmp_path, form={"encoding": "latin-1"})


@pytest.mark.parametrize(
    "pid", ["pid", "Patient ID", "patient_id", "PatientID", "subject", "case_id", "ID", "MRN"]
)
@pytest.mark.parametrize("label", ["label", "Malignant?", "y", "y_true", "cancer", "Ground Truth", "outcome"])
def test_ids_and_labels_are_found_by_their_names(tmp_path: Path, pid: str, label: str) -> None:
    found = read(BASE.rename(columns={"pid": pid, "label": label}), tmp_path)
    assert_is_base(found)
    assert (
        f"patient {pid!r}, label {label!r} ({POSITIVES} malignant, {PATIENTS - POSITIVES} benign)"
        in found.notes[0]
    )
    assert "models 'a', 'b'" in found.notes[0]


@pytest.mark.parametrize(
    ("benign", "malignant"),
    [("0", "1"), ("0.0", "1.0"), ("no", "Yes"), ("benign", "malignant"), ("FALSE", "TRUE"),
     ("negative", "positive"), ("no cancer", "cancer"), ("non-malignant", "Malignant"), ("control", "case"),
     ("N", "Y")],
)  # fmt: skip
def test_words_that_can_only_mean_one_label_are_read(tmp_path: Path, benign: str, malignant: str) -> None:
    found = read(BASE.assign(label=np.where(MALIGNANT, malignant, benign)), tmp_path)
    assert_is_base(found)
    if benign not in ("0", "0.0"):
        assert f"{benign!r} = 0, {malignant!r} = 1" in found.notes[0]


@pytest.mark.parametrize("name", ["t.csv", "t.xlsx", "t.parquet"])
def test_labels_that_are_missing_are_counted(tmp_path: Path, name: str) -> None:
    found = read(BASE.assign(label=BASE["label"].where(BASE.index > 1).astype("Float64")), tmp_path, name)
    assert found.labels.isna().sum() == 2
    assert f"{POSITIVES - 2} malignant, {PATIENTS - POSITIVES} benign, 2 without" in found.notes[0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            BASE["label"] + 1,
            "1 (25 rows), 2 (15 rows) — say what each means, such as --label-map 1=0 --label-map 2=1",
        ),
        (BASE["label"] * 2 - 1, "--label-map -1=0 --label-map 1=1"),
        (BASE["label"].where(BASE.index > 0, 9), "0 (25 rows), 1 (14 rows), 9 (1 rows)"),
        (MALIGNANT.map({True: "m", False: "b"}), '--label-map "m=0" or --label-map "m=1"'),
        (MALIGNANT.map({True: "none", False: "0"}), "'none' — is no label (15 rows)"),
    ],
)
def test_labels_that_could_mean_anything_are_refused(tmp_path: Path, labels: pd.Series, message: str) -> None:
    assert message in refusal(BASE.assign(label=labels), tmp_path)


def test_a_map_of_labels_settles_them_all(tmp_path: Path) -> None:
    assert_is_base(read(BASE.assign(label=BASE["label"] + 1), tmp_path, label_map={"1": 0, "2": 1}))
    # 1 to 5 are ratings: one that is left out is no label, and 1 is not malignant.
    rated = BASE.assign(label=np.where(MALIGNANT, 5, 1)).assign(label=lambda t: t["label"].where(t.index > 0, 3))
    assert "3 (1 rows)" in refusal(rated, tmp_path, label_map={"1": 0, "5": 1})
    found = read(rated, tmp_path, label_map={"1": 0, "5": 1, "3": None})
    assert found.labels.isna().tolist() == [True, *[False] * (PATIENTS - 1)]


def test_two_labels_that_differ_are_refused_and_a_copy_is_not(tmp_path: Path) -> None:
    other = BASE.assign(cancer=np.roll(BASE["label"], 1))
    text = refusal(other, tmp_path)
    assert "'label' (0: 25, 1: 15); 'cancer' (0: 25, 1: 15)" in text
    assert "--label label" in text
    assert_is_base(read(other, tmp_path, label="label"))
    assert_is_base(read(BASE.assign(malignant=np.where(MALIGNANT, "yes", "no")), tmp_path))


def test_a_column_of_two_values_is_named_where_none_is_called_a_label(tmp_path: Path) -> None:
    text = refusal(BASE.rename(columns={"label": "lc_1y"}), tmp_path)
    assert "'lc_1y' (0: 25, 1: 15)" in text
    assert "--label lc_1y" in text


def test_two_words_that_nobody_knows_are_named_as_a_label_too(tmp_path: Path) -> None:
    table = BASE.rename(columns={"label": "Diagnose"})
    text = refusal(table.assign(Diagnose=np.where(MALIGNANT, "bösartig", "gutartig")), tmp_path)
    assert "'Diagnose' (gutartig: 25, bösartig: 15) — name it: --label Diagnose" in text


def test_all_that_is_not_clear_of_a_table_is_said_at_once(tmp_path: Path) -> None:
    words = np.where(MALIGNANT, "bösartig", "gutartig")
    table = BASE.assign(label=words, b=10 * BASE["b"]).rename(columns={"pid": "Fallnummer", "label": "Diagnose"})
    table["Fallnummer"] = "F" + table["Fallnummer"]
    text = refusal(table, tmp_path)
    assert "--label Diagnose" in text
    assert "--id Fallnummer" in text
    text = refusal(table, tmp_path, label="Diagnose", patient="Fallnummer")
    assert '--label-map "bösartig=0" or --label-map "bösartig=1"' in text
    assert "say which are models: --model a --model b" in text


def test_a_score_that_is_called_like_a_label_is_a_model(tmp_path: Path) -> None:
    assert_is_base(read(BASE.rename(columns={"a": "malignancy"}), tmp_path), ("malignancy", "b"))


@pytest.mark.parametrize(
    ("column", "values", "reason"),
    [
        ("age", np.arange(PATIENTS) + 40, "a covariate by its name"),
        ("sex", ["F", "M"] * (PATIENTS // 2), "a covariate by its name"),
        ("nodule size (mm)", np.linspace(4, 30, PATIENTS), "a covariate by its name"),
        ("hospital", ["A", "B"] * (PATIENTS // 2), "text"),
        ("smokes", [0, 1] * (PATIENTS // 2), "nothing but 0 and 1"),
        ("version", [3] * PATIENTS, "3 in every row"),
        ("a_lower", BASE["a"] * 0.9, "no score by its name"),
        ("case_id", np.arange(PATIENTS), "called as an id of patients"),
        ("fold", [2] * PATIENTS, "a single fold"),
        ("dataset", ["NLST"] * PATIENTS, "'NLST' in every row"),
        ("note", [""] * PATIENTS, "empty"),
    ],
)
def test_what_is_no_model_is_left_out_and_said(tmp_path: Path, column: str, values: Any, reason: str) -> None:
    found = read(BASE.assign(**{column: values}), tmp_path)
    assert_is_base(found)
    assert f"t.csv, no model: {column!r} ({reason})." in found.notes


def test_numbers_that_could_be_anything_are_refused_with_the_options_to_paste(tmp_path: Path) -> None:
    table = BASE.assign(**{"x q": np.linspace(17, 40, PATIENTS)})
    text = refusal(table, tmp_path)
    assert "'x q' (17 to 40)" in text
    assert '--model a --model b --model "x q"' in text
    assert_is_base(read(table, tmp_path, models=["a", "b"]))
    found = read(table, tmp_path, models=["x q"])
    assert list(found.scores) == ["x q"]
    assert "t.csv: Not in 0 to 1, so scores and no probabilities (no calibration): 'x q'." in found.notes
    assert list(read(table.rename(columns={"x q": "a_logit"}), tmp_path).scores) == ["a", "b", "a_logit"]


def test_two_classes_of_one_model_are_refused(tmp_path: Path) -> None:
    table = BASE[["pid", "label"]].assign(prob_0=1 - BASE["a"], prob_1=BASE["a"])
    assert "'prob_0' and 'prob_1' add up to 1 in every row" in refusal(table, tmp_path)
    assert list(read(table, tmp_path, models=["prob_1"]).scores) == ["prob_1"]


def test_percentages_are_hundredths_or_none_is(tmp_path: Path) -> None:
    percent = BASE.assign(a=[f"{value * 100:.2f} %" for value in BASE["a"]])
    found = read(percent, tmp_path)
    np.testing.assert_allclose(found.scores["a"], BASE["a"], rtol=0, atol=1e-12)
    assert "t.csv: Percentages are read as hundredths: 'a'." in found.notes
    mixed = percent.assign(a=[*percent["a"][:-1], "0.5"])
    assert "write all cells with % or none" in refusal(mixed, tmp_path)


def test_a_cell_that_is_no_number_does_not_drop_the_model(tmp_path: Path) -> None:
    text = refusal(BASE.assign(a=["<0.01", *BASE["a"][1:]]), tmp_path)
    assert "t.csv:2:a '<0.01' — is not a finite number" in text


@pytest.mark.parametrize("infinity", ["inf", "-Infinity", "1e999", "\N{INFINITY}"])
@pytest.mark.parametrize(
    ("share", "others"),
    [(1, BASE["a"]), (PATIENTS // 2 + 1, BASE["label"]), (20, pd.Series([1] * PATIENTS)), (PATIENTS, BASE["a"])],
    ids=["one", "most, else 0 or 1", "half, else 1", "all"],
)
def test_a_column_with_infinite_scores_is_never_taken_for_text(
    infinity: str, share: int, others: pd.Series, tmp_path: Path
) -> None:
    """Such a model was left out as "text" where more than half of its scores were infinite."""
    text = refusal(BASE.assign(a=[*[infinity] * share, *others[share:]]), tmp_path)
    rows = "2" if share == 1 else f"rows 2-{share + 1}"
    assert f"t.csv:{rows}:a '{infinity}' — is infinite — correct it" in text
    long = BASE.assign(a=[*[infinity] * share, *others[share:]]).melt(
        ["pid", "label"], ["a", "b"], "model", "score"
    )
    assert f":a '{infinity}' — is infinite" in refusal(long, tmp_path)


def test_infinite_scores_do_not_hide_a_decimal_comma(tmp_path: Path) -> None:
    commas = [str(value).replace(".", ",") for value in BASE["a"]]
    text = refusal(BASE.assign(a=["inf", *commas[1:]]), tmp_path)
    assert "t.csv:2:a 'inf' — is infinite" in text
    assert "t.csv:2:b '0.1875' — has a decimal point, other columns do not" in text


def test_missing_scores_are_failures(tmp_path: Path) -> None:
    found = read(BASE.assign(a=["", "NA", "nan", *BASE["a"][3:]]), tmp_path)
    assert found.scores["a"].isna().tolist() == [True] * 3 + [False] * (PATIENTS - 3)


def test_equal_scores_are_said(tmp_path: Path) -> None:
    found = read(BASE.assign(c=0.5), tmp_path)
    assert "t.csv: 'c': all 40 scores are 0.5, so its AUROC is 0.5." in found.notes


def test_rows_of_training_and_test_are_not_taken_together(tmp_path: Path) -> None:
    table = BASE.assign(split=np.where(BASE.index % 2, "test", "train"))
    assert "(train: 20, test: 20)" in refusal(table, tmp_path)
    found = read(table, tmp_path, only={"split": "test"})
    assert list(found.ids) == list(BASE["pid"][1::2])
    assert "values there: 'train', 'test'" in refusal(table, tmp_path, only={"split": "val"})


def test_a_row_that_stands_twice_is_refused(tmp_path: Path) -> None:
    assert "t.csv:42:pid '003' — the whole row stands in the file twice" in refusal(
        pd.concat([BASE, BASE.iloc[[2]]]), tmp_path
    )
    named = pd.concat([BASE, BASE.iloc[[2]].assign(a=0.1)]).assign(nodule_id="1")
    assert "stands twice for one patient" in refusal(named, tmp_path)


def test_several_rows_a_patient_are_nodules_and_that_is_said(tmp_path: Path) -> None:
    found = read(pd.concat([BASE, BASE.iloc[:3].assign(a=0.01, b=0.02)]), tmp_path)
    assert "t.csv: 3 patients have several rows, which count as their nodules" in found.notes[1]


@pytest.mark.parametrize("named", [None, "none"])
def test_rows_without_an_id_are_patients_and_that_is_said(tmp_path: Path, named: str | None) -> None:
    found = read(BASE.drop(columns="pid"), tmp_path, patient=named)
    assert list(found.ids[:2]) == ["t.csv row 2", "t.csv row 3"]
    assert any("each counts as a patient of its own" in note for note in found.notes) == (named is None)


def test_a_column_that_could_be_the_id_is_asked_for(tmp_path: Path) -> None:
    table = BASE.assign(pid="x" + BASE["pid"]).rename(columns={"pid": "who"})
    assert "say --id who, or --id none" in refusal(table, tmp_path)
    assert list(read(table, tmp_path, patient="who").ids[:1]) == ["x001"]


def test_an_index_of_ids_without_a_name_is_the_id(tmp_path: Path) -> None:
    table = BASE.assign(pid="x" + BASE["pid"]).set_index("pid").rename_axis(None)
    found = read(table, tmp_path, form={"index": True})
    assert list(found.ids[:1]) == ["x001"]
    assert "t.csv: The column without a name is taken for the patient's id." in found.notes


def test_a_column_of_cohorts_parts_a_file(tmp_path: Path) -> None:
    table = BASE.assign(cohort=np.where(BASE.index % 2, "NLST (CT)", "Köln"))
    first, second = predictions_of_files([saved(table, tmp_path / "t.csv")])
    assert [(one.cohort, one.title) for one in (first, second)] == [("Köln", "Köln"), ("NLST-CT", "NLST (CT)")]
    assert list(second.ids) == list(BASE["pid"][1::2])
    assert_is_base(read(table, tmp_path, cohort="none"))


def test_files_are_cohorts_with_titles_by_name_or_file(tmp_path: Path) -> None:
    files = [saved(BASE, tmp_path / name) for name in ("first one.csv", "second.tsv", "second.csv")]
    titles = {"first one": "First", str(files[1]): "Second"}
    found = predictions_of_files(files, ReadingOptions(cohort_titles=titles))
    assert [one.cohort for one in found] == ["first-one", "second", "second-2"]
    assert [one.title for one in found] == ["First", "Second", "second"]
    with pytest.raises(InputError, match="did you mean 'second'"):
        predictions_of_files(files, ReadingOptions(cohort_titles={"secnd": "x"}))


def test_all_that_is_wrong_with_all_files_is_said_at_once(tmp_path: Path) -> None:
    files = [saved(BASE.assign(label=5), tmp_path / "one.csv"), tmp_path / "two.csv", tmp_path / "three.xls"]
    saved(BASE.drop(columns="label"), files[1])
    with pytest.raises(InputError) as error:
        predictions_of_files(files[:2])
    assert {Path(str(problem.file)).name for problem in error.value.problems} == {"one.csv", "two.csv"}
    with pytest.raises(InputError, match=r"save it as \.xlsx or CSV"):
        predictions_of_files(files[2:])


def test_sheets_are_named_where_a_workbook_has_several(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    with pd.ExcelWriter(path) as book:
        BASE.to_excel(book, sheet_name="preds", index=False)
        BASE.describe().to_excel(book, sheet_name="summary")
    with pytest.raises(InputError, match="2 sheets: 'preds', 'summary'"):
        predictions_of_files([path])
    with pytest.raises(InputError, match="did you mean 'preds'"):
        predictions_of_files([path], ReadingOptions(form=TableForm(sheet="pred")))
    (found,) = predictions_of_files([path], ReadingOptions(form=TableForm(sheet="preds")))
    assert_is_base(found)


@pytest.mark.parametrize("order", [["a", "b"], ["b", "a"]])
def test_a_long_table_is_the_wide_one(tmp_path: Path, order: list[str]) -> None:
    long = BASE.melt(["pid", "label"], order, var_name="model", value_name="score")
    found = read(
        long.sample(frac=1, random_state=1).sort_values("pid", kind="stable"), tmp_path, models=["a", "b"]
    )
    assert_is_base(found)
    assert "models 'a', 'b' (from 'model' and 'score')" in found.notes[0]


def test_a_row_that_a_long_table_lacks_is_missing_and_no_failure(tmp_path: Path) -> None:
    long = BASE.melt(["pid", "label"], var_name="model", value_name="score")
    long.loc[1, "score"] = np.nan
    found = read(long.drop(index=[0]), tmp_path)
    absent = found.absent
    assert absent is not None
    at = {pid: row for row, pid in enumerate(found.ids)}
    assert absent.loc[at["001"], "a"]
    assert not absent.loc[at["002"], "a"]
    assert np.isnan(found.scores.loc[[at["001"], at["002"]], "a"]).all()


def test_a_long_table_is_refused_where_rows_contradict(tmp_path: Path) -> None:
    long = BASE.melt(["pid", "label"], var_name="model", value_name="score")
    assert "another label than in the case's first row" in refusal(
        long.assign(label=long["label"].where(long.index != PATIENTS, 0)), tmp_path
    )
    twice = pd.concat([long, long.iloc[[0]].assign(score=0.1)])
    assert "is scored twice by this model" in refusal(twice, tmp_path)
    assert "no column says which rows are of one patient" in refusal(long.drop(columns="pid"), tmp_path)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"label": "lable"}, "--label 'lable' — is no column; did you mean 'label'?"),
        ({"patient": "pidd"}, "--id 'pidd' — is no column; did you mean 'pid'?"),
        ({"models": ["aa"]}, "--model 'aa' — is no column of scores; did you mean 'a'?"),
        ({"models": ["a=A", "a=B"]}, "is given twice"),
        ({"label": "a", "patient": "a"}, "is named for 2 roles: --label, --id"),
        ({"by": "sex"}, "--by 'sex' — is no column"),
        ({"only": {"sex": "F"}}, "--only 'sex' — is no column"),
    ],
)
def test_columns_that_are_named_wrongly_are_refused(tmp_path: Path, said: dict[str, Any], message: str) -> None:
    assert message in refusal(BASE, tmp_path, **said)


def test_a_name_with_an_equals_sign_is_a_name_where_it_is_a_column(tmp_path: Path) -> None:
    table = BASE.rename(columns={"a": "r=4"})
    found = read(table, tmp_path, models=["r=4=Rank 4", "b=r=4"])
    assert dict(found.titles) == {"r=4": "Rank 4", "b": "r=4"}
    assert list(found.scores) == ["r=4", "b"]


def test_hundreds_of_features_are_no_models(tmp_path: Path) -> None:
    features = pd.DataFrame({f"f{k}": np.roll(BASE["a"], k) for k in range(40)})
    assert "42 columns could be models: 'a', 'b', 'f0', ..." in refusal(BASE.join(features), tmp_path)
    assert_is_base(read(BASE.join(features), tmp_path, models=["a", "b"]))


def test_patients_of_two_cohorts_are_the_same_where_their_ids_are(tmp_path: Path) -> None:
    other = BASE.assign(pid=[f"9{pid}" if k > 1 else pid for k, pid in enumerate(BASE["pid"])])
    files = [saved(BASE, tmp_path / "one.csv"), saved(other, tmp_path / "two.csv")]
    first, second = predictions_of_files(files)
    assert (first.shares, second.shares) == (["two"], ["one"])
    assert "2 ids stand in both one and two: taken for the same patients" in first.notes[-1]
    alone = [saved(BASE.drop(columns="pid"), path) for path in files]
    assert [one.shares for one in predictions_of_files(alone)] == [[], []]


def test_two_decimal_marks_in_one_table_are_refused(tmp_path: Path) -> None:
    table = BASE.assign(a=[str(value).replace(".", ",") for value in BASE["a"]])
    assert "b '0.1875' — has a decimal point, other columns do not" in refusal(table, tmp_path)
    thousands = [
        f"1,{k:03d}" for k in range(PATIENTS)
    ]  # a thousand and more, or just over 1: not a model either way
    assert_is_base(read(BASE.assign(hu=thousands), tmp_path))


def test_names_with_marks_that_nobody_sees_are_refused(tmp_path: Path) -> None:
    assert "the character U+200B, which cannot be seen" in refusal(BASE.rename(columns={"a": "a\u200b"}), tmp_path)
    assert "U+001B" in refusal(BASE.rename(columns={"a": "\x1b[31ma"}), tmp_path)


def test_an_empty_column_of_nodules_is_none(tmp_path: Path) -> None:
    found = read(BASE.assign(nodule_id=""), tmp_path)
    assert found.nodules is None


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    files = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        files.append(saved(BASE.assign(pid=name + BASE["pid"]), tmp_path / name / "t.csv"))
    found = predictions_of_files(files)
    assert [list(one.hashes) for one in found] == [["one/t.csv"], ["two/t.csv"]]
    assert [one.cohort for one in found] == ["t", "t-2"]


def test_one_id_with_a_comma_is_no_decimal_mark_of_the_table(tmp_path: Path) -> None:
    """Found by the fuzzer's own seed: the id "0,9" made every score with a point foreign."""
    frame = predictions()
    frame.loc[3, "pid"] = "0,9"
    found = read(frame, tmp_path)
    assert list(found.scores["a"]) == frame["a"].tolist()


def test_columns_of_parquet_that_differ_in_blanks_are_refused(tmp_path: Path) -> None:
    frame = BASE.assign(**{"a ": 0.5})
    assert "2 columns are called 'a'" in refusal(frame, tmp_path, "t.parquet")


def test_whole_numbers_of_parquet_keep_their_digits_beside_missing_ones(tmp_path: Path) -> None:
    """As floats 2⁵³ + 1 would be 2⁵³, and 1e300 has no whole number of 64 bits."""
    scans = [2**53 + 1 + n for n in range(len(BASE) - 1)]
    columns = {
        "scan": pa.array([*scans, None], pa.uint64()),
        "year": pa.array([2001.0] * (len(BASE) - 1) + [None], pa.float64()),
        "dose": pa.array([1e300] * (len(BASE) - 1) + [None], pa.float64()),
    }
    table = pa.Table.from_pandas(BASE, preserve_index=False)
    for name, column in columns.items():
        table = table.append_column(name, column)
    pq.write_table(table, tmp_path / "t.parquet")
    (found,) = predictions_of_files([tmp_path / "t.parquet"], ReadingOptions(models=["a", "b"]))
    assert_is_base(found)
    assert found.groups is not None
    assert list(found.groups["scan"].dropna()) == list(map(str, scans))
    assert set(found.groups["year"].dropna()) == {"2001"}
    assert set(found.groups["dose"].dropna()) == {"1e+300"}


def test_a_table_of_thousands_of_columns_ends_at_once(tmp_path: Path) -> None:
    wide = pd.concat([BASE, pd.DataFrame(0.5, BASE.index, [f"m{n}" for n in range(2001)])], axis=1)
    assert "columns, more than 2,000 — keep the ids, the label and the scores" in refusal(wide, tmp_path)
    long = refusal(BASE.rename(columns={"a": "a" * 100_000}), tmp_path)
    assert ("has 100,000 characters, more than 500" in long, len(long) < 1000) == (True, True)


def test_a_file_is_given_once_by_whatever_path(tmp_path: Path) -> None:
    """Its patients would count twice, as those of two cohorts."""
    path = saved(BASE, tmp_path / "t.csv")
    (tmp_path / "link.csv").symlink_to(path)
    for other in (path.parent / "x" / ".." / "t.csv", tmp_path / "link.csv"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="is given twice"):
            evaluate_files([path, other], results=tmp_path, out=tmp_path / "out")


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are bytes")
def test_a_name_that_turns_text_round_or_is_no_utf8_is_printed_without(tmp_path: Path) -> None:
    for name in ("a\u202eb.csv", os.fsdecode(b"a\xffb.csv")):
        out = tmp_path / "out"
        evaluate_files(
            [saved(BASE, tmp_path / name)], None, CompareOptions(replicates=100), results=tmp_path, out=out
        )
        page = (out / "report" / "index.html").read_text(encoding="utf-8")
        assert ("a\ufffdb" in page, "\u202e" in page) == (True, False)


class TestReaders:
    """Ratings of readers are ranks, and a row a reading is no table of models."""

    def test_a_row_a_reading_is_refused(self, tmp_path: Path) -> None:
        rows = [(reader, f"p{k}", k / 10, k % 2) for reader in ("a", "b") for k in range(10)]
        frame = pd.DataFrame(rows, columns=["reader", "case", "rating", "label"])
        assert "bench readers judges readers" in refusal(frame, tmp_path)
        assert "'rating': ratings by its name" in " ".join(read(frame, tmp_path, only={"reader": "a"}).notes)

    def test_ratings_and_calls_are_ranks(self, tmp_path: Path) -> None:
        rows = {"pid": [f"p{k}" for k in range(40)], "label": [k % 2 for k in range(40)]}
        rows |= {"clip": [(k * 7 % 40) / 40 for k in range(40)], "reader1": [(k % 5) / 4 for k in range(40)]}
        frame = pd.DataFrame(rows | {"call": [k % 3 % 2 for k in range(40)]})
        found = inputs_of([read(frame, tmp_path, models=["clip", "reader1", "call"])])
        assert found.units[0].kinds == {"clip": "probability", "reader1": "rank", "call": "rank"}


def test_rows_of_empty_cells_are_none(tmp_path: Path) -> None:
    path = saved(BASE, tmp_path / "t.csv")
    lines = path.read_text(encoding="utf-8").splitlines()
    blank = "," * lines[0].count(",")
    path.write_text("\n".join([lines[0], blank, *lines[1:], blank, f" {blank}"]) + "\n", encoding="utf-8")
    (found,) = predictions_of_files([path], ReadingOptions())
    assert_is_base(found)
    # Lines of the file are still those that an editor shows.
    path.write_text("\n".join([lines[0], blank, *lines[1:]]).replace(lines[1], lines[1] + "x"), encoding="utf-8")
    with pytest.raises(InputError, match=r"t\.csv:3:"):
        predictions_of_files([path], ReadingOptions())


def test_ids_that_differ_in_zeros_or_case_are_asked_about_without_naming_them(tmp_path: Path) -> None:
    frame = BASE.assign(pid=BASE["pid"].astype(str))
    frame.loc[0, "pid"], frame.loc[3, "pid"] = "Ab07", "aB7"
    (said,) = [note for note in read(frame, tmp_path).notes if "differ only in" in note]
    assert "(1 times, such as those of lines 2 and 5)" in said
    assert "Ab07" not in said
    assert not [note for note in read(BASE, tmp_path).notes if "differ only in" in note]


@pytest.mark.parametrize("above", ["Results of study X,,,", "# made by a script"])
def test_a_title_above_the_names_is_to_be_deleted(above: str, tmp_path: Path) -> None:
    path = saved(BASE, tmp_path / "t.csv")
    path.write_text(f"{above}\n{path.read_text(encoding='utf-8')}", encoding="utf-8")
    with pytest.raises(InputError, match="begin with the names of the columns: delete what stands above them"):
        predictions_of_files([path], ReadingOptions(form=TableForm(sep=",")))


def test_an_example_of_labels_takes_0_and_1_for_themselves(tmp_path: Path) -> None:
    text = refusal(BASE.assign(label=BASE["label"].astype(float).where(BASE.index > 0, 0.5)), tmp_path)
    assert "--label-map 0.0=0 --label-map 0.5= --label-map 1.0=1" in text


def test_points_that_may_part_thousands_are_asked_about(tmp_path: Path) -> None:
    volume = [f"{1 + k}.{(37 * k) % 1000:03d}" if k % 2 else str(900 + k) for k in range(PATIENTS)]
    table = BASE.assign(volume=volume)
    assert "may part thousands by points: '2.037' is 2037 or 2.037?" in refusal(table, tmp_path, models=["volume"])
    (found,) = predictions_of_files(
        [saved(table, tmp_path / "said.csv")], ReadingOptions(models=["volume"], form=TableForm(decimal="point"))
    )
    assert found.scores["volume"].iloc[1] == 2.037


def test_codes_among_probabilities_are_told(tmp_path: Path) -> None:
    found = read(BASE.assign(a=BASE["a"].where(BASE.index > 1, -999)), tmp_path, models=["a", "b"])
    assert any("'a' has 2 whole numbers (-999) beside others" in note for note in found.notes)
    assert not any("whole numbers" in note for note in read(BASE, tmp_path).notes)


def test_ids_of_two_files_that_differ_in_zeros_are_the_same_patients(tmp_path: Path) -> None:
    other = BASE.assign(pid=BASE["pid"].str.lstrip("0"))
    paths = [saved(BASE, tmp_path / "first.csv"), saved(other, tmp_path / "second.csv")]
    found = predictions_of_files(paths, ReadingOptions())
    assert [list(one.shares) for one in found] == [["second"], ["first"]]
    assert f"{PATIENTS} ids that differ only in zeros, blanks or case stand in both" in found[0].notes[-1]


def test_unseen_patients_are_not_marked(tmp_path: Path) -> None:
    path = saved(BASE, tmp_path / "t.csv")
    for unseen, mark in ((False, True), (True, False)):
        out = tmp_path / f"out{unseen}"
        reading = ReadingOptions(unseen=unseen)
        evaluate_files([path], reading, CompareOptions(replicates=50), results=tmp_path, out=out)
        assert ("§" in (out / "tables" / "performance.md").read_text(encoding="utf-8")) == mark


@pytest.mark.parametrize("name", ["t.json", "t.jsonl", "t.ndjson"])
def test_json_is_no_table_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"pid": "a", "label": 1, "clip": 0.9}\n' * 3, encoding="utf-8")
    with pytest.raises(InputError, match="is no table that is read here — save it as a table"):
        predictions_of_files([tmp_path / name], ReadingOptions())


def test_rows_whose_value_is_spelled_otherwise_are_not_left_out_in_silence(tmp_path: Path) -> None:
    table = BASE.assign(split=["test", "Test", "train", "test "] * 10)
    said = refusal(table, tmp_path, only={"split": "test"})
    assert "20 rows have it, and 10 'Test', which differ only in case or blanks" in said


def test_cohorts_of_two_spellings_are_refused(tmp_path: Path) -> None:
    said = refusal(BASE.assign(dataset=["A", "a"] * 20), tmp_path)
    assert "cohorts 'A' and 'a' differ only in case or blanks" in said


@pytest.mark.parametrize("cell", ["391,000", "#DIV/0!", "1.234.567"])
@pytest.mark.parametrize("rows", [3, 30])
def test_cells_that_were_numbers_are_no_text(tmp_path: Path, cell: str, rows: int) -> None:
    # Of three such cells the table was refused; of 30, the model was left out as a text.
    column = [cell] * rows + BASE["a"].astype(str).tolist()[rows:]
    said = refusal(BASE.assign(a=column), tmp_path)
    assert "is not a finite number" in said
    assert ("thousands?" in said) == (cell != "#DIV/0!")


def test_a_column_of_nothing_but_errors_is_no_text(tmp_path: Path) -> None:
    notes = " ".join(read(BASE.assign(a="#DIV/0!"), tmp_path).notes)
    assert "'a' (errors of a spreadsheet, or numbers of parted thousands)" in notes


def test_truth_values_and_words_are_text_still(tmp_path: Path) -> None:
    found = read(BASE.assign(smoker=[True, False] * 20, site=["north", "1,000"] * 20), tmp_path)
    assert list(found.scores) == ["a", "b"]


def test_a_fold_has_one_name_however_it_is_written() -> None:
    assert fold_names(pd.Series(["0", "1", "01", "1.0", "00", "10", "a1"])).tolist() == [
        "0", "1", "1", "1", "0", "10", "a1",
    ]  # fmt: skip
