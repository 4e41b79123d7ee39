"""What a scanner does to a chest: point spread, noise, orientation, and a NIfTI file."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from isal import igzip
from scipy.ndimage import correlate1d
from scipy.spatial.transform import Rotation

from benchmark.cohorts.phantom.anatomy import AnyArray, Coordinates
from benchmark.files import write_bytes

AXES = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
"""Directions in LPS ``(x, y, z)`` of the array's axes ``(z, y, x)``."""


def acquire(
    hu: AnyArray, spacing: Coordinates, noise: float, blur: float, rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    """Blur a volume, add noise that the same kernel has coloured, and round to whole HU.

    Args:
        hu: ``(z, y, x)``; changed in place.
        spacing: ``(z, y, x)`` in mm.
        noise: Standard deviation of the noise in HU.
        blur: Standard deviation of the point spread in mm.
        rng: Source of randomness.
    """
    gain = noise / np.prod([np.sqrt((_gaussian(blur / step) ** 2).sum()) for step in spacing])
    grain = rng.standard_normal(hu.shape, dtype=np.float32)
    grain *= np.float32(gain)
    hu += grain
    return np.clip(np.rint(point_spread(hu, spacing, blur)), -1024, 3071).astype(np.int16)


def point_spread(volume: AnyArray, spacing: Coordinates, blur: float) -> AnyArray:
    """Blur ``(z, y, x)`` by a Gaussian of ``blur`` mm."""
    for axis, step in enumerate(spacing):
        volume = correlate1d(volume, _gaussian(blur / step), axis=axis, mode="nearest")
    return volume


def _gaussian(sigma: float) -> Coordinates:
    """Three or five taps of a Gaussian, of sum 1."""
    taps = np.arange(-2, 3) if sigma > 0.7 else np.arange(-1, 2)
    kernel = np.exp(-0.5 * (taps / max(sigma, 0.05)) ** 2)
    result: Coordinates = kernel / kernel.sum()
    return result


@dataclass(frozen=True)
class Placement:
    """Where a drawn volume lies in the world, and in which order its voxels are stored.

    Attributes:
        tilt: Rotation of the patient with the grid.
        origin: LPS position in mm of the first voxel as drawn.
        flips: Axes ``(z, y, x)`` stored backwards.
        order: Drawn axis that each stored axis is.
    """

    tilt: Coordinates
    origin: Coordinates
    flips: tuple[bool, ...]
    order: tuple[int, ...]

    def world(self, point: Coordinates) -> Coordinates:
        """LPS coordinates of a point ``(z, y, x)`` in mm from the first voxel as drawn."""
        placed: Coordinates = self.origin + self.tilt @ (AXES.T @ point)
        return placed


def draw_placement(rng: np.random.Generator) -> Placement:
    """Store a volume the way some scanner would: axes flipped, at times swapped or a little oblique."""
    order = (0, 1, 2)
    if rng.random() < 0.12:
        order = ((1, 0, 2), (2, 0, 1))[int(rng.integers(2))]
    flips = (bool(rng.random() < 0.25), bool(rng.random() < 0.4), bool(rng.random() < 0.4))
    tilt = _tilt(rng.normal(0, 0.06, 3)) if rng.random() < 0.15 else np.eye(3)
    return Placement(tilt, rng.uniform([-160, -220, -420], [40, -60, 180]), flips, order)


def store(
    volume: npt.NDArray[np.int16], spacing: Coordinates, placement: Placement
) -> tuple[npt.NDArray[np.int16], Coordinates, Coordinates, Coordinates]:
    """Bring a volume into its stored order.

    Returns:
        The volume ``(z, y, x)``; its spacing in that order; its direction cosines in LPS (columns are the
        directions of x, y and z); and the LPS position in mm of its first voxel.
    """
    signs = np.where(placement.flips, -1.0, 1.0)
    corner = np.where(placement.flips, (np.array(volume.shape) - 1) * spacing, 0.0)
    backwards = tuple(slice(None, None, -1 if flip else 1) for flip in placement.flips)
    order = list(placement.order)
    cosines = (placement.tilt @ (AXES * signs[:, None]).T)[:, order[::-1]]
    return volume[backwards].transpose(order), spacing[order], cosines, placement.world(corner)


def _tilt(angles: Coordinates) -> Coordinates:
    """Rotation by small angles about x, y and z."""
    x, y, z = np.clip(angles, -0.12, 0.12)
    rx = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rz = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    tilt: Coordinates = rz @ ry @ rx
    return tilt


def write_nifti(
    path: Path, volume: npt.NDArray[np.int16], spacing: Coordinates, cosines: Coordinates, origin: Coordinates
) -> None:
    """Write int16 HU as ``.nii.gz`` with qform and sform that agree; the bytes depend on the arguments alone.

    Args:
        path: Where to.
        volume: ``(z, y, x)``.
        spacing: ``(z, y, x)`` in mm.
        cosines: Direction cosines in LPS, columns for x, y and z.
        origin: LPS position in mm of the first voxel.
    """
    ras = np.diag([-1.0, -1.0, 1.0])
    rotation, offset = ras @ cosines, ras @ origin
    steps = spacing[::-1]
    handed = 1.0 if np.linalg.det(rotation) > 0 else -1.0
    quaternion = _quaternion(rotation @ np.diag([1.0, 1.0, handed]))
    header = struct.pack(
        "<i35xB8h3f4h8f3fhBB4f2i80s24s2h6f12f16s4s4x",
        348,
        0,
        *(3, *volume.shape[::-1], 1, 1, 1, 1),
        *(0.0, 0.0, 0.0),
        *(0, 4, 16, 0),
        *(handed, *steps, 0.0, 0.0, 0.0, 0.0),
        *(352.0, 1.0, 0.0),
        0,
        0,
        2,
        *(0.0, 0.0, 0.0, 0.0),
        *(0, 0),
        b"phantom",
        b"",
        *(1, 1),
        *quaternion,
        *offset,
        *(value for row in np.column_stack([rotation * steps, offset]) for value in row),
        b"",
        b"n+1\0",
    )
    data = np.ascontiguousarray(volume, dtype="<i2").tobytes()
    write_bytes(path, igzip.compress(header + data, 1, mtime=0))


def _quaternion(rotation: Coordinates) -> tuple[float, float, float]:
    """Parts b, c, d of a rotation's unit quaternion whose part a is not negative (NIfTI-1)."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    sign = -1.0 if w < 0 else 1.0
    return float(x * sign), float(y * sign), float(z * sign)
