"""DICOM's series UIDs in a nodule table."""

from __future__ import annotations

import re
from typing import Final

import pandas as pd

from benchmark.contracts.text import TEXT

_LONGEST_UID: Final = 64
_PART: Final = r"(?:0|[1-9][0-9]*)"
_UID: Final = re.compile(rf"{_PART}(?:\.{_PART}){{2,}}")
_FEWEST_PARTS: Final = 6
_LONG_PART: Final = re.compile(r"[0-9]{20}")
_ENDINGS = re.compile(r"\.(?:nii|nii\.gz|mha|mhd|nrrd|nhdr|dcm)$", re.IGNORECASE)


def is_dicom_uid(cell: object) -> bool:
    """Whether a cell is written as a DICOM UID (PS3.5, 9.1), of three parts or more, so that it may name a folder.

    Example:
        >>> is_dicom_uid("1.3.882780095853171933678762658989527481644980362275"), is_dicom_uid("1.2.3.4/..")
        (True, False)
    """
    return isinstance(cell, str) and len(cell) <= _LONGEST_UID and _UID.fullmatch(cell) is not None


def is_surely_uid(cell: object) -> bool:
    """Whether a cell that may be anything is a DICOM UID: a version or a date has fewer parts and no long one.

    Of fewer than six parts are those made from a UUID (PS3.5, B.2) and LUNGx's series.

    Example:
        >>> is_surely_uid("1.2.840.113654.2.55.1"), is_surely_uid("2.25.329800735698586629295641978511506172918")
        (True, True)
        >>> is_surely_uid("2024.1.2")
        False
    """
    if not is_dicom_uid(cell):
        return False
    return str(cell).count(".") + 1 >= _FEWEST_PARTS or _LONG_PART.search(str(cell)) is not None


def series_uids(nodules: pd.DataFrame) -> pd.Series[str]:
    """The series of each row: its ``scan_id`` if that is a UID, else the last UID in its path; else empty."""
    found = pd.Series("", index=nodules.index, dtype=TEXT)
    for column in ("image_path", "scan_id"):
        if column in nodules:
            named = nodules[column].fillna("").astype(str).map(_uid_of).astype(TEXT)
            found = found.mask(named != "", named)
    return found


def _uid_of(text: str) -> str:
    parts = [_ENDINGS.sub("", part) for part in text.replace("\\", "/").split("/")]
    return next((part for part in reversed(parts) if is_surely_uid(part)), "")
