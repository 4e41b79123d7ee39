"""Whether files are DICOM, told by their first bytes; what reads them is `benchmark.imaging.scans`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from benchmark.formats.opening import is_file, opened

HEAD = 132
"""Bytes that tell whether a file is DICOM."""


def begins_like_dicom(head: bytes) -> bool:
    """Whether a file whose first ``HEAD`` bytes are given is DICOM: with its preamble, or with bare elements."""
    bare = re.match(rb"\x08\x00[\x00-\x20]\x00(UL|UI|CS|..\x00\x00)", head, re.DOTALL)
    return head[128:132] == b"DICM" or bare is not None


def dicom_below(folder: Path) -> Iterator[Path]:
    """The DICOM files at any depth below a folder.

    Raises:
        InputError: A file cannot be read.
    """
    for path in folder.rglob("*"):
        if is_file(path):
            with opened(path) as stream:
                head = stream.read(HEAD)
            if begins_like_dicom(head):
                yield path


def has_dicom(folder: Path) -> bool:
    """Whether some file below a folder is DICOM.

    Raises:
        InputError: A file cannot be read.
    """
    return any(True for _ in dicom_below(folder))
