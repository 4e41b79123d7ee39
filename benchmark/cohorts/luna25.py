"""LUNA25: the public training and development annotations of the lung nodule malignancy challenge.

All patients come from NLST. One row is one nodule in one scan: a patient with several screens has several.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.cohorts.prepared import Prepared, compare_release, counts, expand
from benchmark.contracts.dates import report_dates
from benchmark.contracts.delimiters import has_column
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem

_REQUIRED: Final = (
    "PatientID",
    "SeriesInstanceUID",
    "StudyDate",
    "CoordX",
    "CoordY",
    "CoordZ",
    "AnnotationID",
    "NoduleID",
    "label",
)
RELEASED: Final = {
    "nodules": 6163,
    "nodules_positive": 555,
    "patients": 2120,
    "patients_positive": 333,
    "scans": 4069,
}
_FIELDS: Final = {
    "title": "LUNA25",
    "ct_type": "low-dose",
    "population": "screening",
    "endpoint": "lung cancer as released by the challenge: per nodule, histology or follow-up in NLST",
    "frame": "LPS",
    "shares_patients_with": ("nlst", "unicorn"),
}


def prepare(paths: Sequence[Path]) -> Prepared:
    """Read LUNA25's annotations, and the lobes if their file is given.

    Args:
        paths: The annotation CSV, the CSV ``AnnotationID,lob_loc``, or a folder with them.

    Returns:
        One row an annotation; ``nodule_id`` is the AnnotationID, ``lesion`` the NoduleID that screens share.

    Raises:
        InputError: Names every cell that cannot be read.
    """
    files = expand(paths, (".csv",), "LUNA25's CSV files")
    annotations = [file for file in files if has_column(file, "SeriesInstanceUID")]
    lobes = [file for file in files if has_column(file, "lob_loc")]
    if len(annotations) != 1:
        what = f"{len(annotations)} CSV files have the column SeriesInstanceUID"
        raise InputError(Problem(what, "give LUNA25's annotation file", ", ".join(map(str, paths))))
    source = read_text_table(annotations[0], _REQUIRED)
    table = _checked_nodules(source)
    prepared = Prepared("luna25", table, _FIELDS, annotations + lobes[:1])
    if lobes:
        _add_lobes(table, lobes[0])
    else:
        prepared.missing.append("the file with lob_loc, so lobe and upper_lobe are not filled in")
    prepared.missing.append("images: image_path is SeriesInstanceUID.mha; set image_root in cohort.yaml")
    prepared.warnings += compare_release(counts(table), RELEASED, "LUNA25")
    return prepared


def _checked_nodules(source: TextTable) -> pd.DataFrame:
    frame = source.frame
    for column in ("PatientID", "AnnotationID", "SeriesInstanceUID", "NoduleID"):
        source.check_ids(column)
    source.report(~frame["label"].isin(["0", "1"]), "label", "is neither 0 nor 1")
    report_dates(source, "StudyDate", days=True)
    twice = frame.duplicated(["PatientID", "AnnotationID"])
    source.report(twice, "AnnotationID", "stands in the file twice", "keep one row an annotation")
    coordinates = {f"coord{axis}": source.number(f"Coord{axis}", empty=False) for axis in "XYZ"}
    optional = {"Age_at_StudyDate": "age", "Gender": "sex"}
    source.finish()
    table = pd.DataFrame(
        {
            "pid": frame["PatientID"],
            "nodule_id": frame["AnnotationID"],
            "image_path": frame["SeriesInstanceUID"] + ".mha",
            **coordinates,
            "malignant": frame["label"].map({"0": 0, "1": 1}).astype("Int8"),
            "scan_id": frame["SeriesInstanceUID"],
            "study_date": frame["StudyDate"],
            "lesion": frame["NoduleID"],
            **{new: frame[old].replace("", None) for old, new in optional.items() if old in frame},
        }
    )
    table["nodule_count"] = table.groupby("scan_id")["nodule_id"].transform("size").astype(str)
    return table


def _add_lobes(table: pd.DataFrame, file: Path) -> None:
    """Fill ``lobe`` and ``upper_lobe`` (1, 0, or empty where the lobe is undefined)."""
    source = read_text_table(file, ("AnnotationID", "lob_loc"))
    source.report(source.frame.duplicated("AnnotationID"), "AnnotationID", "stands in the file twice")
    source.finish()
    lobe = table["nodule_id"].map(source.frame.set_index("AnnotationID")["lob_loc"])
    known = lobe.str.contains("lobe", na=False)
    table["lobe"] = lobe.where(known)
    table["upper_lobe"] = lobe.str.contains("upper", na=False).map({True: "1", False: "0"}).where(known)
