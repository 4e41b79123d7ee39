"""Missing scores in a comparison: what is said of them, and by which columns cases are weighted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.comparison.evaluate import CohortResult, evaluate_cohort
from benchmark.comparison.missing_scores import (
    MISSING_COLUMNS,
    check_missing_columns,
    covariates_of_units,
    missing_rows,
)
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.metrics import auroc
from benchmark.report.compare import compare_cohorts
from benchmark.report.compare_options import CompareOptions
from benchmark.statistics import Resampling, missing_score_bounds, weighted_for_missing
from tests.comparison.made import nodule_table, score_rows, write_made

RNG = np.random.default_rng(2)
LABELS = [int(k % 3 == 0) for k in range(90)]
SIZE = RNG.normal(8, 3, 90).round(1)
WHOLE = RNG.normal(np.array(LABELS) * 1.2)
GAPS = np.where((SIZE < 6) & (RNG.uniform(size=90) < 0.7), np.nan, WHOLE)


def cohort(folder: Path, **columns: object) -> Cohort:
    nodules = nodule_table([[label] for label in LABELS]).assign(**columns)
    return write_cohort(folder / "cohorts" / "mine", CohortManifest(name="mine", title="Mine"), nodules)


def evaluated(made: Cohort, **models: object) -> CohortResult:
    nodules = made.nodules
    rows = pd.concat([score_rows(nodules, m, "mine", s).assign(score_kind="rank") for m, s in models.items()])  # type: ignore[arg-type]
    return evaluate_cohort(scores_by_unit(made, rows), resampling=Resampling(100))


def test_rows_are_those_of_the_library(tmp_path: Path) -> None:
    made = cohort(tmp_path, size=SIZE)
    result = evaluated(made, gappy=GAPS, whole=WHOLE)
    rows = missing_rows(result, made, ["size"], resampling=Resampling(100, seed=3))
    assert list(rows.columns) == list(MISSING_COLUMNS)
    assert rows["model"].tolist() == ["gappy", "gappy"]
    first = rows.iloc[0]
    there = ~np.isnan(GAPS)
    bounds = missing_score_bounds(LABELS, GAPS)
    assert (first["worst"], first["best"]) == (bounds.worst, bounds.best)
    assert first["available"] == first["common"] == auroc(np.array(LABELS)[there], GAPS[there])
    assert first["worst"] < first["available"] < first["best"]
    assert first["missing"] == (~there).sum()
    expected = weighted_for_missing(LABELS, GAPS, {"size": SIZE}, resampling=Resampling(100, 3))["auroc"]
    assert (first["weighted"], first["weighted_low"]) == pytest.approx((expected.value, expected.low))


def test_without_missing_scores_there_are_no_rows(tmp_path: Path) -> None:
    made = cohort(tmp_path)
    assert missing_rows(evaluated(made, whole=WHOLE), made, resampling=Resampling(100)).empty


def test_a_cohort_without_the_column_says_so(tmp_path: Path) -> None:
    made = cohort(tmp_path)
    rows = missing_rows(evaluated(made, gappy=GAPS), made, ["size"], resampling=Resampling(100))
    assert rows["note"].tolist() == ["no weights: the nodule table has no column size"] * 2
    assert rows["weighted"].isna().all()


def test_columns_become_numbers(tmp_path: Path) -> None:
    sizes = SIZE.astype(object)
    sizes[0] = ""
    made = cohort(tmp_path, size=sizes, sex=["f", "m", "?"] * 30)
    available = evaluated(made, gappy=GAPS).available
    found = covariates_of_units(available, made, ["size", "sex"])
    assert list(found) == ["size", "size is empty", "sex: f", "sex: m"]
    assert found["size"][0] == pytest.approx(SIZE[1:].mean())
    assert found["size is empty"].sum() == 1
    names = cohort(tmp_path / "more", name=[f"x{k}" for k in range(90)])
    with pytest.raises(InputError, match="holds 90 different texts"):
        covariates_of_units(available, names, ["name"])


def test_columns_that_nobody_has_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'size'"):
        check_missing_columns(["sizes"], [cohort(tmp_path, size=SIZE)])
    with pytest.raises(InputError, match="is no clinical or semantic column"):
        check_missing_columns(["malignant"], [cohort(tmp_path, size=SIZE)])


def test_the_table_of_a_comparison_and_its_files(tmp_path: Path) -> None:
    write_made(tmp_path, {"ucla": (60, 25)}, columns={"age": [50, 55, 60, 70, 64, 58, 61]})
    path = tmp_path / "scores" / "ucla" / "good.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    gone = table["pid"].isin([f"P{k:03d}" for k in (1, 4, 8, 13, 30, 33, 41, 52)])
    table.loc[gone, ["score", "status", "reason"]] = ["", "failed", "no lung found"]
    table.to_csv(path, index=False)
    options = CompareOptions(replicates=100, missing_by=["age"])
    tables = compare_cohorts(["ucla"], Workspace(tmp_path / "cohorts", tmp_path), options, out=tmp_path / "o")
    (found,) = [one for one in tables if one.title.startswith("Missing scores")]
    assert [row[0].text for row in found.rows] == ["good", "good"]
    assert found.rows[0][2].text.startswith("8 (4), 13.3")
    assert any("Weighted by age" in note for note in found.notes)
    numbers = pd.read_csv(tmp_path / "o" / "tables" / "missing_scores.csv")
    assert numbers.loc[0, "weighted_low"] < numbers.loc[0, "weighted"] < numbers.loc[0, "weighted_high"]
    assert all((tmp_path / "o" / "tables" / f"missing_scores{end}").is_file() for end in (".md", ".tex", ".html"))
    page = (tmp_path / "o" / "report" / "index.html").read_text(encoding="utf-8")
    assert "Missing scores: what they could change" in page
