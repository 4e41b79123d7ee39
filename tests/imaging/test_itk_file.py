import zlib

import numpy as np
import pytest
import SimpleITK as sitk

from benchmark.errors import InputError
from benchmark.imaging.volume import ReadOptions, load_volume

from .scan_files import image, save, voxels


def header(path):
    return path.read_text(encoding="latin-1")


def rewritten(path, old, new):
    text = header(path)
    assert old in text
    path.write_text(text.replace(old, new), encoding="latin-1")
    return path


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.99])
def test_truncated_files_name_themselves(tmp_path, name, compressed, share):
    sitk.WriteImage(image(), str(tmp_path / name), compressed)
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(len(data) * share)])
    with pytest.raises(InputError, match=name):
        load_volume(tmp_path / name)


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
def test_compressed_files_are_read(tmp_path, name):
    sitk.WriteImage(image(), str(tmp_path / name), True)
    assert np.array_equal(load_volume(tmp_path / name).voxels, voxels())


def test_missing_raw_file(tmp_path):
    path = save(image(), tmp_path / "a.mhd")
    (tmp_path / "a.raw").unlink()
    with pytest.raises(InputError, match=r"a\.mhd 'a\.raw' — names a data file that is not there"):
        load_volume(path)


@pytest.mark.parametrize("target", ["../a.raw", "/etc/hostname"])
def test_raw_file_elsewhere_is_refused(tmp_path, target):
    path = rewritten(save(image(), tmp_path / "a.mhd"), "= a.raw", f"= {target}")
    with pytest.raises(InputError, match="outside its folder"):
        load_volume(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("DimSize = 28 24 20", "DimSize = 28 24 40", "26880 of 53760 bytes"),
        ("DimSize = 28 24 20", "DimSize = 28 24 10", "26880 of 13440 bytes"),
        ("MET_SHORT", "MET_FLOAT", "26880 of 53760 bytes"),
        ("ElementNumberOfChannels", "ElementNumberOfChannels", None),
    ],
)
def test_headers_that_do_not_fit_the_data(tmp_path, old, new, message):
    path = save(image(), tmp_path / "a.mhd")
    if message is None:
        path.write_text(header(path).replace("ElementType", "ElementNumberOfChannels = 2\nElementType"))
        message = "vector|bytes"
    else:
        rewritten(path, old, new)
    with pytest.raises(InputError, match=message):
        load_volume(path)


@pytest.mark.parametrize("compressed", [True, False])
def test_wrong_byte_order_is_no_hu(tmp_path, compressed):
    sitk.WriteImage(image(), str(tmp_path / "a.mhd"), compressed)
    path = rewritten(tmp_path / "a.mhd", "BinaryDataByteOrderMSB = False", "BinaryDataByteOrderMSB = True")
    # swapped bytes are some int16 too, but they fill its whole range
    with pytest.raises(InputError, match="not CT HU — check the byte order"):
        load_volume(path)
    data = tmp_path / ("a.zraw" if compressed else "a.raw")
    swapped = voxels().astype(">i2").tobytes()
    data.write_bytes(zlib.compress(swapped) if compressed else swapped)
    lines = [line for line in header(path).splitlines() if not line.startswith("CompressedDataSize")]
    path.write_text("\n".join(lines) + "\n")
    assert np.array_equal(load_volume(path).voxels, voxels())


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
@pytest.mark.parametrize("place", [0.5, 0.9, -2])
def test_damaged_compressed_data_are_refused(tmp_path, name, place):
    # SimpleITK hands out a volume all the same, of whatever could be inflated and of what was in memory
    sitk.WriteImage(image(), str(tmp_path / name), True)
    data = bytearray((tmp_path / name).read_bytes())
    data[int(place * len(data)) if place > 0 else place] ^= 0x5A
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=f"{name}.*(corrupt|cut short|not fit)"):
        load_volume(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "key", "old", "new", "message"),
    [
        ("a.mha", b"DimSize", b"28 24 20", b"28 24 21", "26880 of 28224 bytes"),
        ("a.mha", b"DimSize", b"28 24 20", b"27 24 20", "does not fit its header: 26880 of 25920"),
        ("a.nrrd", b"sizes", b"28 24 20", b"28 24 21", "26880 of 28224 bytes"),
        ("a.nrrd", b"sizes", b"28 24 20", b"27 24 20", "does not fit its header: 26880 of 25920"),
    ],
)
def test_compressed_data_that_do_not_fit_the_header(tmp_path, name, key, old, new, message):
    sitk.WriteImage(image(), str(tmp_path / name), True)
    data = (tmp_path / name).read_bytes()
    assert old in data[data.index(key) :]
    (tmp_path / name).write_bytes(data.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        load_volume(tmp_path / name)


def test_a_cut_raw_file_whose_packed_size_is_not_stated(tmp_path):
    sitk.WriteImage(image(), str(tmp_path / "a.mhd"), True)
    path = tmp_path / "a.mhd"
    lines = [line for line in header(path).splitlines() if not line.startswith("CompressedDataSize")]
    path.write_text("\n".join(lines) + "\n")
    data = (tmp_path / "a.zraw").read_bytes()
    (tmp_path / "a.zraw").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a\.zraw — is cut short: \d+ of 26880 bytes"):
        load_volume(path)


@pytest.mark.parametrize("name", ["a.nrrd", "a.nhdr"])
def test_nrrd_data_longer_than_the_header_says(tmp_path, name):
    path = save(image(), tmp_path / name)
    path.write_bytes(path.read_bytes().replace(b"28 24 20", b"27 24 20"))
    with pytest.raises(InputError, match="does not fit its header: 26880 of 25920"):
        load_volume(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("ElementSpacing = 0.8", "ElementSpacing = -0.8", "negative spacing"),
        ("ElementSpacing", "Comment", r"nothing about its orientation \(no ElementSpacing\)"),
        ("Offset", "Comment", r"\(no Offset\)"),
        ("ElementSpacing = 0.8 0.9 1.5", "ElementSpacing = 0.0008 0.0009 0.0015", "are these metres"),
        ("ElementDataFile = a.raw", "HeaderSize = 10\nElementDataFile = a.raw", "26870 of 26880 bytes"),
        ("ElementDataFile = a.raw", "Comment = none", "names no data file"),
    ],
)
def test_headers_that_leave_something_out(tmp_path, old, new, message):
    path = save(image(), tmp_path / "a.mhd")
    text = header(path).replace("0.80000000000000004 0.90000000000000002", "0.8 0.9")
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_volume(rewritten(path, old, new))


@pytest.mark.parametrize("line", ["DATA FILE: ../a.raw", "data file: LIST\n../a.raw", "data file: /a.raw"])
def test_nrrd_headers_reach_no_other_folder(tmp_path, line):
    folder = tmp_path / "s"
    folder.mkdir()
    path = save(image(), folder / "a.nhdr")
    (folder / "a.raw").rename(tmp_path / "a.raw")
    text = header(path).replace("encoding: raw", "encoding: gzip")
    path.write_text(text.replace("data file: a.raw", line))
    with pytest.raises(InputError, match=r"outside its folder|many files"):
        load_volume(path)


def test_nrrd_of_no_named_space(tmp_path):
    path = save(image(), tmp_path / "a.nrrd")
    path.write_bytes(path.read_bytes().replace(b"space: left-posterior-superior", b"space dimension: 3"))
    with pytest.raises(InputError, match=r"\(no space\)"):
        load_volume(path)


def test_a_raw_file_named_by_its_whole_path_is_refused(tmp_path):
    path = save(image(), tmp_path / "a.mhd")
    with pytest.raises(InputError, match="outside its folder"):
        load_volume(rewritten(path, "= a.raw", f"= {tmp_path / 'a.raw'}"))


def test_reasons_hold_no_address_in_memory(tmp_path):
    path = save(image(), tmp_path / "a.nrrd")
    path.write_bytes(path.read_bytes().replace(b"kinds: domain", b"kinds: vector"))
    with pytest.raises(InputError) as caught:
        load_volume(path)
    assert "0x" not in str(caught.value)


def test_orientation_must_be_given(tmp_path):
    path = save(image(), tmp_path / "a.mhd")
    lines = [line for line in header(path).splitlines() if not line.startswith(("TransformMatrix", "Offset"))]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match="--assume-orientation"):
        load_volume(path)
    assert load_volume(path, ReadOptions(assume_orientation=True)).grid.origin.tolist() == [0, 0, 0]


def test_other_shapes_and_kinds(tmp_path):
    flat = sitk.GetImageFromArray(voxels()[0])
    with pytest.raises(InputError, match="3-D"):
        load_volume(save(flat, tmp_path / "flat.mha"))
    colour = sitk.GetImageFromArray(np.zeros((4, 5, 6, 3), np.int16), isVector=True)
    with pytest.raises(InputError, match="vector"):
        load_volume(save(colour, tmp_path / "colour.mha"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Position = -20 12.5 -81.25", "Offset = -20 12.5 -101.25 and Position = -20 12.5 -81.25"),
        ("Orientation = -1 0 0 0 -1 0 0 0 1", "TransformMatrix = 1 0 0 0 1 0 0 0 1 and Orientation = -1"),
    ],
)
def test_a_metaimage_that_gives_two_geometries_is_refused_with_both(tmp_path, line, said):
    path = save(image(), tmp_path / "a.mhd")
    text = path.read_text()
    # the same said twice is no contradiction
    path.write_text(text.replace("CenterOfRotation", "Position = -20.0 12.50 -101.25\nCenterOfRotation"))
    load_volume(path)
    path.write_text(text.replace("CenterOfRotation", f"{line}\nCenterOfRotation"))
    with pytest.raises(InputError, match="says twice where its voxels lie") as caught:
        load_volume(path)
    assert said in str(caught.value)


@pytest.mark.parametrize("matrix", ["2 0 0 0 2 0 0 0 2", "1 0 0 0 1 0 0 0 0.5"])
def test_a_metaimage_whose_directions_are_no_unit_vectors_is_refused(tmp_path, matrix):
    # ITK reports the spacing 0.8 and places voxels twice as far apart
    path = save(image(), tmp_path / "a.mhd")
    text = path.read_text()
    assert "TransformMatrix = 1 0 0 0 1 0 0 0 1" in text
    path.write_text(text.replace("TransformMatrix = 1 0 0 0 1 0 0 0 1", f"TransformMatrix = {matrix}"))
    with pytest.raises(InputError, match=r"TransformMatrix.*unit vectors"):
        load_volume(path)
