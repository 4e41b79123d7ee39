"""Whether printed class percentages can be those of whole nodules."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from benchmark.published.printed import Printed
from benchmark.published.schema import SemanticFeature

LARGEST = 20_000
"""Nodules up to which a common number is searched where none is printed."""

Mask = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class ClassCheck(NamedTuple):
    """Verdict on one feature's percentages.

    Attributes:
        possible: Whether they can be.
        detail: Why, in words.
    """

    possible: bool
    detail: str


def check_classes(features: Sequence[SemanticFeature], n: int | None = None) -> list[ClassCheck]:
    """Check the class percentages of features that describe the same nodules.

    Classes of one feature exclude each other unless the feature is not exclusive; they cover all nodules only
    where it is complete, else what is short of 100 % is missing.
    A finding needs a proof for every number of nodules: rounded to whole per cents anything that adds up can be,
    given enough nodules.

    Args:
        features: Features with their printed percentages.
        n: Number of nodules, if printed.

    Returns:
        One check a feature, in order.
    """
    if not features:
        return []
    totals = np.arange(1, _bound(features) + 1) if n is None else np.array([n])
    masks = [
        _possible_totals(feature, totals if feature.n is None else np.array([feature.n])) for feature in features
    ]
    shared = [mask for mask, feature in zip(masks, features, strict=True) if feature.n is None]
    common: Ints = np.sum(shared, axis=0, dtype=np.int64) if shared else np.zeros(1, dtype=np.int64)
    best = int(np.argmax(common)) if shared else 0
    checks = []
    for feature, mask in zip(features, masks, strict=True):
        total = feature.n if feature.n is not None else n
        if total is not None:
            checks.append(_with_total(feature, bool(mask[0]), total))
        else:
            checks.append(_without_total(feature, mask, best, common, totals))
    return checks


def _bound(features: Sequence[SemanticFeature]) -> int:
    decimals = max((p.decimals for f in features for p in _percentages(f)), default=0)
    return min(LARGEST, int(10 ** (3 + decimals)))


def _percentages(feature: SemanticFeature) -> list[Printed]:
    return [printed for printed in feature.classes.values() if printed is not None]


def _possible_totals(feature: SemanticFeature, totals: Ints) -> Mask:
    """For each number of nodules, whether whole counts print every percentage."""
    least, most = np.zeros_like(totals), np.zeros_like(totals)
    ok = np.ones(totals.size, dtype=bool)
    for printed in _percentages(feature):
        scale = 2 * 100 * 10**printed.decimals
        low = np.maximum(0, -(-(2 * printed.scaled - 1) * totals // scale))
        high = (2 * printed.scaled + 1) * totals // scale
        high = np.minimum(totals, high - _rounds_up_at_tie(printed, totals, scale))
        ok &= low <= high
        least, most = least + low, most + high
    if feature.exclusive and len(feature.classes) > 1:
        ok &= least <= totals
        if feature.complete and len(_percentages(feature)) == len(feature.classes):
            ok &= totals <= most
    return ok


def _rounds_up_at_tie(printed: Printed, totals: Ints, scale: int) -> Ints:
    """1 where a whole count lies exactly on the upper end and no way of rounding brings it down to the number.

    Half up never does, half to even does for an even last digit, and a float product may fall below the tie. Two
    classes that add up to 99 % would need two ties that both go down: that sum is found to be impossible.
    """
    product = (2 * printed.scaled + 1) * totals
    tied = product % scale == 0
    if printed.scaled % 2 == 0 or not tied.any():
        return np.zeros_like(totals)
    at = int(totals[tied.argmax()])
    count = int((2 * printed.scaled + 1) * at // scale)
    down = f"{float(printed.value):.{printed.decimals}f}"
    if down in (f"{count / at * 100:.{printed.decimals}f}", f"{100 * count / at:.{printed.decimals}f}"):
        return np.zeros_like(totals)
    return np.asarray(tied, dtype=np.int64)


def _sum_text(feature: SemanticFeature) -> str:
    total = sum((p.value for p in _percentages(feature)), Fraction())
    short = "" if feature.complete or not feature.exclusive or total >= 99 else ": the rest is missing"
    return f"the classes add up to {float(total):g} %{short}"


def _adds_up(feature: SemanticFeature) -> bool:
    """Whether shares of an unlimited number of nodules can print the percentages, none of them tied."""
    numbers = _percentages(feature)
    if any(p.high < 0 or p.low > 100 for p in numbers):
        return False
    if not feature.exclusive or len(feature.classes) < 2:
        return True
    least = sum((max(p.low, Fraction()) for p in numbers), Fraction())
    most = sum((min(p.high, Fraction(100)) for p in numbers), Fraction())
    return least < 100 and (most > 100 or not feature.complete or len(numbers) < len(feature.classes))


def _with_total(feature: SemanticFeature, possible: bool, total: int) -> ClassCheck:
    if possible:
        return ClassCheck(True, f"whole counts of {total} nodules print them")
    if not _adds_up(feature):
        return ClassCheck(False, _why_not(feature))
    return ClassCheck(False, f"no whole counts of {total} nodules print them; {_sum_text(feature)}")


def _why_not(feature: SemanticFeature) -> str:
    what = _sum_text(feature)
    total = sum((p.value for p in _percentages(feature)), Fraction())
    if total > 100:
        return f"{what}: more than rounding explains, so a nodule would need several classes"
    return f"{what}: less than rounding explains, so some nodules would have no class"


def _without_total(feature: SemanticFeature, mask: Mask, best: int, common: Ints, totals: Ints) -> ClassCheck:
    if not mask.any():
        if not _adds_up(feature):
            return ClassCheck(False, _why_not(feature))
        return ClassCheck(True, f"no whole counts of up to {totals[-1]} nodules print them, more might")
    smallest = int(totals[mask.argmax()])
    if mask[best]:
        at = _ranges(totals[common == common[best]])
        together = f"possible from {smallest} nodules on; together with the other features: {at}"
        missing = _sum_text(feature)
        return ClassCheck(True, f"{together}; {missing}" if missing.endswith("missing") else together)
    if _adds_up(feature):
        return ClassCheck(True, f"possible from {smallest} nodules on")
    return ClassCheck(
        False,
        f"{_sum_text(feature)}: only exact ties would do, possible for {_ranges(totals[mask])} nodules, which "
        f"contradicts the other features ({_ranges(totals[common == common[best]])} nodules)",
    )


def _ranges(values: Ints, most: int = 3) -> str:
    """Whole numbers as ranges, e.g. "223-285, 445 or more"."""
    breaks = np.flatnonzero(np.diff(values) > 1)
    starts, ends = np.r_[0, breaks + 1], np.r_[breaks, values.size - 1]
    parts = [f"{values[a]}-{values[b]}" if b > a else str(values[a]) for a, b in zip(starts, ends, strict=True)]
    return ", ".join(parts[:most]) + (f" and {len(parts) - most} more ranges" if len(parts) > most else "")
