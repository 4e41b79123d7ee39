import contextlib
import gzip
import math
import re

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.contracts.scan_paths import path_under
from benchmark.errors import InputError
from benchmark.imaging.scans.grid import Grid
from benchmark.imaging.scans.hu import ValueRange
from benchmark.imaging.volume import ReadOptions, Volume, load_volume, open_scan

from .scan_files import OBLIQUE, image, patched, save, voxels

FORMATS = ("scan.nii", "scan.nii.gz", "scan.mha", "scan.mhd", "scan.nrrd")
QFORM, SFORM = 252, 254


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), (-1, 0, 0, 0, 0, 1, 0, 1, 0), OBLIQUE])
def test_every_format_gives_simpleitks_voxels_and_places(tmp_path, name, direction):
    made = image(direction=direction)
    volume = load_volume(save(made, tmp_path / name))
    assert np.array_equal(volume.voxels, voxels())
    for index in [(0, 0, 0), (27, 0, 3), (5, 23, 19)]:
        # NIfTI headers hold float32, hence 1e-4 mm at 100 mm from the origin
        assert volume.grid.to_mm(index) == pytest.approx(made.TransformIndexToPhysicalPoint(index), abs=1e-4)


@given(
    angles=st.tuples(*[st.floats(-math.pi, math.pi)] * 3),
    spacing=st.tuples(*[st.floats(0.3, 5)] * 3),
    origin=st.tuples(*[st.floats(-500, 500)] * 3),
    index=st.tuples(*[st.integers(0, 511)] * 3),
)
def test_index_to_mm_and_back_is_exact(angles, spacing, origin, index):
    direction = np.array(sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix()).reshape(3, 3)
    grid = Grid((512, 512, 512), direction * spacing, np.array(origin))
    back = grid.to_index(grid.to_mm(index))
    assert np.abs(back - index).max() < 1e-9
    assert tuple(np.rint(back).astype(int)) == index


@pytest.mark.parametrize("name", FORMATS[:2])
def test_a_part_of_the_slices(tmp_path, name):
    scan = open_scan(save(image(), tmp_path / name))
    part = scan.read(7, 12)
    assert part.first == 7
    assert np.array_equal(part.voxels, voxels()[7:13])


def test_rescaled_nifti_is_read_in_hu(tmp_path):
    source = save(image(), tmp_path / "a.nii.gz")
    scaled = load_volume(patched(source, tmp_path / "b.nii.gz", (112, "f", 2.0), (116, "f", -24.0)))
    assert np.array_equal(scaled.hu(), voxels() * 2.0 - 24)


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_a_useless_slope_leaves_the_stored_values_and_says_so(tmp_path, slope):
    source = save(image(), tmp_path / "a.nii.gz")
    volume = load_volume(patched(source, tmp_path / "b.nii.gz", (112, "f", slope)))
    assert np.array_equal(volume.hu(), voxels())
    assert "scl_slope" in volume.notes[0]


@pytest.mark.parametrize("intercept", [float("nan"), float("inf")])
def test_an_intercept_that_is_no_number_beside_a_slope_is_refused(tmp_path, intercept):
    source = save(image(), tmp_path / "a.nii.gz")
    for slope in (1.0, 2.0):
        with pytest.raises(InputError, match=f"scl_inter {intercept}"):
            open_scan(patched(source, tmp_path / "b.nii.gz", (112, "2f", (slope, intercept))))
    # beside a slope of 0 neither is used
    assert open_scan(patched(source, tmp_path / "b.nii.gz", (112, "2f", (0.0, intercept)))).intercept == 0


def test_big_endian_nifti(tmp_path):
    source = patched(save(image(), tmp_path / "a.nii.gz"), tmp_path / "a.nii")
    little = source.read_bytes()
    # every field that is read has its own width; int16 voxels start at 352
    out = bytearray(little)
    layout = {0: "i", 70: "h", 72: "h", 252: "h", 254: "h"}
    layout |= dict.fromkeys(range(40, 56, 2), "h") | dict.fromkeys((*range(76, 120, 4), *range(256, 328, 4)), "f")
    for at, form in layout.items():
        width = 4 if form in "if" else 2
        out[at : at + width] = little[at : at + width][::-1]
    out[352:] = np.frombuffer(little[352:], "<i2").astype(">i2").tobytes()
    (tmp_path / "b.nii").write_bytes(out)
    volume = load_volume(tmp_path / "b.nii")
    assert np.array_equal(volume.voxels, voxels())
    assert np.allclose(volume.grid.matrix, load_volume(source).grid.matrix)


@pytest.mark.parametrize("angles", [(0, 0, math.pi), (math.pi, 0, 0), (0.3, -0.5, 2.9), (0.0, math.pi, 0.7)])
def test_the_qform_alone(tmp_path, angles):
    direction = sitk.Euler3DTransform((0, 0, 0), *angles).GetMatrix()
    source = save(image(direction=direction), tmp_path / "a.nii.gz")
    path = patched(source, tmp_path / "b.nii.gz", (QFORM, "h", 1), (SFORM, "h", 0))
    grid, made = load_volume(path).grid, sitk.ReadImage(str(path))
    for index in [(0, 0, 0), (27, 23, 19)]:
        assert grid.to_mm(index) == pytest.approx(made.TransformIndexToPhysicalPoint(index), abs=1e-3)


def test_gzip_of_several_members(tmp_path):
    data = patched(save(image(), tmp_path / "a.nii.gz"), tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(gzip.compress(data[:5000]) + gzip.compress(data[5000:]))
    assert np.array_equal(load_volume(tmp_path / "b.nii.gz").voxels, voxels())


@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_a_truncated_gzip_is_found_even_where_its_beginning_would_do(tmp_path, share):
    data = save(image(), tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=r"b\.nii\.gz.*cut short"):
        open_scan(tmp_path / "b.nii.gz").read(0, 1)


def test_truncation_names_the_bytes(tmp_path):
    data = save(image(), tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(data[: len(data) // 2])
    # 352 bytes of header and 20 * 24 * 28 voxels of two bytes
    with pytest.raises(InputError, match=r"\d+ of 27232 bytes"):
        load_volume(tmp_path / "b.nii.gz")


def test_truncation_counts_what_there_is(tmp_path):
    array = np.random.default_rng(0).integers(-1000, 400, (120, 100, 110)).astype(np.int16)  # inflates by blocks
    data = save(image(array), tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError) as caught:
        load_volume(tmp_path / "b.nii.gz")
    found = int(str(caught.value).split("short: ")[1].split(" of ")[0])
    assert 0.25 < found / (352 + 2 * array.size) < 0.55


def test_a_flipped_byte_is_found_by_the_checksum(tmp_path):
    data = bytearray(save(image(), tmp_path / "a.nii.gz").read_bytes())
    data[len(data) // 2] ^= 0x10
    (tmp_path / "b.nii.gz").write_bytes(data)
    with pytest.raises(InputError, match=r"b\.nii\.gz.*(corrupt|cut short)"):
        load_volume(tmp_path / "b.nii.gz")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([(QFORM, "h", 0), (SFORM, "h", 0)], "nothing about its orientation"),
        ([(280, "f", 0.8)], "disagree about the orientation"),
        ([(280, "4f", (-0.8, 0.0, 0.1, 20.0))], "not orthonormal"),
        ([(QFORM, "h", 0), (280, "4f", (0.0, 0.0, 0.0, 20.0))], "spacing"),
        ([(QFORM, "h", 0), (280, "4f", (-12.0, 0.0, 0.0, 20.0))], "spacing 12"),
        ([(QFORM, "h", 0), (280, "f", float("nan"))], "not finite"),
        ([(123, "B", 1)], "metres"),
        ([(70, "h", 128)], "RGB"),
        ([(70, "h", 32)], "complex"),
        ([(40, "8h", (4, 28, 24, 10, 2, 1, 1, 1))], "28 x 24 x 10 x 2"),
        ([(40, "8h", (2, 28, 24, 1, 1, 1, 1, 1))], "shape 28 x 24"),
        ([(40, "8h", (3, 28, -24, 20, 1, 1, 1, 1))], "-24"),
        ([(40, "8h", (3, 32767, 32767, 32767, 1, 1, 1, 1))], "more than"),
        ([(40, "8h", (3, 28, 24, 400, 1, 1, 1, 1))], "cut short: 27232 of 537952"),
        ([(40, "8h", (3, 27, 24, 20, 1, 1, 1, 1))], "does not fit its header: 27232 of 26272"),
        ([(40, "8h", (3, 28, 24, 10, 1, 1, 1, 1))], "does not fit its header"),
        ([(SFORM, "h", 0), (80, "f", -0.8)], "negative spacing"),
        ([(QFORM, "h", 0), (80, "f", -0.8)], "negative spacing"),
        ([(QFORM, "h", 0), (280, "f", -0.0008)], "spacing 0.0008"),
        ([(112, "f", 1e6)], "not CT HU — check the byte order and the scale"),
        ([(108, "f", -1.0)], "vox_offset"),
        ([(344, "4s", b"nope")], "no NIfTI"),
    ],
)
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_headers_that_cannot_be_are_refused(tmp_path, changes, message, suffix):
    source = save(image(), tmp_path / "a.nii.gz")
    bad = patched(source, tmp_path / f"bad{suffix}", *changes)
    with pytest.raises(InputError, match=message) as caught:
        load_volume(bad)
    assert "bad" in str(caught.value)


def form_of(made, shift=(0.0, 0.0, 0.0)):
    """The sform of an image written by SimpleITK, moved by some voxels along its axes, as the header holds it."""
    ras = np.diag([-1.0, -1.0, 1.0])
    matrix = np.array(made.GetDirection()).reshape(3, 3) * np.array(made.GetSpacing())
    origin = np.array(made.GetOrigin()) + matrix @ np.array(shift)
    return tuple(np.column_stack([ras @ matrix, ras @ origin]).ravel())


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("axis", range(3))
@pytest.mark.parametrize("form", [SFORM, QFORM])
def test_two_forms_that_lie_apart_are_refused_with_both_places(tmp_path, direction, axis, form):
    made = image(direction=direction)
    source = save(made, tmp_path / "a.nii.gz")
    for voxels_apart in (-0.51, -0.49, 0.49, 0.51):
        shift = np.eye(3)[axis] * voxels_apart
        moved = form_of(made, shift)
        changes = [(280, "12f", moved)] if form == SFORM else [(268, "3f", moved[3::4])]
        path = patched(source, tmp_path / "b.nii.gz", *changes)
        if abs(voxels_apart) < 0.5:
            open_scan(path)
            continue
        with pytest.raises(InputError, match="sform and qform disagree about where the scan lies") as caught:
            open_scan(path)
        # where SimpleITK puts the named corner of the file as it was written
        index = [int(n) for n in re.search(r"voxel \((.*?)\)", str(caught.value))[1].split(", ")]
        places = [
            [float(mm) for mm in found.split(", ")] for found in re.findall(r"at \((.*?)\)", str(caught.value))
        ]
        first, second = places if form == QFORM else places[::-1]
        written = np.array(made.TransformIndexToPhysicalPoint(index))
        step = np.array(made.GetDirection()).reshape(3, 3)[:, axis] * made.GetSpacing()[axis]
        assert first == pytest.approx(written, abs=0.06)
        assert second == pytest.approx(written + step * voxels_apart, abs=0.06)


def test_two_forms_that_turn_apart_are_refused_though_they_begin_at_one_place(tmp_path):
    made, angle = image(), 0.02  # 0.57 mm, 0.63 voxels, after 19 slices of 1.5 mm
    turned = sitk.Euler3DTransform((0, 0, 0), angle, 0, 0).GetMatrix()
    other = image(direction=turned)
    path = patched(save(made, tmp_path / "a.nii.gz"), tmp_path / "b.nii.gz", (280, "12f", form_of(other)))
    with pytest.raises(InputError, match="disagree about where the scan lies"):
        open_scan(path)


def test_one_form_alone_may_lie_anywhere(tmp_path):
    made = image()
    moved = form_of(made, (0, 0, 10))
    source = save(made, tmp_path / "a.nii.gz")
    path = patched(source, tmp_path / "b.nii.gz", (280, "12f", moved), (QFORM, "h", 0))
    assert open_scan(path).grid.origin == pytest.approx(np.add(made.GetOrigin(), (0, 0, 15)), rel=1e-6)


def test_an_sform_alone_whose_steps_are_not_pixdim_is_refused_with_both(tmp_path):
    # the standard (and nibabel) goes by the sform, ITK by pixdim: SimpleITK gives this scan voxels of 1 mm
    source = save(image(), tmp_path / "a.nii.gz")
    alone = [(QFORM, "h", 0), (80, "3f", (1.0, 1.0, 1.0))]
    path = patched(source, tmp_path / "b.nii.gz", *alone)
    assert sitk.ReadImage(str(path)).GetSpacing() == (1.0, 1.0, 1.0)
    with pytest.raises(InputError, match=r"0\.8 x 0\.9 x 1\.5 mm by the sform, 1 x 1 x 1 mm by pixdim"):
        open_scan(path)
    near = patched(source, tmp_path / "c.nii.gz", (QFORM, "h", 0), (88, "f", 1.5 + 0.37 * 1.5 / 19))
    assert open_scan(near).grid.spacing == pytest.approx((0.8, 0.9, 1.5))
    # a pixdim of 0 says nothing
    unset = patched(source, tmp_path / "d.nii.gz", (QFORM, "h", 0), (80, "3f", (0.0, 0.0, 0.0)))
    assert open_scan(unset).grid.spacing == pytest.approx((0.8, 0.9, 1.5))


def test_what_options_allow(tmp_path):
    source = save(image(), tmp_path / "a.nii.gz")
    silent = patched(source, tmp_path / "b.nii.gz", (QFORM, "h", 0), (SFORM, "h", 0))
    volume = load_volume(silent, ReadOptions(assume_orientation=True))
    assert volume.grid.spacing == pytest.approx((0.8, 0.9, 1.5))
    assert "assumed" in volume.notes[0]
    skew = patched(source, tmp_path / "c.nii.gz", (280, "4f", (-0.8, 0.0, 0.0004, 20.0)))
    with pytest.raises(InputError, match="--orthonormalize"):
        load_volume(skew)
    direction = load_volume(skew, ReadOptions(orthonormalize=True)).grid.direction
    assert np.abs(direction.T @ direction - np.eye(3)).max() < 1e-12
    with pytest.raises(InputError, match="resample"):
        load_volume(
            patched(source, tmp_path / "d.nii.gz", (280, "4f", (-0.8, 0, 0.1, 20.0))),
            ReadOptions(orthonormalize=True),
        )


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.abs(voxels()), "not CT HU"),
        (np.full((20, 24, 28), -1000, np.int16), r"-1000\.\.-1000 is not CT HU"),
        (voxels().astype(np.uint8), "8-bit"),
        ((voxels() / 3000 + 0.5).clip(0, 1).astype(np.float32), "not CT HU"),
        (np.where(voxels() > 300, np.nan, voxels()).astype(np.float32), r"\d+ voxels that are NaN"),
    ],
)
@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha"])
def test_values_that_are_no_hu_are_refused(tmp_path, array, message, name):
    with pytest.raises(InputError, match=message):
        load_volume(save(image(array), tmp_path / name))


def test_float_scans_are_read(tmp_path):
    array = voxels().astype(np.float32) + 0.25
    assert np.array_equal(load_volume(save(image(array), tmp_path / "a.nii.gz")).hu(), array)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.nii.gz", b"", "0 bytes"),
        ("a.nii.gz", b"PK\x03\x04" + bytes(400), "ZIP"),
        ("a.nii.gz", b"\x5c\x01\0\0" + bytes(400), "uncompressed NIfTI image, not gzip"),
        ("a.nii", gzip.compress(b"x" * 999, mtime=0), "gzip data, not an uncompressed NIfTI"),
        ("a.nii.gz", gzip.compress(b"x" * 999, mtime=0), "no NIfTI image inside the gzip"),
        ("a.nii.gz", gzip.compress(b"x" * 9, mtime=0), "9 of 348 bytes of header"),
        ("a.mha", b"no header at all", "nothing that is known"),
        ("a.dcm", bytes(128) + b"DICM" + bytes(300), "give the folder"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_volume(tmp_path / name)


def test_missing_files_and_broken_links(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        load_volume(tmp_path / "none.nii.gz")
    (tmp_path / "link.nii.gz").symlink_to(tmp_path / "gone")
    with pytest.raises(InputError, match="broken link"):
        load_volume(tmp_path / "link.nii.gz")


@pytest.mark.parametrize("path", ["../a.nii.gz", "b/../../a.nii.gz", "/etc/passwd"])
def test_paths_stay_under_the_root(tmp_path, path):
    with pytest.raises(InputError, match="leads out"):
        path_under(tmp_path.__class__(path), tmp_path)


def test_paths_under_the_root(tmp_path):
    assert path_under(tmp_path / "x" / "a.mha", tmp_path) == tmp_path / "x/a.mha"
    assert path_under(tmp_path.__class__("x/../a.mha"), tmp_path) == tmp_path / "a.mha"


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_damaged_files_raise_nothing_but_input_errors(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged")
    raw = patched(save(image(), folder / "a.nii.gz"), folder / "a.nii").read_bytes()
    damaged = bytearray(raw)
    for at in data.draw(st.lists(st.integers(0, 351), min_size=1, max_size=6)):
        damaged[at] = data.draw(st.integers(0, 255))
    (folder / "b.nii").write_bytes(damaged)
    with contextlib.suppress(InputError):
        assert isinstance(load_volume(folder / "b.nii"), Volume)


def test_the_check_of_values_sees_the_slope():
    values = ValueRange.of(np.array([0, 1000, 3000], np.uint16))
    values.check_values("x", 1.0, -1024.0)
    with pytest.raises(InputError, match=r"0\.\.300000 is not CT HU"):
        values.check_values("x", 100.0)


def test_a_slice_is_looked_at_whole_where_a_part_of_its_rows_says_too_little():
    part = voxels()[3]
    assert ValueRange.of_slice(part, 1.0, 0.0).low < 0
    hidden = np.full((24, 28), 40, np.int16)
    hidden[5, 7] = -900  # no eighth row
    assert ValueRange.of_slice(hidden, 1.0, 0.0) == ValueRange(-900, 40)
    # stored values that become HU by an intercept
    assert ValueRange.of_slice(hidden + 1024, 1.0, -1024.0) == ValueRange(124, 1064)
