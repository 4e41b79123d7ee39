"""Predictions meet a cohort and become a score table: to the letter, and nobody is lost on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import Predictions
from adapters.cases import Cases, Rows
from adapters.labels import check_labels
from adapters.scans import Scans, one_scan_a_patient
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import fold_structure
from benchmark.contracts.ids import match_ids
from benchmark.contracts.scores import COLUMNS, ENSEMBLE
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
    """

    table: pd.DataFrame
    warnings: list[str] = field(default_factory=list)
    recorded: dict[str, str] = field(default_factory=dict)
    extra: list[str] = field(default_factory=list)
    rows: Rows | None = None

    @property
    def failed(self) -> int:
        """Cases without a score."""
        return int((self.table["status"] == "failed").sum())


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
        scans: Which scan speaks for a patient who has several; needed only then.
        id_map: Ids of the file → ids of the cohort.
        extra: What to do with ids that the cohort does not have: ``error``, or ``drop`` them; the card beside the
            table lists them, so that the ledger can count them.

    Returns:
        One row a prediction, and one ``failed`` row for every case of the cohort that has none.

    Raises:
        InputError: Names file and line of every unknown id, duplicate, label that disagrees, and score that cannot
            be what ``score_type`` says.
    """
    frame = predictions.frame.reset_index(drop=True)
    result = Joined(pd.DataFrame(), list(predictions.warnings), dict(predictions.recorded))
    frame = _apply_map(frame, id_map or {})
    frame, unknown = _resolve_cases(frame, cohort, predictions)
    rows = None
    if "nodule_id" in frame:
        rows = Cases(cohort.nodules).rows(frame["pid"], frame["nodule_id"])
        unknown |= rows < 0
    if unknown.any():
        if extra == "error":
            raise InputError(_unknown_problems(frame, unknown, cohort, predictions))
        result.extra = _names(frame[unknown])
        result.warnings.append(
            f"{int(unknown.sum()):,} of {len(frame):,} rows belong to no case of {cohort.name} and were dropped"
        )
        frame, rows = frame[~unknown], rows if rows is None else rows[~unknown]
        if frame.empty:
            raise InputError(_nothing_left(cohort, predictions))
    _check_duplicates(frame, predictions)
    check_labels(frame, cohort, predictions, rows)
    if rows is None:
        frame = one_scan_a_patient(frame, cohort, scans, predictions, result.recorded, result.warnings)
    table = _table(frame, cohort, predictions)
    missing, absent = _missing(table, cohort, predictions, rows)
    result.table = pd.concat([table, missing], ignore_index=True) if len(missing) else table
    result.rows = rows if rows is None else np.concatenate([rows, absent])
    return result


def _apply_map(frame: pd.DataFrame, id_map: Mapping[str, str]) -> pd.DataFrame:
    if not id_map:
        return frame
    ids = [column for column in ("case", "pid", "scan_id", "nodule_id") if column in frame]
    return frame.assign(**{column: frame[column].replace(dict(id_map)) for column in ids})


def _resolve_cases(
    frame: pd.DataFrame, cohort: Cohort, predictions: Predictions
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Give every row the ``pid`` of the cohort; which rows have none."""
    nodules = cohort.nodules
    pids = pd.Index(nodules["pid"].unique())
    if "pid" in frame:
        return frame, ~frame["pid"].isin(pids).to_numpy()
    column = "case" if "case" in frame else "scan_id"
    case = frame[column]
    scan_of = _scan_owner(cohort)
    as_pid, as_scan = case.isin(pids), case.isin(scan_of.index)
    if column == "case" and (as_pid.sum() >= as_scan.sum()):
        return frame.assign(pid=case), ~as_pid.to_numpy()
    if not len(scan_of):
        what = f"the file names scans, and the cohort {cohort.name} has no column scan_id"
        fix = "prepare the cohort with its scans, or pass --id-map FILE (scan, patient)"
        file, _ = predictions.locate(0)
        if not as_pid.all():
            raise InputError(Problem(what, fix, file))
        return frame.assign(pid=case), ~as_pid.to_numpy()
    owner = case.map(scan_of)
    return frame.assign(scan_id=case, pid=owner.where(as_scan, case)), ~as_scan.to_numpy()


def _scan_owner(cohort: Cohort) -> pd.Series:
    if "scan_id" not in cohort.nodules:
        return pd.Series(dtype=object)
    scans = cohort.nodules[["scan_id", "pid"]].dropna().drop_duplicates("scan_id")
    return scans.set_index("scan_id")["pid"]


def _names(frame: pd.DataFrame) -> list[str]:
    column = next(name for name in ("case", "pid", "scan_id") if name in frame)
    names = frame[column] + (" nodule " + frame["nodule_id"] if "nodule_id" in frame else "")
    return list(dict.fromkeys(names))


def _nothing_left(cohort: Cohort, predictions: Predictions) -> Problem:
    file, _ = predictions.locate(0)
    return Problem(f"no row belongs to the cohort {cohort.name}", "is this the right cohort?", file)


def _unknown_problems(
    frame: pd.DataFrame,
    unknown: npt.NDArray[np.bool_],
    cohort: Cohort,
    predictions: Predictions,
) -> list[Problem]:
    """First what is wrong with all of them, then each row with its nearest match."""
    rows = np.flatnonzero(unknown)
    column = next(name for name in ("case", "scan_id", "pid") if name in frame)
    of_scan = column == "scan_id" or ("scan_id" in frame and column == "case")
    expected = _scan_owner(cohort).index if of_scan else cohort.nodules["pid"].unique()
    match = match_ids(frame[column], expected)
    file, _ = predictions.locate(int(rows[0]))
    problems = []
    if match.extra:
        what = (
            f"ids do not match: {len(match.joined):,} of {len(match.joined) + len(match.extra):,} "
            f"are in the cohort {cohort.name}, whose {len(match.missing):,} other ids are not in the file"
        )
        fix = "keep ids as text; --extra drop goes on without them"
        if match.mapping:
            pairs = ", ".join(f"{a!r} → {b!r}" for a, b in list(match.mapping.items())[:3])
            fix = (
                f"{len(match.mapping):,} differ only in zeros, blanks or case ({pairs}): "
                "if they are the same, write them with --write-id-map FILE and pass --id-map FILE"
            )
        problems.append(Problem(what, fix, file))
    for row in rows[: 10 * SHOWN]:
        name = str(frame[column].iloc[row])
        place, line = predictions.locate(int(row))
        if name in match.extra or name not in match.joined:
            what = f"is not in the cohort {cohort.name}{match.hint(name)}"
            problems.append(Problem(what, "", place, line, column, name))
        else:
            nodule = str(frame["nodule_id"].iloc[row])
            own = cohort.nodules.loc[cohort.nodules["pid"] == frame["pid"].iloc[row], "nodule_id"]
            what = f"is no nodule of {name} in the cohort {cohort.name} (it has {', '.join(own[:10])})"
            problems.append(Problem(what, "", place, line, "nodule_id", nodule))
    return problems


def _check_duplicates(frame: pd.DataFrame, predictions: Predictions) -> None:
    key = [name for name in ("pid", "scan_id", "date", "nodule_id", "fold") if name in frame]
    repeated = frame.duplicated(key, keep=False)
    if not repeated.any():
        return
    problems = []
    for _, rows in frame[repeated].groupby(key, sort=False, dropna=False):
        places = [predictions.locate(int(row)) for row in rows.index]
        lines = ", ".join(str(line) if line else place.name for place, line in places)
        name = rows["pid"].iloc[0] if "case" not in rows else rows["case"].iloc[0]
        what = f"is scored {len(rows)} times (lines {lines})"
        file, line = places[-1]
        problems.append(Problem(what, "keep one score a case", file, line, "pid", str(name)))
    raise InputError(problems)


def _table(frame: pd.DataFrame, cohort: Cohort, predictions: Predictions) -> pd.DataFrame:
    scores: npt.NDArray[np.float64] = frame["score"].to_numpy(np.float64)
    kind = predictions.score_type
    if kind == "percent":
        scores = scores / 100
    if kind in ("probability", "percent"):
        _check_range(frame, scores, kind, predictions)
    folds = frame["fold"] if "fold" in frame else pd.Series(ENSEMBLE, index=frame.index, dtype=object)
    reason = frame["reason"] if "reason" in frame else pd.Series("", index=frame.index, dtype=object)
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
    return table


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
    elif low >= 0 and high <= 100:
        guess = "percentages? pass --score-type percent"
    else:
        guess = "logits? pass --score-type logit, or rank if only the order counts"
    problems = []
    for row in np.flatnonzero(outside)[: 10 * SHOWN]:
        file, line = predictions.locate(int(frame.index[row]))
        value = repr(float(frame["score"].iloc[row]))
        problems.append(Problem("is no probability", guess, file, line, "score", value))
    raise InputError(problems)
