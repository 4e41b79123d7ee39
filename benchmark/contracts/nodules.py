"""The nodule table: one row a nodule, where it lies and what it turned out to be."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.contracts.dates import report_dates
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import GROUPED, SHOWN

IDS = ("pid", "nodule_id")
COORDINATES = ("coordX", "coordY", "coordZ")
REQUIRED = (*IDS, "image_path", *COORDINATES)
COLUMNS = (*REQUIRED, "malignant")
_LABELS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1}


def read_nodule_table(
    path: Path | str,
    *,
    label_map: Mapping[str, int | None] | None = None,
    sep: str | None = None,
    encoding: str = "utf-8",
) -> pd.DataFrame:
    """Read a nodule table (the CSV of the paper's code, with or without further columns).

    Args:
        path: CSV file with at least ``pid, nodule_id, image_path, coordX, coordY, coordZ``.
        label_map: What other spellings in ``malignant`` mean, e.g. ``{"benign": 0}``; None is no label. One that
            maps numbers must map all: a rating of 1 is not a malignant nodule.
        sep: The delimiter; None where the user cannot say it (see ``read_text_table``).
        encoding: A Python codec name.

    Returns:
        The rows in the order of the file. Ids and ``image_path`` are text, coordinates float64 in mm (NaN where
        the cell is empty), ``malignant`` is nullable ``Int8``; every other column is text, missing where the
        cell is empty. All text has the dtype ``benchmark.contracts.text.TEXT``.

    Raises:
        InputError: Names every bad cell, duplicate nodule and contradicting label of the file, and every
            ``study_date`` that is no date.
    """
    return checked_nodules(read_text_table(path, REQUIRED, sep=sep, encoding=encoding), label_map)


def checked_nodules(table: TextTable, label_map: Mapping[str, int | None] | None = None) -> pd.DataFrame:
    """A table of text as a nodule table: see ``read_nodule_table``."""
    for column in IDS:
        table.check_ids(column)
    if "scan_id" in table.frame:
        table.check_ids("scan_id", empty=True)
    _check_duplicates(table)
    frame = table.frame.copy()
    for column in COORDINATES:
        frame[column] = table.number(column)
    frame["malignant"] = _parsed_labels(table, label_map or {})
    if "study_date" in frame:
        report_dates(table, "study_date")
    table.finish()
    for column in frame.columns.difference(list(COLUMNS)):
        empty = frame[column] == ""
        if empty.any():
            frame.loc[empty, column] = None
    return frame


def write_nodule_table(frame: pd.DataFrame, path: Path | str) -> None:
    """Write a nodule table; the columns of the contract come first."""
    first = [column for column in COLUMNS if column in frame]
    write_table(frame[[*first, *(c for c in frame if c not in first)]], path)


def numbers(frame: pd.DataFrame, column: str, path: Path | str = "nodules.csv") -> pd.Series:
    """An optional column of a nodule table as float64; missing stays NaN.

    Raises:
        InputError: A cell is neither empty nor a finite number.
    """
    text = text_column(("" if pd.isna(cell) else str(cell) for cell in frame[column]), frame.index)
    table = TextTable(Path(path), text.to_frame(column))
    table._lines = [index + 2 for index in range(len(frame))]
    values = table.number(column)
    table.finish()
    return pd.Series(values, index=frame.index, name=column)


def _parsed_labels(table: TextTable, label_map: Mapping[str, int | None]) -> pd.Series:
    if "malignant" not in table.frame:
        return pd.Series(pd.NA, index=table.frame.index, dtype="Int8")
    text = table.frame["malignant"].str.strip()
    rated = any(spelling.replace(".", "", 1).isdigit() for spelling in label_map)
    known: dict[str, int | None] = {**({} if rated else _LABELS), **label_map}
    table.report(
        (text != "") & ~text.isin(list(known)),
        "malignant",
        "is not a label" if not rated else "is a number that --label-map leaves out",
        "use 0, 1 or an empty cell, or say what it means with --label-map (TEXT= is no label)",
    )
    code, spellings = pd.factorize(text)
    labels = pd.array([known.get(spelling) for spelling in spellings.tolist()], dtype="Int8")
    return pd.Series(labels.take(code), index=text.index)


def _check_duplicates(table: TextTable) -> None:
    frame = table.frame
    repeated = frame.duplicated(list(IDS), keep=False).to_numpy()
    if not repeated.any():
        return
    groups = frame[repeated].groupby(list(IDS), sort=False)
    if groups.ngroups > GROUPED:
        what = f"{groups.ngroups:,} nodules stand on several lines"
        if "malignant" in frame:
            contradicting = int((groups["malignant"].nunique() > 1).sum())
            what += f", {contradicting:,} of them with contradicting labels"
        table.report(frame.duplicated(list(IDS)), "nodule_id", what, "keep one row a nodule")
        return
    for (pid, nodule), rows in groups:
        lines = [str(table.line(int(row))) for row in rows.index]
        more = f" and {len(lines) - SHOWN:,} more" if len(lines) > SHOWN else ""
        labels = sorted(set(rows["malignant"])) if "malignant" in rows else []
        what = f"nodule {nodule!r} of patient {pid!r} stands on lines {', '.join(lines[:SHOWN])}{more}"
        if len(labels) > 1:
            what += f" with contradicting labels {', '.join(map(repr, labels[:SHOWN]))}"
        mask = np.zeros(len(frame), dtype=bool)
        mask[rows.index[-1]] = True
        table.report(mask, "nodule_id", what, "keep one row a nodule")
