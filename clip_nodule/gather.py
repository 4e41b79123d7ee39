"""The crops of many windows of one scan, made while its slices stream by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clip_nodule.crops import Crop, whole_hu
from clip_nodule.one_thread import one_thread
from clip_nodule.sampling_plan import Plan
from clip_nodule.separable import Bands, bands
from clip_nodule.trilinear import fill_outside, interpolate, new_block, place
from clip_nodule.volume import Range, ScanFile, Voxels

Whole = tuple[NDArray[np.int16], float]
"""A crop in whole HU, and its padded fraction."""


def gather(scan: ScanFile, plans: Sequence[Plan], padding: float) -> Iterator[tuple[int, Whole]]:
    """Read a scan once, and hand out the crop of each plan as soon as its last slice was read.

    Only what the windows that are open at a time need is held in memory.

    Args:
        scan: The scan.
        plans: Where the windows' points lie.
        padding: HU beyond the scan.

    Yields:
        The number of a plan, its crop ``[z, y, x]`` and the crop's padded fraction.

    Raises:
        InputError: The file is cut short or corrupt, or the values of the slices that a plan needs cannot be HU.
    """
    slices = np.array([plan.slices for plan in plans])
    waiting = sorted(range(len(plans)), key=lambda number: (slices[number][1], number))
    ranges: dict[int, Range] = {}
    open_windows: dict[int, _Window] = {}
    for first, part in scan.chunks(int(slices[:, 0].min()), int(slices[:, 1].max())):
        last = first + len(part) - 1
        wanted = [number for number in waiting if slices[number][0] <= last and slices[number][1] >= first]
        if wanted:
            ranges |= {first + k: Range.of_slice(part[k], scan.slope, scan.intercept) for k in range(len(part))}
        for number in wanted:
            if number not in open_windows:
                open_windows[number] = _window(scan, plans[number], padding)
            open_windows[number].add(part, first)
        while waiting and slices[waiting[0]][1] <= last:
            number = waiting.pop(0)
            _check(scan, [ranges[k] for k in range(slices[number][0], slices[number][1] + 1)])
            yield number, open_windows.pop(number).crop()


def _check(scan: ScanFile, ranges: list[Range]) -> None:
    whole = Range(min(r.low for r in ranges), max(r.high for r in ranges), sum(r.bad for r in ranges))
    whole.check_hu(scan.path, scan.dtype, scan.slope, scan.intercept)


class _Window(Protocol):
    def add(self, slices: Voxels, first: int) -> None:
        """Take what is needed of slices ``[n, j, i]``, the first of them index k ``first``."""

    def crop(self) -> Whole:
        """The crop, when all slices were added."""


def _window(scan: ScanFile, plan: Plan, padding: float) -> _Window:
    weights = bands(plan)
    if weights is None or plan.order[2] != 2:
        return _Box(scan, plan, padding)
    return _Stack(scan, plan, weights, padding)


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
    """A window whose z runs along the file's slices: each is interpolated along y and x as it comes.

    What is cut and interpolated is still in the processor's cache then, and half the memory is enough.
    """

    def __init__(self, scan: ScanFile, plan: Plan, weights: Bands, padding: float) -> None:
        self.scan, self.plan, self.weights, self.padding = scan, plan, weights, padding
        self.low, self.high = int(plan.low[0]), int(plan.high[0])
        self.slices = np.empty((self.high + 1 - self.low, *plan.window.shape[1:]), np.float32)
        for layer in {self.low, self.high} & {-1, plan.shape[0]}:
            self._keep(new_block(self._part(layer, layer + 1), padding), layer)

    def add(self, slices: Voxels, first: int) -> None:
        first_z = self.plan.shape[0] - first - len(slices) if self.plan.flipped[2] else first
        begin, end = max(self.low, first_z), min(self.high + 1, first_z + len(slices))
        if begin < end:
            part = self._part(begin, end)
            block = new_block(part, self.padding)
            place(block, part, slices, first, self.scan.slope, self.scan.intercept)
            self._keep(block, begin)

    def _part(self, begin: int, end: int) -> Plan:
        """The plan of some of the slices."""
        low, high = self.plan.low.copy(), self.plan.high.copy()
        low[0], high[0] = begin, end - 1
        return replace(self.plan, low=low, high=high)

    def _keep(self, block: NDArray[np.float32], begin: int) -> None:
        with one_thread():
            self.weights.in_plane(block, self.slices[begin - self.low : begin - self.low + len(block)])

    def crop(self) -> Whole:
        crop = np.empty(self.plan.window.shape, np.int16)
        with one_thread():
            for points, part in self.weights.across(self.slices):
                crop[points] = whole_hu(part)
        fill_outside(crop, self.plan, self.padding)
        return crop, self.weights.padded_fraction
