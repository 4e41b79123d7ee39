"""The values of an image, slice by slice, as far as it takes to see that they are HU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmark.cohorts.dicom import Slice, read_folder
from benchmark.cohorts.images import open_header
from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.dicom_pixels import decoded, padding_as_air
from benchmark.imaging.scans.hu import HuEvidence, settle

_NIFTI_TYPES: Final = {
    2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4", 1024: "i8", 1280: "u8",
}  # fmt: skip
"""NIfTI's ``datatype``."""
_GZIP: Final = b"\x1f\x8b"

Slices = Iterator[tuple[int, NDArray[Any]]]


def hu_fault(path: Path) -> str:
    """Why an image that ``check_whole`` and ``read_geometry`` accept is not in HU; empty if it is.

    Raises:
        InputError: Its voxels cannot be read.
    """
    if path.is_dir():
        return _dicom_fault(next(iter(read_folder(path).series.values())))
    reader = open_header(path)
    if not reader.HasMetaDataKey("bitpix"):
        return _array_fault(reader, path)
    dtype = np.dtype(_NIFTI_TYPES.get(int(reader.GetMetaData("datatype")), "V1"))
    if dtype.kind == "V":
        what = "holds voxels that are no single numbers of a common type"
        raise InputError(Problem(what, "a scan in HU is needed", path))
    slope, intercept = (float(reader.GetMetaData(key)) for key in ("scl_slope", "scl_inter"))
    if slope == 0 or not np.isfinite([slope, intercept]).all():
        slope, intercept = 1.0, 0.0
    size = tuple(map(int, reader.GetSize()))
    evidence = HuEvidence((size[0], size[1], size[2]), dtype, slope, intercept)
    offset = int(float(reader.GetMetaData("vox_offset")))

    def chunks(first: int, last: int) -> Slices:
        return _nifti_slices(path, dtype, (size[1], size[0]), offset, first, last)

    return settle(evidence, chunks)


def _nifti_slices(
    path: Path, dtype: np.dtype[Any], shape: tuple[int, int], offset: int, first: int, last: int
) -> Slices:
    """Slices of a NIfTI file, decompressed no further than they are asked for."""
    from isal import igzip

    with path.open("rb") as raw:
        zipped = raw.read(2) == _GZIP
        raw.seek(0)
        stream: Any = igzip.IGzipFile(fileobj=raw, mode="rb") if zipped else raw  # type: ignore[no-untyped-call]
        if int.from_bytes(stream.read(4), "little") not in (348, 540):
            dtype = dtype.newbyteorder(">")
        count = shape[0] * shape[1] * dtype.itemsize
        stream.seek(offset + first * count)
        for k in range(first, last + 1):
            yield k, np.frombuffer(stream.read(count), dtype).reshape(1, *shape)


def _array_fault(reader: Any, path: Path) -> str:  # noqa: ANN401
    import SimpleITK

    try:
        image = reader.Execute()
    except RuntimeError as error:
        what = f"is damaged or cut short: {str(error).strip().splitlines()[-1]}"
        raise InputError(Problem(what, "copy it again", path)) from error
    voxels: NDArray[Any] = SimpleITK.GetArrayViewFromImage(image)
    evidence = HuEvidence((voxels.shape[2], voxels.shape[1], voxels.shape[0]), voxels.dtype)
    evidence.add(0, voxels)
    return evidence.fault()


def _dicom_fault(slices: list[Slice]) -> str:
    def plane(k: int) -> NDArray[Any]:
        return padding_as_air(decoded(slices[k].file, slices[k].slice_step), slices[k].padding)[0]

    first = plane(0)
    evidence = HuEvidence((first.shape[1], first.shape[0], len(slices)), first.dtype)
    return settle(evidence, lambda begin, end: ((k, plane(k)[None]) for k in range(begin, end + 1)))
