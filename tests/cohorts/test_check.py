"""``bench cohort check`` and folds: what would go wrong later is found now."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from benchmark.cohorts.check import check_images, check_shared, check_table
from benchmark.cohorts.folds import assign_folds
from benchmark.cohorts.splits import check_splits, read_splits, read_test, write_splits
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.errors import InputError
from benchmark.imaging.cropping.verdict import judge_scan
from benchmark.imaging.scans.scan import ReadOptions
from benchmark.imaging.volume import open_scan
from tests.cohorts.test_lungx import rotation
from tests.imaging.scan_files import OBLIQUE, image, save_series


def scan(path: Path, seed: int = 0, direction: np.ndarray | None = None) -> sitk.Image:
    array = np.random.default_rng(seed).integers(-1000, 400, (20, 30, 40)).astype(np.int16)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.5, 2.0, 4.0))
    image.SetOrigin((-150.0, -140.0, -300.0))
    if direction is not None:
        image.SetDirection(direction.ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=True)
    return image


def cohort(folder: Path, rows: list[tuple[object, ...]], **fields: object) -> Cohort:
    columns = ["pid", "nodule_id", "image_path", "coordX", "coordY", "coordZ", "malignant"]
    table = pd.DataFrame(rows, columns=columns)
    table["malignant"] = table["malignant"].astype("Int8")
    manifest = CohortManifest.model_validate({"name": "c", "title": "c", **fields})
    return write_cohort(folder / manifest.name, manifest, table)


INSIDE = (-120.0, -110.0, -260.0)


class TestImages:
    def test_images_that_are_not_in_hu_are_found_as_crop_finds_them(self, tmp_path: Path) -> None:
        image = scan(tmp_path / "images" / "a.nii.gz")
        array = sitk.GetArrayFromImage(image)
        for name, values in (("b.nii.gz", array.clip(-160, 240)), ("c.mha", array + 1000)):
            wrong = sitk.GetImageFromArray(values)
            wrong.CopyInformation(image)
            sitk.WriteImage(wrong, str(tmp_path / "images" / name))
        made = cohort(
            tmp_path,
            [(n, "0", name, *INSIDE, 0) for n, name in enumerate(["a.nii.gz", "b.nii.gz", "c.mha"])],
            image_root="../images",
        )
        found, hashes = check_images(made)
        assert [(f.severity, f.pid) for f in found] == [("case", "1"), ("case", "2")]
        assert "intensity range -160..240 is not CT HU: 0.00 %" in found[0].what
        assert len(hashes) == 3
        found, _ = check_images(made, options=ReadOptions(assume_hu=True))
        assert [f.severity for f in found] == ["warning", "warning"]

    @pytest.mark.parametrize("dtype", [">i2", "<f4", ">f8", "<u2"])
    @pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
    def test_stored_values_are_read_as_the_header_says(self, tmp_path: Path, dtype: str, name: str) -> None:
        # nibabel is not here: the header is packed by hand after the NIfTI-1 standard
        slope, intercept = (2.0, -1024.0) if dtype == "<u2" else (0.0, 0.0)
        hu = np.random.default_rng(0).integers(-500, 100, (6, 20, 22)) * 2
        stored = ((hu - intercept) / slope if slope else hu).astype(dtype)
        order = dtype[0]
        header = bytearray(352)
        code, bits = {"i2": (4, 16), "f4": (16, 32), "f8": (64, 64), "u2": (512, 16)}[dtype[1:]]
        for offset, form, *values in (
            (0, "i", 348), (40, "8h", 3, 22, 20, 6, 1, 1, 1, 1), (70, "2h", code, bits),
            (76, "8f", 1, 0.8, 0.8, 2, 1, 1, 1, 1), (108, "f", 352), (112, "2f", slope, intercept),
            (252, "2h", 0, 1), (280, "12f", -0.8, 0, 0, 0, 0, -0.8, 0, 0, 0, 0, 2, 0),
        ):  # fmt: skip
            struct.pack_into(order + form, header, offset, *values)
        header[344:348] = b"n+1\0"
        data = bytes(header) + stored.tobytes()
        path = tmp_path / name
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        assert judge_scan(name, path, ReadOptions()).problems == ()
        struct.pack_into(order + "2f", header, 112, 1.0, 5000.0)
        data = bytes(header) + stored.tobytes()
        path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
        assert "is not CT HU" in judge_scan(name, path, ReadOptions()).reason

    def test_a_good_cohort_has_no_finding(self, tmp_path: Path) -> None:
        scan(tmp_path / "images" / "a.nii.gz")
        scan(tmp_path / "images" / "b.mha", seed=1)
        save_series(image(spacing=(2.0, 2.5, 3.0), direction=OBLIQUE), tmp_path / "images" / "d")
        middle = tuple(open_scan(tmp_path / "images" / "d").grid.corners().mean(axis=0))
        made = cohort(
            tmp_path,
            [("1", "0", "a.nii.gz", *INSIDE, 0), ("2", "0", "b.mha", *INSIDE, 1), ("3", "0", "d", *middle, 1)],
            image_root="../images",
        )
        found, hashes = check_images(made)
        assert found == []
        assert set(hashes) == {"a.nii.gz", "b.mha", "d"}
        assert check_table(made) == []

    def test_each_kind_of_bad_image_fails_its_case_and_no_other(self, tmp_path: Path) -> None:
        root = tmp_path / "images"
        scan(root / "good.nii.gz")
        whole = (root / "good.nii.gz").read_bytes()
        (root / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
        flipped = bytearray(whole)
        flipped[-6] ^= 0xFF
        (root / "crc.nii.gz").write_bytes(bytes(flipped))
        scan(root / "cut.mha")
        (root / "cut.mha").write_bytes((root / "cut.mha").read_bytes()[:-500])
        (root / "link.nii.gz").symlink_to("nowhere")
        scan(tmp_path / "outside.nii.gz")
        names = [
            "good.nii.gz",
            "cut.nii.gz",
            "crc.nii.gz",
            "cut.mha",
            "link.nii.gz",
            "../outside.nii.gz",
            "none.nii.gz",
            "",
        ]
        rows = [(str(i), "0", name, *INSIDE, i % 2) for i, name in enumerate(names)]
        made = cohort(tmp_path, rows, image_root="../images")
        found, hashes = check_images(made)
        assert [f.pid for f in found if f.severity == "case"] == [str(i) for i in range(1, len(names))]
        assert set(hashes) == {"good.nii.gz"}
        words = [
            "cut short",
            "corrupt",
            "cut short",
            "broken link",
            "leads out of the image root",
            "no such file",
            "empty",
        ]
        for finding, word in zip(found, words, strict=True):
            assert word in finding.what

    def test_the_result_does_not_depend_on_workers(self, tmp_path: Path) -> None:
        for i in range(6):
            scan(tmp_path / "images" / f"{i}.nii.gz", seed=i)
        rows = [(str(i), "0", f"{i}.nii.gz", 900.0 * (i % 2), -130.0, -290.0, i % 2) for i in range(6)]
        made = cohort(tmp_path, rows, image_root="../images")
        assert check_images(made, workers=1) == check_images(made, workers=4)

    @pytest.mark.parametrize("turned", [None, rotation(2, 30)])
    def test_centres_outside_say_what_they_look_like(self, turned: np.ndarray | None, tmp_path: Path) -> None:
        image = scan(tmp_path / "images" / "a.nii.gz", direction=turned)
        x, y, z = image.TransformContinuousIndexToPhysicalPoint((20.3, 14.9, 10.2))
        rows = [
            ("1", "0", "a.nii.gz", x, y, z, 0),
            ("2", "0", "a.nii.gz", -x, -y, z, 0),
            ("3", "0", "a.nii.gz", 5.0, 7.0, 4.0, 1),
            ("4", "0", "a.nii.gz", 999.5, 0.5, 0.5, 1),
        ]
        found, _ = check_images(cohort(tmp_path, rows, image_root="../images"))
        cases = {f.pid: f.fix for f in found if f.severity == "case"}
        assert "look RAS" in cases["2"]
        assert "voxel indices" in cases["3"]
        assert "right image" in cases["4"]
        assert set(cases) == {"2", "3", "4"}

    def test_a_table_in_ras_is_read_as_ras(self, tmp_path: Path) -> None:
        scan(tmp_path / "images" / "a.nii.gz")
        rows = [("1", "0", "a.nii.gz", 120.0, 110.0, -260.0, 0), ("2", "0", "a.nii.gz", *INSIDE, 1)]
        found, _ = check_images(cohort(tmp_path, rows, image_root="../images", frame="RAS"))
        cases = {f.pid: f.fix for f in found if f.severity == "case"}
        assert set(cases) == {"2"}
        assert "look LPS" in cases["2"]

    def test_one_image_under_two_patients_is_a_warning(self, tmp_path: Path) -> None:
        scan(tmp_path / "images" / "a.nii.gz")
        (tmp_path / "images" / "b.nii.gz").write_bytes((tmp_path / "images" / "a.nii.gz").read_bytes())
        rows = [("1", "0", "a.nii.gz", *INSIDE, 0), ("2", "0", "b.nii.gz", *INSIDE, 1)]
        found, _ = check_images(cohort(tmp_path, rows, image_root="../images"))
        assert ["1, 2" in f.what for f in found] == [True]


class TestTable:
    def test_twins_labels_and_places(self, tmp_path: Path) -> None:
        rows = [
            ("007", "0", "a", 1.5, 2.5, 3.5, 0),
            ("7", "0", "b", 1.5, 2.5, 3.5, None),
            ("8", "0", "c", np.nan, 2.5, 3.5, 0),
            ("9", "0", "d", 9999.0, 2.5, 3.5, 0),
            ("9", "1", "d", 10.0, 2.5, 3.5, 0),
            ("9", "2", "d", 10.2, 2.5, 3.5, 0),
        ]
        found = check_table(cohort(tmp_path, rows))
        text = "\n".join(map(str, found))
        assert "'007', '7' differ only in zeros" in text
        assert "1 of 6 nodules have no label" in text
        assert "all labelled nodules are 0" in text
        assert [(f.pid, f.nodule_id) for f in found if f.severity == "case"] == [("8", "0"), ("9", "0")]
        assert "nodule 1 of the same scan" in text

    def test_ids_that_differ_in_case_are_twins(self, tmp_path: Path) -> None:
        rows = [(pid, "0", "a", 1.5, 2.5, 3.5, n % 2) for n, pid in enumerate(("LC001", "lc001", "LC002"))]
        said = [str(f) for f in check_table(cohort(tmp_path, rows)) if "differ only in" in str(f)]
        assert len(said) == 1
        assert "'LC001', 'lc001' differ only in zeros, blanks or case" in said[0]

    def test_whole_numbers_everywhere_look_like_voxels(self, tmp_path: Path) -> None:
        rows = [(str(i), "0", "a", float(i), 200.0 + i, 30.0, i % 2) for i in range(4)]
        assert "voxel indices" in str(check_table(cohort(tmp_path, rows))[0])

    def test_shared_patients_by_id_and_by_hash(self, tmp_path: Path) -> None:
        one = cohort(tmp_path / "1", [("a", "0", "x", 1.5, 1, 1, 0), ("b", "0", "y", 1.5, 1, 1, 1)])
        two = cohort(tmp_path / "2", [("a", "0", "x", 1.5, 1, 1, 0), ("c", "0", "z", 1.5, 1, 1, 1)], name="other")
        found = check_shared(one, [two], {"x": "h1", "y": "h2"}, [{"x": "h9", "z": "h2"}])
        assert "1 patients are in other too, by id: a" in found[0].what
        assert "by hash: b" in found[1].what


class TestSplits:
    def nodules(self, patients: int = 40) -> pd.DataFrame:
        pids = [f"{i:03d}" for i in range(patients)]
        return pd.DataFrame(
            {"pid": pids, "malignant": pd.array([i % 4 == 0 for i in range(patients)], dtype="Int8")}
        )

    def test_folds_survive_the_round_trip(self, tmp_path: Path) -> None:
        nodules = self.nodules()
        folds = assign_folds(nodules, 5, 0)
        write_splits(folds, tmp_path, ["t1", "t2"])
        splits = read_splits(tmp_path)
        assert read_test(tmp_path) == ["t1", "t2"]
        for fold, split in splits.items():
            assert set(split.validation) == set(folds.loc[folds["fold"] == fold, "pid"])
            assert not set(split.train) & set(split.validation)
        assert check_splits(splits, list(nodules["pid"])) == []

    def fold(self, folder: Path, number: int, train: list[str], validation: list[str]) -> None:
        for name, pids in (("train_pid.csv", train), ("val_pid.csv", validation)):
            path = folder / f"fold_{number}" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("pid\n" + "".join(f"{pid}\n" for pid in pids))

    def test_shuffled_splits_as_in_the_paper_are_read_and_named(self, tmp_path: Path) -> None:
        # 60/40 shuffles of ten patients, as the paper's sample splits: one is never validated
        pids = [str(i) for i in range(10)]
        for number, held in enumerate(("0123", "2345", "4567", "6780", "1234")):
            self.fold(tmp_path, number, [p for p in pids if p not in held], list(held))
        warning = check_splits(read_splits(tmp_path), pids)[0]
        assert "1 patients are never validated" in warning
        assert "8 more than once" in warning or "7 more than once" in warning

    def test_every_leak_and_stranger_is_named(self, tmp_path: Path) -> None:
        self.fold(tmp_path, 0, ["a", "b", "7"], ["b", "c"])
        with pytest.raises(InputError) as caught:
            check_splits(read_splits(tmp_path), ["a", "b", "c", "007", "d"], ["c"])
        text = str(caught.value)
        assert "train and in validation of fold 0: b" in text
        assert "test patients are in the folds: c" in text
        assert "not in the cohort (1 differ only in zeros" in text
        assert "in no fold: 007, d" in text

    def test_one_image_on_both_sides_is_a_leak(self, tmp_path: Path) -> None:
        self.fold(tmp_path, 0, ["a", "b"], ["c", "d"])
        self.fold(tmp_path, 1, ["c", "d"], ["a", "b"])
        splits = read_splits(tmp_path)
        assert check_splits(splits, ["a", "b", "c", "d"], (), [{"a", "b"}]) == []
        with pytest.raises(InputError, match="patients b, c have the same image on both sides of fold 0"):
            check_splits(splits, ["a", "b", "c", "d"], (), [{"b", "c"}])

    def test_a_missing_file_and_a_repeated_patient_are_named(self, tmp_path: Path) -> None:
        self.fold(tmp_path, 0, ["a", "a"], ["b"])
        self.fold(tmp_path, 1, ["a"], ["b"])
        (tmp_path / "fold_1" / "val_pid.csv").unlink()
        with pytest.raises(InputError) as caught:
            read_splits(tmp_path)
        assert len(caught.value.problems) == 2


def test_one_series_under_two_patients_is_a_warning(tmp_path: Path) -> None:
    uid = "1.2.840.113654.2.55.99.1"
    rows = {
        "pid": ["a", "b", "c", "d"],
        "nodule_id": "1",
        "malignant": [1, 0, 0, 1],
        "scan_id": [uid, uid, "T0", "T0"],
    }
    rows |= dict.fromkeys(["image_path", "coordX", "coordY", "coordZ"])
    made = write_cohort(tmp_path / "cohorts/a", CohortManifest(name="a", title="A"), pd.DataFrame(rows))
    found = [finding.what for finding in check_table(made, for_crops=False)]
    assert found == ["patients a, b have the same SeriesInstanceUID"]
