"""A table of one's own as a cohort: columns recognised or suggested, ids in paths, indices of voxels."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts import csv, luna25
from benchmark.cohorts.prepared import Prepared, summary
from benchmark.errors import InputError


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def said(prepared: Prepared) -> str:
    return "\n".join(summary(prepared))


class TestColumns:
    def test_names_that_adapt_knows_are_known_here(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "PatientID,noduleID,label,StudyDate", "Ä 1,1,1,2001-02-03", "2,1,0,2002")
        prepared = csv.prepare([file])
        assert prepared.nodules["pid"].tolist() == ["Ä 1", "2"]
        assert prepared.nodules["malignant"].tolist() == [1, 0]
        assert prepared.nodules["study_date"].tolist() == ["2001-02-03", "2002"]
        assert "columns: pid from 'PatientID', nodule_id from 'noduleID', study_date from 'StudyDate', m" in said(
            prepared
        )

    def test_numbered_nodules_are_said_with_the_column_that_may_name_them(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "pid,Lesion,label", "a,L1,1", "a,L2,1", "b,L1,0")
        prepared = csv.prepare([file])
        assert prepared.nodules["nodule_id"].tolist() == ["0", "1", "0"]
        told = said(prepared)
        assert "nodules are called 0, 1, ... within a patient, in the order of the rows" in told
        assert "is 'Lesion' the nodule? pass --column nodule_id=Lesion" in told
        assert "nodule_id, image_path" not in told
        named = csv.prepare([file], columns={"nodule_id": "Lesion"})
        assert named.nodules["nodule_id"].tolist() == ["L1", "L2", "L1"]
        assert "nodules are called" not in said(named)

    def test_every_name_that_adapt_recognises_is_recognised(self, tmp_path: Path) -> None:
        names = ("pid", "patient_id", "patient-id", "PatientID", "patientID", "subject", "subject_id")
        for pid in names:
            for label in ("malignant", "label", "Malignant_lbl"):
                nodules = csv.prepare([write(tmp_path / "t.csv", f"{pid},{label}", "a,1", "b,0")]).nodules
                assert nodules["pid"].tolist() == ["a", "b"]
                assert nodules["malignant"].tolist() == [1, 0]

    def test_our_names_are_left_alone_beside_others(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "pid,subject,malignant,label", "a,x,1,benign", "b,y,0,malignant")
        prepared = csv.prepare([file])
        assert prepared.nodules["malignant"].tolist() == [1, 0]
        assert prepared.nodules["label"].tolist() == ["benign", "malignant"]
        assert "columns:" not in said(prepared)

    def test_two_that_differ_are_refused_with_the_choice(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "patient,subject,label", "a,x,1", "b,y,0")
        with pytest.raises(InputError, match=r"subject, patient — say which with --column pid=NAME"):
            csv.prepare([file])
        assert csv.prepare([file], columns={"pid": "subject"}).nodules["pid"].tolist() == ["x", "y"]

    def test_roles_and_our_columns_name_the_same(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "pid,outcome", "a,1", "b,0")
        for role in ("label", "malignant"):
            assert csv.prepare([file], columns={role: "outcome"}).nodules["malignant"].tolist() == [1, 0]
        with pytest.raises(InputError, match="given twice"):
            csv.prepare([file], columns={"label": "outcome", "malignant": "pid"})

    def test_there_can_be_none(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "pid,label,malignant", "a,nodule,x", "b,nodule,y")
        assert csv.prepare([file], columns={"label": ""}).nodules["malignant"].isna().all()

    def test_a_missing_patient_is_suggested_by_content(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "Befund,Fall Nr,Größe", "1,A1,3.5", "0,A2,4.5", "0,A3,5")
        with pytest.raises(InputError, match="no column for the patient") as caught:
            csv.prepare([file])
        assert "pass --column pid='Fall Nr' if that is the patient" in str(caught.value)
        assert "columns found: Befund, Fall Nr, Größe" in str(caught.value)

    def test_a_missing_label_and_centre_are_suggested(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "pid,Befund,cx,cy,cz", "a,benign,1,2,3.5", "b,malignant,4,5,6")
        text = said(csv.prepare([file]))
        assert "is 'Befund' the label? pass --column label=Befund, and --label-map TEXT=0 or TEXT=1" in text
        assert "pass --column coordX=cx --column coordY=cy --column coordZ=cz" in text

    def test_problems_name_the_users_column(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "Patient ID,label", "a,yes", "b ,no", "c,maybe")
        with pytest.raises(InputError) as caught:
            csv.prepare([file])
        assert {(p.row, p.column) for p in caught.value.problems} == {
            (3, "Patient ID"),
            *((n, "label") for n in (2, 3, 4)),
        }

    def test_the_command_line_says_no_label_and_no_column(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "pid,malignant,label", "a,5,x", "b,3,x", "c,1,x")
        words = ["cohort", "prepare", "csv", "--from", file, "--out", tmp_path / "c" / "r", "--label-map", "3="]
        words += ["--label-map", "1=0", "--label-map", "5=1", "--column", "date="]
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0
        assert "positive: 1 of 2 labelled patients" in done.output
        assert "excluded (no label): 1: b nodule 0" in done.output


def test_a_release_that_excel_saved_again_is_recognised_and_its_decimal_commas_named(tmp_path: Path) -> None:
    names = (
        "PatientID;SeriesInstanceUID;StudyDate;CoordX;CoordY;CoordZ;LesionID;AnnotationID;NoduleID;label;Gender"
    )
    rows = [f"{n};1.2;19990102;1{mark}5;2;3;1;1_{n};1;0;Male" for n, mark in enumerate(".,")]
    file = write(tmp_path / "x.csv", names, *rows)
    with pytest.raises(InputError) as caught:
        luna25.prepare([file])
    assert str(caught.value) == f"{file}:3:CoordX '1,5' — is not a finite number — a decimal comma? write points"


class TestPaths:
    ROWS = ("file,label", "d/P1/n1/x.nii.gz,1", "d/P1/n2/x.nii.gz,0", "d/P2/n1/x.nii.gz,0")

    def test_ids_come_from_the_path(self, tmp_path: Path) -> None:
        prepared = csv.prepare(
            [write(tmp_path / "t.csv", *self.ROWS)], id_pattern=r"/(?P<pid>[^/]+)/n(?P<nodule_id>\d)/"
        )
        assert prepared.nodules["pid"].tolist() == ["P1", "P1", "P2"]
        assert prepared.nodules["nodule_id"].tolist() == ["1", "2", "1"]
        assert prepared.nodules["image_path"].tolist()[0] == "d/P1/n1/x.nii.gz"
        assert "ids from the paths (--id-pattern)" in said(prepared)

    def test_it_is_suggested_where_nothing_else_names_the_patient(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"pass --id-pattern '\.\*/\(\?P<pid>"):
            csv.prepare([write(tmp_path / "t.csv", *self.ROWS)])

    def test_a_path_without_an_id_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match=r"t\.csv:4:file 'd/P2/n1/x\.nii\.gz' — --id-pattern finds no id"):
            csv.prepare([write(tmp_path / "t.csv", *self.ROWS)], id_pattern="(?P<pid>P1)")

    def test_two_sources_of_one_id_are_refused(self, tmp_path: Path) -> None:
        file = write(tmp_path / "t.csv", "Patient,path", "a,d/P1/x", "b,d/P2/x")
        with pytest.raises(InputError, match=r"for the pid \(Patient\), and --id-pattern finds one too"):
            csv.prepare([file], id_pattern="(P.)")
        assert csv.prepare([file], id_pattern="(P.)", columns={"pid": ""}).nodules["pid"].tolist() == ["P1", "P2"]

    def test_without_paths_it_cannot_be(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no column of paths"):
            csv.prepare([write(tmp_path / "t.csv", "a,b", "1,2")], id_pattern="(P.)")


def test_the_frame_that_was_taken_is_printed(tmp_path: Path) -> None:
    header = "pid,nodule_id,image_path,coordX,coordY,coordZ"
    file = write(tmp_path / "t.csv", header, "a,1,x,1.5,2,3")
    assert "coordinates: taken as mm in LPS" in said(csv.prepare([file]))
    assert "coordinates: mm in LPS" in said(csv.prepare([file], coords="LPS"))
    assert "coordinates: mm in RAS" in said(csv.prepare([file], coords="RAS"))
    assert "coordinates" not in said(csv.prepare([write(file, header, "a,1,x,,,")]))
