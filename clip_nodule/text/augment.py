"""Change a report's words at training time: synonyms and dropped words, from a seed.

As in the paper's code, so that the text encoder does not learn one wording by heart. Numbers, negations and the
words that carry a class are never dropped, because without them the text would say something else.
"""

from __future__ import annotations

import itertools
import re

import numpy as np

SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("mm", "millimeters"),
    ("margin", "border", "boundary"),
    ("margins", "borders", "boundaries"),
    ("shows", "exhibits", "demonstrates", "displays"),
    ("seen", "observed", "noted", "identified"),
    ("size", "extent"),
    ("measures", "spans"),
    ("attachment", "adhesion", "contact"),
    ("retraction", "indentation"),
    ("nodule", "lesion"),
    ("outline", "contour"),
    ("no evidence of", "no sign of", "absence of"),
)
"""Groups of words that can stand for each other; the longest match is replaced."""

DROPPABLE = frozenset(
    {"a", "an", "the", "is", "are", "there", "its", "in", "of", "seen", "noted", "observed", "present"}
    | {"shows", "exhibits", "demonstrates", "displays"}
)
"""Words whose loss leaves the meaning as it was."""

_GROUP = {word: group for group in SYNONYMS for word in group}
_PATTERN = re.compile(
    r"\b(" + "|".join(re.escape(word) for word in sorted(_GROUP, key=len, reverse=True)) + r")\b", re.IGNORECASE
)
_NEGATED = re.compile(r"\b(no|not|without|absent|absence)\b", re.IGNORECASE)


def augment_text(
    text: str,
    rng: np.random.Generator,
    synonyms: float = 0.3,
    drop: float = 0.1,
    most_synonyms: int | None = None,
) -> str:
    """Swap words for synonyms and drop words that carry no finding.

    Args:
        text: A report, or a part of it.
        rng: Source of randomness.
        synonyms: Chance that a word with synonyms is replaced.
        drop: Chance that a droppable word is left out.
        most_synonyms: Words replaced at most, chosen at random among those with synonyms; None for any number.
    """
    turn, chosen = itertools.count(), None
    if most_synonyms is not None:
        chosen = set(rng.permutation(len(_PATTERN.findall(text)))[:most_synonyms].tolist())

    def swap(match: re.Match[str]) -> str:
        if (chosen is not None and next(turn) not in chosen) or rng.random() >= synonyms:
            return match.group()
        group = _GROUP[match.group().lower()]
        others = [word for word in group if word != match.group().lower()]
        word = others[int(rng.integers(len(others)))]
        return word.capitalize() if match.group()[0].isupper() else word

    return "\n".join(_drop(_PATTERN.sub(swap, line), rng, drop) for line in text.split("\n"))


def _drop(line: str, rng: np.random.Generator, chance: float) -> str:
    if chance <= 0:
        return line
    kept = []
    for sentence in re.split(r"(?<=\.) ", line):
        # "X is present" without "present" still says X; "X is not present" must keep all of it.
        fixed = bool(_NEGATED.search(sentence))
        words = sentence.split(" ")
        left = [
            word for word in words if fixed or word.lower().strip(".,:") not in DROPPABLE or rng.random() >= chance
        ]
        shorter = " ".join(left) if left else sentence
        if sentence.endswith(".") and not shorter.endswith("."):
            shorter += "."
        kept.append(shorter)
    return " ".join(kept)
