"""Labels of a table: 0 and 1, or words that can only mean the one or the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pandas as pd

from benchmark.contracts.any_table import without_missing
from benchmark.contracts.cells import cell_text, plain_number, presence
from benchmark.contracts.text_table import TextTable
from benchmark.errors import Problem

_SUBJECTS: Final = ("malignant", "cancer", "lung cancer", "malignancy", "malign")
_WORDS: Final = {"benign": 0, "control": 0, "neg": 0, "n": 0, "f": 0, "case": 1, "pos": 1, "y": 1, "t": 1}

_SHOWN: Final = 8


def meaning_of_label(text: str) -> int | None:
    """1 for malignant, 0 for benign; None if a cell says neither, or could say both.

    Example:
        >>> [meaning_of_label(text) for text in ("1.0", "Benign", "no cancer", "2")]
        [1, 0, 0, None]
    """
    said = presence(text, _SUBJECTS)
    return _WORDS.get(text.lower().rstrip(". ")) if said is None else int(said)


def are_labels(cells: pd.Series) -> bool:
    """Whether every filled cell of a column is a label and both labels are there."""
    found = {meaning_of_label(cell) for cell in without_missing(cells).unique() if cell}
    return found == {0, 1}


def read_labels(table: TextTable, column: str, label_map: Mapping[str, int | None]) -> pd.Series:
    """A column as labels, ``Int8``; missing where the cell is empty or says that there is no value.

    Args:
        table: The table; what is no label is added to its problems, each spelling once.
        column: The column.
        label_map: What further spellings mean, None for no label. One that maps numbers must map all: where 1 is
            benign and 2 malignant, or 1 to 5 are ratings, 1 is not malignant on its own.
    """
    cells = without_missing(table.frame[column])
    said = {key.strip(): value for key, value in label_map.items()}
    coded = any(plain_number(key) is not None for key in said)
    known: dict[str, int | None] = {"": None}
    for cell in cells.unique():
        if cell in said:
            known[cell] = said[cell]
        elif cell and not (coded and plain_number(cell) is not None):
            known[cell] = meaning_of_label(cell)
    wrong = [cell for cell in cells.unique() if cell and cell not in said and known.get(cell) is None]
    if wrong:
        _report_no_labels(table, column, cells, wrong)
    return pd.Series([known.get(cell) for cell in cells], index=cells.index, dtype="Int8")


def _report_no_labels(table: TextTable, column: str, cells: pd.Series, wrong: list[str]) -> None:
    codes = sorted((cell for cell in cells.unique() if plain_number(cell) is not None), key=float)
    if any(plain_number(cell) is not None for cell in wrong):
        counted = ", ".join(f"{code} ({int((cells == code).sum()):,} rows)" for code in codes[:_SHOWN])
        more = f" and {len(codes) - _SHOWN:,} more" if len(codes) > _SHOWN else ""
        what = f"holds numbers that are no labels: {counted}{more}"
        maps = " ".join(f"--label-map {code}={end}" for code, end in _likely_labels(codes))
        fix = f"say what each means, such as {maps}, or name another column with --label"
        table.problems.append(Problem(what, fix, table.path, 1, column))
        wrong = [cell for cell in wrong if plain_number(cell) is None]
    for cell in wrong[:_SHOWN]:
        rows = (cells == cell).to_numpy()
        what = f"is no label ({int(rows.sum()):,} rows)"
        fix = "say what it means: " + " or ".join(f'--label-map "{cell}={end}"' for end in ("0", "1", ""))
        table.problems.append(
            Problem(what, f"{fix} (no label)", table.path, table.line(int(rows.argmax())), column, cell)
        )
    if len(wrong) > _SHOWN:
        what = f"holds {len(wrong):,} texts that are no labels"
        table.problems.append(Problem(what, "name another column with --label", table.path, 1, column))


def _likely_labels(codes: list[str]) -> list[tuple[str, str]]:
    """An example of what numbers may mean as labels; what is 0 or 1 itself is itself."""
    own = {code: f"{float(code):g}" for code in codes if float(code) in (0, 1)}
    if set(own.values()) == {"0", "1"}:
        return [(code, own.get(code, "")) for code in codes[:_SHOWN]]
    return list(zip(codes, ("0", "1") if len(codes) == 2 else ("0", "1", ""), strict=False))


def words_of_labels(cells: pd.Series, labels: pd.Series) -> str:
    """What each spelling means that is not 0 or 1 itself: ``'benign' = 0, 'malignant' = 1``."""
    pairs = dict.fromkeys(zip(cells.map(cell_text), labels.astype("Float64").fillna(-1), strict=True))
    said = [
        f"{text!r} = {int(value)}"
        for text, value in sorted(pairs, key=lambda pair: (pair[1], pair[0]))
        if value >= 0 and plain_number(text) != value
    ]
    return ", ".join(said[:_SHOWN])
