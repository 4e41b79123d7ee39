"""All paths of a small ranking, by the sums they reach."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.published.staircase import Paths

MOST_STATES = 2_000_000
"""Sums kept at once before the enumeration is given up."""
MOST_CELLS = 400
"""Positives × negatives up to which it is tried."""
_UNIT = 1 << 40
_BITS = 42
_TOLERANCE = 1e-10

Sums = npt.NDArray[np.int64]


def any_path_within(paths: Paths, twice_u: range, precision: tuple[float, float]) -> bool | None:
    """Whether some path has twice its U in a range and its average precision in a closed interval.

    A path's two sums are held in one whole number, twice U above average precision in units of 2⁻⁴⁰ (the error of
    all steps together is below 1e-10, which is given to the interval), so equal sums merge exactly.

    Returns:
        The answer, or None when there are too many paths.
    """
    if paths.positives * paths.negatives > MOST_CELLS:
        return None
    p, n = paths.positives, paths.negatives
    window = _Window(paths, twice_u, precision)
    arrived: dict[tuple[int, int], Sums] = {(0, 0): np.zeros(1, dtype=np.int64)}
    total = 1
    for t in range(1, p + 1):
        for f in range(n + 1):
            parts = [
                sums + _step(paths, start, (t, f), row)
                for start, sums in arrived.items()
                if start[0] < t and start[1] <= f and _may_end(paths, start[0], t, f)
                for row in (range(start[1], f + 1) if paths.ties else (f,))
                if paths.ties or start[0] == t - 1
            ]
            if not parts:
                continue
            sums = window.kept(np.unique(np.concatenate(parts)), t, f)
            total += sums.size
            if total > MOST_STATES or sum(part.size for part in parts) > 2 * MOST_STATES:
                return None
            if sums.size:
                arrived[t, f] = sums
    return any(t == p for t, _ in arrived)


def _step(paths: Paths, start: tuple[int, int], end: tuple[int, int], begin: int) -> int:
    """What a block adds that starts at ``begin`` false positives, after negatives that add nothing."""
    gained = end[0] - start[0]
    area = gained * (2 * paths.negatives - begin - end[1])
    return (area << _BITS) + round(gained * end[0] * _UNIT / ((end[0] + end[1]) * paths.positives))


def _may_end(paths: Paths, first: int, t: int, f: int) -> bool:
    return all(gate.allowed[t, f] for gate in paths.gates if first < gate.needed <= t)


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
