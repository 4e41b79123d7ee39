"""DICOM's series UIDs in a nodule table."""

from __future__ import annotations

import re

import pandas as pd

from benchmark.contracts.text import TEXT

_UID = re.compile(r"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){5,}")
"""A UID as DICOM writes it (PS3.5, 9.1), of six parts or more: a version or a date has fewer."""
_ENDINGS = re.compile(r"\.(?:nii|nii\.gz|mha|mhd|nrrd|nhdr|dcm)$", re.IGNORECASE)


def is_dicom_uid(text: str) -> bool:
    """Whether a text is a DICOM UID."""
    return len(text) <= 64 and _UID.fullmatch(text) is not None


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
    return next((part for part in reversed(parts) if is_dicom_uid(part)), "")
