"""A run folder that is damaged, or made to do harm, beside a good one: named, never taken for the newest."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import InputError
from clip_nodule.runs.run_folder import MANIFEST, claimed_number, find_run

Make = Callable[[Path], object]


def holding(data: bytes) -> Make:
    return lambda path: path.write_bytes(data)


def linked_from_outside(path: Path) -> None:
    outside = path.parents[2] / "outside.yaml"
    outside.write_text("number: 9\n")
    path.symlink_to(outside)


KINDS: dict[str, Make] = {
    "cut short": holding(b"a: ["),
    "other encoding": holding(b"\xff\xfe\x00"),
    "day that is none": holding(b"number: 2001-99-99\n"),
    "nested without end": holding(b"[" * 20_000),
    "number of 5000 digits": holding(b"number: " + b"9" * 5000),
    "code": holding(b"!!python/object/apply:os.system [x]"),
    "list as a key": holding(b"? [a]\n: 1\n"),
    "NUL": holding(b"a\0b"),
    "empty": holding(b""),
    "list": holding(b"- 1\n"),
    "no number": holding(b"name: x\n"),
    "true for a number": holding(b"number: true\n"),
    "number out of range": holding(b"number: 999999999999\n"),
    "negative number": holding(b"number: -5\n"),
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "link out of the folder": linked_from_outside,
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for name, number in (("bad", None), ("good", 3)):
        (tmp_path / "runs" / name).mkdir(parents=True)
        if number is not None:
            (tmp_path / "runs" / name / MANIFEST).write_text(f"number: {number}\n")
    return tmp_path


@pytest.mark.parametrize("kind", KINDS)
def test_the_newest_run_is_not_guessed_past_one_that_cannot_be_read(results: Path, kind: str) -> None:
    KINDS[kind](results / "runs" / "bad" / MANIFEST)
    with pytest.raises(InputError, match=r"bad/run\.yaml"):
        find_run(results)
    with pytest.raises(InputError, match=r"bad/run\.yaml"), claimed_number(results / "runs"):
        pass
    assert find_run(results, "good").name == "good"
    with pytest.raises(InputError, match=r"is no run.*good"):
        find_run(results, "other")


def test_every_run_that_cannot_be_read_is_named_at_once(results: Path) -> None:
    (results / "runs" / "worse").mkdir()
    for name in ("bad", "worse"):
        (results / "runs" / name / MANIFEST).write_bytes(b"a: [")
    with pytest.raises(InputError) as caught:
        find_run(results)
    assert [problem.file for problem in caught.value.problems] == [
        results / "runs" / name / MANIFEST for name in ("bad", "worse")
    ]
