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
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from clip_nodule.grid import Grid
from clip_nodule.volume import ReadOptions, Volume, check_hu, checked_grid

_TYPES = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
_NO_SCALARS = {
    1: "1-bit",
    32: "complex",
    128: "RGB",
    1536: "float128",
    1792: "complex",
    2048: "complex",
    2304: "RGBA",
}
_RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0])
_BLOCK = 1 << 20
_CORRUPT: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error, cast("type[Exception]", isal_zlib.error))
_Unzipper: Any = igzip.IGzipFile  # its functions carry no types


@dataclass(frozen=True)
class _Header:
    swap: str
    size: tuple[int, ...]
    datatype: int
    offset: int
    pixdim: NDArray[np.float64]
    slope: float
    intercept: float
    units: int
    qform_code: int
    sform_code: int
    quaternion: NDArray[np.float64]
    quaternion_offset: NDArray[np.float64]
    sform: NDArray[np.float64]


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
        """The slices ``first..last``; nothing after them is decompressed.

        Raises:
            InputError: The file is cut short or corrupt, or its values cannot be HU.
        """
        nx, ny, nz = self.grid.size
        slice_bytes = nx * ny * self.dtype.itemsize
        voxels = np.empty((last - first + 1, ny, nx), self.dtype)
        with _stream(self.path, self.zipped) as stream:
            if self.zipped:
                _check_length(self.path, self.offset + nz * slice_bytes)
            start = self.offset + first * slice_bytes
            done = _skip(stream, start, self.zipped)
            if done == start:
                done += _fill(stream, memoryview(cast("Any", voxels)).cast("B"))
            if last == nz - 1 and done == start + voxels.nbytes:
                stream.read(1)  # reaching the end makes gzip compare its CRC
        if done < start + voxels.nbytes:
            raise InputError(_cut_short(self.path, done, self.offset + nz * slice_bytes))
        if self.dtype.byteorder == ">":
            voxels = voxels.byteswap(inplace=True).view(self.dtype.newbyteorder("="))
        check_hu(self.path, voxels, self.slope, self.intercept)
        return Volume(self.grid, voxels, first, self.slope, self.intercept, self.notes)


def open_nifti(path: Path, options: ReadOptions) -> NiftiFile:
    """Read and check the header of a NIfTI file.

    Raises:
        InputError: It is cut short, has an impossible size, type, spacing or orientation.
    """
    with path.open("rb") as probe:
        zipped = probe.read(2) == b"\x1f\x8b"
    with _stream(path, zipped) as stream:
        head = stream.read(540)
    header = _parse(path, head, zipped)
    _check_shape(path, header)
    matrix, origin, notes = _orientation(path, header, options)
    grid = checked_grid(path, header.size[:3], matrix, origin, options.orthonormalize)
    dtype = np.dtype(header.swap + _TYPES[header.datatype])
    needed = header.offset + int(np.prod(grid.size)) * dtype.itemsize
    if not zipped and path.stat().st_size < needed:
        raise InputError(_cut_short(path, path.stat().st_size, needed))
    slope, intercept = header.slope, header.intercept
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        notes = (*notes, f"scl_slope is {slope:g}: stored values used")
        slope, intercept = 1.0, 0.0
    return NiftiFile(path, grid, dtype, header.offset, slope, intercept, zipped, notes)


def _parse(path: Path, head: bytes, zipped: bool) -> _Header:
    if len(head) < 348:
        raise InputError(Problem(f"is cut short: {len(head)} of 348 bytes of header", "fetch it again", path))
    for swap in "<>":
        (length,) = struct.unpack_from(swap + "i", head)
        if length == 348 and head[344:348] == b"n+1\0":
            return _nifti1(head, swap)
        if length == 540 and len(head) >= 540 and head[4:8] == b"n+2\0":
            return _nifti2(head, swap)
    if head[344:348] == b"ni1\0":
        raise InputError(Problem("is a NIfTI pair (.hdr and .img)", "convert it to one .nii.gz", path))
    what = "holds no NIfTI image" + (" inside the gzip data" if zipped else "")
    raise InputError(Problem(what, "convert the scan to NIfTI", path))


def _nifti1(head: bytes, swap: str) -> _Header:
    def take(form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(swap + form, head, at)

    offset, slope, intercept = take("3f", 108)
    qform_code, sform_code = take("2h", 252)
    return _Header(
        swap=swap,
        size=_size(take("8h", 40)),
        datatype=take("h", 70)[0],
        offset=_offset(offset),
        pixdim=np.array(take("8f", 76), float),
        slope=slope,
        intercept=intercept,
        units=head[123] & 7,
        qform_code=qform_code,
        sform_code=sform_code,
        quaternion=np.array(take("3f", 256), float),
        quaternion_offset=np.array(take("3f", 268), float),
        sform=np.array(take("12f", 280), float).reshape(3, 4),
    )


def _nifti2(head: bytes, swap: str) -> _Header:
    def take(form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(swap + form, head, at)

    slope, intercept = take("2d", 176)
    qform_code, sform_code = take("2i", 344)
    return _Header(
        swap=swap,
        size=_size(take("8q", 16)),
        datatype=take("h", 12)[0],
        offset=_offset(take("q", 168)[0]),
        pixdim=np.array(take("8d", 104), float),
        slope=slope,
        intercept=intercept,
        units=take("i", 500)[0] & 7,
        qform_code=qform_code,
        sform_code=sform_code,
        quaternion=np.array(take("3d", 352), float),
        quaternion_offset=np.array(take("3d", 376), float),
        sform=np.array(take("12d", 400), float).reshape(3, 4),
    )


def _size(dim: tuple[int, ...]) -> tuple[int, ...]:
    if not 1 <= dim[0] <= 7:
        return ()
    size = list(dim[1 : dim[0] + 1])
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    return tuple(size)


def _offset(value: float) -> int:
    return int(value) if np.isfinite(value) and 0 <= value < 2**31 else -1


def _check_shape(path: Path, header: _Header) -> None:
    problems = []
    if len(header.size) != 3:
        shape = " x ".join(map(str, header.size)) or "unknown"
        problems.append(Problem(f"has the shape {shape}", "a 3-D scan is needed", path))
    if header.datatype not in _TYPES:
        name = _NO_SCALARS.get(header.datatype, f"type {header.datatype}")
        problems.append(Problem(f"holds {name} voxels", "a scan of single numbers in HU is needed", path))
    if header.offset < 348:
        problems.append(Problem("has an impossible vox_offset", "fetch or convert it again", path))
    if header.units in (1, 3):
        unit = {1: "metres", 3: "micrometres"}[header.units]
        problems.append(Problem(f"gives its spacing in {unit}", "convert it to millimetres", path))
    if problems:
        raise InputError(problems)


def _orientation(
    path: Path, header: _Header, options: ReadOptions
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """The LPS matrix and origin: the sform if it is set, else the qform."""
    qform = _qform(header)
    if header.sform_code <= 0 and header.qform_code <= 0:
        if not options.assume_orientation:
            what = "says nothing about its orientation (qform_code and sform_code are 0)"
            raise InputError(
                Problem(what, "--assume-orientation takes its axes as right, anterior, superior", path)
            )
        matrix = _RAS_TO_LPS @ np.diag(header.pixdim[1:4])
        return matrix, np.zeros(3), ("orientation assumed",)
    if header.sform_code > 0 and header.qform_code > 0:
        codes = axis_codes(header.sform[:, :3]), axis_codes(qform[:, :3])
        if codes[0] != codes[1]:
            what = f"sform ({codes[0]}) and qform ({codes[1]}) disagree about the orientation"
            raise InputError(Problem(what, "find out which is right and write the file again", path))
    chosen = header.sform if header.sform_code > 0 else qform
    return _RAS_TO_LPS @ chosen[:, :3], _RAS_TO_LPS @ chosen[:, 3], ()


def _qform(header: _Header) -> NDArray[np.float64]:
    """The ``[3, 4]`` RAS matrix of the quaternion (NIfTI-1 standard, method 2)."""
    b, c, d = header.quaternion
    a = np.sqrt(max(0.0, 1.0 - (b * b + c * c + d * d)))
    rotation = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    steps = header.pixdim[1:4] * [1, 1, -1 if header.pixdim[0] < 0 else 1]
    return np.column_stack([rotation * steps, header.quaternion_offset])


def axis_codes(matrix: NDArray[np.float64]) -> str:
    """Where the index axes of a RAS matrix run, e.g. ``LPS``; ``?`` where they run nowhere."""
    codes = ""
    for column in matrix.T:
        axis = int(np.abs(column).argmax())
        codes += (
            "?"
            if not np.isfinite(column).all() or column[axis] == 0
            else ("LR", "PA", "IS")[axis][int(column[axis] > 0)]
        )
    return codes


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


def _fill(stream: BufferedIOBase, target: memoryview) -> int:
    """Read until ``target`` is full or the stream ends; a cut gzip stream counts as its end."""
    done = 0
    while done < len(target):
        try:
            got = stream.readinto(target[done : done + 4 * _BLOCK])
        except EOFError:
            break
        if not got:
            break
        done += got
    return done


def _check_length(path: Path, expected: int) -> None:
    """Find a truncated file before its missing end is reached.

    A gzip file ends with the length of its (last) member. Only where that is not the expected one the whole file
    is decompressed, to tell a file of several members or with trailing bytes from a cut one.
    """
    with path.open("rb") as stream:
        stream.seek(-4, 2)
        (length,) = struct.unpack("<I", stream.read(4))
    if length == expected % 2**32:
        return
    scratch, done = memoryview(bytearray(_BLOCK)), 0
    with _stream(path, zipped=True) as unzipped:
        while done < expected:
            got = _fill(unzipped, scratch)
            done += got
            if got == 0:
                raise InputError(_cut_short(path, done, expected))


def _cut_short(path: Path, found: int, expected: int) -> Problem:
    return Problem(f"is cut short: {found} of {expected} bytes of image data", "fetch it again", path)
