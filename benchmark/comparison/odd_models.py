"""Models that would leave the others without a comparison: no case, or only cases of one class, in common."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from benchmark.comparison.units import Scored

Rows = npt.NDArray[np.bool_]


def odd_models(available: Scored) -> dict[str, str]:
    """Models to leave out so that the others can be compared on cases of both classes, and why.

    First those that scored cases of one class only, then, until the rest has both classes in common, the model
    without which the others share most. Empty where leaving out helps nobody.

    Args:
        available: The units of a cohort with a known label.
    """
    unit, labels = available.unit, available.labels
    scored = {model: available.scores[model].notna().to_numpy(bool) for model in available.models}
    odd = {
        model: f"the {rows.sum():,} {unit}s that it scored are all of one class"
        for model, rows in scored.items()
        if not _both_classes(labels, rows)
    }
    kept = [model for model in scored if model not in odd]
    if not kept:
        return {}
    while len(kept) > 1 and not _both_classes(labels, _all_of(scored[m] for m in kept)):
        shared = {model: _usable(labels, _all_of(scored[m] for m in kept if m != model)) for model in kept}
        last = max(reversed(kept), key=lambda model: shared[model])
        odd[last] = f"it shares no {unit}s of both classes with the other models"
        kept.remove(last)
    return odd


def _all_of(rows: Iterable[Rows]) -> Rows:
    return np.asarray(np.logical_and.reduce(list(rows)), dtype=bool)


def _both_classes(labels: npt.NDArray[np.int64], rows: Rows) -> bool:
    return len(np.unique(labels[rows])) == 2


def _usable(labels: npt.NDArray[np.int64], rows: Rows) -> tuple[bool, int]:
    return _both_classes(labels, rows), int(rows.sum())
