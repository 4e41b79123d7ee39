"""Images found by their series, whatever their folders are called: by NBIA's list, else by the DICOM headers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmark.cohorts.nbia import NBIA_LIST, is_nbia_list, series_places
from benchmark.cohorts.prepared import Prepared
from benchmark.contracts.series_uids import series_uids
from benchmark.contracts.text import text_column
from benchmark.errors import InputError, Problem
from benchmark.formats.dicom import has_dicom
from benchmark.progress import Progress


def image_folders(paths: Sequence[Path]) -> list[Path]:
    """Those of some paths that hold DICOM images: folders, and NBIA's list for the folder it lies in."""
    folders = [path.parent if is_nbia_list(path) else path for path in paths]
    return [folder for folder in dict.fromkeys(folders) if folder.is_dir() and _holds_images(folder)]


def has_paths_of_its_own(prepared: Prepared) -> bool:
    """Whether the source itself names the image of some row, rather than this project after the row's series."""
    images = prepared.nodules["image_path"].fillna("").astype(str)
    series = prepared.nodules["scan_id"].fillna("").astype(str) if "scan_id" in prepared.nodules else ""
    return bool(
        ((images != "") & ~images.isin([f"{uid}{end}" for uid in set(series) for end in (".mha", ".mhd")])).any()
    )


def fill_image_paths(prepared: Prepared, folders: Sequence[Path], progress: Progress | None = None) -> None:
    """Give each row the folder of its series, found below the folders by UID.

    Args:
        prepared: A source whose rows say their series (`series_uids`).
        folders: Of which the first that holds one of the series counts.
        progress: Called with DICOM files done and in all, where headers are read.

    Raises:
        InputError: None of the series is there.
    """
    wanted = series_uids(prepared.nodules)
    known = set(wanted) - {""}
    if not known:
        prepared.warnings.append(
            f"images of {folders[0]}: no row says its series, so that none is found by its UID"
        )
        return
    for folder in folders:
        places, how = _places_below(folder, prepared, progress)
        there = known & set(places)
        if there:
            _take_places(prepared, folder, {uid: places[uid] for uid in there}, how)
            return
    what = f"none of the {len(known):,} series of the table is among the images"
    raise InputError(Problem(what, "is it another cohort's folder?", ", ".join(map(str, folders))))


def _holds_images(folder: Path) -> bool:
    return is_nbia_list(folder / NBIA_LIST) or has_dicom(folder)


def _places_below(folder: Path, prepared: Prepared, progress: Progress | None) -> tuple[dict[str, Path], str]:
    if is_nbia_list(folder / NBIA_LIST):
        return series_places(folder / NBIA_LIST), f"by {NBIA_LIST}"
    from benchmark.imaging.scans.dicom_tree import read_tree

    tree = read_tree(folder, progress)
    prepared.warnings += tree.remarks
    return {uid: tree.folder / tree.path(uid) for uid in tree.series}, "by their headers"


def _take_places(prepared: Prepared, folder: Path, places: dict[str, Path], how: str) -> None:
    """Fill ``image_path``; series that share a folder with others cannot be told apart there, and get none."""
    shared = {place for place, count in Counter(places.values()).items() if count > 1}
    mixed = {uid for uid, place in places.items() if place in shared}
    paths = [
        places[uid].relative_to(folder).as_posix() if uid in places and uid not in mixed else None
        for uid in series_uids(prepared.nodules)
    ]
    found = sum(path is not None for path in paths)
    prepared.nodules["image_path"] = text_column(paths, prepared.nodules.index)
    prepared.image_folder = folder
    prepared.missing = [text for text in prepared.missing if not text.startswith("images: ")]
    prepared.notes.append(f"images: of {found:,} of {len(paths):,} rows, found {how} in {folder}")
    absent = len(set(series_uids(prepared.nodules.assign(image_path=None))) - {""} - set(places))
    if absent:
        prepared.missing.append(f"the images of {absent:,} series")
    if mixed:
        what = f"the images of {len(mixed):,} series that lie in one folder with others"
        prepared.missing.append(f"{what}: give each series a folder of its own")
