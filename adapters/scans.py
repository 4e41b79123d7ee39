"""Which scan speaks for a patient who was scanned several times."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
import pandas as pd

from adapters.card import Predictions
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.text import TEXT
from benchmark.errors import InputError, Problem

Scans = Literal["latest", "earliest", "max"]


def one_scan_a_patient(
    frame: pd.DataFrame,
    cohort: Cohort,
    rule: Scans | None,
    predictions: Predictions,
    recorded: dict[str, str],
    warnings: list[str],
) -> pd.DataFrame:
    """Keep one row for each patient and fold.

    Args:
        frame: Rows with ``pid`` and ``score``; ``scan_id`` and ``date`` where known.
        cohort: For the dates of scans, if the file has none.
        rule: ``latest`` or ``earliest`` by date, or the ``max`` of the scores; None if nobody has several scans.
        predictions: For file and line of a message.
        recorded: The rule is written here if it was needed.
        warnings: What was dropped is written here.

    Returns:
        The rows that speak, in the order of the file.

    Raises:
        InputError: Some patient has several scans and there is no rule, or no dates to follow it.
    """
    _warn_of_other_scans(frame, cohort, warnings)
    key = ["pid", "fold"] if "fold" in frame else ["pid"]
    several = frame.duplicated(key, keep=False)
    if not several.any():
        return frame
    patients = frame.loc[several, "pid"].nunique()
    if rule is None:
        row = int(np.flatnonzero(several)[0])
        file, line = predictions.locate(int(frame.index[row]))
        what = f"{patients:,} patients have several scans, e.g. {frame['pid'].iloc[row]!r}"
        raise InputError(Problem(what, "say which one counts: --scans latest, earliest or max", file, line))
    if rule == "max":
        order = frame["score"].fillna(-np.inf)
        ordered = frame.assign(_order=order).sort_values("_order", ascending=False, kind="stable")
    else:
        dates = _dates(frame, cohort, several, predictions)
        ordered = frame.assign(_order=dates).sort_values("_order", ascending=rule == "earliest", kind="stable")
        _check_ties(ordered, key, predictions)
    kept = ordered.drop_duplicates(key).sort_index().drop(columns="_order")
    recorded["scans"] = rule
    warnings.append(
        f"{patients:,} patients have several scans: --scans {rule} kept {len(kept):,} of {len(frame):,} scores"
    )
    return kept


def _dates(frame: pd.DataFrame, cohort: Cohort, several: pd.Series, predictions: Predictions) -> pd.Series:
    if "date" in frame:
        dates = frame["date"]
    elif "scan_id" in frame and "study_date" in cohort.nodules:
        known = cohort.nodules[["scan_id", "study_date"]].dropna().drop_duplicates("scan_id")
        dates = frame["scan_id"].map(known.set_index("scan_id")["study_date"])
    else:
        dates = pd.Series(None, index=frame.index, dtype=TEXT)
    dates = dates.astype("string").str.replace(r"[^0-9]", "", regex=True)
    unknown = several & (dates.isna() | (dates == ""))
    if unknown.any():
        file, line = predictions.locate(int(frame.index[unknown][0]))
        what = f"the date of {int(unknown.sum()):,} scans is not known, neither from the file nor from the cohort"
        raise InputError(Problem(what, "use --scans max, or add study_date to the cohort", file, line))
    return dates.fillna("").str.ljust(8, "0")


def _warn_of_other_scans(frame: pd.DataFrame, cohort: Cohort, warnings: list[str]) -> None:
    """A scan, or a date, that none of a patient's scans in the cohort has: the model saw another scan."""
    other: list[str] = []
    nodules = cohort.nodules
    if "scan_id" in frame and "scan_id" in nodules:
        strange = ~frame["scan_id"].isin(nodules["scan_id"].dropna())
        other = [f"{p} ({s})" for p, s in zip(frame["pid"][strange], frame["scan_id"][strange], strict=True)]
    elif "date" in frame and "study_date" in nodules:
        known = nodules[["pid", "study_date"]].dropna().drop_duplicates()
        days = known["study_date"].groupby(known["pid"]).agg(list)
        for pid, date in zip(frame["pid"], frame["date"], strict=True):
            own = days.get(pid, [])
            if own and not any(str(day).startswith(re.sub(r"\D", "", str(date))) for day in own):
                other.append(f"{pid} ({date})")
    if other:
        rest = f", ... and {len(other) - 5:,} more" if len(other) > 5 else ""
        warnings.append(
            f"{len(other):,} scores are of scans that the cohort does not list: {', '.join(other[:5])}{rest}"
        )


def _check_ties(ordered: pd.DataFrame, key: list[str], predictions: Predictions) -> None:
    """Two scans of one day cannot be told apart by date."""
    first = ordered.drop_duplicates(key).set_index(key)["_order"]
    same = ordered.set_index(key)["_order"]
    tied = same[same == first.reindex(same.index)]
    repeated = tied.index[tied.index.duplicated()]
    if len(repeated):
        pid = repeated[0][0] if isinstance(repeated[0], tuple) else repeated[0]
        file, line = predictions.locate(int(ordered.index[ordered["pid"] == pid][0]))
        what = f"{len(set(repeated)):,} patients have several scans of one date, e.g. {pid!r}"
        raise InputError(Problem(what, "use --scans max, or give one series a scan", file, line))
