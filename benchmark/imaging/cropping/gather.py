"""The crops of many windows of one scan, made while its slices stream by."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.imaging.cropping.crops import Crop, whole_hu
from benchmark.imaging.cropping.plan import Plan
from benchmark.imaging.cropping.separable import Axes, axes_of
from benchmark.imaging.cropping.trilinear import fill_outside, interpolate, new_block, place
from benchmark.imaging.scans.hu import HuEvidence, ValueRange
from benchmark.imaging.scans.scan import Voxels
from benchmark.imaging.volume import ScanFile

HELD: Final = 256 * 2**20
"""Bytes that the windows which are open at a time may hold; those of more nodules are read in several passes."""
Whole = tuple[NDArray[np.int16], float]
"""A crop in whole HU, and its padded fraction."""


def crops_of_scan(
    scan: ScanFile, plans: Sequence[Plan], padding: float, evidence: HuEvidence | None = None
) -> Iterator[tuple[int, Whole]]:
    """Read a scan, and hand out the crop of each plan as soon as its last slice was read.

    Only what the windows that are open at a time need is held in memory. The scan is read once, and again where
    all windows together would hold more than ``HELD``.

    Args:
        scan: The scan.
        plans: Where the windows' points lie.
        padding: HU beyond the scan.
        evidence: Is shown the slices that are needed.

    Yields:
        The number of a plan, its crop ``[z, y, x]`` and the crop's padded fraction.

    Raises:
        InputError: The file is cut short or corrupt, or no scan has the values of the slices that a plan needs.
    """
    # values that are not finite are cast too: the crop that they are in is refused
    with np.errstate(invalid="ignore"):
        for members in _passes(plans):
            for place, crop in _crops_of_pass(scan, [plans[n] for n in members], padding, evidence):
                yield members[place], crop


def _crops_of_pass(
    scan: ScanFile, plans: Sequence[Plan], padding: float, evidence: HuEvidence | None
) -> Iterator[tuple[int, Whole]]:
    open_windows: dict[int, _Window] = {}

    def add(wanted: Sequence[int], first: int, part: Voxels) -> None:
        for number in wanted:
            if number not in open_windows:
                open_windows[number] = _window(scan, plans[number], padding)
            open_windows[number].add(part, first)

    for number in read_slices(scan, plans, evidence, add):
        yield number, open_windows.pop(number).crop()


def _passes(plans: Sequence[Plan]) -> list[list[int]]:
    """Numbers of the plans in groups that hold at most ``HELD`` bytes, those that end first in the first."""
    passes: list[list[int]] = []
    held = 0
    for number in sorted(range(len(plans)), key=lambda number: (plans[number].slices[1], number)):
        own = _bytes_held(plans[number])
        if not passes or held + own > HELD:
            passes.append([])
            held = 0
        passes[-1].append(number)
        held += own
    return [sorted(members) for members in passes]


def _bytes_held(plan: Plan) -> int:
    """Bytes of an open window: its points as int16, or its voxels and points as float32."""
    points = math.prod(plan.window.shape)
    if axes_of(plan) is not None and plan.order[2] == 2:
        return 2 * points
    return 4 * (int(np.prod(plan.high - plan.low + 1)) + points)


def read_slices(
    scan: ScanFile,
    plans: Sequence[Plan],
    evidence: HuEvidence | None = None,
    add: Callable[[Sequence[int], int, Voxels], None] | None = None,
) -> Iterator[int]:
    """Read a scan once, and say of each plan when its last slice was read and found to hold values of a scan.

    Args:
        scan: The scan.
        plans: Where the windows' points lie.
        evidence: Is shown the slices that are needed.
        add: Takes the numbers of the plans that need some slices, the first slice and ``[n, j, i]``.

    Yields:
        The number of a plan.

    Raises:
        InputError: The file is cut short or corrupt, or no scan has the values of the slices that a plan needs.
    """
    slices = np.array([plan.slices for plan in plans])
    waiting = sorted(range(len(plans)), key=lambda number: (slices[number][1], number))
    ranges: dict[int, ValueRange] = {}
    for first, part in scan.chunks(int(slices[:, 0].min()), int(slices[:, 1].max())):
        last = first + len(part) - 1
        wanted = [n for n in waiting if slices[n][0] <= last and slices[n][1] >= first]
        if wanted:
            if evidence is not None:
                evidence.add(first, part)
            ranges |= {
                first + k: ValueRange.of_slice(part[k], scan.slope, scan.intercept) for k in range(len(part))
            }
            if add is not None:
                add(wanted, first, part)
        while waiting and slices[waiting[0]][1] <= last:
            number = waiting.pop(0)
            _check_values(scan, [ranges[k] for k in range(slices[number][0], slices[number][1] + 1)])
            yield number


def _check_values(scan: ScanFile, ranges: list[ValueRange]) -> None:
    whole = ValueRange(min(r.low for r in ranges), max(r.high for r in ranges), sum(r.bad for r in ranges))
    whole.check_values(scan.path, scan.slope, scan.intercept)


class _Window(Protocol):
    def add(self, slices: Voxels, first: int) -> None:
        """Take what is needed of slices ``[n, j, i]``, the first of them index k ``first``."""

    def crop(self) -> Whole:
        """The crop, when all slices were added."""


def _window(scan: ScanFile, plan: Plan, padding: float) -> _Window:
    axes = axes_of(plan)
    if axes is None or plan.order[2] != 2:
        return _Box(scan, plan, padding)
    return _Stack(scan, plan, axes, padding)


class _Box:
    """Any window: its voxels are collected, and interpolated at the end."""

    def __init__(self, scan: ScanFile, plan: Plan, padding: float) -> None:
        self.scan, self.plan, self.padding = scan, plan, padding
        self.block = new_block(plan, padding)

    def add(self, slices: Voxels, first: int) -> None:
        place(self.block, self.plan, slices, first, self.scan.slope, self.scan.intercept)

    def crop(self) -> Whole:
        crop = Crop(*interpolate(self.block, self.plan, self.padding))
        return crop.as_int16(), crop.padded_fraction


class _Stack:
    """A window whose z runs along the file's slices: what lies between two is made as soon as both were read.

    What is cut and interpolated is still in the processor's cache then, and one slice is all that must be kept.
    """

    def __init__(self, scan: ScanFile, plan: Plan, axes: Axes, padding: float) -> None:
        self.scan, self.plan, self.axes, self.padding = scan, plan, axes, padding
        self.low, self.high = int(plan.low[0]), int(plan.high[0])
        self.flipped = plan.flipped[2]
        self.fits = scan.dtype.newbyteorder("=") == np.int16 and (scan.slope, scan.intercept) == (1.0, 0.0)
        self.whole = np.empty(plan.window.shape, np.int16)
        self.newest: NDArray[np.float32] = np.empty((0, *plan.window.shape[1:]), np.float32)
        self._pad(plan.shape[0] if self.flipped else -1)

    def add(self, slices: Voxels, first: int) -> None:
        first_z = self.plan.shape[0] - first - len(slices) if self.flipped else first
        begin, end = max(self.low, first_z), min(self.high + 1, first_z + len(slices))
        if begin < end:
            part = self._part(begin, end)
            block = new_block(part, self.padding)
            place(block, part, slices, first, self.scan.slope, self.scan.intercept)
            self._take(block, begin)

    def _part(self, begin: int, end: int) -> Plan:
        """The plan of some of the slices."""
        low, high = self.plan.low.copy(), self.plan.high.copy()
        low[0], high[0] = begin, end - 1
        return replace(self.plan, low=low, high=high)

    def _pad(self, layer: int) -> None:
        """Take a slice of padding beyond the scan, if the window reaches there."""
        if layer in (self.low, self.high):
            self._take(new_block(self._part(layer, layer + 1), self.padding), layer)

    def _take(self, block: NDArray[np.float32], begin: int) -> None:
        """Interpolate between new slices, the first of them number ``begin``, and the newest one before them."""
        kept, count = len(self.newest), len(block)
        slices = np.empty((kept + count, *self.newest.shape[1:]), np.float32)
        new, old = (slices[:count], slices[count:]) if self.flipped else (slices[kept:], slices[:kept])
        old[:] = self.newest
        new[:] = self.axes.in_plane(block)
        for points, part in self.axes.across(slices, begin - self.low - (0 if self.flipped else kept)):
            self.whole[points] = np.rint(part, out=part) if self.fits else whole_hu(part)
        self.newest = (new[:1] if self.flipped else new[-1:]).copy()

    def crop(self) -> Whole:
        self._pad(-1 if self.flipped else self.plan.shape[0])
        fill_outside(self.whole, self.plan, self.padding)
        return self.whole, self.axes.padded_fraction
