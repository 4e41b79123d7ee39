"""SimpleITK as the readers use it; its functions carry no types."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import SimpleITK

sitk: Any = SimpleITK
Reader = Any

DTYPES: dict[int, np.dtype[Any]] = {
    sitk.sitkInt8: np.dtype("i1"),
    sitk.sitkUInt8: np.dtype("u1"),
    sitk.sitkInt16: np.dtype("i2"),
    sitk.sitkUInt16: np.dtype("u2"),
    sitk.sitkInt32: np.dtype("i4"),
    sitk.sitkUInt32: np.dtype("u4"),
    sitk.sitkInt64: np.dtype("i8"),
    sitk.sitkUInt64: np.dtype("u8"),
    sitk.sitkFloat32: np.dtype("f4"),
    sitk.sitkFloat64: np.dtype("f8"),
}


def reason(error: RuntimeError) -> str:
    """The last line of what SimpleITK says, which holds the cause, without addresses in memory and guesses."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip() and not line.startswith("Reason:")]
    last = re.sub(r"^(ITK |sitk::)ERROR: (\w+\(0x[0-9a-f]+\): )?", "", lines[-1]) if lines else "unknown"
    return re.sub(r"^File cannot be read: .*", "its header or its data make no sense", last)[:200]
