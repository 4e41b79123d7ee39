"""What to suggest where a table lacks a column: names that are near, and contents that would fit."""

from __future__ import annotations

from difflib import SequenceMatcher
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.dialect import parse_numbers
from benchmark.contracts.roles import NAMES, plain_name
from benchmark.errors import Problem
from benchmark.wording import first_few

LABEL_WORDS: Final = frozenset(
    {"0", "1", "0.0", "1.0", "yes", "no", "true", "false", "benign", "malignant", "negative", "positive", "cancer"}
)
_SEEN: Final = 1000
"""Rows that are looked at."""
_NEAR: Final = 0.7
_SHOWN: Final = 3


def columns_found(frame: pd.DataFrame) -> str:
    """``columns found: a, b, ...``, at most twenty of them."""
    return f"columns found: {first_few(list(frame.columns), 20)}"


def no_column_of_paths(frame: pd.DataFrame, file: Path) -> Problem:
    """What to say where a table has no column in which ``--id-pattern`` could look."""
    likely = guesses(frame, "path")
    fix = f"pass --column path={likely[0] if likely else 'NAME'}; {columns_found(frame)}"
    return Problem("has no column of paths, in which --id-pattern could find ids", fix, file, 1)


def guesses(frame: pd.DataFrame, role: str) -> list[str]:
    """Columns that could have a role which no name gives them, the likeliest first.

    Args:
        frame: The table, all text.
        role: ``pid``, ``label``, ``path``, or another of ``NAMES`` (by its name alone).
    """
    near = [column for column in map(str, frame.columns) if _is_near(column, role)]
    fitting = _BY_CONTENT[role](frame.head(_SEEN)) if role in _BY_CONTENT else []
    both = [column for column in fitting if column in near]
    return list(dict.fromkeys([*both, *near, *fitting]))[:_SHOWN]


def centre_guess(frame: pd.DataFrame) -> tuple[str, ...] | None:
    """Three columns of numbers whose names differ in x, y and z alone."""
    columns = [str(name) for name in frame.columns]
    for column in columns:
        for place, letter in enumerate(column):
            if letter in "xX":
                y, z = "yz" if letter == "x" else "YZ"
                three = tuple(column[:place] + axis + column[place + 1 :] for axis in (letter, y, z))
                if all(name in columns and _numbers(frame[name].head(_SEEN)) for name in three):
                    return three
    return None


def number_columns(frame: pd.DataFrame) -> list[str]:
    """The columns of a table of text that hold numbers, with points or with commas."""
    return [str(name) for name in frame.columns if _numbers(frame[name].head(_SEEN))]


def _is_near(column: str, role: str) -> bool:
    plain = plain_name(column)
    names = [plain_name(name) for name in NAMES[role]]
    return any(
        SequenceMatcher(None, plain, name).ratio() >= _NEAR or (len(name) > 4 and name in plain) for name in names
    )


def _like_ids(frame: pd.DataFrame) -> list[str]:
    """Columns without numbers of a measure, paths or classes: those with the most different texts first."""
    found = {}
    for column in map(str, frame.columns):
        cells = frame[column]
        filled = cells[cells != ""]
        different = filled.nunique()
        measured = filled.str.fullmatch(r"[+-]?\d+[.,]\d+").any()
        if len(filled) < len(cells) or different < min(3, len(cells)) or measured or _paths(cells):
            continue
        found[column] = -different
    return sorted(found, key=lambda column: found[column])


def _like_labels(frame: pd.DataFrame) -> list[str]:
    """Columns with two values, both of them words of a diagnosis."""
    found = []
    for column in map(str, frame.columns):
        values = {cell.strip().lower() for cell in frame[column].unique()} - {""}
        if len(values) == 2 and values <= LABEL_WORDS:
            found.append(column)
    return found


def _like_paths(frame: pd.DataFrame) -> list[str]:
    return [str(column) for column in frame.columns if _paths(frame[column])]


def _paths(cells: pd.Series) -> bool:
    filled = cells[cells != ""]
    return len(filled) > 0 and bool(
        filled.str.contains(r"[/\\]|\.(?:nii|nii\.gz|mha|mhd|nrrd|dcm)$", regex=True).all()
    )


def _numbers(cells: pd.Series) -> bool:
    filled = cells[cells != ""]
    return len(filled) > 0 and any(not pd.isna(parse_numbers(filled, mark)).any() for mark in ".,")


_BY_CONTENT: Final = {"pid": _like_ids, "label": _like_labels, "path": _like_paths}
