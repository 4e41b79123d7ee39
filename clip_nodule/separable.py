"""Linear interpolation axis by axis, as products with matrices of two numbers a row.

A product is done for a few rows at a time: each touches few voxels only, and no copies are made on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clip_nodule.grid import Floats
from clip_nodule.sampling_plan import Plan

Float32s = NDArray[np.float32]

_ROWS = (10, 10, 25)
"""Points along z, y, x that are interpolated at once."""


@dataclass(frozen=True)
class Band:
    """Some neighbouring points of an axis.

    Attributes:
        points: Which.
        voxels: The voxels that they lie between.
        weights: ``[points, voxels]``.
    """

    points: slice
    voxels: slice
    weights: Float32s


@dataclass(frozen=True)
class Bands:
    """The points of a plan whose window is parallel to the scan's axes, from its voxels ``low..high``.

    Attributes:
        z: Along the first axis.
        y: Along the second.
        x: Along the third.
        padded_fraction: Share of the points outside the box of the scan's voxel centres.
    """

    z: tuple[Band, ...]
    y: tuple[Band, ...]
    x: tuple[Band, ...]
    padded_fraction: float

    def in_plane(self, voxels: Float32s, found: Float32s) -> None:
        """Interpolate slices ``[n, y, x]`` along y and x into ``found``, ``[n, points, points]``."""
        n, _, length = voxels.shape
        rows = np.empty((n, self.y[-1].points.stop, length), np.float32)
        for band in self.y:
            np.matmul(band.weights, voxels[:, band.voxels], out=rows[:, band.points])
        flat, into = rows.reshape(-1, length), found.reshape(-1, found.shape[2])
        for band in self.x:
            np.matmul(flat[:, band.voxels], band.weights.T, out=into[:, band.points])

    def across(self, slices: Float32s) -> Iterator[tuple[slice, Float32s]]:
        """Interpolate what ``in_plane`` made of all slices along z, some points at a time."""
        for band in self.z:
            flat = slices[band.voxels].reshape(band.weights.shape[1], -1)
            yield band.points, (band.weights @ flat).reshape(-1, *slices.shape[1:])


def bands(plan: Plan) -> Bands | None:
    """The weights of a plan; None if its window is at an angle to the scan's axes."""
    if plan.along is None:
        return None
    inside, axes = 1.0, []
    for axis, (coordinates, length) in enumerate(zip(plan.along, plan.shape, strict=True)):
        inside *= float(((coordinates >= 0) & (coordinates <= length - 1)).mean())
        position = coordinates.clip(-1, length) - plan.low[axis]
        axes.append(_bands(position, int(plan.high[axis] + 1 - plan.low[axis]), _ROWS[axis]))
    return Bands(axes[0], axes[1], axes[2], 1.0 - inside)


def _bands(position: Floats, length: int, rows: int) -> tuple[Band, ...]:
    """The weights of ascending positions between ``length`` voxels."""
    floor = np.clip(np.floor(position).astype(np.intp), 0, length - 2)
    share = (position - floor).astype(np.float32)
    found = []
    for start in range(0, len(position), rows):
        points = slice(start, min(start + rows, len(position)))
        voxels = slice(int(floor[points][0]), int(floor[points][-1]) + 2)
        weights = np.zeros((points.stop - points.start, voxels.stop - voxels.start), np.float32)
        row, column = np.arange(len(weights)), floor[points] - voxels.start
        weights[row, column] = 1 - share[points]
        weights[row, column + 1] = share[points]
        found.append(Band(points, voxels, weights))
    return tuple(found)
