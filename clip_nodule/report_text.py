"""Report text from semantic features: one statement a feature in random order, and an impression.

What enters the text is a list of columns, not whatever a table happens to hold: neither the outcome nor the
reader's level of suspicion is on it. (The prompt of the paper's ``notebook/tabular2text.ipynb`` asked for "the
suspiciousness of lung cancer", which lets the reader's guess at the outcome into a model's training text;
``with_suspicion`` brings it back for a comparison.) Missing values are left out; absent ones are stated, in the
findings only.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from benchmark.contracts.vocabulary import ABSENT, FEATURES, PRESENT, SUSPICION
from benchmark.errors import InputError, Problem
from clip_nodule.semantics import WORDS, read_features

Backend = Literal["template", "gemini"]
COLUMNS = ("pid", "nodule_id", "findings", "impression", "text")

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

Row = Mapping[str, Any]


def report_texts(
    nodules: pd.DataFrame,
    seed: int = 0,
    backend: Backend = "template",
    with_suspicion: bool = False,
    **gemini: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Report text of every nodule.

    The text of a nodule depends on the seed, its ids and its features alone, not on the rest of the table.

    Args:
        nodules: Nodule table with semantic columns.
        seed: Seed of order and wording.
        backend: ``template`` writes the text here; ``gemini`` asks Google's model (see ``gemini.gemini_texts``).
        with_suspicion: Let the reader's level of suspicion into the impression.
        gemini: Options of the gemini backend.

    Returns:
        Columns ``pid, nodule_id, findings, impression, text``, one row a nodule in the order of ``nodules``.
        Text is empty where no feature is known.

    Raises:
        InputError: A semantic column holds something that is no class of its feature.
    """
    if backend == "gemini":
        from clip_nodule.text.gemini import gemini_texts

        return gemini_texts(nodules, seed=seed, with_suspicion=with_suspicion, **gemini)
    if backend != "template":
        raise InputError(f"no text backend {backend!r} — use template or gemini")
    features = read_features(nodules)
    ids = zip(nodules["pid"].astype(str), nodules["nodule_id"].astype(str), strict=True)
    rows = []
    for (pid, nodule_id), row in zip(ids, known_features(features, with_suspicion), strict=True):
        draws = _draws(seed, pid, nodule_id)
        sentences = findings(row, draws)
        summary = impression(row, draws, with_suspicion)
        rows.append((pid, nodule_id, " ".join(sentences), summary, _report(sentences, summary)))
    return pd.DataFrame(rows, columns=list(COLUMNS), index=nodules.index)


def known_features(features: pd.DataFrame, with_suspicion: bool = False) -> Iterator[dict[str, Any]]:
    """Each row's known values by column; the level of suspicion only where it is asked for.

    Args:
        features: What ``read_features`` returned.
        with_suspicion: Keep the level of suspicion.
    """
    columns = [column for column in features if with_suspicion or column != SUSPICION]
    for values in features[columns].itertuples(index=False, name=None):
        yield {
            str(column): value
            for column, value in zip(columns, values, strict=True)
            if value is not None and value == value
        }


def findings(row: Row, draws: Iterator[float]) -> list[str]:
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


def impression(row: Row, draws: Iterator[float], with_suspicion: bool = False) -> str:
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
        sentence = _capital(opening) + (f" with {_listed(tail)}." if tail else ".")
    if with_suspicion and SUSPICION in row:
        level = _pick(SUSPICION_STATEMENTS, draws).format(WORDS[SUSPICION][row[SUSPICION]][0])
        sentence = f"{sentence} {level}".strip()
    return sentence


def size_text(row: Row) -> str:
    """Both axial diameters as 12.3 x 9.0, or the one that is known, in mm; empty if none is."""
    lengths = [row[name] for name in ("longest_axial_diameter_(mm)", "short_diameter_(mm)") if name in row]
    if not lengths and "mean_diameter" in row:
        lengths = [row["mean_diameter"]]
    return " x ".join(f"{length:.1f}" for length in lengths)


def margin_words(row: Row, draws: Iterator[float]) -> list[str]:
    """Words for the margin and the additional margin together, each label once."""
    labels = dict.fromkeys(row[name] for name in ("nodule_margins", "additional_nodule_margins") if name in row)
    return [_word("nodule_margins", label, draws) for label in labels]


def read_text_folder(folder: Path | str, nodules: pd.DataFrame) -> pd.DataFrame:
    """Read text files as the paper's code had them: ``<pid>_<nodule_id>.txt``, findings above an impression.

    Args:
        folder: Holds the files.
        nodules: Nodule table; every nodule needs its file.

    Returns:
        The columns of ``report_texts``.

    Raises:
        InputError: Names every nodule without a file, and every file that is empty or not UTF-8.
    """
    folder = Path(folder)
    rows, problems = [], []
    for pid, nodule_id in zip(nodules["pid"].astype(str), nodules["nodule_id"].astype(str), strict=True):
        path = folder / f"{pid}_{nodule_id}.txt"
        if path.resolve().parent != folder.resolve() or not path.is_file():
            problems.append(Problem(f"nodule {nodule_id!r} of patient {pid!r} has no text", "add its file", path))
            continue
        try:
            text = path.read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            problems.append(Problem("is not UTF-8", "save it as UTF-8", path))
            continue
        if not text:
            problems.append(Problem("is empty", "write the report or remove the nodule", path))
            continue
        rows.append((pid, nodule_id, *split_report(text), text))
    if problems:
        raise InputError(problems)
    return pd.DataFrame(rows, columns=list(COLUMNS), index=nodules.index)


def split_report(text: str) -> tuple[str, str]:
    """Findings and impression of a report; everything is findings where no impression is headed.

    Either part comes back without its heading, bullets and line breaks.
    """
    place = text.lower().find("impression")
    head, tail = (text, "") if place < 0 else (text[:place], text[place + len("impression") :])
    start = head.lower().find("findings")
    head = head if start < 0 else head[start + len("findings") :]
    return _one_line(head), _one_line(tail)


def _one_line(text: str) -> str:
    lines = (line.strip(" \t-*#:•") for line in text.splitlines())
    return " ".join(line for line in lines if line)


def _report(sentences: Sequence[str], summary: str) -> str:
    if not sentences and not summary:
        return ""
    return "\n".join(["Findings:", *(f"- {sentence}" for sentence in sentences), "", "Impression:", summary])


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


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
