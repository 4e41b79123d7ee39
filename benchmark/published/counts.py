"""Counts behind printed operating points: which true and false positives round to a printed FPR and precision.

All arithmetic is on integers: with ``d`` decimals, ``fp / n`` prints as ``F / 10^d`` exactly if
``(2F − 1) n ≤ 2 · 10^d · fp ≤ (2F + 1) n`` (both ties count, see `Printed.fits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from benchmark.published.printed import Printed
from benchmark.published.schema import PrintedPoint

Rule = Literal["ge", "closest", "any"]


class CurvePoint(NamedTuple):
    """A vertex of a curve: true and false positives at one threshold."""

    tp: int
    fp: int


class Span(NamedTuple):
    """With ``fp`` false positives, ``low`` to ``high`` true positives print a row."""

    fp: int
    low: int
    high: int


@dataclass(frozen=True)
class PrintedRow:
    """A printed operating point and how its threshold was chosen.

    Attributes:
        recall: Recall aimed at; where none is, the one achieved, by which rows are ordered and named.
        fpr: Printed false positive rate.
        precision: Printed precision.
        rule: How the threshold follows from the recall aimed at; ``any`` where none is: every threshold may be it.
        achieved: Printed recall of the threshold.
        as_float: Whether exact ties must round as Python rounds a float; otherwise they may go either way.
    """

    recall: Fraction
    fpr: Printed | None
    precision: Printed | None
    rule: Rule = "ge"
    as_float: bool = False
    achieved: Printed | None = None

    def needed(self, positives: int) -> int:
        """Smallest number of true positives whose recall reaches the one aimed at, or prints the one achieved."""
        if self.rule == "any":
            return self.recall_range(positives)[0]
        return max(1, -(-self.recall.numerator * positives // self.recall.denominator))

    def untied(self, positives: int) -> int:
        """True positives that a ranking without ties has at this row; of two equally near recalls the higher."""
        needed = self.needed(positives)
        if self.rule == "ge" or needed == 1:
            return needed
        return needed - (2 * (needed - self.recall * positives) > 1)

    def fewest(self, positives: int) -> int:
        """Fewest true positives that any ranking, with ties, has at this row."""
        return 1 if self.rule == "closest" else self.needed(positives)

    def recall_range(self, positives: int) -> tuple[int, int]:
        """Smallest and largest number of true positives that print the recall achieved."""
        if self.achieved is None:
            return 0, positives
        return _printing(self.achieved, positives, as_float=self.as_float)

    def fp_range(self, negatives: int) -> tuple[int, int]:
        """Smallest and largest number of false positives that print the row's FPR."""
        return (0, negatives) if self.fpr is None else _printing(self.fpr, negatives, as_float=self.as_float)

    def tp_range(self, fp: int, positives: int) -> tuple[int, int]:
        """Smallest and largest number of true positives that print precision and recall beside ``fp``."""
        fewest, most = self.recall_range(positives)
        low, high = self._precise_range(fp, positives)
        return max(low, fewest), min(high, most)

    def _precise_range(self, fp: int, positives: int) -> tuple[int, int]:
        if self.precision is None:
            return (0 if self.rule == "any" else 1), positives
        scale, unit = 2 * 10**self.precision.decimals, 2 * self.precision.scaled
        low_share, high_share = unit - 1, unit + 1
        if fp == 0:
            return (1, positives) if low_share <= scale <= high_share else (1, 0)
        low = (
            0
            if low_share <= 0
            else positives + 1
            if low_share >= scale
            else -(-fp * low_share // (scale - low_share))
        )
        high = positives if high_share >= scale else fp * high_share // (scale - high_share)
        low, high = max(0, low), min(positives, high)
        if self.as_float and low <= high:
            low += not self.precision.is_print_of(Fraction(low, low + fp))
            high -= not self.precision.is_print_of(Fraction(high, high + fp))
        return low, high

    def spans(self, positives: int, negatives: int) -> list[Span]:
        """All counts that print this row, whatever recall they reach."""
        low, high = self.fp_range(negatives)
        found = (Span(fp, *self.tp_range(fp, positives)) for fp in range(low, high + 1))
        return [span for span in found if span.low <= span.high]

    def allowed(self, positives: int, negatives: int, *, ties: bool) -> list[Span]:
        """Counts that print this row and that its rule can choose."""
        spans = self.spans(positives, negatives)
        if self.rule == "any":
            return spans
        if ties:
            fewest = self.fewest(positives)
            return [Span(s.fp, max(s.low, fewest), s.high) for s in spans if max(s.low, fewest) <= s.high]
        tp = self.untied(positives)
        return [Span(s.fp, tp, tp) for s in spans if s.low <= tp <= s.high]


def _printing(rate: Printed, whole: int, *, as_float: bool) -> tuple[int, int]:
    """Smallest and largest count of ``whole`` whose share prints as ``rate``."""
    scale, unit = 2 * 10**rate.decimals, 2 * rate.scaled
    low, high = -(-(unit - 1) * whole // scale), (unit + 1) * whole // scale
    if as_float:
        low += not rate.is_print_of(Fraction(low, whole))
        high -= not rate.is_print_of(Fraction(high, whole))
    return max(0, low), min(whole, high)


def as_rows(points: Sequence[PrintedPoint], rule: Literal["ge", "closest"] = "ge") -> list[PrintedRow]:
    """Operating points as rows, by rising recall; a first number without a meaning is one aimed at."""
    rows = []
    for point in points:
        target = point.recall_target or point.listed
        row = PrintedRow(
            point.order.value, point.fpr, point.precision, rule if target else "any", achieved=point.recall
        )
        rows.append(row)
    return sorted(rows, key=lambda row: (row.recall, row.rule == "any", row.fpr.value if row.fpr else 0))


def find_chain(
    rows: Sequence[PrintedRow], positives: int, negatives: int, *, ties: bool
) -> list[CurvePoint] | None:
    """Counts for all rows at once, on one monotone curve.

    Both counts may only rise with recall. Where thresholds follow from a recall aimed at, those of equal recall
    are the same threshold, and a point that already reaches the next row's recall is the next row's point too.

    Returns:
        A point for each row, with as few true positives as possible; None if there is no such chain.
    """
    reached: list[dict[int, list[tuple[int, int]]]] = []
    for row in rows:
        allowed = row.allowed(positives, negatives, ties=ties)
        step = _advance(reached[-1] if reached else None, allowed, row, positives)
        if not step:
            return None
        reached.append(step)
    return _trace_back(reached, rows, positives)


def _advance(
    before: dict[int, list[tuple[int, int]]] | None, allowed: list[Span], row: PrintedRow, positives: int
) -> dict[int, list[tuple[int, int]]]:
    """Reachable intervals of true positives by false positives, after one more row."""
    if before is None:
        step: dict[int, list[tuple[int, int]]] = {}
        for span in allowed:
            step.setdefault(span.fp, []).append((span.low, span.high))
        return step
    needed = row.needed(positives) if row.rule == "ge" else None
    step, fewest, waiting = {}, positives + 1, sorted(before)
    for span in sorted(allowed):
        while waiting and waiting[0] <= span.fp:
            fewest = min([fewest, *(low for low, _ in before[waiting.pop(0)])])
        pieces = []
        if needed is None or fewest < needed:
            pieces.append((max(span.low, fewest + (row.rule != "any")), span.high))
        for low, high in before.get(span.fp, []):
            pieces.append((max(low, span.low, needed or 0), min(high, span.high)))
        kept = [piece for piece in pieces if piece[0] <= piece[1]]
        if kept:
            step.setdefault(span.fp, []).extend(kept)
    return step


def _trace_back(
    reached: list[dict[int, list[tuple[int, int]]]], rows: Sequence[PrintedRow], positives: int
) -> list[CurvePoint] | None:
    """One chain through the reachable intervals, from the last row to the first."""
    if not reached:
        return []
    chain = [min(CurvePoint(low, fp) for fp, pieces in reached[-1].items() for low, _ in pieces)]
    for at in range(len(reached) - 2, -1, -1):
        after, row = chain[0], rows[at + 1]
        limit = min(after.tp, row.needed(positives)) - 1 if row.rule == "ge" else after.tp - (row.rule != "any")
        earlier = [
            CurvePoint(low, fp)
            for fp, pieces in reached[at].items()
            if fp <= after.fp
            for low, high in pieces
            if low <= limit
        ]
        same = any(low <= after.tp <= high for low, high in reached[at].get(after.fp, []))
        must_be_same = row.rule == "ge" and not earlier
        if must_be_same and not same:
            return None
        chain.insert(0, min(earlier) if earlier else after)
    return chain
