"""The table of a cohort's series (``series.csv``), the manifest of s5cmd beside it, and what nodules get of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmark.cohorts.idc.matching import LOCATED_BY, ScanKey
from benchmark.contracts.series_uids import is_dicom_uid
from benchmark.contracts.text import text_column
from benchmark.contracts.text_table import read_text_table
from benchmark.errors import InputError, Problem

SERIES: Final = "series.csv"
MANIFEST_OF_S5CMD: Final = "series.s5cmd"
MISSING: Final = "series_missing.csv"
COLUMNS: Final = (
    "SeriesInstanceUID", "StudyInstanceUID", "patient", "scan", "located_by", "collection", "annotations",
    "modality", "study_date", "vendor", "scanner", "kernel", "slice_thickness_mm", "description", "files", "gb",
    "licence", "url",
)  # fmt: skip
OF_NODULES: Final = {
    "vendor": "vendor",
    "scanner": "scanner",
    "kernel": "kernel",
    "slice_thickness_mm": "slice_thickness_mm",
    "files": "series_files",
    "gb": "series_gb",
    "located_by": LOCATED_BY,
}
"""Column of the table of series → column of the nodule table."""
_URL: Final = re.compile(r"s3://idc-open-data(-two|-cr)?/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/\*")
_SEPARATOR: Final = "|"
"""Between the names of scans that one series stands for."""
_HEAD: Final = (
    "# Series of cohort {name} at the Imaging Data Commons: {count:,} series, {gb:.1f} GB\n"
    "# s5cmd --no-sign-request --endpoint-url https://s3.amazonaws.com run {file}\n"
)


def series_table(found: pd.DataFrame) -> pd.DataFrame:
    """Series as of ``match_series`` as the table that is written, ordered by patient, scan and UID.

    Raises:
        InputError: The index names a series by something else than a UID, or its place by no address of IDC: both
            are written into a file of commands.
    """
    strange = ~found["series"].map(is_dicom_uid) | ~found["url"].str.fullmatch(_URL.pattern)
    if strange.any():
        row = found[strange].iloc[0]
        what = f"{int(strange.sum()):,} series have no UID or no address of IDC: {row['series']!r}, {row['url']!r}"
        raise InputError(Problem(what, "take the index of the package idc-index-data"))
    named = found.rename(
        columns={
            "series": "SeriesInstanceUID",
            "study": "StudyInstanceUID",
            "thickness": "slice_thickness_mm",
            "by": "located_by",
        }
    ).assign(gb=(found["mb"] / 1000).round(9))
    of_scan = named.groupby("SeriesInstanceUID")["scan"].agg(_SEPARATOR.join)
    table = named[list(COLUMNS)].drop_duplicates("SeriesInstanceUID")
    table = table.assign(scan=table["SeriesInstanceUID"].map(of_scan))
    return table.sort_values(["patient", "scan", "SeriesInstanceUID"], ignore_index=True)


def manifest_text(table: pd.DataFrame, name: str) -> str:
    """What ``s5cmd run`` downloads the series by, each into a folder of its SeriesInstanceUID."""
    head = _HEAD.format(name=name, count=len(table), gb=table["gb"].sum(), file=MANIFEST_OF_S5CMD)
    pairs = zip(table["url"], table["SeriesInstanceUID"], strict=True)
    return head + "".join(f"cp {url} {uid}/\n" for url, uid in pairs)


def read_series_table(path: Path) -> pd.DataFrame:
    """Read a table of series; its UIDs name folders and its addresses are fetched, so both are checked.

    Raises:
        InputError: Names every cell that is no UID, no address of a series, or no number.
    """
    table = read_text_table(path, COLUMNS)
    frame = table.frame
    uid = frame["SeriesInstanceUID"]
    table.report(
        ~uid.map(is_dicom_uid).astype(bool), "SeriesInstanceUID", "is no UID", "run `bench cohort locate` again"
    )
    table.report(uid.duplicated(), "SeriesInstanceUID", "stands in the table twice", "keep one row a series")
    table.report(~frame["url"].str.fullmatch(_URL.pattern), "url", "is no address of a series at IDC",
                 "run `bench cohort locate` again")  # fmt: skip
    files, gb = table.number("files", empty=False), table.number("gb", empty=False)
    table.report(~(files >= 1), "files", "is no number of files", "run `bench cohort locate` again")
    table.report(~(gb >= 0), "gb", "is no size", "run `bench cohort locate` again")
    thickness = table.number("slice_thickness_mm")
    table.finish()
    return frame.assign(files=files.astype(np.int64), gb=gb, slice_thickness_mm=thickness)


def check_columns_free(nodules: pd.DataFrame, file: Path) -> None:
    """Refuse to replace columns of the user's own.

    Raises:
        InputError: The nodule table has columns that ``with_series`` fills, and was never located.
    """
    taken = [name for name in OF_NODULES.values() if name in nodules]
    if taken and LOCATED_BY not in nodules:
        fix = "rename them in nodules.csv, or the located series would replace them"
        raise InputError(Problem(f"has columns {', '.join(taken)} of its own", fix, file))


def with_series(nodules: pd.DataFrame, keys: Sequence[ScanKey | None], series: pd.DataFrame) -> pd.DataFrame:
    """A nodule table with the vendor, scanner, kernel, thickness and size of each row's series.

    Args:
        nodules: The nodule table.
        keys: How the scan of each row is looked for.
        series: A table of series.

    Returns:
        A new table; ``scan_id`` is the SeriesInstanceUID where it was found, and stays as it is elsewhere.
    """
    images = series[series["scan"] != ""]
    images = images.assign(scan=images["scan"].str.split(_SEPARATOR, regex=False)).explode("scan")
    of_uid = images.assign(scan=images["SeriesInstanceUID"])  # a scan found by its patient may be known by now
    images = pd.concat([images, of_uid]).drop_duplicates("scan").set_index("scan")
    names = pd.Series([key.name if key is not None else None for key in keys], index=nodules.index, dtype=object)
    found = names.isin(images.index)
    taken = images.reindex(names.where(found))
    table = nodules.copy()
    for column, own in OF_NODULES.items():
        cells = taken[column].tolist()
        told = [None if pd.isna(cell) or cell == "" else _cell(cell) for cell in cells]
        table[own] = text_column(told, nodules.index)
    before = nodules["scan_id"] if "scan_id" in nodules else pd.Series(None, index=nodules.index, dtype=object)
    uids = pd.Series(taken["SeriesInstanceUID"].tolist(), index=nodules.index, dtype=object)
    table["scan_id"] = text_column(uids.where(found, before.astype(object)), nodules.index)
    return table


def _cell(value: object) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
