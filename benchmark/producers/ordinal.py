"""Categories of a guideline as ordinal scores: what one is, and how a table of them is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.overlap import exposure
from benchmark.contracts.score_card import ScoreCard, write_score_card
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, check_score_table
from benchmark.contracts.table_writing import write_table

ADDED: Final = ("category", "also_defensible", "rule")
"""Columns of the score table beyond those of the contract."""


class Undecided(Exception):
    """There is no category, for the reason given."""


@dataclass(frozen=True)
class GuidelineCategory:
    """The category of a nodule.

    Attributes:
        category: As the guideline's own module names it; empty where the nodule has none.
        also_defensible: Categories that another reading of the document gives.
        rule: Row of the guideline, or why there is no category.
    """

    category: str
    also_defensible: tuple[str, ...]
    rule: str


@dataclass(frozen=True)
class Guideline:
    """What a score table and its card say of a guideline.

    Attributes:
        name: Name of its producer.
        title: As printed.
        reference: Where it was published.
        categories: From the least to the most suspicious: the place in them is the score.
    """

    name: str
    title: str
    reference: str
    categories: tuple[str, ...]


def write_ordinal_scores(
    guideline: Guideline,
    name: str,
    cohort: Cohort,
    path: Path,
    found: Sequence[GuidelineCategory],
    warnings: Sequence[str] = (),
) -> None:
    """Write category and ordinal score of each nodule, with a card.

    Args:
        guideline: The guideline.
        name: Name in the table.
        cohort: The cohort.
        path: The table.
        found: Category of each row of the nodule table; one outside ``guideline.categories`` fails.
        warnings: What the card must say besides.
    """
    ranks = {category: rank for rank, category in enumerate(guideline.categories, 1)}
    table = pd.DataFrame(
        {
            "model": name,
            "cohort": cohort.name,
            "pid": cohort.nodules["pid"].to_numpy(object),
            "nodule_id": cohort.nodules["nodule_id"].to_numpy(object),
            "fold": ENSEMBLE,
            "score": [float(ranks.get(one.category, float("nan"))) for one in found],
            "score_kind": "rank",
            "status": ["scored" if one.category in ranks else "failed" for one in found],
            "reason": [_reason(one, ranks) for one in found],
        }
    )
    categories = pd.DataFrame(
        [(one.category, ";".join(one.also_defensible), one.rule) for one in found], columns=list(ADDED)
    )
    checked = check_score_table(table[list(COLUMNS)], path)
    write_score_card(_card(guideline, name, cohort, found, warnings), path)
    write_table(pd.concat([checked.reset_index(drop=True), categories], axis=1), path)


def _reason(found: GuidelineCategory, ranks: dict[str, int]) -> str:
    if found.category == "":
        return found.rule
    if found.category not in ranks:
        return f"category {found.category}, {found.rule}"
    return f"also defensible: {', '.join(found.also_defensible)}" if found.also_defensible else ""


def _card(
    guideline: Guideline, name: str, cohort: Cohort, found: Sequence[GuidelineCategory], warnings: Sequence[str]
) -> ScoreCard:
    doubtful = sum(bool(one.also_defensible) for one in found)
    doubt = [f"{doubtful} of {len(found)} nodules allow another reading of the document: see also_defensible"]
    return ScoreCard(
        model=name,
        cohort=cohort.name,
        title=guideline.title,
        producer=f"calculator {guideline.name}",
        trained_on=(),
        exposure=exposure((), cohort.manifest),
        recorded={"reference": guideline.reference, "score": "place in " + ", ".join(guideline.categories)},
        warnings=(*(doubt if doubtful else ()), *warnings),
    )
