"""Which models share folds, so that a fold can be a block of a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.comparison.units import Scored

CaseMask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class FoldGroup:
    """Models that share their folds.

    Attributes:
        models: In the order they were given.
        folds: Names of the folds, in the order of their numbers.
        complete: Whether every fold scored every unit; else each fold has units of its own.
        units: Rows of the cohort's units that each fold's metrics stand on.
    """

    models: tuple[str, ...]
    folds: tuple[str, ...]
    complete: bool
    units: Mapping[str, CaseMask]


def fold_groups(available: Scored) -> list[FoldGroup]:
    """Models with folds, grouped by the folds that they share.

    Models share folds that have the same numbers and, in a cross-validation, hold the same units as far as both
    scored them. A model that would leave a fold of the others without one of the classes starts its own group.
    """
    groups: list[FoldGroup] = []
    for model in available.models:
        own = _alone(available, model)
        if own is None:
            continue
        for place, group in enumerate(groups):
            joined = _group_with(available, group, own)
            if joined is not None:
                groups[place] = joined
                break
        else:
            groups.append(own)
    return groups


def why_apart(group: FoldGroup, tested: FoldGroup, unit: str) -> str:
    """Why the models of ``group`` cannot be tested over the folds of ``tested``."""
    if group.complete and not tested.complete:
        return f"its folds all scored every {unit}, those of the models tested are parts of a cross-validation"
    if tested.complete and not group.complete:
        return f"its folds are parts of a cross-validation, those of the models tested all scored every {unit}"
    if len(group.folds) != len(tested.folds):
        return f"it has {len(group.folds)} folds, the models tested have {len(tested.folds)}"
    if group.folds != tested.folds:
        return f"its folds are {', '.join(group.folds)}, those of the models tested {', '.join(tested.folds)}"
    if not group.complete:
        return f"its folds hold other {unit}s than those of the models tested"
    return f"it shares too few {unit}s with the models tested"


def _alone(available: Scored, model: str) -> FoldGroup | None:
    names = [str(column[1]) for column in available.folds.columns if column[0] == model]
    if not names:
        return None
    structure = available.structures.get(model)
    folds = tuple(sorted(names, key=int))
    complete = structure is None or structure.kind not in ("out-of-fold", "mixed")
    own = {fold: available.folds[(model, fold)].notna().to_numpy() for fold in folds}
    return FoldGroup((model,), folds, complete, _on_all(own) if complete else own)


def _on_all(units: Mapping[str, CaseMask]) -> dict[str, CaseMask]:
    common: CaseMask = np.asarray(np.logical_and.reduce(list(units.values())), dtype=np.bool_)
    return dict.fromkeys(units, common)


def _group_with(available: Scored, group: FoldGroup, own: FoldGroup) -> FoldGroup | None:
    """The group with one more model; None where their folds are other blocks."""
    if group.folds != own.folds or group.complete != own.complete:
        return None
    if not group.complete:
        first, second = _stacked(group), _stacked(own)
        both = first.any(axis=0) & second.any(axis=0)
        if not (first[:, both] == second[:, both]).all():
            return None
    units = {fold: group.units[fold] & own.units[fold] for fold in group.folds}
    kept = all(
        _two_classes(available, units[fold])
        for fold in group.folds
        if _two_classes(available, group.units[fold]) or _two_classes(available, own.units[fold])
    )
    return FoldGroup((*group.models, *own.models), group.folds, group.complete, units) if kept else None


def _stacked(group: FoldGroup) -> CaseMask:
    return np.stack([group.units[fold] for fold in group.folds])


def _two_classes(available: Scored, rows: CaseMask) -> bool:
    return len(np.unique(available.labels[rows])) == 2
