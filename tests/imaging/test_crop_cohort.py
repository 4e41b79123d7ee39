import dataclasses
import hashlib
import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
import zarr

from benchmark.contracts.cohort import CohortManifest, write_cohort
from benchmark.errors import BenchError, InputError
from benchmark.imaging.cropping.cohort import crop_cohort, crops_of
from benchmark.imaging.cropping.crops import crop_at
from benchmark.imaging.cropping.layout import chunk_path
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.volume import ReadOptions, load_volume

from .scan_files import image, save, save_series, voxels

SIZE = (60, 70, 80)


def scans(folder, count=3):
    folder.mkdir(exist_ok=True)
    for place in range(count):
        save(image(voxels(SIZE, seed=place), (1.0, 1.0, 1.2), (0, 0, 0)), folder / f"{place}.nii.gz")
    return folder


def table(*rows):
    frame = pd.DataFrame(rows, columns=["pid", "nodule_id", "image_path", "coordX", "coordY", "coordZ"])
    return frame.astype({"coordX": float, "coordY": float, "coordZ": float})


GOOD = (
    ("007", "1", "0.nii.gz", 40.0, 35.0, 36.0),
    ("NA", "1e5", "1.nii.gz", 38.2, 33.7, 30.1),
    ("007", "2", "0.nii.gz", 42.5, 30.5, 40.25),
    ("=1+1", "<b>,\n", "2.nii.gz", 39.0, 36.0, 33.0),
)


def contents(folder):
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return scans(tmp_path_factory.mktemp("images"))


def test_the_store_follows_its_contract(root, tmp_path):
    seen = []
    store = crop_cohort(
        table(*GOOD), root, tmp_path / "s", progress=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (4, 4)
    assert store.index.columns.tolist() == ["pid", "nodule_id", "status", "reason", "padded_fraction"]
    assert store.index["pid"].tolist() == ["007", "NA", "007", "=1+1"]
    assert store.index["nodule_id"].tolist() == ["1", "1e5", "2", "<b>,\n"]
    assert (store.index["status"] == "cropped").all()
    for row, (_, _, name, *centre) in enumerate(GOOD):
        crop = crop_at(load_volume(root / name), centre)
        assert np.array_equal(store.crops([row])[0], crop.as_int16())
        assert store.index["padded_fraction"][row] == pytest.approx(crop.padded_fraction, abs=1e-6)
    group = zarr.open(str(tmp_path / "s/crops.zarr"), mode="r")
    assert group["crops"].dtype == np.int16
    assert group["crops"].shape == (4, 100, 100, 100)
    assert group["crops"].chunks == (1, 100, 100, 100)
    assert np.array_equal(group["crops"][2], store.crops([2])[0])
    assert group["crops"].attrs["recipe"]["name"] == "default"
    assert group["crops"].attrs["recipe_hash"] == store.recipe.hash
    assert not (tmp_path / "s/failures.csv").exists()


def test_reading_rows(root, tmp_path):
    store = crop_cohort(table(*GOOD), root, tmp_path / "s")
    again = CropStore.open(tmp_path / "s")
    assert np.array_equal(again.crops([2, 0]), store.crops(np.array([0, 1, 2, 3]))[[2, 0]])
    assert again.rows(table(GOOD[3], ("x", "y", "", 0, 0, 0), GOOD[0])).tolist() == [3, -1, 0]
    with pytest.raises(InputError, match="no row 4"):
        again.crops([4])


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_same_bytes(root, tmp_path, workers):
    bad = ("x", "1", "0.nii.gz", 400.0, 0.0, 0.0)
    crop_cohort(table(*GOOD, bad), root, tmp_path / "alone")
    crop_cohort(table(*GOOD, bad), root, tmp_path / "many", workers=workers)
    assert contents(tmp_path / "alone") == contents(tmp_path / "many")


def test_one_bad_case_does_not_stop_the_others(root, tmp_path):
    (root / "cut.nii.gz").write_bytes((root / "0.nii.gz").read_bytes()[:3000])
    rows = [
        GOOD[0],
        ("a", "outside", "0.nii.gz", -40.0, -35.0, 36.0),
        ("a", "cut", "cut.nii.gz", 40.0, 35.0, 36.0),
        ("a", "none", "none.nii.gz", 40.0, 35.0, 36.0),
        ("a", "up", "../0.nii.gz", 40.0, 35.0, 36.0),
        ("a", "nan", "0.nii.gz", np.nan, 35.0, 36.0),
        ("a", "corner", "1.nii.gz", 1.0, 1.0, 1.0),
        ("a", "empty", "", 40.0, 35.0, 36.0),
        GOOD[1],
    ]
    store = crop_cohort(table(*rows), root, tmp_path / "s")
    assert store.index["status"].tolist() == ["cropped", *["failed"] * 7, "cropped"]
    reasons = store.index["reason"].tolist()
    expected = ["--coords RAS", "cut.nii.gz.*cut short", "none.nii.gz.*no such", "leads out", "missing", "outside"]
    expected += ["image_path is empty"]
    for reason, words in zip(reasons[1:8], expected, strict=True):
        assert pd.Series([reason]).str.contains(words).all(), (reason, words)
    assert not any(str(root) in reason for reason in reasons)
    assert np.isnan(store.index["padded_fraction"][1])
    failures = pd.read_csv(tmp_path / "s/failures.csv", keep_default_na=False)
    assert failures["nodule_id"].tolist() == ["outside", "cut", "none", "up", "nan", "corner", "empty"]
    with pytest.raises(InputError, match="nodule 'cut' of patient 'a' has no crop"):
        store.crops([0, 2])
    alone = crop_cohort(table(GOOD[0], GOOD[1]), root, tmp_path / "t")
    assert np.array_equal(store.crops(store.cropped), alone.crops([0, 1]))


def test_coordinates_in_ras(root, tmp_path):
    mirrored = [(pid, nodule, name, -x, -y, z) for pid, nodule, name, x, y, z in GOOD]
    crop_cohort(table(*GOOD), root, tmp_path / "lps")
    store = crop_cohort(table(*mirrored), root, tmp_path / "ras", frame="RAS")
    assert np.array_equal(store.crops(range(4)), CropStore.open(tmp_path / "lps").crops(range(4)))
    with pytest.raises(InputError, match="LPS or RAS"):
        crop_cohort(table(*GOOD), root, tmp_path / "s", frame="LAS")


def times(folder):
    return {row: chunk_path(folder, row).stat().st_mtime_ns for row in range(4)}


def test_nothing_is_done_twice(root, tmp_path):
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    before, files = times(tmp_path / "s"), contents(tmp_path / "s")
    index = (tmp_path / "s/index.csv").stat().st_mtime_ns
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    assert times(tmp_path / "s") == before
    assert (tmp_path / "s/index.csv").stat().st_mtime_ns == index
    moved = [*GOOD[:3], (*GOOD[3][:3], 39.5, 36.0, 33.0)]
    crop_cohort(table(*moved), root, tmp_path / "s")
    after = times(tmp_path / "s")
    assert [after[row] == before[row] for row in range(4)] == [True, True, True, False]
    crop_cohort(table(*moved), root, tmp_path / "fresh")
    assert contents(tmp_path / "s") == contents(tmp_path / "fresh")
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    assert contents(tmp_path / "s") == files


@pytest.mark.slow
def test_another_recipe_or_another_scan_rebuilds(tmp_path):
    root = scans(tmp_path / "images")
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    store = crop_cohort(table(*GOOD), root, tmp_path / "s", "zhuang2025")
    assert store.recipe.name == "zhuang2025"
    crop_cohort(table(*GOOD), root, tmp_path / "fresh", "zhuang2025")
    assert contents(tmp_path / "s") == contents(tmp_path / "fresh")
    save(image(voxels(SIZE, seed=9), (1.0, 1.0, 1.2), (0, 0, 0)), root / "1.nii.gz")
    before = times(tmp_path / "s")
    old = store.crops([1])
    store = crop_cohort(table(*GOOD), root, tmp_path / "s", "zhuang2025")
    after = times(tmp_path / "s")
    assert [after[row] == before[row] for row in range(4)] == [True, False, True, True]
    assert not np.array_equal(store.crops([1]), old)


def test_fewer_rows_leave_no_crops_behind(root, tmp_path):
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    crop_cohort(table(GOOD[0]), root, tmp_path / "s")
    crop_cohort(table(GOOD[0]), root, tmp_path / "fresh")
    assert contents(tmp_path / "s") == contents(tmp_path / "fresh")


def test_an_unfinished_store_is_not_opened(root, tmp_path):
    with pytest.raises(InputError, match="holds no crops"):
        CropStore.open(tmp_path)
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    (tmp_path / "s/index.csv").unlink()
    with pytest.raises(InputError, match="not finished"):
        CropStore.open(tmp_path / "s")


def test_leftovers_of_a_killed_run_are_swept(root, tmp_path):
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    files = contents(tmp_path / "s")
    store = tmp_path / "s"
    chunk_path(store, 2).unlink()
    (store / "crops.zarr/crops/.2-4711").write_bytes(b"half")
    (store / ".index-abc.csv").write_text("half")
    (store / "index.csv").unlink()
    lines = (store / "done.jsonl").read_text(encoding="utf-8").splitlines()
    (store / "done.jsonl").write_text("\n".join(lines[:3]) + "\n" + lines[3][:20])
    crop_cohort(table(*GOOD), root, store)
    assert contents(store) == files


@pytest.mark.parametrize("damage", ["cut", "zeros", "gone"])
def test_a_damaged_crop_is_found_and_made_again(root, tmp_path, damage):
    """As after a power cut, which may leave a file empty or full of zeros although it was written."""
    store = crop_cohort(table(*GOOD), root, tmp_path / "s")
    files, path = contents(tmp_path / "s"), chunk_path(tmp_path / "s", 1)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "cut" else bytes(path.stat().st_size))
    with pytest.raises(InputError, match=r"1\.0\.0\.0 — is damaged"):
        store.crops([0, 1])
    crop_cohort(table(*GOOD), root, tmp_path / "s")
    assert contents(tmp_path / "s") == files


def test_a_worker_that_dies_costs_one_scan(root, tmp_path, monkeypatch):
    """A sitecustomize on the workers' path kills the one that opens 1.nii.gz."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site/sitecustomize.py").write_text(
        "import os, sys\n"
        "def hook(event, args):\n"
        "    if event == 'open' and str(args[0]).endswith('1.nii.gz'):\n"
        "        os.kill(os.getpid(), 9)\n"
        "sys.addaudithook(hook)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    store = crop_cohort(table(*GOOD), root, tmp_path / "s", workers=1)
    assert store.index["status"].tolist() == ["cropped", "failed", "cropped", "cropped"]
    assert "died (status -9)" in store.index["reason"][1]


def test_a_store_that_cannot_be_written_is_our_callers_problem(root, tmp_path, monkeypatch):
    """The array's folder is taken away under the workers' feet: no crop may count as a bad scan."""
    import benchmark.imaging.cropping.cohort as module

    real = module.sweep

    def sweep(folder, count):
        real(folder, count)
        for path in (folder / "crops.zarr/crops").iterdir():
            path.unlink()
        (folder / "crops.zarr/crops").rmdir()
        (folder / "crops.zarr/crops").write_text("in the way")

    monkeypatch.setattr(module, "sweep", sweep)
    with pytest.raises(BenchError, match="cannot write crops"):
        crop_cohort(table(*GOOD), root, tmp_path / "s", workers=2)


def test_crops_of_a_cohort(root, tmp_path):
    manifest = CohortManifest(name="small", title="small", frame="RAS", image_root=str(root))
    mirrored = table(*[(pid, nodule, name, -x, -y, z) for pid, nodule, name, x, y, z in GOOD[:3]])
    cohort = write_cohort(tmp_path / "cohorts/small", manifest, mirrored)
    store = crops_of(cohort, tmp_path / "results", "zhuang2025")
    assert store.folder == tmp_path / "results/crops/small"
    assert store.recipe.name == "zhuang2025"
    assert len(store.cropped) == 3


def test_a_dicom_folder_in_a_table(root, tmp_path):
    images = tmp_path / "images"
    images.mkdir()
    save_series(image(voxels(SIZE), (1.0, 1.0, 1.2), (0, 0, 0)), images / "series")
    (images / "series/notes.txt").write_text("x")
    store = crop_cohort(table(("a", "1", "series", 40, 35, 36)), images, tmp_path / "s", workers=1)
    expected = crop_cohort(table(GOOD[0]), root, tmp_path / "t")
    assert np.abs(store.crops([0]) - expected.crops([0])).max() <= 1
    assert "1 files that are not DICOM ignored" in (tmp_path / "s/notes.csv").read_text(encoding="utf-8")
    assert not (tmp_path / "t/notes.csv").exists()


RUN = """
import json, sys
import pandas as pd
from benchmark.imaging.cropping.cohort import crop_cohort
values = json.loads(sys.argv[1])
frame = pd.DataFrame(values["rows"], columns=["pid", "nodule_id", "image_path", "coordX", "coordY", "coordZ"])
crop_cohort(frame, values["root"], values["out"], workers=values["workers"])
"""


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_kill_9_at_ten_random_moments(tmp_path, workers):
    root = scans(tmp_path / "images", 8)
    rng = np.random.default_rng(workers)
    rows = [
        (f"{k % 8}", f"{k}", f"{k % 8}.nii.gz", *(float(v) for v in rng.uniform(30, 45, 3))) for k in range(24)
    ]

    def start(out):
        values = json.dumps({"rows": rows, "root": str(root), "out": str(out), "workers": workers})
        return subprocess.Popen([sys.executable, "-c", RUN, values], start_new_session=True)

    begin = time.monotonic()
    assert start(tmp_path / "undisturbed").wait() == 0
    whole = time.monotonic() - begin
    killed = 0
    for _ in range(40):
        process = start(tmp_path / "killed")
        time.sleep(float(rng.uniform(0.2, 0.9)) * whole)
        ended = process.poll() is not None
        # the program dies by kill -9; its workers are left to themselves, as the system would leave them
        process.kill()
        process.wait()
        if ended:
            shutil.rmtree(tmp_path / "killed")
        killed += not ended
        if killed == 10:
            break
    assert killed == 10
    assert start(tmp_path / "killed").wait() == 0
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


def test_a_changed_raw_file_is_cropped_again(tmp_path):
    root, made = tmp_path / "images", image(voxels(SIZE), (1.0, 1.0, 1.2), (0, 0, 0))
    root.mkdir()
    save(made, root / "a.mhd")
    save(made, root / "a.nhdr")
    rows = table(("p", "1", "a.mhd", 40, 35, 36), ("q", "1", "a.nhdr", 40, 35, 36))
    before = crop_cohort(rows, root, tmp_path / "out").crops([0, 1])
    (root / "a.raw").write_bytes((voxels(SIZE) + 7).tobytes())
    after = crop_cohort(rows, root, tmp_path / "out").crops([0, 1])
    inner = (slice(None), *(slice(40, 60),) * 3)
    assert np.abs(after[inner] - before[inner] - 7).max() <= 1  # halves are rounded to even numbers


@pytest.mark.slow
def test_a_changed_slice_in_a_folder_below_is_cropped_again(tmp_path):
    root, made = tmp_path / "images", image(voxels(SIZE), (1.0, 1.0, 1.2), (0, 0, 0))
    save_series(made, root / "scan" / "below")
    rows = table(("p", "1", "scan", 40, 35, 36))
    before = crop_cohort(rows, root, tmp_path / "out").crops([0])
    save_series(image(voxels(SIZE, seed=3), (1.0, 1.0, 1.2), (0, 0, 0)), root / "scan" / "below")
    assert not np.array_equal(crop_cohort(rows, root, tmp_path / "out").crops([0]), before)


def test_a_store_cannot_be_a_file(root, tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        crop_cohort(table(GOOD[0]), root, tmp_path / "out")
    with pytest.raises(InputError, match="is a file"):
        crop_cohort(table(GOOD[0]), root, tmp_path / "out" / "below")


def test_a_reason_names_a_few_of_many_files(tmp_path):
    folder = save_series(image(voxels(SIZE)), tmp_path / "images" / "scan")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"MONOCHROME2", b"MONOCHROME1"))
    store = crop_cohort(table(("p", "1", "scan", 0, 20, -80)), tmp_path / "images", tmp_path / "out")
    assert store.index["reason"][0].count("MONOCHROME1") == 5
    assert store.index["reason"][0].endswith("; and 55 more")


@pytest.mark.parametrize("name", ["index.csv", "notes.csv", "done.jsonl", "crops.zarr/crops/0.0.0.0"])
def test_a_folder_with_files_of_the_user_is_left_alone(root, tmp_path, name):
    there = tmp_path / "out" / name
    there.parent.mkdir(parents=True)
    there.write_text("mine")
    with pytest.raises(InputError, match="was not written by"):
        crop_cohort(table(*GOOD), root, tmp_path / "out")
    assert contents(tmp_path / "out") == contents_of(name, "mine")


def contents_of(name, text):
    return {name: hashlib.sha256(text.encode()).hexdigest()}


def test_files_of_the_user_in_a_store_stay(root, tmp_path):
    out = tmp_path / "out"
    crop_cohort(table(*GOOD), root, out)
    names = [".my-settings.yaml", "notes.md", "crops.zarr/crops/.my-note", "crops.zarr/crops/remarks.txt"]
    for name in names:
        (out / name).write_text("mine")
    crop_cohort(table(*GOOD), root, out, "zhuang2025")
    crop_cohort(table(*GOOD[:2]), root, out)
    assert all((out / name).read_text() == "mine" for name in names)
    (out / "notes.csv").write_text("my own notes")
    with pytest.raises(InputError, match=r"notes\.csv"):
        crop_cohort(table(*GOOD), root, out)
    assert (out / "notes.csv").read_text() == "my own notes"
    assert CropStore.open(out).index["pid"].tolist() == ["007", "NA"]


def not_hu(folder):
    folder.mkdir()
    hu = voxels(SIZE).astype(np.float32)
    save(image((hu - hu.mean()) / hu.std(), (1.0, 1.0, 1.2), (0, 0, 0)), folder / "z.nii.gz")
    save(image(hu.clip(-160, 240).astype(np.int16), (1.0, 1.0, 1.2), (0, 0, 0)), folder / "window.mha")
    save(image(voxels(SIZE), (1.0, 1.0, 1.2), (0, 0, 0)), folder / "0.nii.gz")
    return folder


NOT_HU = (
    ("1", "1", "z.nii.gz", 40, 35, 36),
    ("1", "2", "z.nii.gz", 38, 33, 60),
    ("2", "1", "window.mha", 40, 35, 36),
)


@pytest.mark.parametrize("workers", [0, 2])
def test_scans_that_are_not_in_hu_fail_with_their_share(tmp_path, workers):
    store = crop_cohort(table(*NOT_HU, GOOD[0]), not_hu(tmp_path / "images"), tmp_path / "s", workers=workers)
    assert store.index["status"].tolist() == ["failed", "failed", "failed", "cropped"]
    assert store.index["reason"][0] == store.index["reason"][1]
    assert store.index["reason"][0].startswith("z.nii.gz — intensity range -")
    assert "is not CT HU: 0.00 % of its voxels lie near air or lung" in store.index["reason"][0]
    assert "intensity range -160..240" in store.index["reason"][2]
    assert "--assume-hu" in store.index["reason"][2]
    assert not chunk_path(tmp_path / "s", 0).exists()


def test_hu_is_assumed_on_request_and_remembered(tmp_path):
    rows = table(*NOT_HU, GOOD[0]).assign(malignant=[0, 0, 1, 1])
    images = not_hu(tmp_path / "images")
    out = tmp_path / "results" / "crops" / "c"
    store = crop_cohort(rows, images, out, options=ReadOptions(assume_hu=True))
    assert (store.index["status"] == "cropped").all()
    notes = pd.read_csv(out / "notes.csv", dtype=str)
    assert notes[["pid", "nodule_id"]].to_numpy().tolist() == [["1", "1"], ["1", "2"], ["2", "1"]]
    assert notes["note"].str.contains("--assume-hu").all()
    assert notes["note"].str.contains(r"0.00 % of its voxels").all()
    made = write_cohort(
        tmp_path / "cohorts" / "c", CohortManifest(name="c", title="c", image_root=str(images)), rows
    )
    before = contents(out)
    again = crops_of(made, tmp_path / "results")  # as training and scoring ask for them
    assert (again.index["status"] == "cropped").all()
    assert contents(out) == before
    # without the option it is refused again, and the crops go
    assert (crop_cohort(rows, images, out).index["status"] == "cropped").sum() == 1


def test_the_values_beside_a_nodule_do_not_decide(tmp_path):
    # a scan whose lung lies only in its last slices: the crops of the first show none
    folder = tmp_path / "images"
    folder.mkdir()
    hu = np.random.default_rng(0).normal(40, 20, (400, 40, 40)).astype(np.int16)
    hu[-30:] -= 850
    save(image(hu, (1.0, 1.0, 1.0), (0, 0, 0)), folder / "0.nii.gz")
    rows = table(("1", "1", "0.nii.gz", 20, 20, 60), ("1", "2", "0.nii.gz", 20, 20, 380))
    for number in ([0], [1], [0, 1]):
        store = crop_cohort(rows.iloc[number], folder, tmp_path / f"s{len(number)}{number[0]}")
        assert (store.index["status"] == "cropped").all()


def test_padding_inside_the_body_is_counted(tmp_path):
    # a hole of 3 x 4 voxels in each of two slices holds the padding value, besides the corners of every slice
    array = voxels((20, 24, 28))
    array[array == -2000] += 1
    array[:, :3, :3] = -2000
    array[9:11, 10:13, 12:16] = -2000
    made = image(array, (5.0, 5.0, 5.0), (0, 0, 0))
    save_series(made, tmp_path / "images" / "d")
    rows = table(("1", "1", "d", 70, 60, 50))
    store = crop_cohort(rows, tmp_path / "images", tmp_path / "s")
    assert store.index["status"].tolist() == ["cropped"]
    note = pd.read_csv(tmp_path / "s" / "notes.csv")["note"][0]
    assert "24 padding voxels inside the body read as air (-1000 HU)" in note


def test_a_store_whose_ids_hold_line_ends_is_opened_and_resumed(root, tmp_path):
    rows = table(("a\rb", "1", "0.nii.gz", 40.0, 35.0, 36.0), ("a\r\nb", "\n", "1.nii.gz", 38.2, 33.7, 30.1))
    for _ in range(2):
        store = crop_cohort(rows, root, tmp_path / "store")
        assert store.index["pid"].tolist() == rows["pid"].tolist()
    assert CropStore.open(tmp_path / "store").index["nodule_id"].tolist() == ["1", "\n"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"recipe": {"size": 110}}, "not the one whose hash it records"),
        ({"recipe": {"low": -1350.0}}, "not the one whose hash it records"),
        ({"shape": [2, 110, 110, 110]}, r"its array is <i2 \[2, 110, 110, 110\], not <i2 \[2, 100, 100, 100\]"),
        ({"dtype": "<f4"}, "its array is <f4"),
    ],
    ids=["size", "window", "shape", "type"],
)
def test_a_store_that_does_not_hold_what_it_says_is_refused(root, tmp_path, changed, message):
    crop_cohort(table(*GOOD[:2]), root, tmp_path / "s")
    array = tmp_path / "s/crops.zarr/crops"
    file = array / (".zattrs" if "recipe" in changed else ".zarray")
    content = json.loads(file.read_text())
    content.update({"recipe": content["recipe"] | changed["recipe"]} if "recipe" in changed else changed)
    file.write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        CropStore.open(tmp_path / "s")
    before = chunk_path(tmp_path / "s", 1).stat().st_mtime_ns
    assert len(crop_cohort(table(*GOOD[:2]), root, tmp_path / "s").crops([0, 1])) == 2  # as the message says
    assert chunk_path(tmp_path / "s", 1).stat().st_mtime_ns == before


@pytest.mark.parametrize("size", [90, 110])
def test_a_crop_of_another_size_is_never_filled_with_what_lay_in_memory(root, tmp_path, size):
    """Larger than its chunk, the rest of the crop was whatever the memory held."""
    store = crop_cohort(table(*GOOD[:1]), root, tmp_path / "s")
    other = dataclasses.replace(store, recipe=dataclasses.replace(store.recipe, size=size))
    with pytest.raises(InputError, match=rf"holds 2,000,000 bytes, a crop of this recipe {2 * size**3:,}"):
        other.crops([0])
