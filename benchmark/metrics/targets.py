"""Targets of recall and specificity: shares that are read exactly, and the counts that reach them."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from benchmark.metrics.inputs import SampleError

LARGEST_DENOMINATOR = 10**7
"""Targets are read as the simplest fraction that a float can mean: 0.7777777777777778 is 7/9."""


def required_count(target: float, total: float) -> float:
    """The count that reaches the share ``target`` of ``total``, less a relative 1e-12 for sums of weights.

    With whole counts a count reaches it exactly when its share is at least the target.
    """
    return float(_simplest_fraction(target) * Fraction(total)) * (1 - 1e-12)


@lru_cache(maxsize=256)
def _simplest_fraction(target: float) -> Fraction:
    """The simplest fraction that a target can mean; one that would become 0 stays as it is."""
    exact = Fraction(float(target))
    return exact.limit_denominator(LARGEST_DENOMINATOR) or exact


def checked_target(target: float, name: str) -> Fraction:
    """The fraction that a target means.

    Raises:
        SampleError: It is not above 0 and at most 1.
    """
    if not 0 < target <= 1:
        raise SampleError(f"{name} {target!r}: expected a target above 0 and at most 1")
    return _simplest_fraction(target)
