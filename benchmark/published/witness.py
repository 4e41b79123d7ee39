"""A ranking that has the printed areas and operating points, or comes as near to them as it can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from benchmark.published.approach import approach
from benchmark.published.areas import area_box, twice_u_range
from benchmark.published.blocks import Blocks, as_blocks, bent_path
from benchmark.published.counts import CurvePoint, PrintedRow, Span, find_chain
from benchmark.published.enumerated import path_within
from benchmark.published.printed import Printed
from benchmark.published.region import Hull
from benchmark.published.staircase import Gate, Paths, Staircase, gated_paths

_DIRECTIONS = 16
_KICKS = 160
"""Further starts, each an earlier one with some blocks shifted, before the nearest ranking is taken."""
_KICK_SEED = 0
_MANY = 3000
"""Positives above which fewer arcs are tried: shifts of so many are fine enough."""
_LAST = 4
"""Extreme rankings to start from when no ranking has both areas; the last ones found lie nearest."""


@dataclass(frozen=True)
class Target:
    """What a ranking is to print.

    Attributes:
        positives: P.
        negatives: N.
        rows: Operating points that can be true together.
        auroc: Printed AUROC.
        auprc: Printed AUPRC.
    """

    positives: int
    negatives: int
    rows: tuple[PrintedRow, ...]
    auroc: Printed | None
    auprc: Printed | None


def find_ranking(target: Target) -> Staircase:
    """A ranking that prints the target, or one near it; without ties if there is one.

    Deterministic: blocks of the ranking are shifted towards the printed areas (`approach`), from an even spread
    of the positives, which is nearly always enough; then small rankings are enumerated, and extreme rankings and
    neighbours of all these serve as further starts.
    """
    nearest: tuple[float, Staircase] | None = None
    for ties in (False, True):
        chain = find_chain(target.rows, target.positives, target.negatives, ties=ties)
        if chain is None:
            continue
        paths = gated_paths(target.rows, target.positives, target.negatives, ties=ties)
        if any(row.rule != "ge" for row in target.rows):
            paths = replace(paths, gates=tuple(_exact_gate(point, target.negatives) for point in chain))
        for stairs in _attempts(target, paths, chain):
            left = _distance(target, stairs)
            if left == 0:
                return stairs
            if nearest is None or left < nearest[0]:
                nearest = left, stairs
    if nearest is None:
        return find_ranking(Target(target.positives, target.negatives, (), target.auroc, target.auprc))
    return nearest[1]


def _exact_gate(point: CurvePoint, negatives: int) -> Gate:
    """Asks a path for one point; a recall that is not reached from above gives no other bound."""
    return Gate(point.tp, (Span(point.fp, point.tp, point.tp),), negatives)


def _attempts(target: Target, paths: Paths, chain: Sequence[CurvePoint]) -> Iterator[Staircase]:
    """Rankings that pass the operating points, each as near the areas as its shifts allow."""
    gates = paths.gates
    plain = bent_path(chain, gates, target.positives, target.negatives, _bend(target, chain, paths))
    yield _shifted(target, as_blocks(plain, gates, loose=paths.ties), paths.ties)
    if not paths.searchable:
        return
    hull = Hull(paths)
    if hull.separates(area_box(target.auroc, target.auprc)):
        for furthest in hull.found[-_LAST:]:
            yield _shifted(target, as_blocks(furthest, gates, loose=paths.ties), paths.ties)
        return
    found = path_within(paths, _twice_u(target, paths.ties), _inner(target))
    if isinstance(found, Staircase):
        yield found
    seen = set()
    for angle in np.arange(_DIRECTIONS) * 2 * np.pi / _DIRECTIONS:
        stairs = paths.extreme(float(np.cos(angle)), float(np.sin(angle)))
        if stairs is not None and stairs.vertices not in seen:
            seen.add(stairs.vertices)
            for pieces in (1, 3, target.positives) if paths.ties else (1,):
                yield _shifted(target, as_blocks(stairs, gates, loose=paths.ties, pieces=pieces), paths.ties)
    rng = np.random.default_rng(_KICK_SEED)
    starts = [plain, *(Staircase(vertices) for vertices in sorted(seen))]
    for at in range(min(_KICKS, _KICKS * 60 // target.positives)):
        start = starts[at % len(starts)]
        blocks = as_blocks(start, gates, loose=paths.ties, trade=paths.ties, pieces=1 + 2 * (at % 2))
        blocks.kick(rng, at // len(starts))
        yield _shifted(target, blocks, paths.ties)


def _bend(target: Target, chain: Sequence[CurvePoint], paths: Paths) -> tuple[float, float]:
    """Exponents of arcs whose areas come near the printed ones, so that few shifts are left to make.

    For each exponent of the first arc, halving finds that of the others which gives the AUROC; the first is the
    one whose average precision is then nearest.
    """
    best, nearest = (1.0, 1.0), np.inf
    for first in 2.0 ** np.arange(-4, 4.5, 0.5 if target.positives < _MANY else 4):
        low, high = -5.0, 5.0
        while high - low > 0.05:
            middle = (low + high) / 2
            stairs = bent_path(chain, paths.gates, target.positives, target.negatives, (float(first), 2.0**middle))
            if target.auroc is not None and stairs.auroc < target.auroc.value:
                low = middle
            else:
                high = middle
        off = _distance(target, stairs)
        if off < nearest:
            best, nearest = (float(first), 2.0**middle), off
    return best


def _shifted(target: Target, blocks: Blocks, ties: bool) -> Staircase:
    twice_u = _twice_u(target, ties)
    low, high = _inner(target)
    if target.auroc is None and target.auprc is None:
        return blocks.staircase()
    middle = (twice_u[0] + twice_u[-1]) / 2 if twice_u else _middle_u(target)
    half_u = (twice_u[-1] - twice_u[0]) / 2 if twice_u else 0.5
    if target.auroc is None:
        middle, half_u = float(blocks.twice_u()), float(2 * target.positives * target.negatives)
    aim = (low + high) / 2 if target.auprc is not None else blocks.average_precision()
    half = (high - low) / 2 if target.auprc is not None else 1.0
    approach(blocks, (middle, aim), (half_u, half))
    return blocks.staircase()


def _middle_u(target: Target) -> float:
    value = float(target.auroc.value) if target.auroc else 0.5
    return 2 * target.positives * target.negatives * min(1.0, max(0.0, value))


def _twice_u(target: Target, ties: bool) -> range:
    """Values of twice U whose AUROC prints as wanted, ends that would round elsewhere left out."""
    values = twice_u_range(target.auroc, target.positives, target.negatives, ties=ties)
    if target.auroc is None or not values:
        return values
    whole = 2 * target.positives * target.negatives
    first, last = 0, len(values) - 1
    while first <= last and not target.auroc.is_print_of(Fraction(values[first], whole)):
        first += 1
    while last >= first and not target.auroc.is_print_of(Fraction(values[last], whole)):
        last -= 1
    return values[first : last + 1] if first <= last else values


def _inner(target: Target) -> tuple[float, float]:
    box = area_box(None, target.auprc)
    margin = 1e-6 * (box.high[1] - box.low[1])
    return box.low[1] + margin, box.high[1] - margin


def _distance(target: Target, stairs: Staircase) -> float:
    """How far the areas are from their printed digits, in units of the last; 0 if both print."""
    total = 0.0
    for value, printed in ((stairs.auroc, target.auroc), (stairs.average_precision, target.auprc)):
        if printed is not None and not printed.is_print_of(value):
            total += max(1e-9, float(abs(value - printed.value) / printed.slack))
    return total
