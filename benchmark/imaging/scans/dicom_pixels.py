"""The pixels of one DICOM file in HU, and what of them is padding."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.dicom_checks import compression_problem
from benchmark.imaging.scans.dicom_elements import outline
from benchmark.imaging.scans.simple_itk import itk_reason, sitk

AIR = -1000
NEAR_AIR = 100
"""HU within which padding that is read as air makes no difference."""
NO_TISSUE = -1500
"""HU below which a voxel is the scanner's padding."""


def decoded(path: Path, slice_step: float = 1.0) -> NDArray[Any]:
    """The pixels ``[rows, columns]`` of a file in HU, as they are stored.

    Positions say how far slices lie apart, not SpacingBetweenSlices. GDCM takes one of 0, or one that is no
    number, for their distance, and ITK refuses it: then a copy is read in which it is blank.

    Args:
        path: The file.
        slice_step: Distance of slices that GDCM finds in its header.

    Raises:
        InputError: They are cut short, corrupt or of an unknown compression.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO("GDCMImageIO")
    reader.SetFileName(str(path))
    try:
        if slice_step != 0:
            image = reader.Execute()
        else:
            begin, length = outline(path).slice_step
            with tempfile.NamedTemporaryFile(suffix=".dcm") as copy:
                data = bytearray(path.read_bytes())
                data[begin : begin + length] = b" " * length
                copy.write(data)
                copy.flush()
                reader.SetFileName(copy.name)
                image = reader.Execute()
    except RuntimeError as error:
        raise InputError(_unreadable(path, itk_reason(error))) from error
    plane = sitk.GetArrayFromImage(image).reshape(image.GetSize()[1::-1])
    if plane.dtype.kind != "i":
        with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite, and is refused
            plane = plane.astype(np.float32 if plane.dtype.kind == "f" else np.int32)
    return np.asarray(plane)


def _unreadable(path: Path, reason: str) -> Problem:
    """What is wrong with pixels that GDCM does not read: their compression, if it knows none of its kind."""
    syntax = outline(path).syntax
    stored = f" (transfer syntax {syntax})" if syntax else ""
    fix = "fetch it again or decompress it, e.g. with gdcmconv -w"
    return compression_problem(path, syntax) or Problem(
        f"has pixels that cannot be read: {reason}{stored}", fix, path
    )


def padding_as_air(plane: NDArray[Any], padding: float | None) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Pixels with air where there was padding, and which of them were nothing like air before.

    Args:
        plane: ``[rows, columns]`` in HU; changed in place.
        padding: HU of PixelPaddingValue, if the header gives one; all that is below any tissue is padding too.
    """
    empty = plane <= NO_TISSUE
    if padding is not None:
        empty |= plane == padding
    other = empty & (np.abs(plane - np.float64(AIR)) > NEAR_AIR) if empty.any() else empty
    plane[empty] = AIR
    return plane, np.asarray(other)


def enclosed(padding: NDArray[np.bool_]) -> int:
    """How many padding pixels ``[rows, columns]`` no way along other ones leads to the edge of the slice from."""
    if not padding.any():
        return 0
    reached = np.zeros_like(padding)
    for turn in (slice(None), slice(None, None, -1)):
        reached |= np.logical_and.accumulate(padding[:, turn], axis=1)[:, turn]
    if bool((reached == padding).all()):
        return 0  # as around a round field of view: each row's padding begins at its ends
    from scipy.ndimage import label

    parts, _ = label(padding)
    outer = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
    return int(np.count_nonzero(padding & ~np.isin(parts, outer)))
