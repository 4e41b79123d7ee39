"""Models that would leave the others without a comparison: too few cases in common, or all of one class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from benchmark.comparison.units import Scored

CaseMask = npt.NDArray[np.bool_]
NEEDED = 2
"""Patients of each class that all models must have scored: of a single one there is no interval."""


def odd_models(available: Scored) -> dict[str, str]:
    """Models to leave out so that the others can be compared, and why.

    Models can be compared where all scored two patients of each class, or one in a cohort with one. First those
    that did not are left out, then, until the rest has enough in common, the model without which the others share
    most. Empty where leaving out helps nobody.

    Args:
        available: The units of a cohort with a known label.
    """
    if not available.both_classes:
        return {}
    scored = {model: available.scores[model].notna().to_numpy(bool) for model in available.models}
    enough = _Enough(available)
    odd = {
        model: f"it scored {enough.count(rows, 1)} positive and {enough.count(rows, 0)} negative patients"
        for model, rows in scored.items()
        if not enough(rows)
    }
    kept = [model for model in scored if model not in odd]
    if not kept:
        return {}
    while len(kept) > 1 and not enough(_all_of(scored[model] for model in kept)):
        shared = {}
        for model in kept:
            rest = _all_of(scored[other] for other in kept if other != model)
            shared[model] = (enough(rest), int(rest.sum()))
        last = max(reversed(kept), key=lambda model: shared[model])
        odd[last] = "it shares too few positive or negative patients with the other models"
        kept.remove(last)
    return odd


class _Enough:
    """Whether some units have enough patients of each class for a comparison."""

    def __init__(self, available: Scored) -> None:
        self.labels, self.patients = available.labels, available.clusters
        everyone = np.ones(len(self.labels), dtype=bool)
        self.needed = {label: min(NEEDED, self.count(everyone, label)) for label in (0, 1)}

    def __call__(self, rows: CaseMask) -> bool:
        return all(self.count(rows, label) >= needed for label, needed in self.needed.items())

    def count(self, rows: CaseMask, label: int) -> int:
        """Patients of a class among the units."""
        return len(set(self.patients[rows & (self.labels == label)]))


def _all_of(rows: Iterable[CaseMask]) -> CaseMask:
    return np.asarray(np.logical_and.reduce(list(rows)), dtype=bool)
