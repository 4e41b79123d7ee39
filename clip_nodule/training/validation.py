"""What each fold's model says of its own validation patients: for calibration and for comparing settings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.text_table import read_text_table, write_table
from clip_nodule.network.losses import MISSING
from clip_nodule.runs.calibration import CalibrationMethod, fit_calibration, save_calibration
from clip_nodule.training.data import TrainingData

FILE = "validation.csv"


def record_validation(
    folder: Path,
    data: TrainingData,
    validation: npt.NDArray[np.int64],
    scores: npt.NDArray[np.float64],
    method: CalibrationMethod | Literal["none"],
) -> None:
    """Write ``fold_k/validation.csv`` and fit the fold's calibration on it.

    Args:
        folder: ``fold_k``.
        data: The run's data.
        validation: Positions of the fold's validation nodules.
        scores: Their probabilities by the fold's model.
        method: The kind of calibration.
    """
    table = data.table.iloc[validation]
    labels = table["label"].to_numpy(np.int64)
    known = labels != MISSING
    ids = [name for name in ("pid", "nodule_id", "cohort") if name in table]
    out = table[ids].assign(malignant=pd.array(np.where(known, labels, 0), dtype="Int8"), score=scores)
    out.loc[~known, "malignant"] = pd.NA
    write_table(out, folder / FILE)
    if method != "none" and len(np.unique(labels[known])) == 2:
        save_calibration(fit_calibration(scores[known], labels[known], method), folder)


def read_validation(folder: Path) -> pd.DataFrame:
    """``pid, nodule_id, malignant`` (NaN where unknown) and ``score`` of a fold's validation nodules.

    Runs have ``cohort`` too since there can be several.
    """
    table = read_text_table(folder / FILE, ("pid", "nodule_id", "malignant", "score"))
    frame = table.frame.copy()
    frame["malignant"], frame["score"] = table.number("malignant"), table.number("score", empty=False)
    table.finish()
    return frame
