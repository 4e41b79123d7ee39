"""``bench evaluate`` of a wide table gives the numbers that ``bench compare`` gives of the same scores."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.contracts.score_card import ScoreCard, read_score_card, write_score_card
from tests.comparison.made import write_made

RUNNER = CliRunner()
SIZES = {"nlst": (60, 20), "lungx": (35, 15)}
TITLES = {"nlst": "NLST", "lungx": "LUNGx"}


def run(*arguments: str) -> str:
    done = RUNNER.invoke(app, [*arguments, "--replicates", "200"])
    assert done.exit_code == 0, done.output
    return done.output


def wide(folder: Path, name: str, models: list[str]) -> pd.DataFrame:
    """One row a nodule and fold, one column a model, from the cohort and its score tables."""
    nodules = pd.read_csv(folder / "cohorts" / name / "nodules.csv", dtype=str)
    parts = []
    for model in models:
        rows = pd.read_csv(folder / "scores" / name / f"{model}.csv", dtype=str, keep_default_na=False)
        # Old releases of pandas read a third of all numbers with another last bit.
        rows["score"] = [float(score or "nan") for score in rows["score"]]
        rows = rows.set_index(["pid", "nodule_id", "fold"])["score"].rename(model)
        parts.append(rows)
    table = pd.concat(parts, axis=1).reset_index()
    return table.merge(nodules[["pid", "nodule_id", "malignant", "sex"]], on=["pid", "nodule_id"])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders of tables: of ``compare`` and of ``evaluate``."""
    folder = tmp_path_factory.mktemp("same")
    for seed, (name, size) in enumerate(SIZES.items()):
        # Ids of its own: what two tables call alike is taken for one patient, and not pooled.
        ids = [f"{name}-{k:03d}" for k in range(size[0])]
        write_made(folder, {name: size}, titles=TITLES, columns={"sex": ["F", "M", "M"]}, ids=ids, seed=seed)
    models = ["poor", "good", "middling"]
    files = []
    for name in SIZES:
        for model in models:
            # The same is known of both: nothing. Their marks and tests are then the same.
            path = folder / "scores" / name / f"{model}.csv"
            assert read_score_card(path) is not None
            write_score_card(ScoreCard(model, name, model, f"{name}.csv", None, "unknown"), path)
        files.append(folder / f"{name}.csv")
        wide(folder, name, models).to_csv(files[-1], index=False)
    shared = ["--by", "sex", "--metric", "npv@recall=0.9", "--recall", "0.5", "--recall", "0.9"]
    shared += [word for model in models for word in ("--model", model)]
    names = [word for name in SIZES for word in ("--cohort", name)]
    run("compare", *names, "--results", str(folder), "--cohorts", str(folder / "cohorts"), *shared)
    titles = [word for name, title in TITLES.items() for word in ("--cohort-title", f"{name}.csv={title}")]
    run("evaluate", *map(str, files), "--out", str(folder / "ours"), "--results", str(folder), *titles, *shared)
    return folder / "compare" / "tables", folder / "ours" / "tables"


@pytest.mark.slow
def test_every_table_of_numbers_is_the_same_to_the_letter(both: tuple[Path, Path]) -> None:
    theirs, ours = both
    names = sorted(path.name for path in theirs.iterdir() if path.suffix in (".csv", ".md", ".tex"))
    assert names == sorted(path.name for path in ours.iterdir() if path.suffix in (".csv", ".md", ".tex"))
    tables = [name for name in names if name.endswith(".csv")]
    assert {"performance.csv", "pairs.csv", "operating_points.csv", "folds.csv", "ledger.csv"} <= set(tables)
    for name in tables:
        own, other = ((folder / name).read_text(encoding="utf-8") for folder in (ours, theirs))
        if name == "cohorts_wide.csv":  # the made manifests name the kind of CT, a table of scores does not
            other = "".join(line for line in other.splitlines(keepends=True) if not line.startswith("CT,"))
        assert own == other, name


def test_the_record_names_the_files_and_what_was_asked(both: tuple[Path, Path]) -> None:
    record = json.loads((both[1].parent / "record.json").read_text(encoding="utf-8"))
    assert sorted(record["inputs"]) == ["lungx.csv", "nlst.csv"]
    assert all(len(value) == 64 for value in record["inputs"].values())
    assert record["settings"]["columns"]["by"] == "sex"


def test_patients_alone_give_the_numbers_of_patients(tmp_path: Path) -> None:
    """A table of patients, each score the highest of its nodules, gives what the table of nodules gives."""
    write_made(tmp_path, {"nlst": (60, 20)}, folds=1)
    table = wide_of_one_fold(tmp_path)
    patients = table.groupby("pid", sort=False).max().reset_index().drop(columns="nodule_id")
    table.to_csv(tmp_path / "nodules.csv", index=False)
    patients.to_csv(tmp_path / "patients.csv", index=False)
    found = []
    for name in ("nodules", "patients"):
        out = tmp_path / f"out-{name}"
        run("evaluate", str(tmp_path / f"{name}.csv"), "--out", str(out), "--cohort-title", f"{name}=X")
        performance = pd.read_csv(out / "tables" / "performance.csv").drop(columns="cohort")
        found.append(performance)
    pd.testing.assert_frame_equal(found[0], found[1])


def wide_of_one_fold(folder: Path) -> pd.DataFrame:
    nodules = pd.read_csv(folder / "cohorts" / "nlst" / "nodules.csv", dtype=str)
    table = nodules[["pid", "nodule_id", "malignant"]]
    for model in ("good", "poor"):
        rows = pd.read_csv(folder / "scores" / "nlst" / f"{model}.csv", dtype={"pid": str, "nodule_id": str})
        rows = rows[rows["fold"] == "ensemble"]
        table = table.merge(rows[["pid", "nodule_id", "score"]].rename(columns={"score": model}))
    return table.astype({"malignant": int})
