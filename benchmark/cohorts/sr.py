"""DICOM structured reports (SR) to a nodule table: boxes on slices, joined to nodules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmark.annotations.boxes import (
    NO_COORDINATES,
    OK,
    BoxedNodule,
    SliceBox,
    joined_boxes,
    may_be_millimetres,
    placed_boxes,
)
from benchmark.annotations.report import StructuredReport, read_report
from benchmark.cohorts.annotated import (
    Annotated,
    date_of,
    nodule_table,
    patient_problem,
    patients_by_file,
    read_annotated,
    scan_numbers,
)
from benchmark.cohorts.prepared import Exclusion, Prepared
from benchmark.errors import InputError, Problem
from benchmark.progress import Progress
from benchmark.wording import first_few

AXIAL: Final = 0.9
"""Least cosine between the normal of a slice and the patient's length at which its plane is called axial."""
RULE: Final = (
    "nodules: boxes on neighbouring slices that overlap are one, "
    "and its centre is the mean of theirs, weighted by area"
)


def prepare(
    paths: Sequence[Path],
    *,
    id_pattern: str | None = None,
    title: str | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Read SR files with boxes, and the CT series that they refer to.

    Args:
        paths: SR files, CT series, and folders of both, in any layout.
        id_pattern: Regular expression that finds the patient in an SR's path; by default its PatientID.
        title: Title of the cohort.
        progress: Called with CT slices done and in all.

    Returns:
        One row a nodule: centre in mm (LPS), ``longest_axial_diameter_(mm)`` (the longer side of its largest box,
        where slices are axial), its number of boxes and slices, ``tracking`` (identifiers of its boxes) and
        ``scan_id``. Boxes that cannot be placed, that have no area or repeat another are left out and listed.

    Raises:
        InputError: A file cannot be read, patients contradict, a report may be in millimetres, or no box is left.
    """
    return prepare_reports(read_annotated(paths, "SR", read_report, progress), id_pattern, title)


def prepare_reports(
    found: Annotated[StructuredReport], id_pattern: str | None = None, title: str | None = None
) -> Prepared:
    """As ``prepare``, of reports that were read already."""
    owners = patients_by_file(found, id_pattern)
    regions = [(file.path, region) for file in found.files for region in file.regions]
    if not regions:
        raise InputError(_no_boxes(found))
    boxes = placed_boxes(regions, found.slices)
    _check_files(found, boxes, id_pattern)
    prepared = _prepared(found, boxes, owners, title or found.root.resolve().name, id_pattern)
    if prepared.nodules.empty:
        reasons = ", ".join(dict.fromkeys(box.status for box in boxes if box.status != OK))
        fix = "give the folder of their CT series too" if found.tree is None else "check the files"
        raise InputError(
            Problem(f"none of {len(boxes):,} boxes can be placed: {reasons}", fix, found.files[0].path)
        )
    return prepared


def _no_boxes(found: Annotated[StructuredReport]) -> Problem:
    segments, space = (sum(getattr(file, name) for file in found.files) for name in ("of_segments", "in_space"))
    what = f"none of {len(found.files):,} SR files holds a region on a slice"
    if segments:
        return Problem(what, "its groups measure segments: `prepare masks` reads their SEG", found.root)
    said = f", but {space:,} regions in space (SCOORD3D), which are not read" if space else ""
    return Problem(what + said, "give reports with boxes (TID 1500)", found.root)


def _check_files(found: Annotated[StructuredReport], boxes: Sequence[SliceBox], pattern: str | None) -> None:
    """Refuse reports of other patients than their images, and those whose boxes all may be in mm."""
    problems = []
    for file in found.files:
        own = [box for box in boxes if box.file == file.path]
        header = next((box.slice for box in own if box.slice is not None), None)
        problem = patient_problem(file, header, pattern) if header is not None else None
        problems += [problem] if problem is not None else []
        if may_be_millimetres(own):
            off = sum(box.status == NO_COORDINATES for box in own)
            what = f"{off} of {len(own)} boxes lie off their slice, and all would fit it in mm"
            fix = "SCOORD holds pixels: write the report again in image coordinates"
            problems.append(Problem(what, fix, file.path))
    if problems:
        raise InputError(problems)


def _prepared(
    found: Annotated[StructuredReport],
    boxes: Sequence[SliceBox],
    owners: dict[Path, str],
    title: str,
    pattern: str | None,
) -> Prepared:
    dates = {file.path: date_of(file) for file in found.files}
    placed = [box for box in boxes if box.status == OK and box.slice is not None]
    scans = [(owners[box.file], dates[box.file], box.slice.series) for box in placed if box.slice is not None]
    numbers = scan_numbers(scans)
    of_scan: dict[tuple[str, str], list[SliceBox]] = {}
    for box, (pid, _, series) in zip(placed, scans, strict=True):
        of_scan.setdefault((pid, series), []).append(box)
    rows = []
    for (pid, series), own in of_scan.items():
        slices = found.tree.series[series] if found.tree is not None else []
        for number, nodule in enumerate(joined_boxes(own, slices), 1):
            row = {
                "pid": pid,
                "nodule_id": f"{numbers[pid, series]}{number}",
                "image_path": found.folder_of(series),
            }
            date = dates[nodule.boxes[0].file] or None
            rows.append({**row, **nodule_cells(nodule), "scan_id": series, "study_date": date})
    return Prepared(
        "sr",
        nodule_table(rows),
        {"title": title, "frame": "LPS"},
        [file.path for file in found.files],
        {"id_pattern": pattern},
        [
            Exclusion(owners[b.file], f"{b.region.name} ({b.file.name})", _reason(b))
            for b in boxes
            if b.status != OK
        ],
        _warnings(found, boxes),
        ["labels: fill in malignant"],
        found.root,
        notes=[*found.notes, RULE],
    )


def _reason(box: SliceBox) -> str:
    return "repeats another box of its slice" if box.status.startswith("duplicate") else box.status


def nodule_cells(nodule: BoxedNodule) -> dict[str, Any]:
    """Cells of a nodule that was joined of boxes: centre in mm (LPS), diameter, and what its boxes are called."""
    x, y, z = map(float, nodule.centre)
    header = nodule.largest.slice
    is_axial = header is not None and abs(float(header.normal[2])) > AXIAL
    longest = float(nodule.largest.size.max())
    return {
        "coordX": x,
        "coordY": y,
        "coordZ": z,
        "longest_axial_diameter_(mm)": longest if is_axial and longest > 0 else float("nan"),
        "boxes": str(len(nodule.boxes)),
        "slices": str(nodule.slices),
        "tracking": " ".join(box.region.tracking or str(box.region.number) for box in nodule.boxes),
        "finding": nodule.boxes[0].region.finding or None,
    }


def _warnings(found: Annotated[StructuredReport], boxes: Sequence[SliceBox]) -> list[str]:
    said = []
    lost = sorted({box.region.image or "none named" for box in boxes if box.slice is None})
    if lost:
        count = sum(box.slice is None for box in boxes)
        said.append(f"{count:,} boxes lie on slices that are not in the folder: {first_few(lost, 3)}")
    if outlines := sum(box.status == OK and box.region.is_outline for box in boxes):
        said.append(f"{outlines:,} regions are outlines and no rectangles: their extremes are taken")
    for words, name in (("measure segments and hold no box: see `prepare masks`", "of_segments"),
                        ("lie in space (SCOORD3D) and are not read", "in_space")):  # fmt: skip
        if count := sum(getattr(file, name) for file in found.files):
            said.append(f"{count:,} measurements {words}")
    return said
