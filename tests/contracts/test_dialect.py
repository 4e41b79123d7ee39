"""Tables as people have them: delimiters, codecs and decimal commas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.cohorts import csv
from benchmark.cohorts.prepared import save
from benchmark.contracts.dialect import commas_to_points, delimiter, parse_numbers, text_codec
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError

SEMICOLON = "pid;nodule_id;image_path;coordX;coordY;coordZ;malignant;age\nA,1;1;a,b.nii;-12,5;30,25;-101;1;63,5\n"


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", ["tab", "TAB", "\\t", "\t"])
def test_a_tab_has_several_names(name: str, tmp_path: Path) -> None:
    assert delimiter(name) == "\t"
    assert list(read_text_table(write(tmp_path / "x.tsv", "a\tb\n1\t2\n"), sep=name).frame) == ["a", "b"]


@pytest.mark.parametrize("name", ["", "foo", ";;", '"', "\n", "a", "1", "；"])
def test_what_is_no_delimiter_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is no delimiter"):
        delimiter(name)


@pytest.mark.parametrize("name", ["foo", "", "base64", "rot13", "hex", "bz2", "undefined", "a\0b"])
def test_what_is_no_codec_of_text_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="is no text encoding"):
        text_codec(name)


def test_spellings_of_utf8_all_drop_the_byte_order_mark(tmp_path: Path) -> None:
    file = write(tmp_path / "x.csv", "\ufeffpid,b\n1,2\n")
    for name in ("utf-8", "utf8", "UTF-8", "U8", "utf-8-sig"):
        assert list(read_text_table(file, encoding=name).frame) == ["pid", "b"]


def test_a_file_without_its_mark_is_not_utf16(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not utf-16"):
        read_text_table(write(tmp_path / "x.csv", "pid,b\n1,2"), encoding="utf-16")


DELIMITED = [(";", "--sep ';'"), ("\t", "--sep tab"), ("|", r"--sep '\|'")]


@pytest.mark.parametrize(("sep", "hint"), DELIMITED)
@pytest.mark.parametrize("required", [(), ("pid",), ("pid", "score")])
def test_another_delimiter_is_named_whatever_is_required(
    sep: str, hint: str, required: tuple[str, ...], tmp_path: Path
) -> None:
    file = write(tmp_path / "x.csv", "pid;score\n1;0.5\n".replace(";", sep))
    with pytest.raises(InputError, match=f"pass {hint}, or save"):
        read_text_table(file, required, sep=",")
    with pytest.raises(InputError, match=f"pass {hint} --decimal comma, or save"):
        read_text_table(write(file, "pid;score\n1;0,5\n2;1\n".replace(";", sep)), required, sep=",")


@pytest.mark.parametrize(("sep", "_"), DELIMITED)
def test_where_it_cannot_be_said_it_is_recognised_by_the_columns(sep: str, _: str, tmp_path: Path) -> None:
    file = write(tmp_path / "x.csv", '"pid";score\nä;0,5\n"b;c";2\nd;3,x\n'.replace(";", sep))
    table = read_text_table(file, ("pid", "score"))
    assert table.frame["pid"].tolist() == ["ä", f"b{sep}c", "d"]
    table.number("score")
    with pytest.raises(InputError) as caught:
        table.finish()
    assert [(p.row, p.value, p.fix[:10]) for p in caught.value.problems] == [
        (2, "0,5", "correct it"),
        (4, "3,x", "correct it"),
    ]
    with pytest.raises(InputError, match="save it comma-separated") as caught:
        read_text_table(file, ("pid", "age"))
    assert "--sep" not in str(caught.value)


def test_a_command_without_the_options_does_not_ask_for_them(tmp_path: Path) -> None:
    numbers = read_text_table(write(tmp_path / "x.csv", "pid;score\n1;0,5\n"), ("pid", "score"))
    numbers.number("score")
    for read in (
        numbers.finish,
        lambda: read_text_table(write(tmp_path / "y.csv", "pid,ä\n", "latin-1"), ("pid",)),
    ):
        with pytest.raises(InputError, match=r"write points|save it as UTF-8") as caught:
            read()
        assert "--" not in str(caught.value)


@pytest.mark.parametrize("sep", [",", ";"])
def test_excels_own_line_is_no_header(sep: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"x\.csv:1 'sep=;' — begins with a line for Excel.*delete that line"):
        read_text_table(write(tmp_path / "x.csv", "sep=;\npid;score\n1;2\n"), ("pid",), sep=sep)


def test_columns_without_a_name_are_called_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 columns have no name"):
        read_text_table(write(tmp_path / "x.csv", "pid,score,,\n1,2,,\n"), ("pid",))


def test_a_decimal_comma_is_named_and_then_read(tmp_path: Path) -> None:
    file = write(tmp_path / "n.csv", SEMICOLON)
    with pytest.raises(InputError, match="--decimal comma") as caught:
        csv.prepare([file], sep=";")
    assert [(p.row, p.column) for p in caught.value.problems] == [(2, "coordX"), (2, "coordY")]
    table = csv.prepare([file], sep=";", decimal="comma").nodules
    assert table[["pid", "image_path", "age"]].iloc[0].tolist() == ["A,1", "a,b.nii", "63.5"]
    assert table[["coordX", "coordY", "coordZ"]].iloc[0].tolist() == [-12.5, 30.25, -101.0]


def test_a_point_beside_decimal_commas_is_no_number(tmp_path: Path) -> None:
    # 1.234 is a thousand in one country and one in another
    file = write(tmp_path / "n.csv", SEMICOLON.replace("30,25", "1.234"))
    with pytest.raises(InputError, match="is not a finite number") as caught:
        csv.prepare([file], sep=";", decimal=",")
    assert caught.value.problems[0].value == "1.234"


@pytest.mark.parametrize("decimal", [".", ","])
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_keep_every_bit(decimal: str, values: list[float]) -> None:
    text = pd.Series([repr(value).replace(".", decimal) for value in values], dtype=object)
    assert parse_numbers(text, decimal).tolist() == values
    assert parse_numbers(pd.concat([text, pd.Series([" +1e0", "1_2", "0x1"])]), decimal)[:-3].tolist() == values
    assert commas_to_points(text).str.replace(",", ".").map(float).tolist() == values


def test_what_python_alone_takes_for_a_number_is_none() -> None:
    cells = pd.Series(["1_2", "１", "inf", "nan", "1d3", "True", "", " 3 ", "+4", "1e400"], dtype=object)
    expected = [float("nan")] * 7 + [3, 4, float("nan")]
    np.testing.assert_array_equal(parse_numbers(cells, "."), expected)


class TestLabelMaps:
    RATINGS = "pid,nodule_id,malignant\nA1,1,5\nA2,1,2\nA3,1,3\nA4,1,1\n"

    def prepare(self, tmp_path: Path, **label_map: str) -> pd.DataFrame:
        pairs = {key.removeprefix("r"): value for key, value in label_map.items()}
        prepared = csv.prepare([write(tmp_path / "r.csv", self.RATINGS)], label_map=pairs)
        return save(prepared, tmp_path / "c").nodules

    def test_a_rating_can_mean_no_label(self, tmp_path: Path) -> None:
        table = self.prepare(tmp_path, r1="0", r2="0", r3="", r4="1", r5="1")
        assert table["malignant"].isna().tolist() == [False, False, True, False]
        assert table["malignant"].dropna().tolist() == [1, 0, 0]

    def test_a_rating_of_one_that_was_forgotten_is_not_malignant(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="--label-map leaves out") as caught:
            self.prepare(tmp_path, r2="0", r3="", r4="1", r5="1")
        assert [(p.row, p.value) for p in caught.value.problems] == [(5, "1")]

    def test_another_value_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="TEXT= for no label"):
            self.prepare(tmp_path, r1="2")
