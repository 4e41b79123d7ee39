"""A scan whatever its format: what may be assumed about it, its grid, its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.grid import (
    FARTHEST,
    MAX_SPACING,
    MAX_VOXELS,
    MIN_SPACING,
    ORTHONORMAL_TOLERANCE,
    ORTHONORMALIZE_LIMIT,
    Grid,
    deviation,
    orthonormalized,
)
from benchmark.imaging.scans.hu import ValueRange

Voxels = NDArray[Any]


@dataclass(frozen=True)
class ReadOptions:
    """What a user may allow when a file says too little or too much.

    Attributes:
        series: DICOM SeriesInstanceUID to take from a folder that holds several.
        max_gap: Largest distance between DICOM slices, in units of the usual one.
        assume_orientation: Take a file without orientation as NIfTI's and ITK's defaults say.
        orthonormalize: Repair axes that are not orthonormal by up to 1e-3.
        assume_hu: Take values as HU that do not look like it (see ``benchmark.imaging.scans.hu``).
    """

    series: str | None = None
    max_gap: float = 1.01
    assume_orientation: bool = False
    orthonormalize: bool = False
    assume_hu: bool = False


class ScanFile(Protocol):
    """A scan whose header was read and checked, and whose slices can be had."""

    @property
    def grid(self) -> Grid:
        """Where its voxels lie."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd but accepted."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the stored values."""
        ...

    @property
    def slope(self) -> float:
        """HU per stored unit."""
        ...

    @property
    def intercept(self) -> float:
        """HU of the stored value 0."""
        ...

    @property
    def path(self) -> Path:
        """The file or folder."""
        ...

    def chunks(self, first: int, last: int) -> Iterator[tuple[int, Voxels]]:
        """The slices ``first..last`` of the slowest axis, both included, some at a time: k and ``[n, j, i]``.

        What was yielded may be overwritten by the next ones.
        """
        ...

    def read(self, first: int, last: int) -> Volume:
        """The slices ``first..last`` of the slowest axis, both included, checked to be values of a scan."""
        ...

    def remarks(self, first: int, last: int) -> tuple[str, ...]:
        """What was odd about the values of the slices ``first..last`` but accepted, when they were read."""
        ...


@dataclass(frozen=True)
class Volume:
    """Voxels of a scan, or of some of its slices, and where they are.

    Attributes:
        grid: The map of the whole scan.
        voxels: ``[k, j, i]`` as stored; HU = ``slope * voxels + intercept``.
        first: Index k of ``voxels[0]``.
        slope: HU per stored unit.
        intercept: HU of the stored value 0.
        notes: What was odd but accepted.
    """

    grid: Grid
    voxels: Voxels
    first: int = 0
    slope: float = 1.0
    intercept: float = 0.0
    notes: tuple[str, ...] = field(default=())

    def hu(self, box: tuple[slice, slice, slice] = (slice(None),) * 3) -> NDArray[np.float32]:
        """The voxels of a box ``[k, j, i]`` (relative to ``first``) in HU."""
        part = self.voxels[box].astype(np.float32)
        if (self.slope, self.intercept) != (1.0, 0.0):
            part *= np.float32(self.slope)
            part += np.float32(self.intercept)
        return part


def checked_grid(
    path: Path, size: tuple[int, ...], matrix: NDArray[Any], origin: NDArray[Any], repair: bool
) -> Grid:
    """A grid whose size, spacing and axes make sense for a CT.

    Args:
        path: Named in errors.
        size: Voxels along i, j, k.
        matrix: ``[3, 3]``, mm per index step in its columns.
        origin: mm of index (0, 0, 0).
        repair: Make axes orthonormal that are not, by up to ``ORTHONORMALIZE_LIMIT``.

    Raises:
        InputError: Something about it is impossible; all of it is named.
    """
    matrix, origin = np.asarray(matrix, float), np.asarray(origin, float)
    problems = []
    if len(size) != 3 or min(size) < 1:
        problems.append(Problem(f"has the size {' x '.join(map(str, size))}", "a 3-D scan is needed", path))
    elif min(size) < 2:
        problems.append(
            Problem(f"has a single slice (size {' x '.join(map(str, size))})", "a 3-D scan is needed", path)
        )
    elif int(np.prod([int(n) for n in size], dtype=object)) > MAX_VOXELS:
        problems.append(Problem(f"has {' x '.join(map(str, size))} voxels, more than {MAX_VOXELS}", file=path))
    if not (np.isfinite(matrix).all() and np.isfinite(origin).all()):
        raise InputError([*problems, Problem("has an orientation that is not finite", file=path)])
    spacing = np.linalg.norm(matrix, axis=0)
    if np.any(spacing < MIN_SPACING) or np.any(spacing > MAX_SPACING):
        text = " x ".join(f"{step:g}" for step in spacing)
        metres = " (are these metres?)" if 0 < spacing.max() < MIN_SPACING else ""
        fix = f"it must be at least {MIN_SPACING:g} and at most {MAX_SPACING:g}{metres}"
        problems.append(Problem(f"has the spacing {text} mm", fix, path))
    if problems:
        raise InputError(problems)
    direction = matrix / spacing
    off = deviation(direction)
    if off > ORTHONORMAL_TOLERANCE:
        if not repair or off > ORTHONORMALIZE_LIMIT:
            fix = "--orthonormalize repairs up to 0.001" if off <= ORTHONORMALIZE_LIMIT else "resample it first"
            raise InputError(Problem(f"has axes that are not orthonormal (by {off:.2g})", fix, path))
        matrix = orthonormalized(direction) * spacing
    grid = Grid((int(size[0]), int(size[1]), int(size[2])), matrix, origin)
    far = np.abs(grid.corners()).max()
    if far > FARTHEST:
        what = f"lies {far:.3g} mm from the origin of its frame, more than {FARTHEST:g}"
        raise InputError(Problem(what, "fetch it again, or correct its origin", path))
    return grid


def whole_volume(scan: ScanFile, first: int, last: int) -> Volume:
    """The slices ``first..last`` of a scan in one array.

    Raises:
        InputError: The file is cut short or corrupt, or no scan has such values.
    """
    nx, ny, _ = scan.grid.size
    voxels = np.empty((last - first + 1, ny, nx), scan.dtype.newbyteorder("="))
    for k, part in scan.chunks(first, last):
        voxels[k - first : k - first + len(part)] = part
    ValueRange.of(voxels).check_values(scan.path, scan.slope, scan.intercept)
    notes = (*scan.notes, *scan.remarks(first, last))
    return Volume(scan.grid, voxels, first, scan.slope, scan.intercept, notes)
