import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates, rotate, zoom

from benchmark.errors import InputError
from benchmark.imaging.plane_maps import cardinal_spline
from benchmark.imaging.planes import nine_planes

TURNS = [((0, 2), (0, 2)), ((0, 1), (0, 1)), ((1, 2), (1, 2))]


def random_crop(seed=0):
    return np.random.default_rng(seed).integers(-1200, 900, (100, 100, 100)).astype(np.int16)


def reference_planes_scipy(crop, size=224):
    """The paper's route: clip, scale, rotate the whole volume three times, cut the middle, zoom."""
    scaled = (np.clip(crop, -1000, 500) + 1000.0) / 1500
    slices = [scaled.take(50, axis) for axis in range(3)]
    for axes, along in TURNS:
        turned = rotate(scaled, 45, axes=axes, reshape=False)
        slices += [turned.take(50, axis) for axis in along]
    return np.stack([zoom(plane[25:75, 25:75], size / 50, order=1) for plane in slices])


def reference_planes_linear(crop, size=224):
    """Scipy's trilinear samples on nine planes through index 50, pixels of 50 / size mm."""
    d = (np.arange(size) - (size - 1) / 2) * 50 / size
    row, column = np.meshgrid(d, d, indexing="ij")
    zero, h = np.zeros_like(row), np.sqrt(0.5)
    points = [
        (zero, row, column),
        (row, zero, column),
        (row, column, zero),
        (h * column, row, h * column),
        (h * row, column, -h * row),
        (h * row, h * row, column),
        (h * row, -h * row, column),
        (row, h * column, h * column),
        (row, h * column, -h * column),
    ]
    # clipping comes before interpolation
    scaled = (np.clip(crop, -1000, 500) + 1000.0) / 1500
    return np.stack([map_coordinates(scaled, np.stack(point) + 50, order=1) for point in points])


@pytest.mark.parametrize("seed", range(2))
def test_zhuang2025_is_the_papers_route(seed):
    crop = random_crop(seed)
    planes = nine_planes(crop, "zhuang2025")
    assert planes.dtype == np.float32
    assert planes.shape == (9, 224, 224)
    assert np.abs(planes - reference_planes_scipy(crop)).max() < 2e-5


def test_zhuang2025_on_the_papers_crop(shared):
    folder = shared / "reference/crop"
    with np.load(folder / "expected_planes.npz") as file:
        expected = dict(file)
    with np.load(folder / "expected_crops.npz") as file:
        crop = file["crops_x8"][int(expected["row"])] / 8
    assert np.abs(nine_planes(crop, "zhuang2025") - expected["planes"]).max() < 2e-4


@pytest.mark.parametrize("size", [224, 64, 33])
def test_default_is_trilinear_and_centred(size):
    crop = random_crop(3)
    assert np.abs(nine_planes(crop, size=size) - reference_planes_linear(crop, size)).max() < 2e-6


def test_default_shows_a_sphere_at_50_in_the_middle_of_every_plane():
    z, y, x = np.meshgrid(*[np.arange(100.0) - 50] * 3, indexing="ij")
    crop = np.rint(300 * np.exp(-(x**2 + y**2 + z**2) / 50) - 1000).astype(np.int16)
    planes = nine_planes(crop)
    assert np.abs(planes - planes[:, ::-1]).max() < 2e-3
    assert np.abs(planes - planes[:, :, ::-1]).max() < 2e-3
    assert planes.max() == pytest.approx(300 / 1500, abs=1e-3)


def test_crops_of_any_number_type():
    crop = random_crop()
    for kind in (np.int32, np.float32, np.float64):
        assert np.abs(nine_planes(crop.astype(kind)) - nine_planes(crop)).max() < 1e-6


def test_other_sizes_are_refused():
    with pytest.raises(InputError, match="100 voxels an axis, this one 64 x 64 x 64"):
        nine_planes(np.zeros((64, 64, 64)))


@settings(max_examples=10, deadline=None)
@given(value=st.integers(-1500, 1500), recipe=st.sampled_from(["default", "zhuang2025"]))
def test_a_constant_crop_gives_constant_planes(value, recipe):
    planes = nine_planes(np.full((100, 100, 100), value, np.int16), recipe)
    assert np.abs(planes - (np.clip(value, -1000, 500) + 1000) / 1500).max() < 1e-5


def test_the_cardinal_spline_interpolates():
    whole = np.arange(-6.0, 7)
    assert np.abs(cardinal_spline(whole) - (whole == 0)).max() < 1e-6
    # a cubic through all whole numbers is reproduced between them
    x = np.linspace(-0.5, 0.5, 11)
    knots = np.arange(-30.0, 31)
    values = (cardinal_spline(x[:, None] - knots) * (knots**3 - 2 * knots)).sum(axis=1)
    assert np.abs(values - (x**3 - 2 * x)).max() < 1e-6
