"""What a report is: findings above an impression, as the paper's text files had them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import is_file, read_text

COLUMNS = ("pid", "nodule_id", "findings", "impression", "text")


def report_text(sentences: Sequence[str], summary: str) -> str:
    """Findings, one a line, above the impression; empty where both are."""
    if not sentences and not summary:
        return ""
    return "\n".join(["Findings:", *(f"- {sentence}" for sentence in sentences), "", "Impression:", summary])


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
        if path.resolve().parent != folder.resolve() or not is_file(path):
            problems.append(Problem(f"nodule {nodule_id!r} of patient {pid!r} has no text", "add its file", path))
            continue
        try:
            text = read_text(path).strip()
        except InputError as error:
            problems += error.problems
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

    A heading is the word at the beginning of a line, with list marks or none, and a colon, a dash or nothing after
    it. Where no line begins so, it may also begin a sentence within a line, but then it needs its colon. The word
    within a statement ("a smooth impression on the pleura") heads nothing. What stands above a headed
    ``Findings`` (technique, history) is left out.

    Returns:
        Both parts without headings, list marks and line breaks.
    """
    headings = list(_HEADED_LINE.finditer(text))
    for name in ("findings", "impression"):
        if not any(_part_of_heading(found) == name for found in headings):
            headings += [found for found in _HEADED_SENTENCE.finditer(text) if _part_of_heading(found) == name]
    headings = sorted(
        {_part_of_heading(found): found for found in reversed(headings)}.values(), key=re.Match.start
    )
    starts = [*(found.start() for found in headings), len(text)]
    parts = {"findings": text[: starts[0]], "impression": ""}
    parts |= {
        _part_of_heading(found): text[found.end() : end] for found, end in zip(headings, starts[1:], strict=True)
    }
    return _without_list_marks(parts["findings"]), _without_list_marks(parts["impression"])


_NAMES = r"(?P<name>findings?|impressions?)"
_HEADED_LINE = re.compile(
    rf"(?im)^(?:[^\S\n]|[-*#_•])*+{_NAMES}[ \t*_]*+(?:[:：][\s*_]*|(?:(?<=\s)|\s)[-–—]\s|[ \t*_.]*+$)"
)
_HEADED_SENTENCE = re.compile(rf"(?i)(?<=[.;!?])\s+[*_]*{_NAMES}[*_]*\s*[:：][\s*_]*")


def _part_of_heading(heading: re.Match[str]) -> str:
    return "impression" if heading["name"].lower().startswith("impression") else "findings"


def _without_list_marks(text: str) -> str:
    """One line of text; a minus before a number is no list mark."""
    lines = (re.sub(r"^(?:[*#•_\s]|[-–](?!\d))+|(?<![*#_\s])[*#_\s]+$", "", line) for line in text.splitlines())
    return re.sub(r"\s+", " ", " ".join(line for line in lines if line))
