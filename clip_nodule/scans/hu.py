"""Whether stored values can be HU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem

NO_CONTRAST = 2.0
"""HU between the darkest and the brightest voxel of a scan that shows nothing."""
WIDEST = 30_000.0
"""HU that no scan reaches both below and above 0, but one whose bytes are read in the wrong order does."""
LARGEST = 100_000.0
"""HU that no scan reaches."""


@dataclass(frozen=True)
class Range:
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
    def of(cls, voxels: NDArray[Any]) -> Range:
        """The range of an array that is not empty."""
        bad = 0
        if voxels.dtype.kind == "f":
            bad = int(voxels.size - np.count_nonzero(np.isfinite(voxels)))
        return cls(float(voxels.min()), float(voxels.max()), bad)

    @classmethod
    def of_slice(cls, voxels: NDArray[Any], slope: float, intercept: float) -> Range:
        """The range of ``[j, i]``, or of every 32nd row where that already shows air and some contrast."""
        if voxels.dtype.kind != "f":
            sample = cls.of(voxels[::32])
            low, high = sorted((sample.low * slope + intercept, sample.high * slope + intercept))
            if low < 0 and high - low > NO_CONTRAST:
                return sample
        return cls.of(voxels)

    def check_hu(self, path: Path, dtype: np.dtype[Any], slope: float = 1.0, intercept: float = 0.0) -> None:
        """Refuse values that cannot be HU: not finite, constant, never negative, 8-bit, or beyond any scan's.

        Raises:
            InputError: Names the range.
        """
        if self.bad:
            raise InputError(Problem(f"has {self.bad} voxels that are NaN or infinite", "repair the file", path))
        low, high = sorted((self.low * slope + intercept, self.high * slope + intercept))
        if dtype.itemsize == 1 or low >= 0 or high - low <= NO_CONTRAST:
            eight = "8-bit " if dtype.itemsize == 1 else ""
            what = f"{eight}intensity range {low:g}..{high:g} is not CT HU"
            raise InputError(Problem(what, "air must be about -1000; export the scan in HU", path))
        if (low < -WIDEST and high > WIDEST) or max(-low, high) > LARGEST:
            what = f"intensity range {low:g}..{high:g} is not CT HU"
            raise InputError(Problem(what, "check the byte order and the scale; export the scan again", path))
