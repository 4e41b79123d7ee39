"""Scans that reach out, lie about themselves or end their reader: one failure each, in the same words."""

from __future__ import annotations

import gzip
import os
import struct
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from benchmark.cohorts import masks
from benchmark.cohorts.check import check_images
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.errors import InputError
from benchmark.imaging.cropping import workers as workers_of_crops
from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.scans import scan_hash, scan_limits, simple_itk
from benchmark.imaging.scans.dicom_tree import read_tree
from benchmark.imaging.volume import load_volume, load_volume_apart
from benchmark.work import TaskLimits
from tests.imaging.scan_files import image, patched, save, save_series, voxels

SHARED = Path(__file__).resolve().parents[3] / "shared" / "faults" / "security"
CENTRE = (5.0, 5.0, 5.0)


def ct(seed: int = 0) -> sitk.Image:
    return image(voxels((24, 24, 24), seed), spacing=(3.0, 3.0, 3.0), origin=(-30.0, -30.0, -30.0))


def cohort_of(names: list[str], root: Path, folder: Path) -> Cohort:
    table = pd.DataFrame([(name, "1", name, *CENTRE) for name in names])
    table.columns = pd.Index(["pid", "nodule_id", "image_path", "coordX", "coordY", "coordZ"])
    table["malignant"] = pd.array([row % 2 for row in range(len(names))], dtype="Int8")
    return write_cohort(folder / "c", CohortManifest(name="c", title="c", image_root=str(root)), table)


def reasons(names: list[str], root: Path, folder: Path, workers: int = 0) -> dict[str, str]:
    """Why each image fails, the same from crop and check; empty if it does not."""
    cohort = cohort_of(names, root, folder)
    store = crop_cohort(cohort.nodules, cohort.image_root, folder / "store", workers=workers)
    crop = dict(zip(store.index["pid"], store.index["reason"], strict=True))
    found, _ = check_images(cohort, workers=workers)
    check = dict.fromkeys(names, "")
    check |= {f.pid: str(f).removeprefix(f"{f.pid} nodule 1 — ") for f in found if f.severity == "case"}
    assert check == crop
    return crop


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    save(ct(), folder / "a.mha")
    save(ct(), folder / "b.mhd")
    return folder


@pytest.fixture
def no_itk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A SimpleITK that may not be asked for anything."""

    def refuse(self: object, name: str) -> None:
        raise AssertionError(f"SimpleITK.{name} saw the file")

    monkeypatch.setattr(simple_itk._SimpleItk, "__getattr__", refuse)


@pytest.mark.parametrize("value", ["-1", "0", "100", "200", "1000000", "2147483647", "4", "3 3", "x", ""])
@pytest.mark.usefixtures("no_itk")
def test_dimensions_are_checked_before_itk_sees_the_file(root: Path, value: str) -> None:
    text = (root / "b.mhd").read_text()
    (root / "c.mhd").write_text(text.replace("NDims = 3", f"NDims = {value}"))
    with pytest.raises(InputError, match=f"has the NDims '{value}' — a 3-D scan is needed"):
        load_volume(root / "c.mhd")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("DimSize = 24 24 24", "DimSize = -1 24 24", "has the DimSize '-1 24 24'"),
        ("DimSize = 24 24 24", "DimSize = 24 24", "has the DimSize '24 24'"),
        ("DimSize = 24 24 24", "DimSize = 100000 100000 100000", "1000000000000000|100000 x 100000 x 100000"),
        ("MET_SHORT", "MET_STRING", "type 'MET_STRING'"),
        ("NDims = 3", "NDims = 3\nNDims = 100", "says twice what its NDims is: '3' and '100'"),
        ("NDims = 3", "NDims = 3\nNDims : -1", "not 'key = value': 'NDims : -1'"),
        ("BinaryData = True", "BinaryData = False", "BinaryData 'False'"),
        ("ObjectType = Image", "ObjectType = Tube", "ObjectType 'Tube'"),
        ("NDims = 3", "NDims = 3\nElementToIntensityFunctionSlope = 2", "ElementToIntensityFunctionSlope '2'"),
        ("TransformMatrix = 1 0 0", "TransformMatrix = 1 0", "9 numbers are needed"),
        ("NDims = 3", "NDims = 3\nHeaderSize = -5", "HeaderSize '-5'"),
    ],
)
@pytest.mark.usefixtures("no_itk")
def test_a_metaimage_that_itk_must_not_see(root: Path, old: str, new: str, message: str) -> None:
    text = (root / "b.mhd").read_text()
    assert old in text
    (root / "c.mhd").write_text(text.replace(old, new))
    with pytest.raises(InputError, match=message):
        load_volume(root / "c.mhd")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("encoding: raw", "encoding: ascii", "encoding 'ascii' — write it with the encoding raw or gzip"),
        ("encoding: raw", "encoding: hex", "encoding 'hex'"),
        ("dimension: 3", "dimension: -1", "dimension '-1'"),
        ("sizes: 24 24 24", "sizes: 24 -24 24", "sizes '24 -24 24'"),
        ("type: short", "type: block", "type 'block'"),
        ("left-posterior-superior", "scanner-xyz", "space 'scanner-xyz' — write it in left-posterior-superior"),
        ("left-posterior-superior", "left-posterior-superior-time", "lies in the space"),
        ("left-posterior-superior", "3D-right-handed", "lies in the space"),
        ("space origin: (-30,-30,-30)", "space origin: (nan,-30,-30)", "space origin"),
        ("space origin: (-30,-30,-30)", "space origin: (1e30,-30,-30)", "1e.30 mm from the origin of its frame"),
        ("endian: little", 'endian: little\nspace units: "m" "m" "m"', "gives its spacing in m"),
    ],
)
def test_an_nrrd_that_is_refused(root: Path, old: str, new: str, message: str) -> None:
    path = save(ct(), root / "a.nrrd")
    data = path.read_bytes()
    assert old.encode() in data
    path.write_bytes(data.replace(old.encode(), new.encode(), 1))
    with pytest.raises(InputError, match=message):
        load_volume(path)


@pytest.mark.parametrize(
    ("space", "signs"), [("LAS", (1, -1, 1)), ("right-anterior-superior", (-1, -1, 1)), ("LPS", (1, 1, 1))]
)
def test_the_three_spaces_of_nrrd_become_lps(root: Path, space: str, signs: tuple[int, ...]) -> None:
    path = save(ct(), root / "a.nrrd")
    path.write_bytes(path.read_bytes().replace(b"left-posterior-superior", space.encode()))
    grid = load_volume(path).grid
    assert grid.origin.tolist() == [-30.0 * sign for sign in signs]
    assert np.array_equal(grid.matrix, np.diag([3.0 * sign for sign in signs]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([(112, "f", -1.0)], "scl_slope -1: its bright voxels would be dark"),
        ([(268, "f", float("nan"))], "sform and qform disagree"),
        ([(268, "f", 28.0)], "by up to 0.667 voxels"),
        ([(268, "f", 1e30), (292, "f", 1e30)], "mm from the origin of its frame|disagree"),
        ([(292, "f", 1e30), (252, "h", 0)], "mm from the origin of its frame"),
        # a rotation by 3 degrees about the first voxel, which stays: the far corners part
        ([(264, "f", 0.99966)], "disagree about where the scan lies, by up to 1.2"),
    ],
)
def test_a_nifti_whose_place_or_values_are_in_doubt(
    root: Path, changes: list[tuple[int, str, object]], message: str
) -> None:
    save(ct(), root / "a.nii.gz")
    with pytest.raises(InputError, match=message):
        load_volume(patched(root / "a.nii.gz", root / "b.nii", *changes))


def test_a_negative_rescale_slope_is_refused(root: Path) -> None:
    save_series(ct(), root / "s")
    for file in (root / "s").iterdir():
        data = file.read_bytes()
        at = data.index(b"\x28\x00\x53\x10")
        (length,) = struct.unpack_from("<I", data, at + 4)
        file.write_bytes(data[: at + 4] + struct.pack("<I", 2) + b"-1" + data[at + 8 + length :])
    with pytest.raises(InputError, match=r"no usable RescaleSlope \(-1\)"):
        load_volume(root / "s")


@pytest.mark.parametrize("place", [b"\x28\x00\x10\x00", b"\xe0\x7f\x10\x00"])
def test_a_dicom_element_longer_than_its_file_takes_no_memory(root: Path, place: bytes) -> None:
    save_series(ct(), root / "s")
    file = root / "s" / "003.dcm"
    data = file.read_bytes()
    at = data.index(place)
    file.write_bytes(data[:at] + struct.pack("<HHI", 0x27, 0x1010, 2_900_000_000) + data[at:])
    with pytest.raises(InputError, match=r"\(0027,1010\) is to hold 2900000000 bytes, \d+ are left"):
        load_volume(root / "s")


def test_what_leads_out_of_the_image_root_is_refused_and_what_stays_in_it_is_not(
    root: Path, tmp_path: Path
) -> None:
    elsewhere = save(ct(), tmp_path / "other.mha")
    save(ct(), tmp_path / "far.mhd")
    (root / "sub").mkdir()
    (root / "out.mha").symlink_to(elsewhere)
    (root / "in.mha").symlink_to("a.mha")
    (root / "folder").symlink_to(tmp_path)
    for name, target in (("far.raw", tmp_path / "far.raw"), ("near.raw", "../b.raw")):
        place = root / "sub" / name
        place.symlink_to(target)
        (root / "sub" / name).with_suffix(".mhd").write_text((root / "b.mhd").read_text().replace("b.raw", name))
    save_series(ct(), root / "series")
    (root / "series" / "z.dcm").symlink_to(save_series(ct(1), tmp_path / "t") / "001.dcm")
    save_series(ct(), root / "linked")
    (root / "linked" / "003.dcm").rename(root / "003.dcm")
    (root / "linked" / "003.dcm").symlink_to("../003.dcm")
    names = ["a.mha", "in.mha", "out.mha", "folder/other.mha", "sub/far.mhd", "sub/near.mhd", "series", "linked"]
    said = reasons(names, root, tmp_path)
    assert {name for name, reason in said.items() if not reason} == {"a.mha", "in.mha", "sub/near.mhd", "linked"}
    assert "is a link that leads out of the image root" in said["out.mha"]
    assert "is a link that leads out of the image root" in said["folder/other.mha"]
    assert "names a data file that is a link out of its folder" in said["sub/far.mhd"]
    assert "series/z.dcm — is a link that leads out of its folder" in said["series"]
    # alone, a scan's folder is what nothing may lead out of
    with pytest.raises(InputError, match="leads out of its folder"):
        load_volume(root / "linked")


def test_only_files_are_opened(root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "pipe.mha")
    os.mkfifo(root / "b2.raw")
    (root / "b2.mhd").write_text((root / "b.mhd").read_text().replace("b.raw", "b2.raw"))
    (root / "zero.mha").symlink_to("/dev/zero")
    save_series(ct(), root / "series")
    os.mkfifo(root / "series" / "pipe")
    said = reasons(["pipe.mha", "b2.mhd", "zero.mha", "series"], root, tmp_path)
    assert said["pipe.mha"] == "pipe.mha — is a named pipe, not a file — give a file or a folder of slices"
    assert "is not there" in said["b2.mhd"]
    assert "leads out of the image root" in said["zero.mha"]
    assert said["series"] == ""  # a stray pipe is ignored, as other stray files are
    if sys.platform == "linux":
        with pytest.raises(InputError, match="is a device, not a file"):
            load_volume("/dev/zero")
        with pytest.raises(InputError, match="is a file of /proc"):
            load_volume("/proc/self/status")


@pytest.mark.parametrize("name", ["b.mhd", "a.nii", "a.nii.gz", "series"])
def test_a_scan_that_was_replaced_is_cropped_anew(root: Path, tmp_path: Path, name: str) -> None:
    """The new one has the name, the size and the time of the old; the bgzip file ends with an empty member."""

    def write(seed: int) -> None:
        target = root / name
        if name == "series" and target.is_dir():
            # only the pixels: SimpleITK draws UIDs, whose lengths differ
            for file, plane in zip(sorted(target.iterdir()), voxels((24, 24, 24), seed), strict=True):
                file.write_bytes(file.read_bytes()[: -plane.nbytes] + plane.tobytes())
        elif name == "series":
            save_series(ct(seed), target)
        else:
            save(ct(seed), target if name != "a.nii.gz" else root / "a.nii")
        if name == "a.nii.gz":
            # not compressed: two scans of one length; the last member is empty, as bgzip writes it
            whole = (root / "a.nii").read_bytes()
            target.write_bytes(gzip.compress(whole, 0, mtime=0) + gzip.compress(b"", 0, mtime=0))
        for file in [root / "b.raw", *root.rglob("*")]:
            os.utime(file, (1_700_000_000, 1_700_000_000))

    write(1)
    before = {file: file.stat().st_size for file in root.rglob("*")}
    cohort = cohort_of([name], root, tmp_path)
    old = crop_cohort(cohort.nodules, cohort.image_root, tmp_path / "store").crops([0])
    write(2)
    assert {file: file.stat().st_size for file in root.rglob("*")} == before
    new = crop_cohort(cohort.nodules, cohort.image_root, tmp_path / "store").crops([0])
    expected = crop_cohort(cohort.nodules, cohort.image_root, tmp_path / "fresh").crops([0])
    assert np.array_equal(new, expected)
    assert not np.array_equal(new, old)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("number", "words"), [(9, "died (status -9)"), (11, "died (status -11)")])
def test_a_reader_that_dies_is_one_scans_failure_with_any_number_of_workers(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, number: int, words: str
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import os, sys\n"
        "def hook(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('bad.mha'):\n"
        f"        os.kill(os.getpid(), {number})\n"
        "sys.addaudithook(hook)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (root / "bad.mha").write_bytes((root / "a.mha").read_bytes())
    said = reasons(["a.mha", "bad.mha", "b.mhd"], root, tmp_path, workers)
    assert said["a.mha"] == said["b.mhd"] == ""
    assert said["bad.mha"] == f"bad.mha — the process that read it {words} — the file may be corrupt"


@pytest.mark.slow
def test_a_reader_that_dies_in_prepare_is_one_files_failure(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import os, sys\n"
        "def hook(event, args):\n"
        "    if event == 'open' and 'bad' in str(args[0]):\n"
        "        os.kill(os.getpid(), 11)\n"
        "sys.addaudithook(hook)\n"
    )
    save_series(ct(), root / "series")
    (root / "series" / "007.dcm").rename(root / "series" / "007bad.dcm")
    (root / "masks").mkdir()
    for name in ("good.mha", "bad.mha"):
        save(sitk.Cast(ct() > 300, sitk.sitkInt16), root / "masks" / name)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    tree = read_tree(root / "series")
    assert [len(slices) for slices in tree.series.values()] == [23]
    assert [str(problem) for problem in tree.problems] == [
        f"{root}/series/007bad.dcm — the process that read it died (status -11) — the file may be corrupt"
    ]
    with pytest.raises(
        InputError, match=r"^\S+masks/bad.mha — the process that read it died \(status -11\)[^\n]*$"
    ):
        masks.prepare([root / "masks"])
    with pytest.raises(InputError, match=r"bad.mha — the process that read it died \(status -11\)"):
        load_volume_apart(root / "masks" / "bad.mha")
    assert np.array_equal(load_volume_apart(root / "a.mha").voxels, voxels((24, 24, 24)))


@pytest.mark.skipif(sys.platform != "linux", reason="the system limits no memory")
@pytest.mark.slow
def test_a_scan_that_claims_gigabytes_fails_for_want_of_memory(root: Path, tmp_path: Path) -> None:
    head = (root / "b.mhd").read_text().replace("24 24 24", "1000 1000 1000").replace("b.raw", "LOCAL")
    (root / "holes.mha").write_text(head)
    os.truncate(root / "holes.mha", len(head) + 2 * 10**9)  # no block of it is on the disk
    said = reasons(["a.mha", "holes.mha"], root, tmp_path)
    assert said["a.mha"] == ""
    assert said["holes.mha"].startswith("holes.mha — needs more than 1.5 GB of memory to be read")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes cannot be watched")
@pytest.mark.slow
def test_a_scan_whose_disk_does_not_answer_is_that_scans_failure(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file system's stand-in: whoever opens the scan sleeps, in the reading process and in this one."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import sys, time\n"
        "def hook(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('gone.mha'):\n"
        "        time.sleep(600)\n"
        "sys.addaudithook(hook)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (root / "gone.mha").write_bytes((root / "a.mha").read_bytes())
    released = threading.Event()
    sums, limits = scan_hash._sums, scan_limits.scan_limits

    def hasty(path: Path) -> TaskLimits:
        return replace(limits(path), waiting=0.2) if path.name == "gone.mha" else limits(path)

    def blocked(file: Path) -> str:
        return sums(file) if file.name != "gone.mha" else str(released.wait(600))

    monkeypatch.setattr(scan_hash, "_sums", blocked)
    for module in (scan_hash, workers_of_crops):
        monkeypatch.setattr(module, "scan_limits", hasty)
    said = reasons(["a.mha", "gone.mha", "b.mhd"], root, tmp_path)
    released.set()
    assert said["a.mha"] == said["b.mhd"] == ""
    assert said["gone.mha"].startswith(
        "gone.mha — waits for more than 1.8 s to be read — does its disk or server answer?"
    )


@pytest.mark.skipif(os.name == "nt", reason="no links")
def test_a_path_that_cannot_be_opened_is_that_scans_failure(root: Path, tmp_path: Path) -> None:
    """Too long for a name or a path, a loop of links, a file taken for a folder, a folder without slices."""
    (root / "folder.nii.gz").mkdir()
    for one, other in (("one", "other"), ("other", "one")):
        (root / one).symlink_to(other)
    (root / "series").mkdir()
    (root / "series" / "again").symlink_to("../series")
    long = "cannot be looked at: File name too long"
    expected = {
        "a.mha": "",
        "x" * 256: long,
        "é" * 200: long,  # 400 bytes
        "x" * 100_000: long,
        "/".join(["y" * 200] * 30): long,  # each name is short enough, all together are not
        "folder.nii.gz/" + "x" * 256: long,
        "one": "cannot be looked at: Too many levels of symbolic links",
        "one/a.mha": "cannot be looked at: Too many levels of symbolic links",
        "folder.nii.gz": "folder.nii.gz — 0 of 0 files are DICOM",
        "series/again/again": "series/again/again — 0 of 0 files are DICOM",
        "a.mha/a.mha": "a.mha/a.mha — no such file",
        "a.mha/" + "x" * 256: " — no such file",
        "a**b.mhd": "a**b.mhd — no such file",
        "[b.nhdr": "[b.nhdr — no such file",
        "b.mhd": "",
    }
    said = reasons(list(expected), root, tmp_path)
    assert [name for name, why in expected.items() if why not in said[name] or (said[name] and not why)] == []
    assert max(map(len, said.values())) < 2500  # a reason stays one that can be read


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared")
def test_the_files_of_the_issue(tmp_path: Path) -> None:
    said = reasons(["mhd_ndims/min.mhd", "nrrd_ascii/a.nrrd"], SHARED, tmp_path)
    assert "has the NDims '-1'" in said["mhd_ndims/min.mhd"]
    assert "has the encoding 'ascii'" in said["nrrd_ascii/a.nrrd"]
