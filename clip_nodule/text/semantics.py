"""Words for the radiologists' semantic features: from table cells to sentences and prompts.

The features, their columns and classes are the one table of ``benchmark.contracts.vocabulary``; cells are read by
``benchmark.contracts.semantic_cells``; the mapping of LIDC and LNDb ratings is ``benchmark.cohorts.ratings``. All
are re-exported here. Absent and missing differ everywhere: an absent feature has the class "Absent", a missing one
is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from benchmark.cohorts.ratings import RatingRules, semantic_features
from benchmark.contracts.semantic_cells import WORDS, class_of, read_features
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

SUBJECTS: dict[str, str] = {
    "nodule_consistency": "consistency",
    "nodule_margin_conspicuity": "margin conspicuity",
    "nodule_margins": "margin",
    "nodule_shape": "shape",
}
"""How the paper's prompt names a feature with classes: "This nodule [margin] is [spiculated]." (section 3.4)."""


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


def known_features(features: pd.DataFrame, with_suspicion: bool = False) -> Iterator[dict[str, Any]]:
    """Each row's known values by column; the level of suspicion only where it is asked for.

    Args:
        features: What ``read_features`` returned.
        with_suspicion: Keep the level of suspicion.
    """
    columns = [column for column in features if with_suspicion or column != SUSPICION]
    for values in features[columns].itertuples(index=False, name=None):
        yield {str(column): value for column, value in zip(columns, values, strict=True) if not pd.isna(value)}
