"""Labels that a file carries must be the cohort's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from adapters.card import Predictions
from adapters.cases import Rows
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.dates import canonical_dates, same_date
from benchmark.contracts.patients import united_labels
from benchmark.errors import InputError, Problem


def check_labels(frame: pd.DataFrame, cohort: Cohort, predictions: Predictions, rows: Rows | None) -> None:
    """Compare the labels of a file with the cohort's; where either has none, there is nothing to compare.

    Args:
        frame: Rows with ``pid`` and ``label``, and what tells their scan.
        cohort: The cohort.
        predictions: For file and line of a message.
        rows: Row of the nodule table of each row, for scores of nodules.

    Raises:
        InputError: Names every row whose label the cohort contradicts.
    """
    if "label" not in frame:
        return
    said = pd.to_numeric(frame["label"], errors="coerce")
    known = _known(frame, cohort, rows)
    wrong = ((said != known) & said.notna() & known.notna()).fillna(False).to_numpy(bool)
    problems = []
    for row in np.flatnonzero(wrong).tolist():
        file, line = predictions.locate(frame.index[row])
        what = f"is the label of {frame['pid'].iloc[row]}, and the cohort says {int(known.iloc[row])}"
        problems.append(Problem(what, "find out which is right", file, line, "label", frame["label"].iloc[row]))
    if problems:
        raise InputError(problems)


def _known(frame: pd.DataFrame, cohort: Cohort, rows: Rows | None) -> pd.Series:
    """The cohort's label of each row; missing where the row cannot be told from the patient's other scans."""
    nodules = cohort.nodules
    if rows is not None:
        return nodules["malignant"].astype("Float64").iloc[rows].set_axis(frame.index)
    if "scan_id" in frame and "scan_id" in nodules:
        return frame["scan_id"].map(united_labels(nodules["malignant"], nodules["scan_id"])).astype("Float64")
    if "date" in frame and "study_date" in nodules:
        return _labels_by_date(frame, nodules)
    # One label may be of an early scan and another of a late one: only a patient's single row is compared.
    single = ~frame.duplicated(["pid", "fold"] if "fold" in frame else ["pid"], keep=False)
    return frame["pid"].map(cohort.patient_labels).astype("Float64").where(single)


def _labels_by_date(frame: pd.DataFrame, nodules: pd.DataFrame) -> pd.Series:
    """The label of the one scan of its patient that has the date of each row; missing if none has, or several."""
    label = united_labels(nodules["malignant"], [nodules["pid"], canonical_dates(nodules["study_date"])])
    own: dict[Any, list[tuple[str, Any]]] = {}
    for pid, day, value in label.reset_index().itertuples(index=False):
        own.setdefault(pid, []).append((day, value))
    found = []
    for pid, date in zip(frame["pid"], frame["date"], strict=True):
        labels = [label for day, label in own.get(pid, []) if same_date(day, date)]
        found.append(labels[0] if len(labels) == 1 else pd.NA)
    return pd.Series(found, index=frame.index, dtype="Float64")
