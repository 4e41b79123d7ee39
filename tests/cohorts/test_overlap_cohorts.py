"""The same scans and nodules in two cohorts under different names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.cohorts.overlap import FINGERPRINT, SERIES, VOXELS, find_overlap
from benchmark.cohorts.phantom import prepare_phantom
from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.contracts.fingerprints import FINGERPRINTS, read_fingerprints
from benchmark.contracts.series_uids import is_surely_uid, series_uids
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.imaging.cropping.fingerprint import fingerprints_of, store_fingerprints
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.recipe import RECIPES
from benchmark.imaging.scans.simple_itk import itk_image
from benchmark.imaging.volume import load_volume
from benchmark.imaging.voxel_hash import voxel_hash

UID = "1.3.6.1.4.1.14519.5.2.1.6279.6001.1000"


def write_other(path: Path, scan: Path, *, flipped: bool = False, offset: float = 0.0) -> None:
    """The scan as MetaImage: the same voxels, its first axis turned round, or moved by ``offset`` mm."""
    import SimpleITK

    volume = load_volume(scan)
    grid, voxels = volume.grid, volume.hu().astype(np.int16)
    if flipped:
        turn = np.diag([-1.0, 1, 1])
        grid = replace(grid, matrix=grid.matrix @ turn, origin=grid.to_mm([grid.size[0] - 1, 0, 0]))
        voxels = voxels[:, :, ::-1]
    grid = replace(grid, origin=grid.origin + offset)
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(itk_image(np.ascontiguousarray(voxels), grid), str(path))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Cohort a: six phantoms; b: two of them by the same series, one as a flipped copy, one other of its own."""
    folder = tmp_path_factory.mktemp("overlap")
    a = prepare_phantom("ucla", folder / "cohorts" / "a", seed=1, n_patients=3)
    own = prepare_phantom("ucla", folder / "cohorts" / "own", seed=2, n_patients=2)
    first = a.nodules["image_path"].unique()[0]
    write_other(folder / "cohorts" / "b" / "images" / "x.mha", a.image_root / first, flipped=True, offset=7.0)
    copied = a.nodules[a.nodules["image_path"] == first].assign(pid="other name", image_path="images/x.mha")
    copied[["coordX", "coordY", "coordZ"]] += 7.0
    theirs = own.nodules.assign(image_path=[f"../own/{path}" for path in own.nodules["image_path"]])
    write_cohort(
        folder / "cohorts" / "b",
        CohortManifest(name="b", title="B", image_root="."),
        pd.concat([copied, theirs.assign(image_path="images/y.mha").iloc[:1]], ignore_index=True),
    )
    write_other(folder / "cohorts" / "b" / "images" / "y.mha", own.image_root / own.nodules["image_path"].iloc[0])
    return Workspace(folder / "cohorts", folder / "results")


def test_copies_under_other_names_are_found_and_others_are_not(workspace: Workspace) -> None:
    a, b = workspace.cohort("a"), workspace.cohort("b")
    found = find_overlap(a, b, workspace)
    copied = a.nodules[a.nodules["image_path"] == a.nodules["image_path"].unique()[0]]
    assert found.count(SERIES) == 0
    assert found.count(VOXELS) == 1
    assert found.count(FINGERPRINT) == len(copied)
    assert found.patients == [(copied["pid"].iloc[0], "other name")]
    by_print = found.pairs[found.pairs["found_by"] == FINGERPRINT]
    assert list(by_print["nodule_id"]) == list(by_print["other_nodule_id"])
    assert found.listing.is_file()
    assert "series UIDs (a has none)" in " ".join(found.lines())


def test_the_command_says_who_is_whom(workspace: Workspace) -> None:
    words = [
        "cohort",
        "overlap",
        "a",
        "b",
        "--cohorts",
        str(workspace.cohorts),
        "--results",
        str(workspace.results),
    ]
    done = CliRunner().invoke(app, [*words, "--workers", "0"])
    assert done.exit_code == 0, done.output
    assert "1 by their voxels" in done.output
    assert "1 patients of a are 1 of b: UCLA-001 = other name" in done.output
    done = CliRunner().invoke(app, [*words[:3], "a", *words[4:]])
    assert "is given twice" in done.output


def test_fingerprints_are_kept_and_made_again_where_crops_change(workspace: Workspace) -> None:
    find_overlap(workspace.cohort("a"), workspace.cohort("b"), workspace)
    folder = workspace.crops("a")
    kept = read_fingerprints(folder)
    assert kept is not None
    before = (folder / FINGERPRINTS).read_bytes()
    store = CropStore.open(folder)
    assert store_fingerprints(store).checksums == kept.checksums
    assert (folder / FINGERPRINTS).read_bytes() == before
    assert kept.vectors.shape[1] <= 128  # bytes a nodule
    failed = store.index.assign(status=["failed", *store.index["status"].iloc[1:]])
    fewer = store_fingerprints(replace(store, index=failed))
    assert fewer.pids == kept.pids[1:]
    assert np.array_equal(fewer.vectors, kept.vectors[1:])
    assert np.array_equal(store_fingerprints(store).vectors, kept.vectors)


def test_the_voxel_hash_is_that_of_the_values_not_of_the_file(workspace: Workspace, tmp_path: Path) -> None:
    a = workspace.cohort("a")
    scan = a.image_root / a.nodules["image_path"].iloc[0]
    for name, flipped in (("plain.mha", False), ("turned.nrrd", True)):
        write_other(tmp_path / name, scan, flipped=flipped)
        assert voxel_hash(tmp_path / name) == voxel_hash(scan)
    assert voxel_hash(workspace.cohorts / "b" / "images" / "y.mha") != voxel_hash(scan)


def cohort(name: str, **columns: list[str]) -> Cohort:
    rows = len(next(iter(columns.values())))
    table = pd.DataFrame(
        {"pid": [f"{name}{k}" for k in range(rows)], "nodule_id": "1", "image_path": "", **columns}
    )
    table = table.assign(coordX=0.0, coordY=0.0, coordZ=0.0, malignant=pd.array([0] * rows, dtype="Int8"))
    return Cohort(CohortManifest(name=name, title=name), table, Path("nowhere"))


def test_series_are_compared_without_images(tmp_path: Path) -> None:
    first = cohort("a", scan_id=[f"{UID}.1", f"{UID}.2", "scan 3"])
    second = cohort("b", image_path=["x.nii.gz", f"p1/{UID}.2.nii.gz", f"{UID}.9/{UID}.7/"])
    found = find_overlap(first, second, Workspace(tmp_path / "cohorts", tmp_path))
    assert found.patients == [("a1", "b1")]
    assert "a has no images" in " ".join(found.lines())


def test_uids_and_what_is_none() -> None:
    of_lungx, of_a_uuid = "1.3.882780095853171933678762658989527481644980362275", f"2.25.{2**127}"
    assert all(is_surely_uid(text) for text in (UID, of_lungx, of_a_uuid))
    none = ("1.2.3", "2024.1.2", "2024.01.02", "1.0.20241128094500", "v1.2.3.4.5.6.7", "1.02.3.4.5.6.7", "1." * 40)
    assert not any(
        is_surely_uid(text) for text in (*none, "1.2.3.4.5.6.7\n", "١.2.3.4.5.6.7", "", None, float("nan"))
    )
    table = pd.DataFrame({"scan_id": [f"{UID}.1", None, "s3"], "image_path": ["a", f"b/{UID}.2.mha", f"{UID}.3"]})
    assert list(series_uids(table)) == [f"{UID}.1", f"{UID}.2", f"{UID}.3"]


def test_one_cohort_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is given twice"):
        find_overlap(cohort("a", scan_id=["1"]), cohort("a", scan_id=["1"]), Workspace(tmp_path, tmp_path))


def test_units_and_offset_change_no_fingerprint() -> None:
    rng = np.random.default_rng(0)
    crop = np.cumsum(rng.normal(size=(1, 100, 100, 100)), axis=2) * 30 - 500
    first = fingerprints_of(crop.astype(np.int16), RECIPES["default"])
    again = fingerprints_of((crop * 0.5 + 700).astype(np.int16), RECIPES["default"])
    assert np.abs(first.astype(int) - again).max() <= 1
    assert not fingerprints_of(np.full((2, 100, 100, 100), -1000, np.int16), RECIPES["default"]).any()
    with pytest.raises(InputError, match="a fingerprint needs"):
        fingerprints_of(crop.astype(np.int16), replace(RECIPES["default"], size=50))
