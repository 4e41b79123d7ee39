import re
import struct

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import InputError
from benchmark.imaging.volume import ReadOptions, load_volume, open_scan

from .scan_files import OBLIQUE, image, save_document, save_series, voxels

TILT = 3.0


def position(made, k):
    return np.array(made.TransformIndexToPhysicalPoint((0, 0, k)))


def text(numbers):
    return "\\".join(f"{number:.6f}" for number in numbers)


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), (0, 0, 1, 1, 0, 0, 0, 1, 0), OBLIQUE])
def test_slices_are_ordered_by_position_not_by_name_or_number(tmp_path, direction):
    made = image(direction=direction)
    order = np.random.default_rng(3).permutation(20)
    folder = save_series(
        made, tmp_path / "s", lambda k: {"0020|0013": str(order[-k])}, name=lambda k: f"{order[k]:03d}.dcm"
    )
    volume = load_volume(folder)
    # the stack may be read from its other end: compare places, not indices
    for index in [(0, 0, 0), (27, 3, 19), (11, 23, 7)]:
        value = voxels()[index[::-1]]
        found = np.rint(volume.grid.to_index(made.TransformIndexToPhysicalPoint(index))).astype(int)
        assert volume.voxels[tuple(found[::-1])] == value
        assert volume.grid.to_mm(found) == pytest.approx(made.TransformIndexToPhysicalPoint(index), abs=1e-4)


def test_spacing_comes_from_positions_not_from_slice_thickness(tmp_path):
    volume = load_volume(save_series(image(), tmp_path / "s", lambda _: {"0018|0050": "9"}))
    assert volume.grid.spacing == pytest.approx((0.8, 0.9, 1.5))


def test_a_part_of_the_series_opens_only_its_files(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    scan = open_scan(folder)
    for k in (*range(5), *range(9, 20)):
        (folder / f"{k:03d}.dcm").unlink()
    assert np.array_equal(scan.read(5, 8).voxels, voxels()[5:9])


def test_rescale_is_applied_slice_by_slice(tmp_path):
    # a stored value s means slope * s + intercept; slices differ in both
    array = voxels() + 1100
    folder = tmp_path / "s"
    save_series(image(array), folder)
    for k in range(20):
        slope, intercept = 1 + k % 2, -1000 - k
        data = (folder / f"{k:03d}.dcm").read_bytes()
        data = element(element(data, (0x28, 0x1053), str(slope)), (0x28, 0x1052), str(intercept))
        (folder / f"{k:03d}.dcm").write_bytes(data)
    volume = load_volume(folder)
    for k in range(20):
        assert np.array_equal(volume.hu()[k], array[k] * (1.0 + k % 2) - 1000 - k)


def element(data, tag, value):
    """The bytes of an implicit-VR file with the value of one element replaced, or taken away with None."""
    at = data.index(struct.pack("<HH", *tag))
    (length,) = struct.unpack_from("<I", data, at + 4)
    text = "" if value is None else value + " " * (len(value) % 2)
    new = b"" if value is None else struct.pack("<HHI", *tag, len(text)) + text.encode()
    return data[:at] + new + data[at + 8 + length :]


def refused(folder, message, options=None):
    with pytest.raises(InputError, match=message) as caught:
        load_volume(folder, options)
    return str(caught.value)


def test_no_dicom_inside(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    refused(tmp_path, "0 of 2 files are DICOM")


def test_stray_files_are_counted(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    (folder / "notes.txt").write_text("x")
    assert "1 files that are not DICOM ignored" in load_volume(folder).notes


def test_two_series_are_listed_and_one_can_be_chosen(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    save_series(image(voxels(seed=1)), folder, name=lambda k: f"b{k}.dcm", uid="1.2.3")
    said = refused(folder, "holds 2 series")
    assert "1.2.3 (20 files, chest)" in said
    assert np.array_equal(load_volume(folder, ReadOptions(series="1.2.3")).voxels, voxels(seed=1))
    refused(folder, "no such series", ReadOptions(series="9"))


def test_a_scout_is_left_out(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    scout = image(voxels((2, 24, 28)), direction=(1, 0, 0, 0, 0, 1, 0, 1, 0))
    save_series(scout, folder, name=lambda k: f"scout{k}.dcm", keep=lambda k: k == 0)
    volume = load_volume(folder)
    assert np.array_equal(volume.voxels, voxels())
    assert any("scout" in note for note in volume.notes)


@pytest.mark.parametrize("modality", ["SR", "KO", "PR", "RTSTRUCT", "DOC"])
@pytest.mark.parametrize("explicit", [True, False])
def test_documents_beside_a_scan_are_left_out(tmp_path, modality, explicit):
    folder = save_series(image(), tmp_path / "s")
    for name in ("a.dcm", "z.dcm"):
        save_document(folder / name, modality, explicit)
    volume = load_volume(folder)
    assert np.array_equal(volume.voxels, voxels())
    assert volume.notes == (f"2 {modality} files left out",)


def test_a_folder_of_documents_alone(tmp_path):
    save_document(tmp_path / "s" / "a.dcm", "SR")
    refused(tmp_path / "s", "holds modality SR.*a CT is needed")


def test_a_ct_slice_without_pixels_is_no_document(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    save_document(folder / "a.dcm", "CT")
    refused(folder, "a.dcm.*cannot be read")


@pytest.mark.parametrize("lost", [[1], [9], [9, 10], [3, 15]])
def test_missing_slices_are_refused_with_their_place(tmp_path, lost):
    folder = save_series(image(), tmp_path / "s", keep=lambda k: k not in lost)
    said = refused(folder, "lacks slices between")
    before, after = -101.25 + 1.5 * (lost[0] - 1), -101.25 + 1.5 * (lost[-1] + 1)
    assert f"{before:.2f}" in said
    assert f"{after:.2f}" in said


def test_a_gap_that_is_allowed_is_interpolated(tmp_path):
    folder = save_series(image(), tmp_path / "s", keep=lambda k: k != 9)
    volume = load_volume(folder, ReadOptions(max_gap=2.1))
    expected = voxels().astype(float)
    expected[9] = (expected[8] + expected[10]) / 2
    assert np.abs(volume.hu() - expected).max() < 1e-3
    part = open_scan(folder, ReadOptions(max_gap=2.1)).read(9, 11)
    assert np.abs(part.hu() - expected[9:12]).max() < 1e-3
    assert any("interpolated" in note for note in volume.notes)


def test_uneven_spacing(tmp_path):
    made = image()
    shifted = save_series(
        made, tmp_path / "s", lambda k: {"0020|0032": text(np.add(position(made, k), [0, 0, 0.03 * (k > 9)]))}
    )
    refused(shifted, "1.500 to 1.530 mm apart")
    slight = save_series(
        made, tmp_path / "t", lambda k: {"0020|0032": text(np.add(position(made, k), [0, 0, 0.01 * (k > 9)]))}
    )
    assert load_volume(slight).grid.size == (28, 24, 20)


@settings(max_examples=8, deadline=None)
@given(angle=st.floats(0.6, 25))
def test_gantry_tilt(tmp_path_factory, angle):
    made = image()
    shear = np.tan(np.radians(angle)) * 1.5
    folder = save_series(
        made,
        tmp_path_factory.mktemp("tilted") / "s",
        lambda k: {"0020|0032": text(np.add(position(made, k), [0, shear * k, 0]))},
    )
    found = re.search(r"by ([\d.]+) degrees", refused(folder, "gantry tilted"))
    # printed with one decimal: half of its last digit, and what positions lose as text
    assert found is not None
    assert abs(float(found[1]) - angle) <= 0.05 + 1e-6


def test_the_same_slice_twice_is_dropped(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    (folder / "again.dcm").write_bytes((folder / "004.dcm").read_bytes())
    volume = load_volume(folder)
    assert np.array_equal(volume.voxels, voxels())
    assert any("repeats" in note for note in volume.notes)


def test_two_slices_at_one_position(tmp_path):
    made = image()
    folder = save_series(made, tmp_path / "s", lambda k: {"0020|0032": text(position(made, min(k, 18)))})
    assert "019.dcm" in refused(folder, "lies at the position of 018.dcm")


def test_a_slice_that_looks_elsewhere_is_named(tmp_path):
    tilted = {"0020|0037": "1\\0\\0\\0\\0.9986\\0.0523"}
    folder = save_series(image(), tmp_path / "s", lambda k: tilted if k == 7 else {})
    refused(folder, "007.dcm.*another ImageOrientationPatient")


@pytest.mark.parametrize(
    ("tag", "value", "name"),
    [
        ((0x20, 0x32), "1\\2", "ImagePositionPatient"),
        ((0x20, 0x32), None, "ImagePositionPatient"),
        ((0x20, 0x37), None, "ImageOrientationPatient"),
        ((0x28, 0x30), None, "PixelSpacing"),
        ((0x28, 0x1052), None, "RescaleIntercept"),
        ((0x28, 0x1053), None, "RescaleSlope"),
    ],
)
def test_missing_elements(tmp_path, tag, value, name):
    folder = save_series(image(), tmp_path / "s")
    (folder / "003.dcm").write_bytes(element((folder / "003.dcm").read_bytes(), tag, value))
    refused(folder, f"003.dcm.*{name}")


def test_mixed_sizes_and_pixel_spacing(tmp_path):
    folder = save_series(image(), tmp_path / "s", keep=lambda k: k != 7)
    save_series(image(voxels((20, 30, 28))), folder, keep=lambda k: k == 7)
    refused(folder, r"007.dcm.*another size \(30, 28\)")
    folder = save_series(image(), tmp_path / "t", keep=lambda k: k != 7)
    save_series(image(spacing=(0.8, 0.95, 1.5)), folder, keep=lambda k: k == 7)
    refused(folder, "007.dcm.*another PixelSpacing")


def test_padding_becomes_air(tmp_path):
    array = voxels()
    array[:, :4] = -2000
    assert (load_volume(save_series(image(array), tmp_path / "s")).voxels[:, :4] == -1000).all()


@pytest.mark.parametrize("modality", ["PT", "MR", "OT"])
def test_other_modalities(tmp_path, modality):
    refused(
        save_series(image(), tmp_path / "s", lambda _: {"0008|0060": modality}), f"modality {modality}|secondary"
    )


def test_monochrome1(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    data = (folder / "002.dcm").read_bytes()
    (folder / "002.dcm").write_bytes(data.replace(b"MONOCHROME2", b"MONOCHROME1"))
    refused(folder, "002.dcm.*MONOCHROME1")


def test_short_pixel_data(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    data = (folder / "002.dcm").read_bytes()
    (folder / "002.dcm").write_bytes(data[:-300])
    refused(folder, "002.dcm")


def test_a_header_that_is_cut(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    data = (folder / "002.dcm").read_bytes()
    (folder / "002.dcm").write_bytes(data[:400])
    refused(folder, "002.dcm")


def test_a_volume_in_one_file_is_multi_frame(tmp_path):
    made = image()
    made.SetMetaData("0008|0060", "CT")
    (tmp_path / "s").mkdir()
    sitk.WriteImage(made, str(tmp_path / "s" / "all.dcm"))
    refused(tmp_path / "s", "all.dcm.*multi-frame|secondary")


@pytest.mark.parametrize(("name", "bad"), [(r"..\..\SECRET", True), (r"IMAGES\IM000001", False)])
def test_dicomdir(tmp_path, name, bad):
    folder = save_series(image(), tmp_path / "s")
    value = name.encode() + b" " * (len(name) % 2)
    record = struct.pack("<HH2sH", 0x0004, 0x1500, b"CS", len(value)) + value
    (folder / "DICOMDIR").write_bytes(bytes(128) + b"DICM" + record + b"\x04\x00\x10\x15")
    if bad:
        refused(folder, "DICOMDIR.*out of its folder")
    else:
        assert np.array_equal(load_volume(folder).voxels, voxels())


def test_the_real_ct_as_a_series_gives_the_same_crops(shared, tmp_path):
    from benchmark.imaging.cropping.crops import crop_at

    source = shared / "data/real_ct/chest_ct_1p5mm.nii.gz"
    if not source.is_file():
        pytest.skip("no real CT")
    folder = save_series(
        sitk.ReadImage(str(source)), tmp_path / "s", name=lambda k: f"{hash(k * 77) % 997:03d}-{k}.dcm"
    )
    nifti, series = load_volume(source), load_volume(folder)
    for centre in [(-40.09, -121.23, 754.92), (64.03, -173.82, 735.52), (-54.07, -180.5, 672.73)]:
        for recipe in ("default", "zhuang2025"):
            difference = crop_at(nifti, centre, recipe).as_int16() - crop_at(series, centre, recipe).as_int16()
            assert np.abs(difference).max() <= 1


def rewrite(folder, k, tag, value):
    path = folder / f"{k:03d}.dcm"
    path.write_bytes(element(path.read_bytes(), tag, value))


@pytest.mark.parametrize("directions", ["0\\0\\0\\0\\0\\0", "1\\0\\0\\1\\0\\0", "2\\0\\0\\0\\2\\0"])
def test_directions_that_span_no_slice(tmp_path, directions):
    folder = save_series(image(), tmp_path / "s")
    for k in range(20):
        rewrite(folder, k, (0x20, 0x37), directions)
    refused(folder, "no usable ImageOrientationPatient")


@pytest.mark.parametrize(
    ("tag", "value", "name"),
    [
        ((0x28, 0x30), "-0.9\\0.8", "PixelSpacing"),
        ((0x28, 0x30), "0\\0", "PixelSpacing"),
        ((0x28, 0x1053), "0", "RescaleSlope"),
    ],
)
def test_numbers_that_no_scan_can_have(tmp_path, tag, value, name):
    folder = save_series(image(), tmp_path / "s")
    rewrite(folder, 4, tag, value)
    assert "004.dcm" in refused(folder, f"no usable {name}")


def test_a_folder_of_scouts(tmp_path):
    folder = save_series(image(), tmp_path / "s", lambda _: {"0008|0008": "ORIGINAL\\PRIMARY\\LOCALIZER"})
    refused(folder, "nothing but scouts")


def test_a_scout_that_is_a_series_of_its_own_is_left_out(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    scout = image(voxels((2, 24, 28)), direction=(1, 0, 0, 0, 0, 1, 0, 1, 0))
    kind = {"0008|0008": "ORIGINAL\\PRIMARY\\LOCALIZER"}
    save_series(scout, folder, lambda _: kind, name=lambda k: f"scout{k}.dcm", uid="1.2.3")
    volume = load_volume(folder)
    assert np.array_equal(volume.voxels, voxels())
    assert any("scout" in note for note in volume.notes)


def test_a_slice_beside_the_others(tmp_path):
    made = image()
    moved = save_series(
        made, tmp_path / "s", lambda k: {"0020|0032": text(np.add(position(made, k), [1.0 * (k == 7), 0, 0]))}
    )
    assert "007.dcm" in refused(moved, "1.00 mm beside the other slices")


def test_pixel_data_shorter_than_the_image(tmp_path):
    # GDCM reads such a file and fills the rest with what it likes
    folder = save_series(image(), tmp_path / "s")
    path = folder / "006.dcm"
    data = path.read_bytes()
    at = data.rindex(b"\xe0\x7f\x10\x00")
    (length,) = struct.unpack_from("<I", data, at + 4)
    assert length == 2 * 24 * 28
    path.write_bytes(data[:at] + struct.pack("<4sI", b"\xe0\x7f\x10\x00", length - 100) + data[at + 8 : -100])
    assert "006.dcm" in refused(folder, "cut short: 1244 of 1344 bytes of pixel data")


@pytest.mark.parametrize(
    ("syntax", "said"),
    [
        ("1.2.840.10008.1.2.4.90", None),
        ("1.2.840.10008.1.2.4.94", "JPIP.*4.94.*cannot be read here — decompress it"),
        ("1.2.840.10008.1.2.4.102", "MPEG video.*4.102.*cannot be read here"),
        ("1.2.840.10008.1.2.4.112", "JPEG XL.*4.112.*cannot be read here"),
        ("1.2.840.10008.1.2.4.205", "JPIP.*4.205.*cannot be read here"),
        ("1.2.840.10008.1.2.4.999", "003.dcm.*cannot be read"),
    ],
)
def test_a_compression_that_cannot_be_undone_is_named(tmp_path, syntax, said):
    folder = save_series(image(), tmp_path / "s", compressed=True)
    path = folder / "003.dcm"
    path.write_bytes(with_syntax(path.read_bytes(), syntax))
    if said is None:  # GDCM writes reversible JPEG 2000, and it is one of those that it reads
        assert np.array_equal(load_volume(folder).voxels, voxels())
    else:
        assert "003.dcm" in refused(folder, said)


def with_syntax(data, uid):
    """The bytes of a file that says another transfer syntax; the length of its head is that of PS3.10."""
    value = uid.encode() + b"\0" * (len(uid) % 2)
    at = data.index(b"\x02\x00\x10\x00UI") + 6
    (length,) = struct.unpack_from("<H", data, at)
    head = data.index(b"\x02\x00\x00\x00UL\x04\x00") + 8
    (total,) = struct.unpack_from("<I", data, head)
    grown = struct.pack("<I", total + len(value) - length)
    return (
        data[:head] + grown + data[head + 4 : at] + struct.pack("<H", len(value)) + value + data[at + 2 + length :]
    )


@pytest.mark.parametrize("depth", [101, 30_000])
def test_sequences_within_sequences(tmp_path, depth):
    # at some thousands of them GDCM's recursion ends in a segmentation fault
    folder = save_series(image(), tmp_path / "s")
    path = folder / "003.dcm"
    data = path.read_bytes()
    at = data.rindex(b"\xe0\x7f\x10\x00")
    opening = struct.pack("<HHIHHI", 0x40, 0x275, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    closing = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    path.write_bytes(data[:at] + opening * depth + closing * depth + data[at:])
    assert "003.dcm" in refused(folder, "more than 100 sequences")
    path.write_bytes(data[:at] + opening * 3 + closing * 3 + data[at:])
    assert np.array_equal(load_volume(folder).voxels, voxels())


def test_reasons_are_the_same_each_time(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    data = (folder / "003.dcm").read_bytes()
    (folder / "003.dcm").write_bytes(data[:300])
    assert "0x" not in refused(folder, r"is to hold \d+ bytes, \d are left")
    (folder / "003.dcm").write_bytes(us(data, (0x28, 0x10), 0))
    assert "0x" not in refused(folder, "cannot be read")


def us(data, tag, value):
    """The bytes of an implicit-VR file with a 16-bit number replaced."""
    at = data.index(struct.pack("<HHI", *tag, 2)) + 8
    return data[:at] + struct.pack("<H", value) + data[at + 2 :]


@pytest.mark.parametrize(
    ("tag", "value", "what"),
    [
        ((0x28, 0x10), 23, "holds 1344 bytes of pixel data, 23 rows of 28 pixels take 1288"),
        ((0x28, 0x11), 27, "holds 1344 bytes of pixel data, 24 rows of 27 pixels take 1296"),
        ((0x28, 0x11), 29, "is cut short: 1344 of 1392"),
        ((0x28, 0x100), 12, "12 BitsAllocated"),
        ((0x28, 0x103), 2, "PixelRepresentation 2"),
        ((0x28, 0x103), 65535, "PixelRepresentation 65535"),
    ],
)
def test_pixels_that_are_not_those_of_the_header_are_refused(tmp_path, tag, value, what):
    folder = save_series(image(), tmp_path / "s")
    for path in folder.iterdir():
        path.write_bytes(us(path.read_bytes(), tag, value))
    refused(folder, what)


def test_padding_after_the_pixels_is_none_of_them(tmp_path):
    folder = save_series(image(), tmp_path / "s")
    for path in folder.iterdir():
        data = path.read_bytes()
        at = data.index(struct.pack("<HHI", 0x7FE0, 0x10, 1344))
        path.write_bytes(data[: at + 4] + struct.pack("<I", 1346) + data[at + 8 : at + 8 + 1344] + bytes(2))
    assert np.array_equal(load_volume(folder).voxels, voxels())


@pytest.mark.parametrize("value", ["0", "0.0", "-0", "nan", "abc", "-1.5", "9", "1e-9", ""])
def test_the_distance_of_slices_is_never_the_headers(tmp_path, value):
    folder = save_series(image(), tmp_path / "s", lambda _: {"0018|0088": "1.5"})
    for k in range(20):
        rewrite(folder, k, (0x18, 0x88), value)
    volume = load_volume(folder)
    assert np.array_equal(volume.voxels, voxels())
    assert volume.grid.spacing == pytest.approx((0.8, 0.9, 1.5))


@pytest.mark.parametrize("shift", [0.75, 0.0, 0.4])
@pytest.mark.parametrize(("tag", "name"), [("0020|0012", "AcquisitionNumber"), ("0018|1210", "ConvolutionKernel")])
def test_two_stacks_in_one_series_are_listed(tmp_path, shift, tag, name):
    folder = save_series(image(), tmp_path / "s", lambda _: {tag: "1"})
    other = image(voxels(seed=1), origin=(-20.0, 12.5, -101.25 + shift))
    save_series(other, folder, lambda _: {tag: "2"}, name=lambda k: f"b{k:03d}.dcm")
    said = refused(folder, f"holds 2 stacks in one series, by {name}")
    assert "1: 20 files, 000.dcm to 019.dcm" in said
    assert "2: 20 files, b000.dcm to b019.dcm" in said


def test_padding_at_the_edge_is_not_inside(tmp_path):
    array = voxels()
    array[:, :4] = -2000
    array[:, :, 25:] = -2000
    assert not any("padding" in note for note in load_volume(save_series(image(array), tmp_path / "s")).notes)
    array[3, 10, 10] = -2000
    notes = load_volume(save_series(image(array), tmp_path / "t")).notes
    assert any(note.startswith("1 padding voxels inside the body") for note in notes)
