"""Headers of NIfTI-1 and NIfTI-2 files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.scan import ReadOptions

TYPES = {
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

FORMS_APART = 0.5
"""Voxels along an axis by which sform and qform may place a corner voxel differently: beyond it two readers of one
file no longer mean the same voxel."""


@dataclass(frozen=True)
class NiftiHeader:
    """What a header says; ``swap`` is the byte order, the forms are ``[3, 4]`` in RAS."""

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


def parse_nifti_header(path: Path, head: bytes, zipped: bool) -> NiftiHeader:
    """Read a header from the first 540 bytes of a file.

    Raises:
        InputError: They hold none.
    """
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


def _nifti1(head: bytes, swap: str) -> NiftiHeader:
    def take(form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(swap + form, head, at)

    offset, slope, intercept = take("3f", 108)
    qform_code, sform_code = take("2h", 252)
    return NiftiHeader(
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


def _nifti2(head: bytes, swap: str) -> NiftiHeader:
    def take(form: str, at: int) -> tuple[Any, ...]:
        return struct.unpack_from(swap + form, head, at)

    slope, intercept = take("2d", 176)
    qform_code, sform_code = take("2i", 344)
    return NiftiHeader(
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


def check_nifti_shape(path: Path, header: NiftiHeader) -> None:
    """Refuse what is no 3-D scan of single numbers with a spacing in mm.

    Raises:
        InputError: Names all that is wrong.
    """
    problems = []
    if len(header.size) != 3:
        shape = " x ".join(map(str, header.size)) or "unknown"
        problems.append(Problem(f"has the shape {shape}", "a 3-D scan is needed", path))
    if header.datatype not in TYPES:
        name = _NO_SCALARS.get(header.datatype, f"type {header.datatype}")
        problems.append(Problem(f"holds {name} voxels", "a scan of single numbers in HU is needed", path))
    if header.offset < 348:
        problems.append(Problem("has an impossible vox_offset", "fetch or convert it again", path))
    if header.units in (1, 3):
        unit = {1: "metres", 3: "micrometres"}[header.units]
        problems.append(Problem(f"gives its spacing in {unit}", "convert it to millimetres", path))
    if (header.pixdim[1:4] < 0).any():
        steps = " x ".join(f"{step:g}" for step in header.pixdim[1:4])
        problems.append(Problem(f"has a negative spacing ({steps})", "fetch or convert it again", path))
    if problems:
        raise InputError(problems)


def orientation(
    path: Path, header: NiftiHeader, options: ReadOptions
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[str, ...]]:
    """The LPS matrix and origin: the sform if it is set, else the qform; and what was assumed.

    Raises:
        InputError: Neither is set, or they disagree about the axes.
    """
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


def check_forms_agree(path: Path, header: NiftiHeader) -> None:
    """Refuse a file whose sform and qform, both set, place a corner voxel differently: readers take either.

    Where the sform is set alone, ITK takes the distance of voxels from pixdim, and others from the sform.

    Raises:
        InputError: They differ by more than ``FORMS_APART``; names the worst corner and both its places, or both
            distances.
    """
    if header.sform_code <= 0:
        return
    if header.qform_code <= 0:
        _check_steps(path, header)
        return
    sform, qform = header.sform, _qform(header)
    last = [n - 1 for n in header.size[:3]]
    corners = np.array(np.meshgrid(*([0, n] for n in last), indexing="ij")).reshape(3, -1).T
    by_sform, by_qform = (corners @ form[:, :3].T + form[:, 3] for form in (sform, qform))
    spacing = np.linalg.norm(sform[:, :3], axis=0)
    voxels = np.abs((by_qform - by_sform) @ (sform[:, :3] / spacing) / spacing).max(axis=1)
    worst = int(voxels.argmax())
    if not voxels[worst] <= FORMS_APART:  # NaN is no agreement
        index = ", ".join(str(int(n)) for n in corners[worst])
        places = [
            ", ".join(f"{mm + 0.0:.4g}" for mm in _RAS_TO_LPS @ corner[worst]) for corner in (by_sform, by_qform)
        ]
        what = (
            f"sform and qform disagree about where the scan lies, by up to {voxels[worst]:.3g} voxels: voxel "
            f"({index}) lies at ({places[0]}) mm LPS by the sform, at ({places[1]}) by the qform"
        )
        raise InputError(Problem(what, "find out which is right and write the file again", path))


def _check_steps(path: Path, header: NiftiHeader) -> None:
    """Refuse an sform whose last voxels lie elsewhere by the distances in pixdim; one that is 0 says nothing."""
    steps, said = np.linalg.norm(header.sform[:, :3], axis=0), header.pixdim[1:4]
    apart = np.where(said == 0, 0, np.abs(said - steps) / steps * (np.array(header.size[:3]) - 1))
    if not apart.max() <= FORMS_APART:
        by_sform, by_pixdim = (" x ".join(f"{mm:.4g}" for mm in numbers) for numbers in (steps, said))
        what = f"has voxels of {by_sform} mm by the sform, {by_pixdim} mm by pixdim, and no qform"
        raise InputError(Problem(what, "find out which is right and write the file again", path))


def _qform(header: NiftiHeader) -> NDArray[np.float64]:
    """The ``[3, 4]`` RAS matrix of the quaternion (NIfTI-1 standard, method 2)."""
    b, c, d = header.quaternion
    length = b * b + c * c + d * d
    if 1.0 - length < 1e-7:  # half a turn, as far as float32 can tell
        b, c, d = header.quaternion / np.sqrt(length)
        length = 1.0
    a = np.sqrt(1.0 - length)
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
        known = bool(np.isfinite(column).all()) and column[axis] != 0
        codes += ("LR", "PA", "IS")[axis][int(column[axis] > 0)] if known else "?"
    return codes
