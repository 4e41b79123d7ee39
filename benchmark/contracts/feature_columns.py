"""Semantic columns under another name: found, so that they are not lost without a word."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from functools import cache, lru_cache
from typing import Final

from benchmark.contracts.vocabulary import BY_COLUMN, FEATURES, SEMANTIC_COLUMNS

_NEAR: Final = 0.85
_SAYS_NOTHING: Final = frozenset({"mm", "nodule", "nodules", "lesion", "has", "is", "presence", "of", "the"})
"""Words that tell no feature from another."""
_OTHER_NAMES: Final = {
    "paracarcinomatousemphysema": "paracicatricial_emphysema",
    "solidcomponentdiameter": "psn_longest_diameter_solid_component",
    "longestdiameter": "longest_axial_diameter_(mm)",
    "levelofsuspicion": "level_of_suspicion_of_lung_cancer",
    "secondnodulemargin": "additional_nodule_margins",
    "margin": "nodule_margins",
    "shape": "nodule_shape",
    "consistency": "nodule_consistency",
    "marginconspicuity": "nodule_margin_conspicuity",
    "reticulation": "nodule_reticulation",
    "cyst": "cyst-like_spaces",
    "bronchiectasis": "intra-nodular_bronchiectasis",
    "calcificationeccentric": "eccentric_calcification",
    "conspicuity": "nodule_margin_conspicuity",
    "cavity": "cavitation",
    "suspicion": "level_of_suspicion_of_lung_cancer",
    "long axis": "longest_axial_diameter_(mm)",
    "short axis": "short_diameter_(mm)",
    "solid component": "psn_longest_diameter_solid_component",
}
"""Other names that are not near to the letter; the first is Table S1's own, see ``vocabulary``."""


def renamed_features(names: Sequence[str], columns: Sequence[str] = SEMANTIC_COLUMNS) -> dict[str, str]:
    """Columns that look like a semantic column which the table lacks.

    Args:
        names: Columns of a nodule table.
        columns: The semantic columns that are asked for.

    Returns:
        Name in the table → semantic column: the same but for case, blanks, punctuation, a unit or a plural, or
        spelled almost alike, or another name of the same feature.
    """
    found: dict[str, str] = {}
    for name in names:
        if name in BY_COLUMN:
            continue
        expected = _nearest_feature(_letters(str(name)))
        if expected is not None and expected in columns and expected not in names:
            found[str(name)] = expected
    return found


@cache
def _features_by_letters() -> dict[str, str]:
    forms = {_letters(column): column for column in SEMANTIC_COLUMNS}
    forms |= {_letters(feature.name): feature.column for feature in FEATURES}
    return forms | {_letters(name): column for name, column in _OTHER_NAMES.items()}


@lru_cache(maxsize=4096)
def _nearest_feature(letters: str) -> str | None:
    forms = _features_by_letters()
    if letters in forms:
        return forms[letters]
    ranked = sorted(((SequenceMatcher(None, letters, form).ratio(), form) for form in forms), reverse=True)
    return forms[ranked[0][1]] if ranked[0][0] >= _NEAR else None


def _letters(name: str) -> str:
    """Letters and digits of the words that tell features apart, lower case, each without its plural's s."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())
    return "".join(word.removesuffix("s") for word in words if word not in _SAYS_NOTHING)
