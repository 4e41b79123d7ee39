"""Finding the series of a cohort's scans in IDC's index, and writing them into its folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.cohorts.idc.images import LOCATED
from benchmark.cohorts.idc.index import IdcIndex, read_series
from benchmark.cohorts.idc.matching import Matches, match_series
from benchmark.cohorts.idc.series_table import (
    MANIFEST_OF_S5CMD,
    MISSING,
    SERIES,
    check_columns_free,
    manifest_text,
    series_table,
    with_series,
)
from benchmark.contracts.cohort import MANIFEST, TABLE, Cohort, CohortManifest, write_cohort
from benchmark.contracts.table_writing import write_table
from benchmark.errors import InputError, Problem
from benchmark.files import write_text
from benchmark.outputs.locks import holding
from benchmark.outputs.written import aside, move_in
from benchmark.wording import first_few

_ANNOTATION_MODALITIES = ("SR", "SEG", "RTSTRUCT")


@dataclass
class LocatedSeries:
    """What was found of a cohort.

    Attributes:
        series: The table that was written.
        scans: How many scans the cohort has.
        missing: Table ``scan, reason``.
        lines: What to tell the user.
        listing: File of ``missing``.
    """

    series: pd.DataFrame
    scans: int
    missing: pd.DataFrame
    lines: list[str]
    listing: Path


def locate_cohort(
    cohort: Cohort,
    index: IdcIndex,
    *,
    rule: str = "thinnest-soft",
    kernels: Sequence[str] = (),
    annotations: Sequence[str] = (),
) -> LocatedSeries:
    """Find the series of a cohort's scans and write them into its folder.

    ``series.csv`` (one row a series, with its size and licence), ``series.s5cmd`` (what s5cmd downloads them by)
    and ``series_missing.csv`` are written, and the nodule table gets each scan's vendor, scanner, kernel, slice
    thickness and size, and its SeriesInstanceUID as ``scan_id``.

    Args:
        cohort: The cohort.
        index: IDC's index.
        rule: A key of ``RULES``; which reconstruction is taken where a scan has several.
        kernels: Kernels that may be taken by the rule; none allows any.
        annotations: Analysis results of IDC, such as ``nlst_sybil``, whose series of the cohort's patients are
            listed too.

    Raises:
        InputError: No scan is found, or the nodule table has columns of its own that would be replaced.
    """
    check_columns_free(cohort.nodules, cohort.folder / TABLE)
    matches = match_series(cohort, index, rule, tuple(kernels))
    if matches.series.empty:
        reasons = ", ".join(dict.fromkeys(matches.missing.values()))
        what = f"none of {len(matches.missing):,} scans is found in {index.version}: {reasons}"
        raise InputError(Problem(what, "check pid and scan_id, or give another --index", cohort.folder))
    beside = _annotation_series(cohort, index, annotations)
    table = series_table(pd.concat([matches.series, beside], ignore_index=True))
    nodules = with_series(cohort.nodules, matches.keys, table)
    missing = pd.DataFrame(sorted(matches.missing.items()), columns=["scan", "reason"])
    _save(cohort, nodules, table, missing, _record(matches, index, rule, kernels))
    lines = _told_lines(cohort, table, matches, missing, index)
    return LocatedSeries(table, len({key for key in matches.keys if key}), missing, lines, cohort.folder / MISSING)


def _annotation_series(cohort: Cohort, index: IdcIndex, names: Sequence[str]) -> pd.DataFrame:
    """Series of analysis results about the cohort's patients; ``scan`` is empty, for they are no images."""
    if not names:
        return pd.DataFrame()
    found = read_series(index, modalities=_ANNOTATION_MODALITIES, annotations=list(names))
    for name in names:
        if not (found["annotations"] == name).any():
            what, fix = "is no analysis result with SR or SEG in the index", "e.g. nlst_sybil or nlstseg"
            raise InputError(Problem(what, fix, column="--annotations", value=name))
    patients = {pid.casefold() for pid in cohort.nodules["pid"]}
    return found[found["patient"].str.casefold().isin(patients)].assign(scan="", by="annotations")


def _record(matches: Matches, index: IdcIndex, rule: str, kernels: Sequence[str]) -> dict[str, Any]:
    return {
        "index": index.version,
        "rule": rule,
        "kernels": list(kernels),
        "scans": len(matches.series),
        "missing": len(matches.missing),
        "notes": matches.notes,
    }


def _save(
    cohort: Cohort, nodules: pd.DataFrame, table: pd.DataFrame, missing: pd.DataFrame, located: dict[str, Any]
) -> None:
    before = cohort.manifest.details.get(LOCATED)
    if isinstance(before, dict) and before.get("fetched") is True:
        located = {**located, "fetched": True}
    details = {**cohort.manifest.details, LOCATED: located}
    manifest = CohortManifest.model_validate({**cohort.manifest.model_dump(), "details": details})
    with holding(cohort.folder), aside(cohort.folder) as folder:
        made = folder / cohort.name
        write_cohort(made, manifest, nodules)
        write_table(table, made / SERIES)
        write_text(made / MANIFEST_OF_S5CMD, manifest_text(table, cohort.name))
        if len(missing):
            write_table(missing, made / MISSING)
        ours = (MANIFEST, TABLE)
        move_in(made, cohort.folder, seal=MANIFEST, replaceable=ours, drop=[MISSING])


def _told_lines(
    cohort: Cohort, table: pd.DataFrame, matches: Matches, missing: pd.DataFrame, index: IdcIndex
) -> list[str]:
    images, beside = table[table["scan"] != ""], table[table["scan"] == ""]
    found = len(matches.series)
    scans = found + len(missing)
    lines = [
        f"{cohort.name}: {found:,} of {scans:,} scans located in {index.version}",
        *matches.notes,
        f"to fetch: {len(table):,} series, {int(table['files'].sum()):,} files, {table['gb'].sum():.2f} GB",
        "licence: " + ", ".join(f"{name or 'not said'} ({n:,} series)" for name, n in _counts(table["licence"])),
    ]
    if len(beside):
        held = ", ".join(f"{name} ({n:,})" for name, n in _counts(beside["annotations"]))
        lines.append(f"annotations: {held}")
    for column, what in (("slice_thickness_mm", "slice thickness"), ("kernel", "kernel")):
        blank = images[column].isna() | (images[column].astype(str) == "")
        if blank.any():
            more = "" if index.ct is not None else "; IDC's ct_index.parquet has it (--ct-index)"
            lines.append(f"missing: {what} of {int(blank.sum()):,} series{more}")
    for reason, names in missing.groupby("reason", sort=True)["scan"]:
        lines.append(f"missing: {len(names):,} scans ({reason}): {first_few(names.tolist(), 5)}")
    lines.append(f"written: {', '.join(str(cohort.folder / name) for name in (SERIES, MANIFEST_OF_S5CMD, TABLE))}")
    return lines


def _counts(column: pd.Series) -> list[tuple[str, int]]:
    return [(str(name), int(count)) for name, count in column.value_counts().items()]
