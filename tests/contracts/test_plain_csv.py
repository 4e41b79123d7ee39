"""The fast way to write a table gives the bytes of the slow one."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.contracts import table_writing
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import read_text_table

TEXT = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ["NA", "1e5", " x ", "", "a,b", 'q"', "\r", "\n"]
)
NUMBER = st.floats() | st.sampled_from([0.1, 1e-5, 1e22, -0.0, 5e-324, 123456789.123456789])


def slow(frame: pd.DataFrame) -> bytes:
    hostile = any("\r" in str(cell) for name in frame for cell in frame[name])
    quoting = csv.QUOTE_NONNUMERIC if hostile else csv.QUOTE_MINIMAL
    return str(frame.to_csv(index=False, lineterminator="\n", quoting=quoting)).encode()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(TEXT, NUMBER, st.integers(-(2**40), 2**40), TEXT | st.none()), min_size=1, max_size=8))
def test_bytes_are_those_of_pandas(tmp_path: Path, rows: list[tuple[str, float, int, str | None]]) -> None:
    frame = pd.DataFrame(rows, columns=["pid", "score", "count", "note"])
    frame["note"] = text_column(frame["note"])
    write_table(frame, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == slow(frame)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": ["x", "y"], "b": pd.array([1, None], dtype="Int8")}),
        pd.DataFrame({"a": ["x", "y"], "b": [True, False]}),
        pd.DataFrame({"a": ["x", 3], "b": [1.5, np.nan]}),
        pd.DataFrame({"a": ["x", "y"]}),
        pd.DataFrame({"a,b": ["x", "y"], "c": [1, 2]}),
        pd.DataFrame({"a": [None, np.nan, pd.NA], "b": ["", "x", "y"]}),
    ],
)
def test_other_columns_take_the_slow_way(tmp_path: Path, frame: pd.DataFrame) -> None:
    write_table(frame, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == slow(frame)


def test_a_late_cell_that_needs_quotes_changes_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_writing, "_CHUNK", 3)
    frame = pd.DataFrame({"a": [f"r{i}" for i in range(10)], "b": range(10)})
    write_table(frame, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == slow(frame)
    frame.loc[9, "a"] = "with, comma"
    write_table(frame, tmp_path / "x.csv")
    assert (tmp_path / "x.csv").read_bytes() == slow(frame)


def test_lines_are_counted_in_the_files_own_encoding(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes("pid;n\né;1\n\nü;x\n".encode("latin-1"))
    table = read_text_table(file, ("pid",), sep=";", encoding="latin-1")
    table.number("n")
    assert [problem.row for problem in table.problems] == [4]


def test_a_field_of_ten_megabytes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("pid,note,n\n007," + "x" * 10_000_000 + ",1\nNA,y,z\n")
    table = read_text_table(file, ("pid",))
    assert len(table.frame["note"].iloc[0]) == 10_000_000
    table.number("n")
    assert [problem.row for problem in table.problems] == [3]
