"""The wordings of every nodule's report text that a run trains on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem
from clip_nodule.runs.settings import Settings
from clip_nodule.text.augment import augment_text
from clip_nodule.text.report import split_report
from clip_nodule.text.template import template_texts

UNKNOWN = "A lung nodule."
"""Text of a nodule none of whose features is known."""
MOST_SENTENCES = 4
OFFERED, TAKEN = 0.5, 0.2
"""Share of texts that the paper's code offers to its two changes, and chance of each change to be made."""
PLAIN_SHARE = 1 - OFFERED + OFFERED * (1 - TAKEN) ** 2
"""Share of texts that the paper's code reads as they are: 0.82."""
MOST_SYNONYMS = 2
"""Words that the paper's code replaces in one text at most."""


def wordings(
    nodules: pd.DataFrame, settings: Settings, seed: int, file: Path | Mapping[str, Path] | None = None
) -> list[list[str]] | None:
    """Texts of every nodule in several wordings.

    Args:
        nodules: The cohort's nodule table, or that of several joined.
        settings: Modality, number of wordings, the report's part, and whether they are augmented.
        seed: Seed of the wordings.
        file: A CSV ``pid, nodule_id, text``, or such files by cohort; template texts are written from the semantic
            columns where there is none.

    Returns:
        Lists of one text a nodule, the first the plain one that validation reads; None for images alone.

    Raises:
        InputError: Nothing is known of any nodule, or ``file`` is given for images alone.
    """
    if settings.network.modality == "vision":
        if file:
            raise InputError(Problem("is not read by a model of images alone", "leave out one of the two",
                                     file if isinstance(file, Path) else None, column="--text"))  # fmt: skip
        return None
    count = settings.data.text_variants if settings.data.text_augment else 1
    files = dict(file) if isinstance(file, Mapping) else {}
    given = read_reports(file, nodules) if isinstance(file, Path) else None
    as_the_paper = settings.data.text_augment == "paper"
    texts: list[list[str]] = []
    for variant in range(count):
        random = np.random.default_rng([seed, variant, 0x7E27])
        if as_the_paper and variant:
            texts.append([changed_as_the_paper(text, random) for text in texts[0]])
            continue
        reports = given if given is not None else _reports_by_cohort(nodules, files, seed + variant)
        texts.append(_wording(reports, settings.data.text_part, variant, random))
    if all(text == UNKNOWN for wording in texts for text in wording):
        what = "no nodule has a semantic feature: all texts are alike, and there is nothing to align images with"
        raise InputError(Problem(what, "add the columns, give --text, or train with --modality vision"))
    return texts


def _reports_by_cohort(nodules: pd.DataFrame, files: Mapping[str, Path], seed: int) -> pd.DataFrame:
    """Reports of the files of those cohorts that have one, template texts of the others."""
    if not files:
        return template_texts(nodules, seed)
    parts = [
        read_reports(files[str(cohort)], own).set_index(own.index)
        if str(cohort) in files
        else template_texts(own, seed)
        for cohort, own in nodules.groupby("cohort", sort=False)
    ]
    return pd.concat(parts).loc[nodules.index]


def read_reports(path: Path, nodules: pd.DataFrame) -> pd.DataFrame:
    """Reports of every nodule from a CSV ``pid, nodule_id, text``, taken apart by ``split_report``.

    Returns:
        Columns ``findings``, ``impression`` and ``text`` (all of it), one row a nodule of ``nodules``. A text that
        heads no impression is findings as a whole; training reads it where a report has no impression. An empty
        one, as `bench text` writes it, says that nothing is known.

    Raises:
        InputError: Names every nodule without a text or with two.
    """
    table = read_text_table(path, ("pid", "nodule_id", "text"))
    frame = table.frame
    table.report(frame.duplicated(["pid", "nodule_id"]), "nodule_id", "has two texts", "keep one row a nodule")
    table.finish()
    texts = {(p, n): t for p, n, t in zip(frame["pid"], frame["nodule_id"], frame["text"], strict=True)}
    pairs = list(zip(nodules["pid"], nodules["nodule_id"], strict=True))
    missing = [
        Problem(f"nodule {nodule!r} of patient {pid!r} has no text", "make it with `bench text`", path)
        for pid, nodule in pairs
        if (pid, nodule) not in texts
    ]
    if missing:
        raise InputError(missing)
    rows = [(*split_report(texts[pair]), texts[pair]) for pair in pairs]
    return pd.DataFrame(rows, columns=["findings", "impression", "text"])


def changed_as_the_paper(text: str, random: np.random.Generator) -> str:
    """A text with synonyms, with words dropped, or both, as often as among the changed ones of the paper's code.

    What is replaced and dropped is ``augment_text``'s choice: the paper's code drops any words in a row, which can
    turn "no cavitation" into "cavitation".
    """
    if text == UNKNOWN:
        return text
    synonyms = dropped = False
    while not (synonyms or dropped):
        synonyms, dropped = (random.random(2) < TAKEN).tolist()
    return augment_text(
        text,
        random,
        synonyms=1.0 if synonyms else 0.0,
        drop=0.1 if dropped else 0.0,
        most_synonyms=MOST_SYNONYMS,
    )


def from_the_word_impression(report: str) -> str:
    """What the paper's code reads of a report: all from the first "impression" on, without line breaks.

    Empty where there is no such word (its code then reads the last character) or nothing after it.
    """
    start = report.lower().find("impression")
    text = report[start:].replace("\n", "") if start >= 0 else ""
    return text if re.sub(r"(?i)^impressions?\W*", "", text) else ""


def _wording(reports: pd.DataFrame, part: str, variant: int, random: np.random.Generator) -> list[str]:
    """One text a report; variant 0 is left as it is, the others have words replaced and dropped."""
    texts = []
    for findings, impression, report in zip(
        reports["findings"], reports["impression"], reports["text"], strict=True
    ):
        if part == "paper":
            text = from_the_word_impression(report) or findings
        elif part == "findings" or (part == "mixed" and variant % 2 == 1):
            text = _some_sentences(findings, random, part) or impression
        else:
            text = impression or findings
        texts.append((augment_text(text, random) if variant and text else text) or UNKNOWN)
    return texts


def _some_sentences(findings: str, random: np.random.Generator, part: str) -> str:
    sentences: Sequence[str] = [s for s in re.split(r"(?<=\.)\s+", findings) if s]
    if part == "findings" or not sentences:
        return findings
    chosen = random.permutation(len(sentences))[: random.integers(1, MOST_SENTENCES + 1)]
    return " ".join(sentences[index] for index in chosen)
