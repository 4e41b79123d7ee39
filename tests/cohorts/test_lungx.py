"""LUNGx: the released workbooks, edited copies, and pixels to millimetres through DICOM."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from benchmark.cohorts.lungx import prepare
from benchmark.cohorts.prepared import counts, save, summary
from benchmark.contracts.cohort import load_cohort
from benchmark.errors import InputError

HEADER = ["Scan Number", "Nodule Number", "Nodule Center x,y Position*", "Nodule Center Image", "Final Diagnosis"]
ROWS = [
    ["LUNGx-CT001", 1, "3, 2", 1, "Benign nodule"],
    ["LUNGx-CT002", 1, "330, 348", 205, "Primary lung cancer "],
    ["LUNGx-CT002", 2, 364212, 150, "Suspicious malignant nodule"],
]
FOOT = [
    "*specified in pixels, where position (1,1) corresponds to the upper-leftmost pixel",
    None,
    None,
    None,
    None,
]


def book(path: Path, rows: list[list[object]], header: list[str] = HEADER) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for row in [header, *rows, [None] * len(header), FOOT[: len(header)]]:
        sheet.append(row)
    workbook.create_sheet("Sheet2")
    workbook.save(path)
    return path


class TestReleased:
    def test_it_gives_the_published_numbers(self, shared: Path) -> None:
        prepared = prepare([shared / "data" / "lungx"])
        found = counts(prepared.nodules)
        assert (found["patients"], found["nodules"], found["patients_positive"]) == (70, 83, 35)
        assert found["patients_labelled"] - found["patients_positive"] == 35
        assert [(e.pid, e.nodule_id) for e in prepared.excluded] == [("LUNGx-CT054", "2"), ("LUNGx-CT056", "2")]
        assert prepared.warnings == []

    def test_the_summary_names_what_is_missing(self, shared: Path) -> None:
        lines = "\n".join(summary(prepare([shared / "data" / "lungx"])))
        assert "DICOM folder" in lines
        assert "LUNGx-CT054 nodule 2, LUNGx-CT056 nodule 2" in lines
        assert "35 of 70" in lines

    @pytest.mark.parametrize(("choice", "positive"), [("malignant", 41), ("benign", 39)])
    def test_suspicious_nodules_are_a_choice(self, shared: Path, choice: str, positive: int) -> None:
        prepared = prepare([shared / "data" / "lungx"], suspicious=choice)  # type: ignore[arg-type]
        assert counts(prepared.nodules)["nodules_positive"] == positive
        assert counts(prepared.nodules)["nodules_labelled"] == 83
        assert prepared.excluded == []

    def test_a_scan_can_hold_one_nodule_of_each_kind(self, shared: Path) -> None:
        table = prepare([shared / "data" / "lungx"]).nodules
        assert table.loc[table["pid"] == "LUNGx-CT005", "malignant"].tolist() == [1, 0]

    def test_the_cohort_folder_records_its_sources(self, shared: Path, tmp_path: Path) -> None:
        save(prepare([shared / "data" / "lungx"]), tmp_path / "lungx")
        manifest = load_cohort("lungx", tmp_path).manifest
        assert [len(s.sha256) for s in manifest.sources] == [64, 64]
        assert manifest.details["counts"]["nodules"] == 83


class TestEditedCopies:
    @pytest.mark.filterwarnings("ignore:Unknown extension")
    def test_separate_columns_and_fewer_rows_are_read_with_a_warning(self, shared: Path, tmp_path: Path) -> None:
        source = openpyxl.load_workbook(shared / "data" / "lungx" / "TestSet_NoduleData_PublicRelease_wTruth.xlsx")
        rows = [list(r) for r in source.active.iter_rows(min_row=2, max_row=74, values_only=True)]
        kept = [r for r in rows if r[1] == 1]
        assert len(kept) == 60
        split = [[r[0], r[1], *[int(v) for v in r[2].split(",")], r[3], r[4]] for r in kept]
        header = [
            "Scan Number",
            "Nodule Number",
            "Nodule Center x Position",
            "Nodule Center y Position*",
            "Nodule Center Image",
            "Final Diagnosis",
        ]
        copy = book(tmp_path / "copy.xlsx", split, header)
        prepared = prepare([copy, shared / "data" / "lungx" / "CalibrationSet_NoduleData.xlsx"])
        assert counts(prepared.nodules)["nodules"] == 70
        assert counts(prepared.nodules)["patients_positive"] == 35
        text = "\n".join(prepared.warnings)
        assert "copy.xlsx is not the released workbook" in text
        assert "lacks 13" in text
        assert "lungx-ct059 nodule 2" in text
        whole = prepare([shared / "data" / "lungx"]).nodules.set_index(["pid", "nodule_id"])
        ours = prepared.nodules.set_index(["pid", "nodule_id"])
        assert ours["pixel_x"].equals(whole.loc[ours.index, "pixel_x"])

    @pytest.mark.filterwarnings("ignore:Unknown extension")
    def test_changed_rows_are_named(self, shared: Path, tmp_path: Path) -> None:
        source = openpyxl.load_workbook(shared / "data" / "lungx" / "TestSet_NoduleData_PublicRelease_wTruth.xlsx")
        sheet = source.active
        row = next(r for r in sheet.iter_rows() if r[0].value == "LUNGx-CT031")
        row[2].value = "130, 120"  # the release says 130, 230: a typo that circulates
        source.save(tmp_path / "edited.xlsx")
        prepared = prepare(
            [tmp_path / "edited.xlsx", shared / "data" / "lungx" / "CalibrationSet_NoduleData.xlsx"]
        )
        assert len(prepared.warnings) == 2
        assert "1 rows differ" in prepared.warnings[1]
        assert "LUNGx-CT031 nodule 1 (x 130, y 120, image 70)" in prepared.warnings[1]

    def test_a_title_above_the_header_and_decimals_do_not_matter(self, tmp_path: Path) -> None:
        file = tmp_path / "x.csv"
        file.write_text(
            "LUNGx test set,,,,,\n,,,,,\n"
            "Scan Number,Nodule Number,Nodule Center x Position,Nodule Center y Position*,"
            "Nodule Center Image,Final Diagnosis\n"
            "LUNGx-CT005,1,333.0,356.0,42.0,Primary lung cancer\n"
        )
        row = prepare([file]).nodules.iloc[0]
        assert row[["pixel_x", "pixel_y", "image_number"]].tolist() == ["333", "356", "42"]

    def test_positions_as_text_number_and_two_cells_are_one(self, tmp_path: Path) -> None:
        for number, cell in enumerate(["333, 356", "333,356", "333 356", 333356, 333356.0, "333356", "333;356"]):
            folder = tmp_path / str(number)
            folder.mkdir()
            table = prepare([book(folder / "x.xlsx", [["LUNGx-CT005", 1, cell, 42, "Benign nodule"]])]).nodules
            assert table[["pixel_x", "pixel_y"]].iloc[0].tolist() == ["333", "356"]

    def test_a_csv_copy_is_read_too(self, tmp_path: Path) -> None:
        file = tmp_path / "x.csv"
        file.write_text(
            'Scan Number,Nodule Number,"Nodule Center x,y Position*",Nodule Center Image,Final Diagnosis\n'
            'LUNGx-CT005,1,"333, 356",42,Primary lung cancer \n,,,,\n"*specified in pixels",,,,\n'
        )
        table = prepare([file]).nodules
        assert table[["pid", "malignant"]].iloc[0].tolist() == ["LUNGx-CT005", 1]

    def test_every_wrong_cell_is_named_at_once(self, tmp_path: Path) -> None:
        rows = [
            ["LUNGx-CT001", 1, "0, 20", 1, "Benign nodule"],
            ["LUNGx-CT002", 1, "700, 20", 1, "Benign nodule"],
            ["LUNGx-CT003", 1, "7, 20", "x", "Benign nodule"],
            ["LUNGx-CT004", 1, "7, 20", 3, "Maybe"],
        ]
        with pytest.raises(InputError) as caught:
            prepare([book(tmp_path / "x.xlsx", rows)])
        assert [p.row for p in caught.value.problems] == [2, 3, 4, 5]

    def test_a_nodule_twice_is_an_error(self, tmp_path: Path) -> None:
        rows = [["LUNGx-CT001", 1, "5, 6", 1, "Benign nodule"], ["lungx-ct001", 1, "5, 6", 1, "Benign nodule"]]
        with pytest.raises(InputError, match="line 2"):
            prepare([book(tmp_path / "x.xlsx", rows)])

    def test_a_workbook_without_the_columns_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="LUNGx workbooks"):
            prepare([book(tmp_path / "x.xlsx", [[1, 2, 3, 4, 5]], list("abcde"))])


def rotation(axis: int, degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = [k for k in range(3) if k != axis]
    matrix = np.eye(3)
    matrix[i, i], matrix[i, j], matrix[j, i], matrix[j, j] = c, -s, s, c
    return matrix


DIRECTIONS = {
    "axial": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "upside down": np.diag([1.0, -1.0, -1.0]),
    "oblique": rotation(0, 20) @ rotation(2, 35),
    "coronal": np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
}


def series(folder: Path, direction: np.ndarray, patient: str, *, uid: str = "1.2.826.0.1.3680043.2.1") -> Any:
    """A CT series of 6 slices, 12 columns and 9 rows, written slice by slice with names in no order."""
    import SimpleITK as sitk

    from tests.imaging.scan_files import write_dicom

    image = sitk.GetImageFromArray(np.linspace(-1000, 100, 6 * 9 * 12).reshape(6, 9, 12).astype(np.int16))
    image.SetSpacing((0.7, 0.9, 2.5))  # columns 0.7 mm apart, rows 0.9 mm
    image.SetOrigin((-120.5, 33.25, -400.0))
    image.SetDirection(direction.ravel().tolist())
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    folder.mkdir(parents=True, exist_ok=True)
    iop = "\\".join(f"{v:.10f}" for v in [*direction[:, 0], *direction[:, 1]])
    for index in range(6):
        one = image[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        tags = {
            "0008|0060": "CT",
            "0008|0020": "20010203",
            "0010|0020": patient,
            "0020|000d": uid + ".1",
            "0020|000e": uid + ".2",
            "0008|0018": f"{uid}.3.{index}",
            "0020|0013": str(index + 1),
            "0020|0032": "\\".join(f"{v:.6f}" for v in position),
            "0020|0037": iop,
            "0028|0030": "0.9\\0.7",
        }
        for tag, value in tags.items():
            one.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f"{(index * 5 + 3) % 7}.dcm"))
        write_dicom(writer, one)
    return image


@pytest.mark.needs("ct")
class TestMillimetres:
    @pytest.mark.parametrize("name", DIRECTIONS)
    def test_pixels_become_millimetres_in_any_direction(self, name: str, tmp_path: Path) -> None:
        image = series(tmp_path / "dicom" / "a", DIRECTIONS[name], "LUNGX-ct001")
        rows = [["LUNGx-CT001", 1, "3, 2", 4, "Benign nodule"], ["LUNGx-CT001", 2, "12, 9", 6, "Benign nodule"]]
        prepared = prepare([book(tmp_path / "x.xlsx", rows), tmp_path / "dicom"])
        # SimpleITK's own geometry: pixel (3, 2) counted from 1 on the fourth image is index (2, 1, 3)
        expected = [image.TransformIndexToPhysicalPoint(i) for i in ((2, 1, 3), (11, 8, 5))]
        found = prepared.nodules[["coordX", "coordY", "coordZ"]].to_numpy(float)
        np.testing.assert_allclose(found, expected, atol=1e-4)
        assert set(prepared.nodules["image_path"]) == {"a"}
        assert prepared.image_folder == tmp_path / "dicom"
        assert prepared.missing == []

    def test_anonymised_headers_are_told_by_their_folder(self, tmp_path: Path) -> None:
        for name in ("lungx-ct001", "LUNGx-CT002"):
            series(tmp_path / "dicom" / name / "1", DIRECTIONS["axial"], "ANONYMOUS", uid=f"1.2.{name[-1]}")
        prepared = prepare([book(tmp_path / "x.xlsx", ROWS[:1]), tmp_path / "dicom"])
        assert prepared.nodules["image_path"].tolist() == ["lungx-ct001/1"]

    def test_scans_without_images_are_listed(self, tmp_path: Path) -> None:
        series(tmp_path / "dicom", DIRECTIONS["axial"], "LUNGx-CT001")
        prepared = prepare([book(tmp_path / "x.xlsx", ROWS), tmp_path / "dicom"])
        assert prepared.nodules["coordX"].notna().tolist() == [True, False, False]
        assert "1 scans" in prepared.missing[0]
        assert "LUNGx-CT002" in prepared.missing[0]

    def test_an_image_number_that_is_not_there_is_an_error(self, tmp_path: Path) -> None:
        series(tmp_path / "dicom", DIRECTIONS["axial"], "LUNGx-CT001")
        rows = [["LUNGx-CT001", 1, "3, 2", 7, "Benign nodule"]]
        with pytest.raises(InputError, match="instance number 7") as caught:
            prepare([book(tmp_path / "x.xlsx", rows), tmp_path / "dicom"])
        assert caught.value.problems[0].row == 2

    def test_two_series_of_a_scan_are_an_error_with_their_uids(self, tmp_path: Path) -> None:
        series(tmp_path / "dicom" / "a", DIRECTIONS["axial"], "LUNGx-CT001", uid="1.2.1")
        series(tmp_path / "dicom" / "b", DIRECTIONS["axial"], "LUNGx-CT001", uid="1.2.9")
        with pytest.raises(InputError, match=r"1\.2\.1\.2, 1\.2\.9\.2"):
            prepare([book(tmp_path / "x.xlsx", ROWS), tmp_path / "dicom"])

    def test_stray_files_are_counted(self, tmp_path: Path) -> None:
        series(tmp_path / "dicom", DIRECTIONS["axial"], "LUNGx-CT001")
        (tmp_path / "dicom" / "LICENSE").write_text("not an image")
        prepared = prepare([book(tmp_path / "x.xlsx", ROWS[:1]), tmp_path / "dicom"])
        assert any("1 files" in line for line in prepared.warnings)
