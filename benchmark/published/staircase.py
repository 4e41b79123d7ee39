"""Curves of a ranking as monotone paths over counts, and the extreme ones among them.

A ranking of ``P`` positives and ``N`` negatives is a path from (0, 0) to (P, N) over (true positives, false
positives). Each block of tied scores is one step. From the vertex (t₀, f₀) to (t₁, f₁) it adds
``(t₁ − t₀)(2N − f₀ − f₁)`` to twice Mann and Whitney's U, and ``(t₁ − t₀)/P · t₁/(t₁ + f₁)`` to average
precision. Both are sums over steps, so dynamic programming finds the path with the largest ``α·AUROC + β·AP``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from benchmark.published.counts import CurvePoint, PrintedRow, Span

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST_EXACT = 200
"""Blocks up to which sums are exact fractions, whose denominators grow with every block."""
LARGEST_UNTIED = 4_000_000
"""Positives × negatives up to which paths without ties are searched."""
LARGEST_TIED = 12_000_000
"""Positives² × negatives up to which paths with ties are searched."""


@dataclass(frozen=True)
class Staircase:
    """A path as its vertices, from (0, 0) to (P, N).

    Attributes:
        vertices: Points in order; each step between two neighbours is one block of tied scores.
    """

    vertices: tuple[CurvePoint, ...]

    @property
    def size(self) -> CurvePoint:
        """Positives and negatives."""
        return self.vertices[-1]

    @cached_property
    def twice_u(self) -> int:
        """Twice Mann and Whitney's U, a whole number."""
        negatives = self.size.fp
        return sum((b.tp - a.tp) * (2 * negatives - a.fp - b.fp) for a, b in pairwise(self.vertices))

    @cached_property
    def auroc(self) -> Fraction:
        """Area under the ROC curve, exactly."""
        return Fraction(self.twice_u, 2 * self.size.tp * self.size.fp)

    @cached_property
    def average_precision(self) -> Fraction:
        """Average precision: exactly for few blocks, to the last bit of a float for many."""
        steps = [(b.tp - a.tp, b) for a, b in pairwise(self.vertices) if b.tp > a.tp]
        if len(steps) > MOST_EXACT:
            return Fraction(math.fsum(gain * b.tp / (b.tp + b.fp) for gain, b in steps)) / self.size.tp
        return sum((Fraction(gain * b.tp, b.tp + b.fp) for gain, b in steps), Fraction()) / self.size.tp

    def thresholds(self) -> list[CurvePoint]:
        """Every vertex; negatives between two positives stand alone, so each of them ends a threshold too."""
        points = [self.vertices[0]]
        for a, b in pairwise(self.vertices):
            points += [CurvePoint(a.tp, fp) for fp in range(a.fp + 1, b.fp)] if a.tp == b.tp else []
            points.append(b)
        return points

    def point_at(self, needed: int) -> CurvePoint:
        """First vertex with at least ``needed`` true positives."""
        return next(vertex for vertex in self.vertices if vertex.tp >= needed)


@dataclass(frozen=True)
class Gate:
    """What a printed operating point asks of a path: its first vertex with ``needed`` true positives is allowed.

    Attributes:
        needed: True positives from which the point's recall is reached.
        spans: Vertices that print the row.
        negatives: N.
        is_first: Whether the vertex must be the first with ``needed`` true positives; otherwise any will do.
    """

    needed: int
    spans: tuple[Span, ...]
    negatives: int
    is_first: bool = True

    def ends(self, t: int) -> Mask:
        """Whether the vertex (t, f) prints the row, for every f, ``(N + 1,)``."""
        mask = np.zeros(self.negatives + 1, dtype=bool)
        mask[[span.fp for span in self.spans if span.low <= t <= span.high]] = True
        return mask

    def allows(self, t: int, f: int) -> bool:
        """Whether one vertex prints the row."""
        return any(span.fp == f and span.low <= t <= span.high for span in self.spans)


@dataclass(frozen=True)
class Paths:
    """All paths of a size that pass the printed operating points.

    Attributes:
        positives: P.
        negatives: N.
        gates: Printed operating points.
        ties: Whether scores may be tied.
    """

    positives: int
    negatives: int
    gates: tuple[Gate, ...]
    ties: bool

    @property
    def searchable(self) -> bool:
        """Whether size and gates allow the dynamic programming, which knows the first vertex at a recall only."""
        if not all(gate.is_first for gate in self.gates):
            return False
        cells = self.positives * self.negatives
        return cells * self.positives <= LARGEST_TIED if self.ties else cells <= LARGEST_UNTIED

    @cached_property
    def _precision(self) -> Floats:
        """Precision at each vertex, ``(P + 1, N + 1)``; 0 at the origin."""
        t, f = np.ogrid[: self.positives + 1, : self.negatives + 1]
        return np.asarray(t / np.maximum(t + f, 1), dtype=np.float64)

    def _entry(self, t: int) -> list[tuple[int, Mask | None]]:
        """Where a block that ends with ``t`` true positives may end, by where it starts.

        Returns:
            Pairs (first start, mask over f): starts from there up to the next pair's (or ``t``) share the mask.
        """
        crossed = [gate for gate in self.gates if gate.needed <= t]
        groups: list[tuple[int, Mask | None]] = []
        for first in sorted({0, *(gate.needed for gate in crossed)}):
            masks = [gate.ends(t) for gate in crossed if gate.needed > first]
            groups.append((first, np.logical_and.reduce(masks) if masks else None))
        return groups

    def _arrivals(self, alpha: float, beta: float) -> tuple[Floats, Floats]:
        """Largest value at each vertex: right after a positive, and after negatives that may follow."""
        p, n = self.positives, self.negatives
        f = np.arange(n + 1)
        arrive = np.full((p + 1, n + 1), -np.inf)
        best = np.full((p + 1, n + 1), -np.inf)
        best[0] = 0.0
        slope = alpha / (2 * p * n)
        for t in range(1, p + 1):
            end = slope * (2 * n - f) + beta * self._precision[t] / p
            groups = self._entry(t)
            if self.ties:
                for at, (first, mask) in enumerate(groups):
                    last = groups[at + 1][0] if at + 1 < len(groups) else t
                    if first < min(last, t):
                        steps = (t - np.arange(first, min(last, t)))[:, None]
                        begin = np.maximum.accumulate(best[first : min(last, t)] - steps * slope * f, axis=1)
                        value = (begin + steps * end).max(axis=0)
                        arrive[t] = np.maximum(
                            arrive[t], value if mask is None else np.where(mask, value, -np.inf)
                        )
            else:
                mask = next(m for first, m in reversed(groups) if first <= t - 1)
                value = best[t - 1] - slope * f + end
                arrive[t] = value if mask is None else np.where(mask, value, -np.inf)
            best[t] = np.maximum.accumulate(arrive[t])
        return arrive, best

    def extreme(self, alpha: float, beta: float) -> Staircase | None:
        """The path with the largest ``alpha · AUROC + beta · AP``; None if no path passes the gates."""
        arrive, best = self._arrivals(alpha, beta)
        if not np.isfinite(best[-1, -1]):
            return None
        vertices, t, f = [CurvePoint(self.positives, self.negatives)], self.positives, self.negatives
        while t > 0:
            f = int(arrive[t, : f + 1].argmax())
            if vertices[-1] != (t, f):
                vertices.append(CurvePoint(t, f))
            t, f = self._block_start(t, f, best, alpha, beta)
            vertices.append(CurvePoint(t, f))
        if vertices[-1] != (0, 0):
            vertices.append(CurvePoint(0, 0))
        return Staircase(tuple(reversed(vertices)))

    def _block_start(self, t: int, f: int, best: Floats, alpha: float, beta: float) -> tuple[int, int]:
        if not self.ties:
            return t - 1, f
        start = np.arange(t)[:, None]
        value = best[:t, : f + 1] - (t - start) * alpha * np.arange(f + 1) / (2 * self.positives * self.negatives)
        end = alpha * (2 * self.negatives - f) / (2 * self.positives * self.negatives)
        value = value + (t - start) * (end + beta * t / (t + f) / self.positives)
        for first, mask in self._entry(t):
            if mask is not None and not mask[f]:
                following = [other for other, _ in self._entry(t) if other > first]
                value[first : min([*following, t])] = -np.inf
        # Among equal values the smallest block: ties only where they are needed.
        ranked = value[::-1, ::-1]
        row, column = np.unravel_index(int(ranked.argmax()), ranked.shape)
        return t - 1 - int(row), f - int(column)


def gated_paths(
    rows: Sequence[PrintedRow], positives: int, negatives: int, *, ties: bool, strict: bool = True
) -> Paths:
    """The paths that pass every row at its own rule.

    Args:
        rows: Printed operating points with the rule ``ge`` or ``any``.
        positives: P.
        negatives: N.
        ties: Whether scores may be tied.
        strict: Whether the row is the first threshold that reaches its recall. Otherwise a later one with as many
            false positives may be printed too, as from ROC curves whose intermediate points were dropped; the
            paths are then a few too many, never too few.
    """
    gates = []
    for row in rows:
        allowed = row.allowed(positives, negatives, ties=ties)
        if row.rule == "any":
            fewest = min((span.low for span in allowed), default=0)
            gates.append(Gate(fewest, tuple(allowed), negatives, is_first=False))
            continue
        spans = tuple(allowed if strict else (Span(s.fp, 0, s.high) for s in allowed))
        gates.append(Gate(row.needed(positives), spans, negatives))
    return Paths(positives, negatives, tuple(gates), ties)
