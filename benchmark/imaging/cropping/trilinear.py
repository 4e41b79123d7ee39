"""Trilinear samples of a scan, from no more voxels than they need."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.imaging.cropping.plan import Plan
from benchmark.imaging.cropping.separable import axes_of
from benchmark.imaging.volume import Volume

Float32s = npt.NDArray[np.float32]


def sample(volume: Volume, plan: Plan, padding: float) -> tuple[Float32s, float]:
    """The values of a scan at the points of a plan.

    Args:
        volume: The scan, or the slices that the plan needs.
        plan: Where the points lie.
        padding: HU of voxels beyond the scan; points near its edge blend with them.

    Returns:
        HU ``[z, y, x]``, and the share of the points outside the box of the scan's voxel centres.

    Raises:
        ValueError: The volume lacks slices that are needed.
    """
    first, last = plan.slices
    if first < volume.first or last >= volume.first + len(volume.voxels):
        raise ValueError("the volume lacks slices that the crop needs")
    block = new_block(plan, padding)
    place(block, plan, volume.voxels, volume.first, volume.slope, volume.intercept)
    return interpolate(block, plan, padding)


def new_block(plan: Plan, padding: float) -> Float32s:
    """Room for the voxels ``low..high`` of a plan, with padding where they reach beyond the scan.

    Returns:
        ``[z, y, x]``, with y first in memory (see ``Axes.in_plane``).
    """
    depth, height, length = plan.high + 1 - plan.low
    block = np.empty((height, depth, length), np.float32)
    if (plan.low < 0).any() or (plan.high >= plan.shape).any():
        block.fill(padding)
    return block.transpose(1, 0, 2)


def place(
    block: Float32s, plan: Plan, slices: npt.NDArray[Any], first: int, slope: float, intercept: float
) -> None:
    """Copy what a block needs of slices ``[n, j, i]`` of a scan, in HU; the first of them is index k ``first``."""
    voxels = slices.transpose([2 - axis for axis in plan.order[::-1]])
    k = 2 - plan.order.index(2)
    begin = np.zeros(3, np.int64)
    begin[k] = plan.shape[k] - first - len(slices) if plan.flipped[2 - k] else first
    if any(plan.flipped):
        voxels = np.flip(voxels, tuple(2 - axis for axis in range(3) if plan.flipped[axis]))
    low, high = np.maximum(plan.low, begin), np.minimum(plan.high + 1, begin + voxels.shape)
    if (low >= high).any():
        return
    source = tuple(slice(int(a), int(b)) for a, b in zip(low - begin, high - begin, strict=True))
    target = tuple(slice(int(a), int(b)) for a, b in zip(low - plan.low, high - plan.low, strict=True))
    block[target] = voxels[source]
    if (slope, intercept) != (1.0, 0.0):
        block[target] *= np.float32(slope)
        block[target] += np.float32(intercept)


def interpolate(block: Float32s, plan: Plan, padding: float) -> tuple[Float32s, float]:
    """The points of a plan from its block (see ``sample``)."""
    axes = axes_of(plan)
    if axes is None:
        hu, padded = _across_axes(block, plan, padding)
    else:
        hu, padded = np.empty(plan.window.shape, np.float32), axes.padded_fraction
        for points, part in axes.across(axes.in_plane(block)):
            hu[points] = part
    fill_outside(hu, plan, padding)
    return hu, padded


def fill_outside(crop: npt.NDArray[Any], plan: Plan, padding: float) -> None:
    """Overwrite the points of a crop that a recipe's grid does not hold with padding."""
    for axis, (first, last) in enumerate(plan.window.valid):
        if first > 0 or last < crop.shape[axis] - 1:
            outside = np.ones(crop.shape[axis], bool)
            outside[max(first, 0) : max(last + 1, 0)] = False
            crop[(slice(None),) * axis + (outside,)] = padding


def _across_axes(values: Float32s, plan: Plan, padding: float) -> tuple[Float32s, float]:
    """Interpolate along axes that are at an angle to the scan's."""
    from scipy.ndimage import affine_transform

    shape = plan.window.shape
    hu: Float32s = affine_transform(
        values,
        plan.matrix,
        plan.offset - plan.low,
        output_shape=shape,
        order=1,
        mode="grid-constant",
        cval=padding,
        prefilter=False,
    )
    inside = np.ones(shape, bool)
    z, y, x = np.ogrid[: shape[0], : shape[1], : shape[2]]
    for axis in range(3):
        coordinate = (
            plan.matrix[axis, 0] * z + plan.matrix[axis, 1] * y + plan.matrix[axis, 2] * x + plan.offset[axis]
        )
        inside &= (coordinate >= 0) & (coordinate <= plan.shape[axis] - 1)
    return hu, float(1.0 - inside.mean())
