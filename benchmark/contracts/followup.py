"""Follow-up in a nodule table: how long each patient was followed, and what that says of a binary endpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import TextTable

TimeUnit = Literal["years", "months", "days"]
COLUMNS: Final = ("time", "event")
PER_YEAR: Final[dict[TimeUnit, int]] = {"years": 1, "months": 12, "days": 365}
"""How many make a year; days as the horizon of one year of the National Lung Screening Trial is counted."""
_EVENTS: Final = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


def years(time: pd.Series, unit: TimeUnit) -> pd.Series:
    """Times in years."""
    return time / PER_YEAR[unit]


def followed_nodules(
    nodules: pd.DataFrame, unit: TimeUnit, horizon: float | None, path: Path | str = "nodules.csv"
) -> pd.DataFrame:
    """Check the follow-up of a nodule table, and let ``malignant`` say no more than it tells.

    With a horizon, a patient who was followed through it without the event is benign (a nodule without a label
    becomes 0), one with the event by then is malignant, and one whose follow-up ended before it is unknown: a
    label of 0 is taken away (`censored_before`).

    Args:
        nodules: A nodule table with ``time`` (from the scan to the event or to the end of follow-up) and ``event``
            (1, or 0 where follow-up ended without it), the same in all rows of a patient; both may be empty.
        unit: Of ``time``.
        horizon: Years within which the endpoint counts; None if it has none, labels then stay.
        path: File that problems name.

    Returns:
        The same rows with ``time`` float64 and ``event`` ``Int8``, missing where they are not known.

    Raises:
        InputError: A column is missing, a time is negative or no number, an event is not 0 or 1, one of the two is
            empty alone, a patient has several, or labels contradict the follow-up.
    """
    missing = [column for column in COLUMNS if column not in nodules]
    given = nodules.assign(**dict.fromkeys(missing, ""))
    texts = {c: text_column(("" if pd.isna(v) else str(v) for v in given[c]), nodules.index) for c in COLUMNS}
    shown = pd.DataFrame({**texts, "malignant": nodules["malignant"].astype(str)})
    table = TextTable(Path(path), shown, _lines=range(2, len(nodules) + 2))
    if missing:
        what, fix = (
            "is missing, though the manifest states a time_unit",
            "add it, or take time_unit off the manifest",
        )
        for column in missing:
            table.report(np.arange(len(nodules)) == 0, column, what, fix)
        table.finish()
    time = pd.Series(table.number("time"), nodules.index)
    event = pd.Series([_EVENTS.get(text.strip()) for text in texts["event"]], nodules.index, dtype="Int8")
    table.report(
        time < 0, "time", "is negative", f"give the {unit} from the scan to the event or end of follow-up"
    )
    unread = (texts["event"].str.strip() != "") & event.isna()
    table.report(unread, "event", "is neither 0 nor 1", "1: the event at that time, 0: follow-up ended without it")
    fix = "give both, or neither where follow-up is not known"
    table.report(event.notna() & (texts["time"] == ""), "time", "is empty though event is given", fix)
    table.report(
        (texts["event"].str.strip() == "") & (texts["time"] != ""), "event", "is empty though time is given", fix
    )
    for column, values in (("time", time), ("event", event)):
        several = values.groupby(nodules["pid"]).transform("nunique") > 1
        partly = values.isna().groupby(nodules["pid"]).transform("nunique") > 1
        table.report(several | partly, column, "differs between rows of the patient", "one follow-up a patient")
    table.finish()
    found = nodules.assign(time=time, event=event)
    if horizon is None:
        return found
    label = _labels_within(found, years(time, unit), horizon, table)
    table.finish()
    return found.assign(malignant=label)


def censored_before(nodules: pd.DataFrame, unit: TimeUnit, horizon: float) -> pd.Series:
    """Rows of patients whose follow-up ended before the horizon without the event."""
    early = years(nodules["time"], unit) < horizon
    return early & (nodules["event"] == 0).fillna(False).astype(bool)


def _labels_within(nodules: pd.DataFrame, time: pd.Series, horizon: float, table: TextTable) -> pd.Series:
    label, pid = nodules["malignant"], nodules["pid"]
    had = (nodules["event"] == 1).fillna(False).astype(bool) & (time <= horizon)
    through = time.notna() & ~had & (time >= horizon)
    ended = time.notna() & ~had & ~through
    positive = (label == 1).fillna(False).astype(bool)
    fix = "correct one of them, or leave time and event empty"
    span = f"by year {horizon:g}"
    table.report(positive & (through | ended), "malignant", f"is 1, but the patient had no event {span}", fix)
    labelled = label.notna().groupby(pid).transform("all")
    some = positive.groupby(pid).transform("any")
    table.report(
        had & labelled & ~some, "malignant", f"is 0 in all nodules of a patient with the event {span}", fix
    )
    alone = pid.groupby(pid).transform("size") == 1
    what = f"is empty in a patient of several nodules with the event {span}: which is malignant cannot be told"
    table.report(had & ~alone & ~some & ~labelled, "malignant", what, "label the nodules")
    label = label.mask(label.isna() & had & alone, 1).mask(label.isna() & through, 0)
    return label.mask(ended & ~positive, pd.NA).astype("Int8")
