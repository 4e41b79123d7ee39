"""A scan that is being drawn, and where its voxels lie.

Its grid runs along the patient's axes (z up, y to the back, x to the left; lengths in mm from the first voxel);
orientation and origin are given to it when it is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

AnyArray = npt.NDArray[Any]
Coordinates = npt.NDArray[Any]


@dataclass
class Chest:
    """A scan before nodules and noise.

    Attributes:
        hu: ``(z, y, x)`` in HU.
        depth: ``(z, y, x)`` in mm: distance to the pleura, positive inside the lung.
        spacing: ``(z, y, x)`` in mm.
        blood: HU of vessels.
        lung: HU of lung parenchyma.
        hilum: Where vessels enter, ``(z, y, x)`` in mm, if known.
    """

    hu: AnyArray
    depth: AnyArray
    spacing: Coordinates
    blood: float
    lung: float
    hilum: Coordinates | None = None

    def __post_init__(self) -> None:
        """Tubes are drawn through a flat view of the voxels."""
        self.hu = np.ascontiguousarray(self.hu)

    def axes(self, box: tuple[slice, slice, slice] | None = None) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Coordinates in mm of the voxels of ``box``, shaped to broadcast."""
        box = box or tuple(slice(0, n) for n in self.hu.shape)  # type: ignore[assignment]
        z, y, x = (
            np.arange(part.start, part.stop, dtype=np.float32) * np.float32(step)
            for part, step in zip(box, self.spacing, strict=True)  # type: ignore[arg-type]
        )
        return z[:, None, None], y[None, :, None], x[None, None, :]

    def box(self, low: Coordinates, high: Coordinates) -> tuple[slice, slice, slice]:
        """The voxels between two points in mm, clipped to the volume."""
        first = np.clip(np.floor(low / self.spacing), 0, np.array(self.hu.shape) - 1).astype(int)
        last = np.clip(np.ceil(high / self.spacing) + 1, first + 1, self.hu.shape).astype(int)
        return tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))  # type: ignore[return-value]

    def depth_at(self, points: Coordinates) -> Coordinates:
        """Depth in mm at ``(n, 3)`` points in mm, to the nearest voxel."""
        index = np.rint(np.atleast_2d(points) / self.spacing).astype(int)
        index = np.clip(index, 0, np.array(self.hu.shape) - 1)
        depth: Coordinates = self.depth[index[:, 0], index[:, 1], index[:, 2]].astype(np.float64)
        return depth

    def inward(self, point: Coordinates, reach: float = 4.0) -> Coordinates:
        """Unit vector at ``point`` along which the depth grows fastest."""
        steps = np.eye(3) * reach
        gradient = self.depth_at(point + steps) - self.depth_at(point - steps)
        length = float(np.linalg.norm(gradient))
        return gradient / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])
