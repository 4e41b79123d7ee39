"""Values of a column that a reader would not tell apart are one group, and the reader is told."""

from __future__ import annotations

from typing import Final, NamedTuple

import pandas as pd

from benchmark.contracts.looks import looks_of
from benchmark.contracts.text import text_column
from benchmark.errors import InputError, Problem
from benchmark.statistics.groups import MISSING

SEVERAL: Final = "(several)"
"""Group of a patient whose nodules differ in the column."""


class United(NamedTuple):
    """Values without twins.

    Attributes:
        values: The column; twins have the spelling that most rows have, blanks alone are missing.
        sentences: What was taken as one.
    """

    values: pd.Series
    sentences: tuple[str, ...]


def united_values(values: pd.Series, cohort: str, column: str) -> United:
    """Give values that differ only in case, blanks, dashes or invisible characters one spelling.

    Args:
        values: A column of a nodule table, one row a nodule; numbers stay as they are.
        cohort: Name of the cohort, for errors.
        column: Its name.

    Raises:
        InputError: A value is the name of one of the groups that the program makes itself.
    """
    if pd.api.types.is_numeric_dtype(values):
        return United(values, ())
    known = values.notna().to_numpy()
    texts = values[known].astype(str)
    looks = texts.map(looks_of)
    taken = sorted(set(texts[looks.isin([SEVERAL, MISSING])]))
    if taken:
        what = "is the name of a group of its own here"
        raise InputError(
            [Problem(what, "call it something else", f"cohort {cohort}", column=column, value=v) for v in taken]
        )
    chosen: dict[str, str | None] = {"": None}
    sentences = []
    for look, spellings in texts[looks != ""].groupby(looks[looks != ""], sort=False):
        numbers = spellings.map(lambda text: " ".join(text.split())).value_counts(sort=False)
        chosen[str(look)] = str(numbers.idxmax())
        if len(found := list(dict.fromkeys(spellings))) > 1:
            listed = ", ".join(map(repr, found[:-1])) + f" and {found[-1]!r}"
            sentences.append(f"{column}: {listed} are one group, {chosen[str(look)]!r}.")
    blank = int((looks == "").sum())
    if blank:
        sentences.append(f"{column}: blanks alone in {blank} rows count as missing.")
    cells: list[str | None] = [None] * len(values)
    for at, look in zip(known.nonzero()[0], looks, strict=True):
        cells[at] = chosen[look]
    return United(text_column(cells, values.index), tuple(sentences))


def told_apart(first: float, second: float) -> tuple[str, str]:
    """Two numbers with as few digits, four at least, as tell them apart; one text where they are equal."""
    for digits in range(4, 18):
        texts = f"{first:.{digits}g}", f"{second:.{digits}g}"
        if texts[0] != texts[1] or first == second:
            break
    return texts
