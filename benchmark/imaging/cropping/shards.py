"""The crops of a table in shards: each run makes a share of them, wherever it runs, and a last one joins them.

What is joined is byte for byte what one undisturbed run of ``crop_cohort`` leaves. No shard needs another one, and
none needs to know how many run at a time: all that they share is the folder, on a disk that all of them see.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmark.errors import BenchError, InputError, Problem
from benchmark.files import write_text
from benchmark.imaging.cropping.journals import (
    Journal,
    MadeFrom,
    Shard,
    header_line,
    read_journal,
    scan_line,
    settled_rows,
)
from benchmark.imaging.cropping.layout import CROPPED, FAILED, INDEX, read_attributes, read_done
from benchmark.imaging.cropping.scan_tasks import CropRequest
from benchmark.imaging.cropping.settle import (
    ScanOfShard,
    Settling,
    limits_of_settling,
    settle_lost_scan,
    settle_scan,
)
from benchmark.imaging.cropping.writing import open_folder, prepare_store
from benchmark.outputs.locks import holding
from benchmark.progress import Progress
from benchmark.work import Executor, Lost, TaskLimits, finished, limited_processes

PATIENCE = 120.0
"""Seconds that a shard waits for others which begin, or for a run that joins them."""

ExecutorFor = Callable[[int, Callable[[Any], TaskLimits]], Executor]
"""Makes the executor for a number of tasks that are held to limits."""


@dataclass(frozen=True)
class ShardDone:
    """What a shard has done.

    Attributes:
        shard: Which one.
        cropped: Nodules with a crop.
        failed: Nodules without, of scans that were read or could not be.
    """

    shard: Shard
    cropped: int
    failed: int


def made_from(request: CropRequest) -> MadeFrom:
    """The state of the cohort that a request is of."""
    return MadeFrom(request.recipe.hash, repr(request.options), request.table_hash())


def local_executor(workers: int | None) -> ExecutorFor:
    """Limited processes of this machine (see ``benchmark.work.limited_processes``)."""
    return lambda tasks, limits: limited_processes(workers, tasks, limits)


def crop_shard(
    request: CropRequest,
    out: Path | str,
    shard: Shard,
    executor: ExecutorFor | None = None,
    progress: Progress | None = None,
) -> ShardDone:
    """Crop the scans of a shard into a store, or go on where an interrupted run of it stopped.

    The store is not finished, and cannot be read, until ``finish_shards`` has joined its shards. What each scan
    holds is looked at where it is read, once.

    Args:
        request: What to crop, and how; the same for all shards.
        out: The store's folder, on a disk that all shards see.
        shard: Which share.
        executor: Where scans are read; by default one after the other in a process of this machine.
        progress: Called with the nodules done and their total in this shard.

    Raises:
        InputError: The store is of another recipe, or its folder is not of ``bench crop``.
        InUseError: The same shard runs already, or a run without shards does.
        BenchError: A crop cannot be written.
    """
    out = Path(out)
    tasks, _ = request.scan_tasks()
    with ExitStack() as held:
        with holding(out, wait=PATIENCE):
            _open_store(request, out)
            held.enter_context(holding(shard.journal(out)))
            known = read_done(out)
            before = read_journal(out, shard)
            known |= {entry.row: entry for entry, _, _ in settled_rows(before)}
            _begin_journal(shard.journal(out), shard, made_from(request), before)
        ids = request.ids
        mine = [
            ScanOfShard(
                task, tuple(ids[row] for row in task.rows), tuple(map(known.get, task.rows)) if known else ()
            )
            for task in tasks
            if shard.has(task.number)
        ]
        return _settle(request, out, shard, mine, executor or local_executor(0), progress)


def _open_store(request: CropRequest, out: Path) -> None:
    """Make the store's folder ready for crops; it has no index from now on."""
    open_folder(out)
    attributes = read_attributes(out)
    if attributes is not None and attributes.get("recipe_hash") != request.recipe.hash:
        recipe = attributes.get("recipe")
        name = recipe.get("name") if isinstance(recipe, dict) else None
        what = f"holds crops of the recipe {name!r}, not {request.recipe.name!r}"
        if name == request.recipe.name:
            what = f"holds crops of another version of the recipe {name!r}"
        fix = "give the recipe of the other shards, choose another --out, or remove the folder"
        raise InputError(Problem(what, fix, out))
    (out / INDEX).unlink(missing_ok=True)
    prepare_store(out, len(request.nodules), request.recipe, request.options)


def _begin_journal(path: Path, shard: Shard, state: MadeFrom, before: Journal) -> None:
    """Write a journal with what an earlier run of the shard recorded: it says what was not tried again yet."""
    write_text(path, header_line(shard, state) + "".join(map(scan_line, before.scans)))


def _settle(
    request: CropRequest,
    out: Path,
    shard: Shard,
    scans: Sequence[ScanOfShard],
    executor: ExecutorFor,
    progress: Progress | None,
) -> ShardDone:
    """Settle the scans of a shard, each recorded as soon as it is."""
    total, count = sum(len(scan.task.rows) for scan in scans), {CROPPED: 0, FAILED: 0}
    how = Settling(out, request.recipe, request.options)
    function = partial(settle_scan, how=how)
    with (
        shard.journal(out).open("a", encoding="utf-8") as journal,
        closing(finished(scans, function, executor(len(scans), limits_of_settling))) as results,
    ):
        for number, result in results:
            settled = settle_lost_scan(scans[number], result, how) if isinstance(result, Lost) else result
            journal.write(scan_line(settled))
            journal.flush()
            for entry in settled.entries:
                count[entry.status] += 1
            if progress:
                progress(sum(count.values()), total)
        try:
            os.fsync(journal.fileno())
        except OSError as error:
            raise BenchError(f"cannot write {journal.name}: {error}") from error
    return ShardDone(shard, count[CROPPED], count[FAILED])
