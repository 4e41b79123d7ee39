import pandas as pd
import pytest

from benchmark.comparison.score_files import read_scores
from benchmark.contracts.scores import write_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from tests.comparison.made import nodule_table, score_rows

NODULES = nodule_table([[1], [0]])


def put(results, cohort, stem, model=None, suffix=".csv"):
    table = score_rows(NODULES, model or stem, cohort, [0.9, 0.1])
    write_score_table(table, results / "scores" / cohort / f"{stem}{suffix}")


def test_a_model_without_scores_on_one_cohort_is_left_out_there(tmp_path):
    put(tmp_path, "a", "x")
    put(tmp_path, "a", "y")
    put(tmp_path, "b", "x", suffix=".parquet")
    found = read_scores(Workspace(results=tmp_path), ["a", "b"], ["y", "x"])
    assert list(dict.fromkeys(found["a"]["model"])) == ["y", "x"]
    assert set(found["b"]["model"]) == {"x"}


def test_a_model_without_scores_anywhere_is_an_error_that_names_the_nearest(tmp_path):
    put(tmp_path, "a", "sybil")
    with pytest.raises(InputError, match=r"no scores of model 'sibyl'.*did you mean 'sybil'"):
        read_scores(Workspace(results=tmp_path), ["a"], ["sibyl"])


def test_a_cohort_without_scores_is_an_error(tmp_path):
    put(tmp_path, "a", "x")
    with pytest.raises(InputError, match="holds no score tables"):
        read_scores(Workspace(results=tmp_path), ["a", "empty"])
    put(tmp_path, "empty", "y")
    with pytest.raises(InputError, match="no scores of the models asked for"):
        read_scores(Workspace(results=tmp_path), ["a", "empty"], ["x"])


def test_a_model_is_found_by_the_name_inside_its_table(tmp_path):
    put(tmp_path, "a", "file-1", "Model <b>one</b>")
    assert set(read_scores(Workspace(results=tmp_path), ["a"], ["Model <b>one</b>"])["a"]["model"]) == {
        "Model <b>one</b>"
    }


def test_two_tables_of_the_same_model_are_an_error(tmp_path):
    put(tmp_path, "a", "one", "m")
    put(tmp_path, "a", "two", "m")
    with pytest.raises(InputError, match="two tables hold the same cases of model 'm'"):
        read_scores(Workspace(results=tmp_path), ["a"])


def test_scores_of_another_cohort_in_the_folder_are_an_error(tmp_path):
    table = score_rows(NODULES, "m", "other", [0.9, 0.1])
    write_score_table(table, tmp_path / "scores" / "a" / "m.csv")
    with pytest.raises(InputError, match="holds scores of cohort other only"):
        read_scores(Workspace(results=tmp_path), ["a"])


def test_one_table_of_another_cohort_is_not_passed_over(tmp_path):
    put(tmp_path, "a", "x")
    table = score_rows(NODULES, "m", "other", [0.9, 0.1])
    write_score_table(table, tmp_path / "scores" / "a" / "m.csv")
    with pytest.raises(InputError, match=r"m\.csv.*holds scores of cohort other only"):
        read_scores(Workspace(results=tmp_path), ["a"])
    assert set(read_scores(Workspace(results=tmp_path), ["a"], ["x"])["a"]["model"]) == {"x"}


def test_several_models_in_one_table(tmp_path):
    both = pd.concat([score_rows(NODULES, name, "a", [0.9, 0.1]) for name in ("x", "y")], ignore_index=True)
    write_score_table(both, tmp_path / "scores" / "a" / "merged.csv")
    assert list(dict.fromkeys(read_scores(Workspace(results=tmp_path), ["a"])["a"]["model"])) == ["x", "y"]


def test_rows_of_the_cohort_in_another_spelling_are_refused(tmp_path):
    # They counted as missing scores of the model.
    table = score_rows(NODULES, "m", "a", [0.9, 0.1]).assign(cohort=["a", "A"])
    write_score_table(table, tmp_path / "scores" / "a" / "m.csv")
    with pytest.raises(InputError, match=r"m\.csv.*1 rows are of cohort 'A', which is 'a' but for case or blanks"):
        read_scores(Workspace(results=tmp_path), ["a"])
