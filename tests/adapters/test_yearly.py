"""Files with a risk of each year: what becomes the score, what becomes columns, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from adapters import load_adapter
from adapters.adapt import TableOptions, adapt
from adapters.card import AdapterOptions
from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.contracts.scores import read_score_table
from benchmark.errors import InputError
from tests.comparison.made import nodule_table

RISKS = {"P000": [0.01, 0.02, 0.03, 0.04, 0.05, 0.06], "P001": [0.1, 0.1, 0.2, 0.2, 0.3, 0.4]}
NAMES = [f"year{k}" for k in range(1, 7)]


@pytest.fixture
def cohort(tmp_path):
    manifest = CohortManifest(name="c", title="C")
    return write_cohort(tmp_path / "cohorts" / "c", manifest, nodule_table([[0], [1], [0]]))


def adapted(name: str, files: list[Path], cohort, out: Path, tables=None, **options):
    (made,) = adapt(name, load_adapter(name), files, cohort, AdapterOptions(**options), out / "m.csv", tables)
    return made, read_score_table(out / "m.csv").set_index("pid")


def written(path: Path, header: str, rows=RISKS) -> Path:
    lines = [header, *(",".join([pid, *map(str, risk)]) for pid, risk in rows.items())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def exams(folder: Path) -> Path:
    for pid, risk in RISKS.items():
        (folder / pid).mkdir(parents=True)
        (folder / pid / "prediction_scores.json").write_text(json.dumps({"predictions": [risk]}), encoding="utf-8")
    return folder


def test_sybils_folders_keep_all_years(cohort, tmp_path):
    made, table = adapted("sybil", [exams(tmp_path / "runs")], cohort, tmp_path, all_years=True, year=1)
    np.testing.assert_array_equal(table.loc[list(RISKS), NAMES], list(RISKS.values()))
    assert table["score"].tolist()[:2] == [0.01, 0.1]
    assert table.loc["P002", "status"] == "failed"
    assert table.loc["P002", NAMES].isna().all()
    assert made.card.recorded["year"] == "1"
    assert made.card.recorded["years"] == "1, 2, 3, 4, 5, 6"


def test_without_a_year_the_last_is_the_score_and_that_is_said(cohort, tmp_path):
    made, table = adapted("sybil", [exams(tmp_path / "runs")], cohort, tmp_path, all_years=True)
    assert table["score"].tolist()[:2] == [0.06, 0.4]
    assert any("no --year was given" in warning and "year 6" in warning for warning in made.joined.warnings)


def test_sybil_without_all_years_is_what_it_was(cohort, tmp_path):
    _, table = adapted("sybil", [exams(tmp_path / "runs")], cohort, tmp_path, year=3)
    assert not set(NAMES) & set(table.columns)
    assert table["score"].tolist()[:2] == [0.03, 0.2]


@pytest.mark.parametrize("prefix", ["", "sybil_", "pillar0-", "Year "])
def test_any_csv_with_a_column_a_year(cohort, tmp_path, prefix):
    named = [prefix + (name.removeprefix("year") if prefix == "Year " else name) for name in NAMES]
    file = written(tmp_path / "p.csv", ",".join(["pid", *named]))
    made, table = adapted("csv", [file], cohort, tmp_path, TableOptions(model="pillar0"), all_years=True)
    np.testing.assert_array_equal(table.loc[list(RISKS), NAMES], list(RISKS.values()))
    assert table["score"].tolist()[:2] == [0.06, 0.4]
    assert any("no score was named" in warning and named[-1] in warning for warning in made.joined.warnings)
    made, table = adapted(
        "csv",
        [file],
        cohort,
        tmp_path,
        TableOptions(model="p", overwrite=True),
        all_years=True,
        columns={"score": named[1]},
    )
    assert table["score"].tolist()[:2] == [0.02, 0.1]
    assert table["year6"].tolist()[:2] == [0.06, 0.4]


def test_any_csv_by_mapping(cohort, tmp_path):
    rows = {pid: [risk[0], risk[2], 0.7] for pid, risk in RISKS.items()}
    file = written(tmp_path / "p.csv", "pid,one,three,own", rows)
    columns = {"year1": "one", "year3": "three", "score": "own"}
    _, table = adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), columns=columns)
    assert table["score"].tolist()[:2] == [0.7, 0.7]
    assert table.loc["P001", ["year1", "year3"]].tolist() == [0.1, 0.2]
    assert "year2" not in table


def test_percentages_of_all_years_become_probabilities(cohort, tmp_path):
    rows = {pid: [100 * value for value in risk] for pid, risk in RISKS.items()}
    file = written(tmp_path / "p.csv", ",".join(["pid", *NAMES]), rows)
    options = {"all_years": True, "score_type": "percent"}
    _, table = adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), **options)
    np.testing.assert_allclose(table.loc[list(RISKS), NAMES], list(RISKS.values()))


def test_a_case_without_the_risk_of_a_year_has_failed(cohort, tmp_path):
    rows = RISKS | {"P001": [0.1, "", 0.2, 0.2, 0.3, 0.4]}
    file = written(tmp_path / "p.csv", ",".join(["pid", *NAMES]), rows)
    options = {"all_years": True, "drop_missing": True}
    _, table = adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), **options)
    assert table.loc["P001", ["status", "reason"]].tolist() == ["failed", "the file holds no score of a year"]
    assert table.loc["P001", NAMES].isna().all()


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ("pid,a,b,c,d,e,f", {}, "has no columns such as year1"),
        ("pid,year1,x_year1,c,d,e,f", {}, "year1, x_year1 could each be year1"),
        ("pid,year6,year5,year4,year3,year2,year1", {}, "is below the risk of an earlier year"),
    ],
)
def test_what_is_no_risk_of_each_year_is_refused(cohort, tmp_path, header, options, message):
    file = written(tmp_path / "p.csv", header)
    with pytest.raises(InputError, match=message):
        adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), all_years=True, **options)
    with pytest.raises(InputError, match="--all-years means nothing to fmcib"):
        adapted("fmcib", [file], cohort, tmp_path, all_years=True)
    with pytest.raises(InputError, match="--year means nothing to csv"):
        adapted("csv", [file], cohort, tmp_path, year=1)
