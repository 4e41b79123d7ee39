"""NLST's screens with located nodules: LUNA25's table, Sybil's boxes as SR and JSON, segments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("highdicom")
import pydicom

from benchmark.cohorts import annotated, nlst
from benchmark.cohorts.prepared import Prepared, save
from benchmark.errors import InputError
from benchmark.imaging.scans import dicom_tree
from benchmark.work.local import Here
from tests.cohorts.annotated_series import Series, report, segmentation

AXIAL = np.array([[1.0, 0, 0], [0, 1, 0]])
LUNA25 = (
    "PatientID,SeriesInstanceUID,StudyDate,CoordX,CoordY,CoordZ,LesionID,AnnotationID,NoduleID,label,"
    "Age_at_StudyDate,Gender\n"
)


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in limited processes; starting them is spared."""
    for module in (annotated, dicom_tree):
        monkeypatch.setattr(module, "limited_processes", lambda *_: Here())


def people(folder: Path) -> Path:
    """Four participants: 1 has cancer 20 days after T1 and no T2, 2 none, 3 is censored, 4 has cancer after T0."""
    path = folder / "participant.csv"
    path.write_text(
        "pid,scr_days0,scr_days1,scr_days2,candx_days,fup_days\n"
        "1,10,380,,400,400\n2,10,380,740,,2000\n3,10,,,,100\n4,10,,,100,100\n"
    )
    return path


def by_id(prepared: Prepared) -> dict[tuple[str, str], Any]:
    table = prepared.nodules
    cells = table.astype(object).where(table.notna(), None).to_dict("records")
    return {(row["pid"], row["nodule_id"]): row for row in cells}


def luna25(folder: Path, *rows: str) -> Path:
    path = folder / "luna25.csv"
    path.write_text(LUNA25 + "".join(f"{row},60,Male\n" for row in rows))
    return path


def test_luna25_locates_nodules_and_labels_those_of_positive_screens(tmp_path: Path) -> None:
    table = luna25(
        tmp_path,
        "1,1.2.3.4.11,20000102,10.5,-20,-30,1,1_1_20000102,1_1,1",
        "1,1.2.3.4.11,20000102,50,-20,-60,2,1_2_20000102,1_2,0",
        "1,1.2.3.4.10,19990102,10,-20,-30,1,1_1_19990102,1_1,1",
        "4,1.2.3.4.40,19990102,10,-20,-30,1,4_1_19990102,4_1,0",
        "9,1.2.3.4.90,19990102,10,-20,-30,1,9_1_19990102,9_1,0",
    )
    prepared = nlst.prepare([people(tmp_path), table])
    rows = by_id(prepared)
    labels = {key: row["malignant"] for key, row in rows.items()}
    assert labels == {
        ("1", "1_1_19990102"): 0,  # its screen has no diagnosis within a year: 390 days
        ("1", "1_1_20000102"): 1,
        ("1", "1_2_20000102"): 0,
        ("2", "T0"): 0,
        ("2", "T1"): 0,
        ("2", "T2"): 0,
        ("3", "T0"): None,
        ("4", "T0"): 1,  # its located nodule is benign, the screen is positive: its row stays
        ("4", "4_1_19990102"): 0,
    }
    assert rows["1", "1_1_20000102"]["scan_id"] == "1.2.3.4.11"
    assert [rows["1", "1_1_20000102"][f"coord{axis}"] for axis in "XYZ"] == [10.5, -20, -30]
    assert rows["2", "T0"]["scan_id"] == "2_T0"
    assert rows["4", "T0"]["scan_id"] == "1.2.3.4.40"  # that of the nodule beside it
    assert rows["1", "1_1_19990102"]["marked_cancer"] == 1
    told = "\n".join([*prepared.notes, *prepared.warnings])
    assert "1 nodules that their source marks as cancer lie in screens without a diagnosis in time" in told
    assert "1 positive screens have located nodules and none that is known to be the cancer" in told
    assert [(one.pid, one.reason) for one in prepared.excluded if one.pid == "9"] == [
        ("9", "is in no screen of the participant table")
    ]
    cohort = save(prepared, tmp_path / "cohorts" / "nlst")
    assert cohort.patient_labels.drop("3").to_dict() == {"1": 1, "2": 0, "4": 1}
    assert cohort.patient_labels.isna()["3"]
    assert cohort.manifest.endpoint.endswith("of a nodule of a positive screen: marked as the cancer")


def test_the_diameter_of_the_largest_nodule_of_a_screen_is_not_that_of_each(tmp_path: Path) -> None:
    found = tmp_path / "ctab.csv"
    found.write_text("pid,study_yr,sct_ab_desc,sct_long_dia\n1,1,51,12\n2,0,51,7\n")
    table = luna25(tmp_path, "1,1.2.3.4.11,20000102,10.5,-20,-30,1,1_1_20000102,1_1,1")
    rows = by_id(nlst.prepare([people(tmp_path), found, table]))
    assert rows["1", "1_1_20000102"]["longest_axial_diameter_(mm)"] is None
    assert rows["1", "1_1_20000102"]["nodule_count"] == 1
    assert rows["2", "T0"]["longest_axial_diameter_(mm)"] == 7


BOXES = [(4, (5.0, 4.0, 9.0, 8.0)), (5, (5.0, 4.0, 9.0, 8.0)), (9, (18.0, 12.0, 21.0, 15.0))]
"""Two nodules: on slices 4 and 5, and on slice 9."""


def described_as(path: Path, description: str) -> None:
    data = pydicom.dcmread(path)
    data.SeriesDescription = description
    data.save_as(path)


def test_sybils_boxes_are_cancers_where_the_images_place_them(tmp_path: Path) -> None:
    series = Series(AXIAL, patient="1", date="20000102").write(tmp_path / "images" / "ct")
    report(series, BOXES, tmp_path / "images" / "sr.dcm")
    described_as(tmp_path / "images" / "sr.dcm", "Sybil lesion bounding box")
    prepared = nlst.prepare([people(tmp_path), tmp_path / "images"])
    rows = by_id(prepared)
    assert (rows["1", "T1-1"]["malignant"], rows["1", "T1-2"]["malignant"]) == (1, 1)
    assert ("1", "T1") not in rows
    assert rows["1", "T1-1"]["scan_id"] == series.uid
    assert rows["1", "T1-1"]["image_path"] == "ct"
    # the middle of both boxes, at the height between their slices; image coordinates begin half a pixel earlier
    expected = (series.point(6.5, 5.5, 4) + series.point(6.5, 5.5, 5)) / 2
    np.testing.assert_allclose([rows["1", "T1-1"][f"coord{axis}"] for axis in "XYZ"], expected, atol=1e-4)


def test_boxes_of_nobody_known_do_not_say_which_nodule_is_the_cancer(tmp_path: Path) -> None:
    series = Series(AXIAL, patient="1", date="20000102").write(tmp_path / "images" / "ct")
    report(series, BOXES, tmp_path / "images" / "sr.dcm")
    prepared = nlst.prepare([people(tmp_path), tmp_path / "images"])
    rows = by_id(prepared)
    assert (rows["1", "T1-1"]["malignant"], rows["1", "T1-2"]["malignant"]) == (None, None)
    assert rows["1", "T1"]["malignant"] == 1
    assert sum("does not say which nodule" in one.reason for one in prepared.excluded) == 2


def test_without_the_images_a_report_names_the_series_of_its_screen(tmp_path: Path) -> None:
    series = Series(AXIAL, patient="1", date="20000102")
    report(series, BOXES, tmp_path / "images" / "sr.dcm")
    prepared = nlst.prepare([people(tmp_path), tmp_path / "images"])
    rows = by_id(prepared)
    assert rows["1", "T1"]["scan_id"] == series.uid
    assert rows["1", "T0"]["scan_id"] == "1_T0"
    told = "\n".join(prepared.notes)
    assert "1 of 1 SR files have no images here" in told
    assert "scan_id of 1 rows" in told


def test_segments_need_no_images_and_measure_the_nodule(tmp_path: Path) -> None:
    series = Series(AXIAL, patient="2", date="19990102")
    voxels = np.zeros((len(series.heights), *series.shape), np.uint8)
    voxels[3:5, 6:9, 10:14] = 1
    segmentation(series, voxels, tmp_path / "seg" / "seg.dcm")
    described_as(tmp_path / "seg" / "seg.dcm", "NLSTSeg Segmentation of Series: 2")
    row = by_id(nlst.prepare([people(tmp_path), tmp_path / "seg"]))["2", "T0-1"]
    expected = (series.point(11.5, 7, 3) + series.point(11.5, 7, 4)) / 2
    np.testing.assert_allclose([row[f"coord{axis}"] for axis in "XYZ"], expected, atol=1e-6)
    assert row["scan_id"] == series.uid
    assert row["malignant"] == 0  # the screen is negative
    assert row["volume_mm3"] == pytest.approx(2 * 3 * 4 * 0.8 * 0.6 * 2.0)


def test_a_screen_that_two_sources_locate_is_taken_from_one(tmp_path: Path) -> None:
    series = Series(AXIAL, patient="1", date="20000102").write(tmp_path / "images" / "ct")
    report(series, BOXES, tmp_path / "images" / "sr.dcm")
    table = luna25(tmp_path, "1,1.2.3.4.11,20000102,10.5,-20,-30,1,1_1_20000102,1_1,1")
    prepared = nlst.prepare([people(tmp_path), tmp_path / "images", table])
    assert [key for key in by_id(prepared) if key[0] == "1"] == [("1", "T0"), ("1", "1_1_20000102")]
    assert sum("another source" in one.reason for one in prepared.excluded) == 2


def sybil_json(path: Path, series: Series, boxes: list[tuple[int, Any]]) -> Path:
    rows, columns = series.shape
    images: dict[str, list[dict[str, float]]] = {}
    for slice_, (x0, y0, x1, y1) in boxes:
        box = {"x": x0 / columns, "y": y0 / rows, "width": (x1 - x0) / columns, "height": (y1 - y0) / rows}
        images.setdefault(str(series.images[slice_].SOPInstanceUID), []).append(box)
    path.write_text(json.dumps({series.uid: {**images, "1.2.3.4.5": []}, "1.9.9.9.9": {}}))
    return path


def test_sybils_json_gives_what_the_same_boxes_as_reports_give(tmp_path: Path) -> None:
    series = Series(AXIAL, patient="1", date="20000102")
    for image in series.images:
        image.SeriesDescription = "1,OPA,GE,LS16,STANDARD,320,2,120,na,na,na"
    series.write(tmp_path / "images" / "ct")
    file = sybil_json(tmp_path / "annotations.json", series, BOXES)
    from_json = by_id(nlst.prepare([people(tmp_path), file, tmp_path / "images" / "ct"]))
    report(series, BOXES, tmp_path / "images" / "sr.dcm")
    described_as(tmp_path / "images" / "sr.dcm", "Sybil lesion bounding box")
    from_reports = by_id(nlst.prepare([people(tmp_path), tmp_path / "images"]))
    assert from_json.keys() == from_reports.keys()
    for key in (("1", "T1-1"), ("1", "T1-2")):
        for column in ("coordX", "coordY", "coordZ", "malignant", "longest_axial_diameter_(mm)", "scan_id"):
            assert from_json[key][column] == pytest.approx(from_reports[key][column], abs=1e-4) or (
                from_json[key][column] == from_reports[key][column]
            )


@pytest.mark.parametrize(
    "box",
    [
        {"x": 100, "y": 0.1, "width": 0.1, "height": 0.1},
        {"x": 0.1, "y": 0.1, "width": -0.1, "height": 0.1},
        {"x": 0.1, "y": 0.1, "width": 0.1},
        {"x": "0.1", "y": 0.1, "width": 0.1, "height": 0.1},
        [0.1, 0.1, 0.1, 0.1],
    ],
)
def test_boxes_that_are_no_parts_of_an_image_are_refused(tmp_path: Path, box: Any) -> None:
    file = tmp_path / "annotations.json"
    file.write_text(json.dumps({"1.2.3.4.5": {"1.2.3.4.6": [box]}}))
    with pytest.raises(InputError, match="a box is"):
        nlst.prepare([people(tmp_path), file])


def test_another_json_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.json"
    file.write_text('{"a": 1}')
    with pytest.raises(InputError, match="not of the form of Sybil"):
        nlst.prepare([people(tmp_path), file])
