"""Whether the values of a scan are HU.

The body and the air in and around it fill a chest CT: in HU, lung and air lie between -1100 and -600. A scan of
which less than 1 % lies there is a z-score, a window that was clipped, stored values without their intercept, or
something else that is no HU. What is counted is a fixed grid of voxels of all slices (every voxel of a slice below
128 pixels an edge, 64 to 127 an edge beyond): the answer is one of the scan, and no nodule's window changes it. As
a count only grows, a scan is accepted as soon as the slices that were read hold 1 % of *all* its voxels near air
or lung and 1 % near soft tissue; only where they do not, the others are read too (``settle``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem

Chunks = Callable[[int, int], Iterator[tuple[int, NDArray[Any]]]]
"""Yields the slices ``first..last``, both included, some at a time: k of the first, and ``[n, j, i]``."""

NO_CONTRAST = 2.0
"""HU between the darkest and the brightest voxel of a scan that shows nothing."""
WIDEST = 30_000.0
"""HU that no scan reaches both below and above 0, but one whose bytes are read in the wrong order does."""
LARGEST = 100_000.0
"""HU that no scan reaches."""
FEWEST = 0.01
"""Least share of a scan's voxels near air or lung."""
AIR_OR_LUNG = (-1100, -600)
SOFT_TISSUE = (-150, 150)
NOWHERE = (-1900, -1200)
"""HU below air and above the usual padding (-2000, -3024): there is next to nothing."""
BRIGHT = (700, 4095)
"""HU of dense bone and metal, and of soft tissue that is 1024 too high."""
MOST = 0.1
"""Largest share of ``NOWHERE``, or of ``BRIGHT`` where the only air is one padding value."""
CLIPPED = 0.05
"""Share of the voxels at the lower end of a window from which it counts as clipped there."""
FIX = "export the scan in HU (air is about -1000), or pass --assume-hu if it is"
_EDGE = 64
_LOWEST, _HIGHEST = -4096, 4095
_PADDING = (-1000, -1024)


@dataclass(frozen=True)
class ValueRange:
    """The range of some stored values.

    Attributes:
        low: Smallest.
        high: Largest.
        bad: How many are NaN or infinite.
    """

    low: float
    high: float
    bad: int = 0

    @classmethod
    def of(cls, voxels: NDArray[Any]) -> ValueRange:
        """The range of an array that is not empty."""
        bad = 0
        if voxels.dtype.kind == "f":
            bad = int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
        return cls(float(voxels.min()), float(voxels.max()), bad)

    @classmethod
    def of_slice(cls, voxels: NDArray[Any], slope: float, intercept: float) -> ValueRange:
        """The range of ``[j, i]``, or of every 32nd row where that already shows air and some contrast."""
        if voxels.dtype.kind != "f":
            sample = cls.of(voxels[::32])
            low, high = sorted((sample.low * slope + intercept, sample.high * slope + intercept))
            if low < 0 and high - low > NO_CONTRAST:
                return sample
        return cls.of(voxels)

    def check_values(self, path: Path, slope: float = 1.0, intercept: float = 0.0) -> None:
        """Refuse values that no scan can have: not finite, constant, or beyond any scan's.

        Raises:
            InputError: Names the range.
        """
        if self.bad:
            raise InputError(Problem(f"has {self.bad} voxels that are NaN or infinite", "repair the file", path))
        low, high = sorted((self.low * slope + intercept, self.high * slope + intercept))
        what = f"intensity range {low:g}..{high:g} is not CT HU"
        if high - low <= NO_CONTRAST:
            raise InputError(Problem(what, "its slices show nothing; export the scan in HU", path))
        if (low < -WIDEST and high > WIDEST) or max(-low, high) > LARGEST:
            raise InputError(Problem(what, "check the byte order and the scale; export the scan again", path))


class HuEvidence:
    """What the slices of a scan that were read so far say about whether it is in HU.

    Args:
        size: Voxels along i, j, k.
        dtype: Of the stored values.
        slope: HU per stored unit.
        intercept: HU of the stored value 0.
    """

    def __init__(
        self, size: tuple[int, int, int], dtype: np.dtype[Any], slope: float = 1.0, intercept: float = 0.0
    ) -> None:
        columns, rows, slices = size
        self.slope, self.intercept = slope, intercept
        self.eight_bit = dtype.itemsize == 1
        self.grid = slice(None, None, max(1, rows // _EDGE)), slice(None, None, max(1, columns // _EDGE))
        self.sampled = slices * len(range(rows)[self.grid[0]]) * len(range(columns)[self.grid[1]])
        self.counts = np.zeros(_HIGHEST - _LOWEST + 1, np.int64)
        self.near = 0
        self.low, self.high = np.inf, -np.inf
        self.seen = np.zeros(slices, bool)
        self.accepted = False

    def add(self, first: int, slices: NDArray[Any]) -> None:
        """Count slices ``[n, j, i]``, the first of them number ``first``; one that was counted before is not."""
        for k, plane in enumerate(slices, first):
            if self.accepted:
                return
            if not self.seen[k]:
                self.seen[k] = True
                counts = self._count(plane[self.grid])
                self.counts += counts
                near = _between(counts, AIR_OR_LUNG) - sum(_between(counts, (value, value)) for value in _PADDING)
                # an edge between padding and tissue, interpolated, passes through lung as through what is below
                self.near += max(near - _between(counts, NOWHERE), 0)
                enough = self.near >= FEWEST * self.sampled and self._share(SOFT_TISSUE) >= FEWEST
                self.accepted = enough and not self.eight_bit

    def unseen(self) -> list[tuple[int, int]]:
        """First and last slice of each part of the scan that was not read."""
        edges = np.flatnonzero(np.diff(np.concatenate([[False], ~self.seen, [False]]).astype(np.int8)))
        return [(int(begin), int(end) - 1) for begin, end in edges.reshape(-1, 2)]

    def fault(self) -> str:
        """Why the scan, all of whose slices were counted, is not in HU; empty if it is."""
        if self.accepted:
            return ""
        if not self.counts.any():
            return "holds no finite value"
        eight = "8-bit " if self.eight_bit else ""
        what = f"{eight}intensity range {self.low:.5g}..{self.high:.5g} is not CT HU"
        if self.eight_bit or self.high - self.low <= NO_CONTRAST:
            return what
        nowhere = self._share(NOWHERE) - self._largest(NOWHERE)[1]
        near, padding = self._share(AIR_OR_LUNG) - nowhere, self._largest(AIR_OR_LUNG)
        if near < FEWEST:
            return f"{what}: {_percent(near)} of its voxels lie near air or lung ({_span(AIR_OR_LUNG)} HU)"
        if nowhere > MOST:
            reason = "where there is neither gas nor padding (was its intercept subtracted twice?)"
            return f"{what}: {_percent(nowhere)} of its voxels lie between {_span(NOWHERE, ' and ')}, {reason}"
        if near - padding[1] < FEWEST and (self._share(BRIGHT) > MOST or self._is_window()):
            others = f"{_percent(near - padding[1])} of its other voxels lie near air or lung"
            return f"{what}: but for a padding of {padding[0]}, {others} ({_span(AIR_OR_LUNG)} HU)"
        return ""

    def _count(self, sample: NDArray[Any]) -> NDArray[np.int64]:
        """How many voxels of a sample have each whole HU."""
        hu = sample.astype(np.float64, copy=False) * self.slope + self.intercept
        hu = hu[np.isfinite(hu)]
        if hu.size:
            self.low, self.high = min(self.low, float(hu.min())), max(self.high, float(hu.max()))
        whole = np.rint(hu.clip(_LOWEST, _HIGHEST)).astype(np.int64) - _LOWEST
        return np.bincount(whole, minlength=len(self.counts))

    def _share(self, ends: tuple[int, int]) -> float:
        """Share of all voxels of the scan's grid between two HU, both included."""
        return _between(self.counts, ends) / self.sampled

    def _largest(self, ends: tuple[int, int]) -> tuple[int, float]:
        """The most frequent HU between two, and its share."""
        part = self.counts[ends[0] - _LOWEST : ends[1] - _LOWEST + 1]
        return ends[0] + int(part.argmax()), float(part.max()) / self.sampled

    def _is_window(self) -> bool:
        """Whether what is not near air begins, with many voxels, where a soft-tissue window is clipped."""
        rest = self.counts[AIR_OR_LUNG[1] + 1 - _LOWEST :]
        filled = np.flatnonzero(rest)
        if len(filled) < _EDGE:
            return False  # a few plain values: a drawing, not an image
        lowest = AIR_OR_LUNG[1] + 1 + int(filled[0])
        return lowest >= 2 * SOFT_TISSUE[0] and bool(rest[filled[0]] >= CLIPPED * rest.sum())


def settle(evidence: HuEvidence, chunks: Chunks) -> str:
    """Read the slices that were not, until the scan is accepted or there is none left.

    Returns:
        Why the scan is not in HU; empty if it is.
    """
    for first, last in evidence.unseen():
        if evidence.accepted:
            break
        for k, slices in chunks(first, last):
            evidence.add(k, slices)
            if evidence.accepted:
                break
    return evidence.fault()


def array_fault(voxels: NDArray[Any], slope: float = 1.0, intercept: float = 0.0) -> str:
    """Why a whole array ``[k, j, i]`` is not in HU; empty if it is."""
    evidence = HuEvidence((voxels.shape[2], voxels.shape[1], voxels.shape[0]), voxels.dtype, slope, intercept)
    evidence.add(0, voxels)
    return evidence.fault()


def _between(counts: NDArray[np.int64], ends: tuple[int, int]) -> int:
    return int(counts[ends[0] - _LOWEST : ends[1] - _LOWEST + 1].sum())


def _percent(share: float) -> str:
    return f"{max(share, 0.0) * 100:.2f} %"


def _span(ends: tuple[int, int], between: str = "..") -> str:
    return f"{ends[0]}{between}{ends[1]}"
