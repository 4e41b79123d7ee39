"""A table of scores that names its cases by paths, and what the adapter csv says of columns that it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters import load_adapter
from adapters.adapt import read_predictions
from adapters.card import AdapterOptions, Predictions
from adapters.id_maps import read_id_map
from benchmark.cli.main import app
from benchmark.errors import InputError

ROWS = ("Datei,Wert", "d/P1/n1/x.nii.gz,0.25", r"d\P1\n2\x.nii.gz,0.5", "d/P2/n1/x.nii.gz,1")


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(*files: Path, name: str = "csv", pattern: str | None = None, **columns: str) -> Predictions:
    options = AdapterOptions(columns=columns, id_pattern=pattern)
    return read_predictions(load_adapter(name), list(files), options)[0]


@pytest.mark.parametrize("name", ["csv", "hscnn", "clip-lung"])
def test_ids_come_from_the_path(name: str, tmp_path: Path) -> None:
    file = write(tmp_path / "s.csv", *ROWS)
    pattern = r"/(?P<pid>[^/]+)/n(?P<nodule_id>\d)/"
    found = read(file, name=name, pattern=pattern, score="Wert", path="Datei")
    assert found.frame[["pid", "nodule_id"]].values.tolist() == [["P1", "1"], ["P1", "2"], ["P2", "1"]]
    assert found.scores.tolist() == [0.25, 0.5, 1.0]
    assert found.unit == "nodule"


def test_several_files_keep_their_rows(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{n}.csv", "path,score", f"a/P{n}/x,0.{n}", f"a/Q{n}/x,0.5") for n in (1, 2)]
    found = read(*files, pattern="a/(?P<scan_id>[^/]+)/")
    assert found.frame["scan_id"].tolist() == ["P1", "Q1", "P2", "Q2"]
    assert found.locate(3) == (files[1], 3)
    with pytest.raises(InputError, match=r"2\.csv:2:path 'a/P2/x' — --id-pattern finds no id"):
        read(*files, pattern="a/(?P<scan_id>P1|Q.)/")


def test_a_map_of_ids_may_have_any_delimiter(tmp_path: Path) -> None:
    for sep in ",;\t|":
        file = write(tmp_path / "map.csv", *(row.replace(";", sep) for row in ("from;to", "1;Müller", '"2";x')))
        assert read_id_map(file) == {"1": "Müller", "2": "x"}


def test_a_group_id_is_a_case(tmp_path: Path) -> None:
    found = read(write(tmp_path / "s.csv", "path,score", "a/P1/x,0.1"), pattern="(P.)")
    assert found.frame["case"].tolist() == ["P1"]


def test_an_id_that_a_column_says_too_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "s.csv", "path,pid,score", "a/P1/x,Q,0.1")
    with pytest.raises(InputError, match="'pid' says the pid, and --id-pattern finds it too"):
        read(file, pattern="(?P<pid>P.)")
    assert read(file, pattern="(?P<pid>P.)", pid="").frame["pid"].tolist() == ["P1"]


def test_what_is_missing_is_suggested_by_content(tmp_path: Path) -> None:
    file = write(tmp_path / "s.csv", *ROWS)
    with pytest.raises(InputError, match="pass --column score=Wert; columns found: Datei, Wert"):
        read(file)
    with pytest.raises(InputError, match=r"pass --column path=Datei --id-pattern '\.\*/\(\?P<pid>"):
        read(file, score="Wert")
    with pytest.raises(InputError, match=r"no column of paths.*pass --column path=Datei"):
        read(file, score="Wert", pattern="(P.)")
    with pytest.raises(InputError, match="pass --column pid=Fall if that is the patient"):
        read(write(tmp_path / "t.csv", "Fall,score", "A1,0.1", "A2,0.2", "A3,0.3"))


def test_spellings_are_known_and_columns_taken_are_printed(tmp_path: Path) -> None:
    table = write(tmp_path / "n.csv", "Patient ID,label", "a,1", "b,0")
    scores = write(tmp_path / "s.csv", "Patient-ID,Score", "a,0.5", "b,0.25")
    cohorts = tmp_path / "cohorts"
    words = ["cohort", "prepare", "csv", "--from", table, "--out", cohorts / "mine"]
    assert CliRunner().invoke(app, [str(word) for word in words]).exit_code == 0
    words = ["adapt", "csv", scores, "--cohort", "mine", "--cohorts", cohorts]
    done = CliRunner().invoke(app, [str(word) for word in [*words, "--out", tmp_path / "out"]])
    assert done.exit_code == 0
    assert "columns: pid=Patient-ID, score=Score" in done.output
