"""DICOM SEG to nodules: against the geometry that the series were made with, and against reference files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import pytest

pytest.importorskip("highdicom")
from highdicom.sr.coding import CodedConcept

from benchmark.cohorts import annotated, dicom_kinds, masks, segmentations
from benchmark.cohorts.prepared import Prepared, save
from benchmark.errors import InputError
from benchmark.imaging.scans import dicom_tree
from benchmark.work.local import Here
from tests.cohorts.annotated_series import Series, described, segmentation
from tests.cohorts.test_lungx import rotation
from tests.cohorts.test_masks import mask

SHAPE = (21, 27)
TURNED = rotation(0, 20) @ rotation(1, -35) @ rotation(2, 50)
GEOMETRIES = {
    "axial": (np.array([[1.0, 0, 0], [0, 1, 0]]), np.arange(12) * 2.0),
    "sagittal": (np.array([[0.0, 1, 0], [0, 0, -1]]), np.arange(12) * 1.5),
    "coronal": (np.array([[1.0, 0, 0], [0, 0, -1]]), np.arange(12) * 1.5),
    "oblique": (TURNED[:2], np.arange(12) * 2.5),
    "flipped": (np.array([[-1.0, 0, 0], [0, 1, 0]]), np.arange(12) * 2.0),
    "feet first": (np.array([[1.0, 0, 0], [0, 1, 0]]), -np.arange(12) * 2.0),
    "uneven": (np.array([[1.0, 0, 0], [0, 1, 0]]), np.array([0, 1, 2, 3, 5, 8, 9, 12, 14, 15, 18, 20.0])),
}
"""Name → directions along a row and a column, and places of the slices."""


@pytest.fixture(autouse=True)
def _in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read in limited processes; where that is not what is tested, starting them is spared."""
    if request.cls is None and "shared" not in request.fixturenames:
        for module in (annotated, dicom_kinds, dicom_tree):
            monkeypatch.setattr(module, "limited_processes", lambda *_: Here())


def ball(centre: tuple[float, float, float], radius: float, slices: int = 12) -> np.ndarray:
    """Voxels ``[slices, rows, columns]`` of an ellipsoid, centre as column, row, slice."""
    k, j, i = np.mgrid[:slices, : SHAPE[0], : SHAPE[1]]
    distance = ((i - centre[0]) / 1.4) ** 2 + (j - centre[1]) ** 2 + ((k - centre[2]) * 1.6) ** 2
    return distance <= radius**2


def two_nodules() -> np.ndarray:
    return ball((8.2, 7.4, 4.3), 4.1) + 2 * ball((20.6, 14.1, 7.2), 3.2).astype(np.uint8)


def mean_of_voxels(series: Series, voxels: np.ndarray) -> np.ndarray:
    return np.mean([series.point(i, j, k) for k, j, i in np.argwhere(voxels)], axis=0)


def centres(prepared: Prepared) -> np.ndarray:
    return prepared.nodules[["coordX", "coordY", "coordZ"]].to_numpy(float)


@pytest.mark.parametrize(("name", "images"), [*((name, True) for name in GEOMETRIES), ("oblique", False)])
def test_centroids_are_means_of_voxel_centres(name: str, images: bool, tmp_path: Path) -> None:
    series = Series(*GEOMETRIES[name])
    voxels = two_nodules()
    segmentation(series, voxels, tmp_path / "seg.dcm")
    if images:
        series.write(tmp_path / "ct")
    prepared = masks.prepare([tmp_path])
    expected = [mean_of_voxels(series, voxels == number) for number in (1, 2)]
    np.testing.assert_allclose(centres(prepared), expected, atol=1e-6)
    table = prepared.nodules
    assert table["voxels"].tolist() == [str((voxels == number).sum()) for number in (1, 2)]
    assert table["scan_id"].tolist() == [series.uid] * 2
    assert table["pid"].tolist() == ["p1", "p1"]
    assert table["nodule_id"].tolist() == ["1", "2"]
    assert table["image_path"].tolist() == (["ct"] * 2 if images else [""] * 2)
    assert table["study_date"].tolist() == ["20010203"] * 2
    if name != "uneven":  # the header says that the slices are 2 mm thick, and nothing of their distance
        step = abs(series.heights[1] - series.heights[0])
        volumes = [(voxels == number).sum() * 0.8 * 0.6 * step for number in (1, 2)]
        assert table["volume_mm3"].tolist() == pytest.approx(volumes)
        assert table["mean_diameter"].tolist() == pytest.approx([(6 * v / np.pi) ** (1 / 3) for v in volumes])


def test_volumes_of_uneven_slices_go_half_the_way_and_it_is_said(tmp_path: Path) -> None:
    axes, heights = GEOMETRIES["uneven"]
    series = Series(axes, heights).write(tmp_path)
    voxels = two_nodules()
    segmentation(series, voxels, tmp_path / "seg.dcm")
    prepared = masks.prepare([tmp_path])
    reach = np.gradient(heights)
    expected = [((voxels == n).sum(axis=(1, 2)) * reach).sum() * 0.48 for n in (1, 2)]
    assert prepared.nodules["volume_mm3"].tolist() == pytest.approx(expected)
    assert sum("unevenly spaced" in warning for warning in prepared.warnings) == 2


def test_what_lies_beside_masks_of_other_formats_is_named(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
    segmentation(series, two_nodules(), tmp_path / "old" / "seg.dcm")
    mask(tmp_path / "p1.nii.gz", [((3, 3, 3), 3, 1)])
    prepared = masks.prepare([tmp_path])
    assert prepared.nodules["voxels"].tolist() == ["27"]
    said = [warning for warning in prepared.warnings if "were not read" in warning]
    assert len(said) == 1
    assert "1 DICOM SEG files" in said[0]
    assert "seg.dcm" in said[0]
    (tmp_path / "old" / "seg.dcm").unlink()
    assert not any("were not read" in warning for warning in masks.prepare([tmp_path]).warnings)


@pytest.mark.parametrize("name", ["axial", "missing_slice"])
def test_reference_files(name: str, shared: Path, tmp_path: Path) -> None:
    folder = shared / "reference" / "dicom_seg_sr" / name
    expected = json.loads((folder / "expected.json").read_text())
    cohort = save(masks.prepare([folder]), tmp_path / "c")
    there = [one for one in expected["seg"] if one["voxels"]]
    found = cohort.nodules[["coordX", "coordY", "coordZ"]].to_numpy(float)
    np.testing.assert_allclose(found, [one["centroid_lps_mm"] for one in there], atol=1e-6)
    assert cohort.nodules["voxels"].astype(int).tolist() == [one["voxels"] for one in there]
    volumes = [one["volume_mm3"] for one in expected["sr_measurements_of_seg"]]
    assert cohort.nodules["volume_mm3"].astype(float).tolist() == pytest.approx(volumes)
    excluded = pd.read_csv(tmp_path / "c" / "exclusions.csv")
    assert excluded["reason"].tolist() == ["the segment is empty"]


def test_a_label_map_and_a_fractional_segmentation_say_the_same(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["oblique"])
    voxels = two_nodules()
    segmentation(series, voxels, tmp_path / "a" / "seg.dcm")
    segmentation(series, voxels, tmp_path / "b" / "seg.dcm", kind="LABELMAP")
    parts = np.stack([voxels == 1, voxels == 2], axis=3) * 0.8 + 0.1
    segmentation(series, parts, tmp_path / "c" / "seg.dcm", kind="FRACTIONAL")
    found = {name: masks.prepare([tmp_path / name]) for name in "abc"}
    for name in "bc":
        np.testing.assert_allclose(centres(found[name]), centres(found["a"]), atol=1e-9)
    assert any("fractional" in warning for warning in found["c"].warnings)


def test_compressed_frames_are_read(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"])
    parts = np.stack([two_nodules() == 1, two_nodules() == 2], axis=3) * 1.0
    segmentation(series, parts, tmp_path / "seg.dcm", kind="FRACTIONAL", transfer_syntax_uid="1.2.840.10008.1.2.5")
    expected = [mean_of_voxels(series, two_nodules() == number) for number in (1, 2)]
    np.testing.assert_allclose(centres(masks.prepare([tmp_path])), expected, atol=1e-6)


def test_a_frame_without_a_position_lies_where_its_slice_does(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["oblique"]).write(tmp_path / "ct")
    data = segmentation(series, two_nodules(), tmp_path / "seg.dcm")
    for group in data.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    data.save_as(tmp_path / "seg.dcm")
    expected = [mean_of_voxels(series, two_nodules() == number) for number in (1, 2)]
    np.testing.assert_allclose(centres(masks.prepare([tmp_path])), expected, atol=1e-6)
    with pytest.raises(InputError, match="does not say where it lies"):
        masks.prepare([tmp_path / "seg.dcm"])


def test_a_frame_elsewhere_than_its_slice_is_refused(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
    data = segmentation(series, two_nodules(), tmp_path / "seg.dcm")
    position = data.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence[0]
    position.ImagePositionPatient = [0, 0, 0]
    data.save_as(tmp_path / "seg.dcm")
    with pytest.raises(InputError, match=r"seg\.dcm — a frame of segment 1 lies at 0, 0, 0 mm"):
        masks.prepare([tmp_path])


def test_missing_slices_are_said_and_their_frames_placed(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct", without=(4, 11))
    segmentation(series, two_nodules(), tmp_path / "seg.dcm")
    prepared = masks.prepare([tmp_path])
    expected = [mean_of_voxels(series, two_nodules() == number) for number in (1, 2)]
    np.testing.assert_allclose(centres(prepared), expected, atol=1e-6)
    assert "2 of 12 slices that seg.dcm refers to are not in the folder (nodules lie on 1 of them)" in str(
        prepared.warnings
    )


def test_copies_are_left_out_and_others_are_told_apart(tmp_path: Path) -> None:
    series = Series(*GEOMETRIES["axial"]).write(tmp_path / "ct")
    data = segmentation(series, two_nodules(), tmp_path / "a.dcm")
    data.save_as(tmp_path / "copy of a.dcm")
    segmentation(series, (two_nodules() == 2).astype(np.uint8), tmp_path / "b.dcm")  # nodule 2 again
    segmentation(series, ball((5, 15, 9), 2).astype(np.uint8), tmp_path / "c.dcm")
    prepared = masks.prepare([tmp_path])
    assert prepared.nodules["nodule_id"].tolist() == ["1", "2", "1.2"]
    assert [one.reason for one in prepared.excluded] == ["is a copy of segment 2 of a.dcm"]
    assert "copies of other files left out: copy of a.dcm" in prepared.notes


def test_scans_of_a_patient_are_numbered_by_date(tmp_path: Path) -> None:
    axes, heights = GEOMETRIES["axial"]
    late, early = Series(axes, heights, date="20020203"), Series(axes, heights, date="20010203")
    for name, series in (("a", late), ("b", early)):
        series.write(tmp_path / name)
        segmentation(series, two_nodules(), tmp_path / f"{name}.dcm")
    table = masks.prepare([tmp_path]).nodules
    assert table["nodule_id"].tolist() == ["2-1", "2-2", "1-1", "1-2"]
    assert table["image_path"].tolist() == ["a", "a", "b", "b"]


@pytest.mark.parametrize(
    ("category", "kind", "kept"),
    [
        (("123037004", "Anatomical Structure"), ("39607008", "Lung"), False),
        (("85756007", "Tissue"), ("85756007", "Tissue"), True),
        (("85756007", "Tissue"), ("39607008", "Lung"), False),
        (("49755003", "Morphologically Altered Structure"), ("8041", "Small cell carcinoma"), True),
    ],
)
def test_anatomy_is_no_nodule(
    category: tuple[str, str], kind: tuple[str, str], kept: bool, tmp_path: Path
) -> None:
    series = Series(*GEOMETRIES["axial"])
    other = described(
        2, "other", CodedConcept(kind[0], "SCT", kind[1]), CodedConcept(category[0], "SCT", category[1])
    )
    segmentation(series, two_nodules(), tmp_path / "seg.dcm", [described(1, "n"), other])
    prepared = masks.prepare([tmp_path])
    assert prepared.nodules["nodule_id"].tolist() == ["1", "2"][: 1 + kept]
    assert [one.reason for one in prepared.excluded] == (
        [] if kept else [f"is no nodule but {kind[1]} ({category[1]})"]
    )


def test_a_segment_in_parts_is_one_nodule_and_it_is_said(tmp_path: Path) -> None:
    voxels = (two_nodules() > 0).astype(np.uint8)
    segmentation(Series(*GEOMETRIES["axial"]), voxels, tmp_path / "seg.dcm")
    prepared = masks.prepare([tmp_path])
    sizes = sorted(((two_nodules() == n).sum() for n in (1, 2)), reverse=True)
    assert f"segment 1 of seg.dcm {segmentations._SPLIT} (voxels: {sizes[0]}, {sizes[1]})" in prepared.warnings


def test_patients_must_agree_or_be_named_by_the_path(tmp_path: Path) -> None:
    axes, heights = GEOMETRIES["axial"]
    series = Series(axes, heights).write(tmp_path / "ct")
    data = segmentation(series, two_nodules(), tmp_path / "s7" / "seg.dcm")
    data.PatientID = "somebody"
    data.save_as(tmp_path / "s7" / "seg.dcm")
    with pytest.raises(InputError, match=r"is of patient 'somebody', and its image .* of 'p1'"):
        masks.prepare([tmp_path])
    named = masks.prepare([tmp_path], id_pattern=r"(?P<pid>s\d)/seg").nodules
    assert named["pid"].tolist() == ["s7", "s7"]
    data.PatientID = ""
    data.save_as(tmp_path / "s7" / "seg.dcm")
    with pytest.raises(InputError, match="has no PatientID"):
        masks.prepare([tmp_path])


def test_small_segments_are_listed(tmp_path: Path) -> None:
    segmentation(Series(*GEOMETRIES["axial"]), two_nodules(), tmp_path / "seg.dcm")
    least = int((two_nodules() == 2).sum()) + 1
    prepared = masks.prepare([tmp_path], min_voxels=least)
    assert [one.reason for one in prepared.excluded] == [f"segment of fewer than {least} voxels"]


class TestHostileFiles:
    def file(self, folder: Path) -> Path:
        segmentation(Series(*GEOMETRIES["axial"]), two_nodules(), folder / "seg.dcm")
        return folder / "seg.dcm"

    @pytest.mark.parametrize(
        ("changed", "said"),
        [
            ({"NumberOfFrames": 10**7}, "frames of 21 x 27 voxels are too many"),
            ({"Rows": 60000, "Columns": 60000}, "too many|cut short"),
            ({"Rows": 23}, "cut short"),
            ({"SegmentationType": "FRACTIONAL", "MaximumFractionalValue": None}, "cannot be read"),
            ({"NumberOfFrames": 7}, "there are 7"),
            ({"PixelData": b"\0\0"}, "cut short"),
            ({"PerFrameFunctionalGroupsSequence": None}, "frames are described"),
            ({"SegmentSequence": None}, "which is not described"),
        ],
    )
    @pytest.mark.slow
    def test_what_contradicts_itself_is_refused_by_name(
        self, changed: dict[str, Any], said: str, tmp_path: Path
    ) -> None:
        data = pydicom.dcmread(self.file(tmp_path))
        for name, value in changed.items():
            setattr(data, name, value)
        data.save_as(tmp_path / "seg.dcm")
        with pytest.raises(InputError, match=said) as caught:
            masks.prepare([tmp_path])
        assert all(str(problem.file).endswith("seg.dcm") for problem in caught.value.problems)

    @pytest.mark.slow
    def test_a_file_cut_anywhere_is_refused_by_name(self, tmp_path: Path) -> None:
        path = self.file(tmp_path)
        whole = path.read_bytes()
        for share in (0.2, 0.5, 0.9, 0.999):
            path.write_bytes(whole[: int(len(whole) * share)])
            with pytest.raises(InputError, match=r"seg\.dcm"):
                masks.prepare([tmp_path])

    @pytest.mark.slow
    def test_a_changed_byte_ends_in_numbers_or_in_a_refusal(self, tmp_path: Path) -> None:
        path = self.file(tmp_path)
        whole = path.read_bytes()
        generator = np.random.default_rng(0)
        refusals: list[str] = []
        for place in generator.integers(132, len(whole), 12):
            path.write_bytes(whole[:place] + bytes([generator.integers(256)]) + whole[place + 1 :])
            try:
                found = centres(masks.prepare([path]))
            except InputError as error:
                found = np.zeros((0, 3))
                refusals.append(str(error))
            assert np.isfinite(found).all()
        assert all("seg.dcm" in said for said in refusals)

    def test_a_link_that_leads_out_of_the_folder_is_refused(self, tmp_path: Path) -> None:
        path = self.file(tmp_path / "outside")
        (tmp_path / "in").mkdir()
        (tmp_path / "in" / "seg.dcm").symlink_to(path)
        with pytest.raises(InputError, match="leads out of its folder"):
            masks.prepare([tmp_path / "in"])

    def test_a_folder_without_segmentations_says_what_it_holds(self, tmp_path: Path) -> None:
        Series(*GEOMETRIES["axial"]).write(tmp_path)
        with pytest.raises(InputError, match="12 DICOM files and none of modality SEG: 12 CT"):
            masks.prepare([tmp_path])
