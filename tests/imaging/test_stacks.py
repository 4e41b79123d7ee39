"""Two acquisitions or reconstructions in one series, by headers that are made up."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from benchmark.imaging.scans.stacks import Mark, two_stacks

FOLDER = Path("series")


def stack(letter: str, start: float, step: float, count: int, first: int | None = 1, **values: str) -> list[Mark]:
    return [
        Mark(f"{letter}{n:02d}", start + n * step, None if first is None else first + n, values)
        for n in range(count)
    ]


def said(marks: list[Mark]) -> str:
    order = np.random.default_rng(0).permutation(len(marks))
    problem = two_stacks([marks[place] for place in order], FOLDER)
    return "" if problem is None else str(problem)


@pytest.mark.parametrize("start", [0.0, 0.5, 0.35, 7.5])
@pytest.mark.parametrize(
    ("key", "one", "two"),
    [
        ("ConvolutionKernel", "B30f", "B70f"),
        ("AcquisitionNumber", "1", "2"),
        ("SliceThickness", "1", "5"),
        ("KVP", "80", "140"),
        ("ImageType", r"ORIGINAL\PRIMARY\AXIAL", r"DERIVED\PRIMARY\MPR"),
        ("AcquisitionTime", "101500", "101540"),
    ],
)
def test_two_that_interleave_are_listed(start: float, key: str, one: str, two: str) -> None:
    found = said([*stack("a", 0, 1, 10, None, **{key: one}), *stack("b", start, 1, 10, None, **{key: two})])
    assert f"holds 2 stacks in one series, by {key}" in found
    assert f"{one}: 10 files, a00 to a09, 0.0..9.0 mm" in found
    assert f"{two}: 10 files, b00 to b09" in found


def test_one_is_one() -> None:
    assert said(stack("a", -100, 2, 30, AcquisitionNumber="1", ConvolutionKernel="B30f")) == ""
    assert said(stack("a", -100, 2, 30)[::-1]) == ""
    assert said([*stack("a", 0, 1, 1)]) == ""


def test_marks_that_change_along_the_stack_are_one() -> None:
    # two breath-holds one behind the other; and a table that stops for each slice
    assert (
        said([*stack("a", 0, 1, 10, AcquisitionNumber="1"), *stack("b", 10, 1, 9, 11, AcquisitionNumber="2")])
        == ""
    )
    steps = [
        Mark(str(n), 5.0 * n, n, {"AcquisitionNumber": str(n), "AcquisitionTime": f"10{n:04d}"}) for n in range(20)
    ]
    assert said(steps) == ""


def test_two_kernels_one_behind_the_other_are_two() -> None:
    marks = [*stack("a", 0, 1, 10, ConvolutionKernel="B"), *stack("b", 10, 1, 9, 11, ConvolutionKernel="C")]
    assert "by ConvolutionKernel" in said(marks)


def test_numbers_alone_tell_two_apart() -> None:
    # the positions alternate evenly: without InstanceNumber this is one finer scan
    assert "2 stacks in one series, whose slices interleave" in said(
        [*stack("a", 0, 2, 10, 1), *stack("b", 1, 2, 10, 11)]
    )
    assert "a00 to a09" in said([*stack("a", 0, 2, 10, 1), *stack("b", 1, 2, 10, 1)])
    assert said([*stack("a", 0, 1, 20, None)]) == ""


def test_steps_that_alternate_tell_two_apart() -> None:
    assert "slices interleave" in said([*stack("a", 0, 2, 10, None), *stack("b", 0.7, 2, 10, None)])
    rounded = [Mark(str(n), round(1.25 * n, 1), None, {}) for n in range(20)]  # 1.2, 1.3, 1.2, ... mm
    assert said(rounded) == ""


@given(order=st.permutations(range(12)))
def test_numbers_in_any_order_are_one_stack(order: list[int]) -> None:
    backwards = sum(first > second for first, second in pairwise(order))
    assume(4 <= backwards <= 7)  # fewer are sweeps along the stack
    assert two_stacks([Mark(str(n), float(place), n, {}) for n, place in enumerate(order)], FOLDER) is None
