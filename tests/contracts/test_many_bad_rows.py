"""Very many bad rows are one line a kind, with their number and the first of them, and take linear time."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.contracts.nodules import read_nodule_table
from benchmark.contracts.scores import read_score_table
from benchmark.errors import GROUPED, LONGEST, InputError, Problem, at_rows, line_ranges

ROWS = 100_000
SECONDS = 30.0
"""Each took 0.1 to 1.2 s where this was written; what is quadratic took 55 s and more."""
SCORES = "model,cohort,pid,nodule_id,fold,score,score_kind,status,reason\n"
FORMS = ("\u00e9", "e\u0301")
NODULES = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,study_date\n"


def score(pid: str, value: object, kind: str = "probability") -> str:
    return f"m,c,{pid},1,ensemble,{value},{kind},scored,"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (lambda i: score(f"p{i}", f"x{i}"), "rows 2-100001:score 'x0', 'x1', 'x2', 'x3', 'x4', ... — is not a"),
        (lambda i: score(f"p{i}", i + 2), "rows 2-100001:score '2', '3', '4', '5', '6', ... — is no probability"),
        (lambda i: score(f" p{i}", 0.5), "rows 2-100001:pid ' p0', ' p1', ' p2', ' p3', ' p4', ... — has"),
        (lambda i: score(f"p{i // 2}", 0.5), "15, 17, ... (50,000 rows):pid 'p0', 'p1',"),
        (lambda i: score(f"{FORMS[i % 2]}{i // 2}", 0.5), "50,000 ids stand in several Unicode forms"),
        (lambda i: score(f"p{i}", 0.5, f"k{i}"), "'k4', ... — is not one of probability, logit, rank"),
    ],
    ids=["text", "range", "blanks", "twice", "forms", "kind"],
)
def test_scores(row: Callable[[int], str], expected: str, tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(SCORES + "\n".join(map(row, range(ROWS))) + "\n", encoding="utf-8")
    begin = time.monotonic()
    with pytest.raises(InputError) as caught:
        read_score_table(tmp_path / "s.csv")
    assert time.monotonic() - begin < SECONDS
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            lambda i: f"p{i},1,a,x{i},2,3,0,2001",
            "rows 2-100001:coordX 'x0', 'x1', 'x2', 'x3', 'x4', ... — is not a",
        ),
        (lambda i: f"p{i},1,a,1,2,3,l{i},2001", "rows 2-100001:malignant 'l0', 'l1', 'l2', 'l3', 'l4', ... — is"),
        (lambda i: f"p{i},1,a,1,2,3,0,d{i}", "'d4', ... — is no date YYYYMMDD or YYYY-MM-DD"),
        (lambda i: f"p{i // 2},1,a,1,2,3,{i % 2},2001", "50,000 nodules stand on several lines, 50,000 of them"),
        (lambda i: f"p,1,a,1,2,3,{i % 2},2001", "20, 21 and 99,980 more with contradicting labels '0', '1'"),
    ],
    ids=["number", "label", "date", "pairs", "one"],
)
def test_nodules(row: Callable[[int], str], expected: str, tmp_path: Path) -> None:
    (tmp_path / "n.csv").write_text(NODULES + "\n".join(map(row, range(ROWS))) + "\n", encoding="utf-8")
    begin = time.monotonic()
    with pytest.raises(InputError) as caught:
        read_nodule_table(tmp_path / "n.csv")
    assert time.monotonic() - begin < SECONDS
    assert expected in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


WRONG = Problem("is wrong", "mend it", "a.csv", column="x")


def test_few_rows_are_problems_of_their_own_and_many_are_one() -> None:
    rows = range(2, GROUPED + 2)
    assert [found.row for found in at_rows(WRONG, rows)] == list(rows)
    [found] = at_rows(WRONG, range(2, GROUPED + 3), ["-", *"+" * GROUPED])
    assert str(found) == "a.csv:rows 2-102:x '-', '+' — is wrong — mend it"
    assert (found.row, found.value) == (2, "-")


def test_rows_with_the_same_fault_are_one_line_and_others_keep_theirs() -> None:
    problems = [
        replace(WRONG, row=2, value="a"),
        replace(WRONG, row=2, value="a", column="y"),
        replace(WRONG, row=4, value="b"),
        replace(WRONG, row=5, value="a"),
        replace(WRONG, row=5, value="z", column="y"),
        replace(WRONG, row=6, value="a", file="b.csv"),
        Problem("is missing", "add it", "a.csv", 1, "z"),
    ]
    assert str(InputError(problems)).splitlines() == [
        "a.csv:rows 2, 4-5 (3 rows):x 'a', 'b' — is wrong — mend it",
        "a.csv:2:y 'a' — is wrong — mend it",
        "a.csv:5:y 'z' — is wrong — mend it",
        "b.csv:6:x 'a' — is wrong — mend it",
        "a.csv:1:z — is missing — add it",
    ]


@given(st.sets(st.integers(1, 40), min_size=1))
def test_ranges_of_lines_are_those_lines(rows: set[int]) -> None:
    words = line_ranges(sorted(rows))
    named = re.findall(r"(\d+)(?:-(\d+))?(?=,|$| \()", words.partition(" (")[0])
    back = {line for first, last in named for line in range(int(first), int(last or first) + 1)}
    assert back <= rows
    assert back == rows or f", ... ({len(rows)} rows)" in words


def test_a_message_is_never_as_long_as_a_file() -> None:
    long = "x" * 10_000_000
    assert len(str(Problem(long, long, "a.csv", 2, long, long))) < 5 * LONGEST
