"""Masks and detections to centres in mm."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from benchmark.cohorts import detections, masks
from benchmark.cohorts.prepared import save
from benchmark.errors import InputError
from tests.cohorts.test_lungx import rotation


def mask(
    path: Path, boxes: list[tuple[tuple[int, int, int], int, int]], direction: np.ndarray | None = None
) -> sitk.Image:
    """Cubes of voxels: (lowest corner x,y,z), side, value."""
    array = np.zeros((30, 40, 50), dtype=np.uint8)
    for (x, y, z), side, value in boxes:
        array[z : z + side, y : y + side, x : x + side] = value
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((0.7, 0.9, 2.0))
    image.SetOrigin((-100.0, 20.0, -300.0))
    if direction is not None:
        image.SetDirection(direction.ravel().tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path))
    return image


class TestMasks:
    @pytest.mark.parametrize("suffix", [".nii.gz", ".mha", ".nrrd"])
    def test_centroids_are_those_of_the_cubes(self, suffix: str, tmp_path: Path) -> None:
        turned = rotation(0, 15) @ rotation(2, 40)
        image = mask(tmp_path / f"p7_mask{suffix}", [((3, 4, 5), 3, 1), ((20, 22, 10), 5, 1)], turned)
        table = masks.prepare([tmp_path]).nodules
        expected = [image.TransformContinuousIndexToPhysicalPoint(c) for c in ((4, 5, 6), (22, 24, 12))]
        found = table[["coordX", "coordY", "coordZ"]].to_numpy(float)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert table["pid"].tolist() == ["p7", "p7"]
        assert table["nodule_id"].tolist() == ["0", "1"]
        assert table["volume_mm3"].tolist() == pytest.approx([27 * 1.26, 125 * 1.26])

    def test_touching_values_are_two_nodules_and_touching_corners_one(self, tmp_path: Path) -> None:
        mask(tmp_path / "a.nii.gz", [((3, 3, 3), 3, 1), ((6, 3, 3), 3, 2)])
        mask(tmp_path / "b.nii.gz", [((3, 3, 3), 3, 1), ((6, 6, 6), 3, 1)])
        table = masks.prepare([tmp_path]).nodules
        assert table["pid"].tolist() == ["a", "a", "b"]

    def test_small_parts_and_empty_masks_are_listed(self, tmp_path: Path) -> None:
        mask(tmp_path / "a.nii.gz", [((3, 3, 3), 3, 1), ((20, 20, 20), 1, 1)])
        mask(tmp_path / "b.nii.gz", [])
        prepared = masks.prepare([tmp_path], min_voxels=5)
        assert len(prepared.nodules) == 1
        assert [(e.pid, e.reason) for e in prepared.excluded] == [
            ("a", "component of fewer than 5 voxels"),
            ("b", "the mask is empty"),
        ]

    def test_the_patient_comes_from_the_path(self, tmp_path: Path) -> None:
        for pid in ("007", "008"):
            mask(tmp_path / pid / "mask.nii.gz", [((3, 3, 3), 3, 1)])
        with pytest.raises(InputError, match="--id-pattern"):
            masks.prepare([tmp_path])
        prepared = masks.prepare([tmp_path], id_pattern=r"(?P<pid>[^/]+)/mask")
        assert prepared.nodules["pid"].tolist() == ["007", "008"]
        assert prepared.nodules["image_path"].tolist() == ["007/mask.nii.gz", "008/mask.nii.gz"]
        assert save(prepared, tmp_path / "cohort").image_root.resolve() == tmp_path.resolve()

    def test_a_folder_of_scans_gives_the_image_paths(self, tmp_path: Path) -> None:
        for pid in ("007", "008"):
            mask(tmp_path / "masks" / f"{pid}_mask.nii.gz", [((3, 3, 3), 3, 1)])
        mask(tmp_path / "scans" / "007.nii.gz", [])
        prepared = masks.prepare([tmp_path / "masks", tmp_path / "scans"])
        assert prepared.nodules["image_path"].tolist() == ["007.nii.gz", ""]
        assert prepared.nodules["mask_path"].tolist() == ["007_mask.nii.gz", "008_mask.nii.gz"]
        assert prepared.image_folder == tmp_path / "scans"
        assert any("008" in line for line in prepared.missing)

    def test_a_scan_or_garbage_is_no_mask(self, tmp_path: Path) -> None:
        (tmp_path / "x.nii.gz").write_bytes(b"garbage")
        image = sitk.GetImageFromArray(np.random.default_rng(0).random((4, 4, 4)))
        sitk.WriteImage(image, str(tmp_path / "y.nii.gz"))
        with pytest.raises(InputError) as caught:
            masks.prepare([tmp_path])
        assert [p.file.name for p in caught.value.problems] == ["x.nii.gz", "y.nii.gz"]  # type: ignore[union-attr]


ENTRY = {
    "box": [[-111.5, -21.25, -81.0, 18.0, 9.5, 11.0], [12.5, 4.75, -49.5, 4.0, 6.0, 5.0], [1, 2, 3, 4, 5, 6]],
    "label": [0, 0, 0],
    "label_scores": [0.4, 0.95, 0.02],
    "image": "LUNA16/1.3.6/1.3.6.nii.gz",
}


def result(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content, indent=4))
    return path


class TestDetections:
    def test_the_best_boxes_of_each_scan_become_nodules(self, tmp_path: Path) -> None:
        file = result(tmp_path / "result_luna16_fold0.json", [ENTRY, {**ENTRY, "image": "b.nii.gz"}])
        prepared = detections.prepare([file], best=2)
        table = prepared.nodules
        assert table["pid"].tolist() == ["1.3.6", "1.3.6", "b", "b"]
        assert table["nodule_id"].tolist() == ["0", "1", "0", "1"]
        assert table[["coordX", "coordY", "coordZ", "detection_score"]].iloc[0].tolist() == [
            12.5,
            4.75,
            -49.5,
            0.95,
        ]
        assert table["longest_axial_diameter_(mm)"].tolist()[:2] == [6.0, 18.0]
        assert table["image_path"].iloc[0] == "LUNA16/1.3.6/1.3.6.nii.gz"
        assert table["malignant"].isna().all()

    def test_scans_without_a_good_box_are_listed(self, tmp_path: Path) -> None:
        empty = {"box": [], "label": [], "label_scores": [], "image": "c.nii.gz"}
        prepared = detections.prepare([result(tmp_path / "r.json", [ENTRY, empty])], min_score=0.5)
        assert prepared.nodules["pid"].tolist() == ["1.3.6"]
        assert [e.pid for e in prepared.excluded] == ["c"]

    @pytest.mark.parametrize(
        ("change", "what"),
        [
            ({"label_scores": [0.4]}, "3 boxes and 1 scores"),
            ({"box": [[1, 2, 3]] * 3}, "six finite numbers"),
            ({"box": [[1, 2, 3, -4, 5, 6]] * 3}, "no extent"),
            ({"label_scores": [None, 1, 1]}, "six finite numbers"),
            ({"image": None}, "lacks image"),
        ],
    )
    def test_broken_entries_are_named(self, tmp_path: Path, change: dict[str, object], what: str) -> None:
        good = {**ENTRY, "image": "a.nii.gz"}
        with pytest.raises(InputError, match=what) as caught:
            detections.prepare([result(tmp_path / "r.json", [good, {**ENTRY, **change}])])
        assert caught.value.problems[0].column == "entry 2"

    def test_a_cut_file_is_named_with_its_line(self, tmp_path: Path) -> None:
        file = result(tmp_path / "r.json", [ENTRY])
        file.write_text(file.read_text(encoding="utf-8")[:-30])
        with pytest.raises(InputError, match="not JSON") as caught:
            detections.prepare([file])
        assert caught.value.problems[0].row is not None

    @pytest.mark.parametrize(
        ("mode", "box"),
        [
            ("cccwhd", [20, 22, 5, 10, 12, 8]),
            ("xyzxyz", [15, 16, 1, 25, 28, 9]),
            ("xyzwhd", [15, 16, 1, 10, 12, 8]),
            ("xxyyzz", [15, 25, 16, 28, 1, 9]),
        ],
    )
    def test_a_box_is_read_as_it_is_said_to_be(self, tmp_path: Path, mode: str, box: list[float]) -> None:
        file = result(tmp_path / "r.json", [{**ENTRY, "box": [box], "label_scores": [0.9]}])
        row = detections.prepare([file], box_mode=mode).nodules.iloc[0]
        assert row[["coordX", "coordY", "coordZ"]].tolist() == [20, 22, 5]
        assert row["longest_axial_diameter_(mm)"] == 12

    @pytest.mark.parametrize(
        ("boxes", "what"),
        [
            ([[15, 16, 1, 25, 28, 9]], "first measures 10 x 12 x 8 or 25 x 28 x 9 mm.*--box-mode"),
            ([[15, 16, 1, 25, 28, 9], [-30, -40, -8, -20, 5, 10]], "no extent.*--box-mode"),
            ([[15, 16, -3, 25, 28, 9], [50, 60, 70, 61, 70, 83]], "can be two corners.*--box-mode"),
            ([[90, 80, 100, 101, 92, 111]], "101 x 92 x 111 mm is no nodule.*--box-mode"),
        ],
    )
    def test_what_looks_like_corners_is_refused(self, tmp_path: Path, boxes: list[list[float]], what: str) -> None:
        entry = {**ENTRY, "box": boxes, "label_scores": [0.5] * len(boxes)}
        with pytest.raises(InputError, match=what):
            detections.prepare([result(tmp_path / "r.json", [entry])])

    def test_a_box_that_is_no_corner_settles_it(self, tmp_path: Path) -> None:
        # the first can be corners, but no nodule reaches from z = -200 to 5 mm
        boxes = [[-12.0, -20.0, -9.0, 8.0, 7.0, 5.0], [-50.0, -60.0, -200.0, 6.0, 5.0, 5.0]]
        entry = {**ENTRY, "box": boxes, "label_scores": [0.9, 0.5]}
        table = detections.prepare([result(tmp_path / "r.json", [entry])]).nodules
        assert table["coordZ"].tolist() == [-9, -200]

    def test_no_box_mode_and_corners_that_are_none(self, tmp_path: Path) -> None:
        file = result(tmp_path / "r.json", [ENTRY])
        with pytest.raises(InputError, match=r"no box mode.*xyzxyz"):
            detections.prepare([file], box_mode="corners")
        with pytest.raises(InputError, match=r"no extent.*really xyzxyz"):
            detections.prepare([file], box_mode="xyzxyz")


def test_endings_of_paths_are_those_of_the_readers() -> None:
    """The list that needs no extra, which detections read too, is the readers' own."""
    from benchmark.cohorts import path_ids
    from benchmark.imaging.scans import formats

    assert path_ids.ENDINGS == formats.ENDINGS
