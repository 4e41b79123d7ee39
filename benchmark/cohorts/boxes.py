"""Boxes of detections as centre and size, from the ways in which MONAI writes six numbers (``box_mode``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from benchmark.errors import InputError, Problem

Box = Sequence[float]

BOX_MODES: Final = {
    "cccwhd": "centre x, y, z and size along x, y, z",
    "xyzxyz": "two corners: x, y, z of the near one, then of the far one",
    "xyzwhd": "the near corner x, y, z and size along x, y, z",
    "xxyyzz": "first and last x, y, z",
    "xyxyzz": "first x, y, last x, y, first and last z, as nnDetection has it",
}
"""MONAI's name → what the six numbers are (``monai.data.box_utils``)."""
LARGEST_MM: Final = 100.0
"""Edge of a box that no lung nodule has."""
_CORNERS: Final = {"xyzxyz": (0, 1, 2, 3, 4, 5), "xxyyzz": (0, 2, 4, 1, 3, 5), "xyxyzz": (0, 1, 4, 2, 3, 5)}
"""Where a mode has x, y, z of the near corner, then of the far one."""


def centre_and_size(box: Box, mode: str) -> tuple[list[float], list[float]]:
    """Centre ``[x, y, z]`` and size ``[w, h, d]`` in mm of a box; a size that is not positive is none.

    Args:
        box: Six numbers.
        mode: One of ``BOX_MODES``.
    """
    if mode in _CORNERS:
        ends = [float(box[place]) for place in _CORNERS[mode]]
        near, size = ends[:3], [far - low for low, far in zip(ends[:3], ends[3:], strict=True)]
    else:
        near, size = [float(value) for value in box[:3]], [float(value) for value in box[3:]]
    if mode == "cccwhd":
        return near, size
    return [low + edge / 2 for low, edge in zip(near, size, strict=True)], size


def check_mode(mode: str | None) -> None:
    """Refuse the name of no box mode.

    Raises:
        InputError: Names the modes.
    """
    if mode is not None and mode not in BOX_MODES:
        known = "; ".join(f"{name}: {text}" for name, text in BOX_MODES.items())
        raise InputError(Problem("is no box mode", known, column="--box-mode", value=mode))


def extent_problem(box: Box, mode: str | None) -> tuple[str, str] | None:
    """What is wrong with the size of a box, and what to do; None if nothing is.

    Args:
        box: Six finite numbers.
        mode: One of ``BOX_MODES``, or None: centre and size unless that cannot be.
    """
    _, size = centre_and_size(box, mode or "cccwhd")
    edges = " x ".join(f"{edge:g}" for edge in size)
    if min(size) <= 0:
        fix = "boxes are read as centre and size (cccwhd); for corners pass --box-mode xyzxyz"
        return f"a box has no extent ({edges} mm)", fix if mode is None else f"is it really {mode}?"
    if mode is None and max(size) > LARGEST_MM:
        fix = "are these corners? pass --box-mode xyzxyz, or --box-mode cccwhd to take it as centre and size"
        return f"a box of {edges} mm is no nodule", fix
    return None


def corner_problem(boxes: Sequence[Box]) -> tuple[str, str] | None:
    """Why boxes that pass as centres and sizes can all be corners as well; None if one of them cannot."""
    as_corners = [centre_and_size(box, "xyzxyz")[1] for box in boxes]
    if not boxes or any(min(size) <= 0 or max(size) > LARGEST_MM for size in as_corners):
        return None
    centre, corners = (" x ".join(f"{edge:g}" for edge in size) for size in (boxes[0][3:], as_corners[0]))
    what = f"every box can be two corners as well as centre and size; the first measures {corners} or {centre} mm"
    return what, "say which: --box-mode xyzxyz or --box-mode cccwhd"
