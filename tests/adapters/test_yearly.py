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
    with pytest.raises(InputError, match="no column says the horizon of a row"):
        adapted("csv", [file], cohort, tmp_path, year=1)


def long_table(path: Path, horizons=("1", "2.0", "year3", "4 years", "5y", "6")) -> Path:
    rows = [f"{pid},{h},{risk}" for pid, risks in RISKS.items() for h, risk in zip(horizons, risks, strict=True)]
    path.write_text("\n".join(["pid,within,risk", *rows]) + "\n", encoding="utf-8")
    return path


def test_a_horizon_a_row(cohort, tmp_path):
    file, columns = long_table(tmp_path / "long.csv"), {"horizon": "within"}
    made, table = adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), columns=columns)
    np.testing.assert_array_equal(table.loc[list(RISKS), NAMES], list(RISKS.values()))
    assert table["score"].tolist()[:2] == [0.06, 0.4]
    assert any("no --year was given" in warning for warning in made.joined.warnings)
    _, table = adapted(
        "csv", [file], cohort, tmp_path, TableOptions(model="m", overwrite=True), columns=columns, year=2
    )
    assert table["score"].tolist()[:2] == [0.02, 0.1]


def test_a_case_without_one_horizon_has_failed(cohort, tmp_path):
    file = long_table(tmp_path / "long.csv")
    lines = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(line for line in lines if not line.startswith("P001,5y")) + "\n", encoding="utf-8")
    _, table = adapted(
        "csv", [file], cohort, tmp_path, TableOptions(model="m"), columns={"horizon": "within"}, year=1
    )
    assert table.loc["P001", ["status", "reason"]].tolist() == ["failed", "the file holds no score of a year"]
    assert table.loc["P000", "status"] == "scored"


@pytest.mark.parametrize(
    ("horizons", "year", "message"),
    [
        (("1", "2", "3", "4", "5", "5"), None, "is given twice for one case"),
        (("1", "2", "3", "4", "5", "1.5"), None, "is no horizon in whole years"),
        (("1", "2", "3", "4", "5", "365 days"), None, "is no horizon in whole years"),
        (("1", "2", "3", "4", "5", "21"), None, "is no horizon in whole years"),
        (("6", "5", "4", "3", "2", "1"), None, "is below the risk of an earlier year"),
        (("1", "2", "3", "4", "5", "7"), 6, "holds no horizon of 6 years"),
    ],
)
def test_what_is_no_horizon_is_refused(cohort, tmp_path, horizons, year, message):
    file = long_table(tmp_path / "long.csv", horizons)
    with pytest.raises(InputError, match=message):
        adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), columns={"horizon": "within"}, year=year)


LOGITS = {"P000": [-5.5, -4.1, -3.2, -3, -2.5, -2.25], "P001": [-2, -1.5, -1, -0.5, 0.25, 0.5]}


@pytest.mark.parametrize("form", ["tensor({})", "{}", "tensor({}, dtype=torch.float64)"])
def test_pillar0_saved_as_a_table(cohort, tmp_path, form):
    file = tmp_path / "sybil15.csv"
    cells = [f'{pid},"{form.format(values)}",0,6' for pid, values in LOGITS.items()]
    file.write_text("\n".join(["accession,logit,y,time_at_event", *cells]) + "\n", encoding="utf-8")
    made, table = adapted("pillar0", [file], cohort, tmp_path, all_years=True, year=2)
    np.testing.assert_array_equal(table.loc[list(LOGITS), NAMES], list(LOGITS.values()))
    assert table["score"].tolist()[:2] == [-4.1, -1.5]
    assert set(table["score_kind"]) == {"logit"}
    assert made.card.trained_on == ("nlst",)


def test_sybil2_with_columns_a_year(cohort, tmp_path):
    header = ",".join(["patient_id", *(f"year_{k}_risk" for k in range(1, 7))])
    _, table = adapted("pillar0", [written(tmp_path / "p.csv", header)], cohort, tmp_path, all_years=True)
    np.testing.assert_array_equal(table.loc[list(RISKS), NAMES], list(RISKS.values()))
    assert set(table["score_kind"]) == {"probability"}


@pytest.mark.parametrize(
    ("cell", "options", "message"),
    [
        ("tensor([1.0, 2.0])", {"year": 1}, "is no list of 6 numbers"),
        ("[1,2,3,4,5,nan]", {"year": 1}, "is no list of 6 numbers"),
        ("__import__('os')", {"year": 1}, "is no list of 6 numbers"),
        ("", {"year": 1}, "is empty"),
        ("[1,2,3,4,5,6]", {}, "no such year was chosen"),
        ("[1,2,3,4,5,6]", {"year": 7}, "no such year was chosen"),
        ("[6,5,4,3,2,1]", {"all_years": True}, "is below the risk of an earlier year"),
    ],
)
def test_pillar0_refuses_what_it_is_not(cohort, tmp_path, cell, options, message):
    file = tmp_path / "p.csv"
    file.write_text(f'accession,logit\nP000,"{cell}"\n', encoding="utf-8")
    with pytest.raises(InputError, match=message):
        adapted("pillar0", [file], cohort, tmp_path, **options)


def test_ratings_and_calls_of_a_csv_need_a_word(cohort, tmp_path):
    file = tmp_path / "p.csv"
    for text, message in (
        ("pid,rating\nP000,0.2\nP001,0.8\n", "holds ratings by its name"),
        ("pid,call\nP000,0\nP001,1\nP002,1\n", "nothing but 0 and 1, which are calls"),
        ("pid,reader,score\nP000,a,0.2\nP001,b,0.8\n", "there are several readers"),
    ):
        file.write_text(text, encoding="utf-8")
        columns = {"score": text.split("\n", 1)[0].rsplit(",", 1)[-1]}
        with pytest.raises(InputError, match=message):
            adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), columns=columns)
    file.write_text("pid,call\nP000,0\nP001,1\nP002,1\n", encoding="utf-8")
    options = {"columns": {"score": "call"}, "score_type": "rank"}
    _, table = adapted("csv", [file], cohort, tmp_path, TableOptions(model="m"), **options)
    assert set(table["score_kind"]) == {"rank"}
