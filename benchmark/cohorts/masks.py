"""Nodule masks to a nodule table: the centroid of every connected component, in mm."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd

from benchmark.cohorts.dicom_kinds import modalities
from benchmark.cohorts.path_ids import patients_of
from benchmark.cohorts.prepared import Exclusion, Prepared, blank_table, expand
from benchmark.errors import InputError, Problem
from benchmark.formats.dicom import HEAD, begins_like_dicom, dicom_below, has_dicom
from benchmark.formats.opening import opened
from benchmark.imaging.components import components_of
from benchmark.imaging.scans.formats import ENDINGS
from benchmark.imaging.scans.scan import ScanFile, Voxels
from benchmark.imaging.scans.scan_limits import lost_scan, read_or_problems, scan_limits
from benchmark.imaging.volume import open_scan
from benchmark.progress import Progress
from benchmark.wording import first_few
from benchmark.work import Lost, limited_processes, run

_ANNOTATIONS: Final = {
    "SEG": "give `prepare masks` their folder without masks of other formats",
    "SR": "give their folder to `prepare sr`",
}
"""Modality of DICOM annotations → how they are read."""
_Found: TypeAlias = list[dict[str, Any]] | tuple[Problem, ...]
"""The components of a mask, or what is wrong with it."""


def prepare(
    paths: Sequence[Path],
    *,
    id_pattern: str | None = None,
    min_voxels: int = 1,
    title: str | None = None,
    progress: Progress | None = None,
) -> Prepared:
    """Read masks in which nodules are not zero; or DICOM SEG, where there is none (see ``prepare_segmentations``).

    Voxels with different values belong to different nodules; so do parts of one value that do not touch, corners
    included.

    Args:
        paths: Mask files, or one folder of them. A second folder is taken for the scans: each belongs to the mask
            whose patient is its file name.
        id_pattern: Regular expression searched in a mask's path; its group ``pid`` (or the first) is the patient.
            Without it the patient is the file name without its suffix and an ending such as ``_mask``.
        min_voxels: Components with fewer voxels are left out and listed.
        title: Title of the cohort.
        progress: Called with masks done and in all.

    Returns:
        One row a component: centroid in mm (LPS), ``volume_mm3``, and ``mean_diameter`` of the sphere with its
        volume. ``image_path`` is the scan's path, or the mask's if no folder of scans is given.

    Raises:
        InputError: A mask cannot be read, two give one patient, or no mask has a nodule.
    """
    folders = [path for path in paths if path.is_dir()]
    if not expand(paths, ENDINGS, "nodule masks") and any(map(_holds_dicom, paths)):
        from benchmark.cohorts.segmentations import prepare_segmentations  # needs another extra

        return prepare_segmentations(
            paths, id_pattern=id_pattern, min_voxels=min_voxels, title=title, progress=progress
        )
    scans = folders[1] if len(folders) > 1 else None
    files = expand([path for path in paths if path != scans], ENDINGS, "nodule masks")
    if not files:
        raise InputError(Problem(f"no mask ({', '.join(ENDINGS)})", "", ", ".join(map(str, paths))))
    owners = _owners(files, id_pattern)
    rows: list[dict[str, Any]] = []
    excluded: list[Exclusion] = []
    problems: list[Problem] = []
    for number, (file, found) in enumerate(_components_of_all(files), 1):
        if progress is not None:
            progress(number, len(files))
        if isinstance(found, tuple):
            problems += found
            continue
        pid = owners[file]
        large = [item for item in found if item["voxels"] >= min_voxels]
        rows += [{"pid": pid, "nodule_id": str(n), "image_path": file, **item} for n, item in enumerate(large)]
        small = len(found) - len(large)
        excluded += [Exclusion(pid, "", f"component of fewer than {min_voxels} voxels")] * small
        if not found:
            excluded.append(Exclusion(pid, "", "the mask is empty"))
    if problems:
        raise InputError(problems)
    if not rows:
        raise InputError(Problem("all masks are empty", "check the files", files[0]))
    root = folders[0] if folders else files[0].parent
    prepared = Prepared(
        "masks",
        _nodules_of_components(rows, root),
        {"title": title or root.name, "frame": "LPS"},
        files,
        {"id_pattern": id_pattern, "min_voxels": min_voxels},
        excluded,
        image_folder=root,
    )
    if scans is None:
        prepared.warnings.append("image_path names the masks: give the folder of the scans too")
    else:
        _name_scans(prepared, scans)
    prepared.warnings += _annotations_not_read(paths)
    prepared.missing.append("labels: fill in malignant")
    return prepared


def _annotations_not_read(paths: Sequence[Path]) -> list[str]:
    """A warning that names DICOM annotations beside masks of other formats."""
    files = sorted({file for path in paths if path.is_dir() for file in dicom_below(path)})
    kinds = modalities(files)
    said = []
    for kind, how in _ANNOTATIONS.items():
        found = [file for file, modality in zip(files, kinds, strict=True) if modality == kind]
        if found:
            what = f"{len(found):,} DICOM {kind} files beside the masks were not read ({first_few(found, 3)})"
            said.append(f"{what}: to read them, {how}")
    return said


def _holds_dicom(path: Path) -> bool:
    if path.is_dir():
        return has_dicom(path)
    with opened(path) as stream:
        return begins_like_dicom(stream.read(HEAD))


def _name_scans(prepared: Prepared, scans: Path) -> None:
    """Put the scans in the place of the masks."""
    paths = expand([scans], ENDINGS, "scans")
    by_patient = dict(zip(patients_of(paths, None), paths, strict=True))
    table = prepared.nodules
    table["mask_path"] = table["image_path"]
    found = table["pid"].map(lambda pid: by_patient.get(pid))
    table["image_path"] = [path.relative_to(scans).as_posix() if path else "" for path in found]
    prepared.image_folder = scans
    absent = sorted(table.loc[found.isna(), "pid"].unique())
    if absent:
        prepared.missing.append(f"scans of {len(absent)} patients in {scans}: {', '.join(absent[:10])}")


def _components_of_all(files: Sequence[Path]) -> Generator[tuple[Path, _Found], None, None]:
    """The components of each mask, or what is wrong with it, read in processes with limits."""
    read = partial(read_or_problems, components)
    with closing(run(files, read, limited_processes(None, len(files), scan_limits))) as results:
        for file, found in zip(files, results, strict=True):
            yield file, (lost_scan(found, scan_limits(file), file),) if isinstance(found, Lost) else found


def components(file: Path) -> list[dict[str, Any]]:
    """Centroid, volume and voxels of every nodule of a mask, ordered by value, then along z, y, x.

    Raises:
        InputError: The file cannot be read as a 3-D image.
    """
    scan = open_scan(file)
    _, _, count = scan.grid.size
    found = []
    for part in components_of((first, _whole(scan, slices)) for first, slices in scan.chunks(0, count - 1)):
        x, y, z = scan.grid.to_mm(np.array(part.centroid))
        volume = part.voxels * float(np.prod(scan.grid.spacing))
        found.append(
            {
                "coordX": float(x),
                "coordY": float(y),
                "coordZ": float(z),
                "voxels": part.voxels,
                "volume_mm3": volume,
                "mean_diameter": float((6 * volume / np.pi) ** (1 / 3)),
                "mask_value": f"{part.value:g}",
            }
        )
    return found


def _whole(scan: ScanFile, stored: Voxels) -> Voxels:
    """The values of some slices, of which a mask has whole ones only; read as scans are read."""
    values = stored if (scan.slope, scan.intercept) == (1.0, 0.0) else stored * scan.slope + scan.intercept
    if values.dtype.kind == "f" and (not np.isfinite(values).all() or (values != np.round(values)).any()):
        what = "holds values that are not whole numbers"
        raise InputError(Problem(what, "is it a CT, or a probability?", scan.path))
    return values


def _owners(files: Sequence[Path], pattern: str | None) -> dict[Path, str]:
    owners = dict(zip(files, patients_of([file.absolute() for file in files], pattern), strict=True))
    first: dict[str, Path] = {}
    problems = []
    for file, pid in owners.items():
        if pid in first:
            what = f"gives the patient {pid!r}, as {first[pid]} does"
            problems.append(Problem(what, "tell them apart with --id-pattern", file))
        first.setdefault(pid, file)
    if problems:
        raise InputError(problems)
    return owners


def _nodules_of_components(rows: list[dict[str, Any]], root: Path) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    table = blank_table(len(frame))
    inside = [Path(p).absolute().is_relative_to(root.absolute()) for p in frame["image_path"]]
    frame["image_path"] = [
        Path(p).absolute().relative_to(root.absolute()).as_posix() if within else Path(p).absolute().as_posix()
        for p, within in zip(frame["image_path"], inside, strict=True)
    ]
    return frame.assign(malignant=table["malignant"], voxels=frame["voxels"].astype(str))
