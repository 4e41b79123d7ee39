"""The formats of CT scans; what a file holds is told by its first bytes and not by its name."""

from __future__ import annotations

from pathlib import Path

from benchmark.contracts.scan_paths import check_place, is_folder
from benchmark.errors import InputError, Problem
from benchmark.imaging.scans import dicom, itk_file, nifti
from benchmark.imaging.scans.file_format import HEAD, FileFormat

FORMATS: tuple[FileFormat, ...] = (*nifti.FORMATS, *itk_file.FORMATS, *dicom.FORMATS)
"""Every format that is read. A new one is a reader with its ``FORMATS``, and its name here."""

ENDINGS: tuple[str, ...] = tuple(ending for known in FORMATS for ending in known.endings)
"""Ends of the names of files that can be scans or masks."""

_OTHERS = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x89PNG": "a PNG picture",
    b"\x89HDF": "an HDF5 file",
    b"%PDF": "a PDF",
}


def format_of(path: Path, boundary: Path | None = None) -> FileFormat:
    """The format of a file by its first bytes, or of a folder of slices.

    Args:
        path: The file or folder.
        boundary: Where links in a folder may lead (see ``regular_files_below``).

    Raises:
        InputError: See ``check_place``; or it is of an unknown format, or of another one than its name says.
    """
    check_place(path, boundary)
    if is_folder(path):
        return next(known for known in FORMATS if known.in_folder)
    try:
        with path.open("rb") as stream:
            head = stream.read(HEAD)
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", file=path)) from error
    real = next((known for known in FORMATS if known.recognises(head)), None)
    says = next((known for known in FORMATS if path.name.lower().endswith(known.endings)), None)
    if real is not None and real.in_folder:
        raise InputError(Problem(f"is one {real.title}", "give the folder that holds the series", path))
    if real is None or says not in (None, real):
        found = real.title if real else _OTHERS.get(head[:4], "nothing that is known as a CT image")
        expected = f", not {says.title}" if says else ""
        raise InputError(Problem(f"holds {found}{expected}", "rename or convert it", path))
    return real
