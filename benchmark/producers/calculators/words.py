"""Words and codes of clinical columns: taken where they can mean one thing, else refused with the reason.

What a code means may depend on the column's name: 1 in ``female`` is a woman, in ``male`` a man, and in ``sex``
either. Every reader here takes the name of a column and returns what reads its cells.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from benchmark.contracts.cells import NO, YES, plain_number, plain_words, presence
from benchmark.producers.calculators.formulas import FDG_UPTAKES, NODULE_TYPES, RACES

_WOMAN: Final = frozenset({"female", "f", "woman", "w"})
_MAN: Final = frozenset({"male", "m", "man"})
_NEGATING: Final = frozenset({"no", "non", "not", "without", "absent", "absence"})
_LOBES: Final = {
    "upper": "upper", "rul": "upper", "lul": "upper", "middle": "middle", "rml": "middle",
    "lower": "lower", "rll": "lower", "lll": "lower",
}  # fmt: skip
_BESIDE_LOBES: Final = frozenset({"lung", "lobe", "lobes", "right", "left", "of", "the", "in", "or", "and"})
_SPICULATED: Final = (
    "spiculated margins", "spiculated margin", "spiculated", "spiculation", "spiculations", "serrated",
)  # fmt: skip
_OTHER_MARGINS: Final = frozenset({"smooth", "lobulated", "ill defined", "notched"})
_TYPES: Final = {
    "solid": "solid",
    "part solid": "part-solid",
    "partsolid": "part-solid",
    "semisolid": "part-solid",
    "semi solid": "part-solid",
    "semiconsolidation": "part-solid",
    "non solid": "non-solid",
    "nonsolid": "non-solid",
    "ground glass": "non-solid",
    "pure ground glass": "non-solid",
    "ggo": "non-solid",
    "ggn": "non-solid",
}
_STATUS: Final = {
    "current": "current", "active": "current", "former": "former", "ex": "former", "past": "former",
    "previous": "former", "never": "never",
}  # fmt: skip


class Said(NamedTuple):
    """What a cell says.

    Attributes:
        value: The number that enters the formula; NaN if there is none.
        refused: Why the cell cannot be taken; empty if it can.
        note: What a reader of the score must know about how it was taken.
    """

    value: float = float("nan")
    refused: str = ""
    note: str = ""


ReadCell = Callable[[str], Said]
CellReader = Callable[[str], ReadCell]


def name_words(column: str) -> tuple[str, ...]:
    """Words of a column's name, lower case: ``NoduleInUpperLung`` → nodule, in, upper, lung."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", column)
    return tuple(re.findall(r"[a-z]+|\d+", spaced.lower()))


def sex(column: str) -> ReadCell:
    """1 for women: by word, or by 1 and 0 where the column's name says whom 1 stands for."""
    words = set(name_words(column))
    women, men = (
        bool(words & {"female", "females", "woman", "women"}),
        bool(words & {"male", "males", "man", "men"}),
    )

    def read(text: str) -> Said:
        said = plain_words(text)
        if women == men or said not in ("f", "t"):
            if said in _WOMAN or said in _MAN:
                return Said(float(said in _WOMAN))
        elif said == "f":
            return Said(refused="can mean female or false")
        if women == men and (said in YES | NO or plain_number(text) is not None):
            return Said(refused=f"column {column!r} does not say whether it is a man or a woman")
        there = presence(text)
        if there is None or women == men:
            return Said(refused="is neither male nor female")
        return Said(float(there == women))

    return read


def flag(*subjects: str) -> CellReader:
    """1 where a finding is there, 0 where it is not.

    Args:
        subjects: Words for the finding, as ``cells.presence`` takes them.
    """

    def for_column(column: str) -> ReadCell:
        negated = _negates(column)

        def read(text: str) -> Said:
            there = presence(text, subjects)
            if there is None:
                return Said(refused="says neither yes nor no")
            return Said(refused=negated) if negated else Said(float(there))

        return read

    return for_column


def upper_lobe(column: str) -> ReadCell:
    """1 for an upper lobe: by the lobe's name, or by yes and no where the column does not hold lobes."""
    words = set(name_words(column))
    lobes = "upper" not in words and bool(words & {"lobe", "lobes", "lob", "loc", "location", "lower", "middle"})

    def read(text: str) -> Said:
        if lobes and (plain_words(text) in YES | NO or plain_number(text) is not None):
            return Said(refused=f"column {column!r} does not say which lobe that is")
        there = presence(text, ("upper lobe", "upper"))
        if there is not None:
            refused = _negates(column) if plain_words(text) in YES | NO else ""
            return Said(refused=refused) if refused else Said(float(there))
        return _lobe(plain_words(text))

    return read


def spiculation(column: str) -> ReadCell:
    """1 for a spiculated margin; a cell may list several margins."""
    negated = _negates(column)

    def read(text: str) -> Said:
        parts = [plain_words(part) for part in re.split(r"[/,;+&|]|\band\b", text.lower()) if part.strip()]
        said = [False if part in _OTHER_MARGINS else presence(part, _SPICULATED) for part in parts]
        coded = any(part in YES | NO for part in parts)
        if plain_number(text) not in (None, 0, 1):
            return Said(refused="can be a rating from 1 to 5, and no cut-off is given")
        if not said or None in said or (len(parts) > 1 and coded):
            return Said(refused="does not say whether the margin is spiculated")
        denied = {part for part, there in zip(parts, said, strict=True) if not there} - _OTHER_MARGINS
        if any(said) and denied:
            return Said(refused="says that the margin is spiculated and that it is not")
        return Said(refused=negated) if negated and coded else Said(float(any(said)))

    return read


def nodule_type(column: str) -> ReadCell:
    """Brock's coefficient of the three types.

    Two of the radiologists' five consistencies are none of the three. A semiconsolidation is denser than ground
    glass and not solid throughout, which leaves part-solid. A peri-cystic nodule is named after where it lies: its
    wall may be solid, part-solid or ground glass, so it has no type until somebody says which.
    """
    del column

    def read(text: str) -> Said:
        said = plain_words(text)
        if said in ("subsolid", "sub solid"):
            return Said(refused="can mean part-solid or non-solid")
        if said in ("peri cystic", "pericystic"):
            return Said(note=f"{text} can be solid, part-solid or non-solid: pass --code 'nodule_type:{text}=...'")
        if said not in _TYPES:
            return Said(refused="is none of the three types")
        note = f"{text} taken as part-solid" if said == "semiconsolidation" else ""
        return Said(NODULE_TYPES[_TYPES[said]], note=note)

    return read


def fdg_uptake(column: str) -> ReadCell:
    """Herder's coefficient of the four grades of uptake; numbers are no grades, since scales differ."""
    del column

    def read(text: str) -> Said:
        grade = plain_words(text).removesuffix(" uptake")
        grade = "absent" if grade == "no" else grade
        if grade not in FDG_UPTAKES:
            return Said(refused="is none of the four grades of uptake")
        return Said(FDG_UPTAKES[grade])

    return read


def race(column: str) -> ReadCell:
    """PLCOm2012's coefficient of a race or ethnic group."""
    del column
    return lambda text: (
        Said(RACES[plain_words(text)]) if plain_words(text) in RACES else Said(refused="is not listed")
    )


def smoker(question: str) -> CellReader:
    """1 where somebody has ever smoked, or smokes now.

    Args:
        question: ``ever`` or ``current``.
    """
    others = {"ever", "current", "currently", "now", "active", "never", "former", "ex", "status"} - {question}

    def for_column(column: str) -> ReadCell:
        asks_otherwise = bool(others & set(name_words(column)))

        def read(text: str) -> Said:
            said = " ".join(w for w in plain_words(text).split() if w not in ("smoker", "smoking", "smoked"))
            if said in _STATUS:
                status = _STATUS[said]
                return Said(float(status != "never" if question == "ever" else status == "current"))
            there = presence(text)
            if there is None and plain_number(text) is None:
                return Said(refused="is none of current, former and never")
            if there is None or asks_otherwise:
                return Said(refused=f"column {column!r} does not say whether that is current, former or never")
            return Said(float(there))

        return read

    return for_column


def _lobe(said: str) -> Said:
    tokens = [token for token in re.split(r"[^a-z0-9?]+", said) if token]
    if "lingula" in tokens:
        return Said(refused="belongs to the left upper lobe, but some count it with the middle lobe")
    negated = bool(tokens) and tokens[0] in _NEGATING
    places = {_LOBES[token] for token in tokens if token in _LOBES}
    known = all(token in _LOBES or token in _BESIDE_LOBES for token in tokens[negated:])
    sided = any(token in ("right", "left", "rul", "lul") for token in tokens)
    if not places or not known or (negated and (sided or places != {"upper"})):
        return Said(refused="does not say whether it is an upper lobe")
    if len(places) > 1 and "upper" in places:
        return Said(refused="names several lobes")
    if "left" in tokens and "middle" in places:
        return Said(refused="is no lobe")
    return Said(float("upper" in places and not negated))


def _negates(column: str) -> str:
    words = sorted(_NEGATING & set(name_words(column)))
    return f"can mean yes or no: the column's name says {words[0]!r}" if words else ""
