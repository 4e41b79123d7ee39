"""The nine planes as fixed linear maps of a crop's voxels.

A plane holds pixels ``(r, t)``: ``r`` runs along an axis of the crop, ``t`` along another axis or, in a plane
through the rotated crop, along a line at 45° in the plane ``(p, q)`` of the two axes that were rotated. A pixel is
thus ``rows @ (crop[index] @ line)``: only the voxels of ``index`` are touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from benchmark.imaging.recipe import Recipe

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]

SPLINE_RADIUS = 10
"""Voxels at which the cardinal cubic spline is cut off; it has fallen below 1e-5 there."""


@dataclass(frozen=True)
class Plane:
    """Which voxels a plane crosses.

    Attributes:
        r: Axis of the crop that ``r`` runs along.
        p: First axis of the rotation; for a plane along the axes, the axis that stands still.
        q: Second axis of the rotation; for a plane along the axes, the axis that ``t`` runs along.
        tilt: 0 for a plane along the axes; 1 and -1 for the two diagonals.
        transposed: Whether the picture's rows are ``t`` and its columns ``r``.
    """

    r: int
    p: int
    q: int
    tilt: int
    transposed: bool = False


PLANES = (
    Plane(1, 0, 2, 0),
    Plane(0, 1, 2, 0),
    Plane(0, 2, 1, 0),
    Plane(1, 0, 2, 1),
    Plane(1, 0, 2, -1, transposed=True),
    Plane(2, 0, 1, 1, transposed=True),
    Plane(2, 0, 1, -1, transposed=True),
    Plane(0, 1, 2, 1),
    Plane(0, 1, 2, -1),
)
"""Slices along axes 0, 1, 2 of ``(z, y, x)``; after a rotation in (0, 2) along 0 and 2, in (0, 1) along 0 and 1,
in (1, 2) along 1 and 2."""


@dataclass(frozen=True)
class PlaneMap:
    """One plane as a linear map.

    Attributes:
        index: ``[nr, k]``: flat indices of the voxels used.
        line: ``[k, nt]``: weights from voxels to points along ``t``.
        rows: ``[size, nr]``: weights along ``r``.
        zoom: ``[nt, size]``: weights from points to pixels along ``t``; None if they are the same.
        transposed: Whether the picture's rows are ``t``.
    """

    index: npt.NDArray[np.intp]
    line: Float32s
    rows: Float32s
    zoom: Float32s | None
    transposed: bool


@lru_cache(maxsize=16)
def plane_maps(recipe: Recipe, size: int) -> tuple[PlaneMap, ...]:
    """The maps of the nine planes at ``size`` pixels, in the order of ``PLANES``."""
    return tuple(_plane_map(plane, recipe, size) for plane in PLANES)


def pixel_positions(recipe: Recipe, size: int) -> Floats:
    """Index along an axis of the crop of each of ``size`` pixels of a plane along the axes.

    ``linear``: pixels tile ``plane_mm`` around the centre index. ``rotate``: the outermost pixels lie on the
    outermost voxels of the central window, as in ``scipy.ndimage.zoom``.
    """
    if recipe.planes == "linear":
        step = recipe.plane_mm / recipe.spacing / size
        return np.asarray(recipe.centre_index + (np.arange(size) - (size - 1) / 2) * step)
    window = round(recipe.plane_mm / recipe.spacing)
    first = (recipe.size - window) // 2
    return np.asarray(first + np.linspace(0, window - 1, size))


def turning_point(recipe: Recipe) -> float:
    """Index along each axis about which the crop is rotated."""
    return recipe.centre_index if recipe.planes == "linear" else (recipe.size - 1) / 2


def line_positions(recipe: Recipe, tilt: int, offset: Floats) -> tuple[Floats, Floats]:
    """Indices along p and q of points on the slice of the rotated crop at its centre index.

    ``scipy.ndimage.rotate`` by 45° reads output ``(u, w)`` at ``p = m + (u-m) cos + (w-m) sin``,
    ``q = m - (u-m) sin + (w-m) cos``; tilt 1 is the slice at fixed u, tilt -1 that at fixed w.

    Args:
        recipe: The recipe.
        tilt: 1 or -1.
        offset: Position along the line, from the turning point, in voxels.
    """
    middle, half = turning_point(recipe), np.sqrt(0.5)
    aside = recipe.centre_index - middle
    if tilt > 0:
        return middle + half * (offset + aside), middle + half * (offset - aside)
    return middle + half * (offset + aside), middle - half * (offset - aside)


def _plane_map(plane: Plane, recipe: Recipe, size: int) -> PlaneMap:
    pixels = pixel_positions(recipe, size)
    r_index, rows = linear_weights(pixels)
    if plane.tilt == 0:
        still = np.full(len(r_index), int(recipe.centre_index), np.intp)
        return _finish(plane, recipe, r_index, rows, still, r_index, rows.T, None)
    if recipe.planes == "linear":
        points, zoom = pixels, None
        weights, reach = linear_kernel, 1
    else:
        points = np.arange(np.floor(pixels.min()), np.ceil(pixels.max()) + 1)
        zoom = linear_weights(pixels)[1].T
        weights, reach = cardinal_spline, SPLINE_RADIUS
    p, q = line_positions(recipe, plane.tilt, points - turning_point(recipe))
    p_index, q_index, line = square_weights(p, q, weights, reach)
    return _finish(plane, recipe, r_index, rows, p_index, q_index, line, zoom)


def _finish(
    plane: Plane,
    recipe: Recipe,
    r_index: npt.NDArray[np.intp],
    rows: Floats,
    p_index: npt.NDArray[np.intp],
    q_index: npt.NDArray[np.intp],
    line: Floats,
    zoom: Floats | None,
) -> PlaneMap:
    return PlaneMap(
        flat_index(plane, recipe, r_index, p_index, q_index),
        np.ascontiguousarray(line, np.float32),
        np.ascontiguousarray(rows, np.float32),
        None if zoom is None else np.ascontiguousarray(zoom, np.float32),
        plane.transposed,
    )


def flat_index(
    plane: Plane,
    recipe: Recipe,
    r_index: npt.NDArray[np.intp],
    p_index: npt.NDArray[np.intp],
    q_index: npt.NDArray[np.intp],
) -> npt.NDArray[np.intp]:
    """Flat indices ``[nr, k]`` into a crop of all ``r_index`` with the pairs ``(p_index, q_index)``."""
    stride = np.array([recipe.size**2, recipe.size, 1])
    index = r_index[:, None] * stride[plane.r] + (p_index * stride[plane.p] + q_index * stride[plane.q])[None]
    return np.asarray(index, np.intp)


def linear_weights(positions: Floats) -> tuple[npt.NDArray[np.intp], Floats]:
    """The voxels that linear interpolation uses at ``positions``, and their weights ``[positions, voxels]``."""
    index = np.arange(int(np.floor(positions.min())), int(np.ceil(positions.max())) + 1)
    return index, linear_kernel(index[None, :] - positions[:, None])


def linear_kernel(distance: Floats) -> Floats:
    """Weight of a sample at a distance in linear interpolation."""
    return np.asarray(np.maximum(0.0, 1.0 - np.abs(distance)))


def cardinal_spline(distance: Floats) -> Floats:
    """Weight of a sample at a distance in cubic-spline interpolation.

    The cubic B-spline convolved with the impulse response ``√3 z^|k|``, ``z = √3 - 2``, of its prefilter (Unser,
    "Splines: a perfect fit for signal and image processing", IEEE Signal Processing Magazine 16(6), 1999).
    """
    pole = np.sqrt(3.0) - 2.0
    whole = np.floor(distance)
    total = np.zeros_like(distance)
    for shift in (-1, 0, 1, 2):
        knot = whole + shift
        total += _cubic(distance - knot) * np.sqrt(3.0) * pole ** np.abs(knot)
    return total


def _cubic(x: Floats) -> Floats:
    x = np.abs(x)
    inner = 2 / 3 - x**2 + x**3 / 2
    return np.asarray(np.where(x < 1, inner, np.where(x < 2, (2 - x) ** 3 / 6, 0.0)))


def square_weights(
    p: Floats, q: Floats, weights: Callable[[Floats], Floats], reach: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], Floats]:
    """Weights ``[voxels, points]`` of the voxels ``(p, q)`` within ``reach`` of any point of a line."""
    first = int(np.floor(min(p.min(), q.min()))) - reach
    grid = np.arange(first, int(np.ceil(max(p.max(), q.max()))) + reach + 1)
    along_p = weights(p[:, None] - grid[None]) * (np.abs(p[:, None] - grid[None]) < reach)
    along_q = weights(q[:, None] - grid[None]) * (np.abs(q[:, None] - grid[None]) < reach)
    along_p /= along_p.sum(axis=1, keepdims=True)
    along_q /= along_q.sum(axis=1, keepdims=True)
    both = along_p[:, :, None] * along_q[:, None, :]
    used_p, used_q = np.nonzero((both != 0).any(axis=0))
    return grid[used_p], grid[used_q], both[:, used_p, used_q].T
