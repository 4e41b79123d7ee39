"""Trilinear samples of a scan, from no more voxels than they need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clip_nodule.grid import Floats
from clip_nodule.one_thread import one_thread
from clip_nodule.sampling_plan import Plan
from clip_nodule.volume import Volume

Float32s = NDArray[np.float32]

_ROWS = (10, 10, 25)
"""Points along z, y, x that are interpolated at once."""


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


def new_block(plan: Plan, padding: float, memory: Float32s | None = None) -> Float32s:
    """Room for the voxels ``low..high`` of a plan, with padding where they reach beyond the scan.

    Args:
        plan: The plan.
        padding: HU beyond the scan.
        memory: A flat array to use, if it is large enough.
    """
    shape = tuple(int(n) for n in plan.high + 1 - plan.low)
    count = int(np.prod(shape))
    block = (
        memory[:count].reshape(shape)
        if memory is not None and memory.size >= count
        else np.empty(shape, np.float32)
    )
    if (plan.low < 0).any() or (plan.high >= plan.shape).any():
        block.fill(padding)
    return block


def place(block: Float32s, plan: Plan, slices: NDArray[Any], first: int, slope: float, intercept: float) -> None:
    """Copy what a block needs of slices ``[n, j, i]`` of a scan, in HU; the first of them has index k ``first``."""
    voxels = slices.transpose([2 - axis for axis in plan.order[::-1]])
    k = 2 - plan.order.index(2)
    begin = np.zeros(3, np.int64)
    begin[k] = plan.shape[k] - first - len(slices) if plan.flipped[2 - k] else first
    voxels = np.flip(voxels, [2 - axis for axis in range(3) if plan.flipped[axis]])
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
    hu, padded = _along_axes(block, plan) if plan.along else _across_axes(block, plan, padding)
    for axis, (first, last) in enumerate(plan.window.valid):
        if first > 0 or last < hu.shape[axis] - 1:
            outside = np.ones(hu.shape[axis], bool)
            outside[max(first, 0) : max(last + 1, 0)] = False
            hu[(slice(None),) * axis + (outside,)] = padding
    return hu, padded


def _along_axes(values: Float32s, plan: Plan) -> tuple[Float32s, float]:
    """Interpolate axis by axis: first along y and x, where scans are finer than crops."""
    along = plan.along or ()
    inside = [float(((c >= 0) & (c <= n - 1)).mean()) for c, n in zip(along, plan.shape, strict=True)]
    with one_thread():
        for axis in (1, 2, 0):
            position = along[axis].clip(-1, plan.shape[axis]) - plan.low[axis]
            values = _lerp(values, position, axis)
    return values, 1.0 - float(np.prod(inside))


def _lerp(values: Float32s, position: Floats, axis: int) -> Float32s:
    """Interpolate along one axis at ascending positions.

    A product with a matrix of two numbers a row, done for a few rows at a time: each touches few voxels only, and
    no copies of the block are made on the way.
    """
    length, count = values.shape[axis], len(position)
    if length == 1:
        return np.repeat(values, count, axis)
    floor = np.clip(np.floor(position).astype(np.intp), 0, length - 2)
    share = (position - floor).astype(np.float32)
    shape = list(values.shape)
    shape[axis] = count
    found = np.empty(shape, np.float32)
    rows = _ROWS[axis]
    for start in range(0, count, rows):
        part = slice(start, min(start + rows, count))
        first, last = int(floor[part][0]), int(floor[part][-1]) + 2
        weights = np.zeros((part.stop - part.start, last - first), np.float32)
        row = np.arange(len(weights))
        weights[row, floor[part] - first] = 1 - share[part]
        weights[row, floor[part] - first + 1] += share[part]
        if axis == 0:
            flat = found[part].reshape(len(row), -1)
            np.matmul(weights, values[first:last].reshape(last - first, -1), out=flat)
        elif axis == 1:
            np.matmul(weights, values[:, first:last], out=found[:, part])
        else:
            np.matmul(values[:, :, first:last], weights.T, out=found[:, :, part])
    return found


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
