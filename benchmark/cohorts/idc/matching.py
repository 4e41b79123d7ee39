"""Which scan each row of a nodule table lies in, and which series of IDC's index may be that scan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd

from benchmark.cohorts.idc.index import IdcIndex, read_series
from benchmark.cohorts.idc.reconstructions import NO_RULE, ChosenSeries, choose, with_nlst_fields
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.series_uids import is_dicom_uid
from benchmark.errors import InputError, Problem

LOCATED_BY: Final = "located_by"
"""Column of the nodule table that says how the series of a row was found."""
BY_SERIES: Final = "series"
_COLLECTIONS: Final = {
    "lungx": ("spie_aapm_lung_ct_challenge", "patient"),
    "nlst": ("nlst", "screen"),
}
"""Source of a cohort → IDC's collection, and what finds a scan in it that is not known by its series."""


@dataclass(frozen=True)
class ScanKey:
    """How a scan is looked for.

    Attributes:
        by: ``series``, ``patient`` or ``screen``.
        name: Its SeriesInstanceUID, the patient in small letters, or ``PID_T0``.
    """

    by: str
    name: str


@dataclass
class Matches:
    """The series of a cohort's scans.

    Attributes:
        keys: How the scan of each row is looked for; None where nothing tells it.
        series: One row a scan that was found, with ``scan`` (its key's name) and ``by``.
        missing: Key's name → why it was not found.
        notes: What to tell the user.
    """

    keys: list[ScanKey | None]
    series: pd.DataFrame
    missing: dict[str, str]
    notes: list[str]


def wanted_scans(nodules: pd.DataFrame, source: str) -> list[ScanKey | None]:
    """How the scan of each row is looked for: by its SeriesInstanceUID where it is known.

    A series that an earlier ``locate`` took by a rule is not known: its rows are looked for as they were then.
    """
    how = _COLLECTIONS.get(source, ("", ""))[1]
    column = nodules["scan_id"] if "scan_id" in nodules else pd.Series(index=nodules.index, dtype=object)
    taken = nodules[LOCATED_BY] if LOCATED_BY in nodules else pd.Series(BY_SERIES, index=nodules.index)
    years = nodules["study_yr"] if "study_yr" in nodules else pd.Series(index=nodules.index, dtype=object)
    keys: list[ScanKey | None] = []
    for pid, scan, by, year in zip(nodules["pid"], column, taken, years, strict=True):
        if is_dicom_uid(scan) and (pd.isna(by) or by == BY_SERIES or not how):
            keys.append(ScanKey(BY_SERIES, scan))
        elif how == "patient":
            keys.append(ScanKey(how, pid.casefold()))
        elif how == "screen" and not pd.isna(year) and str(year).strip() in ("0", "1", "2"):
            keys.append(ScanKey(how, f"{pid}_T{str(year).strip()}"))
        else:
            keys.append(None)
    return keys


def match_series(cohort: Cohort, index: IdcIndex, rule: str, kernels: tuple[str, ...] = ()) -> Matches:
    """Find the series of a cohort's scans in IDC's index.

    Args:
        cohort: The cohort.
        index: The index.
        rule: A key of ``RULES``; tells which of several reconstructions of a scan is taken. ``none`` takes none.
        kernels: Kernels that may be taken by the rule; none allows any.

    Raises:
        InputError: Nothing in the cohort tells where its scans are.
    """
    source = str(cohort.manifest.details.get("source", ""))
    keys = wanted_scans(cohort.nodules, source)
    if not any(keys):
        what = "no row has a SeriesInstanceUID as scan_id, and "
        what += f"a cohort from {source or 'elsewhere'} has no other key"
        fix = f"fill in scan_id, or prepare it from {' or '.join(_COLLECTIONS)}"
        raise InputError(Problem(what, fix, cohort.folder, column="scan_id"))
    wanted = {key for key in keys if key is not None}
    by_rule = {key.name: key.by for key in wanted if key.by != BY_SERIES}
    known = {key.name for key in wanted if key.by == BY_SERIES}
    parts: list[pd.DataFrame] = []
    missing: dict[str, str] = {}
    notes: list[str] = []
    if rule == NO_RULE and by_rule:
        notes.append(f"rule none: {len(by_rule):,} scans whose series is not known are left out")
        keys = [key if key is not None and key.by == BY_SERIES else None for key in keys]
        wanted, by_rule = {key for key in keys if key is not None}, {}
    if by_rule:
        choice = _by_collection(_COLLECTIONS[source], index, by_rule, rule, kernels)
        how = {name: by if by == "patient" else f"{by}, {rule}" for name, by in by_rule.items()}
        parts.append(choice.chosen.assign(by=choice.chosen["scan"].map(how)))
        missing |= choice.none_left
        notes += choice.notes
    if known:
        found = with_nlst_fields(read_series(index, annotations=None, series=known))
        parts.append(found.assign(scan=found["series"], by=BY_SERIES))
    series = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    if series.empty:
        return Matches(keys, series, missing or dict.fromkeys(sorted(known), "not in the index"), notes)
    lost = {key.name for key in wanted} - set(series["scan"]) - missing.keys()
    missing |= dict.fromkeys(sorted(lost), "not in the index")
    if (nameless := sum(key is None for key in keys)) and rule != NO_RULE:
        notes.append(f"{nameless:,} rows say nothing of their scan{_odd_scan_ids(cohort.nodules, keys)}")
    return Matches(keys, series, missing, notes)


def _odd_scan_ids(nodules: pd.DataFrame, keys: list[ScanKey | None]) -> str:
    """What stands as ``scan_id`` where nothing tells the scan."""
    without = pd.Series([key is None for key in keys], index=nodules.index)
    odd = nodules.loc[without, "scan_id"].dropna() if "scan_id" in nodules else pd.Series(dtype=object)
    if odd.empty:
        return ""
    return f": scan_id is no SeriesInstanceUID in {len(odd):,} of them, such as {odd.iloc[0]!r}"


def _by_collection(
    place: tuple[str, str], index: IdcIndex, wanted: dict[str, str], rule: str, kernels: tuple[str, ...]
) -> ChosenSeries:
    collection, how = place
    found = with_nlst_fields(read_series(index, collection=collection))
    if how == "patient":
        found["scan"] = found["patient"].str.casefold()
    else:
        found["scan"] = found["patient"] + "_T" + found["year"]
    return choose(found[found["scan"].isin(wanted)], rule, kernels)
