"""Linear interpolation axis by axis, as products with matrices of two numbers a row.

A product is done for a few rows at a time: each touches few voxels only, and no copies are made on the way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.imaging.cropping.plan import Plan
from benchmark.imaging.scans.grid import Floats

Float32s = npt.NDArray[np.float32]

_ROWS = 5, 8, 16
"""Points along z, y, x that are interpolated at once: what OpenBLAS is fastest with."""


@dataclass(frozen=True)
class Axis:
    """Linear interpolation along one axis.

    Attributes:
        floor: ``[points]`` the voxel before each point; the voxel after it is the next one.
        weights: ``[points, voxels]``, two numbers a row.
    """

    floor: npt.NDArray[np.intp]
    weights: Float32s

    @classmethod
    def at(cls, position: Floats, length: int) -> Axis:
        """The weights of ascending positions between ``length`` voxels."""
        floor = np.floor(position).astype(np.intp).clip(0, length - 2)
        share = (position - floor).astype(np.float32)
        weights = np.zeros((len(position), length), np.float32)
        row = np.arange(len(position))
        weights[row, floor] = 1 - share
        weights[row, floor + 1] = share
        return cls(floor, weights)

    def bands(self, rows: int, begin: int = 0, end: int | None = None) -> Iterator[tuple[slice, slice]]:
        """Points ``begin..end`` in groups of ``rows``: which they are, and the voxels that they lie between."""
        end = len(self.floor) if end is None else end
        for start in range(begin, end, rows):
            stop = min(start + rows, end)
            yield slice(start, stop), slice(int(self.floor[start]), int(self.floor[stop - 1]) + 2)


@dataclass(frozen=True)
class Axes:
    """The points of a plan whose window is parallel to the scan's axes, from its voxels ``low..high``.

    Attributes:
        z: Along the first axis.
        y: Along the second.
        x: Along the third.
        columns: ``[voxels, points]``, the weights of x: products are twice as fast as with a transposed view.
        padded_fraction: Share of the points outside the box of the scan's voxel centres.
    """

    z: Axis
    y: Axis
    x: Axis
    columns: Float32s
    padded_fraction: float

    def in_plane(self, voxels: Float32s, found: Float32s) -> None:
        """Interpolate slices ``[n, y, x]`` along y and x into ``found``, ``[n, points, points]``.

        It is fastest where ``voxels`` has y first in memory: one product then does a row of all slices.
        """
        n, height, length = voxels.shape
        rows = np.empty((len(self.y.floor), n, length), np.float32)
        flat, into = voxels.transpose(1, 0, 2).reshape(height, -1), rows.reshape(len(rows), -1)
        for points, band in self.y.bands(_ROWS[1]):
            np.matmul(self.y.weights[points, band], flat[band], out=into[points])
        slices = rows.transpose(1, 0, 2)
        for points, band in self.x.bands(_ROWS[2]):
            np.matmul(slices[:, :, band], self.columns[band, points], out=found[:, :, points])

    def across(self, slices: Float32s, first: int = 0) -> Iterator[tuple[slice, Float32s]]:
        """Interpolate along z what lies between slices that ``in_plane`` made, some points at a time.

        Args:
            slices: ``[n, points, points]``, some neighbouring slices.
            first: Number of the first of them.

        Yields:
            Which points along z, and their values.
        """
        begin, end = np.searchsorted(self.z.floor, (first, first + len(slices) - 1))
        flat = slices.reshape(len(slices), -1)
        for points, band in self.z.bands(_ROWS[0], int(begin), int(end)):
            part = self.z.weights[points, band] @ flat[band.start - first : band.stop - first]
            yield points, part.reshape(-1, *slices.shape[1:])


def axes_of(plan: Plan) -> Axes | None:
    """The weights of a plan; None if its window is at an angle to the scan's axes."""
    if plan.along is None:
        return None
    inside, axes = 1.0, []
    for low, high, coordinates, length in zip(plan.low, plan.high, plan.along, plan.shape, strict=True):
        inside *= float(((coordinates >= 0) & (coordinates <= length - 1)).mean())
        axes.append(Axis.at(coordinates.clip(-1, length) - low, int(high + 1 - low)))
    z, y, x = axes
    return Axes(z, y, x, np.ascontiguousarray(x.weights.T), 1.0 - inside)
