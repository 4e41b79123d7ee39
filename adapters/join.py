"""Predictions meet a cohort and become a score table: to the letter, and nobody is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import Predictions
from adapters.cases import Cases, Rows
from adapters.labels import check_labels
from adapters.patients import case_names, find_patients, nothing_left, unknown_problems
from adapters.ratings import rating_scale
from adapters.scans import Choice, Scans, nodules_of_one_scan, one_scan_a_patient, with_canonical_dates
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import fold_structure
from benchmark.contracts.odd_scores import missing_codes
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, year_columns
from benchmark.contracts.text import TEXT
from benchmark.errors import SHOWN, InputError, Problem

Extra = Literal["error", "drop"]


@dataclass
class Joined:
    """A score table and what happened on the way to it.

    Attributes:
        table: The score table.
        warnings: What the user should know.
        recorded: Choices that shaped the scores.
        extra: Ids of the file that the cohort does not have.
        rows: Row of the nodule table of each row of ``table``; None for scores of whole patients.
        set_aside: Rows that have no score because another scan of their patient was chosen.
    """

    table: pd.DataFrame
    warnings: list[str] = field(default_factory=list)
    recorded: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)
    rows: Rows | None = None
    set_aside: int = 0

    @property
    def failed(self) -> int:
        """Cases without a score, but for those that a choice of scans set aside."""
        return int((self.table["status"] == "failed").sum()) - self.set_aside


def join(
    predictions: Predictions,
    cohort: Cohort,
    *,
    scans: Scans | None = None,
    id_map: Mapping[str, str] | None = None,
    extra: Extra = "error",
) -> Joined:
    """Bring one model's predictions to a cohort.

    Args:
        predictions: What an adapter read.
        cohort: The cohort.
        scans: Which scan speaks for a patient who has several; needed only then. Scores of nodules of another scan
            are set aside: their rows say so.
        id_map: Ids of the file → ids of the cohort: of patients and scans, or of nodules where nothing else names
            a case.
        extra: What to do with ids that the cohort does not have: ``error``, or ``drop`` them; the card beside the
            table lists them, so that the ledger can count them.

    Returns:
        One row a prediction, and one ``failed`` row for every case of the cohort that has none.

    Raises:
        InputError: Names file and line of every unknown id, duplicate, date that is none, label that disagrees,
            and score that cannot be what ``score_type`` says.
    """
    frame = with_canonical_dates(predictions.frame.reset_index(drop=True), predictions)
    result = Joined(pd.DataFrame(), list(predictions.warnings), dict(predictions.recorded))
    frame = _apply_map(frame, id_map or {})
    found = find_patients(frame, cohort, predictions)
    frame, unknown = found.frame, found.unknown
    rows = None
    if "nodule_id" in frame:
        rows = Cases(cohort.nodules).rows(frame["pid"], frame["nodule_id"])
        unknown = unknown | (rows < 0)
    if unknown.any():
        if extra == "error":
            raise InputError(unknown_problems(found, unknown, cohort, predictions))
        result.extra = case_names(frame[unknown])
        result.warnings.append(
            f"{int(unknown.sum()):,} of {len(frame):,} rows belong to no case of {cohort.name} and were dropped"
        )
        frame, rows = frame[~unknown], rows if rows is None else rows[~unknown]
        if frame.empty:
            raise InputError(nothing_left(cohort, predictions))
    _check_duplicates(frame, predictions)
    check_labels(frame, cohort, predictions, rows)
    choice = Choice(cohort, scans, predictions, result.recorded, result.warnings)
    frame, rows, aside = _of_one_scan(frame, rows, choice)
    table = _scores_as_table(frame, cohort, predictions, result.warnings)
    missing, absent = _missing(table, cohort, predictions, rows)
    other_scan = np.isin(absent, aside)
    missing.loc[other_scan, "reason"] = f"of another scan than the {scans} of its patient (--scans {scans})"
    result.set_aside = int(other_scan.sum())
    result.table = pd.concat([table, missing], ignore_index=True) if len(missing) else table
    result.rows = rows if rows is None else np.concatenate([rows, absent])
    return result


def _of_one_scan(frame: pd.DataFrame, rows: Rows | None, choice: Choice) -> tuple[pd.DataFrame, Rows | None, Rows]:
    """The scores of the scans that speak, their rows of the nodule table, and the rows that were set aside."""
    if rows is None:
        return one_scan_a_patient(frame, choice), None, np.zeros(0, dtype=np.int64)
    kept = nodules_of_one_scan(frame, rows, choice)
    return frame[kept], rows[kept], rows[~kept]


def _apply_map(frame: pd.DataFrame, id_map: Mapping[str, str]) -> pd.DataFrame:
    """Ids of patients and scans mapped; of nodules only where nothing else names a case, as they are numbers."""
    if not id_map:
        return frame
    ids = [column for column in ("case", "pid", "scan_id") if column in frame] or ["nodule_id"]
    return frame.assign(**{column: frame[column].replace(dict(id_map)) for column in ids})


def _check_duplicates(frame: pd.DataFrame, predictions: Predictions) -> None:
    key = [name for name in ("pid", "scan_id", "date", "nodule_id", "fold") if name in frame]
    repeated = frame.duplicated(key, keep=False)
    if not repeated.any():
        return
    problems = []
    for _, rows in frame[repeated].groupby(key, sort=False, dropna=False):
        places = [predictions.locate(int(row)) for row in rows.index]
        lines = ", ".join(str(line) if line else place.name for place, line in places)
        if len({place for place, _ in places}) > 1:
            lines = ", ".join(f"{Path(*place.parts[-2:])}:{line}" for place, line in places)
        name = rows["pid"].iloc[0] if "case" not in rows else rows["case"].iloc[0]
        what = f"is scored {len(rows)} times (lines {lines})"
        year = rows["date"].iloc[0] if "date" in rows else ""
        fix = "keep one score a case"
        if len(year) == 4:
            what = f"has {len(rows)} scores of the year {year} (lines {lines})"
            fix = "scans of one year cannot be told apart by the year: give the day of each, or keep one"
        file, line = places[-1]
        problems.append(Problem(what, fix, file, line, "pid", str(name)))
    raise InputError(problems)


def _scores_as_table(
    frame: pd.DataFrame, cohort: Cohort, predictions: Predictions, warnings: list[str]
) -> pd.DataFrame:
    scores: npt.NDArray[np.float64] = frame["score"].to_numpy(np.float64)
    kind = predictions.score_type
    if kind == "percent":
        if scale := rating_scale(scores):
            warnings.append(f"the percentages look like {scale}: if they are, pass --score-type rank")
        if len(scores) > 1 and np.nanmax(scores, initial=0.0) <= 1:
            warnings.append("no percentage is above 1: if they are fractions, leave --score-type percent out")
        scores = scores / 100
    if kind in ("probability", "percent"):
        _check_range(frame, scores, kind, predictions)
    folds = frame["fold"] if "fold" in frame else pd.Series(ENSEMBLE, index=frame.index, dtype=TEXT)
    reason = frame["reason"] if "reason" in frame else pd.Series("", index=frame.index, dtype=TEXT)
    table = pd.DataFrame(
        {
            "model": predictions.model,
            "cohort": cohort.name,
            "pid": frame["pid"],
            "nodule_id": frame.get("nodule_id", ""),
            "fold": folds,
            "score": scores,
            "score_kind": "probability" if kind == "percent" else kind,
            "status": "scored",
            "reason": reason,
        }
    )
    table.loc[np.isnan(scores), "status"] = "failed"
    share = 100 if kind == "percent" else 1
    return table.assign(**{year: frame[year].to_numpy(np.float64) / share for year in year_columns(frame)})


def _missing(
    table: pd.DataFrame, cohort: Cohort, predictions: Predictions, rows: Rows | None
) -> tuple[pd.DataFrame, Rows]:
    """A failed row for every case of the cohort without one, and their rows of the nodule table.

    In every fold where folds scored all cases. In a cross-validation a case is missing if no fold has it.
    """
    parts, absent = [], []
    for fold, chosen in _expected_of(table).items():
        if rows is not None:
            lost = np.flatnonzero(np.bincount(rows[chosen], minlength=len(cohort.nodules)) == 0)
            cases = cohort.nodules[["pid", "nodule_id"]].iloc[lost]
        else:
            patients = cohort.nodules[["pid"]].drop_duplicates()
            cases = patients[~patients["pid"].isin(table["pid"][chosen])].assign(nodule_id="")
            lost = cases.index.to_numpy(np.int64)
        parts.append(cases.assign(fold=fold))
        absent.append(lost)
    if not any(map(len, parts)):
        return table.iloc[:0], np.zeros(0, dtype=np.int64)
    file, _ = predictions.locate(0)
    missing = pd.concat(parts, ignore_index=True).assign(
        model=predictions.model,
        cohort=cohort.name,
        score=np.nan,
        score_kind=table["score_kind"].iloc[0],
        status="failed",
        reason=f"not in {file.name}",
    )
    return missing[list(COLUMNS)], np.concatenate(absent)


def _expected_of(table: pd.DataFrame) -> dict[str, npt.NDArray[np.bool_]]:
    """Folds that should hold every case of the cohort, with the rows that count as theirs."""
    folds = list(table["fold"].unique())
    if len(folds) == 1:
        return {folds[0]: np.ones(len(table), dtype=bool)}
    structure = fold_structure(table)
    if structure.kind in ("out-of-fold", "mixed"):
        pooled = (table["fold"] == ENSEMBLE).to_numpy() if structure.stated else np.ones(len(table), dtype=bool)
        return {ENSEMBLE: pooled}
    return {fold: (table["fold"] == fold).to_numpy() for fold in folds}


def _check_range(
    frame: pd.DataFrame,
    scores: npt.NDArray[np.float64],
    kind: str,
    predictions: Predictions,
) -> None:
    outside = (scores < 0) | (scores > 1)
    if not outside.any():
        return
    low, high = float(np.nanmin(scores)), float(np.nanmax(scores))
    if kind == "percent":
        guess = "no percentages"
    elif scale := rating_scale(scores):
        guess = f"{scale}? pass --score-type rank, which uses their order only"
    elif low >= 0 and high <= 100:
        guess = "percentages? pass --score-type percent"
    else:
        guess = "logits? pass --score-type logit, or rank if only the order counts"
    if kind == "probability" and len(missing_codes(scores)):
        guess = f"a code for no score? empty such cells and pass --drop-missing; or {guess}"
    problems = []
    for row in np.flatnonzero(outside)[: 10 * SHOWN]:
        file, line = predictions.locate(int(frame.index[row]))
        value = repr(float(frame["score"].iloc[row]))
        problems.append(Problem("is no probability", guess, file, line, "score", value))
    raise InputError(problems)
