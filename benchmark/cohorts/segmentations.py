"""DICOM segmentations (SEG) to a nodule table: one nodule a segment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmark.annotations.placing import PlacedPlane, centroid, placed_planes, volume
from benchmark.annotations.segmentation import Segment, Segmentation, read_segmentation
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
from benchmark.errors import InputError, Problem, noting
from benchmark.progress import Progress
from benchmark.wording import first_few

NO_LESION: Final = {
    *("123037004", "T-D000A"),  # anatomical structure
    *("91720002", "T-D0080"),  # body substance
    *("260787004", "A-00004"),  # physical object
    *("309825002", "R-42018"),  # spatial and relational concept
}
"""Categories of segments that are no nodules (SNOMED CT, and its older codes); tissue of a kind is none either."""
_TISSUE: Final = {"85756007", "T-D0050"}
_SPLIT: Final = "falls into parts that do not touch; it is taken as one nodule"


def prepare_segmentations(
    paths: Sequence[Path],
    *,
    id_pattern: str | None = None,
    min_voxels: int = 1,
    title: str | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Read SEG files, and the CT series that they refer to where these are given too.

    Args:
        paths: SEG files, CT series, and folders of both, in any layout.
        id_pattern: Regular expression that finds the patient in a SEG's path; by default its PatientID.
        min_voxels: Segments with fewer voxels are left out and listed.
        title: Title of the cohort.
        progress: Called with CT slices done and in all.

    Returns:
        One row a segment: centroid of its voxels in mm (LPS), ``volume_mm3``, ``mean_diameter`` of the sphere with
        its volume, voxels, slices, what it is called, and ``scan_id``, the SeriesInstanceUID of its images.
        Segments that are empty, anatomy, or a copy of another are left out and listed.

    Raises:
        InputError: A file cannot be read, a frame cannot be placed, patients contradict, or there is no nodule.
    """
    found = read_annotated(paths, "SEG", read_segmentation, progress)
    return nodules_of_segments(found, id_pattern, min_voxels, title)


def nodules_of_segments(
    found: Annotated[Segmentation], id_pattern: str | None = None, min_voxels: int = 1, title: str | None = None
) -> Prepared:
    """As ``prepare_segmentations``, of files that were read already."""
    owners = patients_by_file(found, id_pattern)
    scans = {file.path: _series_of(file, found) for file in found.files}
    numbers = scan_numbers([(owners[file.path], date_of(file), scans[file.path]) for file in found.files])
    table = _Table()
    problems: list[Problem] = []
    for file in found.files:
        pid, series = owners[file.path], scans[file.path]
        header = found.tree.series[series][0] if found.tree and series in found.tree.series else None
        problem = patient_problem(file, header, id_pattern) if header is not None else None
        if problem is not None:
            problems.append(problem)
            continue
        with noting(problems):
            table.add(file, found, pid, series, numbers[pid, series], min_voxels)
    if problems:
        raise InputError(problems)
    if not table.rows:
        reasons = first_few(sorted({item.reason for item in table.excluded}), 5)
        raise InputError(Problem(f"no segment is a nodule: {reasons}", "check the files", found.files[0].path))
    return _prepared(table, found, {"id_pattern": id_pattern, "min_voxels": min_voxels}, title)


class _Table:
    """Rows of nodules, what was left out, and what to say."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.excluded: list[Exclusion] = []
        self.warnings: list[str] = []
        self._first: dict[tuple[str, str], str] = {}
        self._ids: dict[str, set[str]] = {}

    def add(
        self, file: Segmentation, found: Annotated[Segmentation], pid: str, series: str, scan: str, least: int
    ) -> None:
        """Add the segments of a file."""
        self._say_missing(file, found, series)
        if file.fractional:
            self.warnings.append(f"{file.path.name} is fractional: a voxel belongs to a segment from one half on")
        placed = {one.number: placed_planes(one, file, found.slices) for one in file.segments}
        heights = _heights([plane for planes in placed.values() for plane in planes], found, series)
        for segment in file.segments:
            name = f"segment {segment.number}"
            reason = _no_nodule(segment, least)
            twin = self._first.setdefault((series, segment.digest), f"{name} of {file.path.name}")
            if not reason and twin != f"{name} of {file.path.name}":
                reason = f"is a copy of {twin}"
            if reason:
                self.excluded.append(Exclusion(pid, f"{scan}{segment.number}", reason))
                continue
            if len(segment.parts) > 1:
                voxels = first_few(segment.parts, 5)
                self.warnings.append(f"{name} of {file.path.name} {_SPLIT} (voxels: {voxels})")
            if segment.repeated:
                self.warnings.append(f"{name} of {file.path.name}: {segment.repeated} frames of one plane united")
            nodule = _nodule(segment, placed[segment.number], heights)
            if nodule.pop("uneven"):
                what = "unevenly spaced: its volume takes each slice half of the way to its neighbours"
                self.warnings.append(f"{name} of {file.path.name}: slices are {what}")
            nodule_id = self._free_id(pid, f"{scan}{segment.number}")
            row = {"pid": pid, "nodule_id": nodule_id, "image_path": found.folder_of(series)}
            self.rows.append({**row, **nodule, "scan_id": series, "study_date": date_of(file) or None})

    def _free_id(self, pid: str, name: str) -> str:
        """A name that no other nodule of the patient has: several files may be about one scan."""
        taken = self._ids.setdefault(pid, set())
        free = next(one for one in (name, *(f"{name}.{n}" for n in range(2, len(taken) + 3))) if one not in taken)
        taken.add(free)
        return free

    def _say_missing(self, file: Segmentation, found: Annotated[Segmentation], series: str) -> None:
        used = {uid for one in file.segments for plane in one.planes for uid in plane.sources}
        wanted = {*file.references, *used} - {""}
        lost = sorted(wanted - found.slices.keys())
        if lost and found.tree is not None and series in found.tree.series:
            what = f"{len(lost):,} of {len(wanted):,} slices that {file.path.name} refers to are not in the folder"
            on = len(used - found.slices.keys())
            self.warnings.append(f"{what} (nodules lie on {on} of them): {first_few(lost, 3)}")


def _no_nodule(segment: Segment, least: int) -> str:
    """Why a segment is no nodule; empty if it is one."""
    category, kind = segment.category, segment.kind
    if category[0] in NO_LESION or (category[0] in _TISSUE and kind[0] not in _TISSUE):
        return f"is no nodule but {kind[1] or segment.label} ({category[1]})"
    voxels = sum(plane.voxels for plane in segment.planes)
    if not voxels:
        return "the segment is empty"
    return f"segment of fewer than {least} voxels" if voxels < least else ""


def _nodule(segment: Segment, planes: list[PlacedPlane], heights: np.ndarray[Any, Any]) -> dict[str, Any]:
    x, y, z = centroid(planes)
    size, uneven = volume(planes, heights)
    return {
        "coordX": float(x),
        "coordY": float(y),
        "coordZ": float(z),
        "volume_mm3": size,
        "mean_diameter": float((6 * size / np.pi) ** (1 / 3)),
        "voxels": str(sum(plane.plane.voxels for plane in planes)),
        "slices": str(len(planes)),
        "segment_label": segment.label,
        "segment_type": segment.kind[1],
        "uneven": uneven,
    }


def _heights(
    planes: Sequence[PlacedPlane], found: Annotated[Segmentation], series: str
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Where slices lie along the normal of a segmentation, those of its series and its own, ascending."""
    if not planes:
        return np.array([])
    normal = planes[0].normal
    own = [float(normal @ plane.position) for plane in planes]
    slices = found.tree.series.get(series, []) if found.tree is not None else []
    beside = [float(normal @ one.position) for one in slices if abs(float(normal @ one.normal)) > 0.9999]
    heights = np.sort([*own, *beside])
    return np.asarray(heights[np.append(True, np.diff(heights) > 1e-2)])


def _series_of(file: Segmentation, found: Annotated[Segmentation]) -> str:
    """The series that a file is about: of the slices that it is derived from, else the one that it names."""
    used = [uid for segment in file.segments for plane in segment.planes for uid in plane.sources]
    series = {found.slices[uid].series for uid in used if uid in found.slices}
    if len(series) > 1 or (not series and len(file.series) > 1):
        what = f"is about {max(len(series), len(file.series))} series"
        raise InputError(Problem(what, "nodules of each need a file of their own", file.path))
    return next(iter(series), "") or next(iter(file.series), "") or file.uid


def _prepared(
    table: _Table, found: Annotated[Segmentation], options: dict[str, Any], title: str | None
) -> Prepared:
    without = sum(row["image_path"] == "" for row in table.rows)
    return Prepared(
        "masks",
        nodule_table(table.rows),
        {"title": title or found.root.resolve().name, "frame": "LPS"},
        [file.path for file in found.files],
        options,
        table.excluded,
        table.warnings,
        [*([f"images of {without:,} nodules: give their CT series too"] if without else []),
         "labels: fill in malignant"],
        found.root,
        notes=found.notes,
    )  # fmt: skip
