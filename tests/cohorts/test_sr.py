"""DICOM SR to nodules: boxes against the geometry that the series were made with, and against reference files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest

pytest.importorskip("highdicom")
from pydicom.uid import generate_uid

from benchmark.annotations.boxes import placed_boxes
from benchmark.annotations.report import read_report
from benchmark.cohorts import annotated, dicom_kinds, sr
from benchmark.cohorts.annotated import read_annotated
from benchmark.cohorts.prepared import Prepared, save
from benchmark.errors import InputError
from benchmark.imaging.scans import dicom_tree
from benchmark.work.local import Here
from tests.cohorts.annotated_series import Mark, Series, report, segmentation
from tests.cohorts.test_segmentations import GEOMETRIES, two_nodules

NODULE: list[Mark] = [(4, (5.5, 4.0, 9.5, 8.0)), (5, (4.5, 3.0, 10.5, 9.0)), (6, (5.5, 4.5, 10.0, 8.5))]
"""Boxes of one nodule: slice, and left, top, right, bottom in image coordinates."""


@pytest.fixture(autouse=True)
def _in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in limited processes; where that is not what is tested, starting them is spared."""
    if request.cls is None and "shared" not in request.fixturenames:
        for module in (annotated, dicom_kinds, dicom_tree):
            monkeypatch.setattr(module, "limited_processes", lambda *_: Here())


def centres(prepared: Prepared) -> np.ndarray:
    return prepared.nodules[["coordX", "coordY", "coordZ"]].to_numpy(float)


def middle(series: Series, boxes: list[Mark]) -> np.ndarray:
    """Mean of the centres of some boxes, weighted by area; image coordinates begin half a pixel before a point."""
    each = [series.point((x0 + x1) / 2 - 0.5, (y0 + y1) / 2 - 0.5, k) for k, (x0, y0, x1, y1) in boxes]
    areas = [(x1 - x0) * (y1 - y0) for _, (x0, y0, x1, y1) in boxes]
    return np.average(each, axis=0, weights=areas)


@pytest.mark.parametrize("name", GEOMETRIES)
def test_boxes_over_slices_are_one_nodule_where_the_slices_lie(name: str, tmp_path: Path) -> None:
    series = Series(*GEOMETRIES[name]).write(tmp_path / "ct")
    report(series, [*NODULE, (9, (18.0, 12.0, 21.0, 15.0))], tmp_path / "sr.dcm")
    prepared = sr.prepare([tmp_path])
    expected = [middle(series, NODULE), series.point(19, 13, 9)]
    np.testing.assert_allclose(centres(prepared), expected, atol=1e-4)
    table = prepared.nodules
    assert table["boxes"].tolist() == ["3", "1"]
    assert table["tracking"].tolist() == ["1 2 3", "4"]
    assert table["scan_id"].tolist() == [series.uid] * 2
    assert table["image_path"].tolist() == ["ct", "ct"]
    is_axial = abs(series.normal[2]) > 0.9
    longest = table["longest_axial_diameter_(mm)"].tolist()
    assert longest == pytest.approx([6 * 0.8, 3 * 0.8] if is_axial else [float("nan")] * 2, nan_ok=True)


@pytest.mark.parametrize("name", ["axial", "missing_slice"])
def test_reference_files(name: str, shared: Path, tmp_path: Path) -> None:
    folder = shared / "reference" / "dicom_seg_sr" / name
    expected = json.loads((folder / "expected.json").read_text())["sr_boxes"]
    cohort = save(sr.prepare([folder]), tmp_path / "c")
    found = cohort.nodules[["coordX", "coordY", "coordZ"]].to_numpy(float)
    np.testing.assert_allclose(
        found, [one["area_weighted_centre_lps_mm"] for one in expected["nodules"]], atol=1e-4
    )
    assert cohort.nodules["tracking"].str.split(" ").tolist() == [one["boxes"] for one in expected["nodules"]]
    excluded = pd.read_csv(tmp_path / "c" / "exclusions.csv")
    assert len(excluded) == sum(one["status"] != "ok" for one in expected["boxes"])


@pytest.mark.parametrize("name", ["axial", "missing_slice"])
@pytest.mark.slow
def test_every_box_of_the_reference_files(name: str, shared: Path) -> None:
    folder = shared / "reference" / "dicom_seg_sr" / name
    expected = json.loads((folder / "expected.json").read_text())["sr_boxes"]["boxes"]
    found = read_annotated([folder / "ct", folder / "sr_boxes.dcm"], "SR", read_report)
    boxes = placed_boxes([(one.path, region) for one in found.files for region in one.regions], found.slices)
    assert [box.status for box in boxes] == [one["status"] for one in expected]
    for box, one in zip(boxes, expected, strict=True):
        if box.slice is not None:
            np.testing.assert_allclose(box.centre, one["centre_lps_mm"], atol=1e-4)
            np.testing.assert_allclose(box.size, one["width_height_mm"], atol=1e-4)


def test_the_rule_joins_what_overlaps_on_neighbouring_slices(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct", without=(7,))
    boxes: list[Mark] = [
        (2, (2, 2, 6, 6)), (3, (6, 2, 9, 6)),  # they touch and do not overlap
        (6, (2, 2, 6, 6)), (8, (3, 3, 7, 7)),  # neighbours, for slice 7 is not there
        (10, (12, 2, 16, 6)), (10, (14, 4, 18, 8)), (11, (15, 5, 17, 7)),  # two on a slice, joined by the third
    ]  # fmt: skip
    report(series, boxes, tmp_path / "sr.dcm")
    assert sr.prepare([tmp_path]).nodules["tracking"].tolist() == ["1", "2", "3 4", "5 6 7"]


def test_a_tracking_uid_joins_boxes_that_do_not_overlap(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
    one, other = generate_uid(), generate_uid()
    boxes: list[Mark] = [(2, (2, 2, 6, 6)), (4, (8, 2, 12, 6)), (5, (2, 12, 6, 16))]
    report(series, boxes, tmp_path / "sr.dcm", [one, one, other])
    assert sr.prepare([tmp_path]).nodules["tracking"].tolist() == ["1 2", "3"]


def test_what_cannot_be_placed_is_listed(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct", without=(9,))
    boxes: list[Mark] = [
        *NODULE, NODULE[1], (9, (1, 1, 3, 3)), (3, (8, 8, 8, 12)), (2, (-40.0, -20.5, -36.0, -16.0)),
        (1, (-3, 1, 6, 5)),
    ]  # fmt: skip
    report(series, boxes, tmp_path / "sr.dcm")
    prepared = sr.prepare([tmp_path])
    assert prepared.nodules["tracking"].tolist() == ["1 2 3", "8"]
    assert [(one.nodule_id, one.reason) for one in prepared.excluded] == [
        ("box 4 (sr.dcm)", "repeats another box of its slice"),
        ("box 5 (sr.dcm)", "referenced slice is not in the folder"),
        ("box 6 (sr.dcm)", "no area"),
        ("box 7 (sr.dcm)", "graphic data are not image coordinates"),
    ]
    assert "1 boxes lie on slices that are not in the folder" in str(prepared.warnings)


def test_a_report_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
    first = report(series, NODULE, tmp_path / "a.dcm")
    first.save_as(tmp_path / "copy.dcm")
    report(series, NODULE, tmp_path / "b.dcm")  # written again, with new UIDs
    prepared = sr.prepare([tmp_path])
    assert prepared.nodules["tracking"].tolist() == ["1 2 3"]
    assert [one.reason for one in prepared.excluded] == ["repeats another box of its slice"] * 3
    assert "copies of other files left out: copy.dcm" in prepared.notes


def test_boxes_in_millimetres_are_recognised(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
    first, other = series.point(4, 3, 0), series.point(20, 15, 0)
    boxes: list[Mark] = [
        (4, (*first[:2], *(first[:2] + 4))), (4, (*other[:2], *(other[:2] + 1))), (5, (-9.0, 30.0, -5.0, 34.0)),
    ]  # fmt: skip
    report(series, boxes, tmp_path / "sr.dcm")
    with pytest.raises(InputError, match="all would fit it in mm"):
        sr.prepare([tmp_path])


def test_a_point_is_a_nodule_without_a_size(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["oblique"]).write(tmp_path / "ct")
    report(series, [(4, (7.5, 6.5, 0, 0))], tmp_path / "sr.dcm", kind="POINT")
    prepared = sr.prepare([tmp_path])
    np.testing.assert_allclose(centres(prepared), [series.point(7, 6, 4)], atol=1e-4)
    assert prepared.nodules["longest_axial_diameter_(mm)"].isna().all()


def test_series_of_a_patient_are_kept_apart(tmp_path: Path) -> None:
    axes, heights = GEOMETRIES["axial"]
    for name, date in (("a", "20020203"), ("b", "20010203")):
        series = Series(axes, heights, date=date).write(tmp_path / name)
        report(series, NODULE, tmp_path / f"{name}.dcm")
    table = sr.prepare([tmp_path]).nodules
    assert table["nodule_id"].tolist() == ["2-1", "1-1"]
    assert table["image_path"].tolist() == ["a", "b"]


def test_patients_must_agree(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
    data = report(series, NODULE, tmp_path / "sr.dcm")
    data.PatientID = "somebody"
    data.save_as(tmp_path / "sr.dcm")
    with pytest.raises(InputError, match="is of patient 'somebody', and its image"):
        sr.prepare([tmp_path])


def without_content(data: pydicom.Dataset, path: Path) -> None:
    data.ContentSequence = []
    data.save_as(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda series, path: report(series, NODULE, path), "none of 3 boxes can be placed.*give the folder"),
        (lambda series, path: segmentation(series, two_nodules(), path), "none of modality SR: 1 SEG"),
        (lambda series, path: without_content(report(series, NODULE, path), path), "holds a region on a slice"),
    ],
)
def test_what_is_missing_is_said(make: Any, said: str, tmp_path: Path) -> None:
    make(Series(*GEOMETRIES["axial"]), tmp_path / "x.dcm")
    with pytest.raises(InputError, match=said):
        sr.prepare([tmp_path])


class TestHostileFiles:
    @pytest.mark.parametrize("graphic", [[1.0, 2.0, 3.0], [float("nan")] * 4, [1e30, 1e30, -1e30, 0.0], []])
    @pytest.mark.slow
    def test_graphic_data_of_any_kind_take_no_part(self, graphic: list[float], tmp_path: Path) -> None:
        series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
        report(series, [*NODULE, (9, (1, 1, 3, 3))], tmp_path / "sr.dcm")
        data = pydicom.dcmread(tmp_path / "sr.dcm")
        [element for element in data.iterall() if element.tag == 0x00700022][3].value = graphic
        data.save_as(tmp_path / "sr.dcm")
        prepared = sr.prepare([tmp_path])
        assert prepared.nodules["tracking"].tolist() == ["1 2 3"]
        assert [one.reason for one in prepared.excluded] == ["graphic data are not image coordinates"]

    @pytest.mark.slow
    def test_a_file_cut_anywhere_is_refused_by_name(self, tmp_path: Path) -> None:
        series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
        report(series, NODULE, tmp_path / "sr.dcm")
        whole = (tmp_path / "sr.dcm").read_bytes()
        for share in (0.3, 0.7):
            (tmp_path / "sr.dcm").write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(InputError, match=r"sr\.dcm|modality SR"):
                sr.prepare([tmp_path])

    def test_deep_content_is_refused(self, tmp_path: Path) -> None:
        series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
        report(series, NODULE, tmp_path / "sr.dcm")
        whole = pydicom.dcmread(tmp_path / "sr.dcm")
        deep = pydicom.Dataset()
        for _ in range(150):
            outer = pydicom.Dataset()
            outer.ContentSequence = [deep]
            deep = outer
        whole.ContentSequence = [deep]
        whole.save_as(tmp_path / "sr.dcm")
        with pytest.raises(InputError, match=r"sr\.dcm — holds more than 100 sequences in one another"):
            sr.prepare([tmp_path])
