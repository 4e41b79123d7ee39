"""One scan of a shard: it is looked at, and read where its crops are not of just what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.imaging.cropping.journals import SettledScan
from benchmark.imaging.cropping.layout import CROPPED, Entry, chunk_path, is_whole
from benchmark.imaging.cropping.scan import ScanTask, crop_scan, entries_of, mark_of_scan, scan_keys
from benchmark.imaging.cropping.workers import limits_of_scan, verdicts_if_lost
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.volume import ReadOptions
from benchmark.work import Lost, TaskLimits


@dataclass(frozen=True, slots=True)
class ScanOfShard:
    """A scan and what is known of its nodules.

    Attributes:
        task: The scan, without keys.
        ids: ``(pid, nodule_id)`` of its nodules.
        known: What earlier runs recorded of them; empty where none recorded anything.
    """

    task: ScanTask
    ids: tuple[tuple[str, str], ...]
    known: tuple[Entry | None, ...]


@dataclass(frozen=True)
class Settling:
    """Where crops go and how they are made.

    Attributes:
        folder: The store.
        recipe: The recipe.
        options: What may be assumed about the scans.
    """

    folder: Path
    recipe: Recipe
    options: ReadOptions


def settle_scan(scan: ScanOfShard, how: Settling) -> SettledScan:
    """Look at what a scan holds, and crop those of its nodules that have no crop from just that.

    Raises:
        BenchError: A crop cannot be written.
    """
    mark = mark_of_scan(scan.task)
    keyed = _with_keys(scan, mark, how)
    entries = {
        entry.row: entry
        for entry, key in zip(scan.known, keyed.keys, strict=bool(scan.known))
        if entry and entry.key == key and entry.status == CROPPED and is_whole(how.folder, entry)
    }
    todo = [place for place, row in enumerate(keyed.rows) if row not in entries]
    if todo:
        left = replace(
            keyed,
            rows=tuple(keyed.rows[place] for place in todo),
            keys=tuple(keyed.keys[place] for place in todo),
            centres=tuple(keyed.centres[place] for place in todo),
        )
        entries |= {entry.row: entry for entry in crop_scan(left, how.folder, how.recipe, how.options)}
    settled = [entries[row] for row in keyed.rows]
    return SettledScan(mark, tuple(settled), _chunk_sizes(settled, how.folder))


def settle_lost_scan(scan: ScanOfShard, lost: Lost, how: Settling) -> SettledScan:
    """What became of a scan whose worker died."""
    mark = mark_of_scan(scan.task)
    keyed = _with_keys(scan, mark, how)
    entries = entries_of(keyed, verdicts_if_lost(keyed, lost))
    return SettledScan(mark, tuple(entries), (0,) * len(entries))


def limits_of_settling(scan: ScanOfShard) -> TaskLimits:
    """What settling a scan may use up."""
    return limits_of_scan(scan.task)


def _with_keys(scan: ScanOfShard, mark: str, how: Settling) -> ScanTask:
    return replace(scan.task, keys=scan_keys(scan.task, scan.ids, mark, how.recipe, how.options))


def _chunk_sizes(entries: Sequence[Entry], folder: Path) -> tuple[int, ...]:
    return tuple(
        chunk_path(folder, entry.row).stat().st_size if entry.status == CROPPED else 0 for entry in entries
    )
