"""Where the fetched images of a cohort lie, and how its nodule table finds them.

A fetched series is a folder called by its SeriesInstanceUID in the folder given to ``bench cohort fetch --to``,
which becomes the cohort's ``image_root``. Folders get that name when all their files are there, and no sooner.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmark.cohorts.idc.matching import LOCATED_BY, is_uid, wanted_scans
from benchmark.cohorts.idc.series_table import OF_NODULES, SERIES, read_series_table, with_series
from benchmark.cohorts.prepared import Prepared
from benchmark.contracts.cohort import MANIFEST, CohortManifest, read_manifest
from benchmark.contracts.text import text_column
from benchmark.errors import InputError

LOCATED: Final = "located"
"""What the manifest records of ``locate`` and ``fetch`` among its details."""


def located_details(out: Path) -> tuple[CohortManifest | None, dict[str, Any]]:
    """The manifest of a cohort folder and what it records of ``locate``; nothing where it was never located."""
    if not (out / MANIFEST).is_file() or not (out / SERIES).is_file():
        return None, {}
    try:
        manifest = read_manifest(out / MANIFEST)
    except InputError:  # it is about to be replaced
        return None, {}
    told = manifest.details.get(LOCATED)
    return manifest, dict(told) if isinstance(told, dict) else {}


def fetched_folder(out: Path) -> Path | None:
    """The folder that a cohort's images were fetched into; None where none were, or it is not there."""
    manifest, told = located_details(out)
    if manifest is None or told.get("fetched") is not True:
        return None
    folder = out / manifest.image_root
    return folder if folder.is_dir() else None


def fetched_dicom(source: str, out: Path) -> Path | None:
    """The folder of fetched images that a source has to read: NLST's for annotations alone, which need them."""
    folder = fetched_folder(out)
    if folder is None or source != "nlst":
        return folder
    return folder if (read_series_table(out / SERIES)["scan"] == "").any() else None


def with_images(nodules: pd.DataFrame, folder: Path) -> tuple[pd.DataFrame, int]:
    """A nodule table whose ``image_path`` is the folder of its series where that was fetched, and how many are.

    Args:
        nodules: The nodule table.
        folder: The folder that series were fetched into.
    """
    there = {path.name for path in folder.iterdir() if is_uid(path.name) and path.is_dir()}
    scans = nodules["scan_id"].tolist() if "scan_id" in nodules else [None] * len(nodules)
    pairs = zip(scans, nodules["image_path"].tolist(), strict=True)
    paths = [scan if scan in there else path for scan, path in pairs]
    found = sum(scan in there for scan in scans)
    return nodules.assign(image_path=text_column(paths, nodules.index)), found


def restore_located(prepared: Prepared, out: Path) -> None:
    """Give a cohort that is prepared again what ``locate`` and ``fetch`` found of it.

    Args:
        prepared: What was read from the source.
        out: Its cohort folder.

    Raises:
        InputError: The table of series in the folder was changed and is wrong.
    """
    manifest, told = located_details(out)
    if manifest is None or not told:
        return
    nodules = prepared.nodules
    if taken := [name for name in OF_NODULES.values() if name in nodules]:
        what = f"the source has columns {', '.join(taken)}"
        prepared.warnings.append(f"{what}: those of the located series are left out")
        return
    keys = wanted_scans(nodules, prepared.source)
    prepared.nodules = with_series(nodules, keys, read_series_table(out / SERIES))
    known = int(prepared.nodules[LOCATED_BY].notna().sum())
    prepared.notes.append(f"located: {known:,} of {len(nodules):,} rows have their series from {out / SERIES}")
    prepared.located = told
    folder = fetched_folder(out)
    if folder is None:
        return
    before = prepared.image_folder
    if before is not None and before.resolve() != folder.resolve():
        paths = prepared.nodules["image_path"].tolist()
        moved = [_relative_path(before / path, folder) if path else path for path in paths]
        prepared.nodules["image_path"] = text_column(moved, prepared.nodules.index)
    prepared.nodules, found = with_images(prepared.nodules, folder)
    prepared.image_folder = folder
    prepared.missing = [text for text in prepared.missing if not text.startswith("images: ")]
    prepared.notes.append(f"images: those of {found:,} of {len(nodules):,} rows were fetched into {folder}")


def relative_root(folder: Path, out: Path) -> str:
    """A folder as the image root of a cohort folder."""
    return _relative_path(folder, out)


def _relative_path(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
