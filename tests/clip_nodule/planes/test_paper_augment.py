"""The paper's augmentation against SimpleITK and scipy, which its code calls, with what was drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy.ndimage import map_coordinates, rotate, zoom
from scipy.stats import kstest, kurtosis
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from benchmark.imaging.plane_maps import PLANES, line_positions, pixel_positions, plane_maps, turning_point
from benchmark.imaging.recipe import Recipe, get_recipe
from clip_nodule.planes import paper_augment
from clip_nodule.planes.batch import CLIP_MEAN, CLIP_STD, planes_batch
from clip_nodule.planes.paper_augment import (
    VolumeDraws,
    draw_volumes,
    moved_values,
    paper_planes,
    standard_normal,
    with_noise_and_gamma,
)
from clip_nodule.planes.shifted_planes import paired_voxels, shifted_maps

CPU = torch.device("cpu")


def crop_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1200, 900, (100, 100, 100)).astype(np.int16)


def still(n: int = 1, **changed: torch.Tensor) -> VolumeDraws:
    values = {
        "flips": torch.zeros((n, 3), dtype=torch.bool), "degrees": torch.zeros((n, 3)),
        "scales": torch.ones((n, 3)), "noise": torch.zeros(n), "gamma": torch.ones(n),
        "shifts": torch.zeros((n, 9, 2), dtype=torch.int64), "start": torch.arange(n),
    }  # fmt: skip
    return VolumeDraws(**(values | changed))


def changed_volumes(volumes: np.ndarray, draws: VolumeDraws) -> np.ndarray:
    """Whole volumes ``[n, z, y, x]``."""
    voxels = paired_voxels(np.arange(volumes[0].size), volumes.shape[1], "cpu")
    values = moved_values(torch.from_numpy(volumes), voxels, draws)
    return with_noise_and_gamma(values, voxels, draws).numpy().reshape(volumes.shape)


def moved_by_itk(volume: np.ndarray, draws: VolumeDraws) -> np.ndarray:
    """As TorchIO's ``RandomAffine``: the inverse of scaling after rotation, about the image's middle."""
    image = sitk.GetImageFromArray(volume)
    middle = [(n - 1) / 2 for n in image.GetSize()]
    scaling = sitk.ScaleTransform(3, draws.scales[0].tolist())
    scaling.SetCenter(middle)
    turning = sitk.Euler3DTransform(middle, *draws.degrees[0].deg2rad().tolist())
    both = sitk.CompositeTransform([scaling, turning]).GetInverse()
    return sitk.GetArrayFromImage(sitk.Resample(image, image, both, sitk.sitkLinear, float(volume.min())))


def test_volumes_are_turned_and_scaled_as_itk_does() -> None:
    volumes = np.random.default_rng(0).random((3, 30, 30, 30), dtype=np.float32) + 0.5
    drawn = draw_volumes([0, 1, 2], CPU)
    draws = still(3, degrees=3 * drawn.degrees, scales=drawn.scales)
    for place, (volume, ours) in enumerate(zip(volumes, changed_volumes(volumes, draws), strict=True)):
        expected = moved_by_itk(volume, draws[place : place + 1])
        assert (expected == volume.min()).any()  # corners came from outside
        # Voxels whose place is on the outermost half voxel may round to either side.
        assert np.mean(np.abs(ours - expected) > 1e-4) < 1e-3


def test_flips_noise_and_gamma_are_those_drawn() -> None:
    volume = np.random.default_rng(0).random((1, 20, 20, 20), dtype=np.float32)
    flipped = changed_volumes(volume, still(flips=torch.tensor([[True, False, True]])))
    np.testing.assert_allclose(flipped, volume[:, ::-1, :, ::-1], rtol=0, atol=1e-5)
    noisy = changed_volumes(volume, still(noise=torch.tensor([0.02]))) - volume
    assert float(noisy.std()) == pytest.approx(0.02, rel=0.05)
    assert abs(float(noisy.mean())) < 0.001
    dark = changed_volumes(volume - 0.5, still(gamma=torch.tensor([1.2])))
    signed = volume - 0.5
    np.testing.assert_allclose(dark, np.sign(signed) * np.abs(signed) ** 1.2, rtol=0, atol=1e-5)
    black = changed_volumes(0 * volume, still(gamma=torch.tensor([1.2])))
    assert (black == 0).all()


def test_volumes_of_an_odd_number_of_voxels_are_changed_too() -> None:
    volume = np.random.default_rng(0).random((1, 9, 9, 9), dtype=np.float32)
    voxels = paired_voxels(np.arange(9**3), 9, "cpu")
    values = moved_values(torch.from_numpy(volume), voxels, still())
    np.testing.assert_allclose(values[0, : 9**3].numpy(), volume.ravel(), rtol=0, atol=1e-5)


def pictures_of(volume: np.ndarray, recipe: Recipe, size: int, shifts: torch.Tensor) -> np.ndarray:
    """The nine shifted planes of one volume in 0..1, not normalised."""
    maps = shifted_maps(recipe, size, "cpu")
    values = torch.from_numpy(volume).reshape(1, -1)[:, maps.voxels.number]
    return maps.pictures(values, shifts[None])[0].numpy()


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
    shifts = draw_volumes([4], CPU).shifts[0]
    assert len(shifts.unique()) > 5
    ours = pictures_of(volume, get_recipe("zhuang2025"), 60, shifts)
    np.testing.assert_allclose(ours, planes_by_scipy(volume, shifts.numpy()), rtol=0, atol=2e-4)


def test_planes_of_our_recipe_are_cut_out_beside_the_middle_too() -> None:
    """Along the axes and two diagonals, by scipy at positions worked out here."""
    volume = np.random.default_rng(8).random((100, 100, 100)).astype(np.float32)
    drawn, size = draw_volumes([5], CPU).shifts[0], 40
    ours, shifts = pictures_of(volume, get_recipe("default"), size, drawn), drawn.numpy()
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
    crops = torch.from_numpy(crop_of(1))[None]
    ours = paper_planes(crops, recipe, still(), 48, change_volume=False)
    torch.testing.assert_close(ours, planes_batch(crops, recipe, 48), rtol=0, atol=2e-4)
    torch.testing.assert_close(paper_planes(crops, recipe, still(), 48), ours, rtol=0, atol=2e-4)


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


def test_crops_of_any_real_type_are_left_as_they_are() -> None:
    whole = torch.from_numpy(crop_of(1))[None]
    usual = paper_planes(whole, "default", [4], 24)
    for dtype in (torch.int32, torch.float32, torch.float64):
        crops = whole.to(dtype)
        torch.testing.assert_close(paper_planes(crops, "default", [4], 24), usual, rtol=0, atol=1e-6)
        assert crops.equal(whole.to(dtype))


def test_as_many_draws_as_crops_are_needed() -> None:
    crops = torch.from_numpy(np.stack([crop_of(1), crop_of(2)]))
    with pytest.raises(ValueError, match="for 1 nodules, for 2 crops"):
        paper_planes(crops, "default", [4], 24)
    assert paper_planes(crops[:0], "default", [], 24).shape == (0, 9, 3, 24, 24)


def materialised_planes(crop: np.ndarray, recipe: Recipe, draws: VolumeDraws, size: int) -> np.ndarray:
    """Planes ``[9, size, size]`` of one crop whose whole volume is changed first, in double precision."""
    volume = (crop.astype(float).clip(recipe.low, recipe.high) - recipe.low) / (recipe.high - recipe.low)
    volume = np.flip(volume, [axis for axis in range(3) if draws.flips[0, axis]])
    cos, sin = draws.degrees[0].deg2rad().cos().tolist(), draws.degrees[0].deg2rad().sin().tolist()
    about_x = np.array([[1, 0, 0], [0, cos[0], -sin[0]], [0, sin[0], cos[0]]])
    about_y = np.array([[cos[1], 0, sin[1]], [0, 1, 0], [-sin[1], 0, cos[1]]])
    about_z = np.array([[cos[2], -sin[2], 0], [sin[2], cos[2], 0], [0, 0, 1]])
    inverse = (about_z @ about_x @ about_y).T / draws.scales[0].numpy()
    middle = (recipe.size - 1) / 2
    place = np.stack(np.indices(volume.shape)[::-1]).reshape(3, -1) - middle
    place = (inverse @ place).reshape(3, *volume.shape)[::-1]
    moved = map_coordinates(volume, place + middle, order=1, mode="nearest")
    moved[(np.abs(place) > middle + 0.5).any(axis=0)] = volume.min()
    noise = standard_normal(draws.start, torch.arange(volume.size // 2)).double().numpy().reshape(volume.shape)
    moved += float(draws.noise[0]) * noise
    changed = np.sign(moved) * np.abs(moved) ** float(draws.gamma[0])
    cut_out = {"linear": trilinear_planes, "rotate": windows_of_planes}[recipe.planes]
    return cut_out(changed, recipe, size, draws.shifts[0].numpy())


def windows_of_planes(volume: np.ndarray, recipe: Recipe, size: int, shifts: np.ndarray) -> np.ndarray:
    """Windows of 50 x 50 of planes of 60 x 60 pixels, zoomed."""
    wide = plane_maps(replace(recipe, plane_mm=60.0), 60)
    pictures = [volume.ravel()[plane.index] @ plane.line.astype(float) for plane in wide]
    pictures = [p.T if plane.transposed else p for p, plane in zip(pictures, wide, strict=True)]
    windows = [p[5 + down :, 5 + right :][:50, :50] for p, (down, right) in zip(pictures, shifts, strict=True)]
    stacked = torch.from_numpy(np.stack(windows))[None]
    return functional.interpolate(stacked, (size, size), mode="bilinear", align_corners=True)[0].numpy()


def trilinear_planes(volume: np.ndarray, recipe: Recipe, size: int, shifts: np.ndarray) -> np.ndarray:
    pixels = pixel_positions(recipe, size)
    pictures = []
    for plane, (down, right) in zip(PLANES, shifts, strict=True):
        r, t = (pixels + right, pixels + down) if plane.transposed else (pixels + down, pixels + right)
        p, q = (
            (0 * t + 50, t) if plane.tilt == 0 else line_positions(recipe, plane.tilt, t - turning_point(recipe))
        )
        axes = [np.zeros(0)] * 3
        axes[plane.r], axes[plane.p], axes[plane.q] = np.broadcast_arrays(r[:, None], p, q)
        picture = map_coordinates(volume, np.stack(axes), order=1)
        pictures.append(picture.T if plane.transposed else picture)
    return np.stack(pictures)


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_planes_are_those_of_the_whole_changed_volume(recipe: str) -> None:
    crops = torch.from_numpy(np.stack([crop_of(1), crop_of(2)]))
    draws = draw_volumes([11, 12], CPU)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (CLIP_MEAN, CLIP_STD))
    ours = paper_planes(crops, recipe, draws, 56) * std + mean
    assert draws.flips.any()
    for place, crop in enumerate(crops.numpy()):
        expected = materialised_planes(crop, get_recipe(recipe), draws[place : place + 1], 56)
        for channel in range(3):
            np.testing.assert_allclose(ours[place, :, channel].numpy(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("change_volume", [True, False])
@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_a_nodules_planes_do_not_depend_on_the_batch(
    recipe: str, change_volume: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    crops = torch.from_numpy(np.stack([crop_of(seed) for seed in range(4)]))
    seeds = [2**63 - 1, 0, 7, 123456789]
    draws = draw_volumes(seeds, CPU)
    one_by_one = torch.cat([
        paper_planes(crops[[place]], recipe, [seed], 40, change_volume=change_volume)
        for place, seed in enumerate(seeds)
    ])  # fmt: skip
    for block in (1, 3, 4):
        monkeypatch.setattr(paper_augment, "_nodules_at_once", lambda *_, block=block: block)
        together = paper_planes(crops, recipe, draws, 40, change_volume=change_volume)
        torch.testing.assert_close(together, one_by_one, rtol=0, atol=1e-6)
    turned = paper_planes(crops[[2, 3]], recipe, draws[2:], 40, change_volume=change_volume)
    torch.testing.assert_close(turned, one_by_one[2:], rtol=0, atol=1e-6)


class Calls(TorchDispatchMode):
    """Operators called, and copies to a device."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        name, kwargs = func.overloadpacket.__name__, kwargs or {}
        self.names.append("upload" if name == "_to_copy" and kwargs.get("device") is not None else name)
        return func(*args, **kwargs)


WAITS = {"upload", "_local_scalar_dense", "lift_fresh", "nonzero", "equal"}
VIEWS = {
    "view", "_unsafe_view", "_reshape_alias", "as_strided", "slice", "select", "transpose", "expand", "unbind",
    "split", "alias", "unsqueeze", "detach",
}  # fmt: skip


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
def test_nothing_waits_or_is_uploaded_and_calls_do_not_grow_with_nodules(
    recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper_augment, "_nodules_at_once", lambda *_: 99)
    monkeypatch.setattr(paper_augment, "to_planes", lambda pictures: pictures)
    crops = torch.from_numpy(np.stack([crop_of(seed) for seed in range(4)]))
    paper_planes(crops[:1], recipe, [0], 24)  # what is kept between calls is made here
    counts = []
    for n in (2, 4):
        draws = draw_volumes(range(n), CPU)
        with Calls() as calls:
            paper_planes(crops[:n], recipe, draws, 24)
        assert not WAITS.intersection(calls.names)
        counts.append(len([name for name in calls.names if name not in VIEWS]))
    assert counts[0] == counts[1] <= 90


def test_noise_is_normal_and_neighbours_are_independent() -> None:
    n, m = 4, 200_000
    noise = standard_normal(draw_volumes(range(n), CPU).start, torch.arange(m // 2)).double().numpy()
    assert noise.shape == (n, m)
    # Four standard errors of each moment: 1, sqrt(1/2) and sqrt(24), over the root of 800,000.
    assert abs(noise.mean()) < 4 / np.sqrt(n * m)
    assert abs(noise.std() - 1) < 4 / np.sqrt(2 * n * m)
    assert abs(kurtosis(noise, axis=None)) < 4 * np.sqrt(24 / (n * m))
    assert kstest(noise.ravel(), "norm").pvalue > 1e-3
    assert 4.5 < np.abs(noise).max() < 6.8
    for values in (noise, noise**2 - 1):
        size = (values**2).mean()
        for lag in (1, 2, 3, 100, 10_000):
            correlation = (values[:, lag:] * values[:, :-lag]).mean() / size
            assert abs(correlation) < 4.5 / np.sqrt(n * (m - lag)), lag
        between = np.corrcoef(values) - np.eye(n)
        assert np.abs(between).max() < 4.5 / np.sqrt(m)


def test_draws_are_those_of_each_seed() -> None:
    seeds = [3, 2**63 - 1]
    draws = draw_volumes(seeds, CPU)
    for place, seed in enumerate(seeds):
        random = np.random.default_rng(seed)
        np.testing.assert_array_equal(draws.flips[place].numpy(), random.random(3) < 0.5)
        np.testing.assert_allclose(draws.degrees[place].numpy(), random.uniform(-10, 10, 3))
        np.testing.assert_allclose(draws.scales[place].numpy(), random.uniform(0.9, 1.1, 3))
        assert float(draws.noise[place]) == pytest.approx(random.uniform(0, 0.02), rel=1e-6)
        assert float(draws.gamma[place]) == pytest.approx(np.exp(random.uniform(-0.2, 0.2)), rel=1e-6)
        np.testing.assert_array_equal(draws.shifts[place].numpy(), random.integers(-5, 5, (9, 2)))
    assert len(draws) == 2
    torch.testing.assert_close(draws[1:].degrees, draw_volumes(seeds[1:], CPU).degrees)


def mixed_bits(seed: int) -> int:
    """SplitMix64's output for a seed's multiple of the golden ratio (Steele, Lea and Flood 2014)."""
    z = seed * 0x9E3779B97F4A7C15 % 2**64
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def test_noise_starts_at_all_64_bits_mixed_from_the_seed() -> None:
    # Such bits say "not a number" if they travel as a double.
    odd = [seed for seed in range(10_000) if mixed_bits(seed) >> 52 & 0x7FF == 0x7FF]
    seeds = [0, 1, 2**63 - 1, *odd[:3]]
    assert len(seeds) == 6
    start = draw_volumes(seeds, CPU).start
    assert [value % 2**64 for value in start.tolist()] == [mixed_bits(seed) for seed in seeds]


def test_draws_keep_the_bounds_of_the_papers_code() -> None:
    draws = draw_volumes(range(400), CPU)
    assert (int(draws.shifts.min()), int(draws.shifts.max())) == (-5, 4)
    assert (draws.shifts[:, 0] != draws.shifts[:, 1]).any()
    assert 9 < draws.degrees.abs().max() <= 10
    assert 0.9 <= draws.scales.min() < 0.91 < 1.09 < draws.scales.max() <= 1.1
    assert 0.019 * 1500 < float(draws.noise.max()) * 1500 <= 30
    assert np.exp(-0.2) <= float(draws.gamma.min()) < float(draws.gamma.max()) <= np.exp(0.2)
    assert float(draws.flips.double().mean()) == pytest.approx(0.5, abs=0.06)
