"""Crops in shards: joined they are byte for byte those of one run, or what lacks is named and nothing done."""

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.errors import InputError
from benchmark.imaging.cropping import scan_tasks
from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.cropping.joining import finish_shards
from benchmark.imaging.cropping.journals import Shard
from benchmark.imaging.cropping.layout import chunk_path
from benchmark.imaging.cropping.scan_tasks import CropRequest
from benchmark.imaging.cropping.shards import crop_shard, local_executor
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.volume import ReadOptions
from benchmark.outputs.locks import InUseError, holding
from benchmark.work import Here

from .scan_files import image, save, voxels
from .test_crop_cohort import contents, table

SIZE = (40, 44, 48)
ROWS = (
    ("007", "1", "0.nii.gz", 24.0, 22.0, 22.0),
    ("NA", "1e5", "1.nii.gz", 23.2, 21.7, 20.1),
    ("007", "2", "0.nii.gz", 25.5, 20.5, 24.25),
    ("=1+1", "<b>,\n", "2.nii.gz", 24.0, 22.0, 21.0),
    ("x", "outside", "1.nii.gz", -400.0, 0.0, 0.0),
    ("x", "none", "none.nii.gz", 24.0, 22.0, 22.0),
    ("x", "up", "../0.nii.gz", 24.0, 22.0, 22.0),
    ("x", "cut", "cut.nii.gz", 24.0, 22.0, 22.0),
    ("x", "empty", "", 24.0, 22.0, 22.0),
)  # fmt: skip


def small_scans(folder, count=3):
    folder.mkdir()
    for place in range(count):
        save(image(voxels(SIZE, seed=place), (1.0, 1.0, 1.2), (0, 0, 0)), folder / f"{place}.nii.gz")
    (folder / "cut.nii.gz").write_bytes((folder / "0.nii.gz").read_bytes()[:3000])
    return folder


def asked(root, rows=ROWS, recipe="default", **other):
    return CropRequest(table(*rows), root, get_recipe(recipe), **other)


def shards(request, out, of, numbers=None):
    """Run shards in this process: what its workers do is what they do everywhere."""
    for number in numbers or range(1, of + 1):
        crop_shard(request, out, Shard(of, number), in_this_process)


def in_this_process(tasks, limits):
    return Here()


def again(shard):
    return f"run `bench crop --shard {shard}` with the same options"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return small_scans(tmp_path_factory.mktemp("shards") / "images")


@pytest.fixture(scope="module")
def whole(root, tmp_path_factory):
    """What one run without shards leaves."""
    out = tmp_path_factory.mktemp("shards") / "whole"
    crop_cohort(table(*ROWS), root, out)
    return contents(out)


@pytest.mark.parametrize("of", [1, 2, 3, 7, 40])
def test_joined_shards_are_one_run_byte_for_byte(root, tmp_path, whole, of):
    seen = []
    for number in np.random.default_rng(of).permutation(of):  # in any order; 40 are more than there are scans
        executor = local_executor(2) if of == 2 else in_this_process
        shard = Shard(of, int(number) + 1)
        crop_shard(asked(root), tmp_path / "s", shard, executor, lambda done, total: seen.append((done, total)))
        assert not (tmp_path / "s/index.csv").exists()
    with pytest.raises(InputError, match="not finished"):
        CropStore.open(tmp_path / "s")
    store = finish_shards(asked(root), tmp_path / "s")
    assert contents(tmp_path / "s") == whole
    assert store.index["status"].tolist() == [*["cropped"] * 4, *["failed"] * 5]
    # each shard says its own nodules and their number: the empty path and "../" belong to no scan
    assert sum(total for done, total in seen if done == total) == 7


def test_a_shard_that_runs_again_does_nothing_twice(root, tmp_path, whole):
    out = tmp_path / "s"
    shards(asked(root), out, 2)
    before = {path: path.stat().st_mtime_ns for path in (out / "crops.zarr/crops").glob("*.0.0.0")}
    shards(asked(root), out, 2, [2, 1, 1])
    assert {path: path.stat().st_mtime_ns for path in (out / "crops.zarr/crops").glob("*.0.0.0")} == before
    assert len(before) == 4
    finish_shards(asked(root), out)
    assert contents(out) == whole


def test_shards_of_several_numbers_fill_each_others_gaps(root, tmp_path, whole):
    shards(asked(root), tmp_path / "s", 2, [1])  # scans 0 and 2 of 0 to 3 and 5
    with pytest.raises(InputError, match="shard 2 of 2 has not run"):
        finish_shards(asked(root), tmp_path / "s")
    shards(asked(root), tmp_path / "s", 4, [2, 4])
    finish_shards(asked(root), tmp_path / "s")
    assert contents(tmp_path / "s") == whole


def test_what_is_missing_is_named_and_nothing_is_changed(root, tmp_path):
    out = tmp_path / "s"
    shards(asked(root), out, 3, [1, 2])
    journal = out / "shards/1-of-3.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines(keepends=True)
    journal.write_text("".join(lines[:-1]) + lines[-1][:25], encoding="utf-8")  # killed while it wrote
    before = contents(out)
    with pytest.raises(InputError) as error:
        finish_shards(asked(root), out)
    assert [str(problem).split(" — ", 1)[1] for problem in error.value.problems] == [
        f"shard 1 of 3 is not done: 1 of its 2 scans are missing — {again('1/3')}",
        f"shard 3 of 3 has not run — {again('3/3')}",
    ]
    assert contents(out) == before
    with pytest.raises(InputError, match="holds no shards"):
        finish_shards(asked(root), tmp_path / "nothing")


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"rows": (("007", "1", "0.nii.gz", 24.5, 22.0, 22.0), *ROWS[1:])}, "another nodule table"),
        ({"rows": ROWS[:-1]}, "another nodule table"),
        ({"options": ReadOptions(assume_hu=True)}, "another options for reading scans"),
    ],
)
def test_a_shard_of_another_state_is_refused_until_it_ran_again(root, tmp_path, whole, other, said):
    out = tmp_path / "s"
    shards(asked(root), out, 3)
    shards(asked(root, **other), out, 3, [1])
    with pytest.raises(InputError, match=f"shard 1 of 3 was made from {said}.*--shard 1/3"):
        finish_shards(asked(root), out)
    assert not (out / "index.csv").exists()
    shards(asked(root), out, 3, [1])
    finish_shards(asked(root), out)
    assert contents(out) == whole


def test_another_recipe_is_refused_before_anything_is_touched(root, tmp_path):
    crop_cohort(table(*ROWS), root, tmp_path / "s")
    before = contents(tmp_path / "s")
    with pytest.raises(InputError, match="holds crops of the recipe 'default', not 'zhuang2025'"):
        shards(asked(root, recipe="zhuang2025"), tmp_path / "s", 2)
    assert contents(tmp_path / "s") == before
    shards(asked(root), tmp_path / "t", 1)
    with pytest.raises(InputError, match="shard 1 of 1 was made from another recipe"):
        finish_shards(asked(root, recipe="zhuang2025"), tmp_path / "t")


def test_a_scan_that_changed_between_two_shards_is_named(tmp_path):
    root, out = small_scans(tmp_path / "images"), tmp_path / "s"
    shards(asked(root), out, 2)
    save(image(voxels(SIZE, seed=9), (1.0, 1.0, 1.2), (0, 0, 0)), root / "1.nii.gz")
    shards(asked(root), out, 3, [2])  # the second of three has the second scan, as the second of two has
    with pytest.raises(
        InputError, match=r"1\.nii\.gz — its content changed between shard 2 of 2 and shard 2 of 3"
    ):
        finish_shards(asked(root), out)
    shards(asked(root), out, 2, [2])
    finish_shards(asked(root), out)
    crop_cohort(table(*ROWS), root, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_scan_that_cannot_be_read_any_more_leaves_no_crop(tmp_path):
    root, out = small_scans(tmp_path / "images"), tmp_path / "s"
    shards(asked(root), out, 2)
    (root / "1.nii.gz").write_bytes(b"no scan")
    shards(asked(root), out, 2)
    finish_shards(asked(root), out)
    crop_cohort(table(*ROWS), root, tmp_path / "fresh")
    assert contents(out) == contents(tmp_path / "fresh")


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_crop_that_is_lost_is_named_and_made_again(root, tmp_path, whole, damage):
    out = tmp_path / "s"
    shards(asked(root), out, 2)
    path = chunk_path(out, 1)
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"1\.0\.0\.0 — shard 2 of 2 wrote \d+ bytes, but .*--shard 2/2"):
        finish_shards(asked(root), out)
    shards(asked(root), out, 2, [2])
    finish_shards(asked(root), out)
    assert contents(out) == whole


def test_a_finished_store_is_taken_over_by_shards_and_by_one_run(root, tmp_path, whole):
    out = tmp_path / "s"
    crop_cohort(table(*ROWS[:3]), root, out)
    kept = chunk_path(out, 0).stat().st_mtime_ns
    shards(asked(root), out, 2, [1])
    assert not (out / "index.csv").exists()
    assert chunk_path(out, 0).stat().st_mtime_ns == kept
    made = chunk_path(out, 3).stat().st_mtime_ns  # "2.nii.gz" is the third scan
    crop_cohort(table(*ROWS), root, out)  # one run does what the shards lack
    assert contents(out) == whole
    assert (chunk_path(out, 0).stat().st_mtime_ns, chunk_path(out, 3).stat().st_mtime_ns) == (kept, made)
    with pytest.raises(InputError, match="none has run since its crops were finished"):
        finish_shards(asked(root), out)
    assert contents(out) == whole


def test_while_a_shard_runs_it_does_not_begin_twice_and_nobody_joins(root, tmp_path):
    out = tmp_path / "s"
    shards(asked(root), out, 2)
    script = (
        "import sys\nfrom benchmark.outputs.locks import holding\n"
        "with holding(sys.argv[1]):\n print('held', flush=True)\n sys.stdin.read()\n"
    )
    held = Shard(2, 1).journal(out)
    with subprocess.Popen(
        [sys.executable, "-c", script, held], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for act in (
            lambda: crop_shard(asked(root), out, Shard(2, 1), in_this_process),
            lambda: finish_shards(asked(root), out),
            lambda: crop_cohort(table(*ROWS), root, out),
        ):
            with pytest.raises(InUseError, match=f"1-of-2.jsonl — is being written by process {process.pid}"):
                act()
        shards(asked(root), out, 2, [2])
        process.kill()
    finish_shards(asked(root), out)


def test_shards_wait_for_who_works_on_the_whole_store(root, tmp_path, monkeypatch):
    import benchmark.imaging.cropping.shards as module

    monkeypatch.setattr(module, "PATIENCE", 0.2)
    script = (
        "import sys\nfrom benchmark.outputs.locks import holding\n"
        "with holding(sys.argv[1]):\n print('held', flush=True)\n sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / "s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(InUseError, match=f"is being written by process {process.pid}"):
            crop_shard(asked(root), tmp_path / "s", Shard(2, 1))
        process.kill()


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/0", "-1/2", "1/2/3", "a/b", "", "٣/٨", "1/9999999"])
def test_what_names_no_shard_is_refused(text):
    with pytest.raises(InputError, match="is no shard"):
        Shard.parse(text)


def test_every_scan_belongs_to_one_shard():
    assert Shard.parse(" 3/8 ") == Shard(8, 3)
    for of in (1, 2, 7):
        owners = [[n for n in range(1, of + 1) if Shard(of, n).has(scan)] for scan in range(20)]
        assert all(len(found) == 1 for found in owners)


@pytest.mark.parametrize(
    "line",
    ["", "{", "[]", '{"format": 2}', '{"mark": 1, "entries": [], "sizes": []}', '{"entries": [{"row": "0"}]}'],
)
def test_a_journal_that_somebody_else_wrote_is_no_proof(root, tmp_path, whole, line):
    out = tmp_path / "s"
    shards(asked(root), out, 1)
    journal = Shard(1, 1).journal(out)
    text = journal.read_text(encoding="utf-8")
    journal.write_text(line + "\n" + text.split("\n", 1)[1], encoding="utf-8")
    with pytest.raises(InputError, match="shard 1 of 1 was made from what nobody can read"):
        finish_shards(asked(root), out)
    # a line in between that is damaged is a scan that is missing
    lines = text.splitlines(keepends=True)
    journal.write_text("".join([lines[0], line + "\n", *lines[2:]]), encoding="utf-8")
    with pytest.raises(InputError, match="shard 1 of 1 is not done"):
        finish_shards(asked(root), out)
    shards(asked(root), out, 1)
    finish_shards(asked(root), out)
    assert contents(out) == whole


RUN = """
import json, sys
from pathlib import Path
from benchmark.imaging.cropping.journals import Shard
from benchmark.imaging.cropping.shards import crop_shard
from tests.imaging.test_crop_shards import asked
values = json.loads(sys.argv[1])
rows = [tuple(row) for row in values["rows"]]
crop_shard(asked(Path(values["root"]), rows), Path(values["out"]), Shard.parse(values["shard"]))
"""


@pytest.mark.slow
def test_kill_9_within_shards_at_ten_random_moments(tmp_path):
    root, rng = small_scans(tmp_path / "images", 8), np.random.default_rng(5)
    rows = [
        (f"{k % 8}", f"{k}", f"{k % 8}.nii.gz", *(float(v) for v in rng.uniform(20, 26, 3))) for k in range(24)
    ]
    crop_cohort(table(*rows), root, tmp_path / "undisturbed")

    def start(shard):
        values = {"rows": rows, "root": str(root), "out": str(tmp_path / "killed"), "shard": shard}
        return subprocess.Popen([sys.executable, "-c", RUN, json.dumps(values)], start_new_session=True)

    begin = time.monotonic()
    assert start("1/1").wait() == 0
    seconds = time.monotonic() - begin
    killed = 0
    while killed < 10:
        crowd = [start(f"{number}/2") for number in (1, 2)]
        time.sleep(float(rng.uniform(0.4, 1.0)) * seconds)
        killed += sum(process.poll() is None for process in crowd)
        for process in crowd:
            process.kill()
            process.wait()
        if killed % 3 == 0:
            for path in (tmp_path / "killed/crops.zarr/crops").glob("[0-9]*"):
                path.unlink()
    for number in (1, 2):
        assert start(f"{number}/2").wait() == 0
    finish_shards(asked(root, rows), tmp_path / "killed")
    assert contents(tmp_path / "killed") == contents(tmp_path / "undisturbed")


def test_a_store_on_two_hosts_has_chunks_of_both_names(root, tmp_path, monkeypatch):
    import benchmark.imaging.cropping.writing as writing

    seen = []
    real = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", lambda path, data: (seen.append(path.name), real(path, data))[1])
    crop = np.zeros((100,) * 3, np.int16)
    writing.prepare_store(tmp_path / "s", 1, get_recipe("default"), ReadOptions())
    for host in ("node1", "node-2.x"):
        monkeypatch.setattr(writing, "_HOST", host)
        writing.write_crop(tmp_path / "s", 0, crop)
    names = [name for name in seen if name.startswith(".0-")]
    assert len(set(names)) == 2
    for name in names:  # as a killed run leaves them
        (tmp_path / "s/crops.zarr/crops" / name).write_bytes(b"half")
    writing.sweep(tmp_path / "s", 1)
    assert not list((tmp_path / "s/crops.zarr/crops").glob(".0-*"))


def test_requests_refuse_what_runs_refuse(root, tmp_path):
    with pytest.raises(InputError, match="LPS or RAS"):
        asked(root, frame="LAS")
    with pytest.raises(InputError, match="no such folder"):
        asked(tmp_path / "nowhere")
    assert replace(asked(root), frame="RAS").table_hash() != asked(root).table_hash()
    with holding(tmp_path / "x"):
        pass


def test_the_hash_of_a_table_is_that_of_all_its_rows_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pids, centres = [f"é{row}" for row in range(9)], np.arange(27.0).reshape(9, 3)
    nodules = pd.DataFrame({"pid": pids, "nodule_id": "1", "image_path": "s.nii.gz"})
    nodules[["coordX", "coordY", "coordZ"]] = centres
    rows = [[[pid, "1"], "s.nii.gz", centre] for pid, centre in zip(pids, centres.tolist(), strict=True)]
    for size in (4, 9):
        monkeypatch.setattr(scan_tasks, "_AT_A_TIME", size)
        found = CropRequest(nodules, tmp_path, get_recipe("default")).table_hash()
        assert found == hashlib.sha256(json.dumps(["LPS", rows]).encode()).hexdigest()
