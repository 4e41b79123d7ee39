"""Fleischner and BTS as score tables, through the command; Herder's model where there is a PET."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.score_card import read_score_card
from benchmark.contracts.scores import read_score_table
from benchmark.producers.calculators.formulas import NODULE_TYPES, brock, herder, mayo

ROWS: dict[str, list[object]] = {
    "pid": ["p1", "p1", "p2", "p3"],
    "nodule_type": ["solid", "GGN", "part-solid", "solid"],
    "long_axis_mm": ["12", "4.5", "10", "5.5"],
    "short_axis_mm": ["10", "4.5", "8", "5.0"],
    "solid_component_mm": ["", "", "4", ""],
    "risk": ["high", "high", "low", "intermediate"],
}
PERSON: dict[str, list[object]] = {
    "age": ["70", "70", "60", "65"],
    "sex": ["female", "female", "male", "male"],
    "family_history": ["1", "1", "0", "0"],
    "emphysema": ["1", "1", "0", "0"],
    "diameter_mm": ["12", "4.5", "10", "5.5"],
    "upper_lobe": ["1", "0", "1", "0"],
    "nodule_count": ["2", "2", "1", "1"],
    "spiculation": ["1", "0", "0", "0"],
    "smoking_status": ["current", "current", "never", "former"],
    "extrathoracic_cancer": ["0", "0", "0", "0"],
    "pet_uptake": ["intense", "", "", "absent"],
}


def cohort(folder: Path, rows: dict[str, list[object]]) -> None:
    n = len(rows["pid"])
    base = {"nodule_id": [str(k) for k in range(n)], "malignant": [k % 2 for k in range(n)]}
    base |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
    write_cohort(folder / "cohorts" / "mine", CohortManifest(name="mine", title="Mine"), pd.DataFrame(base | rows))


def run(folder: Path, model: str, *arguments: str) -> tuple[int, str]:
    options = ["--cohort", "mine", "--cohorts", str(folder / "cohorts"), "--results", str(folder)]
    done = CliRunner().invoke(app, ["score", *options, "--model", model, *arguments])
    return done.exit_code, done.output


def categories(folder: Path, model: str) -> list[str]:
    table = pd.read_csv(folder / "scores" / "mine" / f"{model}.csv", dtype=str, keep_default_na=False)
    return table["category"].tolist()


def test_fleischner_counts_nodules_and_says_so(tmp_path: Path) -> None:
    cohort(tmp_path, ROWS)
    status, output = run(tmp_path, "fleischner")
    assert status == 0, output
    # p1 has two nodules in the table, so neither is a single one.
    assert categories(tmp_path, "fleischner") == ["CT at 3-6 months", "CT at 3-6 months", "CT at 3-6 months",
                                                  "optional CT at 12 months"]  # fmt: skip
    path = tmp_path / "scores" / "mine" / "fleischner.csv"
    table, card = read_score_table(path), read_score_card(path)
    assert table["score"].tolist() == [4, 4, 4, 2]
    assert set(table["score_kind"]) == {"rank"}
    assert card is not None
    assert "no column nodule_count" in " ".join(card.warnings)
    assert "order is ours" in card.recorded["reference"]


def test_bts_without_brock_says_what_it_lacks(tmp_path: Path) -> None:
    cohort(tmp_path, ROWS)
    status, output = run(tmp_path, "bts")
    assert status == 3, output
    assert categories(tmp_path, "bts") == ["", "discharge", "CT at 3 months", "CT at 1 year"]
    path = tmp_path / "scores" / "mine" / "bts.csv"
    assert "missing: brock_risk" in read_score_table(path)["reason"].iloc[0]
    card = read_score_card(path)
    assert card is not None
    assert any("no brock risk: the table has no column for age" in warning for warning in card.warnings)


def test_bts_works_out_brock_and_herder(tmp_path: Path) -> None:
    cohort(tmp_path, ROWS | PERSON)
    status, output = run(tmp_path, "bts")
    assert status == 0, output
    nodule = {"diameter_mm": 12, "upper_lobe": 1, "spiculation": 1}
    solid = NODULE_TYPES["solid"]
    assert brock(70, 1, 1, 1, nodule_type=solid, nodule_count=2, **nodule) > 0.1  # type: ignore[arg-type]
    assert categories(tmp_path, "bts")[0] == "resection or treatment"
    cohort(tmp_path, ROWS | PERSON | {"pet_uptake": ["", "", "", ""]})
    assert run(tmp_path, "bts")[0] == 0
    assert categories(tmp_path, "bts")[0] == "PET-CT"


def test_a_column_of_risks_goes_before_the_models(tmp_path: Path) -> None:
    cohort(tmp_path, ROWS | PERSON | {"pancan": ["0.02", "", "", ""]})
    status, output = run(tmp_path, "bts", "--column", "brock_risk=pancan")
    assert status == 0, output
    assert categories(tmp_path, "bts")[0] == "CT at 3 months"


@pytest.mark.parametrize("model", ["fleischner", "bts", "lungrads"])
def test_a_nodule_without_a_type_has_no_category_and_the_others_have(model: str, tmp_path: Path) -> None:
    cohort(tmp_path, ROWS | {"nodule_type": ["", "GGN", "part-solid", "solid"], "status": ["new"] * 4})
    status, output = run(tmp_path, model)
    assert status == 3, output
    table = read_score_table(tmp_path / "scores" / "mine" / f"{model}.csv")
    assert table["reason"].tolist()[0] == "missing: nodule_type"
    assert (table["status"] == "scored").sum() == 3


@pytest.mark.parametrize(
    ("model", "changes", "arguments", "says"),
    [
        ("bts", {"brock_risk": ["20", "", "", ""]}, (), "is no probability from 0 to 1"),
        ("bts", {}, ("--column", "risk=risk"), "is no input"),
        ("fleischner", {"risk": ["some", "", "", ""]}, (), "is no risk"),
        ("fleischner", {"nodule_count": ["0", "1", "1", "1"]}, (), "is no number of nodules"),
        ("fleischner", {"nodule_type": ["cyst", "solid", "solid", "solid"]}, (), "is no type of Fleischner 2017"),
        ("fleischner", {"status": ["old", "", "", ""]}, (), "is no status"),
        ("fleischner", {"solid_component_mm": ["", "", "40", ""]}, (), "is larger than the whole nodule"),
    ],
)
def test_bad_tables_are_refused(
    model: str, changes: dict[str, list[object]], arguments: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    cohort(tmp_path, ROWS | changes)
    status, output = run(tmp_path, model, *arguments)
    assert (status, says in output) == (2, True), output
    assert not (tmp_path / "scores" / "mine").exists() or not list((tmp_path / "scores" / "mine").glob("*.csv"))


def test_herder_scores_nodules_with_a_pet(tmp_path: Path) -> None:
    cohort(tmp_path, ROWS | PERSON)
    status, output = run(tmp_path, "herder")
    assert status == 3, output
    table = read_score_table(tmp_path / "scores" / "mine" / "herder.csv")
    # Herder et al. 2005: logit = -4.739 + 3.691 Mayo + 4.771 (intense uptake).
    before = float(mayo(70, 1, 0, 12, 1, 1))  # type: ignore[arg-type]
    assert table["score"].iloc[0] == pytest.approx(1 / (1 + np.exp(4.739 - 3.691 * before - 4.771)), abs=1e-12)
    assert table["status"].tolist() == ["scored", "failed", "failed", "scored"]
    assert "fdg_uptake" in table["reason"].iloc[1]
    assert float(herder(70, 1, 0, 12, 1, 1, 4.771)) == table["score"].iloc[0]  # type: ignore[arg-type]


def test_numbers_of_uptake_are_refused(tmp_path: Path) -> None:
    cohort(tmp_path, ROWS | PERSON | {"pet_uptake": ["3", "", "", "0"]})
    assert "is none of the four grades" in run(tmp_path, "herder")[1]
    codes = ("--code", "fdg_uptake:3=intense", "--code", "fdg_uptake:0=absent")
    assert run(tmp_path, "herder", *codes)[0] == 3
