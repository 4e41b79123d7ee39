"""SimpleITK as the readers use it: loaded when it is first needed; its functions carry no types."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.imaging.scans.grid import Grid

ItkReader = Any


class _SimpleItk:
    """The module: importing it takes longer than reading the slices of a nodule from a NIfTI file."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        import SimpleITK

        return getattr(SimpleITK, name)


sitk: Any = _SimpleItk()

_NO_MEMORY = ("bad_alloc", "bad allocation", "llocate memory")

_DTYPES = {
    "sitkInt8": "i1",
    "sitkUInt8": "u1",
    "sitkInt16": "i2",
    "sitkUInt16": "u2",
    "sitkInt32": "i4",
    "sitkUInt32": "u4",
    "sitkInt64": "i8",
    "sitkUInt64": "u8",
    "sitkFloat32": "f4",
    "sitkFloat64": "f8",
}


def dtype_of(reader: ItkReader) -> np.dtype[Any]:
    """The type of the voxels that a reader has read the header of; of none that is a scalar, float64."""
    pixel = reader.GetPixelID()
    return np.dtype(next((code for name, code in _DTYPES.items() if getattr(sitk, name) == pixel), "f8"))


def itk_image(voxels: NDArray[Any], grid: Grid) -> Any:  # noqa: ANN401
    """Voxels ``[k, j, i]`` as SimpleITK's image, for its filters."""
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing(grid.spacing.tolist())
    image.SetOrigin(grid.origin.tolist())
    image.SetDirection(grid.direction.ravel().tolist())
    return image


def itk_reason(error: RuntimeError) -> str:
    """The last line of what SimpleITK says, which holds the cause, without addresses in memory and guesses.

    Raises:
        MemoryError: It wanted more memory than there is.
    """
    if any(words in str(error) for words in _NO_MEMORY):
        raise MemoryError from error
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Reason:")]
    last = re.sub(r"^(ITK |sitk::)ERROR: (\w+\(0x[0-9a-f]+\): )?", "", lines[-1]) if lines else "unknown"
    return re.sub(r"^File cannot be read: .*", "its header or its data make no sense", last)[:200]
