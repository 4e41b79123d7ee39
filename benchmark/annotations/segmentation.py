"""DICOM Segmentation (SEG): what each segment holds on each of its frames.

A frame is placed by its own plane position, or else by the slice that it is derived from: frames cover a part of a
series, in any order (DICOM PS3.3 A.51). Binary, fractional (from one half on) and label map ones are read.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.pixels.utils import pixel_array

from benchmark.annotations.dicom_file import code_of, first_of, items_of, numbers_of, opened_dicom, text_of
from benchmark.errors import InputError, Problem
from benchmark.imaging.components import components_of

MOST_VOXELS: Final = 2**31
_SAME_PLANE: Final = 1e-3
"""mm between frames that lie in one plane."""
_Numbers = tuple[float, ...] | None
_Plane = tuple[_Numbers, _Numbers, _Numbers]
"""Position of the first voxel, directions along a row and a column, mm between rows and columns."""


@dataclass(frozen=True)
class SegmentPlane:
    """The voxels of a segment in one plane.

    Attributes:
        position: LPS mm of the first voxel's centre, ``[3]``; None where the frame does not say.
        axes: Directions along a row and along a column, ``[6]``; None where it does not say.
        spacing: mm between rows and between columns; None where it does not say.
        thickness: mm between slices, or else of one, as it says; None where it does not.
        sources: SOP Instance UIDs of the slices that it is derived from.
        voxels: Number of voxels.
        column: Mean index of their columns, from 0.
        row: Mean index of their rows.
    """

    position: tuple[float, ...] | None
    axes: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    thickness: float | None
    sources: tuple[str, ...]
    voxels: int
    column: float
    row: float


@dataclass
class Segment:
    """One segment.

    Attributes:
        number: Its number in the file.
        label: SegmentLabel.
        category: Code value and meaning of its category.
        kind: Code value and meaning of its property type.
        planes: Where it has voxels.
        parts: Voxels of the parts that do not touch, the largest first; empty where frames have no position.
        digest: Hash of its voxels.
        repeated: Frames in the plane of another, with which they were united.
    """

    number: int
    label: str
    category: tuple[str, str]
    kind: tuple[str, str]
    planes: list[SegmentPlane] = field(default_factory=list)
    parts: tuple[int, ...] = ()
    digest: str = ""
    repeated: int = 0


@dataclass(frozen=True)
class Segmentation:
    """A SEG file.

    Attributes:
        path: The file.
        uid: SOP Instance UID.
        patient_id: PatientID.
        study_date: StudyDate.
        series: SeriesInstanceUIDs of the images that it refers to.
        references: SOP Instance UIDs of these images, as far as it lists them.
        shape: Rows and columns of a frame.
        fractional: Whether voxels are those of at least one half.
        segments: Its segments.
        description: SeriesDescription.
    """

    path: Path
    uid: str
    patient_id: str
    study_date: str
    series: tuple[str, ...]
    references: tuple[str, ...]
    shape: tuple[int, int]
    fractional: bool
    segments: list[Segment]
    description: str = ""


def read_segmentation(path: Path) -> Segmentation:
    """Read a SEG file.

    Raises:
        InputError: It cannot be read, claims more voxels than any segmentation has, or its frames name segments
            that it does not describe.
    """
    with opened_dicom(path) as data:
        frames = _Frames(data)
        segments = _described(data)
        for number, places in frames.by_segment().items():
            if number not in segments:
                raise InputError(Problem(f"a frame of segment {number}, which is not described", "", path))
            _add_planes(segments[number], frames, places)
        series = items_of(data, "ReferencedSeriesSequence")
        return Segmentation(
            path,
            text_of(data, "SOPInstanceUID"),
            text_of(data, "PatientID"),
            text_of(data, "StudyDate"),
            tuple(dict.fromkeys(text_of(one, "SeriesInstanceUID") for one in series)),
            tuple(
                text_of(image, "ReferencedSOPInstanceUID")
                for one in series
                for image in items_of(one, "ReferencedInstanceSequence")
            ),
            frames.shape,
            frames.half is not None,
            list(segments.values()),
            text_of(data, "SeriesDescription"),
        )


def _described(data: Dataset) -> dict[int, Segment]:
    found: dict[int, Segment] = {}
    for item in items_of(data, "SegmentSequence"):
        number = int(item.SegmentNumber)
        if number in found:
            raise ValueError(f"describes segment {number} twice")
        category = code_of(item, "SegmentedPropertyCategoryCodeSequence")
        kind = code_of(item, "SegmentedPropertyTypeCodeSequence")
        found[number] = Segment(number, text_of(item, "SegmentLabel"), category, kind)
    return found


class _Frames:
    """The frames of a file: where they lie, and their voxels one frame at a time."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.shape = (int(data.Rows), int(data.Columns))
        self.count = int(data.get("NumberOfFrames") or 1)
        kind = text_of(data, "SegmentationType")
        self.is_label_map = kind == "LABELMAP"
        self.half = float(data.MaximumFractionalValue) / 2 if kind == "FRACTIONAL" else None
        if self.count * self.shape[0] * self.shape[1] > MOST_VOXELS:
            raise ValueError(f"{self.count} frames of {self.shape[0]} x {self.shape[1]} voxels are too many")
        self.shared = first_of(data, "SharedFunctionalGroupsSequence") or Dataset()
        self.own = list(items_of(data, "PerFrameFunctionalGroupsSequence"))
        if len(self.own) != self.count:
            raise ValueError(f"{len(self.own)} frames are described, and there are {self.count}")

    def group(self, frame: int, keyword: str) -> Dataset | None:
        """The item of a functional group of a frame: its own, or that of all."""
        return first_of(self.own[frame], keyword) or first_of(self.shared, keyword)

    def by_segment(self) -> dict[int, list[int]]:
        """Frames of each segment, in the order of the file; all of them for each value of a label map."""
        found: dict[int, list[int]] = defaultdict(list)
        for frame in range(self.count):
            for number in self._segments_in(frame):
                found[number].append(frame)
        return dict(found)

    def _segments_in(self, frame: int) -> list[int]:
        if self.is_label_map:
            values = np.unique(self.stored(frame))
            background = int(self.data.get("PixelPaddingValue") or 0)
            return [int(value) for value in values if value not in (0, background)]
        group = self.group(frame, "SegmentIdentificationSequence")
        if group is None:
            raise ValueError(f"frame {frame + 1} names no segment")
        return [int(group.ReferencedSegmentNumber)]

    def voxels(self, frame: int, segment: int) -> npt.NDArray[np.bool_]:
        """Which voxels ``[rows, columns]`` of a frame belong to a segment."""
        stored = self.stored(frame)
        if self.is_label_map:
            return np.asarray(stored == segment)
        return np.asarray(stored != 0 if self.half is None else stored >= self.half)

    def stored(self, frame: int) -> npt.NDArray[Any]:
        """The stored values of a frame; frames of single bits follow one another without padding."""
        rows, columns = self.shape
        if int(self.data.BitsAllocated) != 1 or self.data.file_meta.TransferSyntaxUID.is_encapsulated:
            values = pixel_array(self.data, index=frame)
            if values.shape != self.shape:
                raise ValueError(f"frame {frame + 1} holds {values.shape} values")
            return np.asarray(values)
        begin = frame * rows * columns
        held = np.frombuffer(self.data.PixelData, np.uint8)[begin // 8 : (begin + rows * columns + 7) // 8]
        bits = np.unpackbits(held, bitorder="little")[begin % 8 :][: rows * columns]
        if bits.size < rows * columns:
            raise ValueError(f"is cut short within frame {frame + 1}")
        return bits.reshape(rows, columns)

    def plane(self, frame: int) -> _Plane:
        """Position, directions and spacing of a frame, as far as it says them."""
        position = numbers_of(self.group(frame, "PlanePositionSequence"), "ImagePositionPatient", 3)
        axes = numbers_of(self.group(frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
        spacing = numbers_of(self.group(frame, "PixelMeasuresSequence"), "PixelSpacing", 2)
        if spacing is not None and min(spacing) <= 0:
            raise ValueError(f"PixelSpacing holds {spacing}")
        return position, axes, spacing

    def thickness(self, frame: int) -> float | None:
        """Distance to the next slice as the file says it, else the thickness."""
        measures = self.group(frame, "PixelMeasuresSequence")
        for keyword in ("SpacingBetweenSlices", "SliceThickness"):
            found = numbers_of(measures, keyword, 1)
            if found is not None and found[0] > 0:
                return found[0]
        return None

    def sources(self, frame: int) -> tuple[str, ...]:
        """The slices that a frame is derived from."""
        own = items_of(self.own[frame], "DerivationImageSequence")
        derived = own or items_of(self.shared, "DerivationImageSequence")
        images = (image for one in derived for image in items_of(one, "SourceImageSequence"))
        return tuple(dict.fromkeys(text_of(image, "ReferencedSOPInstanceUID") for image in images))


def _add_planes(segment: Segment, frames: _Frames, places: list[int]) -> None:
    """Add what a segment has on some frames, those of one plane united."""
    planes = {frame: frames.plane(frame) for frame in places}
    placed = all(None not in plane for plane in planes.values())
    heights = {frame: _along_normal(planes[frame]) if placed else float(n) for n, frame in enumerate(places)}
    order = sorted(places, key=lambda frame: heights[frame])
    digest = hashlib.sha256()

    def slices() -> Iterator[tuple[int, npt.NDArray[Any]]]:
        for k, (_, group) in enumerate(groupby(order, key=lambda frame: round(heights[frame] / _SAME_PLANE))):
            together = list(group)
            voxels = np.logical_or.reduce([frames.voxels(frame, segment.number) for frame in together])
            segment.repeated += len(together) - 1
            row, column = np.nonzero(voxels)
            if row.size:
                position, axes, spacing = planes[together[0]]
                thickness = frames.thickness(together[0])
                sources = tuple(dict.fromkeys(uid for frame in together for uid in frames.sources(frame)))
                segment.planes.append(
                    SegmentPlane(
                        position,
                        axes,
                        spacing,
                        thickness,
                        sources,
                        int(row.size),
                        float(column.mean()),
                        float(row.mean()),
                    )
                )
                digest.update(repr((position, sources)).encode() + np.packbits(voxels).tobytes())
            yield k, voxels[None].astype(np.uint8)

    parts = sorted((part.voxels for part in components_of(slices())), reverse=True)
    segment.parts = tuple(parts) if placed else ()
    segment.digest = digest.hexdigest()


def _along_normal(plane: _Plane) -> float:
    position, axes = (np.asarray(numbers) for numbers in plane[:2])
    return float(np.cross(axes[:3], axes[3:]) @ position)
