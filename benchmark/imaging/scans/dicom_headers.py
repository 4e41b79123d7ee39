"""What the files of a DICOM folder say about themselves, and which of them belong to the scan."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.dicom_elements import MAX_DEPTH, outline
from benchmark.imaging.scans.scan_paths import files_below
from benchmark.imaging.scans.simple_itk import ItkReader, dtype_of, itk_reason, sitk
from benchmark.imaging.scans.stacks import Mark, read_mark

SCOUT_ANGLE = 10.0
"""Degrees between slice directions from which a file is a scout, not an odd slice."""
MAX_EDGE = 4096
"""Rows and columns of a slice; a CT has 512 to 2048, and what is compressed can claim any number."""
SKEW = 0.05
"""Deviation of a slice's directions from square unit vectors that no rounding explains."""
_NOT_IMAGES = {"SR", "RTSTRUCT", "RTPLAN", "RTDOSE", "SEG", "PR", "KO", "REG"}
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


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
        raise InputError(Problem(f"0 of {other} files are DICOM", "give the folder that holds the series", folder))
    notes = [f"{other} files that are not DICOM ignored"] if other else []
    readers = {path: header_reader(path) for path in files}
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


def begins_like_dicom(head: bytes) -> bool:
    """Whether a file whose first 132 bytes are given is DICOM: with its preamble, or with bare elements."""
    bare = re.match(rb"\x08\x00[\x00-\x20]\x00(UL|UI|CS|..\x00\x00)", head, re.DOTALL)
    return head[128:132] == b"DICM" or bare is not None


def dicom_files(folder: Path, boundary: Path | None = None) -> tuple[list[Path], int]:
    """The DICOM files at any depth below a folder, in the order of their paths, and how many others there are.

    Raises:
        InputError: A file cannot be read, or a DICOMDIR or a link points out of the folder (see ``files_below``).
    """
    files = []
    regular, other = files_below(folder, boundary)
    for path in regular:
        try:
            with path.open("rb") as stream:
                head = stream.read(132)
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
        raise InputError(Problem(f"cannot be read: {itk_reason(error)}", "fetch it again", path)) from error
    return reader


def _tag_text(reader: ItkReader, tag: str) -> str:
    return str(reader.GetMetaData(tag)).strip(" \0") if reader.HasMetaDataKey(tag) else ""


def _choose(folder: Path, readers: dict[Path, ItkReader], series: str | None, notes: list[str]) -> list[Path]:
    groups: dict[str, list[Path]] = {}
    for path, reader in readers.items():
        groups.setdefault(_tag_text(reader, "0020|000e"), []).append(path)
    if series is not None:
        if series not in groups:
            raise InputError(Problem("no such series", _listing(groups, readers), folder, value=series))
        groups = {series: groups[series]}
    modality = {uid: _tag_text(readers[paths[0]], "0008|0060") for uid, paths in groups.items()}
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
    return "LOCALIZER" in _tag_text(reader, "0008|0008").upper()


def _listing(groups: dict[str, list[Path]], readers: dict[Path, ItkReader]) -> str:
    return "; ".join(
        f"{uid} ({len(paths)} files, {_tag_text(readers[paths[0]], '0008|103e') or 'no description'})"
        for uid, paths in groups.items()
    )


def slice_problems(path: Path, reader: ItkReader) -> list[Problem]:
    """Why a file cannot be a slice of a CT in HU; none if it can."""
    problems = []

    def refuse(what: str, fix: str = "") -> None:
        problems.append(Problem(what, fix, path))

    if _whole(_tag_text(reader, "0028|0008"), 1) != 1 or reader.GetSize()[2:] not in ((), (1,)):
        refuse("is an enhanced multi-frame file", "convert the series to NIfTI or to one file a slice")
    if _tag_text(reader, "0008|0016").startswith(_SECONDARY_CAPTURE):
        refuse("is a secondary capture", "export the original CT series")
    if _whole(_tag_text(reader, "0028|0002"), 1) != 1:
        refuse("holds colour pixels", "a CT in HU is needed")
    if max(reader.GetSize()[:2]) > MAX_EDGE:
        shape = " x ".join(map(str, reader.GetSize()[:2]))
        refuse(f"has {shape} pixels, more than {MAX_EDGE} x {MAX_EDGE}", "fetch it again")
    if _tag_text(reader, "0028|0004") == "MONOCHROME1":
        refuse("is MONOCHROME1, which no CT is", "export the series again")
    for tag, name, count in (
        ("0020|0032", "ImagePositionPatient", 3),
        ("0020|0037", "ImageOrientationPatient", 6),
        ("0028|0030", "PixelSpacing", 2),
        ("0028|1052", "RescaleIntercept", 1),
        ("0028|1053", "RescaleSlope", 1),
    ):
        numbers = _numbers(_tag_text(reader, tag))
        if len(numbers) != count or not np.isfinite(numbers).all():
            refuse(f"has no usable {name}", "export the series again with its geometry and HU")
        elif (name == "PixelSpacing" and min(numbers) <= 0) or (name == "RescaleSlope" and numbers[0] <= 0):
            refuse(f"has no usable {name} ({_tag_text(reader, tag)})", "export the series again")
        elif name == "ImageOrientationPatient" and _skew(numbers) > SKEW:
            refuse(
                f"has no usable {name} ({_tag_text(reader, tag)})",
                "its two directions must be square unit vectors",
            )
    needed = int(np.prod(reader.GetSize()[:2])) * _whole(_tag_text(reader, "0028|0100"), 16) // 8
    found = outline(path).pixel_bytes
    if not problems and found is not None and found < needed:
        refuse(f"is cut short: {found} of {needed} bytes of pixel data", "fetch it again")
    return problems


def _whole(text: str, default: int) -> int:
    """A whole number of a header; the default where it says nothing, and -1 where it is none."""
    return int(text) if text.isascii() and text.isdigit() else -1 if text else default


def _skew(numbers: list[float]) -> float:
    """How far the two directions of a slice are from square unit vectors."""
    row, column = np.reshape(numbers, (2, 3))
    return float(np.abs([row @ row - 1, column @ column - 1, row @ column]).max())


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split("\\")]
    except ValueError:
        return []


def header_of(path: Path, reader: ItkReader) -> DicomHeader:
    """The header of a file in which ``slice_problems`` finds nothing."""
    between_rows, between_columns = _numbers(_tag_text(reader, "0028|0030"))
    columns, rows = reader.GetSize()[:2]
    padding = _numbers(_tag_text(reader, "0028|0120"))
    position = np.array(_numbers(_tag_text(reader, "0020|0032")))
    axes = np.array(_numbers(_tag_text(reader, "0020|0037"))).reshape(2, 3)
    along = float(position @ np.cross(axes[0], axes[1]))
    return DicomHeader(
        path,
        _tag_text(reader, "0010|0020"),
        _tag_text(reader, "0020|000e"),
        _tag_text(reader, "0008|103e"),
        _tag_text(reader, "0008|0060"),
        (rows, columns),
        (between_rows, between_columns),
        position,
        axes,
        padding[0] if padding else None,
        _numbers(_tag_text(reader, "0028|1053"))[0],
        _numbers(_tag_text(reader, "0028|1052"))[0],
        _is_scout(reader),
        dtype_of(reader),
        read_mark(path.name, along, lambda tag: _tag_text(reader, tag)),
        (*reader.GetSpacing(), 1.0)[2],
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
