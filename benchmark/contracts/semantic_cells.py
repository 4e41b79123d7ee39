"""Semantic features out of a nodule table's cells: the one reading that check, text and models share.

Absent and missing differ everywhere: an absent feature has the class "Absent", a missing one is None. A cell that
could mean either, such as Python's ``None`` in a column of findings, is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from benchmark.contracts.cells import (
    NOT_GIVEN,
    NOT_GIVEN_OR_NOTHING,
    plain_number,
    plain_words,
    presence,
)
from benchmark.contracts.feature_columns import renamed_features
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import nearest
from benchmark.contracts.vocabulary import (
    ABSENT,
    BY_COLUMN,
    FEATURES,
    PRESENT,
    SEMANTIC_COLUMNS,
    SUSPICION,
    Feature,
)
from benchmark.errors import InputError, Problem

LONGEST_MM: Final = 300.0
"""No nodule is longer: a chest is about as wide. Catches codes for missing values such as 999."""
_NEGATING: Final = frozenset({"no", "not", "non", "without", "absent"})
_DEGREES: Final = frozenset({"well", "poorly", "ill", "low", "high", "mild", "obvious"})
SOLID_PART: Final = "psn_longest_diameter_solid_component"
"""The one length that can be 0: of pure ground glass, as in the paper's sample CSV."""

WORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "nodule_consistency": {
        "Solid": ("solid", "uniformly solid", "homogeneously solid"),
        "Pure ground glass": ("pure ground glass", "non-solid", "ground glass"),
        "Semiconsolidation": ("semiconsolidation", "semi-consolidative"),
        "Part-solid": ("part-solid", "subsolid", "mixed solid and ground glass"),
        "Peri-cystic": ("peri-cystic", "arising in the wall of a cyst"),
    },
    "nodule_margin_conspicuity": {
        "Well marginated": ("well marginated", "well defined", "well circumscribed"),
        "Poorly marginated": ("poorly marginated", "poorly defined", "poorly circumscribed"),
    },
    "nodule_margins": {
        "Spiculated/Serrated": ("spiculated", "serrated"),
        "Smooth": ("smooth",),
        "Lobulated": ("lobulated",),
        "Ill-defined": ("ill-defined",),
        "Notched": ("notched",),
    },
    "nodule_shape": {
        "Ovoid": ("ovoid", "oval"),
        "Round": ("round", "rounded", "spherical"),
        "Complex/Irregular": ("irregular", "complex"),
        "Polygonal": ("polygonal", "angular"),
    },
    "pleural_retraction": {
        "Absent": ("absent",),
        "Mild dimpling": ("mild dimpling", "slight dimpling"),
        "Obvious dimpling": ("obvious dimpling", "marked dimpling"),
    },
    SUSPICION: {
        "Very Low": ("very low",),
        "Moderately Low": ("moderately low",),
        "Intermediate": ("intermediate",),
        "Moderately High": ("moderately high",),
        "High": ("high",),
    },
}
"""For each feature with named classes the words for them; the first is the one that prompts use."""

SEVERAL_CLASSES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "nodule_consistency": {"subsolid": ("Part-solid", "Pure ground glass")},
}
"""Words that are written about one class, but do not say which one when they are read."""


def class_of(column: str, text: str) -> str | None:
    """The class of the vocabulary that a text is a word for, whatever its case; None if there is none.

    Args:
        column: A column of a feature with classes.
        text: What the cell holds.
    """
    feature = BY_COLUMN[column]
    if feature.kind == "binary":
        there = presence(text, (plain_words(feature.name),))
        return None if there is None else PRESENT if there else ABSENT
    return _SPELLINGS[feature.column].get(plain_words(text))


def read_features(nodules: pd.DataFrame, columns: Sequence[str] = SEMANTIC_COLUMNS) -> pd.DataFrame:
    """The semantic columns of a nodule table with every class spelled as in the vocabulary.

    Args:
        nodules: Nodule table; semantic columns that it lacks are taken as missing throughout.
        columns: Which columns to read.

    Returns:
        ``columns`` on the index of ``nodules``: floats (NaN if missing) for measures in mm, else objects, text or
        None.

    Raises:
        InputError: Names every cell that holds neither a class of its feature nor a length in mm, and every column
            that is one of ``columns`` under another name.
    """
    table, problems = parse_features(nodules, columns)
    if problems:
        raise InputError(problems)
    return table


def parse_features(
    nodules: pd.DataFrame, columns: Sequence[str] = SEMANTIC_COLUMNS
) -> tuple[pd.DataFrame, list[Problem]]:
    """What ``read_features`` returns and what it would refuse; a problem's row is the line of ``nodules.csv``."""
    problems = [
        Problem(
            f"looks like {expected!r}, which the table lacks: its values would be lost",
            f"rename it to {expected!r}, or to a name unlike it if it holds something else",
            "nodules.csv",
            1,
            name,
        )
        for name, expected in renamed_features(list(nodules.columns), columns).items()
        if not _holds_ratings(nodules[name], BY_COLUMN[expected])
    ]
    read = {}
    for column in columns:
        texts = _cell_texts(nodules[column]) if column in nodules else [""] * len(nodules)
        values, wrong = _column_values(BY_COLUMN[column], column, texts)
        problems += wrong
        is_number = BY_COLUMN[column].kind == "number"
        read[column] = (
            pd.Series(values, index=nodules.index, dtype=float)
            if is_number
            else text_column(values, nodules.index)
        )
    return pd.DataFrame(read, index=nodules.index, columns=list(columns)), problems


def _cell_texts(column: pd.Series) -> list[str]:
    """Cells as text, empty where missing (None, NaN or NA)."""
    cells = zip(column.isna(), column, strict=True)
    return ["" if missing else str(cell) for missing, cell in cells]


def _holds_ratings(column: pd.Series, feature: Feature) -> bool:
    """Whether a column holds numbers where the feature has named classes, as LIDC's ``margin`` does."""
    filled = [text for text in map(str.strip, _cell_texts(column)) if text]
    named = feature.kind in ("classes", "labels")
    return named and bool(filled) and all(plain_number(text) is not None for text in filled)


def _column_values(
    feature: Feature, column: str, texts: Sequence[str]
) -> tuple[list[float | str | None], list[Problem]]:
    known: dict[str, float | str | None] = {}
    refused: dict[str, tuple[str, str]] = {}
    values: list[float | str | None] = []
    problems = []
    for row, text in enumerate(texts):
        if text not in known:
            value = _meaning(feature, column, text.strip())
            if isinstance(value, tuple):
                refused[text] = value
                value = None
            known[text] = value
        if text in refused:
            what, fix = refused[text]
            problems.append(Problem(what, fix, "nodules.csv", row + 2, column, text))
        values.append(known[text])
    return values, problems


def _meaning(feature: Feature, column: str, text: str) -> float | str | tuple[str, str] | None:
    """A length, a class, None if the cell says nothing, or why it is refused and what to do."""
    if not text or text.lower() in NOT_GIVEN:
        return None
    if text.lower() in NOT_GIVEN_OR_NOTHING:
        if ABSENT not in feature.classes:
            return None
        what = f"can mean that {feature.name} is absent or that nobody looked"
        return what, f"write {ABSENT}, or leave the cell empty if it is missing"
    if feature.kind == "number":
        length = plain_number(text)
        if length is not None and 0 <= length <= LONGEST_MM and (length or column == SOLID_PART):
            return length
        fix = f"write a plain number above 0, at most {LONGEST_MM:g}, or leave the cell empty if it is missing"
        return "is not a length in mm", fix
    choices = f"use one of {', '.join(feature.classes)}"
    if several := SEVERAL_CLASSES.get(feature.column, {}).get(plain_words(text)):
        return f"can mean {' or '.join(several)}", choices
    found = class_of(column, text)
    # The class nearest to a negation, or to a word that is neither present nor absent, may be its opposite.
    words = set(plain_words(text).split())
    alike = [name for name in feature.classes if _DEGREES & words == _DEGREES & set(plain_words(name).split())]
    guessed = ABSENT not in feature.classes and not _NEGATING & words
    hint = nearest(text, alike) if guessed else ""
    return found or (f"is no class of {feature.name}{hint}", choices)


def _spellings(feature: Feature) -> Mapping[str, str]:
    table = {plain_words(name): name for name in feature.classes}
    for name, words in WORDS.get(feature.column, {}).items():
        table |= {plain_words(word): name for word in (*words, *name.split("/"))}
    return table


_SPELLINGS: Final = {
    feature.column: _spellings(feature) for feature in FEATURES if feature.kind in ("classes", "labels")
}
