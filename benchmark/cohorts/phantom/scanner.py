"""What a scanner does to a chest: point spread, noise, orientation, and a NIfTI file."""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from isal import isal_zlib
from scipy.spatial.transform import Rotation
from scipy.special import ndtri

from benchmark.cohorts.phantom.chest import AnyArray, Coordinates
from benchmark.files import replacing

AXES = np.array([[0.0, 0, 1], [0, 1, 0], [1, 0, 0]])
"""Directions in LPS ``(x, y, z)`` of the array's axes ``(z, y, x)``."""
LEVEL = 1
"""Of compression: noise cannot be made much smaller, and level 0 is larger by a quarter and hardly faster."""
GZIP = 16 + 15
"""zlib's ``wbits`` for a gzip file."""


def acquire(
    hu: AnyArray, spacing: Coordinates, noise: float, blur: float, rng: np.random.Generator
) -> npt.NDArray[np.int16]:
    """Blur a volume, add noise that the same kernel has coloured, and round to whole HU.

    Args:
        hu: ``(z, y, x)``.
        spacing: ``(z, y, x)`` in mm.
        noise: Standard deviation of the noise in HU.
        blur: Standard deviation of the point spread in mm.
        rng: Source of randomness.
    """
    kernels = [_gaussian(blur / step) for step in spacing]
    gain = np.float32(noise / np.prod([np.sqrt((kernel**2).sum()) for kernel in kernels]))
    reach = len(kernels[0]) // 2
    volume = np.empty(hu.shape, np.int16)
    # A slice at a time, so that it stays in the processor's cache; along z some neighbours are kept.
    near: deque[AnyArray] = deque(maxlen=2 * reach + 1)
    for z in range(-reach, len(hu) + reach):
        if z == -reach or 0 < z < len(hu):
            layer = hu[max(z, 0)]
            grain = gaussian_noise(layer.size, rng).reshape(layer.shape)
            grain *= gain
            grain += layer
            blurred = _blurred(_blurred(grain, kernels[1], 0), kernels[2], 1)
        near.append(blurred)
        if z >= reach:
            volume[z - reach] = _whole_hu(_mirrored_sum(near, kernels[0]))
    return volume


def gaussian_noise(count: int, rng: np.random.Generator) -> AnyArray:
    """Standard normal numbers, float32, of 65,536 different values: the quantiles in the middle of equal shares.

    Four times as fast as ``standard_normal``; their greatest magnitude is 4.3.
    """
    drawn = rng.bit_generator.random_raw(-(-count // 4)).view(np.uint16)[:count]
    return normal_quantiles().take(drawn)


@lru_cache(maxsize=1)
def normal_quantiles() -> AnyArray:
    """``(65536,)``."""
    quantiles: AnyArray = ndtri((np.arange(65536) + 0.5) / 65536).astype(np.float32)
    return quantiles


def point_spread(volume: AnyArray, spacing: Coordinates, blur: float) -> AnyArray:
    """Blur ``(z, y, x)`` by a Gaussian of ``blur`` mm."""
    for axis, step in enumerate(spacing):
        volume = _blurred(volume, _gaussian(blur / step), axis)
    return volume


def _blurred(volume: AnyArray, kernel: AnyArray, axis: int) -> AnyArray:
    """Correlated with a symmetric kernel along an axis; beyond its ends the outermost value goes on."""
    reach, count = len(kernel) // 2, volume.shape[axis]
    first, last = (volume.take([end], axis) for end in (0, -1))
    padded = np.concatenate([first] * reach + [volume] + [last] * reach, axis)
    at = (slice(None),) * axis
    return _mirrored_sum([padded[(*at, slice(k, k + count))] for k in range(len(kernel))], kernel)


def _mirrored_sum(parts: Sequence[AnyArray], kernel: AnyArray) -> AnyArray:
    """Sum of parts weighted by a symmetric kernel."""
    middle = len(kernel) // 2
    total: AnyArray = parts[middle] * kernel[middle]
    for k in range(middle):
        both = parts[k] + parts[-1 - k]
        both *= kernel[k]
        total += both
    return total


def _whole_hu(values: AnyArray) -> AnyArray:
    """HU as a file holds them; the array given is used up."""
    np.rint(values, out=values)
    return np.clip(values, -1024, 3071, out=values)


def _gaussian(sigma: float) -> AnyArray:
    """Three or five taps of a Gaussian, float32, of sum 1."""
    taps = np.arange(-2, 3) if sigma > 0.7 else np.arange(-1, 2)
    kernel = np.exp(-0.5 * (taps / max(sigma, 0.05)) ** 2)
    result: AnyArray = (kernel / kernel.sum()).astype(np.float32)
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
    packer = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, GZIP)
    parts = [packer.compress(header), packer.compress(np.ascontiguousarray(volume, dtype="<i2")), packer.flush()]
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.writelines(parts)


def _quaternion(rotation: Coordinates) -> tuple[float, float, float]:
    """Parts b, c, d of a rotation's unit quaternion whose part a is not negative (NIfTI-1)."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    sign = -1.0 if w < 0 else 1.0
    return float(x * sign), float(y * sign), float(z * sign)
