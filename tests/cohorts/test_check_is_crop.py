"""One file gets one answer: ``cohort check --images`` accepts what ``crop`` accepts, in its words."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from benchmark.cohorts import masks
from benchmark.cohorts.check import check_images
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.errors import InputError
from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.scans.scan import ReadOptions
from tests.imaging.scan_files import OBLIQUE, image, patched, save, save_series, voxels

SPACING = (1.5, 1.5, 2.0)
GOOD = {
    "a.nii.gz", "a.nii", "a.mha", "packed.mha", "a.mhd", "a.nrrd", "packed.nrrd", "oblique.nii.gz", "series",
    "slope.nii.gz", "scout", "stray", "far_nan.nii", "crc_far.nii.gz", "late.nii.gz",
}  # fmt: skip
"""Images of ``write_images`` of which a nodule in the middle can be cropped."""


def ct(array: np.ndarray | None = None, **fields: object) -> sitk.Image:
    return image(voxels((40, 40, 40)) if array is None else array, spacing=SPACING, **fields)


def write_files(root: Path) -> None:
    """Good and bad files of NIfTI, MetaImage and NRRD."""
    for name in ("a.nii.gz", "a.nii", "a.mha", "a.mhd", "a.nrrd"):
        save(ct(), root / name)
    for name in ("packed.mha", "packed.nrrd"):
        sitk.WriteImage(ct(), str(root / name), useCompression=True)
    save(ct(direction=OBLIQUE), root / "oblique.nii.gz")
    for name, changes in {
        "slope.nii.gz": [(112, "f", 0.0)],
        "apart.nii.gz": [(276, "f", 30.0)],
        "silent.nii.gz": [(252, "2h", (0, 0))],
        "axes.nii": [(280, "f", 1.5)],
        "metres.nii.gz": [(123, "B", 1)],
        "rgb.nii": [(70, "h", 128)],
        "four.nii": [(40, "8h", (4, 40, 40, 20, 2, 1, 1, 1))],
        "long.nii.gz": [(40, "8h", (3, 40, 40, 41, 1, 1, 1, 1))],
        "scale.nii.gz": [(112, "f", 3.0)],
    }.items():
        patched(root / "a.nii.gz", root / name, *changes)
    whole = voxels((40, 40, 40))
    for name, array in {
        "window.nii.gz": whole.clip(-160, 240),
        "stored.mha": whole + 1024,
        "bytes.nrrd": (whole.clip(-1000, 500) / 6 + 170).astype(np.uint8),
        "flat.nii.gz": np.full_like(whole, -1000),
        "nan.mha": np.where(whole > 300, np.nan, whole).astype(np.float32),
        "slice.nii.gz": whole[:1],
    }.items():
        save(ct(array), root / name)
    tall = voxels((240, 40, 40)).astype(np.float32)
    tall[200] = np.nan
    save(ct(tall), root / "far_nan.nii")
    # damaged behind the slices that a nodule in the middle of the others needs
    save(ct(voxels((240, 40, 40))), root / "late.nii.gz")
    packed = bytearray((root / "late.nii.gz").read_bytes())
    packed[-6] ^= 0xFF
    (root / "crc_far.nii.gz").write_bytes(bytes(packed))
    for name, source in (("cut.nii.gz", "a.nii.gz"), ("cut.nii", "a.nii"), ("cut.mha", "a.mha")):
        (root / name).write_bytes((root / source).read_bytes()[:-3000])
    (root / "cut.nrrd").write_bytes((root / "packed.nrrd").read_bytes()[:-3000])
    flipped = bytearray((root / "a.nii.gz").read_bytes())
    flipped[-6] ^= 0xFF  # the checksum
    (root / "crc.nii.gz").write_bytes(bytes(flipped))
    shutil.copy(root / "a.nii.gz", root / "named.nii")
    shutil.copy(root / "a.mha", root / "named.nrrd")
    (root / "zip.mha").write_bytes(b"PK\x03\x04" + bytes(400))
    (root / "empty.nii.gz").write_bytes(b"")
    (root / "link.mha").symlink_to("nowhere")
    text = (root / "a.mhd").read_text()
    (root / "raw_gone.mhd").write_text(text.replace("a.raw", "gone.raw"))
    (root / "raw_above.mhd").write_text(text.replace("a.raw", "../a.raw"))
    (root / "no_matrix.mhd").write_text("".join(t for t in text.splitlines(True) if "TransformMatrix" not in t))


def write_folders(root: Path) -> None:
    """Good and bad DICOM folders."""
    made = ct()
    save_series(made, root / "series")
    save_series(made, root / "scout", lambda k: {"0008|0008": "ORIGINAL\\PRIMARY\\LOCALIZER"} if k == 0 else {})
    save_series(made, root / "stray")
    (root / "stray" / "notes.txt").write_text("no image")
    save_series(made, root / "gap", keep=lambda k: k not in (18, 19))
    save_series(made, root / "two", uid="1.2.3")
    save_series(made, root / "two", uid="1.2.4", name=lambda k: f"b{k:03d}.dcm")
    save_series(made, root / "kernels", lambda k: {"0018|1210": "B30f" if k % 2 else "B70f"})
    save_series(made, root / "mr", lambda _: {"0008|0060": "MR"})
    save_series(made, root / "ot", lambda _: {"0008|0060": "OT"})
    save_series(made, root / "capture", lambda k: {"0008|0016": "1.2.840.10008.5.1.4.1.1.7"} if k == 4 else {})
    save_series(made, root / "one", keep=lambda k: k == 3)
    save_series(ct(voxels((40, 40, 40)) + 1024), root / "not_hu")
    tilted = {k: f"{made.GetOrigin()[0]}\\{made.GetOrigin()[1] + 0.5 * k}\\{2.0 * k}" for k in range(40)}
    save_series(made, root / "tilt", lambda k: {"0020|0032": tilted[k]})
    save_series(made, root / "cut")
    file = root / "cut" / "020.dcm"
    file.write_bytes(file.read_bytes()[:-900])
    (root / "nothing").mkdir()


def middle(name: str, root: Path) -> tuple[float, float, float]:
    """The middle of ``ct()`` in mm."""
    direction = OBLIQUE if name == "oblique.nii.gz" else (1, 0, 0, 0, 1, 0, 0, 0, 1)
    x, y, z = ct(direction=direction).TransformIndexToPhysicalPoint((20, 20, 20))
    return x, y, z


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    write_files(folder)
    write_folders(folder)
    return folder


def names(root: Path) -> list[str]:
    files = [path.name for path in sorted(root.iterdir()) if path.suffix != ".raw"]
    return [*files, "none.nii.gz", "../a.nii.gz", "", "series/003.dcm"]


def cohort_of(rows: list[tuple[object, ...]], root: Path, folder: Path, frame: str = "LPS") -> Cohort:
    table = pd.DataFrame(rows, columns=["pid", "nodule_id", "image_path", "coordX", "coordY", "coordZ"])
    table["malignant"] = pd.array([row % 2 for row in range(len(rows))], dtype="Int8")
    manifest = CohortManifest.model_validate({"name": "c", "title": "c", "image_root": str(root), "frame": frame})
    return write_cohort(folder / "c", manifest, table)


def answers_of_crop(cohort: Cohort, out: Path, options: ReadOptions) -> dict[tuple[str, str], tuple[str, str]]:
    """Of each nodule: what makes it fail, else what was remarked."""
    store = crop_cohort(
        cohort.nodules, cohort.image_root, out, frame=cohort.manifest.frame, options=options, workers=0
    )
    notes = out / "notes.csv"
    remarks = pd.read_csv(notes, dtype=str, keep_default_na=False) if notes.is_file() else None
    said = (
        {}
        if remarks is None
        else dict(zip(zip(remarks["pid"], remarks["nodule_id"], strict=True), remarks.iloc[:, -1], strict=True))
    )
    return {
        (row.pid, row.nodule_id): (row.reason, said.get((row.pid, row.nodule_id), ""))
        for row in store.index.itertuples()
    }


def answers_of_check(cohort: Cohort, options: ReadOptions) -> dict[tuple[str, str], tuple[str, str]]:
    found, _ = check_images(cohort, options=options)
    answers = {}
    for pid, nodule in zip(cohort.nodules["pid"], cohort.nodules["nodule_id"], strict=True):
        own = [f for f in found if (f.pid, f.nodule_id) == (pid, nodule)]
        texts = {
            severity: [str(f).removeprefix(f"{pid} nodule {nodule} — ") for f in own if f.severity == severity]
            for severity in ("case", "warning")
        }
        answers[pid, nodule] = "; ".join(texts["case"]), "; ".join(texts["warning"])
    return answers


@pytest.mark.parametrize(
    ("options", "more"),
    [
        (ReadOptions(), set()),
        (
            ReadOptions(assume_hu=True, assume_orientation=True, max_gap=4.0, series="1.2.4"),
            {"no_matrix.mhd", "window.nii.gz", "stored.mha", "bytes.nrrd", "scale.nii.gz", "two"},
        ),
    ],
    ids=["strict", "lenient"],
)
@pytest.mark.slow
def test_check_says_of_every_file_what_crop_says(
    root: Path, tmp_path: Path, options: ReadOptions, more: set[str]
) -> None:
    rows = [(name or "blank", "1", name, *middle(name, root)) for name in names(root)]
    cohort = cohort_of(rows, root, tmp_path)
    crop, check = answers_of_crop(cohort, tmp_path / "store", options), answers_of_check(cohort, options)
    assert check == crop
    fit = {pid for (pid, _), (reason, _) in check.items() if not reason}
    folders = {"series", "scout", "stray"} if options.series else set()  # they hold no series of that number
    assert fit == (GOOD | more) - folders


@pytest.mark.parametrize("frame", ["LPS", "RAS"])
def test_check_says_of_every_centre_what_crop_says(root: Path, tmp_path: Path, frame: str) -> None:
    x, y, z = middle("a.nii.gz", root)
    sign = -1 if frame == "RAS" else 1
    centres = {
        "middle": (x, y, z), "mirrored": (-x, -y, z), "edge": (x - 29, y - 29, z - 39), "far": (999.5, 0.5, 0.5),
        "index": (20.0 * sign, 21.0 * sign, 22.0), "near": (x - 20, y, z),
    }  # fmt: skip
    rows = [(name, "1", "a.nii.gz", sign * a, sign * b, c) for name, (a, b, c) in centres.items()]
    # slice 200 of far_nan.nii holds no numbers; slices 20 and 120 are read without it
    rows += [("tall", str(k), "far_nan.nii", sign * x, sign * y, z + (k - 20) * 2.0) for k in (20, 120, 190)]
    cohort = cohort_of(rows, root, tmp_path, frame)
    crop, check = (
        answers_of_crop(cohort, tmp_path / "store", ReadOptions()),
        answers_of_check(cohort, ReadOptions()),
    )
    assert check == crop
    assert {key for key, (reason, _) in check.items() if not reason} == {
        ("middle", "1"), ("near", "1"), ("tall", "20"), ("tall", "120"),
    }  # fmt: skip
    assert f"look {'LPS' if frame == 'RAS' else 'RAS'}" in check["mirrored", "1"][0]
    assert "voxel indices" in check["index", "1"][0]


def test_masks_are_refused_in_the_same_words(root: Path, tmp_path: Path) -> None:
    bad = ["apart.nii.gz", "silent.nii.gz", "axes.nii", "rgb.nii", "cut.nii.gz", "no_matrix.mhd", "named.nrrd"]
    cohort = cohort_of([(name, "1", name, *middle(name, root)) for name in bad], root, tmp_path)
    said = {pid: reason for (pid, _), (reason, _) in answers_of_check(cohort, ReadOptions()).items()}
    for name in bad:
        with pytest.raises(InputError) as caught:
            masks.components(root / name)
        assert str(caught.value).replace(f"{root}/", "") == said[name]
