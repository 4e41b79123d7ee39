"""NumPy's arrays, alone (``.npy``) or in an archive (``.npz``), never pickled ones."""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import opened, refusing, require_regular
from benchmark.redaction import note_values

LARGEST: Final = 2**30
"""Bytes of the arrays of an archive once unpacked, and of an array that is read into memory."""
MOST_ARRAYS: Final = 10_000
_FIX: Final = "make it again"
_LAST_CHARACTER: Final = 0x10FFFF


def read_npy(path: Path | str, *, mapped: bool = False) -> npt.NDArray[Any]:
    """The array of a ``.npy`` file.

    Args:
        path: The file.
        mapped: Map the file instead of reading it into memory; it may then be of any size.

    Raises:
        InputError: It is missing, no such file, cut short or longer than its array, or holds Python objects.
    """
    path = require_regular(path, None if mapped else LARGEST)
    with refusing(path, "is no NumPy array", _FIX):
        with opened(path) as stream:
            size = _declared(stream, path)
            there = path.stat().st_size - stream.tell()
        if size != there:
            what = f"its array has {size:,} bytes, the file {there:,} for it"
            raise InputError(Problem(what, _FIX, path))
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        _require_text(array, path)
        return array


def read_npz(path: Path | str) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a ``.npz`` file by their names.

    Raises:
        InputError: It is missing, no such archive, damaged, too large once unpacked, or holds Python objects.
    """
    path = require_regular(path, LARGEST)
    arrays: dict[str, npt.NDArray[Any]] = {}
    with refusing(path, "is no archive of NumPy arrays", _FIX), zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
        if len(parts) > MOST_ARRAYS or sum(part.file_size for part in parts) > LARGEST:
            what = f"unpacks to more than {LARGEST >> 20} MiB or {MOST_ARRAYS:,} arrays"
            raise InputError(Problem(what, _FIX, path))
        for part in parts:
            name = part.filename.removesuffix(".npy")
            if name in arrays:
                raise InputError(Problem("stands twice", _FIX, path, column=name[:80]))
            with archive.open(part) as stream:
                size = _declared(stream, path)
                data = stream.read()
            if size != len(data):
                what = f"its array has {size:,} bytes, its part {len(data):,} for it"
                raise InputError(Problem(what, _FIX, path, column=name[:80]))
            with archive.open(part) as stream:
                arrays[name] = np.lib.format.read_array(stream, allow_pickle=False)
            _require_text(arrays[name], path, name[:80])
    note_values({name: array.tolist() for name, array in arrays.items() if array.dtype.kind in "SU"})
    return arrays


def _declared(stream: BinaryIO | Any, path: Path) -> int:  # noqa: ANN401 (a part of an archive)
    """Bytes of the array whose header begins here; the stream stands behind the header afterwards."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"format {version} is not known")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    if dtype.hasobject:
        raise InputError(Problem("holds Python objects, which can run code when they are read", _FIX, path))
    if any(length < 0 for length in shape):
        raise ValueError(f"a side of {min(shape)}")
    return math.prod(shape) * dtype.itemsize


def _require_text(array: npt.NDArray[Any], path: Path, name: str | None = None) -> None:
    """Refuse texts that are none: numbers beyond Unicode, on which Python stops, and halves of characters."""
    for field in array.dtype.names or ():
        _require_text(array[field], path, name)
    if array.dtype.kind == "U" and array.dtype.itemsize:
        codes = np.ascontiguousarray(array).reshape(-1).view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if (codes > _LAST_CHARACTER).any() or ((codes >= 0xD800) & (codes <= 0xDFFF)).any():
            raise InputError(Problem("holds what is no text", _FIX, path, column=name))
