"""A path as blocks of tied cases that can be shifted."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmark.published.counts import CurvePoint, Span
from benchmark.published.staircase import Gate, Staircase

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST_SHIFTED = 800
"""Blocks up to which all are shifted."""
_STEPS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377)


class Move(NamedTuple):
    """Shift of one block: its negatives before, its negatives after, the positives before it."""

    block: int
    start: int
    end: int
    t: int


@dataclass
class Blocks:
    """Blocks of cases that each hold a positive, from the highest score down.

    Block ``i`` leads from ``(t[i], start[i])`` to ``(t[i + 1], end[i])`` (true positives, false positives).
    Negatives between two blocks stand alone. A block with ``start == end`` holds no negative; one without
    positives counts nothing.

    Attributes:
        positives: P.
        negatives: N.
        t: True positives before each block and after the last, ``(k + 1,)``.
        start: False positives before each block, ``(k,)``.
        end: False positives after it, ``(k,)``.
        low: Smallest ``end`` that the printed operating points allow, ``(k,)``.
        high: Largest.
        cap: Largest ``t`` before each block that keeps the operating points where they are, ``(k,)``; 0 where it
            may not move.
        loose: Whether blocks may hold negatives.
    """

    positives: int
    negatives: int
    t: Ints
    start: Ints
    end: Ints
    low: Ints
    high: Ints
    cap: Ints
    loose: Mask

    def twice_u(self) -> int:
        """Twice Mann and Whitney's U."""
        return int((np.diff(self.t) * (2 * self.negatives - self.start - self.end)).sum())

    def average_precision(self) -> float:
        """Average precision."""
        after = self.t[1:]
        return float((np.diff(self.t) * after / np.maximum(after + self.end, 1)).sum() / self.positives)

    def staircase(self) -> Staircase:
        """The path."""
        vertices = [CurvePoint(0, 0)]
        for at in np.flatnonzero(np.diff(self.t)):
            begin = CurvePoint(int(self.t[at]), int(self.start[at]))
            finish = CurvePoint(int(self.t[at + 1]), int(self.end[at]))
            vertices += [point for point in (begin, finish) if point != vertices[-1]]
        last = CurvePoint(self.positives, self.negatives)
        return Staircase(tuple(vertices if vertices[-1] == last else [*vertices, last]))

    def moves(self) -> Ints:
        """All allowed single shifts, a `Move` each, ``(m, 4)``; of very many blocks evenly chosen ones."""
        steps = np.array([step for size in _STEPS if size <= max(1, self.negatives) for step in (size, -size)])
        some = np.arange(0, self.start.size, max(1, self.start.size // MOST_SHIFTED))
        free = some[self.loose[some]]
        every = [
            _grid(some, steps, (1, 1, 0)),
            _grid(free, steps, (1, 0, 0)),
            _grid(free, steps, (0, 1, 0)),
            _grid(some[self.cap[some] > 0], steps[np.abs(steps) <= self.positives], (0, 0, 1)),
        ]
        moves = np.concatenate(every)
        return moves[self._valid(moves)]

    def _valid(self, moves: Ints) -> Mask:
        block, first, last, risen = moves.T
        start, end = self.start[block] + first, self.end[block] + last
        before = np.concatenate([[0], self.end])[block]
        after = np.concatenate([self.start, [self.negatives]])[block + 1]
        ok = (start >= before) & (start <= end) & (end <= after)
        ok &= (end >= self.low[block]) & (end <= self.high[block])
        t = self.t[block] + risen
        earlier = np.concatenate([[0], self.t[:-1]])[block]
        ok &= (risen == 0) | ((t >= earlier) & (t <= self.t[block + 1]) & (t <= self.cap[block]))
        return np.asarray(ok)

    def effects(self, moves: Ints) -> Floats:
        """Change of twice U and of average precision by each shift alone, ``(m, 2)``."""
        block, first, last, risen = moves.T
        size = np.diff(self.t)
        after, end = self.t[block + 1], self.end[block] + last
        earlier = np.maximum(block - 1, 0)
        area = -size[block] * (first + last)
        area = area + risen * (self.start[block] + self.end[block] - self.start[earlier] - self.end[earlier])
        gain = (size[block] - risen) * after / np.maximum(after + end, 1)
        gain = gain - size[block] * after / np.maximum(after + self.end[block], 1)
        t = self.t[block]
        before = (size[earlier] + risen) * (t + risen) / np.maximum(t + risen + self.end[earlier], 1)
        before = before - size[earlier] * t / np.maximum(t + self.end[earlier], 1)
        gain = gain + np.where(risen != 0, before, 0.0)
        return np.stack([area, gain / self.positives], axis=1)

    def apply(self, moves: Sequence[Move]) -> bool:
        """Make shifts one after the other; undo all and return False if one is not allowed."""
        kept = self.state()
        for move in moves:
            if not self._valid(np.array([move]))[0]:
                self.restore(kept)
                return False
            self.start[move.block] += move.start
            self.end[move.block] += move.end
            self.t[move.block] += move.t
        return True

    def kick(self, rng: np.random.Generator, shifts: int) -> None:
        """Make shifts at random."""
        for _ in range(shifts):
            moves = self.moves()
            if len(moves):
                self.apply([Move(*(int(part) for part in moves[rng.integers(len(moves))]))])

    def state(self) -> tuple[Ints, Ints, Ints]:
        """What `apply` changes."""
        return self.t.copy(), self.start.copy(), self.end.copy()

    def restore(self, state: tuple[Ints, Ints, Ints]) -> None:
        """Go back to an earlier `state`."""
        self.t, self.start, self.end = (part.copy() for part in state)


def _grid(blocks: Ints, steps: Ints, kind: tuple[int, int, int]) -> Ints:
    block = np.repeat(blocks, steps.size)
    step = np.tile(steps, blocks.size)
    return np.stack([block, *(step * factor for factor in kind)], axis=1)


def bent_path(
    chain: Sequence[CurvePoint],
    gates: Sequence[Gate],
    positives: int,
    negatives: int,
    bend: tuple[float, float] = (1.0, 1.0),
) -> Staircase:
    """A path with ties only where an operating point needs them, a smooth arc between two points.

    Args:
        chain: Points of the operating points, by rising recall.
        gates: What each asks of a path, in the same order.
        positives: P.
        negatives: N.
        bend: Exponents of the arcs, of the first and of all others: 1 spreads the positives evenly over the
            negatives, more puts them before. Without operating points an arc ends where half the positives are.
    """
    vertices = [CurvePoint(0, 0)]
    if not chain and positives > 1:
        half = CurvePoint(positives // 2, int(negatives * 0.5 ** (1 + bend[1])))
        chain, gates = [half], [Gate(half.tp, (Span(half.fp, half.tp, half.tp),), negatives)]
    for point, gate in zip([*chain, CurvePoint(positives, negatives)], [*gates, None], strict=True):
        before = vertices[-1]
        if point.tp <= before.tp:
            continue
        single = point.tp if gate is None else gate.needed - 1
        singles = range(before.tp + 1, single + 1)
        power = bend[0] if before.tp == 0 else bend[1]
        share = np.linspace(0, 1, len(singles) + 2)[1:-1] ** power
        for tp, fp in zip(singles, np.round(before.fp + share * (point.fp - before.fp)), strict=True):
            vertices += [CurvePoint(tp - 1, int(fp)), CurvePoint(tp, int(fp))]
        if gate is not None:
            vertices += [CurvePoint(single, point.fp), point]
    vertices.append(CurvePoint(positives, negatives))
    distinct = [vertex for at, vertex in enumerate(vertices) if at == 0 or vertex != vertices[at - 1]]
    return Staircase(tuple(distinct))


def as_blocks(
    stairs: Staircase, gates: Sequence[Gate], *, loose: bool, trade: bool = False, pieces: int = 1
) -> Blocks:
    """A path as blocks, with the shifts that the gates allow.

    Args:
        stairs: The path.
        gates: What it must keep passing.
        loose: Whether blocks may hold negatives.
        trade: Whether neighbouring blocks may trade positives.
        pieces: Into how many a block is cut unless it leads to an operating point.
    """
    positives, negatives = stairs.size
    steps = [(a, b) for a, b in zip(stairs.vertices[:-1], stairs.vertices[1:], strict=True) if b.tp > a.tp]
    needed = np.array(sorted(gate.needed for gate in gates), dtype=np.int64)
    steps = [
        part for a, b in steps for part in _cut(a, b, 1 if ((needed > a.tp) & (needed <= b.tp)).any() else pieces)
    ]
    t = np.array([0, *(b.tp for _, b in steps)], dtype=np.int64)
    low = np.zeros(len(steps), dtype=np.int64)
    high = np.full(len(steps), negatives, dtype=np.int64)
    gated = np.zeros(len(steps), dtype=bool)
    for gate in gates:
        at = int(np.searchsorted(t[1:], gate.needed))
        allowed = np.flatnonzero(gate.ends(int(t[at + 1])))
        low[at], high[at] = max(low[at], allowed[0]), min(high[at], allowed[-1])
        gated[at] = True
    following = np.append(needed, positives + 1)[np.searchsorted(needed, t[:-1], side="right")]
    cap = np.where(np.append([True], gated[:-1]) | (not trade), 0, following - 1)
    return Blocks(
        positives,
        negatives,
        t,
        np.array([a.fp for a, _ in steps], dtype=np.int64),
        np.array([b.fp for _, b in steps], dtype=np.int64),
        low,
        high,
        np.asarray(cap, dtype=np.int64),
        np.full(len(steps), loose, dtype=bool),
    )


def _cut(a: CurvePoint, b: CurvePoint, pieces: int) -> list[tuple[CurvePoint, CurvePoint]]:
    pieces = min(pieces, b.tp - a.tp)
    share = [
        (round(a.tp + (b.tp - a.tp) * k / pieces), round(a.fp + (b.fp - a.fp) * k / pieces))
        for k in range(pieces + 1)
    ]
    points = [CurvePoint(*pair) for pair in share]
    return list(itertools.pairwise(points))
