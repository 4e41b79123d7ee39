"""Linear interpolation axis by axis.

Each value is one product of each of two voxels and their sum: the same bits on every machine, however many slices
come at a time. A product of matrices, which is a little faster, adds in another order for another size.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.imaging.cropping.plan import Plan
from benchmark.imaging.scans.grid import Floats

Float32s = npt.NDArray[np.float32]

_ROWS = 16
"""Points along z that are interpolated at once: they stay in the processor's cache."""


@dataclass(frozen=True)
class Axis:
    """Linear interpolation along one axis.

    Attributes:
        floor: ``[points]`` the voxel before each point; the voxel after it is the next one.
        share: ``[points]`` of the voxel after it.
    """

    floor: npt.NDArray[np.intp]
    share: Float32s

    @classmethod
    def at(cls, position: Floats, length: int) -> Axis:
        """Ascending positions between ``length`` voxels."""
        floor = np.floor(position).astype(np.intp).clip(0, length - 2)
        return cls(floor, (position - floor).astype(np.float32))

    def part(self, points: slice, first: int) -> Axis:
        """Some of the points, among voxels of which the first is number ``first``."""
        return Axis(self.floor[points] - first, self.share[points])

    def between(self, voxels: Float32s, axis: int) -> Float32s:
        """Interpolate along an axis of an array."""
        share = self.share.reshape([-1 if k == axis else 1 for k in range(voxels.ndim)])
        before, after = voxels.take(self.floor, axis), voxels.take(self.floor + 1, axis)
        before *= 1 - share
        after *= share
        before += after
        return before


@dataclass(frozen=True)
class Axes:
    """The points of a plan whose window is parallel to the scan's axes, from its voxels ``low..high``.

    Attributes:
        z: Along the first axis.
        y: Along the second.
        x: Along the third.
        padded_fraction: Share of the points outside the box of the scan's voxel centres.
    """

    z: Axis
    y: Axis
    x: Axis
    padded_fraction: float

    def in_plane(self, voxels: Float32s) -> Float32s:
        """Interpolate slices ``[n, y, x]`` along y and x: ``[n, points, points]``.

        It is fastest where ``voxels`` has y first in memory.
        """
        return self.x.between(self.y.between(voxels.transpose(1, 0, 2), 0), 2).transpose(1, 0, 2)

    def across(self, slices: Float32s, first: int = 0) -> Iterator[tuple[slice, Float32s]]:
        """Interpolate along z what lies between slices that ``in_plane`` made, some points at a time.

        Args:
            slices: ``[n, points, points]``, some neighbouring slices.
            first: Number of the first of them.

        Yields:
            Which points along z, and their values.
        """
        begin, end = np.searchsorted(self.z.floor, (first, first + len(slices) - 1))
        for start in range(int(begin), int(end), _ROWS):
            points = slice(start, min(start + _ROWS, int(end)))
            yield points, self.z.part(points, first).between(slices, 0)


def axes_of(plan: Plan) -> Axes | None:
    """Where the points of a plan lie between voxels; None if its window is at an angle to the scan's axes."""
    if plan.along is None:
        return None
    inside, axes = 1.0, []
    for low, high, coordinates, length in zip(plan.low, plan.high, plan.along, plan.shape, strict=True):
        inside *= float(((coordinates >= 0) & (coordinates <= length - 1)).mean())
        axes.append(Axis.at(coordinates.clip(-1, length) - low, int(high + 1 - low)))
    z, y, x = axes
    return Axes(z, y, x, 1.0 - inside)
