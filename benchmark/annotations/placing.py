"""Where the planes of a segment lie: by themselves, or by the slices that they are derived from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmark.annotations.segmentation import Segment, Segmentation, SegmentPlane
from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.dicom_headers import DicomHeader

SHIFTED: Final = 0.1
"""mm by which a frame may lie beside the slice that it is derived from: what headers round to."""
_EVEN: Final = 0.01
_ROUNDING: Final = 0.002
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PlacedPlane:
    """The voxels of a segment in one plane, and where it lies.

    Attributes:
        plane: The voxels.
        position: LPS mm of the first voxel's centre, ``[3]``.
        axes: Directions along a row and along a column, ``[2, 3]``.
        spacing: mm between rows and between columns.
    """

    plane: SegmentPlane
    position: Floats
    axes: Floats
    spacing: tuple[float, float]

    @property
    def centre(self) -> Floats:
        """LPS mm ``[3]``: mean of the centres of its voxels."""
        between_rows, between_columns = self.spacing
        along_row = self.plane.column * between_columns * self.axes[0]
        return np.asarray(self.position + along_row + self.plane.row * between_rows * self.axes[1])

    @property
    def normal(self) -> Floats:
        """Direction across the plane."""
        return np.asarray(np.cross(self.axes[0], self.axes[1]))


def placed_planes(segment: Segment, file: Segmentation, slices: Mapping[str, DicomHeader]) -> list[PlacedPlane]:
    """The planes of a segment in patient coordinates.

    Args:
        segment: The segment.
        file: Its file.
        slices: SOP Instance UID → slice, of the slices that are there.

    Raises:
        InputError: A frame has no position and its slice is not there, or it lies elsewhere than its slice.
    """
    found: list[PlacedPlane] = []
    problems: list[Problem] = []
    for plane in segment.planes:
        headers = [slices[uid] for uid in plane.sources if uid in slices]
        # a segmentation on another grid than its images says nothing about them
        own = headers[0] if len(plane.sources) == 1 and headers and headers[0].shape == file.shape else None
        position = own.position if plane.position is None and own is not None else plane.position
        axes = own.axes.ravel() if plane.axes is None and own is not None else plane.axes
        spacing = own.spacing if plane.spacing is None and own is not None else plane.spacing
        if position is None or axes is None or spacing is None:
            what = f"a frame of segment {segment.number} does not say where it lies, and its slice is not there"
            problems.append(Problem(what, "give the folder of the CT series too", file.path))
            continue
        placed = PlacedPlane(
            plane, np.asarray(position), np.reshape(axes, (2, 3)), (float(spacing[0]), float(spacing[1]))
        )
        if own is not None and np.abs(placed.position - own.position).max() > SHIFTED:
            said = ", ".join(f"{value:g}" for value in placed.position)
            what = f"a frame of segment {segment.number} lies at {said} mm, its slice {own.path.name} elsewhere"
            problems.append(Problem(what, "one of the two has a wrong position: fetch both again", file.path))
        found.append(placed)
    if problems:
        raise InputError(problems)
    return found


def centroid(planes: Sequence[PlacedPlane]) -> Floats:
    """Mean of the centres of all voxels, LPS mm ``[3]``; each counts 1, however far apart the planes are."""
    return np.asarray(np.average([one.centre for one in planes], axis=0, weights=[p.plane.voxels for p in planes]))


def volume(planes: Sequence[PlacedPlane], heights: Floats) -> tuple[float, bool]:
    """Volume of some planes in mm³, NaN where the distance of slices is not known; and whether slices are uneven.

    Args:
        planes: Parallel planes.
        heights: Where slices of the series lie along their normal, those of the planes among them, ascending.
    """
    gaps = np.diff(heights)
    usual = float(np.median(gaps)) if gaps.size else float("nan")
    steps = np.round(gaps / usual) if gaps.size else gaps
    even = bool((np.abs(gaps - steps * usual) <= _EVEN * usual + _ROUNDING).all() and (steps > 0).all())
    total = 0.0
    for one in planes:
        thickness = usual if even else _reach(heights, float(one.normal @ one.position))
        if not np.isfinite(thickness):
            thickness = one.plane.thickness or float("nan")
        total += one.plane.voxels * one.spacing[0] * one.spacing[1] * thickness
    return total, not even


def _reach(heights: Floats, height: float) -> float:
    """Half of the way to the slice below and to that above; at an end of the series, the way to its neighbour."""
    place = int(np.abs(heights - height).argmin())
    gaps = np.diff(heights)
    near = gaps[max(place - 1, 0) : place + 1]
    return float(near.mean())
