"""NLST: participant and CT screening tables to one-year labels of every screen, with censoring.

Days count from randomisation. A screen is positive if lung cancer was diagnosed within the horizon after it,
negative if the participant was followed for the whole horizon without, and unlabelled (censored) otherwise. The
tables hold no coordinates: one row is one screen, unless annotations locate its nodules.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmark.cohorts.nlst_locations import read_locations
from benchmark.cohorts.nlst_nodules import add_locations
from benchmark.cohorts.prepared import Exclusion, Prepared, blank_table, expand
from benchmark.contracts.delimiters import has_column
from benchmark.contracts.text_table import TextTable, read_text_table
from benchmark.errors import InputError, Problem
from benchmark.progress import Progress

YEARS: Final = (0, 1, 2)
NODULE: Final = "51"
"""``sct_ab_desc``: non-calcified nodule or mass of at least 4 mm."""
_CENSORED: Final = "censored: followed for less than the horizon without lung cancer"
_BEFORE: Final = "lung cancer was diagnosed before the screen"
_NO_FOLLOW_UP: Final = "no diagnosis and no length of follow-up"


def prepare(paths: Sequence[Path], *, horizon: int = 365, progress: Progress | None = None) -> Prepared:
    """Read NLST's participant CSV and, if given, its screening and CT abnormality CSVs and locations of nodules.

    Args:
        paths: CSV files or their folder. The participant file has ``scr_days0``; others have ``study_yr``.
            Locations: LUNA25's annotation CSV, DICOM SEG and SR with the images beside them, Sybil's JSON.
        horizon: Days after a screen within which a diagnosis counts.
        progress: Called with CT slices done and in all.

    Returns:
        One row a screen: ``nodule_id`` and ``scan_id`` are ``T0``, ``T1`` or ``T2`` and ``{pid}_T{n}``. With the
        abnormality table ``nodule_count`` and ``longest_axial_diameter_(mm)`` of the largest nodule. A screen with
        located nodules has one row a nodule instead (see `benchmark.cohorts.nlst_nodules`).

    Raises:
        InputError: Names every cell that cannot be read.
    """
    files = expand(paths, (".csv",), "NLST's CSV files")
    of_luna25 = [file for file in files if has_column(file, "SeriesInstanceUID") or has_column(file, "lob_loc")]
    tables = {file: read_text_table(file) for file in files if file not in of_luna25}
    people = [table for table in tables.values() if "scr_days0" in table.frame and "candx_days" in table.frame]
    if len(people) != 1:
        what = f"{len(people)} CSV files have the columns scr_days0 and candx_days"
        raise InputError(Problem(what, "give the participant table", ", ".join(map(str, paths))))
    table, excluded = _screens(people[0], horizon)
    prepared = Prepared(
        "nlst",
        table,
        {
            "title": "NLST",
            "ct_type": "low-dose",
            "population": "screening",
            "endpoint": f"lung cancer diagnosed within {horizon} days of the screen",
            "horizon_years": horizon / 365,
            "shares_patients_with": ("luna25", "unicorn"),
        },
        [people[0].path],
        {"horizon": horizon},
        excluded,
    )
    others = [t for t in tables.values() if "study_yr" in t.frame and t is not people[0]]
    for other in others:
        if "sct_ab_desc" in other.frame:
            _add_nodules(prepared, other)
        else:
            _check_screens(prepared, other)
        prepared.files = [*prepared.files, other.path]
    json_files = expand(paths, (".json",), "Sybil's annotations")
    add_locations(prepared, read_locations(paths, of_luna25, json_files, progress))
    return prepared


def _screens(people: TextTable, horizon: int) -> tuple[pd.DataFrame, list[Exclusion]]:
    frame = people.frame
    required = ("pid", "candx_days", "fup_days", *(f"scr_days{year}" for year in YEARS))
    absent = [Problem("column is missing", "", people.path, 1, name) for name in required if name not in frame]
    if absent:
        raise InputError(absent)
    people.check_ids("pid")
    people.report(frame.duplicated("pid"), "pid", "stands in the participant table twice", "one row a participant")
    diagnosed, followed = people.number("candx_days"), people.number("fup_days")
    days = {year: people.number(f"scr_days{year}") for year in YEARS}
    people.finish()
    parts, excluded = [], []
    for year in YEARS:
        screened = np.flatnonzero(np.isfinite(days[year]))
        since = diagnosed[screened] - days[year][screened]
        left = followed[screened] - days[year][screened]
        pid = frame["pid"].to_numpy(object)[screened]
        # NaN compares false: no diagnosis, or no length of follow-up.
        positive, before = (since >= 0) & (since <= horizon), since < 0
        negative = ~positive & ~before & ((left >= horizon) | (since > horizon))
        reason = np.select([before, np.isnan(left) & np.isnan(since)], [_BEFORE, _NO_FOLLOW_UP], _CENSORED)
        part = blank_table(len(screened))
        part.insert(0, "pid", list(pid))
        part.insert(1, "nodule_id", f"T{year}")
        part["malignant"] = pd.array(np.select([positive, negative], [1, 0], -1), dtype="Int8")
        part["malignant"] = part["malignant"].where(part["malignant"] >= 0)
        part["scan_id"] = [f"{name}_T{year}" for name in pid]
        part["study_yr"] = str(year)
        part["days_to_diagnosis"] = since
        part["days_followed"] = left
        for name in ("age", "gender", "de_stag_7thed"):
            if name in frame:
                part[name] = frame[name].to_numpy(object)[screened]
        parts.append(part)
        open_ = np.flatnonzero(~positive & ~negative)
        excluded += [Exclusion(str(pid[row]), f"T{year}", str(reason[row])) for row in open_]
    return pd.concat(parts, ignore_index=True), excluded


def _add_nodules(prepared: Prepared, table: TextTable) -> None:
    """Number of nodules and the largest diameter of each screen."""
    frame = table.frame
    absent = [name for name in ("pid", "sct_long_dia") if name not in frame]
    if absent:
        raise InputError([Problem("column is missing", "", table.path, 1, name) for name in absent])
    diameter = table.number("sct_long_dia")
    table.finish()
    is_nodule = (frame["sct_ab_desc"].str.strip() == NODULE).to_numpy()
    scan = (frame["pid"] + "_T" + frame["study_yr"].str.strip())[is_nodule]
    nodules = prepared.nodules
    unknown = sorted(set(scan) - set(nodules["scan_id"]))
    if unknown:
        prepared.warnings.append(
            f"{len(unknown):,} screens with nodules have no day of screening, e.g. {unknown[0]}"
        )
    found = pd.DataFrame({"scan": scan, "diameter": diameter[is_nodule]}).groupby("scan")["diameter"]
    nodules["nodule_count"] = nodules["scan_id"].map(found.size()).fillna(0).astype(int)
    nodules["longest_axial_diameter_(mm)"] = nodules["scan_id"].map(found.max())


def _check_screens(prepared: Prepared, table: TextTable) -> None:
    """The screening table must name the screens that the participant table gives days of."""
    frame = table.frame
    if "pid" not in frame:
        raise InputError(Problem("column is missing", "", table.path, 1, "pid"))
    named = set(frame["pid"] + "_T" + frame["study_yr"].str.strip())
    known = set(prepared.nodules["scan_id"])
    for title, scans in (("only in the screening table", named - known), ("not in it", known - named)):
        if scans:
            prepared.warnings.append(f"{len(scans):,} screens are {title}, e.g. {min(scans)}")
