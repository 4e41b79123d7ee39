"""All crops of one scan, read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.gather import gather
from benchmark.imaging.cropping.layout import CROPPED, FAILED, Entry
from benchmark.imaging.cropping.plan import plan
from benchmark.imaging.cropping.writing import write_crop
from benchmark.imaging.crops import check_centre, check_padding, window_at
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.hu import HuEvidence, settle
from benchmark.imaging.volume import ReadOptions, ScanFile, checked_hu, open_scan

NAMED = 5
"""Problems of a scan that a reason holds; a DICOM series can have one a file."""


@dataclass(frozen=True)
class ScanTask:
    """The nodules of one scan.

    Attributes:
        image: Path as the nodule table gives it, for messages.
        path: Where it is.
        rows: Rows of its nodules in the table.
        keys: Their keys (see ``Entry``).
        centres: Their centres, ``(x, y, z)`` in mm, LPS.
    """

    image: str
    path: str
    rows: tuple[int, ...]
    keys: tuple[str, ...]
    centres: tuple[tuple[float, float, float], ...]


def crop_scan(task: ScanTask, folder: Path, recipe: Recipe, options: ReadOptions) -> list[Entry]:
    """Read a scan, write the crops of its nodules into a store, and say what became of each."""
    entries: dict[int, Entry] = {}

    def fail(places: Iterable[int], problems: list[Problem]) -> None:
        reason = "; ".join(str(_shown(problem, task)) for problem in problems[:NAMED])
        reason += f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
        for place in places:
            entries.setdefault(place, Entry(task.rows[place], task.keys[place], FAILED, reason))

    everything = range(len(task.rows))
    try:
        scan = open_scan(task.path, options)
        for place in everything:
            try:
                check_centre(scan.grid, task.centres[place])
                check_padding(scan.grid, task.centres[place], recipe)
            except InputError as error:
                fail([place], error.problems)
        left = [place for place in everything if place not in entries]
        plans = [plan(scan.grid, window_at(scan.grid, np.array(task.centres[place]), recipe)) for place in left]
        evidence = HuEvidence(scan.grid.size, scan.dtype, scan.slope, scan.intercept)
        try:
            for number, (crop, padded) in gather(scan, plans, recipe.padding, evidence) if left else ():
                row, key = task.rows[left[number]], task.keys[left[number]]
                checksum = write_crop(folder, row, crop)
                note = "; ".join((*scan.notes, *scan.remarks(*plans[number].slices)))
                entries[left[number]] = Entry(row, key, CROPPED, "", round(padded, 6), checksum, note)
        except InputError as error:
            fail(left, error.problems)
        _take_back(entries, scan, evidence, options, fail)
    except InputError as error:
        fail(everything, error.problems)
    except MemoryError:
        fail(everything, [Problem("does not fit into memory", "use fewer workers", task.path)])
    return [entries[place] for place in everything]


def _take_back(
    entries: dict[int, Entry],
    scan: ScanFile,
    evidence: HuEvidence,
    options: ReadOptions,
    fail: Callable[[Iterable[int], list[Problem]], None],
) -> None:
    """Make failures of the crops of a scan that is not in HU, or a remark on each where that is assumed."""
    cropped = [place for place, entry in entries.items() if entry.status == CROPPED]
    if not cropped:
        return
    try:
        remarks = checked_hu(scan.path, settle(evidence, scan.chunks), options)
    except InputError as error:
        for place in cropped:
            del entries[place]
        fail(cropped, error.problems)
        return
    for place in cropped if remarks else ():
        note = "; ".join(filter(None, (*remarks, entries[place].note)))
        entries[place] = replace(entries[place], note=note)


def _shown(problem: Problem, task: ScanTask) -> Problem:
    """The problem with the path as the user wrote it, so that an index holds no path of the machine."""
    if problem.file is None:
        return problem
    try:
        inner = Path(problem.file).relative_to(task.path)
    except ValueError:
        return replace(problem, file=task.image)
    return replace(problem, file=str(Path(task.image) / inner))
