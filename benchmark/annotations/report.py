"""DICOM Structured Reports (SR): regions on slices, and what a report says of them.

Regions are looked for in the whole content tree; in TID 1500 each stands in a measurement group with its tracking
identifiers (DICOM PS3.16). Graphic data are columns and rows in image coordinates, which begin at the outer corner
of the first pixel (PS3.3 C.18.6).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from pydicom.dataset import Dataset

from benchmark.annotations.dicom_file import code_of, first_of, items_of, opened_dicom, text_of
from benchmark.errors import InputError, Problem

MOST_REGIONS: Final = 100_000
_GROUP: Final = "125007"
_TRACKING_ID: Final = "112039"
_TRACKING_UID: Final = "112040"
_FINDING: Final = "121071"
BoxExtremes = tuple[float, float, float, float]
"""Least column and row, greatest column and row, in image coordinates."""


@dataclass(frozen=True)
class Region:
    """A region on one slice.

    Attributes:
        number: Its place among the regions of the report, from 1.
        group: Its measurement group by number; 0 outside of any.
        tracking: Tracking identifier of its group.
        tracking_uid: Tracking unique identifier of its group.
        finding: What it is, in words.
        image: SOP Instance UID of the slice; empty where it names none.
        kind: POINT, MULTIPOINT, POLYLINE, CIRCLE or ELLIPSE.
        extent: Its extremes; None where its graphic data are no pairs of finite numbers.
        is_outline: Whether it is a line with points elsewhere than at the corners of its extent.
    """

    number: int
    group: int
    tracking: str
    tracking_uid: str
    finding: str
    image: str
    kind: str
    extent: BoxExtremes | None
    is_outline: bool

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"box {self.tracking or self.number}"


@dataclass(frozen=True)
class StructuredReport:
    """An SR file.

    Attributes:
        path: The file.
        uid: SOP Instance UID.
        patient_id: PatientID.
        study_date: StudyDate.
        regions: Its regions on slices, in the order of the file.
        of_segments: Measurement groups without a region, which refer to segments.
        in_space: Regions in millimetres (SCOORD3D), which are not read.
        series: SeriesInstanceUIDs of the images that it refers to as its evidence.
        description: SeriesDescription.
    """

    path: Path
    uid: str
    patient_id: str
    study_date: str
    regions: list[Region]
    of_segments: int
    in_space: int
    series: tuple[str, ...] = ()
    description: str = ""


def read_report(path: Path) -> StructuredReport:
    """Read the regions of an SR file.

    Raises:
        InputError: It cannot be read, or holds more regions than any report.
    """
    with opened_dicom(path) as data:
        groups: dict[int, Dataset] = {}
        regions: list[Region] = []
        with_region: set[int] = set()
        in_space = 0
        segment_groups: set[int] = set()
        for item, group in _content(data, groups):
            kind = text_of(item, "ValueType")
            if kind == "SCOORD3D":
                in_space += 1
            elif kind == "SCOORD":
                with_region.add(group)
                regions.append(_region(item, groups.get(group), group, len(regions) + 1))
            elif kind == "IMAGE" and _refers_to_segment(item):
                segment_groups.add(group)
            if len(regions) > MOST_REGIONS:
                raise InputError(Problem(f"holds more than {MOST_REGIONS:,} regions", "", path))
        return StructuredReport(
            path,
            text_of(data, "SOPInstanceUID"),
            text_of(data, "PatientID"),
            text_of(data, "StudyDate"),
            regions,
            len(segment_groups - with_region),
            in_space,
            _evidence(data),
            text_of(data, "SeriesDescription"),
        )


def _evidence(data: Dataset) -> tuple[str, ...]:
    studies = items_of(data, "CurrentRequestedProcedureEvidenceSequence")
    series = [one for study in studies for one in items_of(study, "ReferencedSeriesSequence")]
    with_images = (one for one in series if items_of(one, "ReferencedSOPSequence"))
    return tuple(dict.fromkeys(text_of(one, "SeriesInstanceUID") for one in with_images))


def _content(data: Dataset, groups: dict[int, Dataset]) -> Iterator[tuple[Dataset, int]]:
    """All content items in their order, each with the number of its measurement group; fills ``groups``."""
    waiting = [(item, 0) for item in reversed(items_of(data, "ContentSequence"))]
    while waiting:
        item, group = waiting.pop()
        if code_of(item, "ConceptNameCodeSequence")[0] == _GROUP and text_of(item, "ValueType") == "CONTAINER":
            group = len(groups) + 1
            groups[group] = item
        yield item, group
        waiting += [(child, group) for child in reversed(items_of(item, "ContentSequence"))]


def _refers_to_segment(item: Dataset) -> bool:
    image = first_of(item, "ReferencedSOPSequence")
    return image is not None and image.get("ReferencedSegmentNumber") is not None


def _region(item: Dataset, group: Dataset | None, number_of_group: int, number: int) -> Region:
    said = {
        code_of(child, "ConceptNameCodeSequence")[0]: child
        for child in (items_of(group, "ContentSequence") if group is not None else ())
    }
    tracking, uid, finding = (said.get(code, Dataset()) for code in (_TRACKING_ID, _TRACKING_UID, _FINDING))
    images = (
        first_of(child, "ReferencedSOPSequence")
        for child in items_of(item, "ContentSequence")
        if text_of(child, "ValueType") == "IMAGE"
    )
    image = next((one for one in images if one is not None), Dataset())
    kind = text_of(item, "GraphicType")
    extent, is_outline = _extent(kind, item)
    return Region(
        number,
        number_of_group,
        text_of(tracking, "TextValue"),
        text_of(uid, "UID"),
        code_of(finding, "ConceptCodeSequence")[1],
        text_of(image, "ReferencedSOPInstanceUID"),
        kind,
        extent,
        is_outline,
    )


def _extent(kind: str, item: Dataset) -> tuple[BoxExtremes | None, bool]:
    """Extremes of a region, and whether it is a line that is no rectangle."""
    numbers = np.asarray(item.get("GraphicData") or [], dtype=np.float64).ravel()
    if numbers.size < 2 or numbers.size % 2 or not np.isfinite(numbers).all():
        return None, False
    points = numbers.reshape(-1, 2)
    if kind == "CIRCLE":  # its centre, and a point on it
        if len(points) != 2:
            return None, False
        radius = float(np.linalg.norm(points[1] - points[0]))
        points = np.stack([points[0] - radius, points[0] + radius])
    elif kind == "ELLIPSE":  # the ends of its two axes
        if len(points) != 4:
            return None, False
        half = np.hypot((points[1] - points[0]) / 2, (points[3] - points[2]) / 2)
        middle = points.mean(axis=0)
        points = np.stack([middle - half, middle + half])
    low, high = points.min(axis=0), points.max(axis=0)
    corners = (np.abs(points - low) < 1e-3) | (np.abs(points - high) < 1e-3)
    is_outline = kind == "POLYLINE" and not bool(corners.all())
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1])), is_outline
