"""Planes cut out by whole voxels beside their middle, as linear maps of the voxels that any shift touches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.imaging.plane_maps import (
    PLANES,
    SPLINE_RADIUS,
    Floats,
    Plane,
    cardinal_spline,
    flat_index,
    line_positions,
    linear_kernel,
    pixel_positions,
    square_weights,
    turning_point,
)
from benchmark.imaging.recipe import Recipe

JITTER = 5
"""Voxels: planes are shifted by -5 to 4 along rows and columns (code ``--jitter``)."""
_SHIFTS = np.arange(-JITTER, JITTER)
_ALONG_AXES, _DIAGONAL = slice(0, 3), slice(3, 9)
"""Which of ``PLANES`` are so. Of the diagonal ones, those after the first are transposed, up to the last two."""
_NO_WEIGHT = 1e-7
"""Voxels with less weight in every pixel are left out; in the paper's planes they weigh 1.8e-6 together."""
Indices = npt.NDArray[np.intp]


@dataclass(frozen=True)
class VoxelPairs:
    """Some voxels of volumes of one shape, in pairs of flat indices ``2 i`` and ``2 i + 1``.

    Attributes:
        number: ``[m]`` flat indices, growing.
        pair: ``[m / 2]`` i of each pair.
        position: ``[3, m]`` x, y, z, each from -1 to 1 between the middles of the outermost voxels.
    """

    number: Tensor
    pair: Tensor
    position: Tensor


@dataclass(frozen=True)
class PlaneGroup:
    """Some planes with whatever shift.

    Shape notation:
        - g: planes
        - j: shifts
        - k: pairs of voxels (p, q) that the lines touch
        - m: points along t

    Attributes:
        planes: Which.
        index: ``[g, nr, k]`` places among the touched voxels.
        line: ``[g, k, m]`` weights from voxels to points; None where they are the same.
        columns: Weights ``[m, size]`` from points to pixels, for each shift along t: ``[j, m, size]``, or
            ``[g j, m, size]`` where planes differ.
        unshifted: ``[g]`` which of ``columns`` belongs to the shift 0.
    """

    planes: slice
    index: Tensor
    line: Tensor | None
    columns: Tensor
    unshifted: Tensor

    def points(self, values: Tensor, along_t: Tensor) -> Tensor:
        """Pixels along t ``[n, g, nr, size]`` from the values ``[n, voxels]``, shifted by ``[n, g]`` voxels."""
        points = values.index_select(1, self.index.view(-1)).view(-1, *self.index.shape)  # [n, g, nr, k]
        if self.line is not None:
            points = points @ self.line
        return points @ self.columns[along_t + self.unshifted]


@dataclass(frozen=True)
class ShiftedMaps:
    """The nine planes with whatever shift, as linear maps.

    Attributes:
        voxels: Those that any plane touches.
        rows: ``[j, size, nr]`` weights along r for each shift.
        groups: The planes along the axes, and the diagonal ones.
        transposed: ``[9]`` whether a picture's rows are ``t``.
    """

    voxels: VoxelPairs
    rows: Tensor
    groups: tuple[PlaneGroup, PlaneGroup]
    transposed: Tensor

    @property
    def values_a_nodule(self) -> int:
        """How many values of 4 bytes a nodule's voxels and pictures take at most while they are worked on."""
        size, nr = self.rows.shape[1:]
        largest = max(
            group.index.numel() + len(group.index) * size * (2 * nr + group.columns.shape[1] + size)
            for group in self.groups
        )
        return 8 * len(self.voxels.number) + largest

    def pictures(self, values: Tensor, shifts: Tensor) -> Tensor:
        """Pictures of many nodules, on the device of ``values``.

        Args:
            values: ``[n, m]`` of the touched voxels, in any unit.
            shifts: ``[n, 9, 2]`` voxels along rows and columns of the picture, ``-JITTER`` to ``JITTER - 1``.

        Returns:
            ``[n, 9, size, size]``.
        """
        along_r, along_t = torch.where(self.transposed[:, None], shifts.flip(2), shifts).unbind(2)
        row = along_r + JITTER
        along_axes, diagonal = (
            self.rows[row[:, group.planes]] @ group.points(values, along_t[:, group.planes])
            for group in self.groups
        )
        return torch.cat([along_axes, diagonal[:, :1], diagonal[:, 1:4].mT, diagonal[:, 4:]], dim=1)


def paired_voxels(numbers: Indices, size: int, device: str) -> VoxelPairs:
    """Voxels with flat indices ``numbers`` in a volume of ``size`` points an axis, and those paired with them."""
    pair = np.unique(numbers // 2)
    number = np.minimum((2 * pair[:, None] + np.arange(2)).ravel(), size**3 - 1)
    position = np.stack(np.unravel_index(number, (size,) * 3)[::-1]) * (2 / (size - 1)) - 1
    return VoxelPairs(*(torch.from_numpy(a).to(device) for a in (number, pair, position.astype(np.float32))))


@lru_cache(maxsize=8)
def shifted_maps(recipe: Recipe, size: int, device: str) -> ShiftedMaps:
    """The maps of the nine planes at ``size`` pixels for all shifts.

    ``rotate``: windows of the slice of the rotated crop, zoomed bilinearly. ``linear``: trilinear samples, beyond
    the crop those of its outermost voxels.
    """
    pixels = pixel_positions(recipe, size) + _SHIFTS[:, None]  # [j, size]
    r_index = np.arange(int(np.floor(pixels.min())), int(np.ceil(pixels.max())) + 1)
    rows = linear_kernel(r_index - pixels[..., None])  # [j, size, nr]
    touched = [_touched(plane, recipe, pixels, r_index) for plane in PLANES]
    voxels = paired_voxels(np.concatenate([index.ravel() for index, _ in touched]), recipe.size, device)
    numbers = voxels.number.cpu().numpy()
    groups = []
    for planes in (_ALONG_AXES, _DIAGONAL):
        index, weights = _stacked(touched[planes])
        line, columns, unshifted = None, rows.mT, np.zeros(len(index), np.int64)
        if weights is not None and recipe.planes == "linear":
            g, k = weights.shape[:2]
            columns = weights.reshape(g, k, *pixels.shape).swapaxes(1, 2).reshape(-1, k, size)
            unshifted = np.arange(g) * len(_SHIFTS)
        elif weights is not None:
            line = _weights(weights, device)
        places = torch.from_numpy(np.searchsorted(numbers, index)).to(device)
        first = torch.from_numpy(unshifted + JITTER).to(device)
        groups.append(PlaneGroup(planes, places, line, _weights(columns, device), first))
    transposed = torch.tensor([plane.transposed for plane in PLANES]).to(device)
    return ShiftedMaps(voxels, _weights(rows, device), (groups[0], groups[1]), transposed)


def _touched(plane: Plane, recipe: Recipe, pixels: Floats, r_index: Indices) -> tuple[Indices, Floats | None]:
    """Flat indices ``[nr, k]`` of a plane's voxels, and their weights ``[k, points]``; None along the axes.

    Points are all pixels for all shifts (``linear``), or the voxels of the rotated crop (``rotate``).
    """
    inside = r_index.clip(0, recipe.size - 1)
    if plane.tilt == 0:
        return flat_index(plane, recipe, inside, np.full(len(inside), int(recipe.centre_index)), inside), None
    linear = recipe.planes == "linear"
    points = pixels.ravel() if linear else r_index.astype(float)
    kernel, reach = (linear_kernel, 1) if linear else (cardinal_spline, SPLINE_RADIUS)
    p, q = line_positions(recipe, plane.tilt, points - turning_point(recipe))
    p_index, q_index, weights = square_weights(p, q, kernel, reach)
    used = np.abs(weights).max(axis=1) > _NO_WEIGHT
    p_index, q_index = (index[used].clip(0, recipe.size - 1) for index in (p_index, q_index))
    return flat_index(plane, recipe, inside, p_index, q_index), weights[used]


def _stacked(touched: Sequence[tuple[Indices, Floats | None]]) -> tuple[Indices, Floats | None]:
    """Indices ``[g, nr, k]`` and weights ``[g, k, points]``; voxels without weight where a plane touches fewer."""
    longest = max(index.shape[1] for index, _ in touched)
    missing = [longest - index.shape[1] for index, _ in touched]
    index = np.stack([np.pad(i, ((0, 0), (0, m)), "edge") for (i, _), m in zip(touched, missing, strict=True)])
    weights = [np.pad(w, ((0, m), (0, 0))) for (_, w), m in zip(touched, missing, strict=True) if w is not None]
    return index, np.stack(weights) if weights else None


def _weights(array: Floats, device: str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)
