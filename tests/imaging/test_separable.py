"""Interpolation axis by axis: the same bits however many slices come at a time, on every machine."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.imaging.cropping.separable import Axes, Axis

POINTS, VOXELS = 100, 73


@pytest.fixture(scope="module")
def axes():
    at = [Axis.at(np.linspace(start, VOXELS - 1.4, POINTS), VOXELS) for start in (0.3, 0.11, 0.27)]
    return Axes(*at, padded_fraction=0.0)


@pytest.fixture(scope="module")
def block():
    """HU ``[z, y, x]``, y first in memory."""
    whole = np.random.default_rng(3).integers(-1000, 3000, (VOXELS, VOXELS, VOXELS)).astype(np.float32)
    return whole.transpose(1, 0, 2)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 16, 40])
def test_slices_may_come_in_any_number(axes, block, count):
    """A product of matrices gave other last bits for another number: crops of one scan differed by 1 HU."""
    whole = axes.in_plane(block)
    parts = [axes.in_plane(block[k : k + count]) for k in range(0, VOXELS, count)]
    assert np.array_equal(np.concatenate(parts), whole)
    cube = np.concatenate([part for _, part in axes.across(whole)])
    found = np.full_like(cube, np.nan)
    for first in range(0, VOXELS - 1, count):
        for points, part in axes.across(whole[first : first + count + 1], first):
            found[points] = part
    assert np.array_equal(found, cube)


def test_each_value_is_two_products_and_their_sum(axes, block):
    """Bit for bit what single numbers of float32 give, one after the other."""

    def mean(axis, point, before, after):
        share = axis.share[point]
        return np.float32(np.float32(before * (np.float32(1) - share)) + np.float32(after * share))

    cube = np.concatenate([part for _, part in axes.across(axes.in_plane(block))])
    for z, y, x in np.random.default_rng(4).integers(0, POINTS, (60, 3)):
        k, j, i = axes.z.floor[z], axes.y.floor[y], axes.x.floor[x]
        along_y = [
            [mean(axes.y, y, block[k + a, j, i + b], block[k + a, j + 1, i + b]) for b in (0, 1)] for a in (0, 1)
        ]
        along_x = [mean(axes.x, x, *pair) for pair in along_y]
        assert cube[z, y, x] == mean(axes.z, z, *along_x)
