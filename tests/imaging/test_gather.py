import itertools

import numpy as np
import pytest

from benchmark.errors import InputError
from benchmark.imaging.cropping import gather as module
from benchmark.imaging.cropping.crops import crop_at, window_at
from benchmark.imaging.cropping.gather import crops_of_scan
from benchmark.imaging.cropping.plan import plan
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.scans.grid import Grid
from benchmark.imaging.volume import load_volume, open_scan

from .scan_files import OBLIQUE, image, patched, save, save_series, voxels

SHAPE = (60, 62, 64)
SIGNS = list(itertools.product((1, -1), repeat=3))


def gathered(path, centres, recipe):
    recipe = get_recipe(recipe)
    scan = open_scan(path)
    plans = [plan(scan.grid, window_at(scan.grid, np.array(centre), recipe)) for centre in centres]
    return dict(crops_of_scan(scan, plans, recipe.padding))


def directions():
    for order in itertools.permutations(range(3)):
        for signs in SIGNS[::3]:
            matrix = np.zeros((3, 3))
            for column, (axis, sign) in enumerate(zip(order, signs, strict=True)):
                matrix[axis, column] = sign
            yield tuple(matrix.ravel())
    yield OBLIQUE


@pytest.mark.parametrize(
    ("recipe", "direction"),
    [(("default", "zhuang2025")[k % 2], direction) for k, direction in enumerate(directions())],
)
def test_crops_from_the_stream_are_those_of_the_whole_scan(tmp_path, recipe, direction):
    path = save(image(voxels(SHAPE), (0.9, 0.8, 1.3), direction=direction), tmp_path / "a.nii.gz")
    volume = load_volume(path)
    centres = [volume.grid.to_mm(index) for index in [(30.2, 31.7, 5.3), (5, 58, 40), (33.3, 20.1, 57.9)]]
    found = gathered(path, centres, recipe)
    assert sorted(found) == [0, 1, 2]
    for number, centre in enumerate(centres):
        expected = crop_at(volume, centre, recipe)
        crop, padded = found[number]
        assert crop.dtype == np.int16
        # one of two ways of adding may round a half the other way
        assert np.abs(crop - expected.as_int16()).max() <= 1
        assert (crop != expected.as_int16()).mean() < 1e-4
        assert padded == pytest.approx(expected.padded_fraction, abs=1e-9)


def test_other_files_and_rescaled_values(tmp_path):
    made = image(voxels(SHAPE), (0.9, 0.8, 1.3))
    reference = save(made, tmp_path / "a.nii.gz")
    centre = load_volume(reference).grid.to_mm((30, 30, 30))
    expected = gathered(reference, [centre], "default")[0][0]
    for path in (
        save(made, tmp_path / "a.mha"),
        save(made, tmp_path / "a.nii"),
        save_series(made, tmp_path / "s"),
    ):
        assert np.abs(gathered(path, [centre], "default")[0][0] - expected).max() <= 1
    shifted = image(((voxels(SHAPE) + 1024) // 2 * 2 - 1024).astype(np.int16), (0.9, 0.8, 1.3))
    halved = image(((voxels(SHAPE) + 1024) // 2).astype(np.int16), (0.9, 0.8, 1.3))
    scaled = patched(
        save(halved, tmp_path / "h.nii.gz"), tmp_path / "i.nii.gz", (112, "f", 2.0), (116, "f", -1024.0)
    )
    two = gathered(save(shifted, tmp_path / "d.nii.gz"), [centre], "default")[0][0]
    assert np.abs(gathered(scaled, [centre], "default")[0][0] - two).max() <= 1


def test_a_crop_that_was_read_is_not_lost_to_damage_after_it(tmp_path):
    """The values of slices 100.. are NaN: only windows that need them fail."""
    array = voxels((220, 40, 40)).astype(np.float32)
    array[120:] = np.nan
    path = save(image(array, (1.0, 1.0, 1.0), (0, 0, 0)), tmp_path / "a.nii.gz")
    scan, recipe = open_scan(path), get_recipe("default")
    plans = [plan(scan.grid, window_at(scan.grid, np.array([20.0, 20, z]), recipe)) for z in (150.0, 40.0)]
    crops = crops_of_scan(scan, plans, recipe.padding)
    assert next(crops)[0] == 1
    with pytest.raises(InputError, match="NaN"):
        next(crops)


def test_the_checksum_counts_where_the_last_slice_is_needed(tmp_path):
    data = bytearray(save(image(voxels(SHAPE), (1.0, 1.0, 1.0), (0, 0, 0)), tmp_path / "a.nii.gz").read_bytes())
    data[-6] ^= 1  # a bit of the CRC
    (tmp_path / "b.nii.gz").write_bytes(data)
    with pytest.raises(InputError, match=r"b\.nii\.gz.*corrupt"):
        gathered(tmp_path / "b.nii.gz", [(30, 30, 30)], "default")


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE])
def test_many_windows_are_read_in_passes_that_hold_little(tmp_path, monkeypatch, direction):
    path = save(image(voxels(SHAPE), (0.9, 0.8, 1.3), direction=direction), tmp_path / "a.nii.gz")
    grid, random = load_volume(path).grid, np.random.default_rng(0)
    centres = [grid.to_mm(index) for index in random.uniform(5, 55, (7, 3))]
    expected = gathered(path, centres, "default")
    at_once, most = 0, 0
    real = module._window

    class Counted:
        def __init__(self, *arguments):
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            self.inner = real(*arguments)

        def add(self, *arguments):
            self.inner.add(*arguments)

        def crop(self):
            nonlocal at_once
            at_once -= 1
            return self.inner.crop()

    recipe = get_recipe("default")
    plans = [plan(grid, window_at(grid, np.array(centre), recipe)) for centre in centres]
    monkeypatch.setattr(module, "HELD", 2 * max(map(module._bytes_held, plans)))
    monkeypatch.setattr(module, "_window", Counted)
    found = gathered(path, centres, "default")
    assert most <= 2
    for number, (crop, padded) in expected.items():
        assert np.array_equal(found[number][0], crop)
        assert found[number][1] == padded


def test_250_windows_of_a_chest_are_held_in_two_passes():
    """A crop of the default recipe has 10⁶ points of two bytes."""
    grid = Grid((512, 512, 300), np.diag([0.7, 0.7, 1.25]), np.zeros(3))
    recipe, random = get_recipe("default"), np.random.default_rng(0)
    indices = random.uniform((60, 60, 20), (450, 450, 280), (250, 3))
    plans = [plan(grid, window_at(grid, grid.to_mm(index), recipe)) for index in indices]
    passes = module._passes(plans)
    assert sorted(number for members in passes for number in members) == list(range(250))
    assert [sum(2 * 10**6 for _ in members) <= module.HELD for members in passes] == [True, True]
