"""Dates against the standard library, and what must never pass for one."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.contracts.dates import (
    canonical_date,
    canonical_dates,
    first_or_last,
    how_to_convert,
    report_dates,
    same_date,
)
from benchmark.contracts.nodules import read_nodule_table
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError


@given(st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2199, 12, 31)))
def test_the_two_spellings_of_a_moment_are_one_and_sort_in_time(moment: datetime.datetime) -> None:
    day = moment.date()
    assert canonical_date(f"{day:%Y%m%d}") == canonical_date(day.isoformat()) == f"{day:%Y%m%d}"
    later = moment + datetime.timedelta(seconds=1)
    assert canonical_date(moment.isoformat(" ")) < canonical_date(later.isoformat("T"))


@given(
    st.from_regex(r"(19|20)[0-9]{2}(0[0-9]|1[0-3])[0-3][0-9]|(19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]", fullmatch=True)
)
def test_days_are_those_of_the_standard_library(text: str) -> None:
    try:
        expected = f"{datetime.date.fromisoformat(text):%Y%m%d}"
    except ValueError:
        expected = ""
    assert canonical_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "11/20/2000",
        "20.11.2000",
        "20-11-2000",
        "2000-13-01",
        "1999-02-30",
        "20000230",
        "2000-1-5",
        "20001",
        "200011",
        "1234",
        "20000115.0",
        "2000-0115",
        "200001-15",
        "2000-01-15T25:00",
        "2000-01-15T10:30+01:00",
        "２０００-01-15",
        "٢٠٠٠٠١١٥",
        "15 Jan 2000",
        "36540",
        "NaT",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert canonical_date(text) == ""


def test_midnight_is_the_day_and_a_year_stays_a_year() -> None:
    assert canonical_date("2000-01-15 00:00:00") == "20000115"
    assert canonical_date("2000-01-15T10:30") == canonical_date("2000-01-15 10:30:00") == "20000115T103000"
    assert canonical_date(" 1999 ") == "1999"
    assert same_date("1999", "19990102")
    assert not same_date("1999", "20000102")
    assert not same_date("", "19990102")


def test_missing_cells_are_not_dates_and_not_errors() -> None:
    cells = pd.Series([None, np.nan, "", pd.NA, "1999-01-02"], dtype=object)
    assert canonical_dates(cells).tolist() == ["", "", "", "", "19990102"]
    assert canonical_dates(cells.astype("string")).tolist() == ["", "", "", "", "19990102"]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.dates(datetime.date(1995, 1, 1), datetime.date(2005, 1, 1)))))
def test_the_last_and_first_row_are_those_of_the_calendar(rows: list[tuple[str, datetime.date]]) -> None:
    rows = list(dict.fromkeys(rows))
    people = pd.Series([person for person, _ in rows], dtype=object)
    dates = pd.Series([f"{day:%Y%m%d}" for _, day in rows], dtype=object)
    for last, best in ((True, max), (False, min)):
        expected = [day == best(d for p, d in rows if p == person) for person, day in rows]
        assert first_or_last([people], dates, last=last).tolist() == expected


def test_a_year_and_a_day_in_it_are_both_kept() -> None:
    people = pd.Series(["a", "a", "a", "b", "b"])
    dates = pd.Series(["1999", "19990102", "19980101", "1999", "20000101"])
    assert first_or_last([people], dates, last=True).tolist() == [True, True, False, False, True]


def test_every_bad_cell_is_named_with_the_way_to_convert(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_text("pid,day\na,11/20/2000\nb,2000-11-20\nc,20.11.2000\nd,\n", encoding="utf-8")
    table = read_text_table(file)
    report_dates(table, "day")
    with pytest.raises(InputError, match=re.escape("%m/%d/%Y")) as caught:
        table.finish()
    assert [(p.row, p.value) for p in caught.value.problems] == [(2, "11/20/2000"), (4, "20.11.2000")]


def test_a_nodule_table_with_another_date_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "nodules.csv"
    lines = ["pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,study_date", "a,1,,,,,1,03/15/2001"]
    file.write_text("\n".join([*lines, "a,2,,,,,1,2001-03-15", "a,3,,,,,1,"]) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match="is no date") as caught:
        read_nodule_table(file)
    assert [(p.row, p.column) for p in caught.value.problems] == [(2, "study_date")]


@pytest.mark.parametrize(
    "text", ["3/15/2001", "15.03.2001", "2001/03/15", "2001-3-15", "15-Mar-2001", "20010315.0", "03-15-2001"]
)
def test_the_advice_converts_the_very_cell(text: str) -> None:
    forms = re.findall(r"'(%[^']*)'", how_to_convert(text).split("with F = ")[1])
    dates = [pd.to_datetime(text, format=form, errors="coerce") for form in forms]
    assert "2001-03-15" in [f"{date:%Y-%m-%d}" for date in dates if not pd.isna(date)]


@pytest.mark.parametrize("text", ["2001-02-30", "T0", "37215", "20010230", "2001-03"])
def test_no_format_is_named_that_cannot_read_the_cell(text: str) -> None:
    assert "with F" not in how_to_convert(text)
