"""What becomes of each nodule of a scan: one answer for every command that asks.

``bench crop`` cuts and writes the crops while the slices are read; ``bench cohort check`` reads the same slices
and keeps none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.contracts.scan_paths import as_written
from benchmark.errors import BenchError, InputError, Problem, in_one_line
from benchmark.imaging.cropping.crops import check_centre, check_padding, window_at
from benchmark.imaging.cropping.gather import read_slices
from benchmark.imaging.cropping.plan import Plan, plan
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.hu import HuEvidence, settle
from benchmark.imaging.scans.scan_limits import unforeseen
from benchmark.imaging.volume import ReadOptions, ScanFile, checked_hu, open_scan

Centre = tuple[float, float, float]
ReadNodules = Callable[[ScanFile, dict[int, Plan], HuEvidence], Iterator[int]]
"""Reads what nodules need of a scan, by their places, and yields each place as soon as that was read."""


@dataclass(frozen=True)
class Verdict:
    """Whether a nodule can be cropped.

    Attributes:
        problems: Why not; empty if it can.
        notes: What was odd about its scan but accepted.
        unread: Whether the scan, or slices of it that are needed, could not be read.
    """

    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()
    unread: bool = False

    @property
    def reason(self) -> str:
        """The problems in one line."""
        return in_one_line(self.problems)


def judge_nodules(
    image: str,
    path: Path | str,
    centres: Sequence[Centre],
    recipe: Recipe,
    options: ReadOptions,
    read: ReadNodules | None = None,
    *,
    frame: str = "LPS",
    boundary: Path | None = None,
) -> list[Verdict]:
    """Open a scan, read what its nodules need, and say of each whether it can be cropped.

    Args:
        image: The scan as the nodule table names it, for messages.
        path: Where it is.
        centres: ``(x, y, z)`` of the nodules in mm, LPS.
        recipe: Of the crops.
        options: What may be assumed about the scan.
        read: How slices are read; by default they are checked and not kept.
        frame: ``LPS`` or ``RAS``, the frame in which the table gives the centres, for messages.
        boundary: See ``open_scan``.

    Returns:
        A verdict a nodule.

    Raises:
        MemoryError: The scan does not fit into memory.
        BenchError: What ``read`` raises that is no ``InputError``.
    """
    verdicts: dict[int, Verdict] = {}

    def refuse(places: Iterable[int], problems: list[Problem], unread: bool = True) -> None:
        shown = tuple(as_written(problem, image, path) for problem in problems)
        for place in places:
            verdicts.setdefault(place, Verdict(shown, unread=unread))

    everything = range(len(centres))
    try:
        scan = open_scan(path, options, boundary)
        plans: dict[int, Plan] = {}
        for place in everything:
            try:
                check_centre(scan.grid, centres[place], frame)
                check_padding(scan.grid, centres[place], recipe)
                plans[place] = plan(scan.grid, window_at(scan.grid, np.array(centres[place]), recipe))
            except InputError as error:
                refuse([place], error.problems, unread=False)
        evidence = HuEvidence(scan.grid.size, scan.dtype, scan.slope, scan.intercept)
        try:
            for place in (read or _read_and_check)(scan, plans, evidence) if plans else ():
                notes = (*scan.notes, *scan.remarks(*plans[place].slices))
                verdicts[place] = Verdict(notes=notes)
        except InputError as error:
            refuse(plans, error.problems)
        fit = [place for place, verdict in verdicts.items() if not verdict.problems]
        _judge_hu(scan, evidence, options, verdicts, fit, refuse)
    except InputError as error:
        refuse(everything, error.problems)
    except (BenchError, MemoryError):
        raise
    except Exception as error:  # no reader foresees every file: it is this scan's failure, not the command's
        refuse(everything, [unforeseen(error, path)])
    return [verdicts[place] for place in everything]


def judge_scan(image: str, path: Path | str, options: ReadOptions, boundary: Path | None = None) -> Verdict:
    """Whether a scan of which no nodule's place is known can be read and is in HU (see ``judge_nodules``)."""
    unread = True
    try:
        scan = open_scan(path, options, boundary)
        fault = settle(HuEvidence(scan.grid.size, scan.dtype, scan.slope, scan.intercept), scan.chunks)
        unread = False
        return Verdict(notes=(*checked_hu(scan.path, fault, options), *scan.notes))
    except InputError as error:
        problems = error.problems
    except MemoryError:
        raise
    except Exception as error:  # see judge_nodules
        problems = [unforeseen(error, path)]
    return Verdict(tuple(as_written(problem, image, path) for problem in problems), unread=unread)


def _read_and_check(scan: ScanFile, plans: dict[int, Plan], evidence: HuEvidence) -> Iterator[int]:
    """Read the slices that nodules need, and keep none."""
    places = list(plans)
    for number in read_slices(scan, list(plans.values()), evidence):
        yield places[number]


def _judge_hu(
    scan: ScanFile,
    evidence: HuEvidence,
    options: ReadOptions,
    verdicts: dict[int, Verdict],
    fit: list[int],
    refuse: Callable[[Iterable[int], list[Problem], bool], None],
) -> None:
    """Refuse all nodules of a scan that is not in HU, or put a remark to each where that is assumed."""
    if not fit:
        return
    unread = True
    try:
        fault = settle(evidence, scan.chunks)
        unread = False
        remarks = checked_hu(scan.path, fault, options)
    except InputError as error:
        for place in fit:
            del verdicts[place]
        refuse(fit, error.problems, unread)
        return
    for place in fit:
        verdicts[place] = Verdict(notes=(*remarks, *verdicts[place].notes))
