import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from benchmark.contracts.text_table import read_text_table
from benchmark.report.printing import numbers
from benchmark.report.printing.forms import (
    spreadsheet_text,
    to_html,
    to_markdown,
    to_rich,
    to_wide_csv,
    write_forms,
)
from benchmark.report.printing.latex import latex_label, latex_text, to_latex, to_latex_document, to_latex_file
from benchmark.report.printing.table import Cell, Table
from tests.report.payloads import PAYLOADS


def table_of(*texts, bold=False):
    rows = tuple((Cell(text), Cell("0.5", bold)) for text in texts)
    return Table("Title", ("Model", "AUROC ↑"), rows, notes=("A note.",), label="tab:x")


@pytest.mark.parametrize("payload", PAYLOADS)
def test_text_from_data_is_text_in_markdown_and_html(payload):
    rendered = MarkdownIt("gfm-like", {"linkify": False}).render(to_markdown(table_of(payload)))
    page = to_html(table_of(payload))
    for text in (rendered, page):
        cells = _cells(text)
        assert len(cells) == 4
        assert " ".join(cells[2].split()) == " ".join(_visible(payload).split())


def _visible(payload):
    return "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in payload)


def _cells(html_text):
    """Text of th and td as a browser shows it; any other element inside them would be markup from data."""
    from html.parser import HTMLParser

    cells, inside = [], []

    class Parser(HTMLParser):
        def handle_starttag(self, tag, attrs):
            if tag in ("th", "td"):
                inside.append([])
            elif inside and tag not in ("strong", "b", "em"):
                raise AssertionError(f"markup from data: <{tag}>")

        def handle_endtag(self, tag):
            if tag in ("th", "td"):
                cells.append("".join(inside.pop()))

        def handle_data(self, data):
            if inside:
                inside[-1].append(data)

    parser = Parser(convert_charrefs=True)
    parser.feed(html_text)
    return cells


def test_bold_and_blocks_in_every_form():
    table = Table("T", ("M", "V"), ((Cell("a"), Cell("1", True)), (Cell("b"), Cell("0"))), blocks=((1, "Second"),))
    assert "| a | **1** |" in to_markdown(table)
    assert "| *Second* |  |" in to_markdown(table)
    assert "<td><b>1</b></td>" in to_html(table)
    assert '<tr class="block"><th colspan="2" scope="rowgroup">Second</th></tr>' in to_html(table)
    assert r"\textbf{1}" in to_latex(table)
    assert r"\multicolumn{2}{@{}l}{\textit{Second}}" in to_latex(table)
    assert to_wide_csv(table)["block"].tolist() == ["", "Second"]
    assert to_rich(table).row_count == 3


def test_a_table_of_uneven_rows_is_refused():
    with pytest.raises(ValueError, match="row of 1 cells in a table of 2 columns"):
        Table("T", ("a", "b"), ((Cell("x"),),))
    with pytest.raises(ValueError, match="groups do not span"):
        Table("T", ("a", "b"), (), groups=(("", 1),))


@given(st.text())
@example("\u0237")  # a dotless j, found by Hypothesis: it came out as itself
@example("\u0237\u0301\u0323")
@example("\u01f0")
def test_latex_text_has_no_active_character(text):
    plain = latex_text(text)
    assert not any(ord(c) > 0x17F for c in plain)
    for command in ("\\textbackslash{}", "\\{", "\\}", "\\%", "\\$", "\\#", "\\&", "\\_"):
        plain = plain.replace(command, "")
    # What is left of %, # and & would comment out, name a parameter or end a cell.
    assert not set(plain) & set("%#&")


def test_latex_label_is_plain():
    assert latex_label("tab:a_b c%") == "tab:a-b-c-"


def test_wide_csv_has_no_formula_and_reads_back(tmp_path):
    write_forms(table_of("=1+1", "-2", "+x", "@x", "plain"), tmp_path / "t")
    read = list(csv.reader(io.StringIO((tmp_path / "t_wide.csv").read_text(encoding="utf-8"))))
    assert [row[0] for row in read[1:]] == ["'=1+1", "-2", "'+x", "'@x", "plain"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.html", "t.md", "t.tex", "t_wide.csv"]
    assert len(read_text_table(tmp_path / "t_wide.csv", ["Model"]).frame) == 5


def test_spreadsheet_text_keeps_numbers():
    assert spreadsheet_text("-0.5") == "-0.5"
    assert spreadsheet_text("-0.5 (x)") == "'-0.5 (x)"


def test_rounding_of_what_readers_see():
    assert numbers.decimals(0.0004) == "0.000"
    assert numbers.decimals(-0.0004) == "0.000"
    assert numbers.decimals(-0.5) == "−0.500"
    assert numbers.decimals(np.nan) == "–"
    assert numbers.interval(-0.1, 0.2, 1) == "−0.1 to 0.2"
    assert numbers.estimate_text(0.5, 0.4, 0.6, 1) == "0.5 (0.4–0.6)"
    assert numbers.p_value(0.00001) == "<0.0001"
    assert numbers.p_value(0.0004) == "0.0004"
    assert numbers.p_value(0.05) == "0.050"
    assert numbers.count(1120) == "1,120"
    assert numbers.signed(0.0123) == "+0.012"
    assert numbers.signed(0.0) == "0.000"
    assert numbers.signed(0.0001) == "0.000"


def test_latex_files_hold_booktabs_only():
    text = to_latex_file(table_of("x"))
    assert text.count(r"\usepackage") == 2
    assert r"\usepackage{booktabs}" in text
    whole = to_latex_document([table_of("x"), table_of("y")])
    assert whole.count(r"\begin{table}") == 2
    assert whole.startswith(r"\documentclass")


def test_html_of_a_table_file_is_whole(tmp_path):
    write_forms(table_of("<b>"), tmp_path / "t")
    text = (tmp_path / "t.html").read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>")
    assert "&lt;b&gt;" in text


def test_wide_csv_of_groups_has_one_header():
    table = Table("T", ("M", "A", "P"), ((Cell("a"), Cell("1"), Cell("2")),), groups=(("", 1), ("NLST", 2)))
    assert isinstance(to_wide_csv(table), pd.DataFrame)
    assert list(to_wide_csv(table).columns) == ["M", "NLST A", "NLST P"]


def test_groups_of_columns_become_blocks_of_rows():
    cells = [tuple(Cell(text) for text in row) for row in (("x", "1", "2", "3", "4"), ("y", "5", "6", "7", "8"))]
    table = Table("t", ("Model", "a", "b", "a", "b"), tuple(cells), (("", 1), ("U", 2), ("V", 2)))
    found = table.in_blocks()
    assert found.columns == ("Model", "a", "b")
    assert found.blocks == ((0, "U"), (2, "V"))
    assert [[cell.text for cell in row] for row in found.rows] == [
        ["x", "1", "2"], ["y", "5", "6"], ["x", "3", "4"], ["y", "7", "8"],
    ]  # fmt: skip
    with pytest.raises(ValueError, match="different columns"):
        Table("t", ("Model", "a", "b"), (), (("", 1), ("U", 1), ("V", 1))).in_blocks()
