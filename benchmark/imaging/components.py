"""Connected components of a mask, from its runs of equal voxels: memory grows with those, not with the scan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmark.imaging.scans.scan import Voxels

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Component:
    """Voxels of one value that touch.

    Attributes:
        value: Their value.
        voxels: Their number.
        centroid: Mean of their indices i, j, k.
    """

    value: float
    voxels: int
    centroid: tuple[float, float, float]


@dataclass(frozen=True)
class _Runs:
    """Voxels of equal value that follow one another along i, ordered along k, j, i.

    Attributes:
        k: Slice of each run.
        j: Row.
        first: Its first i.
        last: Its last i.
        value: Its value.
    """

    k: Ints
    j: Ints
    first: Ints
    last: Ints
    value: npt.NDArray[Any]


def components_of(slices: Iterable[tuple[int, Voxels]]) -> list[Component]:
    """The components of what is not zero, ordered by value, then by their first voxel along k, j, i.

    Two voxels of one value touch if no index differs by more than 1 (26 neighbours).

    Args:
        slices: Index k of the first slice and ``[n, j, i]``, from the first slice to the last.
    """
    parts = [_runs(first, part) for first, part in slices]
    if not sum(len(part.k) for part in parts):
        return []
    columns = zip(*((part.k, part.j, part.first, part.last, part.value) for part in parts), strict=True)
    runs = _Runs(*(np.concatenate(column) for column in columns))
    count, label = connected_components(_touching(runs), directed=False)
    length = runs.last - runs.first + 1
    voxels = np.bincount(label, length, count)
    i, j, k = (
        np.bincount(label, places * length, count) / voxels
        for places in ((runs.first + runs.last) / 2, runs.j, runs.k)
    )
    _, leading = np.unique(label, return_index=True)
    order = np.lexsort((leading, runs.value[leading]))
    return [
        Component(float(runs.value[leading[n]]), int(voxels[n]), (float(i[n]), float(j[n]), float(k[n])))
        for n in order
    ]


def _runs(first: int, slices: Voxels) -> _Runs:
    count, rows, columns = slices.shape
    flat = slices.reshape(count * rows, columns)
    there = flat != 0
    changes = flat[:, 1:] != flat[:, :-1]
    begins, ends = there.copy(), there
    begins[:, 1:] &= changes
    ends[:, :-1] &= changes
    row, begin = np.nonzero(begins)
    _, end = np.nonzero(ends)
    return _Runs(first + row // rows, row % rows, begin, end, flat[row, begin])


def _touching(runs: _Runs) -> coo_array:
    """Which runs touch: those of one value in neighbouring rows, of which one begins before the other is over."""
    rows, columns = int(runs.j.max()) + 3, int(runs.last.max()) + 3  # one empty row and column around each slice
    row = runs.k * rows + runs.j + 1
    firsts, lasts = row * columns + runs.first, row * columns + runs.last
    pairs = []
    for step in (1, rows - 1, rows, rows + 1):  # the next row, and three of the next slice
        place = (row + step) * columns
        low = np.searchsorted(lasts, place + runs.first - 1, "left")
        high = np.searchsorted(firsts, place + runs.last + 1, "right")
        number = np.maximum(high - low, 0)
        one = np.repeat(np.arange(len(row)), number)
        other = np.arange(len(one)) - np.repeat(np.cumsum(number) - number, number) + np.repeat(low, number)
        same = runs.value[one] == runs.value[other]
        pairs.append((one[same], other[same]))
    one, other = (np.concatenate(side) for side in zip(*pairs, strict=True))
    return coo_array((np.ones(len(one), np.int8), (one, other)), shape=(len(row), len(row)))
