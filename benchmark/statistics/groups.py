"""Groups of cases: their names and order, and size classes of nodules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from benchmark.metrics.inputs import SampleError
from benchmark.metrics.sequences import as_numbers, as_objects

SIZE_EDGES = (6.0, 8.0, 15.0)
"""Diameters in mm at which management of solid nodules changes (Lung-RADS 2022)."""

MISSING = "(missing)"

FEW_CASES = 10
"""Up to this number of cases each may be a group of its own."""


def bin_sizes(diameter_mm: Any, edges: Sequence[float] = SIZE_EDGES) -> np.ndarray[Any, np.dtype[np.object_]]:  # noqa: ANN401
    """Name the size class of each nodule, such as ``6 to <8 mm``; missing diameters stay None.

    Example::

        >>> from benchmark.statistics import bin_sizes
        >>> bin_sizes([4.2, 6.0, None, 21.5]).tolist()
        ['<6 mm', '6 to <8 mm', None, '≥15 mm']

    Args:
        diameter_mm: Diameters in millimetres, ``(n,)``.
        edges: Lower edges of all classes but the first, ascending; an edge belongs to the class above it.

    Raises:
        SampleError: Edges that do not ascend, or diameters that are no numbers or negative.
    """
    steps = as_numbers(edges, "size edges").tolist()
    if sorted(set(steps)) != steps:
        raise SampleError(f"size edges {steps}: expected ascending values")
    values = as_numbers(diameter_mm, "diameters")
    if (values < 0).any():
        raise SampleError(f"diameters: {int((values < 0).sum())} values are negative")
    titles = [
        f"<{steps[0]:g} mm",
        *(f"{low:g} to <{high:g} mm" for low, high in pairwise(steps)),
        f"≥{steps[-1]:g} mm",
    ]
    out = np.array(
        [titles[k] for k in np.searchsorted(steps, values, side="right").clip(0, len(steps))], dtype=object
    )
    out[~np.isfinite(values)] = None
    return out


def group_names(groups: Any, n: int) -> np.ndarray[Any, np.dtype[np.object_]]:  # noqa: ANN401
    """The group of each of ``n`` cases as text, ``MISSING`` where there is none.

    Raises:
        SampleError: Another number of groups than of cases, or as many different groups as cases.
    """
    values = as_objects(groups, "groups").astype(object)
    if len(values) != n:
        raise SampleError(f"{n} cases but {len(values)} groups")
    names = np.where(values.isna(), MISSING, values.astype(str)).astype(object)
    if n > FEW_CASES and len(set(names)) == n:
        raise SampleError("groups: every case is a group of its own; bin the values first")
    return names


def in_order(names: Iterable[str]) -> list[str]:
    """Every group one time: size classes by their lower edge, then all others by their text, ``MISSING`` last."""
    found = set(names)
    return [*sorted(found - {MISSING}, key=_by_size_then_text), *([MISSING] if MISSING in found else [])]


def _by_size_then_text(name: str) -> tuple[bool, float, str]:
    """Size classes by their lower edge, everything else by its text."""
    head = name.removeprefix("<").removeprefix("≥").split(" ")[0]
    try:
        return False, float(head) - (0.5 if name.startswith("<") else 0.0), name
    except ValueError:
        return True, 0.0, name
