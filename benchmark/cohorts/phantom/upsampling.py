"""From a coarse grid to voxels by linear interpolation, a slice at a time: it stays in the processor's cache."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmark.cohorts.phantom.chest import AnyArray, Coordinates


def upsampled_slices(
    values: Coordinates, knots: Coordinates, shape: tuple[int, ...], spacing: Coordinates
) -> Iterator[AnyArray]:
    """Fields on a coarse grid, interpolated to the voxels of each slice.

    Args:
        values: ``(fields, z, y, x)`` on the coarse grid, which begins at the first voxel.
        knots: Spacing of the coarse grid in mm, ``(z, y, x)``; fields are constant beyond its last cell.
        shape: Voxels, ``(z, y, x)``.
        spacing: Their spacing in mm.

    Yields:
        ``(fields, y, x)`` of each slice; the same memory each time.
    """
    coarse = values.astype(np.float32)
    rows, columns = (
        interpolation(np.arange(shape[axis]) * (spacing[axis] / knots[axis]), values.shape[axis + 1]).astype(
            np.float32
        )
        for axis in (1, 2)
    )
    place = np.clip(np.arange(shape[0]) * (spacing[0] / knots[0]), 0, values.shape[1] - 1)
    below = np.minimum(place.astype(int), values.shape[1] - 2)
    lower, upper, part, other = np.empty((4, len(values), *shape[1:]), np.float32)
    newest = -1
    for z, share in zip(below, (place - below).astype(np.float32), strict=True):
        while newest <= z:
            newest += 1
            lower, upper = upper, lower
            np.matmul(rows @ coarse[:, newest], columns.T, out=upper)
        np.multiply(lower, 1 - share, out=part)
        part += np.multiply(upper, share, out=other)
        yield part


def upsample(values: Coordinates, knots: Coordinates, shape: tuple[int, ...], spacing: Coordinates) -> AnyArray:
    """One field ``(z, y, x)`` at all voxels; see `upsampled_slices`."""
    result = np.empty(shape, np.float32)
    for layer, found in zip(result, upsampled_slices(values[None], knots, shape, spacing), strict=True):
        layer[:] = found[0]
    return result


def smooth_noise(
    shape: tuple[int, ...], every: tuple[float, ...], rng: np.random.Generator, dtype: type = np.float64
) -> Coordinates:
    """Noise of about unit variance that changes over ``every`` cells along each axis."""
    places = [np.arange(n) / size for n, size in zip(shape, every, strict=True)]
    knots = [int(place[-1]) + 2 for place in places]
    values: Coordinates = (rng.standard_normal(knots) * 1.6).astype(dtype)
    weights: list[Coordinates] = [
        interpolation(place, n).astype(dtype) for place, n in zip(places, knots, strict=True)
    ]
    planes = weights[1] @ values @ weights[2].T
    noise: Coordinates = (weights[0] @ planes.reshape(len(planes), -1)).reshape(shape)
    return noise


def interpolation(places: Coordinates, count: int) -> Coordinates:
    """Matrix ``(len(places), count)`` of linear weights for places in cells; constant beyond the last cell."""
    places = np.clip(places, 0, count - 1)
    weights: Coordinates = np.maximum(0.0, 1 - np.abs(places[:, None] - np.arange(count)))
    return weights
