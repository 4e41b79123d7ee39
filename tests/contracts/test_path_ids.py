"""Ids in paths: what a pattern finds, and one that would run for ever."""

from __future__ import annotations

import time

import pytest

from benchmark.contracts import path_ids
from benchmark.contracts.path_ids import ids_in_paths
from benchmark.errors import InputError

PATHS = ["data/P1/n2/scan.nii.gz", r"C:\data\P2\n1\scan.nii.gz", "elsewhere.nii"]


def test_named_groups_are_found_on_every_system() -> None:
    found = ids_in_paths(PATHS, r".*/(?P<pid>[^/]+)/n(?P<nodule_id>\d+)/[^/]+$")
    assert found == [{"pid": "P1", "nodule_id": "2"}, {"pid": "P2", "nodule_id": "1"}, {}]


def test_a_group_without_a_name_is_the_id() -> None:
    assert ids_in_paths(PATHS, r"(P\d)") == [{"id": "P1"}, {"id": "P2"}, {}]


def test_a_group_that_finds_nothing_is_no_id() -> None:
    assert ids_in_paths(["a/", "a/b"], r"a/(?P<pid>.*)") == [{}, {"pid": "b"}]


@pytest.mark.parametrize(
    ("pattern", "match"),
    [
        ("(", "is no regular expression"),
        ("P1", "has no group for the id"),
        ("(?P<pid>a", "is no regular"),
        ("[", "no reg"),
    ],
)
def test_what_is_no_pattern_is_refused_and_the_syntax_said(pattern: str, match: str) -> None:
    with pytest.raises(InputError, match=match) as caught:
        ids_in_paths(PATHS, pattern)
    assert "Python's regular expressions, e.g. '.*/(?P<pid>[^/]+)/[^/]+$'" in str(caught.value)


@pytest.mark.slow
def test_a_pattern_that_would_never_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(path_ids, "SECONDS", 1)
    begin = time.process_time()
    with pytest.raises(
        InputError, match=r"takes more than 1 s of processor time on 2 paths .* repeats inside repeats"
    ):
        ids_in_paths(["a" * 60 + "c", "b"], "(a+)+b")
    assert time.process_time() - begin < 5
