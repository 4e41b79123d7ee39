"""Whether a DICOM slice says what a CT slice must say, and its pixels are those that its header describes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from benchmark.errors import Problem
from benchmark.imaging.scans.dicom_elements import outline
from benchmark.imaging.scans.simple_itk import ItkReader

MAX_EDGE = 4096
"""Rows and columns of a slice; a CT has 512 to 2048, and what is compressed can claim any number."""
SKEW = 0.05
"""Deviation of a slice's directions from square unit vectors that no rounding explains."""
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_JPEG: Final = "1.2.840.10008.1.2.4."
_NOT_DECODED: Final = {
    tuple(f"{_JPEG}{number}" for number in ("94", "95", "204", "205")): "JPIP, which lie on a server",
    (f"{_JPEG}10",): "MPEG video",
    (f"{_JPEG}11",): "JPEG XL",
    ("1.2.840.10008.1.2.7",): "SMPTE video",
}
"""How transfer syntaxes begin that GDCM does not decode (DICOM PS3.6, table A-1) → what they are."""


def compression_problem(path: Path, syntax: str) -> Problem | None:
    """What is wrong with a file whose pixels GDCM does not decompress; None if it knows the transfer syntax."""
    name = next((name for begins, name in _NOT_DECODED.items() if syntax.startswith(begins)), None)
    if name is None:
        return None
    what = f"has pixels in {name} (transfer syntax {syntax}), which cannot be read here"
    return Problem(what, "decompress it with a program that can, or fetch it uncompressed", path)


def slice_problems(path: Path, reader: ItkReader) -> list[Problem]:
    """Why a file cannot be a slice of a CT in HU; none if it can."""
    problems = []

    def refuse(what: str, fix: str = "") -> None:
        problems.append(Problem(what, fix, path))

    if _whole(tag_text(reader, "0028|0008"), 1) != 1 or reader.GetSize()[2:] not in ((), (1,)):
        refuse("is an enhanced multi-frame file", "convert the series to NIfTI or to one file a slice")
    if tag_text(reader, "0008|0016").startswith(_SECONDARY_CAPTURE):
        refuse("is a secondary capture", "export the original CT series")
    if _whole(tag_text(reader, "0028|0002"), 1) != 1:
        refuse("holds colour pixels", "a CT in HU is needed")
    if max(reader.GetSize()[:2]) > MAX_EDGE:
        shape = " x ".join(map(str, reader.GetSize()[:2]))
        refuse(f"has {shape} pixels, more than {MAX_EDGE} x {MAX_EDGE}", "fetch it again")
    if tag_text(reader, "0028|0004") == "MONOCHROME1":
        refuse("is MONOCHROME1, which no CT is", "export the series again")
    for tag, name, count in (
        ("0020|0032", "ImagePositionPatient", 3),
        ("0020|0037", "ImageOrientationPatient", 6),
        ("0028|0030", "PixelSpacing", 2),
        ("0028|1052", "RescaleIntercept", 1),
        ("0028|1053", "RescaleSlope", 1),
    ):
        numbers = tag_numbers(tag_text(reader, tag))
        if len(numbers) != count or not np.isfinite(numbers).all():
            refuse(f"has no usable {name}", "export the series again with its geometry and HU")
        elif (name == "PixelSpacing" and min(numbers) <= 0) or (name == "RescaleSlope" and numbers[0] <= 0):
            refuse(f"has no usable {name} ({tag_text(reader, tag)})", "export the series again")
        elif name == "ImageOrientationPatient" and _skew(numbers) > SKEW:
            refuse(
                f"has no usable {name} ({tag_text(reader, tag)})",
                "its two directions must be square unit vectors",
            )
    return problems or stored_pixel_problems(path, reader)


def stored_pixel_problems(path: Path, reader: ItkReader) -> list[Problem]:
    """Why the pixels of a slice cannot be those that its header describes; none if they can."""
    problems = []
    allocated, sign = _whole(tag_text(reader, "0028|0100"), 16), _whole(tag_text(reader, "0028|0103"), 0)
    if allocated not in (8, 16, 32):
        problems.append(Problem(f"has {allocated} BitsAllocated, which are none of a CT", "fetch it again", path))
    if sign not in (0, 1):
        problems.append(Problem(f"has the PixelRepresentation {sign}", "it is 0 or 1; fetch it again", path))
    columns, rows = reader.GetSize()[:2]
    needed = rows * columns * allocated // 8
    found = outline(path).pixel_bytes
    if problems or found is None:
        return problems
    if found < needed:
        return [Problem(f"is cut short: {found} of {needed} bytes of pixel data", "fetch it again", path)]
    # less than one line of pixels is padding; from one on, the numbers of rows and columns are others
    if found - needed >= min(rows, columns) * allocated // 8:
        what = f"holds {found} bytes of pixel data, {rows} rows of {columns} pixels take {needed}"
        return [Problem(what, "its Rows or Columns are wrong; fetch it again", path)]
    return []


def _whole(text: str, default: int) -> int:
    """A whole number of a header; the default where it says nothing, and -1 where it is none."""
    return int(text) if text.isascii() and text.isdigit() else -1 if text else default


def _skew(numbers: list[float]) -> float:
    """How far the two directions of a slice are from square unit vectors."""
    row, column = np.reshape(numbers, (2, 3))
    return float(np.abs([row @ row - 1, column @ column - 1, row @ column]).max())


def tag_text(reader: ItkReader, tag: str) -> str:
    """What an element holds, such as that of the tag ``0028|0030``; empty where there is none."""
    return str(reader.GetMetaData(tag)).strip(" \0") if reader.HasMetaDataKey(tag) else ""


def tag_numbers(text: str) -> list[float]:
    """Numbers of an element with backslashes between them; none where one of them is no number."""
    try:
        return [float(part) for part in text.split("\\")]
    except ValueError:
        return []
