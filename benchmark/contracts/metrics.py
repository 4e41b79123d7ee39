"""The metric table: one number a row, with its interval, its counts and how it was computed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem

COLUMNS: Final = (
    "cohort",
    "model",
    "unit",
    "subgroup",
    "metric",
    "at",
    "value",
    "low",
    "high",
    "method",
    "n",
    "n_positive",
    "note",
)
NUMBERS: Final = ("value", "low", "high", "n", "n_positive")


def read_metric_table(path: Path | str) -> pd.DataFrame:
    """Read a metric table; ``value``, ``low``, ``high`` and the counts are float64, NaN where undefined.

    Raises:
        InputError: Names every bad cell of the file.
    """
    table = read_text_table(path, COLUMNS)
    frame = table.frame[list(COLUMNS)].copy()
    values = {column: table.number(column) for column in NUMBERS}
    table.finish()
    return frame.assign(**values)


def write_metric_table(frame: pd.DataFrame, path: Path | str) -> None:
    """Write a metric table, CSV or Parquet by suffix, atomically."""
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise InputError(Problem(f"columns are missing: {', '.join(missing)}", file=path))
    write_table(frame[list(COLUMNS)], path)
