"""Quotes of a CSV file that would take rows with them are refused; all others are read as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.formats.csv import read_csv, read_csv_rows
from benchmark.formats.csv_quotes import wrong_quotes


def refusal(folder: Path, text: str) -> str:
    (folder / "t.csv").write_bytes(text.encode())
    with pytest.raises(InputError) as caught:
        read_csv(folder / "t.csv")
    return str(caught.value)


def table(cells: dict[int, str], *, last: bool = False) -> str:
    """Ten rows of four cells; ``cells``: row → the cell of a free text, as it stands in the file."""
    rows = [[str(k), "0.5", "1"] for k in range(10)]
    for k, row in enumerate(rows):
        row.insert(3 if last else 1, cells.get(k, "ok"))
    return "pid,a,b,c\n" + "".join(",".join(row) + "\n" for row in rows)


@pytest.mark.parametrize("last", [False, True])
def test_two_open_quotes_lose_no_rows(tmp_path: Path, last: bool) -> None:
    # Between them pyarrow and csv.reader read one cell: seven rows were gone without a word.
    said = refusal(tmp_path, table({2: '"unclear', 8: '"unclear'}, last=last))
    assert "t.csv:4 — quote opened on this line has text behind it" in said


def test_an_open_quote_and_an_inch_mark_lose_no_rows(tmp_path: Path) -> None:
    said = refusal(tmp_path, table({2: '"unclear', 8: '5"'}, last=True))
    assert "t.csv:4 — a cell that begins on this line holds whole rows of the table" in said


def test_one_open_quote_is_named_with_its_line(tmp_path: Path) -> None:
    assert "t.csv:6 — quote opened on this line is never closed" in refusal(tmp_path, table({4: '"unclear'}))


def test_text_behind_a_quoted_number_is_no_part_of_it(tmp_path: Path) -> None:
    assert "t.csv:2" in refusal(tmp_path, 'pid,score\na,"0.2"5\n')  # was read as 0.25


def test_rows_of_any_length_are_checked_too(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(table({2: '"unclear', 8: '"unclear'}))
    with pytest.raises(InputError, match=r"t\.csv:4"):
        read_csv_rows(tmp_path / "t.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_is_well_written_is_read(tmp_path: Path, end: str) -> None:
    text = end.join(["a,b", '"x ""y"", z" ,5"', f'"two{end}lines",', '"",""', 'y"z,1']) + end
    (tmp_path / "t.csv").write_bytes(text.encode())
    assert read_csv(tmp_path / "t.csv").to_numpy().tolist() == [
        ['x "y", z ', '5"'], [f"two{end}lines", ""], ["", ""], ['y"z', "1"],
    ]  # fmt: skip


@pytest.mark.parametrize("sep", [";", "\t", "|", " "])
def test_other_delimiters_end_a_quoted_cell_too(tmp_path: Path, sep: str) -> None:
    (tmp_path / "t.csv").write_text(f'a{sep}b\n"x{sep}y"{sep}"z" \n'.replace(" \n", "\n" if sep == " " else " \n"))
    found = read_csv(tmp_path / "t.csv", sep=sep).to_numpy().tolist()
    assert [[cell.strip() for cell in row] for row in found] == [[f"x{sep}y", "z"]]


def test_a_report_of_many_lines_and_commas_is_a_cell(tmp_path: Path) -> None:
    report = "Nodule, solid.\nUpper lobe, right, 8 mm, spiculated.\n\nImpression: suspicious, PET advised"
    (tmp_path / "t.csv").write_text(f'pid,text\na,"{report}"\nb,"{report}"\n')
    assert read_csv(tmp_path / "t.csv")["text"].tolist() == [report] * 2


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text('a",;\n', max_size=30))
def test_it_is_refused_where_pythons_strict_reader_refuses_it(text: str) -> None:
    """An independent reader: csv.reader with strict=True."""
    try:
        list(csv.reader(io.StringIO(text, newline=""), strict=True))
        right = True
    except csv.Error:
        right = False
    assert (not wrong_quotes(Path("t.csv"), text.encode(), 0, ",", len(text))) == right


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text('ab",\n\r ', max_size=6), min_size=3, max_size=3), min_size=1, max_size=5))
def test_what_pythons_writer_writes_is_never_refused(rows: list[list[str]]) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows(rows)
    assert wrong_quotes(Path("t.csv"), written.getvalue().encode(), 3, ",", 10**6) == []
