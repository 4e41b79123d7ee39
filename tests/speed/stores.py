"""A finished crop store of many nodules, made without reading their scans."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import numpy as np

from benchmark.contracts.cohort import Cohort
from benchmark.imaging.cropping.cohort import _tasks, build_store
from benchmark.imaging.cropping.layout import CROPPED, FAILED, Entry, chunk_path
from benchmark.imaging.cropping.scan import ScanTask
from benchmark.imaging.cropping.scan_tasks import CropRequest
from benchmark.imaging.cropping.writing import write_crop
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.volume import ReadOptions


def finished_store(cohort: Cohort, image_root: Path, out: Path, failed_every: int = 100) -> None:
    """Write the store that ``bench crop`` would go on with: each crop is the same one, some nodules failed."""
    recipe, options = get_recipe("default"), ReadOptions()
    request = CropRequest(cohort.nodules, image_root, recipe, cohort.manifest.frame, options)
    tasks, failed = _tasks(request, 0)
    ids = request.ids
    crop = np.random.default_rng(0).integers(-1000, 400, (recipe.size,) * 3).astype(np.int16)
    crop[:, :, 3:] = 0

    def make(left: list[ScanTask]) -> Generator[list[Entry], None, None]:
        checksum, data = 0, b""
        for task in left:
            entries = []
            for row, key in zip(task.rows, task.keys, strict=True):
                if row % failed_every == failed_every - 1:
                    entries.append(Entry(row, key, FAILED, "lies outside the scan"))
                    continue
                if data:
                    chunk_path(out, row).write_bytes(data)
                else:
                    checksum = write_crop(out, row, crop)
                    data = chunk_path(out, row).read_bytes()
                entries.append(Entry(row, key, CROPPED, "", 0.0, checksum))
            yield entries

    build_store(out, ids, recipe, tasks, failed, make, options)
