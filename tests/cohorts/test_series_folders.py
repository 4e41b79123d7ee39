"""Images found by their series, in folders of any name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.cohorts.nbia import is_nbia_list, series_places
from benchmark.cohorts.prepare import prepare_cohort
from benchmark.contracts.cohort import load_cohort
from benchmark.errors import InputError
from tests.cohorts.annotated_series import Series

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "nbia_nsclc_radiogenomics" / "metadata.csv"
HEADER = "Series UID,Collection,Subject ID,File Location"
AXES = np.array([[1.0, 0, 0], [0, 1, 0]])
FIRST, SECOND, ABSENT = (f"1.3.6.1.4.1.14519.5.2.1.7009.9004.{k}" for k in (1, 2, 3))


def write_luna16(folder: Path, *series: str) -> Path:
    path = folder / "annotations.csv"
    rows = [f"{uid},-10.5,20.25,-300.5,{k + 5}.5" for k, uid in enumerate(series)]
    path.write_text("\n".join(["seriesuid,coordX,coordY,coordZ,diameter_mm", *rows]) + "\n")
    return path


def write_series(folder: Path, uid: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(Series(AXES, heights=(0.0, 2.0, 4.0), shape=(8, 8), uid=uid).images):
        image.save_as(folder / f"{uid[-1]}-{number}", enforce_file_format=True)


def prepared(folder: Path, *paths: Path, source: str = "luna16", **options: object) -> tuple[list[object], str]:
    """Image paths of the cohort, and what was told."""
    told = prepare_cohort(source, paths, folder / "cohorts" / "c", options, overwrite=True)
    images = load_cohort("c", folder / "cohorts").nodules["image_path"]
    return [None if pd.isna(path) or path == "" else path for path in images], " ".join(told)


def test_series_are_found_by_the_headers_in_any_layout(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "deep" / "scan of Monday", FIRST)
    write_series(tmp_path / "images" / "other", SECOND)
    table = write_luna16(tmp_path, SECOND, FIRST, ABSENT, FIRST)
    images, told = prepared(tmp_path, table, tmp_path / "images")
    assert images == ["other", "deep/scan of Monday", None, "deep/scan of Monday"]
    cohort = load_cohort("c", tmp_path / "cohorts")
    assert (cohort.image_root / "other").resolve() == (tmp_path / "images" / "other").resolve()
    assert "images: of 3 of 4 rows, found by their headers" in told
    assert "the images of 1 series" in told


def test_series_that_share_a_folder_get_no_path(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "all", FIRST)
    write_series(tmp_path / "images" / "all", SECOND)
    images, told = prepared(tmp_path, write_luna16(tmp_path, FIRST, SECOND), tmp_path / "images")
    assert images == [None, None]
    assert "2 series that lie in one folder with others" in told


@pytest.mark.parametrize("given", ["folder", "list"])
def test_the_list_of_nbia_says_which_folder_is_which_series(tmp_path: Path, given: str) -> None:
    for name in ("CT-1/a", "CT 2"):
        (tmp_path / "nbia" / name).mkdir(parents=True)
    rows = [f"{FIRST},X,p1,./CT-1/a", f"{SECOND},X,p2,.\\CT 2", f"{ABSENT},X,p3,./not there"]
    path = tmp_path / "nbia" / "metadata.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n")
    table = write_luna16(tmp_path, SECOND, FIRST, ABSENT)
    images, told = prepared(tmp_path, table, path.parent if given == "folder" else path)
    assert images == ["CT 2", "CT-1/a", None]
    assert "found by metadata.csv" in told


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (f"{FIRST},X,p1,../elsewhere", "leads out of the folder"),
        (f"{FIRST},X,p1,/etc", "leads out of the folder"),
        (f"{FIRST},X,p1,C:\\data", "leads out of the folder"),
        (f"{SECOND},X,p1,./b", "stands in the list twice"),
    ],
)
def test_a_list_of_nbia_that_cannot_be_right_is_refused(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "metadata.csv"
    path.write_text(f"{HEADER}\n{SECOND},X,p2,./a\n{row}\n")
    with pytest.raises(InputError, match=message):
        series_places(path)


def test_another_cohorts_images_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path / "images", SECOND)
    with pytest.raises(InputError, match="none of the 1 series of the table is among the images"):
        prepared(tmp_path, write_luna16(tmp_path, FIRST), tmp_path / "images")


def test_a_table_that_names_its_images_keeps_them(tmp_path: Path) -> None:
    write_series(tmp_path / "images" / "a", FIRST)
    table = tmp_path / "mine.csv"
    table.write_text(f"pid,scan_id,image_path,label\np1,{FIRST},a,1\n")
    assert prepared(tmp_path, table, tmp_path / "images", source="csv")[0] == ["a"]
    table.write_text(f"pid,scan_id,label\np1,{FIRST},1\n")
    assert prepared(tmp_path, table, tmp_path / "images", source="csv")[0] == ["a"]
    table.write_text("pid,label\np1,1\n")
    assert "no row says its series" in prepared(tmp_path, table, tmp_path / "images", source="csv")[1]


@pytest.mark.skipif(not REAL.exists(), reason="the real files are not here")
def test_a_real_list_of_nbia(tmp_path: Path) -> None:
    # README of ../shared/data: 1,351 series; none of their folders is here.
    assert is_nbia_list(REAL)
    assert series_places(REAL) == {}
    lines = REAL.read_text().splitlines()
    place = lines[1].split(",")[-2]
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / "metadata.csv").write_text(REAL.read_text())
    assert series_places(tmp_path / "metadata.csv") == {lines[1].split(",")[0]: tmp_path / place}
