"""Which recall the first number of a listed operating point is: the one aimed at, or the one that was achieved.

Papers print both. "FPR at recall 0.9" names a recall aimed at, from which the threshold follows; a table of
sensitivity, specificity and precision prints what a threshold achieved. Taken for the other, a true row is accused
or a wrong one passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from benchmark.published.schema import PrintedPoint, Published

Meaning = Literal["aimed", "achieved", "either"]

_ROUND = 20
"""Recalls aimed at are multiples of 1/20 where they are not above 0.95."""


class ListedRecall(NamedTuple):
    """What the first numbers of a paper's listed rows are.

    Attributes:
        meaning: ``either`` where the digits do not tell.
        reason: Why, in words; empty where the file says it.
    """

    meaning: Meaning
    reason: str


def listed_recall(published: Published) -> ListedRecall:
    """What the first numbers of listed operating points are, as stated or else by their digits.

    A recall aimed at is written shorter than the rates beside it (0.9 beside 0.331); an achieved one like them
    (0.897 beside 0.366). Short round numbers beside rates as short (0.90 beside 0.43) can be either.
    """
    rows = _listed_rows(published)
    if published.listed_recall is not None:
        return ListedRecall(published.listed_recall, "")
    if all(_decimals(row) < _decimals_of_rates(row) for row in rows):
        return ListedRecall("aimed", "it has fewer decimals than the rates beside it")
    if all(_looks_aimed_at(row) for row in rows):
        return ListedRecall("either", "it is as round as one aimed at and has the decimals of one achieved")
    return ListedRecall("achieved", "it has the decimals of the rates beside it")


def read_listed(points: Sequence[PrintedPoint], meaning: Literal["aimed", "achieved"]) -> list[PrintedPoint]:
    """Operating points whose first numbers have got their meaning."""
    name = "recall_target" if meaning == "aimed" else "recall"
    return [
        point if point.listed is None else point.model_copy(update={name: point.listed, "listed": None})
        for point in points
    ]


def _listed_rows(published: Published) -> list[PrintedPoint]:
    tables = published.operating_points.values()
    return [row for models in tables for rows in models.values() for row in rows if row.listed is not None]


def _decimals(row: PrintedPoint) -> int:
    return row.listed.decimals if row.listed is not None else 0


def _decimals_of_rates(row: PrintedPoint) -> int:
    return max((rate.decimals for rate in (row.fpr, row.precision) if rate is not None), default=0)


def _looks_aimed_at(row: PrintedPoint) -> bool:
    if row.listed is None or row.listed.decimals > 2:
        return False
    return row.listed.value >= 1 - 1 / _ROUND or (row.listed.value * _ROUND).denominator == 1
