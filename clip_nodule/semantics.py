"""Words for the radiologists' semantic features: from table cells to sentences and prompts.

The features, their columns and classes are the one table of ``benchmark.contracts.vocabulary``; the mapping of
LIDC and LNDb ratings to them is ``benchmark.cohorts.ratings``. Both are re-exported here. Absent and missing
differ everywhere:
an absent feature has the class "Absent", a missing one is None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from benchmark.cohorts.ratings import RatingRules, semantic_features
from benchmark.contracts.text import TEXT
from benchmark.contracts.text_table import nearest
from benchmark.contracts.vocabulary import (
    ABSENT,
    BINARY,
    BY_COLUMN,
    FEATURES,
    MEASURES,
    PRESENT,
    SEMANTIC_COLUMNS,
    SUSPICION,
    Feature,
)
from benchmark.errors import InputError, Problem

__all__ = [
    "ABSENT",
    "BINARY",
    "BY_COLUMN",
    "FEATURES",
    "MEASURES",
    "PRESENT",
    "SEMANTIC_COLUMNS",
    "SUSPICION",
    "WORDS",
    "Feature",
    "RatingRules",
    "class_of",
    "default_prompts",
    "known_features",
    "read_features",
    "semantic_features",
]

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

SUBJECTS: dict[str, str] = {
    "nodule_consistency": "consistency",
    "nodule_margin_conspicuity": "margin conspicuity",
    "nodule_margins": "margin",
    "nodule_shape": "shape",
}
"""How the paper's prompt names a feature with classes: "This nodule [margin] is [spiculated]." (section 3.4)."""

_PRESENT = frozenset({"present", "yes", "true", "positive"})
_ABSENT = frozenset({"absent", "no", "false", "negative", "none"})


def class_of(column: str, text: str) -> str | None:
    """The class of the vocabulary that a cell means, whatever its case or synonym; None if there is none.

    Args:
        column: A column of a feature with classes.
        text: What the cell holds.
    """
    return _SPELLINGS[BY_COLUMN[column].column].get(_plain(text))


def read_features(nodules: pd.DataFrame) -> pd.DataFrame:
    """The semantic columns of a nodule table with every class spelled as in the vocabulary.

    Args:
        nodules: Nodule table; semantic columns that it lacks are taken as missing throughout.

    Returns:
        All ``SEMANTIC_COLUMNS`` on the index of ``nodules``: floats (NaN if missing) for measures in mm, else
        text (missing: what ``pandas.isna`` knows).

    Raises:
        InputError: Names every cell that holds neither a class of its feature nor a length in mm.
    """
    problems: list[Problem] = []
    columns = {
        column: _read(nodules, column, problems) if column in nodules else [None] * len(nodules)
        for column in SEMANTIC_COLUMNS
    }
    if problems:
        raise InputError(problems)
    frame = pd.DataFrame(columns, index=nodules.index, columns=list(SEMANTIC_COLUMNS))
    numbers = [column for column in SEMANTIC_COLUMNS if BY_COLUMN[column].kind == "number"]
    return frame.astype(dict.fromkeys(numbers, float)).astype(
        dict.fromkeys([column for column in SEMANTIC_COLUMNS if column not in numbers], TEXT)
    )


def default_prompts() -> dict[str, dict[str, str]]:
    """The paper's zero-shot prompts (section 3.4): feature column to class to sentence.

    Features with named classes get "This nodule margin is spiculated."; features that are present or absent get
    "There is pleural attachment." against "No findings.", and pleural retraction, which has two grades, "There
    is mild dimpling of the pleura." and "There is obvious dimpling of the pleura." against the same.
    """
    prompts: dict[str, dict[str, str]] = {}
    for feature in FEATURES:
        if feature.kind == "number" or feature.group == "assessment":
            continue
        if feature.column in SUBJECTS:
            subject = SUBJECTS[feature.column]
            prompts[feature.column] = {
                name: f"This nodule {subject} is {WORDS[feature.column][name][0]}." for name in feature.classes
            }
        elif feature.kind == "binary":
            prompts[feature.column] = {PRESENT: f"There is {feature.name}.", ABSENT: "No findings."}
        else:
            prompts[feature.column] = {
                name: "No findings." if name == ABSENT else f"There is {name.lower()} of the pleura."
                for name in feature.classes
            }
    return prompts


def _read(nodules: pd.DataFrame, column: str, problems: list[Problem]) -> list[float | str | None]:
    number = BY_COLUMN[column].kind == "number"
    known: dict[str, float | str | None] = {}
    values: list[float | str | None] = []
    for row, cell in enumerate(nodules[column]):
        if pd.isna(cell) or cell == "":
            values.append(None)
            continue
        text = str(cell)
        if text not in known:
            known[text] = _length(text) if number else class_of(column, text)
        if known[text] is None:
            problems.append(_problem(nodules, row, column, text))
        values.append(known[text])
    return values


def _length(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < 1000 else None


def _problem(nodules: pd.DataFrame, row: int, column: str, text: str) -> Problem:
    feature = BY_COLUMN[column]
    place = {"row": row + 2, "column": column, "value": text}
    if feature.kind == "number":
        return Problem("is not a length in mm", "correct it or leave the cell empty", file="nodules.csv", **place)  # type: ignore[arg-type]
    what = f"is no class of {feature.name}{nearest(text, list(feature.classes))}"
    return Problem(what, f"use one of {', '.join(feature.classes)}", file="nodules.csv", **place)  # type: ignore[arg-type]


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("-", " ").replace("_", " ").split())


def _spellings(feature: Feature) -> Mapping[str, str]:
    table = {_plain(name): name for name in feature.classes}
    for name, words in WORDS.get(feature.column, {}).items():
        table |= {_plain(word): name for word in (*words, *name.split("/"))}
    if feature.kind == "binary":
        table |= dict.fromkeys(_PRESENT, PRESENT) | dict.fromkeys(_ABSENT, ABSENT)
    return table


_SPELLINGS = {feature.column: _spellings(feature) for feature in FEATURES if feature.classes}


def known_features(features: pd.DataFrame, with_suspicion: bool = False) -> Iterator[dict[str, Any]]:
    """Each row's known values by column; the level of suspicion only where it is asked for.

    Args:
        features: What ``read_features`` returned.
        with_suspicion: Keep the level of suspicion.
    """
    columns = [column for column in features if with_suspicion or column != SUSPICION]
    for values in features[columns].itertuples(index=False, name=None):
        yield {str(column): value for column, value in zip(columns, values, strict=True) if not pd.isna(value)}
