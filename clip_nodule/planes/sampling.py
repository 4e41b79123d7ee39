"""Planes at any position, sampled from the knots and bends of a crop by bilinear look-ups in two dimensions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from benchmark.imaging.plane_maps import (
    PLANES,
    Plane,
    flat_index,
    line_positions,
    linear_kernel,
    square_weights,
    turning_point,
)
from benchmark.imaging.recipe import Recipe


@dataclass(frozen=True)
class PlaneSource:
    """What planes are sampled from: images ``[r, knot]`` that linear maps make from a crop.

    Along a diagonal, bilinear interpolation between voxels is quadratic between the knots where the line crosses
    from one square of four voxels to the next: the straight line from knot to knot, plus ``a (1 - a)`` times a
    bend, with ``a`` running from 0 to 1. In a plane along the axes the knots are the voxels and nothing bends.

    Shape notation:
        - g: planes
        - k: pairs of voxels (p, q) that the line touches
        - m: knots

    Attributes:
        index: ``[g, nr, k]`` flat indices of the voxels used.
        knots: ``[g, k, m]`` weights from voxels to knots; None along the axes.
        bends: ``[g, k, m - 1]`` weights from voxels to bends; None along the axes.
        r_start: Voxels from the turning point to the first of the ``nr``.
        t_start: Voxels from the turning point to the first knot.
        lengths: Voxels from knot to knot, repeated: one or two numbers.
    """

    index: Tensor
    knots: Tensor | None
    bends: Tensor | None
    r_start: float
    t_start: float
    lengths: tuple[float, ...]


@lru_cache(maxsize=64)
def source_of(recipe: Recipe, group: tuple[int, ...], reach: float, device: str) -> PlaneSource:
    """What the planes of ``group`` are sampled from, up to ``reach`` voxels from the turning point."""
    middle = turning_point(recipe)
    r_index = np.arange(int(np.floor(middle - reach)), int(np.ceil(middle + reach)) + 1)
    r_start = float(r_index[0] - middle)
    if PLANES[group[0]].tilt == 0:
        still = np.full(len(r_index), int(recipe.centre_index))
        flat = np.stack([flat_index(PLANES[place], recipe, r_index, still, r_index) for place in group])
        return PlaneSource(torch.from_numpy(flat).to(device), None, None, r_start, r_start, (1.0,))
    parts = [_diagonal(PLANES[place], recipe, r_index, reach) for place in group]
    steps = np.diff(parts[0][3])
    lengths = (float(steps[0]),) if np.allclose(steps, steps[0]) else (float(steps[0]), float(steps[1]))
    index, knots, bends = (
        torch.from_numpy(np.stack([part[which] for part in parts])).to(device) for which in range(3)
    )
    return PlaneSource(index, knots.float(), bends.float(), r_start, float(parts[0][3][0]), lengths)


def _diagonal(
    plane: Plane, recipe: Recipe, r_index: NDArray[np.intp], reach: float
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Voxels of a diagonal plane, their weights for knots and bends, and the knots' offsets."""
    offsets = _knots(recipe, plane, reach)
    p, q = line_positions(recipe, plane.tilt, np.concatenate([offsets, offsets[:-1] + np.diff(offsets) / 2]))
    p_index, q_index, weights = square_weights(p, q, linear_kernel, 1)
    knots, halves = weights[:, : len(offsets)], weights[:, len(offsets) :]
    bends = 4 * halves - 2 * (knots[:, :-1] + knots[:, 1:])
    return flat_index(plane, recipe, r_index, p_index, q_index), knots, bends, offsets


def _knots(recipe: Recipe, plane: Plane, reach: float) -> NDArray[np.float64]:
    """Offsets at which p or q is whole on a diagonal, from before ``-reach`` to after ``reach``."""
    zero = line_positions(recipe, plane.tilt, np.zeros(1))
    step = line_positions(recipe, plane.tilt, np.ones(1))
    offsets = []
    for at_zero, at_one in zip(zero, step, strict=True):
        slope = (at_one - at_zero)[0]
        ends = np.sort(at_zero[0] + slope * np.array([-reach - 3, reach + 3]))
        offsets.append((np.arange(np.ceil(ends[0]), np.floor(ends[1]) + 1) - at_zero[0]) / slope)
    knots = np.sort(np.concatenate(offsets))
    knots = knots[np.concatenate([[True], np.diff(knots) > 1e-6])]
    return np.asarray(knots[1:-1])


def look_up(image: Tensor, grid: Tensor, along: Tensor) -> Tensor:
    """Bilinear samples of ``[n, g, nr, m]`` at ``grid`` (along r in -1..1) with ``along`` in knots along t."""
    torch.mul(along, 2 / (image.shape[3] - 1), out=grid[..., 0])
    grid[..., 0].sub_(1)
    n, g = image.shape[:2]
    flat = image.reshape(n * g, 1, *image.shape[2:])
    found = F.grid_sample(flat, grid.view(n * g, *grid.shape[2:]), padding_mode="border", align_corners=True)
    return found.view(n, g, *found.shape[2:])
