"""What the folds of a score table are: models that all scored every case, or parts of a cross-validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.scores import COLUMNS, ENSEMBLE

FoldKind = Literal["none", "single", "complete", "out-of-fold", "mixed"]
COMPLETE: Final = 0.8
"""Where every fold scored this share of the cases, the rest are cases that a fold lost, not held-out parts."""
AGREES: Final = 1e-6
"""Largest difference between a stated ensemble and the scores of its folds that rounding explains."""


@dataclass(frozen=True)
class FoldStructure:
    """What the folds of one model's score table are. A case is a nodule, or a patient scored as a whole.

    Attributes:
        kind: ``none``: an ensemble alone; ``single``: one fold alone; ``complete``: every fold scored the cases;
            ``out-of-fold``: every case was scored in the same number of folds, once or once a repeat, and not in
            the others; ``mixed``: neither.
        names: The folds, in the order of their numbers.
        fewest: Folds that scored a case, the fewest over the cases that were scored at all.
        most: The most.
        lost: Cases that some fold scored but that have no pooled score, because others lost them.
        patients: Patients with a score in some fold.
        split: In a cross-validation, patients whose cases were held out by different folds: each was trained on
            other nodules of theirs.
        stated: Whether the table holds an ensemble of its own.
        agrees: In a cross-validation, whether that ensemble is the mean of the folds that held each case out.
    """

    kind: FoldKind
    names: tuple[str, ...] = ()
    fewest: int = 0
    most: int = 0
    lost: int = 0
    patients: int = 0
    split: int = 0
    stated: bool = True
    agrees: bool = True

    @property
    def expected(self) -> int:
        """Folds that must have scored a case for it to have a pooled score."""
        return {"complete": len(self.names), "out-of-fold": self.most}.get(self.kind, 1)

    @property
    def cross_validated(self) -> bool:
        """Whether every pooled score comes only from folds that held out the whole patient."""
        return self.kind == "out-of-fold" and self.split == 0 and self.agrees

    @property
    def leaks(self) -> bool:
        """Whether folds held out some nodules of a patient and trained on others."""
        return self.split > 0


class _Cases:
    """The numbered folds of one model, case by case."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows[rows["fold"] != ENSEMBLE].reset_index(drop=True)
        pid, self.pids = pd.factorize(self.rows["pid"])
        nodule, nodules = pd.factorize(self.rows["nodule_id"])
        key = pid.astype(np.int64) * max(len(nodules), 1) + nodule
        self.code, known = pd.factorize(key)
        self.n = len(known)
        self.first = np.zeros(self.n, dtype=np.int64)
        self.first[self.code[::-1]] = np.arange(len(key))[::-1]
        self.patient = pid[self.first]
        self.scored = (self.rows["status"] == "scored").to_numpy(bool)
        self.fold, names = pd.factorize(self.rows["fold"])
        self.names = [str(name) for name in names]
        self.times = np.bincount(self.code[self.scored], minlength=self.n)
        self.rows_of = np.bincount(self.code, minlength=self.n)

    def structure(self, ensemble: pd.DataFrame) -> FoldStructure:
        kind = self._kind()
        names = tuple(sorted(self.names, key=int))
        times = self.times[self.times > 0]
        if not times.size:
            return FoldStructure(kind, names, stated=len(ensemble) > 0)
        found = FoldStructure(kind, names, int(times.min()), int(times.max()), stated=len(ensemble) > 0)
        lost = int(((self.times > 0) & (self.times < found.expected)).sum())
        found = replace(found, lost=lost, patients=len(np.unique(self.patient[self.times > 0])))
        if kind != "out-of-fold":
            return found
        return replace(found, split=self._split(), agrees=self._agrees(ensemble, found.expected))

    def means(self) -> npt.NDArray[np.float64]:
        """Mean of each case over the folds that scored it, NaN without any."""
        score = self.rows["score"].to_numpy(np.float64)[self.scored]
        total = np.bincount(self.code[self.scored], weights=score, minlength=self.n)
        with np.errstate(invalid="ignore"):
            return np.asarray(total / np.where(self.times > 0, self.times, np.nan))

    def _kind(self) -> FoldKind:
        folds, times = len(self.names), self.times[self.times > 0]
        if folds < 2:
            return "single" if folds else "none"
        if not times.size:
            return "complete"
        if times.min() == times.max():
            return "complete" if times.min() == folds else "out-of-fold"
        if self.rows_of.min() == self.rows_of.max():  # every fold says of which of its cases it failed
            return "complete" if self.rows_of.min() == folds else "out-of-fold"
        held = np.bincount(self.fold[self.scored], minlength=folds)
        return "complete" if held.min() >= COMPLETE * times.size else "mixed"

    def _split(self) -> int:
        """Patients whose cases were not all scored in the same folds."""
        in_fold = np.zeros((self.n, len(self.names)), dtype=bool)
        in_fold[self.code[self.scored], self.fold[self.scored]] = True
        used = self.times > 0
        patient, size = self.patient[used], len(self.pids)
        cases = np.bincount(patient, minlength=size)
        by_patient = np.stack([np.bincount(patient, column, minlength=size) for column in in_fold[used].T], 1)
        return int(((by_patient > 0) & (by_patient < cases[:, None])).any(axis=1).sum())

    def _agrees(self, ensemble: pd.DataFrame, expected: int) -> bool:
        if ensemble.empty:
            return True
        means = pd.Series(
            np.where(self.times >= expected, self.means(), np.nan),
            index=pd.MultiIndex.from_frame(self.rows.loc[self.first, ["pid", "nodule_id"]]),
        )
        own = means.reindex(pd.MultiIndex.from_frame(ensemble[["pid", "nodule_id"]])).to_numpy(np.float64)
        return bool((np.abs(own - ensemble["score"].to_numpy(np.float64)) <= AGREES).all())


def fold_structures(scores: pd.DataFrame) -> dict[str, FoldStructure]:
    """What the folds of each model of a score table are.

    Args:
        scores: Rows of score tables of one cohort.
    """
    return {str(model): fold_structure(rows) for model, rows in scores.groupby("model", sort=False)}


def fold_structure(rows: pd.DataFrame) -> FoldStructure:
    """What the folds of one model are.

    Args:
        rows: Its rows of score tables of one cohort.
    """
    ensemble = rows[(rows["fold"] == ENSEMBLE) & (rows["status"] == "scored")]
    return _Cases(rows).structure(ensemble)


def with_pooled_scores(
    scores: pd.DataFrame, structures: Mapping[str, FoldStructure] | None = None
) -> pd.DataFrame:
    """Score tables in which every model has rows of an ``ensemble``, its pooled score.

    A model's own ensemble stays. Without one, the pooled score of a case is that of its own fold in a
    cross-validation, and the mean of the folds otherwise. A case that a fold lost has none: it failed.

    Args:
        scores: Rows of score tables of one cohort.
        structures: Their `fold_structures`, if they are known already.
    """
    parts = []
    for model, rows in scores.groupby("model", sort=False):
        ensemble = rows["fold"] == ENSEMBLE
        if ensemble.all() or (ensemble & (rows["status"] == "scored")).any():
            continue
        parts.append(_pooled(_Cases(rows), fold_structure(rows) if structures is None else structures[str(model)]))
    if not parts:
        return scores
    made = pd.concat(parts, ignore_index=True)
    # An ensemble without a single score only says which cases have no row in any fold.
    key = ["model", "pid", "nodule_id"]
    place = pd.MultiIndex.from_frame(scores[key])
    replaced = (scores["fold"] == ENSEMBLE).to_numpy() & place.isin(pd.MultiIndex.from_frame(made[key]))
    return pd.concat([scores[~replaced], made], ignore_index=True)


def _pooled(cases: _Cases, structure: FoldStructure) -> pd.DataFrame:
    """One row a case, ``fold`` the ensemble."""
    table = cases.rows.loc[cases.first].reset_index(drop=True)
    whole = (cases.times >= structure.expected) & (cases.times > 0)
    table["fold"] = ENSEMBLE
    table["score"] = np.where(whole, cases.means(), np.nan)
    table["status"] = np.where(whole, "scored", "failed")
    table["reason"] = np.where(whole, "", _reasons_not_pooled(cases, whole))
    return table[list(COLUMNS)]


def _reasons_not_pooled(cases: _Cases, whole: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """Why each case has no pooled score: what its first failed fold says, else that a fold has no row."""
    found = np.full(cases.n, "a fold has no score of it", dtype=object)
    failed = np.flatnonzero(~cases.scored & ~whole[cases.code])[::-1]
    text = cases.rows["reason"].to_numpy(object)
    found[cases.code[failed]] = text[failed]
    return found
