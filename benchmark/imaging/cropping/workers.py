"""Scans read in worker processes with limits, always: one that dies takes only its scan with it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmark.imaging.cropping.layout import Entry
from benchmark.imaging.cropping.scan import ScanTask, check_scan, crop_scan, entries_of
from benchmark.imaging.cropping.verdict import Verdict
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.scan_limits import lost_scan, scan_limits
from benchmark.imaging.volume import ReadOptions
from benchmark.work import Lost, TaskLimits, WorkersOrPlace, finished, limited_processes, run


def crop_scans(
    tasks: list[ScanTask], folder: Path, recipe: Recipe, options: ReadOptions, workers: WorkersOrPlace
) -> Generator[list[Entry], None, None]:
    """Crop scans into a store.

    Args:
        tasks: The scans.
        folder: The crop store.
        recipe: The recipe.
        options: What may be assumed about the scans.
        workers: Scans that are read at a time (``benchmark.work.worker_count``), one where it is 0.

    Yields:
        What became of the nodules of a scan, scans in the order in which they are finished.

    Raises:
        BenchError: A crop cannot be written, e.g. because the disk is full.
    """
    crop = partial(crop_scan, folder=folder, recipe=recipe, options=options)
    with closing(finished(tasks, crop, limited_processes(workers, len(tasks), limits_of_scan))) as results:
        for number, entries in results:
            task = tasks[number]
            yield entries_of(task, verdicts_if_lost(task, entries)) if isinstance(entries, Lost) else entries


def check_scans(
    tasks: list[ScanTask], recipe: Recipe, options: ReadOptions, workers: WorkersOrPlace
) -> Generator[tuple[list[Verdict], str], None, None]:
    """Read scans as ``crop_scans`` does, and keep nothing.

    Args:
        tasks: The scans; of one without centres it is seen whether it can be read.
        recipe: Of the crops.
        options: What may be assumed about the scans.
        workers: As for ``crop_scans``.

    Yields:
        For each scan, in their order, a verdict a row, and the scan's hash; no hash where it could not be read.
    """
    check = partial(check_scan, recipe=recipe, options=options)
    with closing(run(tasks, check, limited_processes(workers, len(tasks), limits_of_scan))) as results:
        for task, result in zip(tasks, results, strict=True):
            yield (verdicts_if_lost(task, result), "") if isinstance(result, Lost) else result


def limits_of_scan(task: ScanTask) -> TaskLimits:
    """What reading a scan may use up."""
    return scan_limits(Path(task.path))


def verdicts_if_lost(task: ScanTask, lost: Lost) -> list[Verdict]:
    """The verdicts on the nodules of a scan whose worker died."""
    return [Verdict((lost_scan(lost, limits_of_scan(task), task.image),), unread=True)] * len(task.rows)
