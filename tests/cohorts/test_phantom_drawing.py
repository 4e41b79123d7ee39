"""The fast ways of drawing against slow ones written down plainly, and against SciPy's."""

import numpy as np
import pytest
from scipy import ndimage, stats
from scipy.interpolate import RegularGridInterpolator

from benchmark.cohorts.phantom.chest import Chest
from benchmark.cohorts.phantom.scanner import acquire, gaussian_noise, normal_quantiles, point_spread
from benchmark.cohorts.phantom.tubes import Tubes, draw_airways, draw_tubes, tube_weights
from benchmark.cohorts.phantom.upsampling import smooth_noise, upsample
from benchmark.cohorts.phantom.vessels import across, units

SPACING = np.array([1.7, 0.9, 1.1])
SHAPE = (23, 31, 29)
WHOLE = tuple(slice(0, n) for n in SHAPE)


def empty_chest(value=-850.0):
    return Chest(np.full(SHAPE, value, np.float32), np.full(SHAPE, 20, np.float32), SPACING, 40.0, -850.0)


def plain_weight(start, end, radii):
    """How much of every voxel of the volume a cone fills, from the nearest point of its axis to each."""
    places = np.stack(np.meshgrid(*(np.arange(n) * s for n, s in zip(SHAPE, SPACING, strict=True)), indexing="ij"))
    along = end - start
    share = np.clip(np.tensordot(along, places - start[:, None, None, None], 1) / (along @ along), 0, 1)
    nearest = start[:, None, None, None] + along[:, None, None, None] * share
    distance = np.linalg.norm(places - nearest, axis=0)
    half, radius = 0.5 * SPACING.mean(), radii[0] + share * (radii[1] - radii[0])
    return np.minimum(radius / half, 1) * np.clip((np.maximum(radius, half) + half - distance) / (2 * half), 0, 1)


def some_tubes(seed, count=25):
    """Tubes in all directions, some along an axis, some that begin or end outside of the volume."""
    rng = np.random.default_rng(seed)
    extent = np.array(SHAPE) * SPACING
    start = rng.uniform(-0.1 * extent, 1.1 * extent, (count, 3))
    turn = units(rng.normal(size=(count, 3)))
    turn[:6] = np.concatenate([np.eye(3), -np.eye(3)])
    return Tubes(start, start + turn * rng.uniform(0.5, 16, (count, 1)), rng.uniform(0.2, 4, (count, 2)))


@pytest.mark.parametrize("seed", range(6))
def test_each_voxel_is_filled_by_what_the_nearest_point_of_an_axis_says(seed):
    tubes = some_tubes(seed)
    expected = np.max([plain_weight(*tube) for tube in zip(*vars(tubes).values(), strict=True)], axis=0)
    np.testing.assert_allclose(tube_weights(tubes, empty_chest(), WHOLE), expected, atol=2e-4)


def test_a_box_shows_its_part_of_the_volume():
    tubes, box = some_tubes(3), (slice(4, 15), slice(9, 31), slice(0, 12))
    whole = tube_weights(tubes, empty_chest(), WHOLE)
    np.testing.assert_allclose(tube_weights(tubes, empty_chest(), box), whole[box], atol=2e-4)


def test_tubes_replace_what_is_less_dense_and_lumina_everything():
    tubes = some_tubes(1)
    weight = tube_weights(tubes, empty_chest(), WHOLE)
    for over, before, after in ((False, -850.0, 40.0), (False, 300.0, 300.0), (True, 300.0, 40.0)):
        chest = empty_chest(before)
        draw_tubes(chest, tubes, 40.0, over=over)
        np.testing.assert_allclose(chest.hu, before + weight * (after - before), atol=0.3)


def test_no_tube_draws_nothing():
    chest = empty_chest()
    draw_tubes(chest, Tubes(np.empty((0, 3)), np.empty((0, 3)), np.empty((0, 2))), 40.0)
    assert (chest.hu == -850).all()


def test_a_bronchus_is_air_within_a_wall():
    chest = empty_chest()
    middle = np.array(SHAPE) * SPACING / 2
    reach = np.array([0, 9, 0])
    lumen = Tubes((middle - reach)[None], (middle + reach)[None], np.full((1, 2), 2.0))
    draw_airways(chest, lumen, wall=2.0)
    z, y, x = np.rint(middle / SPACING).astype(int)
    assert chest.hu[z, y, x] == -980
    assert chest.hu[z, y].max() > -100  # a wall thicker than a voxel


def test_directions_across_are_at_right_angles_to_what_they_cross():
    rng = np.random.default_rng(0)
    directions = units(rng.normal(size=(50, 3)))
    beside = across(directions, rng)
    np.testing.assert_allclose((beside * directions).sum(axis=1), 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(beside, axis=1), 1)


def test_upsampling_is_linear_interpolation():
    values, knots = np.random.default_rng(0).normal(size=(9, 10, 11)), np.array([4.0, 3.0, 2.5])
    grid = [np.arange(n) * step for n, step in zip(values.shape, knots, strict=True)]
    places = [np.minimum(np.arange(n) * s, g[-1]) for n, s, g in zip(SHAPE, SPACING, grid, strict=True)]
    expected = RegularGridInterpolator(grid, values)(np.stack(np.meshgrid(*places, indexing="ij"), -1))
    np.testing.assert_allclose(upsample(values, knots, SHAPE, SPACING), expected, atol=1e-5)


def test_smooth_noise_is_smooth_and_of_about_unit_variance():
    noise = smooth_noise((60, 61, 62), (4.0, 3.5, 5.0), np.random.default_rng(0))
    assert noise.shape == (60, 61, 62)
    assert 0.7 < noise.std() < 1.3
    for axis, every in enumerate((4.0, 3.5, 5.0)):
        change = np.abs(np.diff(noise, axis=axis))
        assert change.max() < 1.6 * 10 / every  # two knots differ by some standard deviations at most
        assert change.mean() > 0


@pytest.mark.parametrize("blur", [0.3, 0.5, 0.75, 1.3])
def test_point_spread_is_scipys_correlation(blur):
    volume = np.random.default_rng(1).normal(size=SHAPE).astype(np.float32)
    expected = volume
    for axis, step in enumerate(SPACING):
        reach = 2 if blur / step > 0.7 else 1
        kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) * step / blur) ** 2)
        expected = ndimage.correlate1d(expected, kernel / kernel.sum(), axis, mode="nearest")
    np.testing.assert_allclose(point_spread(volume, SPACING, blur), expected, atol=1e-5)


@pytest.mark.parametrize("blur", [0.5, 1.3])
@pytest.mark.parametrize("count", [1, 2, 3, 17])
def test_a_scan_is_the_blurred_volume_without_noise(blur, count):
    volume = np.random.default_rng(2).uniform(-1500, 3500, (count, 20, 19)).astype(np.float32)
    found = acquire(volume, SPACING, 0.0, blur, np.random.default_rng(0))
    expected = np.clip(np.rint(point_spread(volume, SPACING, blur)), -1024, 3071)
    assert np.abs(found - expected).max() <= 1  # a half is rounded one way or the other
    assert (found != expected).mean() < 1e-3


def test_noise_is_normally_distributed_and_white():
    noise = gaussian_noise(400_001, np.random.default_rng(5))
    assert len(noise) == 400_001
    assert stats.kstest(noise, "norm").pvalue > 0.01
    for lag in (1, 2, 3, 4, 64, 160):
        assert abs(np.corrcoef(noise[lag:], noise[:-lag])[0, 1]) < 4 / np.sqrt(len(noise))
    assert (gaussian_noise(9, np.random.default_rng(5)) == noise[:9]).all()
    assert normal_quantiles().std() == pytest.approx(1, abs=1e-3)
