"""Folds of a cohort, drawn and written where nothing of another split stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from benchmark.cohorts.folds import assign_folds, hold_out
from benchmark.cohorts.splits import TEST, TRAIN, check_splits, read_splits, write_splits
from benchmark.contracts.cohort import Cohort
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished
from benchmark.outputs.locks import holding
from benchmark.outputs.written import aside, files_below, move_in


class PatientCount(NamedTuple):
    """Patients of one part, and how many of them are positive."""

    patients: int
    positive: int


@dataclass(frozen=True)
class DrawnSplit:
    """What was drawn.

    Attributes:
        folds: Patients that each fold validates on, in the order of the folds.
        test: Patients set aside; None where there are none.
    """

    folds: tuple[PatientCount, ...]
    test: PatientCount | None


def split_cohort(
    cohort: Cohort, out: Path, *, folds: int = 5, test: float = 0.0, seed: int = 0, overwrite: bool = False
) -> DrawnSplit:
    """Draw patient folds, stratified by label, and write ``fold_k/train_pid.csv`` and ``fold_k/val_pid.csv``.

    Args:
        cohort: The cohort.
        out: Folder that gets ``fold_0``, ``fold_1``, ...
        folds: Number of folds.
        test: Share of the patients to set aside first.
        seed: Seed of the draw.
        overwrite: Replace folds that are there.

    Raises:
        InputError: Folds are there already, some of them belong to a split of more folds, or there are too few
            patients.
    """
    with holding(out):
        return _split(cohort, out, folds, test, seed, overwrite)


def _split(cohort: Cohort, out: Path, folds: int, test: float, seed: int, overwrite: bool) -> DrawnSplit:
    there = [*list_finished(out, "fold_*"), *list_finished(out, TEST)]
    if there and not overwrite:
        raise InputError(Problem("holds folds already", "pass --overwrite, or choose another --out", out))
    nodules = cohort.nodules
    held_out = hold_out(nodules, test, seed) if test else []
    rest = nodules[~nodules["pid"].isin(held_out)].reset_index(drop=True)
    assigned = assign_folds(rest, folds, seed)
    kept = {f"fold_{fold}" for fold in range(folds)} | ({TEST} if held_out else set())
    for stale in there:
        if stale.name not in kept:
            raise InputError(Problem("belongs to another split", "remove it, or choose another --out", stale))
    with aside(out) as made:
        write_splits(assigned, made, held_out)
        check_splits(read_splits(made), list(nodules["pid"].unique()), held_out)
        files = [path.relative_to(made).as_posix() for path in files_below(made)]
        move_in(made, out, seal=f"fold_0/{TRAIN}", replaceable=files)
    label = cohort.patient_labels
    counts = tuple(_patient_count(label, pids) for _, pids in assigned.groupby("fold")["pid"])
    return DrawnSplit(counts, _patient_count(label, held_out) if held_out else None)


def _patient_count(label: pd.Series[int], pids: Iterable[str]) -> PatientCount:
    chosen = list(pids)
    return PatientCount(len(chosen), int((label[chosen] == 1).sum()))
