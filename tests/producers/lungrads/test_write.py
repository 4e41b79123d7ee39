"""Lung-RADS as a score table: from the columns of a nodule table, through the command and a comparison."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.score_card import read_score_card
from benchmark.contracts.scores import read_score_table
from benchmark.producers.lungrads import CATEGORIES

ROWS = {
    "nodule_type": ["Solid", "part-solid", "GGN", "non solid", "airway", "solid"],
    "status": ["baseline", "new", "baseline", "growing", "baseline", "baseline"],
    "mean_diameter_mm": ["15.0", "5.9", "5", "31.0", "", ""],
    "solid_component_mm": ["", "2.0", "", "", "", ""],
    "features": ["Spiculation", "", "", "", "segmental", ""],
}


def cohort(folder: Path, **changes: object) -> None:
    rows = {**ROWS, **changes}
    n = len(rows["nodule_type"])  # type: ignore[arg-type]
    base = {"pid": [f"p{k}" for k in range(n)], "nodule_id": "1", "malignant": [k % 2 for k in range(n)]}
    base |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
    write_cohort(folder / "cohorts" / "mine", CohortManifest(name="mine", title="Mine"), pd.DataFrame(base | rows))


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    options = ["--cohort", "mine", "--cohorts", str(folder / "cohorts"), "--results", str(folder)]
    done = CliRunner().invoke(app, ["score", *options, "--model", "lungrads", *arguments])
    return done.exit_code, done.output


def test_scores_and_categories(tmp_path: Path) -> None:
    cohort(tmp_path)
    status, output = run(tmp_path)
    assert status == 3, output
    path = tmp_path / "scores" / "mine" / "lungrads.csv"
    table = read_score_table(path)
    assert table["score"].tolist()[:5] == [6, 3, 2, 3, 4]
    assert set(table["score_kind"]) == {"rank"}
    assert table["status"].tolist() == ["scored"] * 5 + ["failed"]
    assert "missing: mean_diameter_mm" in table["reason"].iloc[5]
    assert table["reason"].iloc[1] == "also defensible: 4A"
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert written["category"].tolist() == ["4X", "3", "2", "3", "4A", ""]
    assert written["also_defensible"].tolist() == ["", "4A", "", "4A", "", ""]
    card = read_score_card(path)
    assert card is not None
    assert (card.title, card.trained_on, card.exposure) == ("Lung-RADS v2022", (), "unseen")
    assert card.warnings[0].startswith("2 of 6 nodules")
    assert run(tmp_path)[0] == 3  # its own table is replaced


def test_cases_worked_out_by_hand_through_the_command(tmp_path: Path, shared: Path) -> None:
    cases = pd.read_csv(shared / "reference/lungrads/cases.csv", dtype=str, keep_default_na=False)
    inputs = cases.drop(columns=["case_id", "expected_category", "ambiguous", "also_defensible", "rule", "why"])
    cohort(tmp_path, **{name: inputs[name].tolist() for name in inputs})
    status, output = run(tmp_path)
    assert status == 0, output
    path = tmp_path / "scores" / "mine" / "lungrads.csv"
    written = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert written["category"].tolist() == cases["expected_category"].tolist()
    assert written["also_defensible"].tolist() == cases["also_defensible"].tolist()
    ranks = [CATEGORIES.index(category) + 1 for category in cases["expected_category"]]
    assert read_score_table(path)["score"].tolist() == ranks


def test_columns_of_other_names(tmp_path: Path) -> None:
    cohort(tmp_path, mean_diameter_mm=[""] * 6, size=["5", "7", "7", "7", "7", "9"], core=["", "6.5", *[""] * 4])
    status, output = run(tmp_path, "--column", "mean_diameter_mm=size", "--column", "solid_component_mm=core")
    assert status == 0, output
    written = pd.read_csv(tmp_path / "scores" / "mine" / "lungrads.csv", dtype=str, keep_default_na=False)
    assert written["category"].tolist() == ["2", "4B", "2", "2", "4A", "4A"]


@pytest.mark.parametrize(
    ("changes", "arguments", "says"),
    [
        ({"nodule_type": ["subsolid"] * 6}, (), "is no type of Lung-RADS"),
        ({"status": ["old"] * 6}, (), "is no status"),
        ({"features": ["spicculation", *[""] * 5]}, (), "did you mean 'spiculation'"),
        ({"mean_diameter_mm": ["6 mm", *["5"] * 5]}, (), "is no number"),
        ({"mean_diameter_mm": ["-6", *["5"] * 5]}, (), "is no number"),
        ({"mean_diameter_mm": ["0", *["5"] * 5]}, (), "is 0"),
        ({"prior_category": ["4C", *[""] * 5]}, (), "is no category"),
        ({"solid_component_mm": ["", "9", *[""] * 4]}, (), "is larger than the whole nodule, 5.9"),
        (
            {"long_axis_mm": ["16", *[""] * 5], "short_axis_mm": ["10", *[""] * 5]},
            (),
            "is not the mean of the axes",
        ),
        (
            {"long_axis_mm": ["9", *[""] * 5], "short_axis_mm": ["21", *[""] * 5]},
            (),
            "is larger than the long axis",
        ),
        ({}, ("--column", "diameter=mean_diameter_mm"), "is no input"),
        ({}, ("--column", "volume_mm3=volume"), "column is missing"),
        ({}, ("--code", "status:1=new"), "--code is for the calculators"),
    ],
)
def test_bad_tables_are_refused(
    changes: dict[str, object], arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    cohort(tmp_path, **changes)
    status, output = run(tmp_path, *arguments)
    assert (status, says in output) == (2, True), output
    assert not (tmp_path / "scores" / "mine" / "lungrads.csv").exists()


def test_a_table_without_status_says_what_is_read(tmp_path: Path) -> None:
    cohort(tmp_path)
    table = tmp_path / "cohorts" / "mine" / "nodules.csv"
    pd.read_csv(table, dtype=str).drop(columns="status").to_csv(table, index=False)
    status, output = run(tmp_path)
    assert status == 2
    assert "--column status=COLUMN" in output
