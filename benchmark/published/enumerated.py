"""All paths of a small ranking, by the sums they reach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.published.counts import CurvePoint
from benchmark.published.staircase import Paths, Staircase

MOST_STATES = 600_000
"""Sums kept at once before the enumeration is given up."""
MOST_CELLS = 400
"""Positives × negatives up to which it is tried."""
_UNIT = 1 << 40
_BITS = 42
_TOLERANCE = 1e-10

Sums = npt.NDArray[np.int64]
Vertex = tuple[int, int]


def path_within(paths: Paths, twice_u: range, precision: tuple[float, float]) -> Staircase | bool | None:
    """A path with twice its U in a range and its average precision in a closed interval.

    A path's two sums are held in one whole number, twice U above average precision in units of 2⁻⁴⁰ (the error of
    all steps together is below 1e-10, which is given to the interval), so equal sums merge exactly.

    Returns:
        The path nearest to the middle of both, False if there is none, or None when there are too many paths.
    """
    if not twice_u:
        return False
    if paths.positives * paths.negatives > MOST_CELLS:
        return None
    arrived = _arrive(paths, _Window(paths, twice_u, precision))
    if arrived is None:
        return None
    ends = [(f, sums) for (t, f), sums in arrived.items() if t == paths.positives]
    if not ends:
        return False
    aim = np.array([(twice_u[0] + twice_u[-1]) / 2, sum(precision) / 2 * _UNIT])
    width = np.array([max(len(twice_u), 1), max((precision[1] - precision[0]) * _UNIT, 1.0)])
    best: tuple[float, int, int] | None = None
    for f, sums in ends:
        parts = np.stack([sums >> _BITS, sums - ((sums >> _BITS) << _BITS)], axis=1)
        distance = np.abs((parts - aim) / width).max(axis=1)
        at = int(distance.argmin())
        if best is None or float(distance[at]) < best[0]:
            best = float(distance[at]), f, int(sums[at])
    if best is None:
        return False
    return _trace_back(paths, arrived, best[1], best[2])


def _arrive(paths: Paths, window: _Window) -> dict[Vertex, Sums] | None:
    """Sums with which each vertex is reached right after a positive; None when there are too many."""
    arrived: dict[Vertex, Sums] = {(0, 0): np.zeros(1, dtype=np.int64)}
    total = 1
    for t in range(1, paths.positives + 1):
        for f in range(paths.negatives + 1):
            parts = [
                arrived[start] + _step(paths, start, (t, f), row)
                for start in list(arrived)
                for row in _starts(paths, start, (t, f))
            ]
            if not parts:
                continue
            if sum(part.size for part in parts) > 2 * MOST_STATES:
                return None
            sums = window.kept(np.unique(np.concatenate(parts)), t, f)
            total += sums.size
            if total > MOST_STATES:
                return None
            if sums.size:
                arrived[t, f] = sums
    return arrived


def _starts(paths: Paths, start: Vertex, end: Vertex) -> range:
    """False positives at which a block from ``start`` to ``end`` may begin; negatives before it stand alone."""
    (t0, f0), (t, f) = start, end
    if t0 >= t or f0 > f or not all(gate.allows(t, f) for gate in paths.gates if t0 < gate.needed <= t):
        return range(0)
    if paths.ties:
        return range(f0, f + 1)
    return range(f, f + 1) if t0 == t - 1 else range(0)


def _step(paths: Paths, start: Vertex, end: Vertex, begin: int) -> int:
    """What a block adds that starts at ``begin`` false positives, after negatives that add nothing."""
    gained = end[0] - start[0]
    area = gained * (2 * paths.negatives - begin - end[1])
    return (area << _BITS) + round(gained * end[0] * _UNIT / ((end[0] + end[1]) * paths.positives))


def _trace_back(paths: Paths, arrived: dict[Vertex, Sums], f: int, value: int) -> Staircase:
    """One path that reaches the last positive at ``f`` with the sums ``value``."""
    vertices = [CurvePoint(paths.positives, paths.negatives)]
    end = (paths.positives, f)
    while end != (0, 0):
        if vertices[-1] != end:
            vertices.append(CurvePoint(*end))
        start, begin = next(
            (start, begin)
            for start in arrived
            for begin in reversed(_starts(paths, start, end))
            if _holds(arrived[start], value - _step(paths, start, end, begin))
        )
        value -= _step(paths, start, end, begin)
        if vertices[-1] != (start[0], begin):
            vertices.append(CurvePoint(start[0], begin))
        end = start
    if vertices[-1] != (0, 0):
        vertices.append(CurvePoint(0, 0))
    return Staircase(tuple(reversed(vertices)))


def _holds(sums: Sums, value: int) -> bool:
    at = int(np.searchsorted(sums, value))
    return at < sums.size and int(sums[at]) == value


class _Window:
    """Drops sums from which the printed numbers can no longer be reached."""

    def __init__(self, paths: Paths, twice_u: range, precision: tuple[float, float]) -> None:
        self.paths, self.twice_u = paths, twice_u
        self.low = int((precision[0] - _TOLERANCE) * _UNIT)
        self.high = int((precision[1] + _TOLERANCE) * _UNIT) + 1
        t = np.arange(paths.positives + 1)
        # Least average precision that the positives after t can add: all negatives before them.
        gain = t / (t + paths.negatives) / paths.positives
        self.least = np.append(np.cumsum(gain[::-1])[::-1][1:], 0.0) * _UNIT

    def kept(self, sums: Sums, t: int, f: int) -> Sums:
        """Sums at the vertex (t, f) that can still end inside."""
        p, n = self.paths.positives, self.paths.negatives
        area = sums >> _BITS
        precision = sums - (area << _BITS)
        left = p - t
        most = left * p / (p + f) / p * _UNIT if self.paths.ties else self._most_untied(t, f)
        wanted = self.twice_u
        ok = (area <= wanted[-1]) & (area + 2 * left * (n - f) >= wanted[0])
        ok &= (precision + self.least[t] <= self.high) & (precision + most >= self.low)
        if left == 0:
            ok &= (area - wanted[0]) % wanted.step == 0
        return sums[ok]

    def _most_untied(self, t: int, f: int) -> float:
        rest = np.arange(t + 1, self.paths.positives + 1)
        return float((rest / (rest + f)).sum() / self.paths.positives * _UNIT)
