"""A finished crop store asked for again: what is read of it, and what is tried again."""

from __future__ import annotations

import os
import shutil

import pytest

from benchmark.errors import InputError
from benchmark.imaging.cropping import cohort, layout
from benchmark.imaging.cropping.again import forget_failed, remove_damaged
from benchmark.imaging.cropping.cohort import crop_cohort
from benchmark.imaging.cropping.layout import DONE, chunk_path

from .test_crop_cohort import GOOD, contents, scans, table

OUTSIDE = ("008", "far", "1.nii.gz", 900.0, 33.7, 30.1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    scans(folder / "images")
    crop_cohort(table(*GOOD, OUTSIDE), folder / "images", folder / "s")
    return folder


@pytest.fixture
def again(made, tmp_path):
    """Asks for the store again and returns it with the number of nodules that were done."""
    shutil.copytree(made / "images", tmp_path / "images")
    shutil.copytree(made / "s", tmp_path / "s")

    def ask():
        done = []
        store = crop_cohort(
            table(*GOOD, OUTSIDE),
            tmp_path / "images",
            tmp_path / "s",
            progress=lambda number, _: done.append(number),
        )
        return store, len(done)

    later(tmp_path / "s")
    ask.folder, ask.images = tmp_path / "s", tmp_path / "images"
    return ask


def later(store, seconds=5):
    """As if the store had been finished some seconds after its crops were last touched."""
    moment = (store / DONE).stat().st_ctime_ns + seconds * 10**9
    os.utime(store / DONE, ns=(moment, moment))


def test_no_crop_that_nobody_touched_is_read(again, monkeypatch) -> None:
    def refuse(path):
        raise AssertionError(path)

    monkeypatch.setattr(layout, "read_chunk", refuse)
    store, done = again()
    assert (len(store.cropped), done) == (4, 0)
    with pytest.raises(AssertionError):
        remove_damaged(again.folder)


def test_a_crop_touched_since_is_read(again) -> None:
    moment = chunk_path(again.folder, 2).stat().st_ctime_ns
    os.utime(again.folder / DONE, ns=(moment, moment))
    data = bytearray(chunk_path(again.folder, 2).read_bytes())
    data[-1] ^= 1
    chunk_path(again.folder, 2).write_bytes(data)
    store, done = again()
    assert done == 1
    assert store.crops([2]).shape == (1, 100, 100, 100)


@pytest.mark.parametrize("damage", ["cut", "empty", "zeros", "gone"])
def test_what_a_power_cut_leaves_is_seen_although_it_is_old(made, again, damage) -> None:
    path = chunk_path(again.folder, 1)
    data = path.read_bytes()
    path.write_bytes({"cut": data[:-1], "empty": b"", "zeros": bytes(len(data)), "gone": b""}[damage])
    if damage == "gone":
        path.unlink()
    later(again.folder)
    assert again()[1] == 1
    assert contents(again.folder) == contents(made / "s")


def test_a_changed_byte_is_found_by_who_reads_the_crop_and_mended_by_verify(made, again) -> None:
    path = chunk_path(again.folder, 1)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    later(again.folder)
    store, done = again()
    assert done == 0
    with pytest.raises(InputError, match=r"is damaged — run `bench crop --verify`"):
        store.crops([1])
    assert remove_damaged(again.folder) == 1
    store, done = again()
    assert (done, len(store.crops([1]))) == (1, 1)
    assert contents(again.folder) == contents(made / "s")


def test_what_failed_is_tried_again_only_where_asked_or_where_its_scan_changed(made, again) -> None:
    assert again()[1] == 0
    assert forget_failed(again.folder) == 1
    store, done = again()
    assert (done, store.failures["nodule_id"].tolist()) == (1, ["far"])
    assert contents(again.folder) == contents(made / "s")
    shutil.copy(again.images / "2.nii.gz", again.images / "1.nii.gz")
    store, done = again()
    assert done == 1
    assert store.failures["nodule_id"].tolist() == ["far"]


def test_where_there_is_no_store_nothing_is_to_be_done_again(tmp_path) -> None:
    assert (forget_failed(tmp_path / "none"), remove_damaged(tmp_path / "none")) == (0, 0)
    assert not list(tmp_path.iterdir())


def test_what_stopped_workers_were_writing_goes_where_one_fails(again, monkeypatch) -> None:
    """The other processes are killed in the middle of a write where one finds the disk full."""

    def fails(left, out, *how):
        (out / layout.ARRAY / ".3-host-417").write_bytes(b"half a chunk")
        raise OSError(28, "No space left on device")
        yield

    chunk_path(again.folder, 0).unlink()
    monkeypatch.setattr(cohort, "crop_scans", fails)
    with pytest.raises(OSError, match="No space left"):
        again()
    assert not list((again.folder / layout.ARRAY).glob(".3-*"))
