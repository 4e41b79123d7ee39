"""What the files of a DICOM folder say about themselves, and which of them belong to the scan."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.contracts.scan_paths import no_dicom_in, regular_files_below
from benchmark.errors import InputError, Problem
from benchmark.formats.dicom import HEAD, begins_like_dicom
from benchmark.imaging.scans.dicom_checks import compression_problem, slice_problems, tag_numbers, tag_text
from benchmark.imaging.scans.dicom_elements import MAX_DEPTH, outline
from benchmark.imaging.scans.simple_itk import ItkReader, dtype_of, itk_reason, sitk
from benchmark.imaging.scans.stacks import Mark, read_mark

SCOUT_ANGLE = 10.0
"""Degrees between slice directions from which a file is a scout, not an odd slice."""
_NOT_IMAGES = {
    "SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "RTRECORD", "SEG", "PR", "KO", "REG", "DOC", "PLAN", "RWV", "FID",
}  # fmt: skip


class NoImageError(InputError):
    """A DICOM file that holds a report, marks or a plan, and no pixels.

    Args:
        modality: Its modality.
        path: The file.
    """

    def __init__(self, modality: str, path: Path) -> None:
        self.modality = modality
        super().__init__(Problem(f"holds modality {modality}", "a CT is needed", path))


@dataclass(frozen=True)
class DicomHeader:
    """One DICOM image.

    Attributes:
        path: Its file.
        patient_id: PatientID, or empty.
        series: SeriesInstanceUID.
        description: SeriesDescription.
        modality: Modality, empty if it does not say.
        shape: Rows and columns.
        spacing: mm between rows and between columns.
        position: ``[3]`` mm (LPS) of its first pixel.
        axes: ``[2, 3]`` directions along a row and along a column.
        padding: PixelPaddingValue as stored, if it has one.
        slope: RescaleSlope.
        intercept: RescaleIntercept.
        scout: Whether ImageType calls it a localizer.
        dtype: Of its values in HU.
        mark: What tells it from slices of another stack.
        slice_step: Distance of slices that GDCM finds in the header; positions tell their true one.
        uid: SOP Instance UID, by which others refer to it.
    """

    path: Path
    patient_id: str
    series: str
    description: str
    modality: str
    shape: tuple[int, int]
    spacing: tuple[float, float]
    position: NDArray[np.float64]
    axes: NDArray[np.float64]
    padding: float | None
    slope: float
    intercept: float
    scout: bool
    dtype: np.dtype[Any]
    mark: Mark
    slice_step: float
    uid: str = ""

    @property
    def normal(self) -> NDArray[np.float64]:
        """Direction across the slice."""
        return np.asarray(np.cross(self.axes[0], self.axes[1]))

    def point(self, column: float, row: float) -> NDArray[np.float64]:
        """Centre of a pixel in mm, LPS ``[3]``; column and row count from 0 (DICOM PS3.3 C.7.6.2.1.1)."""
        between_rows, between_columns = self.spacing
        step = column * between_columns * self.axes[0] + row * between_rows * self.axes[1]
        return np.asarray(self.position + step)


def scan_headers(
    folder: Path, series: str | None, boundary: Path | None = None
) -> tuple[list[DicomHeader], list[str]]:
    """The slices of the one CT series of a folder, in no order, and what was left out.

    Raises:
        InputError: There is no DICOM file, no CT, more than one series, or a file that cannot be part of a CT.
    """
    files, other = dicom_files(folder, boundary)
    if not files:
        raise InputError(no_dicom_in(folder, other))
    notes = [f"{other} files that are not DICOM ignored"] if other else []
    readers = _image_readers(folder, files, notes)
    kept = _choose(folder, readers, series, notes)
    problems: list[Problem] = []
    headers = []
    for path in kept:
        found = slice_problems(path, readers[path])
        problems += found
        if not found:
            headers.append(header_of(path, readers[path]))
    if problems:
        raise InputError(problems)
    slices = without_scouts(headers, notes)
    if not slices:
        raise InputError(Problem("holds nothing but scouts", "give the folder that holds the CT series", folder))
    return slices, notes


def dicom_files(folder: Path, boundary: Path | None = None) -> tuple[list[Path], int]:
    """The DICOM files at any depth below a folder, in the order of their paths, and how many others there are.

    Raises:
        InputError: A file cannot be read, or a DICOMDIR or a link points out of the folder.
    """
    files = []
    regular, other = regular_files_below(folder, boundary)
    for path in regular:
        try:
            with path.open("rb") as stream:
                head = stream.read(HEAD)
        except OSError as error:
            raise InputError(Problem(f"cannot be read: {error.strerror}", file=path)) from error
        if path.name.upper() == "DICOMDIR":
            _check_directory(path)
        elif begins_like_dicom(head):
            files.append(path)
        elif not path.name.startswith("."):
            other += 1
    return files, other


def _check_directory(path: Path) -> None:
    """Refuse a DICOMDIR that points out of its folder; one that does not is left aside."""
    names = re.findall(rb"\x04\x00\x00\x15CS..([^\x00-\x1f]*)", path.read_bytes(), re.DOTALL)
    for name in names:
        parts = name.decode("latin-1").strip().split("\\")
        if ".." in parts or any("/" in part or ":" in part for part in parts):
            raise InputError(Problem("points out of its folder", "delete it", path, value="\\".join(parts)))


def header_reader(path: Path) -> ItkReader:
    """SimpleITK's reader of a file whose header it has read.

    Raises:
        NoImageError: By its modality, the file is not meant to hold an image, and it holds none.
        InputError: The file is no DICOM image, or nests its sequences deeper than any does.
    """
    found = outline(path)
    if found.depth > MAX_DEPTH:
        raise InputError(Problem(f"holds more than {MAX_DEPTH} sequences in one another", "fetch it again", path))
    if found.overrun:
        raise InputError(Problem(f"cannot be read: its element {found.overrun}", "fetch it again", path))
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if found.modality in _NOT_IMAGES and not found.has_pixels:
            raise NoImageError(found.modality, path) from error
        problem = Problem(f"cannot be read: {itk_reason(error)}", "fetch it again", path)
        raise InputError(compression_problem(path, found.syntax) or problem) from error
    return reader


def _image_readers(folder: Path, files: list[Path], notes: list[str]) -> dict[Path, ItkReader]:
    """The readers of the files that hold an image; the others are noted.

    Raises:
        InputError: A file cannot be read, or none holds an image.
    """
    readers, others = {}, Counter[str]()
    for path in files:
        try:
            readers[path] = header_reader(path)
        except NoImageError as error:
            others[error.modality] += 1
    if not readers:
        what = f"holds modality {' and '.join(sorted(others))}"
        raise InputError(Problem(what, "a CT is needed", folder))
    notes += [f"{others[modality]} {modality} files left out" for modality in sorted(others)]
    return readers


def _choose(folder: Path, readers: dict[Path, ItkReader], series: str | None, notes: list[str]) -> list[Path]:
    groups: dict[str, list[Path]] = {}
    for path, reader in readers.items():
        groups.setdefault(tag_text(reader, "0020|000e"), []).append(path)
    if series is not None:
        if series not in groups:
            raise InputError(Problem("no such series", _listing(groups, readers), folder, value=series))
        groups = {series: groups[series]}
    modality = {uid: tag_text(readers[paths[0]], "0008|0060") for uid, paths in groups.items()}
    if any(name in ("CT", "") for name in modality.values()):
        for uid in [uid for uid, name in modality.items() if name in _NOT_IMAGES]:
            notes.append(f"{len(groups[uid])} {modality[uid]} files left out")
            del groups[uid]
    scouts = [uid for uid, paths in groups.items() if all(_is_scout(readers[path]) for path in paths)]
    for uid in scouts if series is None and len(scouts) < len(groups) else ():
        notes.append(f"{len(groups[uid])} scout files of another series left out")
        del groups[uid]
    if len(groups) > 1:
        fix = f"pass --series UID: {_listing(groups, readers)}"
        raise InputError(Problem(f"holds {len(groups)} series", fix, folder))
    ((uid, paths),) = groups.items()
    if modality[uid] not in ("CT", ""):
        raise InputError(Problem(f"holds modality {modality[uid]}", "a CT is needed", folder))
    if modality[uid] == "":
        notes.append("Modality is missing; taken as CT")
    return paths


def _is_scout(reader: ItkReader) -> bool:
    return "LOCALIZER" in tag_text(reader, "0008|0008").upper()


def _listing(groups: dict[str, list[Path]], readers: dict[Path, ItkReader]) -> str:
    return "; ".join(
        f"{uid} ({len(paths)} files, {tag_text(readers[paths[0]], '0008|103e') or 'no description'})"
        for uid, paths in groups.items()
    )


def header_of(path: Path, reader: ItkReader) -> DicomHeader:
    """The header of a file in which ``slice_problems`` finds nothing."""
    between_rows, between_columns = tag_numbers(tag_text(reader, "0028|0030"))
    columns, rows = reader.GetSize()[:2]
    padding = tag_numbers(tag_text(reader, "0028|0120"))
    position = np.array(tag_numbers(tag_text(reader, "0020|0032")))
    axes = np.array(tag_numbers(tag_text(reader, "0020|0037"))).reshape(2, 3)
    along = float(position @ np.cross(axes[0], axes[1]))
    return DicomHeader(
        path,
        tag_text(reader, "0010|0020"),
        tag_text(reader, "0020|000e"),
        tag_text(reader, "0008|103e"),
        tag_text(reader, "0008|0060"),
        (rows, columns),
        (between_rows, between_columns),
        position,
        axes,
        padding[0] if padding else None,
        tag_numbers(tag_text(reader, "0028|1053"))[0],
        tag_numbers(tag_text(reader, "0028|1052"))[0],
        _is_scout(reader),
        dtype_of(reader),
        read_mark(path.name, along, lambda tag: tag_text(reader, tag)),
        (*reader.GetSpacing(), 1.0)[2],
        tag_text(reader, "0008|0018"),
    )


def without_scouts(headers: list[DicomHeader], notes: list[str]) -> list[DicomHeader]:
    """Leave out files that look another way than most do."""
    keys = [tuple(np.round(header.axes.ravel(), 2)) for header in headers]
    usual = headers[keys.index(Counter(keys).most_common(1)[0][0])].normal
    slices = []
    for header in headers:
        cosine = abs(float(header.normal @ usual)) / max(float(np.linalg.norm(header.normal)), 1e-9)
        if header.scout or cosine < np.cos(np.radians(SCOUT_ANGLE)):
            notes.append(f"{header.path.name} is a scout; left out")
        else:
            slices.append(header)
    return slices
