"""What a report is: findings above an impression, as the paper's text files had them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from benchmark.errors import InputError, Problem

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
