"""The index ↔ millimetre map of a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MAX_VOXELS = 2**31
"""Scans with more voxels are refused before anything is allocated."""
MIN_SPACING = 0.02
"""mm; below it the spacing is in another unit or absent."""
MAX_SPACING = 10.0
"""mm; a larger spacing is no CT of the chest."""
FARTHEST = 10_000.0
"""mm from its frame's origin within which a scan's corners lie: a scanner's table moves by some two metres."""
ORTHONORMAL_TOLERANCE = 1e-4
"""Largest deviation of the axes' inner products from 0 and 1 that float32 headers explain."""
ORTHONORMALIZE_LIMIT = 1e-3
"""Largest deviation that may be repaired on request."""


@dataclass(frozen=True)
class Grid:
    """Where the voxels of a scan lie.

    An index is ``(i, j, k)``, the file's fastest axis first; integers are voxel centres. Millimetres are
    ``(x, y, z)`` in LPS, the frame of ITK and DICOM.

    Attributes:
        size: Voxels along i, j, k.
        matrix: ``[3, 3]``, mm per index step in its columns.
        origin: mm of index (0, 0, 0).
    """

    size: tuple[int, int, int]
    matrix: Floats
    origin: Floats

    @property
    def spacing(self) -> Floats:
        """Distance between voxel centres along i, j, k in mm."""
        return np.asarray(np.linalg.norm(self.matrix, axis=0))

    @property
    def direction(self) -> Floats:
        """Unit vectors of i, j, k in the columns."""
        return self.matrix / self.spacing

    def to_mm(self, index: npt.ArrayLike) -> Floats:
        """Millimetres of indices ``[..., 3]``."""
        return np.asarray(np.asarray(index, float) @ self.matrix.T + self.origin)

    def to_index(self, mm: npt.ArrayLike) -> Floats:
        """Indices of points ``[..., 3]`` in mm; fractions lie between voxel centres."""
        offset = np.asarray(mm, float) - self.origin
        return np.asarray(np.linalg.solve(self.matrix, offset.reshape(-1, 3).T).T.reshape(offset.shape))

    def contains(self, mm: npt.ArrayLike) -> bool:
        """Whether a point lies in one of the voxels, edges included."""
        return self.holds_index(self.to_index(mm))

    def holds_index(self, index: npt.ArrayLike) -> bool:
        """Whether an index lies in one of the voxels, edges included."""
        index = np.asarray(index, float)
        return bool(np.all((index >= -0.5 - 1e-6) & (index <= np.array(self.size) - 0.5 + 1e-6)))

    def corners(self) -> Floats:
        """``[8, 3]``: the corner voxels' centres in mm."""
        last = np.array(self.size) - 1
        return self.to_mm(np.array(np.meshgrid(*([0, n] for n in last), indexing="ij")).reshape(3, -1).T)

    def bounds(self, frame: str = "LPS") -> str:
        """The box around the corner voxels' centres in ``LPS`` or ``RAS``, for messages."""
        corners = self.corners() * ([-1, -1, 1] if frame == "RAS" else [1, 1, 1])
        ends = zip("xyz", corners.min(axis=0), corners.max(axis=0), strict=True)
        return ", ".join(f"{axis} {low:.1f}..{high:.1f}" for axis, low, high in ends)

    def canonical(self) -> tuple[tuple[int, int, int], tuple[bool, bool, bool]]:
        """Which index axis runs nearest to x, y and z, and whether it runs against it."""
        direction = self.direction
        order = max(_PERMUTATIONS, key=lambda p: sum(abs(direction[axis, p[axis]]) for axis in range(3)))
        return order, (
            bool(direction[0, order[0]] < 0),
            bool(direction[1, order[1]] < 0),
            bool(direction[2, order[2]] < 0),
        )


_PERMUTATIONS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


def deviation(direction: Floats) -> float:
    """How far unit columns are from orthonormal: the largest entry of ``|DᵀD - 1|``."""
    return float(np.abs(direction.T @ direction - np.eye(3)).max())


def orthonormalized(direction: Floats) -> Floats:
    """The nearest orthonormal matrix (polar decomposition)."""
    u, _, v = np.linalg.svd(direction)
    return np.asarray(u @ v)
