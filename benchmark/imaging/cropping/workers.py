"""The scans of a crop store, in worker processes: one that dies takes only its scan with it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmark.errors import BenchError
from benchmark.imaging.cropping.layout import FAILED, Entry
from benchmark.imaging.cropping.scan import ScanTask, crop_scan
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.volume import ReadOptions
from benchmark.work import Lost, finished, processes


def crop_scans(
    tasks: list[ScanTask], folder: Path, recipe: Recipe, options: ReadOptions, workers: int | None
) -> Generator[list[Entry], None, None]:
    """Crop scans into a store.

    Args:
        tasks: The scans.
        folder: The crop store.
        recipe: The recipe.
        options: What may be assumed about the scans.
        workers: Processes (``benchmark.work.worker_count``).

    Yields:
        What became of the nodules of a scan, scans in the order in which they are finished.

    Raises:
        BenchError: A crop cannot be written, e.g. because the disk is full.
    """
    crop = partial(crop_or_stop, folder=folder, recipe=recipe, options=options)
    with closing(finished(tasks, crop, processes(workers, len(tasks)))) as results:
        for number, entries in results:
            yield _lost_scan(tasks[number], entries.status) if isinstance(entries, Lost) else entries


def crop_or_stop(task: ScanTask, folder: Path, recipe: Recipe, options: ReadOptions) -> list[Entry]:
    """``crop_scan``, where a store that cannot be written is no fault of the scan.

    Raises:
        BenchError: A crop cannot be written.
    """
    try:
        return crop_scan(task, folder, recipe, options)
    except OSError as error:
        raise BenchError(f"cannot write crops: {error}") from error


def _lost_scan(task: ScanTask, status: int) -> list[Entry]:
    reason = f"{task.image} — the process that read it died (status {status}) — the file may be corrupt"
    return [Entry(row, key, FAILED, reason) for row, key in zip(task.rows, task.keys, strict=True)]
