"""What one cell of a table says, if it can say one thing only: a number, present or absent, or nothing."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

import pandas as pd

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)", re.ASCII)
_BETWEEN_WORDS: Final = re.compile(r"[\s_\-\u2010-\u2015]+")
NOT_GIVEN: Final = frozenset(
    {"nan", "na", "n/a", "#n/a", "<na>", "nat", "null", "unknown", "not available", "not given"}
)
"""Words that can only say that a value is missing, as programs and spreadsheets write them."""
NOT_GIVEN_OR_NOTHING: Final = frozenset({"none", "nil", "-", "--", "\u2013", "\u2014"})
"""Words that say "missing" (Python writes ``None``) or "nothing was found" (people do)."""
YES: Final = frozenset({"1", "1.0", "yes", "true", "present", "positive"})
NO: Final = frozenset({"0", "0.0", "no", "false", "absent", "negative"})


def cell_text(cell: object) -> str:
    """A cell as text without outer blanks; empty if it is missing (None, NaN or NA)."""
    return "" if cell is None or bool(pd.isna(cell)) else str(cell).strip()  # type: ignore[call-overload]


def plain_number(text: str) -> float | None:
    """A number in plain ASCII decimal notation; None for anything else.

    Stricter than ``float``, which also takes ``1_2`` (as 12), ``nan``, ``inf`` and digits of other scripts. An
    exponent is refused too: no length, age or count is written with one, but spreadsheets turn ids into it.
    """
    return float(text) if _NUMBER.fullmatch(text) else None


def plain_words(text: str) -> str:
    """Lower case, with one blank for every run of blanks, hyphens and underscores."""
    return _BETWEEN_WORDS.sub(" ", text.lower()).strip()


def presence(text: str, subjects: Collection[str] = ()) -> bool | None:
    """Whether a cell says that a finding is there.

    Args:
        text: The cell.
        subjects: Words for the finding as ``plain_words`` writes them: "emphysema" lets "no emphysema",
            "emphysema absent", "emphysema: yes" and "emphysema" be understood.

    Returns:
        True or False; None if the cell says neither, or could say both (``None``, ``-``).
    """
    if (number := plain_number(text.strip())) is not None:  # -1 is a code for missing, not a 1 with a hyphen
        return {0.0: False, 1.0: True}.get(number)
    said = plain_words(text.replace(":", " ").replace("=", " ")).rstrip(". ")
    for subject in subjects:
        if said == subject:
            return True
        if said in (f"no {subject}", f"not {subject}", f"non {subject}", f"without {subject}"):
            return False
        if said.startswith(f"{subject} ") or said.endswith(f" {subject}"):
            said = said.removeprefix(f"{subject} ").removesuffix(f" {subject}")
            break
    if said in YES:
        return True
    return False if said in NO or said == "not present" else None
