"""Very many bad rows are one line a kind, with their number and the first of them, and take linear time."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.contracts.nodules import read_nodule_table
from benchmark.contracts.scores import read_score_table
from benchmark.errors import GROUPED, LONGEST, InputError, Problem, at_rows

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
        (lambda i: score(f"p{i}", f"x{i}"), "2:score 'x0' — is not a finite number (in 100,000 rows"),
        (lambda i: score(f"p{i}", i + 2), "is no probability (in 100,000 rows"),
        (lambda i: score(f" p{i}", 0.5), "has outer blanks or invisible characters (in 100,000 rows"),
        (lambda i: score(f"p{i // 2}", 0.5), "is scored twice by one model and fold (in 50,000 rows"),
        (lambda i: score(f"{FORMS[i % 2]}{i // 2}", 0.5), "50,000 ids stand in several Unicode forms"),
        (lambda i: score(f"p{i}", 0.5, f"k{i}"), "is not one of probability, logit, rank (in 100,000 rows"),
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
        (lambda i: f"p{i},1,a,x{i},2,3,0,2001", "2:coordX 'x0' — is not a finite number (in 100,000 rows"),
        (lambda i: f"p{i},1,a,1,2,3,l{i},2001", "is not a label (in 100,000 rows"),
        (lambda i: f"p{i},1,a,1,2,3,0,d{i}", "is no date YYYYMMDD or YYYY-MM-DD (in 100,000 rows"),
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


def test_few_rows_have_a_line_each() -> None:
    problem = Problem("is wrong", "mend it", "a.csv", column="x")
    rows = range(2, GROUPED + 2)
    assert [found.row for found in at_rows(problem, rows)] == list(rows)
    [found] = at_rows(problem, range(2, GROUPED + 3))
    assert str(found) == "a.csv:2:x — is wrong (in 101 rows, the first on lines 2, 3, 4, 5, 6) — mend it"


def test_a_message_is_never_as_long_as_a_file() -> None:
    long = "x" * 10_000_000
    assert len(str(Problem(long, long, "a.csv", 2, long, long))) < 5 * LONGEST
