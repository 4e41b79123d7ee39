import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from benchmark.errors import InputError
from clip_nodule.planes.augment import Strength, augmented_planes, draw
from clip_nodule.planes.batch import planes_batch

STILL = Strength(rotation=0, jitter=0, flips=False, noise=0, gamma=0)
H = np.sqrt(0.5)


def random_crops(count=2, seed=0):
    crops = np.random.default_rng(seed).integers(-1200, 900, (count, 100, 100, 100)).astype(np.int16)
    return torch.from_numpy(crops)


def grey(crops, recipe, seeds, strength, size=40):
    return augmented_planes(crops, recipe, seeds, size=size, strength=strength, normalize=False, channels=1)


def test_without_strength_default_planes_come_out():
    crops = random_crops()
    planes = planes_batch(crops, "default", 40, normalize=False, channels=1)
    assert (grey(crops, "default", [1, 2], STILL) - planes).abs().max() < 2e-5


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
@pytest.mark.parametrize("seed", [0, 5])
def test_every_pixel_is_one_trilinear_sample_of_the_crop(recipe, seed):
    """Positions worked out here from what was drawn; values by scipy."""
    crops, size, strength = random_crops(1), 40, Strength(noise=0, gamma=0)
    planes = grey(crops, recipe, [seed], strength, size)[0].numpy()
    draws = draw([seed], strength, torch.device("cpu"))
    middle, aside = (50.0, 0.0) if recipe == "default" else (49.5, 0.5)
    d = (np.arange(size) - (size - 1) / 2) * (50 / size if recipe == "default" else 49 / (size - 1))
    scaled = (crops[0].numpy().clip(-1000, 500) + 1000.0) / 1500
    for place in range(9):
        angle, (down, right) = float(draws.angle[0, place]), draws.shift[0, place].tolist()
        flip_rows, flip_columns = draws.sign[0, place].tolist()
        row, column = np.meshgrid(d * flip_rows, d * flip_columns, indexing="ij")
        r = row * np.cos(angle) - column * np.sin(angle) + down
        c = row * np.sin(angle) + column * np.cos(angle) + right
        still = np.full_like(r, 50 - middle)
        up, across = H * (c + aside), H * (c - aside)  # along columns of the picture
        up_r, across_r = H * (r + aside), H * (r - aside)
        points = [
            (still, r, c),
            (r, still, c),
            (r, c, still),
            (up, r, across),
            (up_r, c, -across_r),
            (up_r, across_r, c),
            (up_r, -across_r, c),
            (r, up, across),
            (r, up, -across),
        ][place]
        expected = map_coordinates(scaled, np.stack(points) + middle, order=1)
        assert np.abs(planes[place] - expected).max() < 5e-5


def test_equal_seeds_give_equal_planes_in_any_batch():
    crops = random_crops(4)
    together = grey(crops, "default", [3, 1, 4, 1], Strength())
    alone = torch.cat(
        [grey(crops[k : k + 1], "default", [seed], Strength()) for k, seed in enumerate([3, 1, 4, 1])]
    )
    assert (together - alone).abs().max() < 1e-5
    same = grey(crops[[0, 0]], "default", [7, 7], Strength())
    assert torch.equal(same[0], same[1])
    other = grey(crops[[0, 0]], "default", [7, 8], Strength())
    assert (other[0] - other[1]).abs().max() > 0.05


def test_a_generator_gives_the_seeds():
    crops = random_crops()
    one, two = (augmented_planes(crops, "default", np.random.default_rng(5), size=32) for _ in range(2))
    assert torch.equal(one, two)
    assert one.shape == (2, 9, 3, 32, 32)
    assert not torch.equal(one, augmented_planes(crops, "default", np.random.default_rng(6), size=32))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**63 - 1))
def test_draws_stay_within_their_bounds(seed):
    strength = Strength()
    draws = draw([seed], strength, torch.device("cpu"))
    assert draws.angle.abs().max() <= np.radians(10) + 1e-6
    assert draws.shift.abs().max() <= 5
    assert set(draws.sign.unique().tolist()) <= {-1.0, 1.0}
    assert 0 <= float(draws.noise[0]) <= strength.noise
    assert np.exp(-0.2) - 1e-6 <= float(draws.gamma[0]) <= np.exp(0.2) + 1e-6


def test_draws_use_their_whole_range():
    draws = draw(range(300), Strength(), torch.device("cpu"))
    assert draws.angle.abs().max() > np.radians(9.9)
    assert draws.shift.abs().max() > 4.9
    assert 0.45 < float((draws.sign < 0).float().mean()) < 0.55


def test_noise_has_the_strength_that_was_drawn():
    crops = torch.full((1, 100, 100, 100), -250, dtype=torch.int16).expand(40, -1, -1, -1)
    strength = Strength(rotation=0, jitter=0, flips=False, noise=30, gamma=0)
    planes = grey(crops, "default", list(range(40)), strength, 50)
    sd = draw(range(40), strength, torch.device("cpu")).noise.numpy()
    # 50 pixels of 1 mm lie halfway between voxels: a mean of four voxels' noise has half its deviation
    found = planes[:, :3].numpy().std(axis=(1, 2, 3)) * 1500
    assert found == pytest.approx(sd / 2, rel=0.1, abs=0.05)
    correlation = np.corrcoef(planes[:, 0].reshape(40, -1)[5:8].numpy())
    assert np.abs(correlation - np.eye(3)).max() < 0.15


def test_gamma_alone():
    crops = random_crops(1)
    plain = grey(crops, "default", [4], STILL)
    strength = Strength(rotation=0, jitter=0, flips=False, noise=0, gamma=0.2)
    gamma = float(draw([4], strength, torch.device("cpu")).gamma[0])
    assert gamma != 1
    assert (grey(crops, "default", [4], strength) - plain**gamma).abs().max() < 1e-4


def test_other_sizes_are_refused():
    with pytest.raises(InputError, match="64 x 64 x 64"):
        augmented_planes(torch.zeros(1, 64, 64, 64), "default", [0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_gpu_gives_the_same():
    crops = random_crops()
    one, two = (augmented_planes(c, "default", [1, 2]).cpu() for c in (crops, crops.cuda()))
    assert (one - two).abs().max() < 1e-2
