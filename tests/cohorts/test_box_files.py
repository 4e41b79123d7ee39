"""Boxes as nnDetection and MONAI's data lists have them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from benchmark.cohorts import detections
from benchmark.errors import InputError

SPACING, ORIGIN = (0.7, 0.8, 2.5), (-150.0, -120.5, -300.25)
TURNED = (0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0)


def write_case(
    path: Path, boxes: list[list[float]], direction: Any = (1, 0, 0, 0, 1, 0, 0, 0, 1), **more: Any
) -> Path:
    content = {"pred_boxes": boxes, "pred_scores": [0.9 - k / 10 for k in range(len(boxes))], "pred_labels": [0]}
    content |= {"itk_origin": list(ORIGIN), "itk_spacing": list(SPACING), "itk_direction": list(direction)}
    path.write_text(json.dumps({**content, "restore": True, **more}))
    return path


@pytest.mark.parametrize("direction", [(1, 0, 0, 0, 1, 0, 0, 0, 1), TURNED])
def test_boxes_of_nndetection_lie_where_simpleitk_has_those_voxels(tmp_path: Path, direction: Any) -> None:
    image = sitk.Image(60, 50, 40, sitk.sitkInt16)
    image.SetOrigin(ORIGIN)
    image.SetSpacing(SPACING)
    image.SetDirection(direction)
    # Along the axes of the array, z, y and x, the box reaches from (10, 20, 30) to (14, 28, 40).
    file = write_case(tmp_path / "case_7_boxes.json", [[10, 20, 14, 28, 30, 40]], direction)
    found = detections.prepare([file])
    expected = image.TransformContinuousIndexToPhysicalPoint((35.0, 24.0, 12.0))
    row = found.nodules.iloc[0]
    assert [row["coordX"], row["coordY"], row["coordZ"]] == pytest.approx(expected)
    assert row["pid"] == "case_7"
    assert row["detection_score"] == pytest.approx(0.9)
    assert row["longest_axial_diameter_(mm)"] == pytest.approx(max(10 * 0.7, 8 * 0.8))
    assert found.fields["frame"] == "LPS"


def test_a_folder_of_cases_and_another_box_mode(tmp_path: Path) -> None:
    write_case(tmp_path / "a_boxes.json", [[10, 20, 30, 14, 28, 40]])
    write_case(tmp_path / "b_boxes.json", [[1, 2, 3, 5, 6, 7], [0, 0, 0, 2, 2, 2]])
    found = detections.prepare([tmp_path], box_mode="xyzxyz", best=1)
    assert found.nodules["pid"].tolist() == ["a", "b"]
    np.testing.assert_allclose(found.nodules["coordX"], [ORIGIN[0] + 35 * 0.7, ORIGIN[0] + 5 * 0.7])
    assert found.image_folder is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"itk_origin": None}, "itk_origin .*has no place|itk_origin"),
        ({"itk_spacing": [0.7, 0.8]}, "is not 3 finite numbers"),
        ({"itk_spacing": [0.7, 0.8, -1]}, "that of no image"),
        ({"itk_direction": [2, 0, 0, 0, 1, 0, 0, 0, 1]}, "that of no image"),
        ({"restore": False}, "boxes of the resampled image"),
        ({"pred_scores": []}, "not one score a box"),
        ({"pred_boxes": [[1, 2, 3]]}, "not six finite numbers"),
        ({"pred_boxes": [[14, 20, 10, 28, 30, 40]]}, "no extent"),
    ],
)
def test_what_is_no_case_of_nndetection_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = write_case(tmp_path / "a_boxes.json", [[10, 20, 14, 28, 30, 40]], **change)
    with pytest.raises(InputError, match=message):
        detections.prepare([file])


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "case_boxes.pkl").write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    with pytest.raises(InputError, match="is a pickle, which can hold code"):
        detections.prepare([tmp_path / "case_boxes.pkl"])


def test_ras_means_nothing_to_nndetection(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nnDetection"):
        detections.prepare([write_case(tmp_path / "a.json", [[10, 20, 14, 28, 30, 40]])], coords="RAS")


def test_the_lists_that_monai_trains_on_have_no_scores(tmp_path: Path) -> None:
    boxes = [
        [-10.0, 20.0, -30.0, 6.0, 5.0, 4.0],
        [11.0, -21.0, 31.0, 7.0, 9.0, 4.0],
        [0.0, 0.0, 0.0, 3.0, 3.0, 3.0],
    ]
    entries = [
        {"image": "a.nii.gz", "box": boxes, "label": [0, 0, 0]},
        {"image": "b.nii.gz", "box": [], "label": []},
    ]
    file = tmp_path / "train.json"
    file.write_text(json.dumps({"training": entries}))
    found = detections.prepare([file], best=1, box_mode="cccwhd")
    assert found.nodules["coordX"].tolist() == [-10.0, 11.0, 0.0]
    assert found.nodules["detection_score"].isna().all()
    assert [item.reason for item in found.excluded] == ["no box"]
    assert "have no scores: all are kept" in found.notes[0]
    del entries[0]["label"]
    file.write_text(json.dumps(entries))
    with pytest.raises(InputError, match="no scores"):
        detections.prepare([file])
