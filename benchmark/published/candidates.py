"""Which numbers of positives and negatives make every printed FPR and precision of a model possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmark.published.counts import PrintedRow, find_chain

FULL_SEARCH = 1500
"""Up to this many patients all pairs are tried; above, only those that add up to the printed number."""
UNKNOWN = (300, 1000)
"""Patients up to which pairs are tried where a paper prints no number; the second if the first yields few."""
MOST_TOTALS = 300
"""Numbers of patients below a large printed one that are tried."""
FEW = 20_000
"""What few means."""
MOST_CHECKED = 20_000
"""Pairs possible only with ties up to which their rows are checked jointly; further ones are kept unchecked."""
MOST_WORK = 30_000
"""Pairs × counts of false positives for one number of negatives up to which that is done."""

Ints = npt.NDArray[np.int64]
_ALWAYS = 2**40


class Candidate(NamedTuple):
    """Positives and negatives that a model may have been scored on.

    Attributes:
        positives: Number of positives.
        negatives: Number of negatives.
        untied: Whether the rows are possible without tied scores.
    """

    positives: int
    negatives: int
    untied: bool


def search_candidates(
    rows: Sequence[PrintedRow], n: int | None = None, positives: int | None = None
) -> list[Candidate]:
    """All (positives, negatives) that make every row possible, each row exactly and all on one monotone curve.

    Args:
        rows: Operating points of one model, by rising recall.
        n: Printed number of patients, an upper bound of the search: a model may be scored on fewer, never on more.
        positives: Printed number of positives; tried whatever the bound.

    Returns:
        The pairs, by total and positives. Above ``FULL_SEARCH`` patients only pairs that add up to ``n`` are
        tried, or else to the next smaller number that yields any, and only the printed pair with ties.
    """
    if n is None:
        found = _search(rows, UNKNOWN[0], positives, None)
        if len(found) < FEW:
            found = _search(rows, UNKNOWN[1], positives, None)
    else:
        found = _search(rows, n, positives, n)
    return [Candidate(*pair, untied) for pair, untied in sorted(found.items(), key=lambda x: (sum(x[0]), x[0]))]


def _search(
    rows: Sequence[PrintedRow], total: int, positives: int | None, n: int | None
) -> dict[tuple[int, int], bool]:
    """Possible pairs of up to ``total`` patients, and whether each is possible without ties."""
    found: dict[tuple[int, int], bool] = {}
    printed = (positives, n - positives) if n is not None and positives is not None else None
    if printed and min(printed) > 0:
        for untied in (True, False):
            if printed not in found and find_chain(rows, *printed, ties=not untied):
                found[printed] = untied
    if n is None and positives is not None:
        total = max(total, min(4 * positives, FULL_SEARCH))
    for p, q in _grids(total):
        if total > FULL_SEARCH and any(sum(pair) > p[0] + q[0] for pair in found):
            break
        if any(row.rule == "any" for row in rows):
            found.update(_jointly(rows, p, q, _each_alone(rows, p, q), len(found)))
            continue
        untied_ok = _untied(rows, p, q)
        found.update(dict.fromkeys(_pairs(p, q, untied_ok), True))
        if p.size and total <= FULL_SEARCH:
            found.update(_with_ties(rows, p, q, ~untied_ok, len(found)))
    return found


def _grids(total: int) -> Iterator[tuple[Ints, Ints]]:
    """Pairs to try, as arrays of positives and negatives; each array holds one number of negatives if it can."""
    if total > FULL_SEARCH:
        for smaller in range(total, total - MOST_TOTALS, -1):
            p = np.arange(1, smaller, dtype=np.int64)
            yield p, smaller - p
        return
    for negatives in range(1, total):
        p = np.arange(1, total - negatives + 1, dtype=np.int64)
        yield p, np.full_like(p, negatives)


def _pairs(p: Ints, q: Ints, keep: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    return list(zip(p[keep].tolist(), q[keep].tolist(), strict=True))


def _untied(rows: Sequence[PrintedRow], p: Ints, q: Ints) -> npt.NDArray[np.bool_]:
    """Pairs whose rows stand on one curve without ties: the true positives follow from the recall."""
    ok = np.ones(p.size, dtype=bool)
    reached_tp, reached_fp, ceiling = np.zeros_like(p), np.zeros_like(p), np.zeros_like(p)
    for row in rows:
        tp = _untied_tp(row, p)
        low, high = _fp_bounds(row, tp, q)
        # Rows that need the same true positives have the same threshold, so one number of false positives.
        same = tp == reached_tp
        ceiling = np.where(same, np.minimum(ceiling, high), high)
        reached_fp = np.maximum(reached_fp, low)
        reached_tp = tp
        fewest, most = _recall_bounds(row, p)
        ok &= (reached_fp <= ceiling) & (tp <= p) & (tp >= fewest) & (tp <= most)
        if not ok.any():
            break
    return ok


def _fp_bounds(row: PrintedRow, tp: Ints, q: Ints) -> tuple[Ints, Ints]:
    """Smallest and largest number of false positives that print a row beside ``tp`` true positives."""
    low, high = np.zeros_like(q), q.copy()
    if row.fpr is not None:
        scale, unit = 2 * 10**row.fpr.decimals, 2 * row.fpr.scaled
        low = np.maximum(low, -(-(unit - 1) * q // scale))
        high = np.minimum(high, (unit + 1) * q // scale)
    if row.precision is not None:
        scale, unit = 2 * 10**row.precision.decimals, 2 * row.precision.scaled
        low = np.maximum(low, -(-tp * (scale - unit - 1) // (unit + 1)))
        if unit - 1 > 0:
            high = np.minimum(high, tp * (scale - unit + 1) // (unit - 1))
    return low, high


def _recall_bounds(row: PrintedRow, p: Ints) -> tuple[Ints, Ints]:
    """`PrintedRow.recall_range` for many numbers of positives."""
    if row.achieved is None:
        return np.zeros_like(p), p
    scale, unit = 2 * 10**row.achieved.decimals, 2 * row.achieved.scaled
    return np.maximum(0, -(-(unit - 1) * p // scale)), np.minimum(p, (unit + 1) * p // scale)


def _each_alone(rows: Sequence[PrintedRow], p: Ints, q: Ints) -> npt.NDArray[np.bool_]:
    """Pairs for which each row by itself has counts that print it."""
    keep = np.ones(p.size, dtype=bool)
    for row in rows:
        fewest, most = _recall_bounds(row, p)
        fewest = fewest if row.rule == "any" else np.maximum(fewest, _needed(row, p) if row.rule == "ge" else 1)
        alone = np.zeros(p.size, dtype=bool)
        for more in range(int((most - fewest).max(initial=-1)) + 1):
            tp = fewest + more
            low, high = _fp_bounds(row, tp, q)
            alone |= (tp <= most) & (low <= high)
            if alone[keep].all():
                break
        keep &= alone
        if not keep.any():
            break
    return keep


def _jointly(
    rows: Sequence[PrintedRow], p: Ints, q: Ints, keep: npt.NDArray[np.bool_], found: int
) -> dict[tuple[int, int], bool]:
    """Of pairs whose rows are possible one by one, those with one curve for all; unchecked where too many."""
    pairs = _pairs(p, q, keep)
    work = len(pairs) * sum(high - low + 1 for low, high in (row.fp_range(int(q.max())) for row in rows))
    alone = len(rows) == 1 and rows[0].rule == "any"
    if alone or found + len(pairs) > MOST_CHECKED or work > 10 * MOST_WORK:
        return dict.fromkeys(pairs, True)
    checked = {pair: find_chain(rows, *pair, ties=False) is not None for pair in pairs}
    return {
        pair: untied
        for pair, untied in checked.items()
        if untied or find_chain(rows, *pair, ties=True) is not None
    }


def _with_ties(
    rows: Sequence[PrintedRow], p: Ints, q: Ints, ask: npt.NDArray[np.bool_], found: int
) -> dict[tuple[int, int], bool]:
    """Pairs with one common number of negatives whose rows are possible with ties."""
    tp = np.arange(1, p[-1] + 1, dtype=np.int64)
    keep = ask.copy()
    for row in rows:
        low, high = _fp_bounds(row, tp, np.full_like(tp, q[0]))
        at = np.where(low <= high, tp, _ALWAYS)
        following = np.minimum.accumulate(at[::-1])[::-1]
        achieved = _recall_bounds(row, p)
        fewest = np.maximum(_needed(row, p) if row.rule == "ge" else 1, achieved[0])
        keep &= (fewest <= p) & (following[np.minimum(fewest, p[-1]) - 1] <= achieved[1])
        if not keep.any():
            return {}
    pairs = _pairs(p, q, keep)
    ranges = [row.fp_range(int(q[0])) for row in rows]
    work = len(pairs) * sum(high - low + 1 for low, high in ranges)
    if found + len(pairs) > MOST_CHECKED or work > MOST_WORK:
        return dict.fromkeys(pairs, False)
    return {pair: False for pair in pairs if find_chain(rows, *pair, ties=True) is not None}


def _untied_tp(row: PrintedRow, p: Ints) -> Ints:
    """`PrintedRow.untied` for many numbers of positives."""
    needed = _needed(row, p)
    if row.rule == "ge":
        return needed
    short = 2 * (needed * row.recall.denominator - row.recall.numerator * p) > row.recall.denominator
    return np.where((needed > 1) & short, needed - 1, needed)


def _needed(row: PrintedRow, p: Ints) -> Ints:
    return np.maximum(1, -(-row.recall.numerator * p // row.recall.denominator))


def as_lists(candidates: Sequence[Candidate]) -> list[list[int]]:
    """``[positives, negatives]`` of each candidate, for JSON."""
    return [[c.positives, c.negatives] for c in candidates]
