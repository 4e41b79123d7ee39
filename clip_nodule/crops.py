"""Cubes around nodules, resampled from a scan: only the window that is asked for is ever touched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.errors import InputError, Problem
from clip_nodule.grid import Floats, Grid
from clip_nodule.recipe import Recipe, get_recipe
from clip_nodule.volume import Volume

SNAP = 2.0**20
"""Index coordinates are rounded to 1 / SNAP voxel, so that the rounding of a header's numbers decides nothing."""
_SAME_CORNER = 1e-8
"""mm; MONAI's tolerance (``numpy.allclose`` against 0)."""
_STRAIGHT = 2e-5
"""Voxels by which a window may leave its row of voxels and still count as parallel to the scan's axes."""


@dataclass(frozen=True)
class Window:
    """The points of a crop.

    Attributes:
        z: mm (LPS) of the points along the crop's first axis.
        y: Along its second.
        x: Along its third.
        valid: ``[3, 2]`` first and last index along z, y, x that a recipe's grid holds; beyond, there is padding.
    """

    z: Floats
    y: Floats
    x: Floats
    valid: NDArray[np.int64]


@dataclass(frozen=True)
class Crop:
    """A cube around a nodule.

    Attributes:
        hu: ``[z, y, x]`` float32.
        padded_fraction: Share of its points that lie outside the scan.
    """

    hu: NDArray[np.float32]
    padded_fraction: float

    def as_int16(self) -> NDArray[np.int16]:
        """Whole HU, as the crop store keeps them."""
        return np.asarray(np.rint(self.hu).clip(-32768, 32767), np.int16)


def crop_at(volume: Volume, centre: ArrayLike, recipe: Recipe | str = "default") -> Crop:
    """The cube of a recipe around a point.

    Args:
        volume: The scan, or at least the slices that ``slices_needed`` names.
        centre: ``(x, y, z)`` in mm, LPS.
        recipe: A recipe or its name.

    Returns:
        The cube, sampled by trilinear interpolation; voxels beyond the scan count as the recipe's padding.

    Raises:
        InputError: The centre lies outside the scan.
    """
    recipe = get_recipe(recipe)
    check_centre(volume.grid, centre)
    window = window_at(volume.grid, np.asarray(centre, float), recipe)
    return Crop(*_sample(volume, window, float(recipe.padding)))


def slices_needed(grid: Grid, centre: ArrayLike, recipe: Recipe | str = "default") -> tuple[int, int]:
    """First and last slice (index k) that ``crop_at`` reads for a centre."""
    window = window_at(grid, np.asarray(centre, float), get_recipe(recipe))
    ends = np.array(np.meshgrid(window.x[[0, -1]], window.y[[0, -1]], window.z[[0, -1]])).reshape(3, -1).T
    k = _snap(grid.to_index(ends)[:, 2])
    last = grid.size[2] - 1
    return int(np.clip(np.floor(k.min()), 0, last)), int(np.clip(np.ceil(k.max()), 0, last))


def plane_padding(grid: Grid, centre: ArrayLike, recipe: Recipe) -> float:
    """Share of the cube around a centre that the planes show which lies outside the scan."""
    centre = np.asarray(centre, float)
    steps = np.linspace(-recipe.plane_mm / 2, recipe.plane_mm / 2, 26)
    points = np.array(np.meshgrid(*(centre[axis] + steps for axis in range(3)))).reshape(3, -1).T
    index = grid.to_index(points)
    return float(1 - np.all((index >= -0.5) & (index <= np.array(grid.size) - 0.5), axis=1).mean())


def check_centre(grid: Grid, centre: ArrayLike) -> None:
    """Refuse a centre outside the scan, and say what frame it would fit in.

    Raises:
        InputError: It is not finite or in none of the scan's voxels.
    """
    centre = np.asarray(centre, float)
    text = "(" + ", ".join(f"{value:g}" for value in centre) + ")"
    if not np.isfinite(centre).all():
        raise InputError(
            Problem(f"centre {text} is missing or not finite", "give coordX, coordY and coordZ in mm")
        )
    if grid.contains(centre):
        return
    whole = bool(np.all(centre == np.rint(centre)))
    ras = grid.contains(centre * [-1, -1, 1])
    voxels = grid.holds_index(centre)
    hints = []
    if ras:
        hints.append("coordinates look RAS; pass --coords RAS")
    if voxels and (whole or not ras):
        hints.append("coordinates look like voxel indices; convert them to mm")
    what = f"centre {text} mm lies outside the scan ({grid.bounds()} mm LPS)"
    raise InputError(Problem(what, " or ".join(hints) or "check the coordinates and the image"))


def window_at(grid: Grid, centre: Floats, recipe: Recipe) -> Window:
    """The points of the crop around ``centre`` (mm, LPS)."""
    steps = np.arange(recipe.size) * recipe.spacing
    unbounded = np.tile(np.array([0, recipe.size - 1]), (3, 1))
    if recipe.centring == "exact":
        start = centre - recipe.centre_index * recipe.spacing
        return Window(start[2] + steps, start[1] + steps, start[0] + steps, unbounded)
    low, count = resampled_grid(grid, recipe.spacing)
    index = np.trunc((centre - low) / recipe.spacing).astype(np.int64) - recipe.size // 2
    start = low + index * recipe.spacing
    valid = np.stack([-index, count - 1 - index], axis=1)
    return Window(start[2] + steps, start[1] + steps, start[0] + steps, valid[::-1])


def resampled_grid(grid: Grid, spacing: float) -> tuple[Floats, NDArray[np.int64]]:
    """The grid along the axes of LPS that the paper's code resamples a scan to.

    MONAI's ``Spacing`` (diagonal, corners aligned; ``monai.data.utils.compute_shape_offset``) takes
    ``round(extent / spacing + 1)`` points an axis of the box around the source's voxel centres in RAS. The grid
    starts at the box's smallest corner where that is a corner of the scan; in an oblique scan it is not, and index
    ``shape / 2`` of both is laid onto each other instead. ``Orientation`` then reverses x and y.

    Returns:
        mm (LPS) of the first point, and the number of points along x, y, z.
    """
    to_ras = np.array([-1.0, -1.0, 1.0])
    corners = grid.corners() * to_ras
    low, extent = corners.min(axis=0), np.ptp(corners, axis=0)
    count = np.round(extent / spacing + 1).astype(np.int64)
    if not (np.abs(corners - low) <= _SAME_CORNER).all(axis=1).any():
        low = grid.to_mm(np.array(grid.size) / 2) * to_ras - count / 2 * spacing
    high = low + (count - 1) * spacing
    return np.array([-high[0], -high[1], low[2]]), count


def _snap(coordinates: Floats) -> Floats:
    return np.asarray(np.round(coordinates * SNAP) / SNAP)


def _sample(volume: Volume, window: Window, padding: float) -> tuple[NDArray[np.float32], float]:
    """Trilinear samples at a window, and the share of it outside the scan."""
    voxels, matrix, origin = _aligned(volume)
    to_index = np.linalg.inv(matrix)
    axes = (window.x, window.y, window.z)
    reach = np.array([np.ptp(axis) for axis in axes])
    bent = (np.abs(to_index) * reach[None]) * (1 - np.eye(3))
    if bent.max() > _STRAIGHT:
        hu, padded = _sample_oblique(volume, voxels, np.asarray(to_index, np.float64), origin, window, padding)
    else:
        middle = np.array([axis[len(axis) // 2] for axis in axes])
        base = to_index @ (middle - origin)
        coordinates = [_snap(base[a] + to_index[a, a] * (axes[a] - middle[a])) for a in range(3)]
        hu, padded = _sample_straight(volume, voxels, coordinates[::-1], padding)
    for axis, (first, last) in enumerate(window.valid):
        outside = np.ones(hu.shape[axis], bool)
        outside[max(first, 0) : max(last + 1, 0)] = False
        if outside.any():
            hu[(slice(None),) * axis + (outside,)] = padding
    return hu, padded


def _aligned(volume: Volume) -> tuple[NDArray[Any], Floats, Floats]:
    """Voxels as a ``[z, y, x]`` view whose axes run nearest to LPS's, with the map of its ``(x, y, z)`` index.

    Flipped and permuted scans thus take the same steps in the same order as straight ones.
    """
    order, flipped = volume.grid.canonical()
    matrix = volume.grid.matrix[:, order].copy()
    origin = volume.grid.to_mm([0, 0, volume.first])
    voxels = volume.voxels.transpose([2 - axis for axis in order[::-1]])
    for axis in range(3):
        if flipped[axis]:
            length = voxels.shape[2 - axis]
            origin = origin + matrix[:, axis] * (length - 1)
            matrix[:, axis] *= -1
            voxels = np.flip(voxels, 2 - axis)
    return voxels, matrix, origin


def _block(
    volume: Volume, voxels: NDArray[Any], low: NDArray[Any], high: NDArray[Any], padding: float
) -> NDArray[np.float32]:
    """Voxels ``low..high`` (z, y, x; both included, at most one beyond the scan) in HU with padding around."""
    shape = np.array(voxels.shape)
    inside = tuple(slice(max(a, 0), min(b + 1, n)) for a, b, n in zip(low, high, shape, strict=True))
    values = voxels[inside].astype(np.float32)
    if (volume.slope, volume.intercept) != (1.0, 0.0):
        values = values * np.float32(volume.slope) + np.float32(volume.intercept)
    before = np.maximum(-low, 0)
    after = np.maximum(high + 1 - shape, 0)
    if before.any() or after.any():
        values = np.pad(values, list(zip(before, after, strict=True)), constant_values=padding)
    return values


def _sample_straight(
    volume: Volume, voxels: NDArray[Any], coordinates: list[Floats], padding: float
) -> tuple[NDArray[np.float32], float]:
    """Interpolate axis by axis; ``coordinates`` are indices along z, y, x."""
    shape = voxels.shape
    inside = [(c >= 0) & (c <= n - 1) for c, n in zip(coordinates, shape, strict=True)]
    padded = 1.0 - float(np.prod([axis.mean() for axis in inside]))
    coordinates = [c.clip(-1, n) for c, n in zip(coordinates, shape, strict=True)]
    low = np.array([int(np.floor(c.min())) for c in coordinates])
    high = np.array([int(np.ceil(c.max())) for c in coordinates])
    values = _block(volume, voxels, low, high, padding)
    for axis in range(3):
        position = coordinates[axis] - low[axis]
        values = _lerp(values, position, axis)
    return values, padded


def _lerp(values: NDArray[np.float32], position: Floats, axis: int) -> NDArray[np.float32]:
    floor = np.minimum(np.floor(position).astype(np.intp), max(values.shape[axis] - 2, 0))
    weight = (position - floor).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
    lower = values.take(floor, axis)
    if values.shape[axis] == 1:
        return lower
    upper = values.take(floor + 1, axis)
    upper -= lower
    upper *= weight
    lower += upper
    return lower


def _sample_oblique(
    volume: Volume, voxels: NDArray[Any], to_index: Floats, origin: Floats, window: Window, padding: float
) -> tuple[NDArray[np.float32], float]:
    """Interpolate along axes that the scan's are at an angle to."""
    from scipy.ndimage import affine_transform

    start = np.array([window.x[0], window.y[0], window.z[0]])
    step = np.array([(axis[-1] - axis[0]) / (len(axis) - 1) for axis in (window.x, window.y, window.z)], float)
    shape = (len(window.z), len(window.y), len(window.x))
    matrix = (to_index * step)[::-1, ::-1]
    offset = (to_index @ (start - origin))[::-1]
    corners = np.array(np.meshgrid(*([0, n - 1] for n in shape), indexing="ij")).reshape(3, -1)
    ends = matrix @ corners + offset[:, None]
    sizes = np.array(voxels.shape)
    low = np.clip(np.floor(ends.min(axis=1)).astype(int), -1, sizes)
    high = np.clip(np.ceil(ends.max(axis=1)).astype(int), -1, sizes)
    block = _block(volume, voxels, low, high, padding)
    hu = affine_transform(
        block,
        matrix,
        offset - low,
        output_shape=shape,
        order=1,
        mode="grid-constant",
        cval=padding,
        prefilter=False,
    )
    inside = np.ones(shape, bool)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    for axis in range(3):
        coordinate = matrix[axis, 0] * z + matrix[axis, 1] * y + matrix[axis, 2] * x + offset[axis]
        inside &= (coordinate >= 0) & (coordinate <= sizes[axis] - 1)
    return hu, float(1.0 - inside.mean())
