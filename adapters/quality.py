"""What looks odd about scores that are formally right: constant, tied, inverted."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import FoldStructure
from benchmark.contracts.odd_scores import note_on_inversion, note_on_ties
from benchmark.contracts.scores import ENSEMBLE


def look(table: pd.DataFrame, cohort: Cohort, case_rows: npt.NDArray[np.int64] | None = None) -> list[str]:
    """Warnings about the scores of one model.

    Args:
        table: Its score table; of each case the ensemble is looked at, or its first fold if there is none.
        cohort: For the labels.
        case_rows: Row of the nodule table of each row of ``table``; None for scores of whole patients.
    """
    chosen = ((table["fold"] == ENSEMBLE) & (table["status"] == "scored")).to_numpy()
    if not chosen.any():
        scored = table[table["status"] == "scored"]
        chosen = table.index.isin(scored.index[~scored.duplicated(["pid", "nodule_id"])])
    scores = table["score"].to_numpy(np.float64)[chosen]
    if not len(scores):
        return ["no case was scored"]
    if (scores == scores[0]).all() and len(scores) > 1:
        return [f"all {len(scores):,} scores are {float(scores[0])!r}: AUROC is 0.5"]
    labels = _labels_of_rows(table["pid"][chosen], cohort, case_rows, chosen)
    return [text for text in (note_on_ties(scores, labels), note_on_inversion(scores, labels)) if text]


def fold_warnings(folds: FoldStructure) -> list[str]:
    """What the folds of a score table are taken for, where that could be something else.

    Args:
        folds: What they are.
    """
    number = len(folds.names)
    if folds.leaks:
        return [
            f"{folds.split:,} of {folds.patients:,} patients stand in several of the {number} folds: each fold "
            "was trained on other nodules of theirs, so the model counts as having seen them"
        ]
    if folds.kind == "out-of-fold" and not folds.agrees:
        return [
            f"every case is in {folds.most} of {number} folds, but its ensemble is not the score of these folds: "
            "the ensemble counts, and is not taken for cross-validated"
        ]
    if folds.kind == "mixed" and not folds.stated:
        return [
            f"cases stand in {folds.fewest} to {folds.most} of {number} folds: neither did every fold score every "
            "case, nor is every case held out as often. Comparisons show the mean of the folds that scored a case "
            "and test nothing"
        ]
    return []


def _labels_of_rows(
    pids: pd.Series, cohort: Cohort, case_rows: npt.NDArray[np.int64] | None, chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Label of each chosen row, NaN where there is none."""
    if case_rows is not None:
        values = cohort.nodules["malignant"].to_numpy(np.float64, na_value=np.nan)
        return np.asarray(values[case_rows[chosen]])
    found = pids.map(cohort.patient_labels)
    return np.asarray(found.astype("Float64").to_numpy(np.float64, na_value=np.nan))
