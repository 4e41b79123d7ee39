"""``bench evaluate`` as a user types it."""

from __future__ import annotations

import html
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score
from typer.testing import CliRunner

from benchmark.cli.main import app
from tests.evaluation.tables import predictions, saved

RUNNER = CliRunner()
BASE = predictions()


def call(folder: Path, *arguments: str, status: int = 0) -> str:
    more = ["--results", str(folder / "results"), "--replicates", "200"]
    done = RUNNER.invoke(app, ["evaluate", *arguments, *more])
    assert done.exit_code == status, done.output
    return done.output


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder of results, and what was printed."""
    folder = tmp_path_factory.mktemp("evaluate")
    table = BASE.assign(age=np.arange(len(BASE)) + 40, sex=["F", "M"] * (len(BASE) // 2))
    said = call(
        folder,
        str(saved(table, folder / "preds.csv")),
        *("--model", "b=Model", "--model", "a=model", "--by", "sex"),
        *("--cohort-title", "preds.csv=Our <i>cohort</i>"),
    )
    return folder / "results" / "evaluate", said


def test_areas_are_those_of_scikit_learn(done: tuple[Path, str]) -> None:
    found = pd.read_csv(done[0] / "tables" / "performance.csv").set_index("model")
    for model in ("a", "b"):
        assert found.loc[model, "auroc"] == pytest.approx(roc_auc_score(BASE["label"], BASE[model]), abs=1e-12)
        assert found.loc[model, "auprc"] == pytest.approx(
            average_precision_score(BASE["label"], BASE[model]), abs=1e-12
        )


def test_models_are_printed_in_the_order_and_by_the_titles_given(done: tuple[Path, str]) -> None:
    lines = [line.strip() for line in done[1].splitlines()]
    first = next(at for at, line in enumerate(lines) if line.startswith("Model (b)"))
    assert lines[first + 1].startswith("model (a)")  # titles that look alike are told apart by the names
    assert list(pd.read_csv(done[0] / "tables" / "performance.csv")["model"]) == ["b", "a"]
    assert any(line.startswith("Our <i>cohort</i>, n = 40 (15 positive)") for line in lines)


def test_what_was_taken_is_said_first_and_on_the_page(done: tuple[Path, str]) -> None:
    lines = done[1].splitlines()
    assert (
        lines[0] == "preds.csv, 40 rows: patient 'pid', label 'label' (15 malignant, 25 benign), models 'b', 'a'."
    )
    assert lines[1] == "preds.csv, no model: 'age' (not named)."
    page = (done[0] / "report" / "index.html").read_text(encoding="utf-8")
    assert all(line in html.unescape(page) for line in lines[:2])
    assert "<i>cohort</i>" not in page
    assert "Whether the model saw these patients in training is not known." in page


def test_a_table_of_patients_says_nothing_of_nodules(done: tuple[Path, str]) -> None:
    table = (done[0] / "tables" / "cohorts_wide.csv").read_text(encoding="utf-8")
    assert "Nodules" not in table
    assert "nodules" not in table
    assert "Patients in the cohort,40" in table
    assert "Age in years" in table
    page = (done[0] / "report" / "index.html").read_text(encoding="utf-8")
    assert "nodule 1 of 1" not in page


def test_files_of_a_comparison_are_all_there(done: tuple[Path, str]) -> None:
    record = json.loads((done[0] / "record.json").read_text(encoding="utf-8"))
    assert set(record["files"]["tables"]) == {path.name for path in (done[0] / "tables").iterdir()}
    assert list(record["inputs"]) == ["preds.csv"]
    assert {"performance.md", "pairs.csv", "subgroups.md", "ledger.md"} <= set(record["files"]["tables"])


def test_the_same_table_gives_the_same_bytes_again(tmp_path: Path) -> None:
    folder = tmp_path / "again"
    table = saved(BASE, tmp_path / "t.csv")
    before: dict[str, bytes] = {}
    for _ in range(2):
        call(folder, str(table))
        out = folder / "results" / "evaluate"
        now = {path.name: path.read_bytes() for path in (out / "tables").iterdir()}
        now["index.html"] = (out / "report" / "index.html").read_bytes()
        assert before in ({}, now)
        before = now


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument"),
        (["nothing.csv"], "nothing.csv — cannot be read: it does not exist"),
        (["t.csv", "t.csv"], "is given twice"),
        (["t.csv", "--title", "z=Z"], "--title 'z' — is no model of this comparison"),
        (["t.csv", "--cohort-title", "u=U"], "--cohort-title 'u' — is no cohort here"),
        (["t.csv", "--label-map", "0=2"], "--label-map '0' — is not mapped to 0 or 1"),
        (["t.csv", "--model", "a", "--model", "a=A"], "is given twice"),
        (["t.csv", "--unit", "nodule"], "name the column of the nodule"),
        (["t.csv", "--metric", "npv@recal=0.9"], "--metric 'npv@recal=0.9'"),
        (["t.csv", "--reference", "z"], "--reference 'z' — is no model of this comparison"),
        (["t.csv", "--sheet", "x"], "is no workbook with sheets"),
        (["t.csv", "--by", "a", "--label", "b"], "holds"),
    ],
)
def test_bad_usage_is_status_2_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    saved(BASE, tmp_path / "t.csv")
    said = call(tmp_path, *arguments, status=2)
    assert message in " ".join(said.replace("│", " ").split())
    assert not (tmp_path / "results" / "evaluate").exists()


def test_rows_of_a_cluster_are_cases(tmp_path: Path) -> None:
    table = BASE.assign(patient=[f"P{k // 2}" for k in range(len(BASE))]).drop(columns="pid")
    said = call(tmp_path, str(saved(table, tmp_path / "t.csv")), "--cluster", "patient")
    assert "each row is a case of its own" in said
    found = pd.read_csv(tmp_path / "results" / "evaluate" / "tables" / "performance.csv").set_index("model")
    assert found.loc["a", "auroc"] == pytest.approx(roc_auc_score(BASE["label"], BASE["a"]), abs=1e-12)


@pytest.mark.slow
def test_doubled_cases_in_clusters_do_not_narrow_intervals(tmp_path: Path) -> None:
    """Each patient's row twice under two ids: the interval of the clusters is that of the single rows."""
    once = BASE.assign(patient=BASE["pid"])
    twice = pd.concat([once, once.assign(pid="2-" + once["pid"])])
    widths = []
    for name, table in (("once", once), ("twice", twice)):
        path = saved(table, tmp_path / f"{name}.csv")
        call(tmp_path, str(path), "--id", "pid", "--cluster", "patient", "--out", str(tmp_path / name))
        found = pd.read_csv(tmp_path / name / "tables" / "performance.csv").set_index("model")
        widths.append(found["auroc_high"] - found["auroc_low"])
    # As independent rows the second would be narrower by a factor of 1.4.
    np.testing.assert_allclose(widths[0], widths[1], rtol=0.02)


def test_runs_and_crops_of_the_same_names_are_nobodys(tmp_path: Path) -> None:
    run = tmp_path / "results" / "runs" / "a"
    run.mkdir(parents=True)
    (run / "record.json").write_text('{"command": "somebody else trained this"}', encoding="utf-8")
    call(tmp_path, str(saved(BASE, tmp_path / "t.csv")))
    page = (tmp_path / "results" / "evaluate" / "report" / "index.html").read_text(encoding="utf-8")
    assert "somebody else" not in page


def test_a_folder_of_somebody_elses_files_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "mine" / "report" / "index.html"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine", encoding="utf-8")
    said = call(tmp_path, str(saved(BASE, tmp_path / "t.csv")), "--out", str(tmp_path / "mine"), status=2)
    assert "was not written by bench" in said
    assert mine.read_text(encoding="utf-8") == "mine"
