"""Where a pixel of a DICOM slice lies in the patient: headers only, no pixel data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.stacks import Mark, read_mark
from benchmark.progress import Progress

_TAGS: Final = {
    "modality": "0008|0060",
    "study_date": "0008|0020",
    "patient_id": "0010|0020",
    "series_uid": "0020|000e",
    "instance": "0020|0013",
    "position": "0020|0032",
    "orientation": "0020|0037",
    "spacing": "0028|0030",
}
_MODALITIES: Final = ("CT", "OT", "")
"""OT is what converters write that do not know better; the geometry must be complete all the same."""
_NEEDED: Final = ("series_uid", "position", "orientation", "spacing")


@dataclass(frozen=True)
class Slice:
    """The geometry of one DICOM slice.

    Attributes:
        file: The file.
        patient_id: (0010,0020), or empty.
        series_uid: (0020,000E).
        study_date: (0008,0020), ``YYYYMMDD``, or empty.
        instance: Instance number (0020,0013), or None.
        position: Image Position (Patient): centre of the first pixel, mm, LPS, ``(3,)``.
        along_columns: Step from one column to the next, mm, LPS, ``(3,)``.
        along_rows: Step from one row to the next, mm, LPS, ``(3,)``.
        mark: What tells it from slices of another stack.
        slice_step: Distance of slices that GDCM finds in the header.
        padding: HU of PixelPaddingValue, or None.
    """

    file: Path
    patient_id: str
    series_uid: str
    study_date: str
    instance: int | None
    position: npt.NDArray[np.float64]
    along_columns: npt.NDArray[np.float64]
    along_rows: npt.NDArray[np.float64]
    mark: Mark
    slice_step: float
    padding: float | None

    def point(self, column: float, row: float) -> npt.NDArray[np.float64]:
        """Centre of a pixel in mm, LPS ``(3,)``; column and row count from 0 (DICOM PS3.3 C.7.6.2.1.1)."""
        return self.position + column * self.along_columns + row * self.along_rows

    @property
    def depth(self) -> float:
        """Position along the slice normal, mm: what slices are ordered by."""
        normal = np.cross(self.along_columns, self.along_rows)
        return float(normal @ self.position / np.linalg.norm(normal))


@dataclass(frozen=True)
class DicomFolder:
    """The CT slices of a folder, by series.

    Attributes:
        folder: Where they are.
        series: Series UID → its slices, ordered along the slice normal.
        ignored: Files that are no CT slice.
    """

    folder: Path
    series: dict[str, list[Slice]]
    ignored: int

    def of_patient(self, patient_id: str) -> list[str]:
        """Series of a patient, by the headers, else by the name of a folder (headers may be anonymised).

        Letter case is ignored: the LUNGx sheet says ``lc001``, its headers ``LC001``.
        """
        wanted = patient_id.casefold()
        named = [uid for uid, slices in self.series.items() if slices[0].patient_id.casefold() == wanted]
        return named or [
            uid
            for uid, slices in self.series.items()
            if wanted in (part.casefold() for part in slices[0].file.relative_to(self.folder).parts[:-1])
        ]

    def path(self, series_uid: str) -> str:
        """The folder of a series relative to ``folder``, as POSIX text."""
        return self.series[series_uid][0].file.parent.relative_to(self.folder).as_posix()


def read_folder(folder: Path, progress: Progress | None = None) -> DicomFolder:
    """Read the headers of every CT slice at any depth below ``folder``.

    Args:
        folder: Any folder structure; file names do not matter.
        progress: Called with files done and files in all.

    Raises:
        InputError: There is no CT slice in it.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "DICOMDIR")
    reader = _reader()
    series: dict[str, list[Slice]] = {}
    ignored = 0
    for number, file in enumerate(files, 1):
        found = _read_slice(file, reader)
        if found is None:
            ignored += 1
        else:
            series.setdefault(found.series_uid, []).append(found)
        if progress is not None:
            progress(number, len(files))
    if not series:
        what = f"none of {len(files):,} files is a CT slice in DICOM"
        raise InputError(Problem(what, "give the folder that holds the images", folder))
    return DicomFolder(
        folder, {uid: sorted(series[uid], key=lambda s: s.depth) for uid in sorted(series)}, ignored
    )


def has_dicom(folder: Path) -> bool:
    """Whether some file below ``folder`` carries the DICOM preamble."""
    return any(is_dicom(path) for path in folder.rglob("*") if path.is_file())


def is_dicom(file: Path) -> bool:
    """Whether a file begins with DICOM's 128 byte preamble and ``DICM``."""
    with file.open("rb") as stream:
        return stream.read(132)[128:] == b"DICM"


def _reader() -> Any:  # noqa: ANN401
    import SimpleITK as sitk

    reader = sitk.ImageFileReader()  # type: ignore[no-untyped-call]
    reader.SetImageIO("GDCMImageIO")  # type: ignore[no-untyped-call]
    return reader


def _read_slice(file: Path, reader: Any) -> Slice | None:  # noqa: ANN401
    """The slice in a file; None if it is no DICOM file, no CT, or a localizer without position."""
    if not is_dicom(file):
        return None
    reader.SetFileName(str(file))
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return None

    def text(tag: str) -> str:
        return reader.GetMetaData(tag).strip(" \0") if reader.HasMetaDataKey(tag) else ""

    value = {name: text(tag) for name, tag in _TAGS.items()}
    if value["modality"] not in _MODALITIES or not all(value[name] for name in _NEEDED):
        return None
    try:
        position, orientation, spacing = (
            np.array([float(part) for part in value[name].split("\\")]) for name in _NEEDED[1:]
        )
        instance = int(value["instance"]) if value["instance"] else None
        along = float(position @ np.cross(orientation[:3], orientation[3:]))
    except ValueError:
        return None
    return Slice(
        file=file,
        patient_id=value["patient_id"],
        series_uid=value["series_uid"],
        study_date=value["study_date"],
        instance=instance,
        position=position,
        # PixelSpacing is the distance between rows, then between columns.
        along_columns=orientation[:3] * spacing[1],
        along_rows=orientation[3:] * spacing[0],
        mark=read_mark(file.name, along, text),
        slice_step=(*reader.GetSpacing(), 1.0)[2],
        padding=_padding(text),
    )


def _padding(text: Callable[[str], str]) -> float | None:
    """HU of PixelPaddingValue (0028,0120), by RescaleSlope and RescaleIntercept."""
    try:
        return float(text("0028|0120")) * float(text("0028|1053") or 1) + float(text("0028|1052") or 0)
    except ValueError:
        return None
