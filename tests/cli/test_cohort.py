"""``bench cohort``: prepare, list, check, split."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts.sources import SOURCES
from benchmark.contracts.cohort import CohortManifest, load_cohort, write_cohort

runner = CliRunner()
ROWS = [f"{i:03d},0,{i:03d}.nii.gz,{i}.5,2,3,{int(i % 3 == 0)}" for i in range(30)]


def bench(*words: object) -> tuple[int, str]:
    done = runner.invoke(app, ["cohort", *map(str, words)])
    return done.exit_code, done.output


NEEDS = {"masks": "ct", "sr": "dicom"}
"""Source → the extra that its reader needs."""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    path.write_text("\n".join(["pid,nodule_id,image_path,coordX,coordY,coordZ,malignant", *ROWS]) + "\n")
    return path


@pytest.fixture
def cohorts(table: Path, tmp_path: Path) -> Path:
    status, _ = bench("prepare", "csv", "--from", table, "--out", tmp_path / "cohorts" / "mine")
    assert status == 0
    return tmp_path / "cohorts"


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(name, marks=pytest.mark.needs(NEEDS[name])) if name in NEEDS else name
        for name in SOURCES
        if name != "phantom"
    ],
)
def test_every_source_has_a_reader(source: str, tmp_path: Path) -> None:
    status, output = bench("prepare", source, "--from", tmp_path / "nowhere", "--out", tmp_path / "x")
    assert status == 2
    assert "nowhere" in output
    assert not (tmp_path / "x").exists()


class TestPrepare:
    def test_several_paths_after_one_from(self, shared: Path, tmp_path: Path) -> None:
        books = sorted((shared / "data" / "lungx").glob("*.xlsx"))
        status, output = bench("prepare", "lungx", "--from", *books, "--out", tmp_path / "lungx")
        assert status == 0
        assert "70 patients, 83 nodules" in output
        assert "positive: 35 of 70 labelled patients" in output
        assert "LUNGx-CT054 nodule 2, LUNGx-CT056 nodule 2" in output
        assert load_cohort("lungx", tmp_path).manifest.details["options"] == {"suspicious": "exclude"}

    def test_luna25_from_its_folder(self, shared: Path, tmp_path: Path) -> None:
        status, output = bench(
            "prepare", "luna25", "--from", shared / "data" / "luna25", "--out", tmp_path / "luna25"
        )
        assert status == 0
        assert "2,120 patients, 6,163 nodules, 4,069 scans" in output
        assert "333 of 2,120 labelled patients, 555 of 6,163" in output

    def test_options_of_another_source_are_refused(self, table: Path, tmp_path: Path) -> None:
        status, output = bench(
            "prepare", "csv", "--from", table, "--out", tmp_path / "x", "--suspicious", "benign"
        )
        assert status == 2
        assert "--suspicious means nothing to csv" in output

    def test_an_unknown_source_gets_the_nearest(self, tmp_path: Path) -> None:
        status, output = bench("prepare", "lungs", "--from", "x", "--out", tmp_path / "x")
        assert status == 2
        assert "did you mean 'lungx'" in output

    def test_a_cohort_that_is_there_is_kept(self, table: Path, cohorts: Path) -> None:
        status, output = bench("prepare", "csv", "--from", table, "--out", cohorts / "mine")
        assert status == 2
        assert "--overwrite" in output

    def test_coordinates_in_two_spellings_are_refused(self, table: Path, tmp_path: Path) -> None:
        table.write_text("pid,coordX,coordx,coordY,coordZ,malignant\na,1,9,2,3,1\nb,1,9,2,3,0\n")
        words = ("prepare", "csv", "--from", table, "--out", tmp_path / "x")
        status, output = bench(*words)
        assert status == 2
        assert "several columns could be the coordX: coordX, coordx" in output
        assert bench(*words, "--column", "coordX=coordX")[0] == 0

    def test_shared_patients_are_recorded(self, table: Path, tmp_path: Path) -> None:
        for value, names in (("nlst", ("nlst",)), ("none", ())):
            bench("prepare", "csv", "--from", table, "--out", tmp_path / value, "--shares", value)
            manifest = load_cohort(value, tmp_path).manifest
            assert manifest.shares_patients_with == names
            assert manifest.details["shares"] == "declared"


class TestList:
    def test_it_counts(self, cohorts: Path) -> None:
        _, output = bench("list", "--cohorts", cohorts)
        assert "30 patients (10 positive), 30 nodules (10 positive)" in output

    def test_an_empty_folder_says_what_to_do(self, tmp_path: Path) -> None:
        assert bench("list", "--cohorts", tmp_path)[0] == 2


class TestCheckAndSplit:
    @pytest.mark.needs("ct")
    def test_a_good_table_passes_and_missing_images_fail_their_cases(self, cohorts: Path) -> None:
        status, output = bench("check", "mine", "--cohorts", cohorts)
        assert status == 0
        assert (
            "30 of 30 nodules are fit for use where its scans are: none of the 30 that it names is here" in output
        )
        status, output = bench("check", "mine", "--cohorts", cohorts, "--images")
        assert status == 3
        assert "0 of 30 nodules are fit" in output
        assert len(pd.read_csv(cohorts / "mine" / "check.csv")) == 30

    def test_some_scans_that_are_not_there_fail_their_cases_unread(self, cohorts: Path) -> None:
        cohort = load_cohort("mine", cohorts)
        image = cohort.nodules["image_path"]
        for name in image[:28]:
            (cohort.image_root / name).write_bytes(b"a scan")
        (cohort.image_root / image[28]).symlink_to("nowhere.nii.gz")
        status, output = bench("check", "mine", "--cohorts", cohorts)
        assert status == 3
        assert (
            "28 of 30 nodules are fit for use, as the table says: no scan was read (--images reads them)\n"
            in output
        )
        assert (
            f"case: 028 nodule 0 — {image[28]} — is a broken link — check image_path and the image root" in output
        )
        assert f"case: 029 nodule 0 — {image[29]} — no such file" in output

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes, no links")
    def test_what_can_be_seen_to_be_no_scan_fails_its_case_unread(self, tmp_path: Path) -> None:
        root, out = tmp_path / "images", tmp_path / "other"
        for folder in (root / "nothing", root / "series", root / "odd", out):
            folder.mkdir(parents=True)
        for file in (root / "a.nii.gz", root / "series" / "1.dcm", root / "odd" / "1.dcm", out / "b.nii.gz"):
            file.write_bytes(b"a scan")
        (root / "empty.nii.gz").touch()
        (root / "link.nii.gz").symlink_to(out / "b.nii.gz")
        (root / "folder").symlink_to(out)
        (root / "odd" / "2.dcm").symlink_to(out / "b.nii.gz")
        (root / "inside.nii.gz").symlink_to("a.nii.gz")
        os.mkfifo(root / "pipe.nii.gz")
        said = {
            "a.nii.gz": "", "series": "", "inside.nii.gz": "",
            "../other/b.nii.gz": "'../other/b.nii.gz' — leads out of the image root",
            str(out / "b.nii.gz"): "leads out of the image root",
            "/dev/zero": "'/dev/zero' — leads out of the image root",
            "link.nii.gz": "is a link that leads out of the image root",
            "folder/b.nii.gz": "is a link that leads out of the image root",
            "pipe.nii.gz": "pipe.nii.gz — is a named pipe, not a file",
            "nothing": "nothing — 0 of 0 files are DICOM",
            "empty.nii.gz": "empty.nii.gz — is empty (0 bytes)",
            "gone.nii.gz": "gone.nii.gz — no such file",
            "odd": "odd/2.dcm — is a link that leads out of its folder",
            ".": "odd/2.dcm — is a link that leads out of its folder",
        }  # fmt: skip
        rows = [
            {"pid": f"p{n}", "nodule_id": "1", "image_path": name, "coordX": 1.5, "coordY": 2.0, "coordZ": 3.0,
             "malignant": n % 2}
            for n, name in enumerate(said)
        ]  # fmt: skip
        manifest = CohortManifest(name="mine", title="mine", image_root=str(root))
        write_cohort(tmp_path / "c" / "mine", manifest, pd.DataFrame(rows).astype({"malignant": "Int8"}))
        status, output = bench("check", "mine", "--cohorts", tmp_path / "c")
        assert status == 3
        assert "3 of 14 nodules are fit for use, as the table says" in output
        found = pd.read_csv(tmp_path / "c" / "mine" / "check.csv", dtype=str).set_index("pid")["what"]
        assert found.index.is_unique
        for n, expected in enumerate(said.values()):
            assert expected in found.get(f"p{n}", "")
            assert expected or f"p{n}" not in found

    def test_a_path_that_leads_out_fails_where_the_scans_are_elsewhere_too(
        self, table: Path, cohorts: Path
    ) -> None:
        table.write_text(table.read_text().replace("004.nii.gz", "../x/004.nii.gz"))
        bench("prepare", "csv", "--from", table, "--out", cohorts / "mine", "--overwrite")
        status, output = bench("check", "mine", "--cohorts", cohorts)
        assert status == 3
        assert "29 of 30 nodules are fit for use where its scans are: none of the 29" in output
        assert "004 nodule 0 — '../x/004.nii.gz' — leads out of the image root" in output

    def test_a_cohort_without_images_is_fit_for_comparing_scores(self, table: Path, tmp_path: Path) -> None:
        header = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant"
        table.write_text(f"{header}\n" + "".join(f"{n},1,,,,,{n % 2}\n" for n in range(8)))
        bench("prepare", "csv", "--from", table, "--out", tmp_path / "s" / "scores")
        status, output = bench("check", "scores", "--cohorts", tmp_path / "s")
        assert status == 0
        assert "8 of 8 nodules are fit for comparing scores" in output
        assert "not for bench crop, train, explain and score --run: no nodule has an image_path and no" in output
        assert not (tmp_path / "s" / "scores" / "check.csv").exists()

    @pytest.mark.needs("ct")
    def test_without_images_it_is_fit_for_nothing_that_reads_images(self, table: Path, tmp_path: Path) -> None:
        header = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant"
        table.write_text(f"{header}\n" + "".join(f"{n},1,,,,,{n % 2}\n" for n in range(8)))
        bench("prepare", "csv", "--from", table, "--out", tmp_path / "s" / "scores")
        status, output = bench("check", "scores", "--cohorts", tmp_path / "s", "--images")
        assert (status, "0 of 8 nodules are fit for use" in output) == (3, True)

    def test_places_without_images_are_no_more_than_that(self, table: Path, tmp_path: Path) -> None:
        header = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant"
        for path, place, lacking in (("", "1.5,2,3", "an image_path"), ("a.nii", ",,", "a centre in mm")):
            table.write_text(f"{header}\n" + "".join(f"{n},1,{path},{place},{n % 2}\n" for n in range(8)))
            bench("prepare", "csv", "--from", table, "--out", tmp_path / "s" / "x", "--overwrite")
            status, output = bench("check", "x", "--cohorts", tmp_path / "s")
            assert status == 0
            assert "fit for comparing scores" in output
            assert f"score --run: no nodule has {lacking}\n" in output

    @pytest.mark.parametrize("labels", [("", ""), ("1", "1")], ids=["none", "one class"])
    def test_without_images_and_labels_it_is_fit_for_nothing(
        self, table: Path, tmp_path: Path, labels: tuple[str, str]
    ) -> None:
        header = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant"
        table.write_text(f"{header}\na,1,,,,,{labels[0]}\nb,1,,,,,{labels[1]}\n")
        bench("prepare", "csv", "--from", table, "--out", tmp_path / "s" / "x")
        status, output = bench("check", "x", "--cohorts", tmp_path / "s")
        assert status == 3
        assert "0 of 2 nodules are fit for use" in output
        assert "case: a nodule 1, b nodule 1 — has no centre in mm" in output
        assert "case: a nodule 1, b nodule 1 — has no image_path" in output

    def test_a_finding_of_many_nodules_is_one_line(self, table: Path, tmp_path: Path) -> None:
        rows = [row if n else "000,0,000.nii.gz,0.5,2,3,1" for n, row in enumerate(ROWS)]
        rows += [f"{n},0,a.nii.gz,,,,1" for n in range(100, 107)]
        table.write_text("\n".join(["pid,nodule_id,image_path,coordX,coordY,coordZ,malignant", *rows]) + "\n")
        bench("prepare", "csv", "--from", table, "--out", tmp_path / "s" / "x")
        status, output = bench("check", "x", "--cohorts", tmp_path / "s")
        assert status == 3
        named = ", ".join(f"{n} nodule 0" for n in range(100, 105))
        assert f"case: {named}, ... and 2 more — has no centre in mm" in output
        assert output.count("has no centre") == 1

    def test_what_bench_text_refuses_is_not_fit_for_use(self, table: Path, cohorts: Path) -> None:
        rows = [f"{row},Absent,Round" for row in ROWS]
        rows[4] = f"{ROWS[4]},None,Round"
        header = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant,necrosis"
        for last, unfit in (("nodule_shape", 1), ("Nodule_Shape", 30)):
            table.write_text("\n".join([f"{header},{last}", *rows]) + "\n")
            bench("prepare", "csv", "--from", table, "--out", cohorts / "mine", "--overwrite")
            status, output = bench("check", "mine", "--cohorts", cohorts)
            assert status == 3
            assert "004 nodule 0 — necrosis 'None' can mean that necrosis is absent" in output
            assert f"{30 - unfit} of 30 nodules are fit" in output
            words = ["text", "--cohort", "mine", "--cohorts", str(cohorts), "--out", str(cohorts / "t.csv")]
            assert runner.invoke(app, words).exit_code == 2
            assert not (cohorts / "t.csv").exists()

    def test_folds_are_written_checked_and_kept(self, cohorts: Path, tmp_path: Path) -> None:
        out = tmp_path / "splits"
        words = ("split", "mine", "--cohorts", cohorts, "--folds", 5, "--test", 0.2, "--out", out)
        status, output = bench(*words)
        assert status == 0
        assert "test: 6 patients, 2 positive" in output
        there = sorted(p.name for p in out.iterdir())
        assert there == [".written.json", *(f"fold_{k}" for k in range(5)), "test_pid.csv"]
        text = (out / "fold_0" / "val_pid.csv").read_text(encoding="utf-8")
        assert text.startswith("pid\n0")
        assert bench("check", "mine", "--cohorts", cohorts, "--splits", out)[0] == 0
        assert bench(*words)[0] == 2
        assert bench(*words, "--overwrite")[0] == 0
        assert (out / "fold_0" / "val_pid.csv").read_text(encoding="utf-8") == text

    def test_a_coordinate_of_no_body_is_written_short(self, table: Path, cohorts: Path) -> None:
        table.write_text(table.read_text().replace("4.5,2,3", "1e30,2,3", 1))
        bench("prepare", "csv", "--from", table, "--out", cohorts / "mine", "--overwrite")
        status, output = bench("check", "mine", "--cohorts", cohorts)
        assert status == 3
        assert "004 nodule 0 — its centre (1e+30, 2.0, 3.0) is no place in a body" in output

    def test_a_leak_is_an_error(self, cohorts: Path, tmp_path: Path) -> None:
        out = tmp_path / "splits"
        bench("split", "mine", "--cohorts", cohorts, "--out", out)
        train = out / "fold_0" / "train_pid.csv"
        train.write_text(
            train.read_text(encoding="utf-8")
            + (out / "fold_0" / "val_pid.csv").read_text(encoding="utf-8").split("\n")[1]
            + "\n"
        )
        status, output = bench("check", "mine", "--cohorts", cohorts, "--splits", out)
        assert status == 2
        assert "train and in validation of fold 0" in output

    def test_too_many_folds_name_the_largest_number(self, cohorts: Path, tmp_path: Path) -> None:
        status, output = bench("split", "mine", "--cohorts", cohorts, "--folds", 11, "--out", tmp_path / "s")
        assert status == 2
        assert "10" in output

    def test_shared_ids_are_named(self, table: Path, cohorts: Path) -> None:
        bench("prepare", "csv", "--from", table, "--out", cohorts / "other")
        _, output = bench("check", "mine", "--cohorts", cohorts, "--with", "other")
        assert "30 patients are in other too" in output


class TestOthersFiles:
    def test_prepare_does_not_replace_a_table_that_it_did_not_write(self, tmp_path: Path) -> None:
        table = tmp_path / "nodules.csv"
        text = "pid,nodule_id,image_path,coordX,coordY,coordZ,malignant\n1,1,a.nii.gz,1,2,3,0\n"
        table.write_text(text)
        status, output = bench("prepare", "csv", table, "--out", tmp_path)
        assert status == 2
        assert "nodules.csv — was not written by bench" in output
        assert [path.name for path in tmp_path.iterdir()] == ["nodules.csv"]
        assert table.read_text() == text

    def test_check_keeps_a_listing_that_it_did_not_write(self, cohorts: Path) -> None:
        listing = cohorts / "mine" / "check.csv"
        listing.write_text("my own remarks")
        status, output = bench("check", "mine", "--cohorts", cohorts)
        assert status == 2
        assert "check.csv — was not written by bench" in output
        assert listing.read_text() == "my own remarks"

    def test_split_keeps_test_patients_of_another_split(self, cohorts: Path, tmp_path: Path) -> None:
        out = tmp_path / "splits"
        out.mkdir()
        (out / "test_pid.csv").write_text("pid\n1\n")
        words = ("split", "mine", "--cohorts", cohorts, "--folds", 3, "--out", out)
        assert bench(*words)[0] == 2
        assert bench(*words, "--overwrite")[0] == 2
        assert (out / "test_pid.csv").read_text() == "pid\n1\n"


def test_two_cohorts_are_split_together(tmp_path: Path) -> None:
    for name in ("one", "two"):
        table = pd.DataFrame(
            {
                "pid": [f"{name}{n}" for n in range(10)], "nodule_id": "1", "image_path": "x.nii.gz",
                "coordX": 0.0, "coordY": 0.0, "coordZ": 0.0,
                "malignant": pd.array([n % 2 for n in range(10)], dtype="Int8"),
            }
        )  # fmt: skip
        write_cohort(tmp_path / "cohorts" / name, CohortManifest(name=name, title=name), table)
    own = ["split", "one", "two", "--cohorts", tmp_path / "cohorts", "--folds", "2", "--out", tmp_path / "splits"]
    status, output = bench(*own, "--hold-out", "one=0.4")
    assert status == 0, output
    assert "test: 4 patients, 2 positive" in output
    assert "fold 0: 8 patients to validate, 4 positive" in output
    tested = pd.read_csv(tmp_path / "splits" / "test_pid.csv", dtype=str)
    assert tested["cohort"].tolist() == ["one"] * 4
    where = ["--cohorts", tmp_path / "cohorts", "--splits", tmp_path / "splits"]
    for name in ("one", "two"):  # checked by itself, a cohort meets its own patients in them
        status, output = bench("check", name, *where)
        assert "of the folds are not in the cohort" not in output
        assert "in no fold" not in output
    for words, said in (
        (["--test", "0.2", "--hold-out", "one=0.4"], "give one"),
        (["--hold-out", "three=0.4"], "is not split here"),
    ):
        status, output = bench(*own, "--overwrite", *words)
        assert status == 2, output
        assert said in output
