"""One DICOM file that holds no slice, read by pydicom: bounded, and every failure with the file's name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pydicom
from pydicom.dataset import Dataset

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import refusing, require_regular
from benchmark.imaging.scans.dicom_elements import MAX_DEPTH, outline

LARGEST: Final = 2**30
"""Bytes of the largest file: a segmentation of 600 slices has 20 MB a segment."""


@contextmanager
def opened_dicom(path: Path) -> Iterator[Dataset]:
    """The elements of a file; what a library raises on them in the block is the file's problem.

    Raises:
        InputError: It is too large, nests its sequences too deep, is cut short or cannot be read.
    """
    require_regular(path, LARGEST)
    found = outline(path)
    if found.depth > MAX_DEPTH:
        raise InputError(Problem(f"holds more than {MAX_DEPTH} sequences in one another", "fetch it again", path))
    if found.overrun:
        raise InputError(Problem(f"cannot be read: its element {found.overrun}", "fetch it again", path))
    with refusing(path, "cannot be read", "fetch it again"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that a standard forbids; those that are used are looked at
        yield pydicom.dcmread(path, force=True)


def text_of(item: Dataset, keyword: str) -> str:
    """The text of an element without blanks around it; empty where it is missing."""
    value = item.get(keyword)
    return "" if value is None else str(value).strip(" \0")


def items_of(item: Dataset, keyword: str) -> Sequence[Dataset]:
    """The items of a sequence; none where it is missing."""
    value = item.get(keyword)
    return () if value is None else list(value)


def first_of(item: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence, which is to hold one."""
    return next(iter(items_of(item, keyword)), None)


def numbers_of(item: Dataset | None, keyword: str, count: int) -> tuple[float, ...] | None:
    """An element of ``count`` numbers; None where it is missing.

    Raises:
        ValueError: It holds something else.
    """
    value: Any = None if item is None else item.get(keyword)
    if value is None:
        return None
    numbers = tuple(float(number) for number in (value if hasattr(value, "__iter__") else [value]))
    if len(numbers) != count or not all(abs(number) < 1e6 for number in numbers):
        raise ValueError(f"{keyword} holds {value}")
    return numbers


def code_of(item: Dataset, keyword: str) -> tuple[str, str]:
    """Value and meaning of the code in a sequence; empty where there is none."""
    code = first_of(item, keyword)
    return ("", "") if code is None else (text_of(code, "CodeValue"), text_of(code, "CodeMeaning"))
