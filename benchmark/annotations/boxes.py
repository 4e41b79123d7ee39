"""Boxes on slices to nodules: which boxes can be placed, and which of them belong together.

A report in the manner of NLST-Sybil has one box a slice and does not say which boxes are one nodule. The rule here
is ours, for there is no standard: boxes on neighbouring slices whose rectangles overlap are joined.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from benchmark.annotations.report import BoxExtremes, Region
from benchmark.imaging.scans.dicom_headers import DicomHeader

SAME: Final = 1e-3
"""Pixels between the extremes of boxes that are one box; mm between slices at one place."""
OK: Final = "ok"
NO_SLICE: Final = "referenced slice is not in the folder"
NO_COORDINATES: Final = "graphic data are not image coordinates"
NO_AREA: Final = "no area"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SliceBox:
    """A region of a report, and the slice that it lies on.

    Attributes:
        region: The region.
        file: The report.
        slice: The slice; None where it is not in the folder.
        status: ``ok``, or why it takes no part.
    """

    region: Region
    file: Path
    slice: DicomHeader | None
    status: str

    @property
    def extent(self) -> BoxExtremes:
        """Its extremes in image coordinates."""
        assert self.region.extent is not None  # noqa: S101 - a box without has another status
        return self.region.extent

    @property
    def corners(self) -> Floats:
        """LPS mm ``[2, 3]`` of its first corner and the opposite one."""
        assert self.slice is not None  # noqa: S101 - a box without has another status
        x0, y0, x1, y1 = self.extent
        # image coordinates count from the outer corner of the first pixel, a slice's points from its centre
        return np.stack([self.slice.point(x0 - 0.5, y0 - 0.5), self.slice.point(x1 - 0.5, y1 - 0.5)])

    @property
    def centre(self) -> Floats:
        """LPS mm ``[3]``."""
        return np.asarray(self.corners.mean(axis=0))

    @property
    def size(self) -> Floats:
        """Along a row and along a column in mm, ``[2]``."""
        assert self.slice is not None  # noqa: S101 - a box without has another status
        x0, y0, x1, y1 = self.extent
        between_rows, between_columns = self.slice.spacing
        return np.array([(x1 - x0) * between_columns, (y1 - y0) * between_rows])


@dataclass(frozen=True)
class BoxedNodule:
    """Boxes that are one nodule.

    Attributes:
        boxes: They, in the order of their reports.
        centre: LPS mm ``[3]``: mean of their centres, weighted by area.
        largest: The box of the largest area.
        slices: Number of slices that they lie on.
    """

    boxes: tuple[SliceBox, ...]
    centre: Floats
    largest: SliceBox
    slices: int


def placed_boxes(regions: Sequence[tuple[Path, Region]], slices: Mapping[str, DicomHeader]) -> list[SliceBox]:
    """Each region with its slice and status, in the order given.

    Args:
        regions: Regions with their report.
        slices: SOP Instance UID → slice.
    """
    found: list[SliceBox] = []
    first: dict[str, list[SliceBox]] = {}
    for file, region in regions:
        header = slices.get(region.image)
        status = _status(region, header)
        earlier = first.setdefault(region.image, [])
        if status == OK:
            twin = next((box for box in earlier if _same(box.extent, region.extent)), None)
            status = OK if twin is None else f"duplicate of {twin.region.tracking or twin.region.number}"
        box = SliceBox(region, file, header, status)
        if status == OK:
            earlier.append(box)
        found.append(box)
    return found


def _status(region: Region, header: DicomHeader | None) -> str:
    if header is None:
        return NO_SLICE
    if region.extent is None or not _centre_in_image(region.extent, header):
        return NO_COORDINATES
    x0, y0, x1, y1 = region.extent
    if min(x1 - x0, y1 - y0) <= 0 and region.kind != "POINT":
        return NO_AREA
    return OK


def _centre_in_image(extent: BoxExtremes, header: DicomHeader) -> bool:
    """Whether the middle of a region is in the image; detectors let a box leave it, but not by half."""
    x0, y0, x1, y1 = extent
    rows, columns = header.shape
    return 0 <= (x0 + x1) / 2 <= columns and 0 <= (y0 + y1) / 2 <= rows


def _same(one: BoxExtremes, other: BoxExtremes | None) -> bool:
    return other is not None and max(abs(a - b) for a, b in zip(one, other, strict=True)) <= SAME


def may_be_millimetres(boxes: Sequence[SliceBox]) -> bool:
    """Whether the boxes of a report can be in mm: a quarter is off its image, and all fit the slices in mm.

    Args:
        boxes: All boxes of one report.
    """
    known = [box for box in boxes if box.slice is not None and box.region.extent is not None]
    off = [box for box in known if box.status == NO_COORDINATES]
    return len(off) >= max(1.0, len(known) / 4) and all(_fits_in_mm(box) for box in known)


def _fits_in_mm(box: SliceBox) -> bool:
    assert box.slice is not None  # noqa: S101 - a box without has another status
    x0, y0, x1, y1 = box.extent
    rows, columns = box.slice.shape
    ends = np.stack([box.slice.point(-0.5, -0.5), box.slice.point(columns - 0.5, rows - 0.5)])[:, :2]
    low, high = ends.min(axis=0), ends.max(axis=0)
    return bool((np.array([x0, y0]) >= low - SAME).all() and (np.array([x1, y1]) <= high + SAME).all())


def joined_boxes(boxes: Sequence[SliceBox], series: Sequence[DicomHeader]) -> list[BoxedNodule]:
    """The nodules of one series, in the order of their first box.

    Two boxes are joined where they lie on neighbouring slices and their rectangles overlap with positive area, or
    where a report puts them into one measurement group or gives them one tracking UID; never directly where they
    lie on one slice. What is connected is one nodule.

    Args:
        boxes: Boxes with the status ``ok`` on slices of the series.
        series: All its slices.
    """
    normal = series[0].normal
    heights = np.unique(np.round([float(one.position @ normal) for one in series], 3))
    places = [_nearest(heights, float(box.slice.position @ normal)) for box in boxes if box.slice is not None]
    flat = [_rectangle(box, series[0]) for box in boxes]
    pairs = [
        (a, b)
        for a, b in combinations(range(len(boxes)), 2)
        if places[a] != places[b]
        and (
            (abs(places[a] - places[b]) == 1 and _overlap(flat[a], flat[b])) or _tracked_as_one(boxes[a], boxes[b])
        )
    ]
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs), np.int8), (ends[0], ends[1])), shape=(len(boxes), len(boxes)))
    labels = connected_components(graph, directed=False)[1]
    groups: dict[int, list[int]] = {}
    for number, label in enumerate(labels.tolist()):
        groups.setdefault(label, []).append(number)
    return [
        _nodule([boxes[number] for number in group], len({places[number] for number in group}))
        for group in groups.values()
    ]


def _nearest(heights: Floats, height: float) -> int:
    return int(np.abs(heights - height).argmin())


def _rectangle(box: SliceBox, reference: DicomHeader) -> Floats:
    """Its extremes in mm along the rows and columns of the series, ``[2, 2]``."""
    flat = box.corners @ reference.axes.T
    return np.stack([flat.min(axis=0), flat.max(axis=0)])


def _overlap(one: Floats, other: Floats) -> bool:
    shared = np.minimum(one[1], other[1]) - np.maximum(one[0], other[0])
    return bool((shared > 0).all())


def _tracked_as_one(one: SliceBox, other: SliceBox) -> bool:
    if one.file != other.file:
        return False
    same_group = one.region.group != 0 and one.region.group == other.region.group
    return same_group or (one.region.tracking_uid != "" and one.region.tracking_uid == other.region.tracking_uid)


def _nodule(boxes: list[SliceBox], slices: int) -> BoxedNodule:
    areas = np.array([float(np.prod(box.size)) for box in boxes])
    weights = areas if areas.sum() > 0 else np.ones(len(boxes))
    centre = np.average([box.centre for box in boxes], axis=0, weights=weights)
    return BoxedNodule(tuple(boxes), np.asarray(centre), boxes[int(areas.argmax())], slices)
