"""Whether any path has an AUROC and an average precision in given intervals: exactly where sizes allow it.

Three answers: yes or no, proven, and "not excluded". No is proven by a straight line that separates the intervals
from every path (the convex hull of all (AUROC, AP), explored by its extreme paths), or by enumerating all paths of
a small ranking. So a table that was made from real scores is never refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from benchmark.published.enumerated import path_within
from benchmark.published.staircase import Paths, Staircase

TOLERANCE = 1e-9
"""Slack of the floating-point bounds, in units of AUROC and AP; always given to the printed numbers."""
ROUNDS = 24
"""Extreme paths looked at before an answer is given up."""

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AreaBox:
    """Closed intervals of AUROC and average precision.

    Attributes:
        low: Smallest AUROC and AP.
        high: Largest AUROC and AP.
    """

    low: tuple[float, float] = (0.0, 0.0)
    high: tuple[float, float] = (1.0, 1.0)

    @property
    def corners(self) -> Vector:
        """``(4, 2)``."""
        (a, c), (b, d) = self.low, self.high
        return np.array([(a, c), (b, c), (b, d), (a, d)])

    @property
    def widths(self) -> Vector:
        """Sizes, at least the tolerance, ``(2,)``."""
        widths: Vector = np.maximum(np.array(self.high) - np.array(self.low), TOLERANCE)
        return widths


@dataclass
class Hull:
    """Extreme paths found so far.

    Attributes:
        paths: Paths whose hull is explored.
        found: Extreme paths.
    """

    paths: Paths
    found: list[Staircase] = field(default_factory=list)

    def extreme(self, direction: Vector) -> Vector | None:
        """(AUROC, AP) of the path that lies furthest in a direction; None if there is no path."""
        stairs = self.paths.extreme(float(direction[0]), float(direction[1]))
        if stairs is None:
            return None
        self.found.append(stairs)
        return np.array([float(stairs.auroc), float(stairs.average_precision)])

    def separates(self, box: AreaBox) -> bool:
        """Whether a straight line has the box on one side and every path on the other."""
        scale = box.widths
        corners = box.corners / scale
        points: list[Vector] = []
        for direction in _first_directions():
            tip = self.extreme(direction / scale)
            if tip is None:
                return True
            points.append(tip / scale)
            if _beyond(direction, corners, points[-1], scale):
                return True
        for _ in range(ROUNDS):
            away = _away(np.array(points), corners)
            if away is None:
                return False
            tip = self.extreme(away / scale)
            if tip is None or _beyond(away, corners, tip / scale, scale):
                return True
            if max(float(away @ point) for point in points) >= float(away @ (tip / scale)) - 1e-12:
                return False
            points.append(tip / scale)
        return False


def _first_directions() -> Iterator[Vector]:
    for x, y in ((1, 0), (-1, 0), (0, 1), (0, -1)):
        yield np.array([x, y], dtype=np.float64)


def _beyond(direction: Vector, corners: Vector, tip: Vector, scale: Vector) -> bool:
    """Whether all corners lie further in the direction than the furthest path."""
    slack = TOLERANCE * float(np.abs(direction / scale).sum())
    return float((corners @ direction).min()) > float(direction @ tip) + slack


def _away(points: Vector, corners: Vector) -> Vector | None:
    """From the hull of the points towards the box, the shortest way; None if they meet."""
    differences = (corners[None, :, :] - points[:, None, :]).reshape(-1, 2)
    ring = _convex(differences)
    best: Vector | None = None
    inside = len(ring) > 2
    for at, a in enumerate(ring):
        b = ring[(at + 1) % len(ring)]
        edge = b - a
        length = float(edge @ edge)
        share = 0.0 if length == 0 else min(1.0, max(0.0, float(-a @ edge) / length))
        foot = a + share * edge
        if best is None or float(foot @ foot) < float(best @ best):
            best = foot
        inside &= float(edge[0] * -a[1] - edge[1] * -a[0]) >= 0
    if inside or best is None or float(best @ best) < 1e-18:
        return None
    return np.asarray(best / np.sqrt(best @ best))


def _convex(points: Vector) -> list[Vector]:
    """Corners of the convex hull, anticlockwise."""
    ordered = [np.array(p) for p in sorted(set(map(tuple, points.tolist())))]
    if len(ordered) < 3:
        return ordered
    ring: list[Vector] = []
    for sweep in (ordered, ordered[::-1]):
        part: list[Vector] = []
        for point in sweep:
            while len(part) > 1 and _turn(part[-2], part[-1], point) <= 0:
                part.pop()
            part.append(point)
        ring += part[:-1]
    return ring


def _turn(a: Vector, b: Vector, c: Vector) -> float:
    return float((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]))


def outer_box(paths: Paths) -> AreaBox:
    """Intervals of AUROC and AP that no path leaves, from the operating points alone; quick at any size.

    The block of the j-th positive ends at or after each operating point whose recall j reaches, and at or before
    each that needs at least j: that bounds the false positives before and after it, and its precision.
    """
    p, n = paths.positives, paths.negatives
    j = np.arange(1, p + 1)
    begin: Vector = np.zeros(p)
    end: Vector = np.zeros(p)
    most: Vector = np.full(p, float(n))
    last: Vector = np.full(p, float(p)) if paths.ties else j.astype(np.float64)
    for gate in paths.gates:
        if not gate.spans:
            return AreaBox((2.0, 2.0), (-1.0, -1.0))
        fewest, highest = min(span.fp for span in gate.spans), max(span.fp for span in gate.spans)
        reach = max(span.high for span in gate.spans)
        end = np.where(j >= (gate.needed if gate.is_first else reach + 1), np.maximum(end, fewest), end)
        begin = np.where(j > reach, np.maximum(begin, fewest), begin)
        most = np.where(j <= gate.needed, np.minimum(most, highest), most)
        last = np.where(j <= gate.needed, np.minimum(last, reach), last)
    earliest = (begin + end) / 2 if paths.ties else end
    low = (float((n - most).sum()) / (p * n), float((j / (j + most)).mean()))
    return AreaBox(low, (float((n - earliest).sum()) / (p * n), float((last / (last + end)).mean())))


def is_possible(paths: Paths, box: AreaBox, twice_u: range) -> bool | None:
    """Whether a path has its AUROC and AP in the box.

    Args:
        paths: The paths.
        box: Intervals that the printed numbers stand for.
        twice_u: The whole numbers that twice U may be, with a step of 2 without ties.

    Returns:
        True or False where it is proven, None where it is not excluded.
    """
    if not twice_u:
        return False
    outer = outer_box(paths)
    apart = any(
        low > box.high[at] + TOLERANCE or high < box.low[at] - TOLERANCE
        for at, (low, high) in enumerate(zip(outer.low, outer.high, strict=True))
    )
    if apart:
        return False
    if not paths.searchable:
        return None
    if Hull(paths).separates(box):
        return False
    found = path_within(paths, twice_u, (box.low[1], box.high[1]))
    return True if isinstance(found, Staircase) else found
