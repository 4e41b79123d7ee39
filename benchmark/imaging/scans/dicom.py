"""DICOM series: slices ordered by their positions, and refused where they do not make one regular stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.formats.dicom import begins_like_dicom
from benchmark.imaging.scans.dicom_headers import DicomHeader, scan_headers
from benchmark.imaging.scans.dicom_pixels import AIR, decoded, enclosed, padding_as_air
from benchmark.imaging.scans.file_format import FileFormat
from benchmark.imaging.scans.grid import Grid
from benchmark.imaging.scans.scan import ReadOptions, Volume, checked_grid, whole_volume
from benchmark.imaging.scans.stacks import two_stacks

MAX_TILT = 0.5
"""Degrees between the slices' normal and the line along which they are stacked."""
UNEVEN = 0.01
"""Relative difference of slice distances from which a stack counts as uneven."""
ROUNDING = 0.002
"""mm that the rounding of positions in a header explains."""
ASIDE = 0.2
"""mm by which a slice may lie beside the line of the others."""


@dataclass(frozen=True)
class DicomSeries:
    """A DICOM series whose headers were read and checked (see ``ScanFile``).

    Attributes:
        folder: Where it is.
        grid: Where its voxels lie.
        slices: Files in the order of their positions.
        steps: Position of each along the stack, in slices of the grid; whole numbers unless a gap was allowed.
        dtype: Of values in HU.
        notes: What was odd but accepted.
        inside: Padding inside the body that was read as air, by slice, of those whose pixels were read.
    """

    folder: Path
    grid: Grid
    slices: tuple[DicomHeader, ...]
    steps: NDArray[np.float64]
    dtype: np.dtype[Any]
    notes: tuple[str, ...]
    slope: float = 1.0
    intercept: float = 0.0
    inside: dict[int, int] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The folder."""
        return self.folder

    def read(self, first: int, last: int) -> Volume:
        """The slices ``first..last`` of the grid; no other file's pixels are read."""
        return whole_volume(self, first, last)

    def remarks(self, first: int, last: int) -> tuple[str, ...]:
        """How many voxels inside the body were padding, and are air now."""
        lower, upper = np.searchsorted(self.steps, [first + 1e-3, last - 1e-3])
        places = range(max(int(lower) - 1, 0), min(int(upper) + 1, len(self.steps)))
        count = sum(self.inside.get(place, 0) for place in places)
        what = f"{count} padding voxels inside the body read as air ({AIR} HU), in slices {first} to {last}"
        return (what,) if count else ()

    def chunks(self, first: int, last: int) -> Iterator[tuple[int, NDArray[Any]]]:
        """The slices ``first..last`` of the grid, one at a time; where there is none, one between its neighbours.

        Raises:
            InputError: A file is cut short, corrupt or of an unknown compression.
        """

        @lru_cache(maxsize=2)
        def read(place: int) -> NDArray[Any]:
            plane, empty = pixels(self.slices[place])
            self.inside[place] = enclosed(empty)
            return plane

        for k in range(first, last + 1):
            lower = min(int(np.searchsorted(self.steps, k + 1e-6, "right")) - 1, len(self.steps) - 1)
            share = float(k - self.steps[lower])
            if abs(share) < 1e-3:
                plane = read(lower)
            else:
                share /= float(self.steps[lower + 1] - self.steps[lower])
                plane = read(lower) * (1 - share) + read(lower + 1) * share
            yield k, plane[None].astype(self.dtype, copy=False)


def open_series(folder: Path, options: ReadOptions, boundary: Path | None = None) -> DicomSeries:
    """Read and check the headers of a DICOM folder.

    Raises:
        InputError: See ``scan_headers``; or sizes, spacings or directions are mixed, two stacks interleave,
            positions repeat with other pixels, slices are missing or unevenly spaced, or the gantry was tilted.
    """
    headers, notes = scan_headers(folder, options.series, boundary)
    _check_alike(headers)
    problem = two_stacks([header.mark for header in headers], folder)
    if problem is not None:
        raise InputError(problem)
    normal = headers[0].normal
    headers.sort(key=lambda header: float(header.position @ normal))
    headers = _without_duplicates(headers, notes)
    if len(headers) < 2:
        raise InputError(Problem("holds a single slice", "a 3-D scan is needed", folder))
    _check_tilt(folder, headers)
    positions = np.array([float(header.position @ normal) for header in headers])
    _check_spacing(folder, positions, options.max_gap)
    usual = float(np.median(np.diff(positions)))
    count = round(float(positions[-1] - positions[0]) / usual) + 1
    step = float(positions[-1] - positions[0]) / (count - 1)
    if count != len(headers):
        notes.append(f"{count - len(headers)} missing slices interpolated")
    between_rows, between_columns = headers[0].spacing
    row, column = headers[0].axes
    matrix = np.column_stack([row * between_columns, column * between_rows, normal * step])
    rows, columns = headers[0].shape
    grid = checked_grid(folder, (columns, rows, count), matrix, headers[0].position, options.orthonormalize)
    steps = (positions - positions[0]) / step
    if count == len(headers):
        steps = np.arange(count, dtype=float)
    dtype = np.result_type(*(header.dtype for header in headers))
    if dtype.kind == "f" or count != len(headers):
        dtype = np.dtype(np.float32)
    return DicomSeries(folder, grid, tuple(headers), steps, dtype, tuple(notes))


def pixels(header: DicomHeader) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """The pixels ``[rows, columns]`` of one file in HU, padding as air; and where padding was that is no air.

    Raises:
        InputError: They are cut short, corrupt or of an unknown compression.
    """
    padding = None if header.padding is None else header.padding * header.slope + header.intercept
    return padding_as_air(decoded(header.path, header.slice_step), padding)


def _check_alike(headers: list[DicomHeader]) -> None:
    """All slices must have the same size, pixel spacing and direction; the odd ones are named."""
    checks: tuple[tuple[str, Callable[[DicomHeader], tuple[float, ...]]], ...] = (
        ("size", lambda h: h.shape),
        ("PixelSpacing", lambda h: tuple(np.round(h.spacing, 4))),
        ("ImageOrientationPatient", lambda h: tuple(np.round(h.axes.ravel(), 3))),
    )
    problems = []
    for name, value in checks:
        values = [value(header) for header in headers]
        usual = Counter(values).most_common(1)[0][0]
        problems += [
            Problem(
                f"has another {name} ({_numbers_text(found)}) than the other slices ({_numbers_text(usual)})",
                "",
                header.path,
            )
            for header, found in zip(headers, values, strict=True)
            if np.abs(np.subtract(found, usual)).max() > (1e-3 if name != "size" else 0)
        ]
    if problems:
        raise InputError(problems)


def _numbers_text(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _without_duplicates(headers: list[DicomHeader], notes: list[str]) -> list[DicomHeader]:
    """Drop a slice that is there twice; refuse two different ones at one position."""
    kept = headers[:1]
    problems = []
    for header in headers[1:]:
        if np.abs(header.position - kept[-1].position).max() > ROUNDING:
            kept.append(header)
        elif np.array_equal(pixels(header)[0], pixels(kept[-1])[0]):
            notes.append(f"{header.path.name} repeats {kept[-1].path.name}; left out")
        else:
            what = f"lies at the position of {kept[-1].path.name} ({_numbers_text(tuple(header.position))} mm)"
            problems.append(Problem(what, "remove the slice that does not belong to the series", header.path))
    if problems:
        raise InputError(problems)
    return kept


def _check_tilt(folder: Path, headers: list[DicomHeader]) -> None:
    """The slices must lie behind one another, along their normal."""
    along = headers[-1].position - headers[0].position
    cosine = float(along @ headers[0].normal) / float(np.linalg.norm(along))
    angle = float(np.degrees(np.arccos(np.clip(cosine, -1, 1))))
    if angle > MAX_TILT:
        what = f"was taken with the gantry tilted by {angle:.1f} degrees"
        raise InputError(Problem(what, "correct the tilt first, e.g. with dcm2niix", folder))
    places = np.array([header.position for header in headers])
    offset = places - np.median(places, axis=0)
    line = along / np.linalg.norm(along)
    beside = np.linalg.norm(offset - np.outer(offset @ line, line), axis=1)
    problems = [
        Problem(f"lies {mm:.2f} mm beside the other slices", "remove it, or fetch the series again", header.path)
        for header, mm in zip(headers, beside, strict=True)
        if mm > ASIDE
    ]
    if problems:
        raise InputError(problems)


def _check_spacing(folder: Path, positions: NDArray[np.float64], max_gap: float) -> None:
    steps = np.diff(positions)
    usual = float(np.median(steps))
    allowed = max(max_gap, 1 + UNEVEN)
    wide = np.flatnonzero(steps > usual * allowed + ROUNDING)
    narrow = np.flatnonzero(steps < usual * (1 - UNEVEN) - ROUNDING)
    missing = [place for place in wide if steps[place] > 1.5 * usual]
    problems = [
        Problem(
            f"lacks slices between {positions[place]:.2f} and {positions[place + 1]:.2f} mm along the stack "
            f"({steps[place]:.2f} mm apart, others {usual:.2f})",
            "fetch the series again, or pass --max-gap to interpolate",
            folder,
        )
        for place in missing
    ]
    if not missing and (wide.size or narrow.size):
        what = f"has slices {steps.min():.3f} to {steps.max():.3f} mm apart"
        problems.append(Problem(what, "even spacing is needed (within 1 %); resample the series first", folder))
    if problems:
        raise InputError(problems)


FORMATS = (FileFormat("DICOM file", (), begins_like_dicom, open_series, in_folder=True),)
