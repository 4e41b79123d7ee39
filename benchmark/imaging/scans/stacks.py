"""Whether the slices of a DICOM series are one stack, or two acquisitions or reconstructions in one another.

Where two stacks lie in one series their slices can alternate evenly: the positions then look like one finer scan
whose texture, timing or contrast changes from slice to slice. Their headers tell them apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmark.errors import Problem

TAGS = {
    "ConvolutionKernel": "0018|1210",
    "AcquisitionNumber": "0020|0012",
    "TemporalPositionIdentifier": "0020|0100",
    "NominalPercentageOfCardiacPhase": "0020|9241",
    "ContrastBolusAgent": "0018|0010",
    "KVP": "0018|0060",
    "SliceThickness": "0018|0050",
    "ReconstructionDiameter": "0018|1100",
    "FilterType": "0018|1160",
    "ImageType": "0008|0008",
    "SeriesDescription": "0008|103e",
    "FrameOfReferenceUID": "0020|0052",
    "AcquisitionTime": "0008|0032",
}
"""What tells two stacks apart, in the order in which it is asked."""
INSTANCE = "0020|0013"
_WHOLE = re.compile(r"-?[0-9]{1,12}")
_KERNEL, _TIME = "ConvolutionKernel", "AcquisitionTime"
_ROUNDING = 0.002
_UNEVEN = 0.01
_ALTERNATING = 0.2
_MOST_STACKS = 4
_FEWEST_SLICES = 3
_FIX = "keep the files of one, and move the others to a folder of their own"


@dataclass(frozen=True)
class Mark:
    """What tells a slice from those of another stack.

    Attributes:
        name: Its file.
        position: mm along the stack.
        number: InstanceNumber, if it has one.
        values: What its header says for each of ``TAGS``; what it does not say is left out.
    """

    name: str
    position: float
    number: int | None
    values: dict[str, str]


def read_mark(name: str, position: float, text: Callable[[str], str]) -> Mark:
    """The mark of a slice.

    Args:
        name: Its file.
        position: mm along the stack.
        text: Text of a tag such as ``0020|0012``; empty if the header lacks it.
    """
    number = text(INSTANCE)
    values = {key: value for key, tag in TAGS.items() if (value := text(tag))}
    return Mark(name, position, int(number) if _WHOLE.fullmatch(number) else None, values)


def two_stacks(marks: Sequence[Mark], folder: Path) -> Problem | None:
    """The problem of a series that holds more than one stack, with a list of them; None if it is one.

    Two convolution kernels are always two. Other marks may change along one stack, from one table position to the
    next, and are two only where their slices interleave: where a value comes back after another one.
    """
    stack = sorted(marks, key=lambda mark: (round(mark.position / _ROUNDING), mark.number or 0, mark.name))
    for key in TAGS:
        if not _tells_apart(stack, key):
            continue
        groups: dict[str, list[Mark]] = {}
        for mark in stack:
            groups.setdefault(mark.values.get(key, "not stated"), []).append(mark)
        listed = "; ".join(f"{value}: {_listing(group)}" for value, group in list(groups.items())[:_MOST_STACKS])
        more = f"; and {len(groups) - _MOST_STACKS} more" if len(groups) > _MOST_STACKS else ""
        return Problem(f"holds {len(groups)} stacks in one series, by {key} {listed}{more}", _FIX, folder)
    parts = _by_number(stack) or _by_position(stack)
    if not parts:
        return None
    listed = "; ".join(_listing(sorted(part, key=lambda mark: mark.position)) for part in parts)
    return Problem(f"holds {len(parts)} stacks in one series, whose slices interleave: {listed}", _FIX, folder)


def _tells_apart(stack: Sequence[Mark], key: str) -> bool:
    values = [mark.values[key] for mark in stack if key in mark.values]
    different = len(set(values))
    if different < 2 or (key == _TIME and different > _MOST_STACKS):
        return False
    if key == _KERNEL:
        return True
    blocks = 1 + sum(first != second for first, second in pairwise(values))
    return blocks > different


def _by_number(stack: Sequence[Mark]) -> list[list[Mark]]:
    """Parts that InstanceNumber runs through one after the other, or numbers alike; none if there is one."""
    numbers = [mark.number for mark in stack if mark.number is not None]
    if len(numbers) < len(stack) or len(set(numbers)) < _FEWEST_SLICES:
        return []
    by_number: dict[int, list[Mark]] = {}
    for mark in stack:
        by_number.setdefault(mark.number or 0, []).append(mark)
    count = len(stack) // len(by_number)
    apart = all(len(g) == count and g[-1].position - g[0].position > _ROUNDING for g in by_number.values())
    if 2 <= count <= _MOST_STACKS and apart:
        return [[group[place] for group in by_number.values()] for place in range(count)]
    if len(by_number) < len(stack):
        return []
    ordered = [by_number[number][0] for number in sorted(by_number)]
    steps = np.diff([mark.position for mark in ordered])
    against = np.flatnonzero(steps * np.sign(np.median(steps)) <= 0) + 1
    parts = [list(part) for part in _split(ordered, against)]
    regular = all(len(part) >= _FEWEST_SLICES and _even(part) for part in parts)
    return parts if 2 <= len(parts) <= _MOST_STACKS and regular and _overlap(parts) else []


def _by_position(stack: Sequence[Mark]) -> list[list[Mark]]:
    """Every other slice, where steps alternate between two that no rounding explains; none elsewhere."""
    steps = np.diff([mark.position for mark in stack])
    if len(stack) < 2 * _FEWEST_SLICES or abs(float(steps[0] - steps[1])) <= _ALTERNATING * float(steps[:2].sum()):
        return []
    parts = [list(stack[::2]), list(stack[1::2])]
    return parts if all(map(_even, parts)) else []


def _split(marks: list[Mark], places: npt.NDArray[np.intp]) -> list[list[Mark]]:
    ends = [0, *map(int, places), len(marks)]
    return [marks[begin:end] for begin, end in pairwise(ends)]


def _even(marks: Sequence[Mark]) -> bool:
    steps = np.abs(np.diff([mark.position for mark in marks]))
    return bool(np.ptp(steps) <= _UNEVEN * np.median(steps) + 2 * _ROUNDING)


def _overlap(parts: Sequence[Sequence[Mark]]) -> bool:
    """Whether some two parts share a stretch of the stack."""
    spans = sorted((min(m.position for m in part), max(m.position for m in part)) for part in parts)
    return any(second[0] < first[1] - _ROUNDING for first, second in pairwise(spans))


def _listing(marks: Sequence[Mark]) -> str:
    ends = f"{marks[0].name} to {marks[-1].name}" if len(marks) > 1 else marks[0].name
    return f"{len(marks)} files, {ends}, {marks[0].position:.1f}..{marks[-1].position:.1f} mm"
