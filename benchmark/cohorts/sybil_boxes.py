"""Sybil's annotations of NLST: a JSON file of series, their slices, and boxes on these.

Mikhael et al., J Clin Oncol 41:2191-2200, 2023: radiologists marked the cancers of participants diagnosed within a
year of a screen. ``x, y`` is the upper left corner; all four numbers of a box are parts of the image's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmark.errors import InputError, Problem
from benchmark.formats.json import read_json

if TYPE_CHECKING:
    from benchmark.annotations.boxes import SliceBox
    from benchmark.imaging.scans.dicom_headers import DicomHeader
    from benchmark.imaging.scans.dicom_tree import DicomTree

BOX: Final = ("x", "y", "width", "height")
_MOST_PROBLEMS: Final = 50
_SLACK: Final = 1e-6


@dataclass(frozen=True)
class SybilSeries:
    """The boxes of a series.

    Attributes:
        uid: SeriesInstanceUID.
        boxes: SOP Instance UID → its boxes ``x, y, width, height``, parts of the image's size.
    """

    uid: str
    boxes: Mapping[str, list[tuple[float, float, float, float]]]


@dataclass
class SybilNodules:
    """What was placed of a file.

    Attributes:
        rows: One a nodule: ``pid``, centre, ``scan_id``, ``image_path`` and more.
        lost: Boxes whose slice is not in the folder, or that have no area, by the reason.
        without_images: SeriesInstanceUIDs with boxes of which no slice is in the folder.
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    lost: dict[str, int] = field(default_factory=dict)
    without_images: list[str] = field(default_factory=list)


def is_sybil_json(content: object) -> bool:
    """Whether a JSON file's content has the form of Sybil's annotations."""
    if not isinstance(content, dict) or not content:
        return False
    images = [image for series in content.values() if isinstance(series, dict) for image in series.values()]
    return len(images) > 0 and all(isinstance(image, list) for image in images)


def read_sybil_boxes(path: Path) -> list[SybilSeries]:
    """Read Sybil's annotations; series without a box are left out.

    Raises:
        InputError: It has another form, or names every box that is not four parts of an image.
    """
    content = read_json(path)
    if not is_sybil_json(content):
        fix = (
            'give {"SeriesInstanceUID": {"SOPInstanceUID": [{"x": 0.1, "y": 0.2, "width": 0.05, "height": 0.05}]}}'
        )
        raise InputError(Problem("is not of the form of Sybil's annotations", fix, path))
    problems: list[Problem] = []
    found = []
    for uid, images in content.items():
        boxes: dict[str, list[tuple[float, float, float, float]]] = {}
        for image, each in images.items() if isinstance(images, dict) else ():
            read = [_box(one, f"{uid}: {image}", path, problems) for one in each]
            if kept := [box for box in read if box is not None]:
                boxes[str(image).removesuffix(".dcm").removesuffix(".png")] = kept
        if boxes:
            found.append(SybilSeries(str(uid), boxes))
    if problems:
        raise InputError(problems[:_MOST_PROBLEMS])
    return found


def _box(one: object, place: str, path: Path, problems: list[Problem]) -> tuple[float, float, float, float] | None:
    cells = [one.get(name) for name in BOX] if isinstance(one, dict) else []
    numbers = [float(cell) for cell in cells if isinstance(cell, int | float) and not isinstance(cell, bool)]
    what = ""
    if len(numbers) != len(BOX) or not all(map(isfinite, numbers)):
        what = f"a box is not {', '.join(BOX)}"
    elif min(numbers) < -_SLACK or max(numbers) > 1 + _SLACK:
        what = "a box is no part of its image: its numbers are not between 0 and 1"
    if what:
        fix = "Sybil's boxes are divided by the image's size; pixels are not"
        problems.append(Problem(what, fix, path, column=place, value=str(one)[:80]))
        return None
    x, y, width, height = numbers
    return x, y, width, height


def place_sybil_boxes(series: list[SybilSeries], path: Path, tree: DicomTree | None) -> SybilNodules:
    """Join the boxes of each series to nodules, as those of reports are, and place them by the slices' headers.

    Args:
        series: Series with boxes.
        path: Their file.
        tree: The CT series that are there.
    """
    from benchmark.annotations.boxes import OK, joined_boxes, placed_boxes
    from benchmark.cohorts.sr import nodule_cells

    made = SybilNodules()
    for one in series:
        slices = tree.series.get(one.uid, []) if tree is not None else []
        if not slices or tree is None:
            made.without_images.append(one.uid)
            continue
        placed = placed_boxes(_regions(one, path, slices), {header.uid: header for header in slices})
        for box in placed:
            if box.status != OK:
                reason = "repeats another box" if box.status.startswith("duplicate") else box.status
                made.lost[reason] = made.lost.get(reason, 0) + 1
        kept: list[SliceBox] = [box for box in placed if box.status == OK]
        for nodule in joined_boxes(kept, slices) if kept else ():
            row = {"pid": slices[0].patient_id, "image_path": tree.path(one.uid), **nodule_cells(nodule)}
            made.rows.append({**row, "scan_id": one.uid, "description": slices[0].description})
    return made


def _regions(one: SybilSeries, path: Path, slices: list[DicomHeader]) -> list[Any]:
    """The boxes of a series as regions in image coordinates, from the outer corner of the first pixel."""
    from benchmark.annotations.report import Region

    shapes = {header.uid: header.shape for header in slices}
    found: list[tuple[Path, Region]] = []
    for image, boxes in one.boxes.items():
        rows, columns = shapes.get(image, (512, 512))
        for x, y, width, height in boxes:
            extent = (x * columns, y * rows, (x + width) * columns, (y + height) * rows)
            region = Region(len(found) + 1, 0, "", "", "cancer", image, "POLYLINE", extent, False)
            found.append((path, region))
    return found
