"""NIfTI scans, read slice by slice: a ``.nii.gz`` is decompressed only as far as it is needed."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import Any, cast

import numpy as np
from isal import igzip, isal_zlib

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.file_format import FileFormat
from benchmark.imaging.scans.grid import Grid
from benchmark.imaging.scans.nifti_header import (
    TYPES,
    check_forms_agree,
    check_nifti_shape,
    orientation,
    parse_nifti_header,
)
from benchmark.imaging.scans.scan import ReadOptions, Volume, Voxels, checked_grid, whole_volume

_BLOCK = 1 << 23
"""Bytes of slices that are handed out at once: few enough to stay in the processor's cache."""
_READ = 1 << 20
_COUNTED = 1 << 12
"""Bytes that are read at once where it matters how many there are: of a cut file the last read is lost."""
_CORRUPT: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, cast("type[Exception]", isal_zlib.error))
_GZIP = b"\x1f\x8b"
_Unzipper: Any = igzip.IGzipFile  # its functions carry no types


@dataclass(frozen=True)
class NiftiFile:
    """A NIfTI-1 or NIfTI-2 file whose header was read and checked (see ``ScanFile``)."""

    path: Path
    grid: Grid
    dtype: np.dtype[Any]
    offset: int
    slope: float
    intercept: float
    zipped: bool
    notes: tuple[str, ...]

    def read(self, first: int, last: int) -> Volume:
        """The slices ``first..last``; nothing after them is decompressed."""
        return whole_volume(self, first, last)

    def remarks(self, first: int, last: int) -> tuple[str, ...]:
        """None: values are taken as they are stored."""
        return ()

    def chunks(self, first: int, last: int) -> Iterator[tuple[int, Voxels]]:
        """The slices ``first..last`` a few at a time, in memory that is used again for the next ones.

        Raises:
            InputError: The file is cut short or corrupt.
        """
        nx, ny, nz = self.grid.size
        slice_bytes = nx * ny * self.dtype.itemsize
        count = max(1, _BLOCK // slice_bytes)
        scratch = np.empty((min(count, last - first + 1), ny, nx), self.dtype)
        target = memoryview(cast("Any", scratch)).cast("B")
        end = self.offset + nz * slice_bytes
        with _stream(self.path, self.zipped) as stream:
            if self.zipped:
                _check_length(self.path, end)
            start = self.offset + first * slice_bytes
            done = _skip(stream, start, self.zipped)
            k = first
            while k <= last:
                wanted = min(count - k % count, last + 1 - k)  # no matter what else is read: the same sums
                done += _fill(stream, target[: wanted * slice_bytes]) if done == start else 0
                start += wanted * slice_bytes
                if done < start:
                    raise InputError(_wrong_length(self.path, done, end))
                if start == end:
                    stream.read(1)  # reaching the end makes gzip compare its CRC
                part = scratch[:wanted]
                yield k, part.astype(self.dtype.newbyteorder("=")) if self.dtype.byteorder == ">" else part
                k += wanted


def open_nifti(path: Path, options: ReadOptions, _: Path | None = None) -> NiftiFile:
    """Read and check the header of a NIfTI file.

    Raises:
        InputError: It is cut short, has an impossible size, type, spacing or orientation.
    """
    with path.open("rb") as probe:
        zipped = probe.read(2) == _GZIP
    with _stream(path, zipped) as stream:
        head = stream.read(540)
    header = parse_nifti_header(path, head, zipped)
    check_nifti_shape(path, header)
    matrix, origin, notes = orientation(path, header, options)
    grid = checked_grid(path, header.size[:3], matrix, origin, options.orthonormalize)
    check_forms_agree(path, header)
    dtype = np.dtype(header.swap + TYPES[header.datatype])
    needed = header.offset + int(np.prod(grid.size)) * dtype.itemsize
    if not zipped and path.stat().st_size != needed:
        raise InputError(_wrong_length(path, path.stat().st_size, needed))
    slope, intercept = header.slope, header.intercept
    if slope < 0 and np.isfinite(slope):
        what = f"has the scl_slope {slope:g}: its bright voxels would be dark"
        raise InputError(Problem(what, "export the scan again in HU", path))
    if slope != 0 and np.isfinite(slope) and not np.isfinite(intercept):
        what = f"has the scl_slope {slope:g} and the scl_inter {intercept:g}"
        raise InputError(Problem(what, "export the scan again in HU", path))
    if slope == 0 or not np.isfinite(slope):
        notes = (*notes, f"scl_slope is {slope:g}: stored values used")
        slope, intercept = 1.0, 0.0
    return NiftiFile(path, grid, dtype, header.offset, slope, intercept, zipped, notes)


@contextmanager
def _stream(path: Path, zipped: bool) -> Iterator[BufferedIOBase]:
    """The uncompressed bytes; what goes wrong while reading them names the file."""
    try:
        with path.open("rb") as raw:
            if not zipped:
                yield raw
            else:
                with _Unzipper(fileobj=raw, mode="rb") as stream:
                    yield stream
    except _CORRUPT as error:
        what = "is cut short" if isinstance(error, EOFError) else f"is corrupt: {error}"
        raise InputError(Problem(what, "fetch it again", path)) from error


def _skip(stream: BufferedIOBase, count: int, zipped: bool) -> int:
    if not zipped:
        return stream.seek(count)
    scratch = memoryview(bytearray(min(_BLOCK, max(count, 1))))
    done = 0
    while done < count:
        got = _fill(stream, scratch[: min(len(scratch), count - done)])
        done += got
        if got == 0:
            break
    return done


def _fill(stream: BufferedIOBase, target: memoryview, step: int = _READ) -> int:
    """Read until ``target`` is full or the stream ends; a cut gzip stream counts as its end."""
    done = 0
    while done < len(target):
        try:
            got = stream.readinto(target[done : done + step])
        except EOFError:
            break
        if not got:
            break
        done += got
    return done


def _check_length(path: Path, expected: int) -> None:
    """Find a file that is truncated or does not fit its header before its end is reached.

    A gzip file ends with the length of its (last) member. Only where that is not the expected one the whole file
    is decompressed, to tell a file of several members or with zeros behind them from a wrong one.
    """
    with path.open("rb") as stream:
        stream.seek(-4, 2)
        (length,) = struct.unpack("<I", stream.read(4))
    if length == expected % 2**32:
        return
    done, scratch = 0, memoryview(bytearray(_READ))
    with _stream(path, zipped=True) as unzipped:
        while done <= expected and (got := _fill(unzipped, scratch, step=_COUNTED)):
            done += got
    if done != expected:
        raise InputError(_wrong_length(path, done, expected))


def _wrong_length(path: Path, found: int, expected: int) -> Problem:
    word = "is cut short" if found < expected else "does not fit its header"
    return Problem(f"{word}: {found} of {expected} bytes of image data", "fetch it again", path)


_LENGTHS = (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c")
"""Of a NIfTI-1 header, 348, and of a NIfTI-2 header, 540, in both byte orders."""

FORMATS = (
    FileFormat("gzip data", (".nii.gz",), lambda head: head[:2] == _GZIP, open_nifti),
    FileFormat("an uncompressed NIfTI image", (".nii",), lambda head: head[:4] in _LENGTHS, open_nifti),
)
