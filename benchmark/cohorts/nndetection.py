"""Boxes of nnDetection: voxels of the array ``[z, y, x]``, with the image's geometry beside them.

nnDetection writes a pickle a case (``case_boxes.pkl``), which can hold code and is not opened. What it holds,
written as JSON, is read: ``pred_boxes``, ``pred_scores``, ``itk_origin``, ``itk_spacing``, ``itk_direction``,
``restore``. A box is first, then last voxel along the first two axes of the array, then both along the third.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmark.cohorts.boxes import centre_and_size
from benchmark.errors import InputError, Problem
from benchmark.formats.json import read_json

_BOXES, _SCORES = "pred_boxes", "pred_scores"
_GEOMETRY: Final = {"itk_origin": 3, "itk_spacing": 3, "itk_direction": 9}
_FIX: Final = "write what nnDetection's pickle of the case holds as JSON"


def is_nndetection(file: Path) -> bool:
    """Whether a JSON file holds the boxes of a case as nnDetection names them.

    Raises:
        InputError: It is no JSON.
    """
    content = read_json(file)
    return isinstance(content, dict) and _BOXES in content


def refuse_pickles(paths: Sequence[Path]) -> None:
    """Refuse nnDetection's own files.

    Raises:
        InputError: Names them, and how they become JSON.
    """
    fix = "where you trust it: json.dump({k: np.asarray(v).tolist() for k, v in pickle.load(f).items()}, out)"
    named = [path for path in paths if path.suffix.lower() in (".pkl", ".pickle")]
    if named:
        raise InputError([Problem("is a pickle, which can hold code, and is not opened", fix, p) for p in named])


def cases_of_nndetection(files: Sequence[Path], mode: str) -> list[dict[str, Any]]:
    """The cases as entries of MONAI's list: ``image`` (the case), ``box`` (centre and size, mm, LPS), scores.

    Args:
        files: One a case: ``case_boxes.json``.
        mode: What the six numbers of a box are, along the axes of the array ``[z, y, x]``.

    Raises:
        InputError: A file lacks boxes, scores or geometry, or its boxes are those of the resampled image.
    """
    cases, problems = [], []
    for file in files:
        content = read_json(file)
        wrong = _case_problem(content, file)
        if wrong is not None:
            problems.append(wrong)
            continue
        to_mm = _voxel_axes(content)
        boxes = [_box_in_mm(box, mode, to_mm, np.array(content["itk_origin"], float)) for box in content[_BOXES]]
        case = file.stem.removesuffix("_boxes")
        cases.append({"image": f"{case}.nii.gz", "box": boxes, "label_scores": content[_SCORES]})
    if problems:
        raise InputError(problems)
    return cases


def _case_problem(content: dict[str, Any], file: Path) -> Problem | None:
    boxes, scores = content[_BOXES], content.get(_SCORES)
    if not isinstance(boxes, list) or not isinstance(scores, list) or len(boxes) != len(scores):
        return Problem("has not one score a box", _FIX, file, column=_SCORES)
    if any(not _are_numbers(box, 6) for box in boxes):
        return Problem("a box is not six finite numbers", _FIX, file, column=_BOXES)
    for name, count in _GEOMETRY.items():
        if not _are_numbers(content.get(name), count):
            what = f"is not {count} finite numbers: boxes in voxels have no place without it"
            return Problem(what, _FIX, file, column=name)
    axes = np.array(content["itk_direction"], float).reshape(3, 3)
    if min(content["itk_spacing"]) <= 0 or not np.allclose(axes.T @ axes, np.eye(3), atol=1e-3):
        return Problem("its spacing or direction is that of no image", _FIX, file, column="itk_direction")
    if content.get("restore") in (False, 0):
        what = "holds boxes of the resampled image, not of the image as it is"
        return Problem(what, "let nnDetection restore them (restore=True)", file, column="restore")
    return None


def _are_numbers(values: object, count: int) -> bool:
    if not isinstance(values, list):
        return False
    flat = [number for value in values for number in (value if isinstance(value, list) else [value])]
    kinds = all(isinstance(number, (int, float)) and not isinstance(number, bool) for number in flat)
    return len(flat) == count and kinds and bool(np.isfinite(flat).all())


def _voxel_axes(content: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Steps in mm along i, j, k in the columns ``[3, 3]``; ITK's direction has the axes in its columns too."""
    axes = np.array(content["itk_direction"], float).reshape(3, 3)
    return np.asarray(axes * np.array(content["itk_spacing"], float))


def _box_in_mm(
    box: Sequence[float], mode: str, to_mm: npt.NDArray[np.float64], origin: npt.NDArray[np.float64]
) -> list[float]:
    """Centre and size along x, y, z of a box along the axes of the array, whose first is the image's last."""
    middle, size = centre_and_size(box, mode)
    centre = origin + to_mm @ np.array(middle[::-1])
    return [*centre.tolist(), *(np.abs(to_mm) @ np.array(size[::-1])).tolist()]
