"""The crops of a whole nodule table: parallel over scans, resumable, the same bytes for any number of workers."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.imaging.cropping.elsewhere import crop_elsewhere
from benchmark.imaging.cropping.journals import known_entries, refuse_running_shards, remove_journals
from benchmark.imaging.cropping.layout import (
    ARRAY,
    DONE,
    FAILED,
    INDEX,
    SHARDS,
    Entry,
    chunk_path,
    entry_line,
    is_whole,
    read_attributes,
    recorded_at,
)
from benchmark.imaging.cropping.scan import ScanTask, mark_of_scan, scan_keys
from benchmark.imaging.cropping.scan_tasks import CropRequest
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.cropping.workers import crop_scans
from benchmark.imaging.cropping.writing import finish_store, open_folder, prepare_store, sweep
from benchmark.imaging.recipe import Recipe, get_recipe
from benchmark.imaging.volume import ReadOptions
from benchmark.outputs.locks import holding
from benchmark.outputs.written import remove_own
from benchmark.progress import Progress
from benchmark.work import Lost, WorkersOrPlace, run, threads
from benchmark.work.other_machines import OtherMachines

if TYPE_CHECKING:
    import pandas as pd

    from benchmark.contracts.cohort import Cohort


def crops_of(
    cohort: Cohort,
    results: Path | str = "results",
    recipe: Recipe | str = "default",
    *,
    workers: WorkersOrPlace = None,
    progress: Progress | None = None,
) -> CropStore:
    """The crops of a cohort in ``results/crops/<cohort>``; what is missing or outdated is made.

    What ``bench crop`` was allowed to assume about the scans (``--assume-hu`` and the like) holds here too: it is
    recorded in the store.

    Example::

        >>> from benchmark.cohorts.phantom import prepare_phantom
        >>> from benchmark.imaging.cropping.cohort import crops_of
        >>> cohort = prepare_phantom("ucla", "cohorts/phantoms", n_patients=2)
        >>> store = crops_of(cohort, workers=0)
        >>> store.crops(store.cropped[:1]).shape, len(store.failures)
        ((1, 100, 100, 100), 0)

    Args:
        cohort: The cohort.
        results: The folder of results.
        recipe: A recipe or its name.
        workers: Scans that are read at a time: one for each usable core by default, one where it is 0; or a
            ``OtherMachines``.
        progress: Called with the nodules done and their total.

    Returns:
        The store; nodules that failed are in its ``failures``.
    """
    out = Workspace(results=Path(results)).crops(cohort.name)
    return crop_cohort(
        cohort.nodules, cohort.image_root, out, recipe,
        frame=cohort.manifest.frame, workers=workers, options=recorded_options(out), progress=progress,
    )  # fmt: skip


def crop_cohort(
    nodules: pd.DataFrame,
    image_root: Path | str,
    out: Path | str,
    recipe: Recipe | str = "default",
    *,
    frame: str = "LPS",
    workers: WorkersOrPlace = 0,
    options: ReadOptions | None = None,
    progress: Progress | None = None,
) -> CropStore:
    """Crop all nodules of a table into a store, or go on where an interrupted run stopped.

    Crops that were made from the same scan, centre and recipe are kept; all others are made (again). A nodule that
    cannot be cropped is recorded as failed, and the others go on; it is tried again where its scan, centre, recipe
    or options changed, or after ``forget_failed``.

    Args:
        nodules: A nodule table (see ``benchmark.contracts.nodules``).
        image_root: Folder that ``image_path`` is relative to.
        out: The store's folder.
        recipe: A recipe or its name.
        frame: ``LPS`` or ``RAS``, the frame of the coordinates.
        workers: Scans that are read at a time, each in a process of its own with limits; one where it is 0, one
            for each usable core where it is None; or a ``OtherMachines``.
        options: What may be assumed about the scans.
        progress: Called with the nodules done and their total.

    Returns:
        The finished store.

    Raises:
        InputError: The frame is unknown, or the image root is no folder.
    """
    recipe, options, out = get_recipe(recipe), options or ReadOptions(), Path(out)
    request = CropRequest(nodules, Path(image_root), recipe, frame, options)
    if isinstance(workers, OtherMachines):
        return crop_elsewhere(request, out, workers, progress)
    tasks, failed = _tasks(request, workers)

    def crop(left: list[ScanTask]) -> Generator[list[Entry], None, None]:
        return crop_scans(left, out, recipe, options, workers)

    return build_store(out, request.ids, recipe, tasks, failed, crop, options, progress)


def build_store(
    out: Path,
    ids: list[tuple[str, str]],
    recipe: Recipe,
    tasks: list[ScanTask],
    failed: dict[int, Entry],
    run: Callable[[list[ScanTask]], Generator[list[Entry], None, None]],
    options: ReadOptions,
    progress: Progress | None = None,
) -> CropStore:
    """Do what a store still lacks, and finish it.

    Args:
        out: The store's folder.
        ids: ``(pid, nodule_id)`` of each row.
        recipe: The recipe.
        tasks: All that there is to do.
        failed: Rows that failed before they became a task.
        run: Does tasks and yields what became of them; crops are written by then.
        options: What may be assumed about the scans, recorded in the store.
        progress: Called with the nodules done and their total.
    """
    with holding(out, wait=True):  # a second run then finds the work done
        refuse_running_shards(out)
        open_folder(out)
        entries = dict(failed)
        attributes = read_attributes(out)
        known = known_entries(out) if attributes and attributes.get("recipe_hash") == recipe.hash else None
        tasks = _left(tasks, known or {}, entries, out)
        settled = (out / INDEX).is_file() and recorded_options(out) == options and not (out / SHARDS).is_dir()
        if not tasks and settled and known == entries and len(entries) == len(ids):
            with suppress(InputError):  # the crops are whole; what describes them may not be, and is written again
                return CropStore.open(out, known)
        _clear(out, keep=known is not None)
        prepare_store(out, len(ids), recipe, options)
        sweep(out, len(ids))
        with (
            _swept_where_it_fails(out, len(ids)),
            (out / DONE).open("a", encoding="utf-8") as journal,
            closing(run(tasks)) as results,
        ):
            for done in results:
                for entry in done:
                    entries[entry.row] = entry
                    journal.write(entry_line(entry))
                journal.flush()
                if progress:
                    progress(len(entries), len(ids))
        for row, entry in entries.items():
            if entry.status == FAILED:
                chunk_path(out, row).unlink(missing_ok=True)
        finish_store(out, ids, [entries[row] for row in range(len(ids))], recipe, options)
        remove_journals(out)
        return CropStore.open(out)


@contextmanager
def _swept_where_it_fails(out: Path, count: int) -> Iterator[None]:
    """Workers that are stopped when one fails, as where the disk is full, leave what they were writing."""
    try:
        yield
    except BaseException:
        with suppress(OSError):
            sweep(out, count)
        raise


def recorded_options(out: Path) -> ReadOptions:
    """What could be assumed about the scans when a store was made; nothing where that is not recorded."""
    recorded = (read_attributes(out) or {}).get("read_options")
    try:
        return ReadOptions(**recorded) if isinstance(recorded, dict) else ReadOptions()
    except TypeError:  # another version's options
        return ReadOptions()


def _tasks(request: CropRequest, workers: WorkersOrPlace) -> tuple[list[ScanTask], dict[int, Entry]]:
    """The nodules by scan, in the order of the table, and those that fail before any scan is read."""
    tasks, failed = request.scan_tasks()
    marks, ids = _content_marks(tasks, workers), request.ids
    keyed = [
        replace(task, keys=scan_keys(task, [ids[row] for row in task.rows], mark, request.recipe, request.options))
        for task, mark in zip(tasks, marks, strict=True)
    ]
    return keyed, failed


def _content_marks(tasks: list[ScanTask], workers: WorkersOrPlace) -> list[str]:
    """What each scan holds, hashed: neither its time nor its size tells that it was replaced."""
    marks = run(tasks, mark_of_scan, threads(workers, len(tasks)))
    return ["" if isinstance(mark, Lost) else mark for mark in marks]


def _left(tasks: list[ScanTask], known: dict[int, Entry], entries: dict[int, Entry], out: Path) -> list[ScanTask]:
    """What is still to do; what is done goes into ``entries``."""
    recorded = recorded_at(out)
    left = []
    for task in tasks:
        todo = []
        for place, (row, key) in enumerate(zip(task.rows, task.keys, strict=True)):
            entry = known.get(row)
            if entry and entry.key == key and (entry.status == FAILED or is_whole(out, entry, recorded)):
                entries[row] = entry
            else:
                todo.append(place)
        if todo:
            rows, keys = tuple(task.rows[p] for p in todo), tuple(task.keys[p] for p in todo)
            left.append(
                replace(task, rows=rows, keys=keys, centres=tuple(task.centres[p] for p in todo if task.centres))
            )
    return left


def _clear(out: Path, keep: bool) -> None:
    """Take away what says that the store is complete, and all crops of another recipe."""
    remove_own(out, [INDEX])
    if not keep:
        (out / DONE).unlink(missing_ok=True)
        remove_journals(out)
        for path in [*(out / ARRAY).glob("*.0.0.0"), out / ARRAY / ".zarray", out / ARRAY / ".zattrs"]:
            path.unlink(missing_ok=True)
