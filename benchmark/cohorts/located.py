"""A cohort that is prepared again keeps what ``locate`` and ``fetch`` found of it."""

from __future__ import annotations

from pathlib import Path

from benchmark.cohorts.idc.images import fetched_folder, located_details, relative_root, with_images
from benchmark.cohorts.idc.matching import LOCATED_BY, wanted_scans
from benchmark.cohorts.idc.series_table import OF_NODULES, SERIES, read_series_table, with_series
from benchmark.cohorts.prepared import Prepared
from benchmark.contracts.text import text_column


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
        moved = [relative_root(before / path, folder) if path else path for path in paths]
        prepared.nodules["image_path"] = text_column(moved, prepared.nodules.index)
    prepared.nodules, found = with_images(prepared.nodules, folder)
    prepared.image_folder = folder
    prepared.missing = [text for text in prepared.missing if not text.startswith("images: ")]
    prepared.notes.append(f"images: those of {found:,} of {len(nodules):,} rows were fetched into {folder}")
