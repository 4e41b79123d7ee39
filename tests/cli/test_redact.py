"""With ``--redact`` no message has an id in it, and where the fault is can still be told."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark import redaction
from benchmark.cli.main import app
from benchmark.formats.json import read_json
from benchmark.formats.npz import read_npz
from benchmark.formats.parquet import read_parquet
from benchmark.redaction import note_table, note_values, redacted, redacting

runner = CliRunner()
IDS = ("MRN-00417", "0815", "Schmidt^Eva", "ward 7/12", "LUNG_44")
TABLE = "pid,label,score\n" + "".join(f"{pid},{n % 2},{n / 10}\n" for n, pid in enumerate(IDS))


def both(arguments: list[str]) -> tuple[str, str, int]:
    """What a command says without and with the option, and its status."""
    plain, hidden = runner.invoke(app, arguments), runner.invoke(app, ["--redact", *arguments])
    assert plain.exit_code == hidden.exit_code
    return plain.output, hidden.output, plain.exit_code


@pytest.mark.parametrize(
    ("table", "place"),
    [
        (TABLE + "MRN-00555,maybe,0.3\n", "t.csv:7:label"),
        (TABLE + "MRN-00555,1,0.3,4\n", "t.csv:7"),
        (TABLE + " MRN-00555\u200b,1,0.3\n", "t.csv:7:pid"),
        (TABLE.replace("0.2", "high"), "t.csv:4:score"),
    ],
)
def test_tables_that_are_refused(table: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.csv").write_text(table)
    plain, hidden, status = both(["evaluate", "t.csv"])
    assert status == 2
    assert plain != hidden or "has 4 cells" in plain
    assert place in hidden
    assert [pid for pid in (*IDS, "00417", "Schmidt", "00555", "maybe", "high") if pid in hidden] == []


def test_ids_in_words_paths_and_lists_are_hidden_and_rows_are_not() -> None:
    with redacting():
        note_table(pd.DataFrame({"PatientID": [*IDS, "7"], "image_path": "b/p17-x.nii.gz", "age": range(6)}))
        note_table(pd.DataFrame({"finding": ["seen 3.5.2019", "solid"], "score": ["0.5", "12"]}))
        note_values({"cases": [{"id": 991, "n": 4, "of": ("a-5", "5")}], "case_3": "x"})
        said = redacted(
            "b/t.csv:7:pid 'x' — MRN-00417, 0815 and LUNG_44_T0.nii.gz of ward 7/12 on rows 7, 9-12:"
            ' scan "y z" in q/p17-x/1.dcm — 991, a-5 (4 of 11), seen 3.5.2019, the scan\'s, solid case_3'
        )
    assert said == (
        "b/t.csv:7:pid '***' — ***, *** and ***.nii.gz of *** on rows 7, 9-12:"
        " scan '***' in q/***/***.dcm — ***, *** (4 of 11), ***, the scan's, solid ***"
    )
    assert redacted("0815 'x'") == "0815 'x'"


def test_every_reader_of_tables_and_documents_notes_ids(tmp_path: Path) -> None:
    pd.DataFrame({"pid": ["A-1"], "score": [0.5]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text('{"B-2": {"name": "Eva"}}')
    np.savez(tmp_path / "a.npz", pids=np.array(["C-3"]))
    with redacting():
        read_parquet(tmp_path / "a.parquet")
        read_json(tmp_path / "a.json")
        read_npz(tmp_path / "a.npz")
        assert redacted("A-1 B-2 Eva C-3 D-4") == "*** *** *** *** D-4"


def test_warnings_and_what_is_printed_are_hidden_too(capsys: pytest.CaptureFixture[str]) -> None:
    before = (sys.stdout, sys.stderr)
    with redacting():
        note_values(["P-17"])
        sys.stdout.write("P-17\n")
        logging.lastResort.emit(logging.makeLogRecord({"msg": "lost P-17"}))  # type: ignore[union-attr]
    assert (sys.stdout, sys.stderr) == before
    sys.stdout.write("P-17\n")
    assert capsys.readouterr() == ("***\nP-17\n", "lost ***\n")


def test_a_fault_of_ours_is_told_without_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        note_values(["P-17"])
        raise KeyError("P-17", "other")

    monkeypatch.setattr("benchmark.report.compare.compare_cohorts", fail)
    result = runner.invoke(app, ["--redact", "compare", "--cohort", "x"])
    assert result.exit_code == 1
    assert "KeyError" in result.output
    assert "P-17" not in result.output
    assert redaction._ids is None


def test_usage_errors_and_debug() -> None:
    assert runner.invoke(app, ["--redact", "compare", "--nonsense"]).exit_code == 2
    result = runner.invoke(app, ["--redact", "--debug", "compare", "--cohort", "x"])
    assert (result.exit_code, "give one of them" in result.output) == (2, True)
