"""The catalogue of faults beside this file: complete, and every test that it names is there."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (TESTS / "robustness" / "README.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [FIS]?\d", line)
]
NUMBERS = [
    *(f"F{n}" for n in range(1, 16)),
    *(str(n) for n in range(1, 107)),
    *(f"I{n}" for n in range(1, 26)),
    *(f"S{n}" for n in range(1, 20)),
]


@cache
def _tests_in(file: str) -> frozenset[str]:
    path = TESTS / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return frozenset(re.findall(r"^\s*def (test_\w+)\(", text, re.MULTILINE))


def test_no_number_is_missing_or_there_twice() -> None:
    assert [row[0].strip("| ") for row in ROWS] == NUMBERS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip("| "))
def test_what_holds_it_is_there(row: list[str]) -> None:
    named = re.findall(r"`([^`]*\.py)::([^`]*)`", row[-1])
    assert named
    assert [name for file, name in named if name not in _tests_in(file)] == []


def test_what_is_trusted_is_said() -> None:
    text = (TESTS.parent / "SECURITY.md").read_text(encoding="utf-8")
    for heading in ("Not trusted", "Trusted", "Patients", "Reporting"):
        assert re.search(rf"^## {heading}\n+\S", text, re.MULTILINE), heading
