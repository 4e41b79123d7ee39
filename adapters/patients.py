"""Whose score a row is: the ids of a file against those of a cohort, to the letter, with the near misses named."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import Predictions
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.ids import match_ids
from benchmark.contracts.text import TEXT
from benchmark.errors import SHOWN, InputError, Problem


@dataclass(frozen=True)
class FoundPatients:
    """Whose the rows of a file are.

    Attributes:
        frame: The rows with the ``pid`` of the cohort.
        unknown: Which rows belong to no patient of the cohort.
        column: The column that said so.
        by_scan: Whether its values are scans.
    """

    frame: pd.DataFrame
    unknown: npt.NDArray[np.bool_]
    column: str
    by_scan: bool = False


def find_patients(frame: pd.DataFrame, cohort: Cohort, predictions: Predictions) -> FoundPatients:
    """Give every row the ``pid`` of the cohort; which rows have none."""
    nodules = cohort.nodules
    pids = pd.Index(nodules["pid"].unique())
    if "pid" in frame:
        return FoundPatients(frame, pids.get_indexer(pd.Index(frame["pid"])) < 0, "pid")
    column = next((name for name in ("case", "scan_id") if name in frame), None)
    if column is None:
        return _patients_of_nodules(frame, cohort, predictions)
    case = frame[column]
    scan_of = _scan_owner(cohort)
    as_pid, as_scan = case.isin(pids), case.isin(scan_of.index)
    if column == "case" and (as_pid.sum() >= as_scan.sum()):
        return FoundPatients(frame.assign(pid=case), ~as_pid.to_numpy(), column)
    if not len(scan_of):
        what = f"the file names scans, and the cohort {cohort.name} has no column scan_id"
        fix = "prepare the cohort with its scans, or pass --id-map FILE (scan, patient)"
        file, _ = predictions.locate(0)
        if not as_pid.all():
            raise InputError(Problem(what, fix, file))
        return FoundPatients(frame.assign(pid=case), ~as_pid.to_numpy(), column)
    owned = frame.assign(scan_id=case, pid=case.map(scan_of).where(as_scan, case))
    return FoundPatients(owned, ~as_scan.to_numpy(), column, by_scan=True)


def _patients_of_nodules(frame: pd.DataFrame, cohort: Cohort, predictions: Predictions) -> FoundPatients:
    """The patient of each row of a file that names nodules only, e.g. by LUNA25's AnnotationID.

    Raises:
        InputError: Several patients of the cohort have a nodule of that name.
    """
    owners = cohort.nodules[["pid", "nodule_id"]].drop_duplicates()
    shared = owners["nodule_id"].value_counts()
    shared = shared[shared > 1]
    problems = []
    for row in np.flatnonzero(frame["nodule_id"].isin(shared.index))[: 10 * SHOWN]:
        file, line = predictions.locate(int(row))
        name = str(frame["nodule_id"].iloc[row])
        what = f"{shared[name]:,} patients of {cohort.name} have a nodule of this name"
        fix = "say whose it is, in a column with the patient (--column pid=NAME)"
        problems.append(Problem(what, fix, file, line, "nodule_id", name))
    if problems:
        raise InputError(problems)
    pid = frame["nodule_id"].map(owners.drop_duplicates("nodule_id").set_index("nodule_id")["pid"])
    unknown = pid.isna().to_numpy(bool)
    return FoundPatients(frame.assign(pid=pid.where(~unknown, "")), unknown, "nodule_id")


def _scan_owner(cohort: Cohort) -> pd.Series:
    if "scan_id" not in cohort.nodules:
        return pd.Series(dtype=TEXT)
    scans = cohort.nodules[["scan_id", "pid"]].dropna().drop_duplicates("scan_id")
    return scans.set_index("scan_id")["pid"]


def case_names(frame: pd.DataFrame) -> list[str]:
    """The cases of a file as text, each once."""
    column = next(name for name in ("case", "pid", "scan_id") if name in frame)
    names = frame[column] + (" nodule " + frame["nodule_id"] if "nodule_id" in frame else "")
    return list(dict.fromkeys(names.str.removeprefix(" ")))


def _key_of(column: str) -> str:
    """The column of the nodule table that holds what ``column`` of the file names."""
    return "nodule_id" if column == "nodule_id" else "pid"


def nothing_left(cohort: Cohort, predictions: Predictions) -> Problem:
    """What to say where every row was dropped."""
    file, _ = predictions.locate(0)
    return Problem(f"no row belongs to the cohort {cohort.name}", "is this the right cohort?", file)


def _unknown_nodules(
    found: FoundPatients, unknown: npt.NDArray[np.bool_], extra: set[str], cohort: Cohort, file: Path
) -> list[Problem]:
    """How many rows name a nodule that a patient of the cohort does not have, and what that comes from."""
    known_patient = unknown & ~found.frame[found.column].isin(extra).to_numpy(bool)
    if "nodule_id" not in found.frame or found.column == "nodule_id" or not known_patient.any():
        return []
    what = (
        f"nodules do not match: {int(known_patient.sum()):,} of {len(found.frame):,} rows name one that the "
        f"patient does not have in the cohort {cohort.name}"
    )
    fix = (
        "nodules must be called as in its nodules.csv (prepared from a table? `bench cohort prepare csv --column "
        "nodule_id=NAME` keeps the table's names); --extra drop goes on without them"
    )
    return [Problem(what, fix, file)]


def unknown_problems(
    found: FoundPatients, unknown: npt.NDArray[np.bool_], cohort: Cohort, predictions: Predictions
) -> list[Problem]:
    """First what is wrong with all rows that are ``unknown``, then each of them with its nearest match."""
    frame, column, rows = found.frame, found.column, np.flatnonzero(unknown)
    expected = _scan_owner(cohort).index if found.by_scan else cohort.nodules[_key_of(column)].unique()
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
    problems += _unknown_nodules(found, unknown, set(match.extra), cohort, file)
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
