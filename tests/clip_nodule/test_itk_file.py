import numpy as np
import pytest
import SimpleITK as sitk

from benchmark.errors import InputError
from clip_nodule.volume import ReadOptions, load_volume

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


def test_wrong_byte_order_is_no_hu(tmp_path):
    path = rewritten(
        save(image(), tmp_path / "a.mhd"), "BinaryDataByteOrderMSB = False", "BinaryDataByteOrderMSB = True"
    )
    # swapped bytes are some int16 too; what matters is that ITK's reading of the header is followed
    assert np.array_equal(load_volume(path).voxels, sitk.GetArrayFromImage(sitk.ReadImage(str(path))))


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
