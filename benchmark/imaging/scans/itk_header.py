"""Text headers of MetaImage and NRRD, checked before SimpleITK sees a file: at some it ends the process."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.grid import MAX_VOXELS

Kind = Literal["meta", "nrrd"]
MOST_BYTES = 1 << 20
"""Of a header; ITK writes some hundred."""
SPACES = {
    "left-posterior-superior", "lps", "right-anterior-superior", "ras", "left-anterior-superior", "las",
}  # fmt: skip
"""Frames of an NRRD file that ITK turns into LPS; it takes all others for LPS."""
PACKED = {"gz", "gzip"}
_LINE = 4096
_TYPES = {
    "meta": {f"MET_{name}" for name in ("CHAR", "SHORT", "INT", "LONG", "LONG_LONG", "FLOAT", "DOUBLE")}
    | {f"MET_U{name}" for name in ("CHAR", "SHORT", "INT", "LONG", "LONG_LONG")},
    "nrrd": {"float", "double", "uchar", "ushort", "uint", "ulonglong"}
    | {f"{sign}int{bits}{end}" for sign in ("", "u") for bits in (8, 16, 32, 64) for end in ("", "_t")}
    | {f"{sign}char" for sign in ("signed ", "unsigned ")}
    | {
        f"{sign}{name}"
        for sign in ("", "signed ", "unsigned ")
        for name in ("short", "short int", "int", "longlong", "long long", "long long int")
    },
}
_NUMBERS = {
    "Offset": 3, "Position": 3, "Origin": 3, "TransformMatrix": 9, "Rotation": 9, "Orientation": 9,
    "ElementSpacing": 3, "ElementSize": 3, "CenterOfRotation": 3,
}  # fmt: skip
"""How many numbers a field of a MetaImage holds."""
_EXPECTED = {
    "ObjectType": ("Image",),
    "BinaryData": ("True", "T", "1", "true"),
    "ElementToIntensityFunctionSlope": ("1",),
    "ElementToIntensityFunctionOffset": ("0",),
    "DistanceUnits": ("mm", "?"),
}
"""The only values of a MetaImage's fields that mean what is read."""
_ALIASES = {"datafile": "data file", "byteskip": "byte skip", "lineskip": "line skip"}
_NRRD_KINDS = {"domain", "space", "none", "???"}
_VECTOR = re.compile(r"\(([^()]*)\)")


@dataclass(frozen=True)
class TextHeader:
    """What a header says.

    Attributes:
        path: Its file.
        kind: Which format it is of.
        fields: Its fields; the names of NRRD's in lower case.
        length: Bytes that it takes.
    """

    path: Path
    kind: Kind
    fields: dict[str, str]
    length: int


def read_header(path: Path) -> TextHeader:
    """The text header (``key = value`` or ``key: value``) of a file.

    Raises:
        InputError: It is no such text, or says one thing twice.
    """
    with path.open("rb") as stream:
        kind: Kind = "nrrd" if stream.readline(64).startswith(b"NRRD") else "meta"
        if kind == "meta":
            stream.seek(0)
        separator = "=" if kind == "meta" else ":"
        fields: dict[str, str] = {}
        for line in iter(lambda: stream.readline(_LINE), b""):
            text = line.decode("latin-1")
            if not text.strip():
                break
            if kind == "nrrd" and (text.startswith("#") or ":=" in text):
                continue
            key, found, value = text.partition(separator)
            key, value = key.strip(), value.strip()
            if kind == "nrrd":
                key = _ALIASES.get(key.lower(), key.lower())
            # MetaIO takes a colon for an equals sign too, and would see fields that are not seen here
            if not found or (kind == "meta" and ":" in key) or "\0" in text or stream.tell() > MOST_BYTES:
                form = "key = value" if kind == "meta" else "key: value"
                what = f"has a header line that is not {form!r}: {text.strip()[:60]!r}"
                raise InputError(Problem(what, "fetch it again", path))
            if fields.get(key, value) != value:
                what = f"says twice what its {key} is: {fields[key][:60]!r} and {value[:60]!r}"
                raise InputError(Problem(what, "find out which is right and write the file again", path))
            fields[key] = value
            if key == "ElementDataFile" or (key == "data file" and value.startswith("LIST")):
                break
        return TextHeader(path, kind, fields, stream.tell())


def check_header(header: TextHeader) -> None:
    """Refuse a header that is none of a 3-D scan of single numbers, or that is damaged.

    Raises:
        InputError: Names all that is wrong.
    """
    problems: list[Problem] = []

    def refuse(what: str, fix: str = "fetch it again") -> None:
        problems.append(Problem(what, fix, header.path))

    fields, meta = header.fields, header.kind == "meta"
    dimensions, sizes, type_ = ("NDims", "DimSize", "ElementType") if meta else ("dimension", "sizes", "type")
    missing = [name for name in (dimensions, sizes, type_, *(() if meta else ("encoding",))) if name not in fields]
    if missing:
        raise InputError(Problem(f"has a header without {' and '.join(missing)}", "fetch it again", header.path))
    if fields[dimensions] != "3":
        refuse(f"has the {dimensions} {fields[dimensions][:40]!r}", "a 3-D scan is needed")
    else:
        size = _numbers(fields[sizes].split(), int)
        if len(size) != 3 or min(size) < 1:
            refuse(f"has the {sizes} {fields[sizes][:60]!r}", "three whole numbers above 0 are needed")
        elif math.prod(size) > MAX_VOXELS:
            refuse(f"has {' x '.join(map(str, size))} voxels, more than {MAX_VOXELS}")
    if (fields[type_] if meta else fields[type_].lower()) not in _TYPES[header.kind]:
        refuse(f"holds voxels of the type {fields[type_][:40]!r}", "a scan of single numbers in HU is needed")
    (_check_metaimage if meta else _check_nrrd)(fields, refuse)
    if problems:
        raise InputError(problems)


def _check_metaimage(fields: dict[str, str], refuse: Callable[..., None]) -> None:
    if fields.get("ElementNumberOfChannels", "1") != "1":
        refuse("holds vector voxels", "a scan of single numbers in HU is needed")
    for name, values in _EXPECTED.items():
        said = fields.get(name, values[0])
        number = _numbers([said], float)
        if said not in values and not (number and number == _numbers([values[0]], float)):
            refuse(f"has the {name} {said[:40]!r}", f"only {values[0]} is read; write it again")
    for name, count in _NUMBERS.items():
        if name in fields and len(_numbers(fields[name].split(), float)) != count:
            refuse(f"has the {name} {fields[name][:60]!r}", f"{count} numbers are needed")
    for name, least in (("HeaderSize", -1), ("CompressedDataSize", 0)):
        _check_count(fields, name, least, refuse)


def _check_nrrd(fields: dict[str, str], refuse: Callable[..., None]) -> None:
    space = fields.get("space", "lps").lower()
    if space not in SPACES:
        refuse(f"lies in the space {space[:40]!r}", "write it in left-posterior-superior")
    if fields["encoding"].lower() not in {"raw", *PACKED}:
        refuse(f"has the encoding {fields['encoding'][:40]!r}", "write it with the encoding raw or gzip")
    if fields.get("endian", "little").lower() not in ("little", "big"):
        refuse(f"has the endian {fields['endian'][:40]!r}", "it is little or big")
    kinds = fields.get("kinds", "").lower().split()
    if set(kinds) - _NRRD_KINDS or len(kinds) not in (0, 3):
        refuse(f"has axes of the kinds {fields['kinds'][:60]!r}", "three axes in space are needed")
    for name, count in (("space directions", 3), ("space origin", 1)):
        text = fields.get(name)
        vectors = [_numbers(part.split(","), float) for part in _VECTOR.findall(text or "")]
        if text is not None and (_VECTOR.sub("", text).strip() or [len(v) for v in vectors] != [3] * count):
            refuse(f"has the {name} {text[:80]!r}", f"{count} x (x, y, z) is needed")
    units = set(re.findall(r'"([^"]*)"', fields.get("space units", "")))
    if units - {"mm", "millimeter", "millimeters", "millimetre", "millimetres", ""}:
        refuse(f"gives its spacing in {' and '.join(sorted(units))[:40]}", "convert it to millimetres")
    for name, least in (("byte skip", -1), ("line skip", 0)):
        _check_count(fields, name, least, refuse)


def _check_count(fields: dict[str, str], name: str, least: int, refuse: Callable[..., None]) -> None:
    count = _numbers([fields.get(name) or "0"], int)
    if not count or not least <= count[0] < 2**62:
        refuse(f"has the {name} {fields[name][:40]!r}", f"a whole number from {least} on is needed")


def _numbers(parts: Iterable[str], kind: Callable[[str], float]) -> list[float]:
    """Finite numbers in plain digits; none if some part is no number."""
    try:
        numbers = [kind(part) for part in parts if "_" not in part and len(part) <= 40]
        return numbers if all(map(math.isfinite, numbers)) and len(numbers) == len(list(parts)) else []
    except (ValueError, OverflowError):
        return []
