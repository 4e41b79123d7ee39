"""The ground truth that a challenge's evaluation is given: the label, and perhaps the patient, of each case."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import pandas as pd

from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem
from benchmark.files import list_finished

CaseUnit = Literal["nodule", "scan"]
ID_COLUMNS: Final[dict[CaseUnit, tuple[str, ...]]] = {
    "nodule": ("AnnotationID",),
    "scan": ("case_id", "case", "scan_id", "SeriesInstanceUID"),
}
"""What is scored → columns that may name it; the first that is there."""
PATIENT_COLUMNS: Final = ("PatientID", "patient_id", "pid")
_LABELS: Final = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


@dataclass(frozen=True)
class GroundTruth:
    """Labels of the cases.

    Attributes:
        path: The file.
        column: Its column of ids.
        labels: 0 or 1 by id, in the order of the file, ``(n,)``; an id stands once.
        patients: Patient by id, ``(n,)``; None where the file does not say.
    """

    path: Path
    column: str
    labels: pd.Series
    patients: pd.Series | None


def read_ground_truth(path: Path, unit: CaseUnit) -> GroundTruth:
    """Read the labels of nodules, by ``AnnotationID``, or of scans.

    Args:
        path: A CSV file, or a folder with one.
        unit: What a score is about.

    Raises:
        InputError: Names the columns that are missing, and every row whose id is empty or another's with another
            label or patient, and every label that is neither 0 nor 1.
    """
    file = _single_csv(path)
    table = read_text_table(file, ("label",))
    column = _first_of(table, ID_COLUMNS[unit], f"the ids of {unit}s")
    patient = next((name for name in PATIENT_COLUMNS if name in table.frame), None)
    table.check_ids(column)
    if patient is not None:
        table.check_ids(patient)
    label = table.frame["label"].map(_LABELS)
    table.report(label.isna(), "label", "is neither 0 nor 1", "give 1 for malignant, 0 for benign")
    frame = pd.DataFrame({"id": table.frame[column], "label": label})
    if patient is not None:
        frame["patient"] = table.frame[patient]
    _report_contradictions(table, column, frame)
    table.finish()
    once = frame.drop_duplicates("id").set_index("id")
    return GroundTruth(file, column, once["label"].astype(np.int64), once["patient"] if patient else None)


def _report_contradictions(table: TextTable, column: str, frame: pd.DataFrame) -> None:
    """Rows of one id must say the same: which of two labels counts is not for us to choose."""
    for name in frame.columns.drop("id"):
        several = frame.groupby("id")[name].transform("nunique") > 1
        fix = "keep the row that is right, or give scores of the same unit as the table's rows"
        table.report(several, column, f"stands in several rows that differ in their {name}", fix)


def _single_csv(path: Path) -> Path:
    if not path.is_dir():
        return path
    found = [file for file in list_finished(path) if file.suffix.lower() == ".csv"]
    if len(found) != 1:
        what = f"holds {len(found)} CSV files" + (f": {', '.join(file.name for file in found)}" if found else "")
        raise InputError(Problem(what, "name the file with the labels", path))
    return found[0]


def _first_of(table: TextTable, names: tuple[str, ...], what: str) -> str:
    found = next((name for name in names if name in table.frame), None)
    if found is None:
        fix = f"columns found: {', '.join(map(str, table.frame.columns))}"
        raise InputError(Problem(f"has no column of {what} ({' or '.join(names)})", fix, table.path, 1))
    return found
