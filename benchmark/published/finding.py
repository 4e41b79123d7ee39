"""What an audit says of one printed item."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

FindingVerdict = Literal[
    "possible", "impossible", "contradicts printed n", "other patients", "only with ties", "unattainable"
]

MEANINGS: Final[dict[FindingVerdict, str]] = {
    "possible": "nothing printed excludes it; that does not make it right",
    "impossible": "no patients that can be meant give the printed digits, or they exclude each other",
    "contradicts printed n": "it can be true, but of other numbers of patients than those printed",
    "other patients": "it can be true, but not of the patients of the other models of its cohort",
    "only with ties": "it can be true only if patients with and without cancer have equal scores",
    "unattainable": "the test cannot give a p that small, whatever the results are",
}
"""What follows from each verdict, in words."""
MOST_LISTED = 1000
"""Candidates up to which every finding of a model lists them; above, only the finding on its patients does."""


@dataclass(frozen=True)
class Finding:
    """A verdict on one printed item.

    Attributes:
        cohort: Cohort, or None for a table that names none.
        model: Model, or None for what concerns a cohort or a table.
        item: ``patients``, ``operating point``, ``auroc``, ``auprc``, ``auroc interval``, ``auprc interval``,
            ``classes: <feature>`` or
            ``significance: <block> <metric>``.
        recall: Recall aimed at, for an operating point; the one achieved where none is aimed at.
        verdict: What follows from the printed digits alone.
        detail: Why, with the counts that follow.
        n_positive: Positives that the item was checked with; None if they do not follow.
        n_negative: Negatives.
        candidates: All ``[positives, negatives]`` that make every operating point of the model possible.
    """

    cohort: str | None
    model: str | None
    item: str
    recall: float | None
    verdict: FindingVerdict
    detail: str
    n_positive: int | None = None
    n_negative: int | None = None
    candidates: list[list[int]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The finding as plain values, and what its verdict means."""
        return {**asdict(self), "meaning": MEANINGS[self.verdict]}
