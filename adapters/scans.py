"""Which scan speaks for a patient who was scanned several times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from adapters.card import Predictions
from adapters.cases import Rows
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.dates import NO_DATE, canonical_dates, first_or_last, how_to_convert, no_dates, same_date
from benchmark.contracts.text import TEXT
from benchmark.errors import SHOWN, InputError, Problem
from benchmark.wording import first_few

Scans = Literal["latest", "earliest", "max"]
_SHOWN = 5


@dataclass(frozen=True)
class Choice:
    """What a rule about scans works on, and where it says what it did.

    Attributes:
        cohort: For the dates of scans, if the file has none.
        rule: ``latest`` or ``earliest`` by date, or the ``max`` of the scores; None if nobody has several scans.
        predictions: For file and line of a message.
        recorded: The rule is written here if it was needed.
        warnings: What was dropped is written here.
    """

    cohort: Cohort
    rule: Scans | None
    predictions: Predictions
    recorded: dict[str, str]
    warnings: list[str]


def with_canonical_dates(frame: pd.DataFrame, predictions: Predictions) -> pd.DataFrame:
    """The same rows, ``date`` as text that sorts in time.

    Raises:
        InputError: Names file and line of every cell that is no date.
    """
    if "date" not in frame:
        return frame
    problems = []
    for row in np.flatnonzero(no_dates(frame["date"]))[: 10 * SHOWN]:
        file, line = predictions.locate(int(row))
        value = str(frame["date"].iloc[row])
        problems.append(Problem(NO_DATE, how_to_convert(value), file, line, "date", value))
    if problems:
        raise InputError(problems)
    return frame.assign(date=canonical_dates(frame["date"]))


def one_scan_a_patient(frame: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """Keep one row for each patient and fold, of scores of scans.

    Args:
        frame: Rows with ``pid`` and ``score``; ``scan_id`` and canonical ``date`` where known.
        choice: The rule.

    Returns:
        The rows that speak, in the order of the file.

    Raises:
        InputError: Some patient has several scans and there is no rule, or no dates to follow it.
    """
    _warn_of_other_scans(frame, choice)
    key = ["pid", "fold"] if "fold" in frame else ["pid"]
    several = frame.duplicated(key, keep=False)
    if not several.any():
        return frame
    _need_rule(frame, several, choice)
    if choice.rule == "max":
        kept = frame[_highest(frame, key)]
    else:
        kept = frame[_of_chosen_date(frame, key, several, choice, _dates(frame, choice.cohort))]
        _check_ties(kept, key, choice.predictions)
    _say(frame, kept, several, choice)
    return kept


def nodules_of_one_scan(frame: pd.DataFrame, rows: Rows, choice: Choice) -> npt.NDArray[np.bool_]:
    """Which scores of nodules speak for their patient: those of the chosen scan ``(rows,)``.

    Args:
        frame: Rows with ``pid``, ``nodule_id`` and ``score``; ``scan_id`` and canonical ``date`` where known.
        rows: Row of the nodule table of each row, whose ``study_date`` counts if the file has no date.
        choice: The rule; ``max`` keeps the highest score of a nodule that several scans show.

    Raises:
        InputError: A nodule has several scores and there is no rule, or no dates to follow it.
    """
    key = ["pid", "nodule_id", *(["fold"] if "fold" in frame else [])]
    repeated = frame.duplicated(key, keep=False)
    if repeated.any():
        _need_rule(frame, repeated, choice)
    kept: npt.NDArray[np.bool_] = np.ones(len(frame), dtype=bool)
    if choice.rule == "max" and repeated.any():
        kept = _highest(frame, key)
        _say(frame, frame[kept], repeated, choice)
    elif choice.rule in ("latest", "earliest"):
        person = ["pid", *(["fold"] if "fold" in frame else [])]
        several = frame.duplicated(person, keep=False)
        kept = _of_chosen_date(frame, person, several, choice, _dates(frame, choice.cohort, rows))
        _check_ties(frame[kept], key, choice.predictions)
        if not kept.all():
            _say(frame, frame[kept], several, choice)
    return kept


def _need_rule(frame: pd.DataFrame, several: pd.Series, choice: Choice) -> None:
    if choice.rule is not None:
        return
    row = int(np.flatnonzero(several)[0])
    file, line = choice.predictions.locate(int(frame.index[row]))
    patients = frame.loc[several, "pid"].nunique()
    what = f"{patients:,} patients have several scans, e.g. {frame['pid'].iloc[row]!r}"
    raise InputError(Problem(what, "say which one counts: --scans latest, earliest or max", file, line))


def _highest(frame: pd.DataFrame, key: list[str]) -> npt.NDArray[np.bool_]:
    """The first of the highest scores of each group; a failure only where there is nothing else."""
    order = frame["score"].fillna(-np.inf).sort_values(ascending=False, kind="stable").index
    best = frame.loc[order].drop_duplicates(key).index
    return np.asarray(frame.index.isin(best))


def _of_chosen_date(
    frame: pd.DataFrame, key: list[str], several: pd.Series, choice: Choice, dates: pd.Series
) -> npt.NDArray[np.bool_]:
    """Rows of the latest (or earliest) date of their patient; several dates that cannot be ordered are refused."""
    unknown = several & (dates == "")
    if unknown.any():
        file, line = choice.predictions.locate(int(frame.index[unknown][0]))
        what = f"the date of {int(unknown.sum()):,} scores is not known, neither from the file nor from the cohort"
        raise InputError(Problem(what, "use --scans max, or add study_date to the cohort", file, line))
    chosen = first_or_last([frame[name] for name in key], dates, last=choice.rule == "latest")
    written = dates[chosen].groupby([frame.loc[chosen, name] for name in key], sort=False).nunique()
    if (written > 1).any():
        first = written.index[written > 1][0]
        pid = first[0] if isinstance(first, tuple) else first
        row = frame.index[chosen & (frame["pid"] == pid).to_numpy(bool)][0]
        file, line = choice.predictions.locate(int(row))
        stated = ", ".join(sorted(set(dates[chosen & (frame["pid"] == pid).to_numpy(bool)])))
        what = f"the scans of {pid!r} cannot be ordered: {stated}"
        raise InputError(Problem(what, "give all of its dates alike, or use --scans max", file, line))
    return chosen


def _dates(frame: pd.DataFrame, cohort: Cohort, rows: Rows | None = None) -> pd.Series:
    """The canonical date of every row: the file's, else the cohort's; empty where neither says."""
    nothing = pd.Series("", index=frame.index, dtype=TEXT)
    if "date" in frame:
        return frame["date"]
    if "study_date" not in cohort.nodules:
        return nothing
    if "scan_id" in frame and "scan_id" in cohort.nodules:
        known = cohort.nodules[["scan_id", "study_date"]].dropna().drop_duplicates("scan_id")
        return canonical_dates(frame["scan_id"].map(known.set_index("scan_id")["study_date"]))
    if rows is not None:
        return canonical_dates(cohort.nodules["study_date"].iloc[rows].set_axis(frame.index))
    return nothing


def _say(frame: pd.DataFrame, kept: pd.DataFrame, several: pd.Series, choice: Choice) -> None:
    choice.recorded["scans"] = str(choice.rule)
    patients = frame.loc[several & ~frame.index.isin(kept.index), "pid"].nunique()
    kept_of = f"kept {len(kept):,} of {len(frame):,} scores"
    choice.warnings.append(f"{patients:,} patients have several scans: --scans {choice.rule} {kept_of}")


def _warn_of_other_scans(frame: pd.DataFrame, choice: Choice) -> None:
    """A scan, or a date, that none of a patient's scans in the cohort has: the model saw another scan."""
    other: list[str] = []
    nodules = choice.cohort.nodules
    if "scan_id" in frame and "scan_id" in nodules:
        strange = ~frame["scan_id"].isin(nodules["scan_id"].dropna())
        other = [f"{p} ({s})" for p, s in zip(frame["pid"][strange], frame["scan_id"][strange], strict=True)]
    elif "date" in frame and "study_date" in nodules:
        known = canonical_dates(nodules["study_date"])
        days = {pid: set(dates) for pid, dates in known[known != ""].groupby(nodules["pid"])}
        for pid, date in zip(frame["pid"], frame["date"], strict=True):
            own = days.get(pid, set())
            if own and date and not any(same_date(day, date) for day in own):
                other.append(f"{pid} ({date})")
    if other:
        choice.warnings.append(
            f"{len(other):,} scores are of scans that the cohort does not list: {first_few(other, _SHOWN)}"
        )


def _check_ties(kept: pd.DataFrame, key: list[str], predictions: Predictions) -> None:
    """Two scans of one day cannot be told apart by date."""
    repeated = kept.duplicated(key, keep=False)
    if repeated.any():
        file, line = predictions.locate(int(kept.index[repeated][0]))
        patients = kept.loc[repeated, "pid"]
        what = f"{patients.nunique():,} patients have several scans of one date, e.g. {patients.iloc[0]!r}"
        raise InputError(Problem(what, "use --scans max, or give one series a scan", file, line))
