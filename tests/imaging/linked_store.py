"""A crop store of many nodules that takes the room of one: all chunks are links to one file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.imaging.cropping.layout import CROPPED, Entry, chunk_path
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.cropping.writing import finish_store, prepare_store, write_crop
from benchmark.imaging.recipe import RECIPES
from benchmark.imaging.scans.scan import ReadOptions


def linked_store(folder: Path, ids: list[tuple[str, str]]) -> CropStore:
    """Crops of noise, recipe ``default``, for the nodules ``(pid, nodule_id)``."""
    recipe = RECIPES["default"]
    prepare_store(folder, len(ids), recipe, ReadOptions())
    crop = np.random.default_rng(0).integers(-1000, 100, (recipe.size,) * 3, np.int16)
    checksum = write_crop(folder, 0, crop)
    for row in range(1, len(ids)):
        chunk_path(folder, row).hardlink_to(chunk_path(folder, 0))
    entries = [Entry(row, "key", CROPPED, padded_fraction=0.0, crc32=checksum) for row in range(len(ids))]
    finish_store(folder, ids, entries, recipe, ReadOptions())
    return CropStore.open(folder)
