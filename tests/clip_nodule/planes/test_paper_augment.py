"""The paper's augmentation against SimpleITK and scipy, which its code calls, with what was drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy.ndimage import map_coordinates, rotate, zoom

from benchmark.imaging.recipe import get_recipe
from clip_nodule.planes.batch import planes_batch
from clip_nodule.planes.paper_augment import (
    VolumeDraws,
    changed_volume,
    draw_volume,
    paper_planes,
    shifted_planes,
)


def crop_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1200, 900, (100, 100, 100)).astype(np.int16)


def still(**changed: object) -> VolumeDraws:
    values = {
        "flips": np.zeros(3, bool), "degrees": np.zeros(3), "scales": np.ones(3), "noise": 0.0, "gamma": 1.0,
        "shifts": np.zeros((9, 2), int), "seed": 0,
    }  # fmt: skip
    return VolumeDraws(**(values | changed))


def moved_by_itk(volume: np.ndarray, draws: VolumeDraws) -> np.ndarray:
    """As TorchIO's ``RandomAffine``: the inverse of scaling after rotation, about the image's middle."""
    image = sitk.GetImageFromArray(volume)
    middle = [(n - 1) / 2 for n in image.GetSize()]
    scaling = sitk.ScaleTransform(3, draws.scales.tolist())
    scaling.SetCenter(middle)
    turning = sitk.Euler3DTransform(middle, *np.radians(draws.degrees).tolist())
    both = sitk.CompositeTransform([scaling, turning]).GetInverse()
    return sitk.GetArrayFromImage(sitk.Resample(image, image, both, sitk.sitkLinear, float(volume.min())))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_volumes_are_turned_and_scaled_as_itk_does(seed: int) -> None:
    volume = np.random.default_rng(seed).random((30, 30, 30), dtype=np.float32) + 0.5
    drawn = draw_volume(seed)
    draws = still(degrees=3 * drawn.degrees, scales=drawn.scales)
    ours = changed_volume(torch.from_numpy(volume), draws).numpy()
    expected = moved_by_itk(volume, draws)
    assert (expected == volume.min()).any()  # corners came from outside
    # Voxels whose place is on the outermost half voxel may round to either side.
    assert np.mean(np.abs(ours - expected) > 1e-4) < 1e-3


def test_flips_noise_and_gamma_are_those_drawn() -> None:
    volume = torch.from_numpy(np.random.default_rng(0).random((20, 20, 20), dtype=np.float32))
    flipped = changed_volume(volume, still(flips=np.array([True, False, True])))
    torch.testing.assert_close(flipped, volume.flip(0, 2), rtol=0, atol=1e-5)
    noisy = changed_volume(volume, still(noise=0.02, seed=5)) - volume
    assert float(noisy.std()) == pytest.approx(0.02, rel=0.05)
    assert abs(float(noisy.mean())) < 0.001
    dark = changed_volume(volume - 0.5, still(gamma=1.2)).numpy()
    signed = volume.numpy() - 0.5
    np.testing.assert_allclose(dark, np.sign(signed) * np.abs(signed) ** 1.2, rtol=0, atol=1e-5)


def planes_by_scipy(volume: np.ndarray, shifts: np.ndarray) -> np.ndarray:
    """The nine slices of the paper's code: rotated cubes, 50 x 50 windows beside the middle, zoomed linearly."""
    by_02, by_12, by_01 = (rotate(volume, 45, axes=axes, reshape=False) for axes in ((0, 2), (1, 2), (0, 1)))
    slices = [
        volume[50], volume[:, 50], volume[:, :, 50], by_02[50], by_02[:, :, 50], by_01[50], by_01[:, 50],
        by_12[:, 50], by_12[:, :, 50],
    ]  # fmt: skip
    windows = [s[25 + down :, 25 + right :][:50, :50] for s, (down, right) in zip(slices, shifts, strict=True)]
    return np.stack([zoom(window, 60 / 50, order=1) for window in windows])


def test_planes_of_the_paper_are_cut_out_beside_the_middle_as_scipy_does() -> None:
    volume = np.random.default_rng(7).random((100, 100, 100)).astype(np.float32)
    shifts = draw_volume(4).shifts
    assert len(np.unique(shifts)) > 5
    ours = shifted_planes(torch.from_numpy(volume), get_recipe("zhuang2025"), 60, shifts).numpy()
    np.testing.assert_allclose(ours, planes_by_scipy(volume, shifts), rtol=0, atol=2e-4)


def test_planes_of_our_recipe_are_cut_out_beside_the_middle_too() -> None:
    """Along the axes and two diagonals, by scipy at positions worked out here."""
    volume = np.random.default_rng(8).random((100, 100, 100)).astype(np.float32)
    shifts, size = draw_volume(5).shifts, 40
    ours = shifted_planes(torch.from_numpy(volume), get_recipe("default"), size, shifts).numpy()
    d = (np.arange(size) - (size - 1) / 2) * 50 / size
    half = np.sqrt(0.5)
    where: dict[int, Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, ...]]] = {
        0: lambda r, c: (0 * r, r, c),
        1: lambda r, c: (r, 0 * r, c),
        3: lambda r, c: (half * c, r, half * c),
        4: lambda r, c: (half * r, c, -half * r),
    }
    for place, points in where.items():
        rows, columns = np.meshgrid(d + shifts[place, 0], d + shifts[place, 1], indexing="ij")
        expected = map_coordinates(volume, np.stack(points(rows, columns)) + 50, order=1)
        np.testing.assert_allclose(ours[place], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_without_shifts_the_usual_planes_come_out(recipe: str) -> None:
    crop = torch.from_numpy(crop_of(1))
    usual = planes_batch(crop[None], recipe, 48, normalize=False, channels=1)[0]
    scaled = (crop.float().clamp(-1000, 500) + 1000) / 1500
    ours = shifted_planes(scaled, get_recipe(recipe), 48, np.zeros((9, 2), int))
    torch.testing.assert_close(ours, usual, rtol=0, atol=2e-4)


def test_a_nodule_has_one_volume_and_each_plane_its_own_shift() -> None:
    crops = torch.from_numpy(np.stack([crop_of(1), crop_of(2)]))
    one = paper_planes(crops, "zhuang2025", np.random.default_rng(3), 48)
    assert one.shape == (2, 9, 3, 48, 48)
    torch.testing.assert_close(one, paper_planes(crops, "zhuang2025", np.random.default_rng(3), 48))
    torch.testing.assert_close(one[:1], paper_planes(crops[:1], "zhuang2025", np.random.default_rng(3), 48))
    shifted = paper_planes(crops, "zhuang2025", np.random.default_rng(3), 48, change_volume=False)
    plain = planes_batch(crops, "zhuang2025", 48)
    assert not torch.allclose(shifted, plain)
    assert not torch.allclose(one, shifted)


def test_draws_keep_the_bounds_of_the_papers_code() -> None:
    draws = [draw_volume(seed) for seed in range(400)]
    shifts = np.stack([draw.shifts for draw in draws])
    assert (shifts.min(), shifts.max()) == (-5, 4)
    assert (shifts[:, 0] != shifts[:, 1]).any()
    degrees, scales = (np.stack([getattr(draw, name) for draw in draws]) for name in ("degrees", "scales"))
    assert 9 < np.abs(degrees).max() <= 10
    assert 0.9 <= scales.min() < 0.91 < 1.09 < scales.max() <= 1.1
    assert 0.019 * 1500 < max(draw.noise for draw in draws) * 1500 <= 30
    assert np.exp(-0.2) <= min(draw.gamma for draw in draws) < max(draw.gamma for draw in draws) <= np.exp(0.2)
    assert np.mean([draw.flips for draw in draws]) == pytest.approx(0.5, abs=0.06)
