"""Reports by template: one statement a feature in random order, and an impression."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from benchmark.contracts.vocabulary import ABSENT, FEATURES, PRESENT, SUSPICION
from benchmark.wording import in_words
from clip_nodule.text.report import COLUMNS, report_text
from clip_nodule.text.semantics import WORDS, known_features, read_features

CLASS_STATEMENTS: dict[str, tuple[str, ...]] = {
    "nodule_consistency": (
        "The nodule consistency is {}.",
        "The nodule is {} in consistency.",
        "Consistency: {}.",
        "In attenuation the nodule is {}.",
    ),
    "nodule_margin_conspicuity": (
        "The nodule margin conspicuity is {}.",
        "The nodule is {}.",
        "Its outline is {}.",
        "Margin conspicuity: {}.",
    ),
    "nodule_margins": (
        "The nodule margin is {}.",
        "The nodule has {} margins.",
        "Margins are {}.",
        "The border of the nodule is {}.",
    ),
    "nodule_shape": (
        "The nodule shape is {}.",
        "The nodule is {} in shape.",
        "Shape: {}.",
        "The nodule is {}.",
    ),
    "pleural_retraction": (
        "There is pleural retraction with {}.",
        "The pleura shows {}.",
        "There is {} of the pleura.",
        "Pleural retraction: {}.",
    ),
}
PRESENT_STATEMENTS = ("There is {}.", "{} is present.", "{} is seen.", "{} is noted.", "The nodule shows {}.")
ABSENT_STATEMENTS = ("There is no {}.", "{} is absent.", "No {} is seen.", "No evidence of {}.")
SIZE_STATEMENTS = (
    "The nodule measures {} mm.",
    "The nodule is {} mm in size.",
    "Its axial size is {} mm.",
    "Size: {} mm.",
)
OPENINGS = ("{a} {} nodule", "{} nodule", "There is {a} {} nodule", "Pulmonary nodule, {}")
SUSPICION_STATEMENTS = ("The level of suspicion of lung cancer is {}.", "Suspicion of lung cancer: {}.")

DRAWS = 96
"""Random numbers a report; the longest uses about 50."""
_BINARY = tuple((feature.column, feature.name) for feature in FEATURES if feature.kind == "binary")
_GRADED = tuple(column for column in CLASS_STATEMENTS if column != "nodule_margins")

Features = Mapping[str, Any]


def template_texts(nodules: pd.DataFrame, seed: int = 0, with_suspicion: bool = False) -> pd.DataFrame:
    """The reports of ``report_texts`` with the backend ``template``."""
    features = read_features(nodules)
    ids = zip(nodules["pid"].astype(str), nodules["nodule_id"].astype(str), strict=True)
    rows = []
    for (pid, nodule_id), row in zip(ids, known_features(features, with_suspicion), strict=True):
        draws = _draws(seed, pid, nodule_id)
        sentences = findings(row, draws)
        summary = impression(row, draws, with_suspicion)
        rows.append((pid, nodule_id, " ".join(sentences), summary, report_text(sentences, summary)))
    return pd.DataFrame(rows, columns=list(COLUMNS), index=nodules.index)


def findings(row: Features, draws: Iterator[float]) -> list[str]:
    """One sentence a known feature, in random order.

    Args:
        row: Known values by column.
        draws: Uniform numbers in [0, 1) that choose wording and order.
    """
    sentences = []
    if size := size_text(row):
        sentences.append(_pick(SIZE_STATEMENTS, draws).format(size))
    for column in _GRADED:
        if column in row:
            sentences.append(_class_sentence(column, row[column], draws))
    if margins := margin_words(row, draws):
        sentences.append(_pick(CLASS_STATEMENTS["nodule_margins"], draws).format(" and ".join(margins)))
    for column, name in _BINARY:
        if column in row:
            wordings = PRESENT_STATEMENTS if row[column] == PRESENT else ABSENT_STATEMENTS
            sentences.append(agreeing(_pick(wordings, draws), name))
    order = sorted((next(draws), index) for index in range(len(sentences)))
    return [sentences[index] for _, index in order]


def impression(row: Features, draws: Iterator[float], with_suspicion: bool = False) -> str:
    """A sentence or two on what is present; absent features are not mentioned.

    Args:
        row: Known values by column.
        draws: Uniform numbers in [0, 1) that choose the wording.
        with_suspicion: Add the reader's level of suspicion.
    """
    adjectives = []
    if "nodule_consistency" in row:
        adjectives.append(_word("nodule_consistency", row["nodule_consistency"], draws, first=2))
    if "nodule_shape" in row:
        adjectives.append(_word("nodule_shape", row["nodule_shape"], draws, first=2))
    if "nodule_margin_conspicuity" in row:
        adjectives.append(_word("nodule_margin_conspicuity", row["nodule_margin_conspicuity"], draws))
    if size := size_text(row):
        adjectives.insert(0, f"{size} mm")
    tail = []
    if margins := margin_words(row, draws):
        tail.append(f"{' and '.join(margins)} margins")
    if row.get("pleural_retraction", ABSENT) != ABSENT:
        tail.append(f"{_word('pleural_retraction', row['pleural_retraction'], draws)} of the pleura")
    tail += [name for column, name in _BINARY if row.get(column) == PRESENT]
    if not adjectives and not tail:
        sentence = ""
    else:
        words = ", ".join(adjectives)
        opening = _pick(OPENINGS, draws).format(words, a=_article(words)) if words else "Pulmonary nodule"
        sentence = _capital(opening) + (f" with {in_words(tail)}." if tail else ".")
    if with_suspicion and SUSPICION in row:
        level = _pick(SUSPICION_STATEMENTS, draws).format(WORDS[SUSPICION][row[SUSPICION]][0])
        sentence = f"{sentence} {level}".strip()
    return sentence


def size_text(row: Features) -> str:
    """Both axial diameters as 12.3 x 9.0, or the one that is known, in mm; empty if none is."""
    lengths = [row[name] for name in ("longest_axial_diameter_(mm)", "short_diameter_(mm)") if name in row]
    if not lengths and "mean_diameter" in row:
        lengths = [row["mean_diameter"]]
    return " x ".join(f"{length:.1f}" for length in lengths)


def margin_words(row: Features, draws: Iterator[float]) -> list[str]:
    """Words for the margin and the additional margin together, each label once."""
    labels = dict.fromkeys(row[name] for name in ("nodule_margins", "additional_nodule_margins") if name in row)
    return [_word("nodule_margins", label, draws) for label in labels]


def _draws(seed: int, pid: str, nodule_id: str) -> Iterator[float]:
    """``DRAWS`` numbers in [0, 1) that depend on the seed and the nodule alone."""
    # A hash is quicker than seeding a generator for every nodule.
    digest = hashlib.shake_128(f"{seed}\0{pid}\0{nodule_id}".encode()).digest(2 * DRAWS)
    return iter([number / 65536 for number in struct.unpack(f"<{DRAWS}H", digest)])


def _pick(options: Sequence[str], draws: Iterator[float]) -> str:
    return options[int(next(draws) * len(options))]


def _word(column: str, name: str, draws: Iterator[float], first: int | None = None) -> str:
    return _pick(WORDS[column][name][:first], draws)


def _class_sentence(column: str, name: str, draws: Iterator[float]) -> str:
    if name == ABSENT:
        return agreeing(_pick(ABSENT_STATEMENTS, draws), "pleural retraction")
    return _pick(CLASS_STATEMENTS[column], draws).format(_word(column, name, draws))


def agreeing(wording: str, name: str) -> str:
    """A statement about a feature whose verb has its number."""
    return _capital((wording.replace(" is ", " are ") if name.endswith("spaces") else wording).format(name))


def _article(words: str) -> str:
    return "an" if words.startswith(("8", "11.", "18.", "a", "e", "i", "o", "u")) else "a"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
