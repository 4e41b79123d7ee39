"""Where the fetched images of a cohort lie, and how its nodule table finds them.

A fetched series is a folder called by its SeriesInstanceUID in the folder given to ``bench cohort fetch --to``,
which becomes the cohort's ``image_root``. Folders get that name when all their files are there, and no sooner.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pandas as pd

from benchmark.cohorts.idc.series_table import SERIES, read_series_table
from benchmark.contracts.cohort import MANIFEST, CohortManifest, read_manifest
from benchmark.contracts.series_uids import is_dicom_uid
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
    there = {path.name for path in folder.iterdir() if is_dicom_uid(path.name) and path.is_dir()}
    scans = nodules["scan_id"].tolist() if "scan_id" in nodules else [None] * len(nodules)
    pairs = zip(scans, nodules["image_path"].tolist(), strict=True)
    paths = [scan if scan in there else path for scan, path in pairs]
    found = sum(scan in there for scan in scans)
    return nodules.assign(image_path=text_column(paths, nodules.index)), found


def relative_root(path: Path, folder: Path) -> str:
    """A file or folder as it is reached from a folder, such as the image root from a cohort folder."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
