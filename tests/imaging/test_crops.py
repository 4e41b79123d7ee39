import itertools

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from benchmark.errors import InputError
from benchmark.imaging.cropping.crops import check_centre, crop_at, plane_padding, slices_needed
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.scans.grid import Grid
from benchmark.imaging.volume import Volume, load_volume, open_scan

from .scan_files import image, save, voxels

SIGNED_PERMUTATIONS = [
    (order, signs) for order in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)
]


def volume_of(array, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), direction=None):
    """A volume around ``array[k, j, i]``."""
    matrix = (np.eye(3) if direction is None else np.asarray(direction)) * spacing
    return Volume(Grid(array.shape[::-1], matrix, np.array(origin)), array)


def reference_crop(volume, centre, pad):
    """Scipy's trilinear samples of the whole scan, padded, at 100 points 1 mm apart around the centre."""
    steps = np.arange(100) - 50
    z, y, x = np.meshgrid(centre[2] + steps, centre[1] + steps, centre[0] + steps, indexing="ij")
    index = volume.grid.to_index(np.stack([x, y, z], axis=-1))
    padded = np.pad(volume.voxels.astype(float), 2, constant_values=pad)
    return map_coordinates(padded, np.moveaxis(index[..., ::-1], -1, 0) + 2, order=1, mode="constant", cval=pad)


def rotation(seed):
    return np.array(
        sitk.Euler3DTransform((0, 0, 0), *np.random.default_rng(seed).uniform(-3, 3, 3)).GetMatrix()
    ).reshape(3, 3)


@pytest.mark.parametrize(
    "direction", [np.eye(3), np.diag([-1.0, -1, 1]), np.eye(3)[[2, 0, 1]], rotation(0), rotation(1)]
)
def test_default_is_scipys_trilinear_interpolation_with_air_around(direction):
    volume = volume_of(voxels((70, 90, 100)), (0.8, 0.9, 1.7), (5.0, -40.0, 100.0), direction)
    centre = volume.grid.to_mm([60.3, 30.2, 44.9])
    crop = crop_at(volume, centre)
    assert crop.hu.shape == (100, 100, 100)
    assert np.abs(crop.hu - reference_crop(volume, centre, -1000)).max() < 0.01
    index = volume.grid.to_index(centre)
    assert index == pytest.approx([60.3, 30.2, 44.9])


def test_the_papers_crops(shared):
    """expected_crops.npz was made by the paper's code (MONAI Spacing and Orientation, then the window)."""
    folder = shared / "reference/crop"
    table = pd.read_csv(folder / "nodules.csv")
    with np.load(folder / "expected_crops.npz") as file:
        expected = file["crops_x8"] / 8
    assert len(table) == 6
    for row, hu in zip(table.itertuples(), expected, strict=True):
        volume = load_volume(folder / row.image_path)
        crop = crop_at(volume, (row.coordX, row.coordY, row.coordZ), "zhuang2025")
        assert np.abs(crop.hu - hu).max() < 0.1
        assert np.abs(crop.as_int16() - hu).max() <= 1


@pytest.mark.parametrize("seed", range(4))
def test_the_papers_grid_in_a_small_oblique_scan(seed):
    """The same steps with whole arrays: resample the scan to 1 mm along RAS, turn to LPS, cut, pad with 0."""
    direction = rotation(seed) if seed else np.diag([-1.0, 1, -1])
    volume = volume_of(voxels((24, 40, 44)), (0.7, 0.9, 2.5), (-13.2, 20.1, 7.7), direction)
    centre = volume.grid.to_mm([20.2, 25.7, 11.4])
    size = np.array([44, 40, 24])
    ras = np.diag([-1.0, -1, 1])
    corners = np.array(
        [ras @ volume.grid.to_mm(np.array(c) * (size - 1)) for c in itertools.product((0, 1), repeat=3)]
    )
    count = np.round(np.ptp(corners, axis=0) + 1).astype(int)
    is_corner = any(np.allclose(corner, corners.min(axis=0), atol=1e-8) for corner in corners)
    start = corners.min(axis=0) if is_corner else ras @ volume.grid.to_mm(size / 2) - count / 2
    points = np.stack(np.meshgrid(*(np.arange(n) for n in count), indexing="ij"), axis=-1) + start
    index = volume.grid.to_index(points @ ras)
    padded = np.pad(volume.voxels.astype(float), 2)
    whole = map_coordinates(padded, np.moveaxis(index[..., ::-1], -1, 0) + 2, order=1, mode="constant", cval=0)
    whole = whole[::-1, ::-1]  # RAS to LPS
    first = ras @ (start + (count - 1) * [1, 1, 0])
    middle = [int(value) for value in centre - first]
    wide = np.pad(whole, 100)
    expected = wide[tuple(slice(m + 50, m + 150) for m in middle)].transpose(2, 1, 0)
    assert np.abs(crop_at(volume, centre, "zhuang2025").hu - expected).max() < 0.01


@settings(max_examples=12, deadline=None)
@given(
    change=st.sampled_from(SIGNED_PERMUTATIONS),
    oblique=st.booleans(),
    centre=st.tuples(*[st.floats(5, 30)] * 3),
    spacing=st.tuples(*[st.sampled_from([0.5, 0.7, 0.9765625, 1.25, 3.0])] * 3),
    recipe=st.sampled_from(["default", "zhuang2025"]),
)
def test_flips_and_permutations_of_the_scans_axes_change_nothing(change, oblique, centre, spacing, recipe):
    # the paper's grid of an oblique scan hangs on index shape / 2, which a flip moves by a voxel: not its property
    turned_scan = rotation(2) if oblique and recipe == "default" else None
    volume = volume_of(voxels((36, 34, 38)), spacing, (-3.3, 2.1, 50.0), turned_scan)
    order, signs = change
    array, matrix, origin = volume.voxels, volume.grid.matrix, volume.grid.origin
    moved = array.transpose([2 - axis for axis in order[::-1]])
    turned, start = matrix[:, order].copy(), origin.copy()
    for axis, sign in enumerate(signs):
        if sign < 0:
            moved = np.flip(moved, 2 - axis)
            start = start + turned[:, axis] * (moved.shape[2 - axis] - 1)
            turned[:, axis] *= -1
    other = Volume(Grid(moved.shape[::-1], turned, start), np.ascontiguousarray(moved))
    mm = volume.grid.to_mm(centre)
    one, two = crop_at(volume, mm, recipe), crop_at(other, mm, recipe)
    assert np.abs(one.hu - two.hu).max() <= 1e-4
    assert one.padded_fraction == pytest.approx(two.padded_fraction, abs=2e-6)


@pytest.mark.parametrize("thickness", [1.0, 2.5, 5.0])
@settings(max_examples=4, deadline=None)
@given(centre=st.tuples(*[st.floats(-2, 2)] * 3), radius=st.floats(6, 12))
def test_a_sphere_keeps_its_volume(thickness, centre, radius):
    """Partial volumes: a voxel holds the mean of 1000 HU inside the sphere and 0 outside, minus 1000."""
    spacing = np.array([0.7, 0.7, thickness])
    size = np.ceil(40 / spacing).astype(int)
    origin = -spacing * (size - 1) / 2
    fine = [(np.arange(n * 4) / 4 - 0.375) * s + o for n, s, o in zip(size, spacing, origin, strict=True)]
    x, y, z = (axis - c for axis, c in zip(fine, centre, strict=True))
    inside = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 < radius**2
    share = inside.reshape(size[2], 4, size[1], 4, size[0], 4).mean(axis=(1, 3, 5))
    volume = volume_of(np.rint(share * 1000 - 1000).astype(np.int16), spacing, origin)
    hu = crop_at(volume, centre).hu.astype(float) + 1000
    assert hu.sum() / 1000 == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.05)
    if thickness == 1.0:  # thicker slices blur a sphere's own centre
        grid = np.stack(np.meshgrid(*[np.arange(100)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        middle = (grid * hu.reshape(-1, 1)).sum(axis=0) / hu.sum()
        assert np.abs(middle - 50).max() < 0.05


@given(centre=st.tuples(*[st.floats(10, 50)] * 3))
@settings(max_examples=10, deadline=None)
def test_the_centre_is_at_index_50(centre):
    # in a scan that holds x + 2 y - 3 z everywhere, interpolation is exact
    z, y, x = np.meshgrid(*[np.arange(60.0)] * 3, indexing="ij")
    volume = volume_of((x + 2 * y - 3 * z).astype(np.float32))
    assert crop_at(volume, centre).hu[50, 50, 50] == pytest.approx(
        centre[0] + 2 * centre[1] - 3 * centre[2], abs=1e-3
    )


@pytest.mark.parametrize("recipe", ["default", "zhuang2025"])
@pytest.mark.parametrize("direction", [None, np.eye(3)[[2, 1, 0]], rotation(4)])
def test_the_slices_needed_are_enough(tmp_path, recipe, direction):
    flat = (1, 0, 0, 0, 1, 0, 0, 0, 1) if direction is None else tuple(direction.ravel())
    scan = open_scan(save(image(voxels((90, 60, 60)), (1.0, 1.0, 2.0), direction=flat), tmp_path / "a.nii.gz"))
    for index in [(30, 30, 45), (2, 50, 3), (55, 10, 88)]:
        centre = scan.grid.to_mm(index)
        first, last = slices_needed(scan.grid, centre, recipe)
        part = crop_at(scan.read(first, last), centre, recipe)
        whole = crop_at(scan.read(0, 89), centre, recipe)
        assert np.array_equal(part.hu, whole.hu)
        assert part.padded_fraction == whole.padded_fraction
    assert slices_needed(scan.grid, scan.grid.to_mm((30, 30, 45)), recipe) != (0, 89) or direction is not None


def test_rescaled_voxels_are_padded_in_hu():
    array = voxels((30, 30, 30))
    stored = Volume(Grid((30, 30, 30), np.eye(3), np.zeros(3)), (array + 1024).astype(np.int16), intercept=-1024.0)
    plain = volume_of(array)
    assert np.array_equal(crop_at(stored, (3, 15, 15)).hu, crop_at(plain, (3, 15, 15)).hu)


def test_the_padded_fraction_counts_points_outside():
    volume = volume_of(voxels((41, 41, 41)))
    # 41 of 100 points an axis lie on the scan: 1 - 0.41^3
    assert crop_at(volume, (20, 20, 20)).padded_fraction == pytest.approx(1 - 0.41**3)
    assert plane_padding(volume.grid, (20, 20, 20), get_recipe("default")) > 0
    assert plane_padding(volume_of(voxels((61, 61, 61))).grid, (30, 30, 30), get_recipe("default")) == 0


def hint(centre, origin=(-150.0, -160.0, -300.0), size=(300, 320, 200), spacing=(1.0, 1.0, 1.0)):
    with pytest.raises(InputError) as caught:
        check_centre(Grid(size, np.diag(spacing), np.array(origin)), centre)
    return str(caught.value)


def test_hints_for_centres_outside():
    said = hint((-160.0, 10.0, -200.0))
    assert "x -150.0..149.0" in said
    assert "RAS" not in said
    assert "indices" not in said
    # (100.5, -120.25) is outside in x of a scan from 0 to -300; mirrored it lies inside
    assert "--coords RAS" in hint((100.5, 20.25, -200.0), origin=(-150.0, -160.0, -300.0), size=(200, 320, 200))
    assert "voxel indices" in hint((120.0, 80.0, 40.0))
    assert "voxel indices" in hint((120.5, 80.5, 40.5))
    assert "missing" in hint((float("nan"), 0.0, 0.0))


def test_a_centre_is_shown_beside_ranges_of_its_own_frame():
    # In RAS x and y have the other sign: x from -49 to 150 of a scan that in LPS goes from -150 to 49.
    grid = Grid((200, 320, 200), np.eye(3), np.array([-150.0, -160.0, -300.0]))
    with pytest.raises(InputError) as caught:
        check_centre(grid, (-160.0, 10.0, -200.0), "RAS")
    said = str(caught.value)
    assert (
        "(160, -10, -200) mm lies outside the scan (x -49.0..150.0, y -159.0..160.0, z -300.0..-101.0 mm RAS)"
        in said
    )


def test_edges_belong_to_the_scan():
    grid = Grid((10, 10, 10), np.eye(3), np.zeros(3))
    check_centre(grid, (-0.5, 9.5, 4))
    with pytest.raises(InputError):
        check_centre(grid, (-0.6, 9.5, 4))


def test_whole_hu():
    crop = crop_at(volume_of((voxels((30, 30, 30)) * 1.0 + 0.3).astype(np.float32)), (15, 15, 15))
    assert crop.as_int16().dtype == np.int16
    assert np.abs(crop.as_int16() - crop.hu).max() <= 0.5
