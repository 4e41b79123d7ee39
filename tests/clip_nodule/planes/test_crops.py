"""The part of a crop that planes touch, read ahead and kept on a device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.recipe import RECIPES
from clip_nodule.planes import batch
from clip_nodule.planes import crops as device_crops
from clip_nodule.planes.augment import augmented_planes
from clip_nodule.planes.batch import planes_batch
from clip_nodule.planes.crops import DeviceCrops, cube_recipe, forget_kept_crops, untouched_margin
from clip_nodule.planes.paper_augment import paper_planes
from clip_nodule.training.images import FreshPlanes
from tests.clip_nodule.pretended_gpu import pretended_gpu
from tests.imaging.test_planes import random_crop

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SIZE = 48
MADE = {
    "none": lambda crops, recipe, random: planes_batch(crops, recipe, SIZE),
    "full": lambda crops, recipe, random: augmented_planes(crops, recipe, random, size=SIZE),
    "jitter": lambda crops, recipe, random: paper_planes(crops, recipe, random, SIZE, change_volume=False),
    "paper": lambda crops, recipe, random: paper_planes(crops, recipe, random, SIZE),
}


def inner(crops: torch.Tensor, margin: int) -> torch.Tensor:
    part = slice(margin, crops.shape[1] - margin)
    return crops[:, part, part, part]


@pytest.fixture
def crops() -> torch.Tensor:
    return torch.from_numpy(np.stack([random_crop(seed) for seed in range(4)]))


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("augment", MADE)
def test_planes_of_the_inner_cube_are_those_of_the_whole_crop(
    crops: torch.Tensor, name: str, augment: str
) -> None:
    recipe = RECIPES[name]
    margin = untouched_margin(recipe, SIZE, augment)
    for seed in range(3):
        whole = MADE[augment](crops, recipe, np.random.default_rng(seed))
        part = MADE[augment](inner(crops, margin), cube_recipe(recipe, margin), np.random.default_rng(seed))
        # Positions are counted from another corner. Weights differ in their last bit, 6e-8 of 4 (CLIP's range).
        # The linear jitter hands grid_sample float32 positions near 50, right to 4e-6 voxels on either side, and
        # neighbours along three axes may differ by the whole range: 2 * 4e-6 * 3 * 4.
        exact = augment != "jitter" or name != "default"
        torch.testing.assert_close(part, whole, atol=2e-6 if exact else 1e-4, rtol=0)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("augment", ["none", "full", "jitter"])
def test_what_is_left_out_is_never_touched_and_what_is_left_is_needed(
    crops: torch.Tensor, name: str, augment: str
) -> None:
    recipe = RECIPES[name]
    margin = untouched_margin(recipe, SIZE, augment)
    assert margin > 10
    other = torch.full_like(crops, 3000)
    inner(other, margin).copy_(inner(crops, margin))
    shell = torch.full_like(crops, 3000)
    # The outermost voxels of the paper's shifted planes weigh less than float32 has digits.
    deep = margin + (4 if (augment, name) == ("jitter", "zhuang2025") else 1)
    inner(shell, deep).copy_(inner(crops, deep))
    changed = False
    for seed in range(8):
        whole, same, less = (MADE[augment](c, recipe, np.random.default_rng(seed)) for c in (crops, other, shell))
        assert torch.equal(whole, same)
        changed |= not torch.equal(whole, less)
    # Draws of 8 seeds come near the reach of the augmentation but need not meet it.
    assert changed or augment == "full"


@pytest.fixture
def store(small: Path) -> CropStore:
    forget_kept_crops()
    yield CropStore.open(small / "results" / "crops" / "balls")
    forget_kept_crops()


def test_batches_read_ahead_are_those_asked_for(store: CropStore) -> None:
    batches = [np.array([3, 1]), np.array([0]), np.array([5, 6, 7]), np.array([2, 4])]
    source = DeviceCrops(store, CPU, 10)
    for rows, crops in source.each(batches):
        np.testing.assert_array_equal(crops.numpy(), store.crops(rows)[:, 10:-10, 10:-10, 10:-10])
    source.expect(batches)
    # What was not announced is read beside what was; what is left out is passed over.
    for rows in (batches[0], np.array([9, 8]), batches[2], batches[3], batches[0]):
        np.testing.assert_array_equal(source(rows).numpy(), store.crops(rows)[:, 10:-10, 10:-10, 10:-10])


def test_the_next_batches_are_decoded_before_they_are_asked_for(store: CropStore, monkeypatch) -> None:
    read: list[int] = []
    crops = CropStore.crops
    monkeypatch.setattr(CropStore, "crops", lambda self, rows: (read.extend(map(int, rows)), crops(self, rows))[1])
    source = DeviceCrops(store, CPU)
    each = source.each([np.array([row]) for row in range(5)])
    next(each)
    source._pool.submit(int).result()
    assert read == [0, 1, 2]
    next(each)
    source._pool.submit(int).result()
    assert read == [0, 1, 2, 3]


def test_a_damaged_crop_is_said_where_its_batch_is_asked_for(store: CropStore, monkeypatch) -> None:
    crops = CropStore.crops

    def fail(self: CropStore, rows: np.ndarray) -> np.ndarray:
        if 2 in rows:
            raise OSError("disk is gone")
        return crops(self, rows)

    monkeypatch.setattr(CropStore, "crops", fail)
    each = DeviceCrops(store, CPU).each([np.array([1]), np.array([2])])
    next(each)
    with pytest.raises(OSError, match="disk is gone"):
        next(each)


def test_crops_are_put_on_a_gpu_once_a_process(store: CropStore, monkeypatch) -> None:
    read: list[int] = []
    crops = CropStore.crops
    monkeypatch.setattr(CropStore, "crops", lambda self, rows: (read.extend(map(int, rows)), crops(self, rows))[1])
    rows = store.cropped.astype("int64")[2:]
    wanted = np.array([5, 2, 5])
    expected = crops(store, wanted)[:, 20:-20, 20:-20, 20:-20]
    with pretended_gpu():
        for _ in range(2):
            source = DeviceCrops(store, CUDA, 20)
            assert source.keep(rows)
            found = source(wanted)
            assert found.device.type == "cuda"
            np.testing.assert_array_equal(found.cpu().numpy(), expected)
        assert sorted(read) == sorted(map(int, rows))
        # Another margin, and rows that were not kept, are read.
        assert DeviceCrops(store, CUDA, 10).keep(rows)
        assert len(read) == 2 * len(rows)
        np.testing.assert_array_equal(
            source(np.array([0])).cpu().numpy(), crops(store, [0])[:, 20:-20, 20:-20, 20:-20]
        )


def test_crops_that_do_not_fit_are_read_for_every_batch(store: CropStore, monkeypatch) -> None:
    rows = store.cropped.astype("int64")
    each = 60**3 * 2
    with pretended_gpu():
        monkeypatch.setattr(device_crops, "free_memory", lambda device: 2 * each * len(rows) - 1)
        source = DeviceCrops(store, CUDA, 20)
        assert not source.keep(rows)
        assert not device_crops._kept
        for batch, crops in source.each([rows[:3], rows[3:5]]):
            assert crops.device.type == "cuda"
            np.testing.assert_array_equal(crops.cpu().numpy(), store.crops(batch)[:, 20:-20, 20:-20, 20:-20])
        monkeypatch.setattr(device_crops, "free_memory", lambda device: 2 * each * len(rows))
        assert source.keep(rows)


def test_a_processor_keeps_nothing_and_reads_whole_crops(store: CropStore) -> None:
    source = DeviceCrops(store, CPU)
    assert not source.keep(store.cropped.astype("int64"))
    np.testing.assert_array_equal(source(np.array([1, 0])).numpy(), store.crops([1, 0]))


def test_planes_that_nobody_asks_for_send_nothing_to_a_gpu(store: CropStore, monkeypatch) -> None:
    read: list[int] = []
    crops = CropStore.crops
    monkeypatch.setattr(CropStore, "crops", lambda self, rows: (read.extend(map(int, rows)), crops(self, rows))[1])
    rows = store.cropped.astype("int64")
    with pretended_gpu():
        # A probe's images are encoded before; its folds are given planes all the same.
        planes = FreshPlanes(store, SIZE, CUDA)
        planes.keep_on_device(rows)
        assert not read
        planes.expect([rows[:2], rows[2:4]])
        assert planes(rows[:2], None).device.type == "cuda"
        assert planes(rows[2:4], None).device.type == "cuda"
    assert sorted(read) == sorted(map(int, rows))
    batch._device_maps.cache_clear()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_real_gpu_is_sent_the_same_crops_from_memory_that_it_can_read(store: CropStore) -> None:
    rows = store.cropped.astype("int64")
    expected = store.crops(rows)[:, 20:-20, 20:-20, 20:-20]
    assert device_crops.pinned_memory((3,), torch.int16).is_pinned()
    source = DeviceCrops(store, CUDA, 20)
    streamed = torch.cat([crops for _, crops in source.each(np.split(rows, [3, 7]))])
    assert source.keep(rows)
    np.testing.assert_array_equal(streamed.cpu().numpy(), expected)
    np.testing.assert_array_equal(source(rows).cpu().numpy(), expected)
