"""Scans and nodules that stand in two cohorts, whatever they are called there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pandas as pd

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.fingerprints import Fingerprints, alike
from benchmark.contracts.series_uids import series_uids
from benchmark.contracts.table_writing import write_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.progress import Stages, silent
from benchmark.wording import first_few
from benchmark.work import WorkersOrPlace

SERIES, VOXELS, FINGERPRINT = "series UID", "voxels", "fingerprint"
COLUMNS: Final = ("found_by", "pid", "scan", "nodule_id", "other_pid", "other_scan", "other_nodule_id", "alike")


@dataclass(frozen=True)
class CohortOverlap:
    """What two cohorts have in common.

    Attributes:
        names: Of both.
        pairs: A row a scan, or a nodule, that stands in both: ``COLUMNS``; ``alike`` is the correlation of two
            fingerprints.
        unread: Scans that could not be read, and why.
        not_looked_at: What could not be compared, and why.
        listing: The file that holds ``pairs``.
    """

    names: tuple[str, str]
    pairs: pd.DataFrame
    unread: tuple[Problem, ...] = ()
    not_looked_at: tuple[str, ...] = ()
    listing: Path = field(default=Path())

    def count(self, found_by: str) -> int:
        """Pairs that were found in one way."""
        return int((self.pairs["found_by"] == found_by).sum())

    @property
    def patients(self) -> list[tuple[str, str]]:
        """Ids of the patients of a pair, each pair of ids once."""
        pairs = self.pairs[["pid", "other_pid"]].drop_duplicates()
        return sorted(zip(pairs["pid"].tolist(), pairs["other_pid"].tolist(), strict=True))

    def lines(self) -> list[str]:
        """What to tell the user."""
        one, other = self.names
        told = [
            f"{self.count(SERIES):,} scans by series UID, {self.count(VOXELS):,} by their voxels, "
            f"{self.count(FINGERPRINT):,} nodules by fingerprint stand in {one} and in {other}"
        ]
        if self.patients:
            same = [f"{a} = {b}" if a != b else a for a, b in self.patients]
            patients = f"{len({a for a, _ in self.patients}):,} patients of {one}"
            told.append(f"{patients} are {len({b for _, b in self.patients}):,} of {other}: {first_few(same)}")
        return told + [f"not compared: {text}" for text in self.not_looked_at]


def find_overlap(
    first: Cohort,
    second: Cohort,
    workspace: Workspace,
    *,
    images: bool = True,
    workers: WorkersOrPlace = 0,
    stages: Stages = silent,
) -> CohortOverlap:
    """Find scans and nodules of one cohort in another, and write what was found to the results.

    Crops that are missing are made, as ``bench crop`` makes them.

    Args:
        first: One cohort.
        second: Another.
        workspace: Where the results are.
        images: Read scans and crops; else only series UIDs are compared.
        workers: Scans that are read at a time.
        stages: Opens the progress of reading.

    Raises:
        InputError: Both are one cohort, or crops are damaged.
    """
    if first.name == second.name:
        raise InputError(Problem("is given twice", "give two cohorts", value=first.name))
    cohorts, missing, unread = (first, second), [], list[Problem]()
    uids = [{uid: [row] for row, uid in _first_rows(series_uids(one.nodules))} for one in cohorts]
    missing += [f"series UIDs ({one.name} has none)" for one, own in zip(cohorts, uids, strict=True) if not own]
    rows = _scan_pairs(SERIES, cohorts, *uids)
    if images:
        without = [f"{one.name} has no images" for one in cohorts if not _has_images(one)]
        if without:
            missing.append(f"voxels and fingerprints ({', '.join(without)})")
        else:
            prints = [cohort_fingerprints(one, workspace, workers, stages) for one in cohorts]
            rows += _nodule_pairs(cohorts, *prints)
            missing += [_without_crop(one, found) for one, found in zip(cohorts, prints, strict=True)
                        if len(found) < len(one.nodules)]  # fmt: skip
            hashes = [_rows_by_hash(one, workspace, workers, stages, unread) for one in cohorts]
            rows += _scan_pairs(VOXELS, cohorts, *hashes)
    pairs = pd.DataFrame(rows, columns=list(COLUMNS))
    listing = workspace.overlaps / f"{first.name}--{second.name}.csv"
    write_table(pairs, listing)
    return CohortOverlap((first.name, second.name), pairs, tuple(unread), tuple(missing), listing)


def cohort_fingerprints(
    cohort: Cohort, workspace: Workspace, workers: WorkersOrPlace = 0, stages: Stages = silent
) -> Fingerprints:
    """The fingerprints of a cohort's nodules; crops and fingerprints that are missing are made."""
    from benchmark.imaging.cropping.cohort import crops_of
    from benchmark.imaging.cropping.fingerprint import store_fingerprints

    with stages(f"crops of {cohort.name}") as progress:
        store = crops_of(cohort, workspace.results, _recipe_there(workspace.crops(cohort.name)), workers=workers,
                         progress=progress)  # fmt: skip
    with stages(f"fingerprints of {cohort.name}") as progress:
        return store_fingerprints(store, progress)


def _recipe_there(folder: Path) -> str:
    """The recipe of the crops that a cohort has, so that they are not made again with another."""
    from benchmark.imaging.cropping.layout import read_attributes
    from benchmark.imaging.recipe import RECIPES

    recorded = (read_attributes(folder) or {}).get("recipe", {})
    name = recorded.get("name") if isinstance(recorded, dict) else None
    return name if name in RECIPES else "default"


def _has_images(cohort: Cohort) -> bool:
    return cohort.image_root.is_dir() and bool(cohort.nodules["image_path"].fillna("").ne("").any())


def _first_rows(values: pd.Series[str]) -> list[tuple[int, str]]:
    """The first row of each value that is not empty."""
    first = values[values.ne("")].drop_duplicates()
    return list(zip(first.index.tolist(), first.tolist(), strict=True))


def _rows_by_hash(
    cohort: Cohort, workspace: Workspace, workers: WorkersOrPlace, stages: Stages, unread: list[Problem]
) -> dict[str, list[int]]:
    """First rows of the scans with each hash of voxels."""
    from benchmark.contracts.scan_paths import path_under
    from benchmark.imaging.cropping.cohort import recorded_options
    from benchmark.imaging.voxel_hash import voxel_hashes

    places: dict[int, Path] = {}
    for row, image in _first_rows(cohort.nodules["image_path"].fillna("").astype(str)):
        try:
            places[row] = path_under(image, cohort.image_root)
        except InputError as error:
            unread += error.problems
    options = recorded_options(workspace.crops(cohort.name))
    found: dict[str, list[int]] = {}
    with stages(f"voxels of {cohort.name}") as progress:
        results = voxel_hashes(list(places.values()), options, cohort.image_root, workers)
        with closing(results):
            for done, (row, result) in enumerate(zip(places, results, strict=True), 1):
                if isinstance(result, str):
                    found.setdefault(result, []).append(row)
                else:
                    unread += result
                progress(done, len(places))
    return found


def _without_crop(cohort: Cohort, found: Fingerprints) -> str:
    nodules = f"{len(cohort.nodules) - len(found):,} of {len(cohort.nodules):,} nodules of {cohort.name}"
    return f"{nodules} by fingerprint (they have no crop)"


def _scan_pairs(
    found_by: str, cohorts: Sequence[Cohort], own: Mapping[str, list[int]], others: Mapping[str, list[int]]
) -> list[tuple[object, ...]]:
    one, other = (cohort.nodules for cohort in cohorts)
    return [
        (found_by, *_scan_of(one, row), "", *_scan_of(other, there), "", None)
        for key in own
        for row in own[key]
        for there in others.get(key, ())
    ]


def _nodule_pairs(cohorts: Sequence[Cohort], own: Fingerprints, others: Fingerprints) -> list[tuple[object, ...]]:
    places = []
    for cohort, prints in zip(cohorts, (own, others), strict=True):
        at = {
            key: row
            for row, key in enumerate(zip(cohort.nodules["pid"], cohort.nodules["nodule_id"], strict=True))
        }
        places.append([at[key] for key in zip(prints.pids, prints.nodule_ids, strict=True)])
    one, other = (cohort.nodules for cohort in cohorts)
    return [
        (FINGERPRINT, *_scan_of(one, places[0][k]), own.nodule_ids[k], *_scan_of(other, places[1][j]),
         others.nodule_ids[j], round(correlation, 4))
        for k, j, correlation in alike(own, others)
    ]  # fmt: skip


def _scan_of(nodules: pd.DataFrame, row: int) -> tuple[str, str]:
    """Patient and scan of a row: its id, else its path."""
    scan = nodules["scan_id"].iloc[row] if "scan_id" in nodules else None
    scan = nodules["image_path"].iloc[row] if scan is None or pd.isna(scan) or scan == "" else scan
    return str(nodules["pid"].iloc[row]), "" if pd.isna(scan) else str(scan)
