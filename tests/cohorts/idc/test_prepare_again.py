"""LUNGx from the workbook to a cohort with millimetres: prepare, locate, fetch, and prepare again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("highdicom")

from benchmark.cohorts.idc.fetch import fetch_cohort
from benchmark.cohorts.idc.index import find_index
from benchmark.cohorts.idc.locate import locate_cohort
from benchmark.cohorts.prepare import prepare_cohort
from benchmark.contracts.cohort import load_cohort
from tests.cohorts.annotated_series import Series
from tests.cohorts.idc import small_index, test_fetch
from tests.cohorts.test_nlst_locations import AXIAL, people
from tests.cohorts.test_nlst_locations import luna25 as luna25_table

store = test_fetch.store


def bucket(store: Path, collection: str, made: Series, **others: Any) -> dict[str, Any]:
    """Put a series into the bucket; its row of the index."""
    told = {"instanceCount": len(made.images), "SeriesDescription": "HIGH RES", **others}
    row = small_index.series(collection, made.patient, made.uid, **told)
    folder = store / row["series_aws_url"].split("/")[3]
    made.write(folder)
    row["series_size_MB"] = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    return row


def test_lungx_finds_its_images_by_itself(tmp_path: Path, store: Path) -> None:
    made = Series(AXIAL, heights=tuple(np.arange(40) * 2.0), patient="CT-Training-LC001")
    row = bucket(store, "spie_aapm_lung_ct_challenge", made)
    book = tmp_path / "book.csv"
    book.write_text(
        "Scan Number,Nodule Number,Nodule Center x Position,Nodule Center y Position,"
        "Nodule Center Image,Diagnosis\n"
        "CT-Training-lc001,1,5,7,3,malignant\n"
    )
    out = tmp_path / "cohorts" / "lungx"
    prepare_cohort("lungx", [book], out)
    index = find_index(small_index.write_index(tmp_path / "idc_index.parquet", [row]))
    locate_cohort(load_cohort("lungx", tmp_path / "cohorts"), index)
    fetched = fetch_cohort(load_cohort("lungx", tmp_path / "cohorts"), tmp_path / "images")
    assert any("bench cohort prepare lungx" in line for line in fetched.lines)
    made.write(tmp_path / "images" / ".unfinished" / "1.2.3.4", without=range(30))  # another download, broken off
    told = prepare_cohort("lungx", [book], out, overwrite=True)
    assert any("images: those of 1 of 1 rows" in line for line in told)
    cohort = load_cohort("lungx", tmp_path / "cohorts")
    nodule = cohort.nodules.iloc[0]
    # image 3 of 40 is slice 37, for the series counts its images downwards; pixels count from 1
    expected = made.point(4, 6, 37)
    np.testing.assert_allclose(nodule[["coordX", "coordY", "coordZ"]].to_numpy(float), expected, atol=1e-6)
    assert (nodule["scan_id"], nodule["vendor"], nodule["located_by"]) == (made.uid, "Philips", "patient")
    assert (cohort.image_root / nodule["image_path"]).is_dir()
    assert cohort.manifest.details["located"]["fetched"] is True
    fetch_cohort(cohort, tmp_path / "images")  # nothing is left to do, and nothing is lost
    assert load_cohort("lungx", tmp_path / "cohorts").nodules["coordX"].notna().all()


def test_located_columns_and_images_outlast_another_preparation(tmp_path: Path, store: Path) -> None:
    made = Series(AXIAL, patient="1", uid="1.2.3.4.11")
    row = bucket(store, "nlst", made, SeriesDescription="1,OPA,SE,VZOOM,B30f,360,2,120,60,30,na")
    files = [people(tmp_path), luna25_table(tmp_path, "1,1.2.3.4.11,20000102,1,-2,-3,1,1_1_20000102,1_1,1")]
    out = tmp_path / "cohorts" / "nlst"
    prepare_cohort("nlst", files, out)
    index = find_index(small_index.write_index(tmp_path / "idc_index.parquet", [row]))
    locate_cohort(load_cohort("nlst", tmp_path / "cohorts"), index)
    fetch_cohort(load_cohort("nlst", tmp_path / "cohorts"), tmp_path / "images")
    before = load_cohort("nlst", tmp_path / "cohorts").nodules.set_index(["pid", "nodule_id"])
    prepare_cohort("nlst", files, out, overwrite=True)
    after = load_cohort("nlst", tmp_path / "cohorts").nodules.set_index(["pid", "nodule_id"])
    assert after.loc[("1", "1_1_20000102"), "kernel"] == "B30f"
    assert after.loc[("1", "1_1_20000102"), "image_path"] == "1.2.3.4.11"
    columns = ["scan_id", "image_path", "vendor", "scanner", "kernel", "slice_thickness_mm", "series_files"]
    assert after[columns].fillna("").equals(before[columns].fillna(""))
