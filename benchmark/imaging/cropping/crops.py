"""Cubes around nodules, resampled from a scan: only the window that is asked for is ever touched."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.plan import Window, plan
from benchmark.imaging.cropping.trilinear import sample
from benchmark.imaging.recipe import Recipe, get_recipe
from benchmark.imaging.scans.grid import Floats, Grid
from benchmark.imaging.volume import Volume

_FIX = "check the coordinates: is it the right image?"
_SAME_CORNER = 1e-8
"""mm; MONAI's tolerance (``numpy.allclose`` against 0)."""


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
        return whole_hu(self.hu)


def whole_hu(hu: NDArray[np.float32]) -> NDArray[np.int16]:
    """HU rounded to int16."""
    whole = np.rint(hu)
    return whole.clip(-32768, 32767, out=whole).astype(np.int16)


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
        ValueError: The volume lacks slices that are needed.
    """
    recipe = get_recipe(recipe)
    check_centre(volume.grid, centre)
    window = window_at(volume.grid, np.asarray(centre, float), recipe)
    return Crop(*sample(volume, plan(volume.grid, window), float(recipe.padding)))


def slices_needed(grid: Grid, centre: ArrayLike, recipe: Recipe | str = "default") -> tuple[int, int]:
    """First and last slice (index k) that ``crop_at`` reads for a centre."""
    return plan(grid, window_at(grid, np.asarray(centre, float), get_recipe(recipe))).slices


def plane_padding(grid: Grid, centre: ArrayLike, recipe: Recipe) -> float:
    """Share of the cube around a centre that the planes show which lies outside the scan."""
    steps = (np.arange(10) - 4.5) / 10 * recipe.plane_mm

    def outside(steps: Floats) -> float:
        offsets = np.array(np.meshgrid(steps, steps, steps)).reshape(3, -1).T
        index = grid.to_index(np.asarray(centre, float) + offsets)
        return float(1 - np.all((index >= -0.5) & (index <= np.array(grid.size) - 0.5), axis=1).mean())

    return outside(steps) if outside(steps[[0, -1]]) else 0.0  # a scan is convex: its corners inside, all inside


def check_padding(grid: Grid, centre: ArrayLike, recipe: Recipe) -> None:
    """Refuse a centre so near the edge that the planes would mostly show padding.

    Raises:
        InputError: More than the recipe's ``max_padding`` of the planes' cube lies outside the scan.
    """
    outside = plane_padding(grid, centre, recipe)
    if outside > recipe.max_padding:
        what = f"{outside:.0%} of the {recipe.plane_mm:g} mm around the centre lie outside the scan"
        raise InputError(Problem(what, _FIX))


def check_centre(grid: Grid, centre: ArrayLike, frame: str = "LPS") -> None:
    """Refuse a centre outside the scan, and say what frame it would fit in.

    Args:
        grid: The scan's.
        centre: mm, LPS.
        frame: ``LPS`` or ``RAS``, the frame in which the user wrote it, and in which it is shown.

    Raises:
        InputError: It is not finite or in none of the scan's voxels.
    """
    centre = np.asarray(centre, float)
    finite = bool(np.isfinite(centre).all())
    if finite and grid.contains(centre):
        return
    other, mirrored = ("LPS" if frame == "RAS" else "RAS"), centre * [-1, -1, 1]
    written = mirrored if frame == "RAS" else centre
    text = "(" + ", ".join(f"{value + 0.0:g}" for value in written) + ")"
    if not finite:
        raise InputError(
            Problem(f"centre {text} is missing or not finite", "give coordX, coordY and coordZ in mm")
        )
    whole = bool(np.all(centre == np.rint(centre)))
    flipped = grid.contains(mirrored)
    voxels = grid.holds_index(written)
    hints = []
    if flipped:
        hints.append(f"coordinates look {other}; pass --coords {other}")
    if voxels and (whole or not flipped):
        hints.append("coordinates look like voxel indices; convert them to mm")
    what = f"centre {text} mm lies outside the scan ({grid.bounds(frame)} mm {frame})"
    raise InputError(Problem(what, " or ".join(hints) or _FIX))


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
