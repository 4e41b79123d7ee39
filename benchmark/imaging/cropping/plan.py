"""Which voxels of a scan the points of a crop lie between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.imaging.scans.grid import Floats, Grid

Ints = npt.NDArray[np.int64]

SNAP = 2.0**20
"""Index coordinates are rounded to 1 / SNAP voxel, so that the rounding of a header's numbers decides nothing."""
STRAIGHT = 2e-5
"""Voxels by which a window may leave its row of voxels and still count as parallel to the scan's axes."""


@dataclass(frozen=True)
class Window:
    """The points of a crop.

    Attributes:
        z: mm (LPS) of the points along the crop's first axis.
        y: Along its second.
        x: Along its third.
        valid: ``[3, 2]`` first and last index along z, y, x that a recipe's grid holds; beyond, there is padding.
    """

    z: Floats
    y: Floats
    x: Floats
    valid: Ints

    @property
    def shape(self) -> tuple[int, int, int]:
        """Points along z, y, x."""
        return len(self.z), len(self.y), len(self.x)


@dataclass(frozen=True)
class Plan:
    """How a window is sampled from a scan whose axes were permuted and flipped to run nearest to LPS's.

    Flipped and permuted scans thus take the same steps in the same order as straight ones. All indices are those
    of the whole scan after that, in the order z, y, x.

    Attributes:
        order: Which of i, j, k became x, y and z.
        flipped: Whether it was reversed.
        shape: Voxels of the scan along z, y, x.
        matrix: ``[3, 3]`` index per point of the window.
        offset: ``[3]`` index of the window's first point.
        along: Indices of the points along z, y, x where the window is parallel to the scan's axes, else None.
        low: First voxel needed, -1 for padding before the scan.
        high: Last voxel needed, ``shape`` for padding after it.
        window: The points.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    shape: tuple[int, int, int]
    matrix: Floats
    offset: Floats
    along: tuple[Floats, Floats, Floats] | None
    low: Ints
    high: Ints
    window: Window

    @property
    def slices(self) -> tuple[int, int]:
        """First and last slice of the file (index k) that are needed."""
        axis = self.order.index(2)
        last = self.shape[2 - axis] - 1
        first_end, last_end = (int(np.clip(end[2 - axis], 0, last)) for end in (self.low, self.high))
        return (last - last_end, last - first_end) if self.flipped[axis] else (first_end, last_end)


def plan(grid: Grid, window: Window) -> Plan:
    """Work out where in a scan the points of a window lie."""
    order, flipped = grid.canonical()
    size = np.array(grid.size)[list(order)]
    signs = np.where(flipped, -1.0, 1.0)
    first = np.zeros(3)
    first[list(order)] = np.where(flipped, size - 1, 0)
    to_index = np.linalg.inv(grid.matrix[:, order] * signs)
    origin = grid.to_mm(first)
    shape = (int(size[2]), int(size[1]), int(size[0]))
    axes = (window.x, window.y, window.z)
    start = np.array([axis[0] for axis in axes])
    step = np.array([(axis[-1] - axis[0]) / (len(axis) - 1) for axis in axes])
    matrix = (to_index * step)[::-1, ::-1]
    offset = (to_index @ (start - origin))[::-1]
    bent = np.abs(matrix) * (np.array(window.shape) - 1) * (1 - np.eye(3))
    along = None
    if bent.max() <= STRAIGHT:
        along = _straight(np.asarray(to_index, dtype=np.float64), origin, axes)
        ends = np.array([[axis.min(), axis.max()] for axis in along])
    else:
        corners = np.array(np.meshgrid(*([0, n - 1] for n in window.shape), indexing="ij")).reshape(3, -1)
        reached = _snap(matrix @ corners + offset[:, None])
        ends = np.stack([reached.min(axis=1), reached.max(axis=1)], axis=1)
    low = np.clip(np.floor(ends[:, 0]), -1, shape).astype(np.int64)
    high = np.clip(np.ceil(ends[:, 1]), -1, shape).astype(np.int64)
    return Plan(order, flipped, shape, matrix, offset, along, low, high, window)


def _straight(
    to_index: Floats, origin: Floats, axes: tuple[Floats, Floats, Floats]
) -> tuple[Floats, Floats, Floats]:
    middle = np.array([axis[len(axis) // 2] for axis in axes])
    base = to_index @ (middle - origin)
    x, y, z = (_snap(base[a] + to_index[a, a] * (axes[a] - middle[a])) for a in range(3))
    return z, y, x


def _snap(coordinates: Floats) -> Floats:
    return np.asarray(np.round(coordinates * SNAP) / SNAP)
