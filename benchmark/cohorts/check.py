"""``bench cohort check``: what would go wrong later, found now."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import cKDTree

from benchmark.cohorts.findings import CohortFinding, nodule_at, unfit_nodules
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.ids import twin_ids
from benchmark.contracts.nodules import COORDINATES
from benchmark.contracts.patients import lps_centres, patient_labels
from benchmark.contracts.scan_paths import path_under
from benchmark.contracts.semantic_cells import parse_features
from benchmark.contracts.series_uids import series_uids
from benchmark.errors import InputError
from benchmark.progress import Progress
from benchmark.wording import first_few
from benchmark.work import WorkersOrPlace

if TYPE_CHECKING:
    from benchmark.imaging.cropping.scan import ScanTask
    from benchmark.imaging.cropping.verdict import Verdict
    from benchmark.imaging.recipe import Recipe
    from benchmark.imaging.scans.scan import ReadOptions

_SAME_PLACE_MM: Final = 0.5
_FARTHEST_MM: Final = 3000.0
_LONG_MM: Final = 1e6
_SHORT_MM: Final = 3.0
_FEW: Final = 5


def lacks_for_crops(nodules: pd.DataFrame) -> list[str]:
    """What no nodule of a table has and every crop needs: such a cohort is one of scores."""
    without = {
        "image_path": nodules["image_path"].fillna("").eq("").all(),
        "centre in mm": nodules[list(COORDINATES)].isna().any(axis=1).all(),
    }
    return [
        f"no nodule has {'an' if what[0] in 'aeio' else 'a'} {what}" for what, lacks in without.items() if lacks
    ]


def can_be_compared(nodules: pd.DataFrame) -> bool:
    """Whether there are positive and negative nodules."""
    return nodules["malignant"].dropna().nunique() > 1


def check_table(cohort: Cohort, *, for_crops: bool = True) -> list[CohortFinding]:
    """Checks that need only the nodule table; the contract itself was checked when the cohort was read.

    Args:
        cohort: The cohort.
        for_crops: Whether a nodule without a centre is a finding.
    """
    nodules = cohort.nodules
    found = _twin_ids(nodules) + _label_findings(nodules)
    centres = nodules[list(COORDINATES)].to_numpy(np.float64)
    without = np.isnan(centres).any(axis=1) & for_crops
    found += [
        CohortFinding("case", "has no centre in mm", "add coordX, coordY, coordZ", *nodule_at(nodules, row))
        for row in np.flatnonzero(without).tolist()
    ]
    far = np.nan_to_num(np.abs(centres)).max(axis=1) > _FARTHEST_MM
    found += [
        CohortFinding(
            "case",
            f"its centre {_coordinates_text(centres[row])} is no place in a body",
            "",
            *nodule_at(nodules, row),
        )
        for row in np.flatnonzero(far).tolist()
    ]
    found += _semantic_cells(nodules)
    return found + _same_places(nodules, centres) + _voxel_like(nodules, centres) + _same_series(nodules)


def check_images(
    cohort: Cohort,
    *,
    workers: WorkersOrPlace = 0,
    progress: Progress | None = None,
    options: ReadOptions | None = None,
    recipe: Recipe | str = "default",
) -> tuple[list[CohortFinding], dict[str, str]]:
    """Whether every nodule can be cropped: the answers, and the words, are those of ``bench crop``.

    As much of a scan is read as ``bench crop`` reads: its header, the slices of its nodules, and as many more as
    it takes to see that it is in HU; only the latter of a scan none of whose nodules has a centre.

    Args:
        cohort: The cohort.
        workers: Scans that are read at a time, each in a process of its own with limits; one where it is 0, one
            for each usable core where it is None; or other machines. The result does not depend on it.
        progress: Called with images done and in all.
        options: What may be assumed about the scans; what they made acceptable is a warning.
        recipe: Of the crops.

    Returns:
        Findings, and the hash of every image that could be read, by its path.
    """
    from benchmark.imaging.cropping.workers import check_scans
    from benchmark.imaging.recipe import get_recipe
    from benchmark.imaging.scans.scan import ReadOptions

    images = list(cohort.nodules.groupby(cohort.nodules["image_path"].fillna(""), sort=False))
    found: list[list[CohortFinding]] = [[] for _ in images]
    hashes: dict[str, str] = {}
    tasks: dict[int, ScanTask] = {}
    for number, (image, rows) in enumerate(images):
        try:
            tasks[number] = _scan_task(str(image), rows, cohort)
        except InputError as error:
            found[number] = unfit_nodules(error.problems, rows, range(len(rows)))
    results = check_scans(list(tasks.values()), get_recipe(recipe), options or ReadOptions(), workers)
    with closing(results):
        for done, (number, (verdicts, digest)) in enumerate(zip(tasks, results, strict=True), 1):
            image, rows = images[number]
            for row, verdict in zip(tasks[number].rows, verdicts, strict=True):
                found[number] += _findings(verdict, rows, [row])
            if digest:
                hashes[str(image)] = digest
            if progress is not None:
                progress(len(images) - len(tasks) + done, len(images))
    findings = [finding for of_image in found for finding in of_image]
    return findings + _same_images(cohort.nodules, hashes), hashes


def check_shared(
    cohort: Cohort, others: Sequence[Cohort], hashes: dict[str, str], other_hashes: Sequence[dict[str, str]]
) -> list[CohortFinding]:
    """Patients that other cohorts have too, by id, and by the hash of a scan where hashes are given."""
    found = []
    own = set(cohort.nodules["pid"])
    owner = dict(zip(cohort.nodules["image_path"], cohort.nodules["pid"], strict=True))
    by_hash = {digest: owner[path] for path, digest in hashes.items()}
    for other, theirs in zip(others, other_hashes, strict=True):
        declared = other.name in cohort.manifest.shares_patients_with
        both = sorted(own & set(other.nodules["pid"]))
        if both:
            what = f"{len(both):,} patients are in {other.name} too, by id: {first_few(both)}"
            fix = "known" if declared else f"same people? then add {other.name} to shares_patients_with"
            found.append(CohortFinding("warning", what, fix))
        scans = sorted({by_hash[digest] for digest in theirs.values() if digest in by_hash})
        if scans:
            what = f"{len(scans):,} patients have a scan that {other.name} has too, by hash: {first_few(scans)}"
            found.append(CohortFinding("warning", what, f"add {other.name} to shares_patients_with"))
    return found


def _twin_ids(nodules: pd.DataFrame) -> list[CohortFinding]:
    """Ids that differ only in zeros, blanks or case are probably one patient."""
    return [
        CohortFinding(
            "warning", f"ids {', '.join(map(repr, twins))} differ only in zeros, blanks or case", "one patient?"
        )
        for twins in twin_ids(nodules["pid"].unique())
    ]


def _label_findings(nodules: pd.DataFrame) -> list[CohortFinding]:
    label = nodules["malignant"]
    found = []
    unlabelled = int(label.isna().sum())
    if 0 < unlabelled < len(label):
        what = f"{unlabelled:,} of {len(label):,} nodules have no label: they are left out of every metric"
        untold = int(patient_labels(nodules)[nodules.loc[label.notna(), "pid"].unique()].isna().sum())
        if untold:
            what += f", and so are {untold:,} patients who have one beside benign nodules only"
        found.append(CohortFinding("warning", what))
    classes = label.dropna().unique()
    if len(classes) < 2:
        what = "no nodule has a label" if not len(classes) else f"all labelled nodules are {int(classes[0])}"
        found.append(CohortFinding("warning", what, "the cohort can be scored, not evaluated"))
    return found


def _semantic_cells(nodules: pd.DataFrame) -> list[CohortFinding]:
    """What ``bench text`` would refuse, and diameters that are centimetres as a whole."""
    features, problems = parse_features(nodules)
    found = []
    for problem in problems:
        whole_column = problem.value is None
        who = ("", "") if whole_column else nodule_at(nodules, (problem.row or 2) - 2)
        cell = f"{problem.column} {problem.value!r}" if problem.value is not None else f"column {problem.column!r}"
        found.append(CohortFinding("case", f"{cell} {problem.what}", problem.fix, *who))
    for column in ("longest_axial_diameter_(mm)", "mean_diameter"):
        known = features[column].dropna()
        if len(known) >= _FEW and known.median() < _SHORT_MM:
            what = f"the median of {column} is {known.median():.2g}: centimetres?"
            found.append(CohortFinding("warning", what, "give millimetres"))
    return found


def _same_places(nodules: pd.DataFrame, centres: npt.NDArray[np.float64]) -> list[CohortFinding]:
    """Two nodules of one scan within half a millimetre are one nodule listed twice."""
    scan = nodules["scan_id"] if "scan_id" in nodules else nodules["image_path"]
    code, _ = pd.factorize(nodules["pid"] + "\x1f" + scan.fillna("").astype(str))
    known = np.flatnonzero(~np.isnan(centres).any(axis=1) & (np.bincount(code)[code] > 1))
    # The scan is a fourth axis on which two scans are never near.
    places = np.column_stack([centres[known], code[known] * 10.0])
    pairs = sorted(cKDTree(places).query_pairs(_SAME_PLACE_MM)) if len(known) else []
    found = []
    for first, second in pairs:
        other = nodules["nodule_id"].iloc[known[first]]
        what = f"lies within {_SAME_PLACE_MM} mm of nodule {other} of the same scan"
        found.append(
            CohortFinding("warning", what, "is it listed twice?", *nodule_at(nodules, int(known[second])))
        )
    return found


def _voxel_like(nodules: pd.DataFrame, centres: npt.NDArray[np.float64]) -> list[CohortFinding]:
    """Whole, non-negative coordinates everywhere are voxel indices, not millimetres."""
    known = centres[~np.isnan(centres).any(axis=1)]
    if len(known) < 3 or (known != np.round(known)).any() or (known < 0).any():
        return []
    return [
        CohortFinding(
            "warning",
            "all coordinates are whole numbers and none is negative: voxel indices?",
            "give mm, or prepare it with --coords voxel",
        )
    ]


def _scan_task(image: str, rows: pd.DataFrame, cohort: Cohort) -> ScanTask:
    """The nodules of one image whose centres are known, by their places among its rows; all where none is."""
    from benchmark.imaging.cropping.scan import ScanTask

    path = path_under(image, cohort.image_root)
    centres = lps_centres(rows, cohort.manifest.frame)
    known = np.flatnonzero(~np.isnan(centres).any(axis=1)).tolist()
    places = tuple((float(x), float(y), float(z)) for x, y, z in centres[known])
    checked = tuple(known or range(len(rows)))
    return ScanTask(
        image, str(path), str(cohort.image_root.absolute()), checked, (), places, cohort.manifest.frame
    )


def _findings(verdict: Verdict, rows: pd.DataFrame, places: Sequence[int]) -> list[CohortFinding]:
    """The verdict as a finding on each of some rows: a case, or warnings of what was accepted."""
    if not verdict.problems:
        return [
            CohortFinding("warning", note, "", *nodule_at(rows, row)) for row in places for note in verdict.notes
        ]
    return unfit_nodules(verdict.problems, rows, places)


def same_images(nodules: pd.DataFrame, hashes: dict[str, str]) -> list[set[str]]:
    """Groups of patients who have one image."""
    owners: dict[str, set[str]] = {}
    for path, pid in zip(nodules["image_path"], nodules["pid"], strict=True):
        if path in hashes:
            owners.setdefault(hashes[path], set()).add(pid)
    return [pids for pids in owners.values() if len(pids) > 1]


def same_series(nodules: pd.DataFrame) -> list[set[str]]:
    """Groups of patients who have one series by its SeriesInstanceUID."""
    uids = series_uids(nodules)
    named = uids != ""
    owners = nodules.loc[named, "pid"].groupby(uids[named], sort=False).agg(set)
    return [pids for pids in owners if len(pids) > 1]


def _same_series(nodules: pd.DataFrame) -> list[CohortFinding]:
    fix = "one patient under two ids? splits keep them on one side"
    return [
        CohortFinding("warning", f"patients {first_few(sorted(pids))} have the same SeriesInstanceUID", fix)
        for pids in same_series(nodules)
    ]


def _same_images(nodules: pd.DataFrame, hashes: dict[str, str]) -> list[CohortFinding]:
    fix = "one patient under two ids?"
    groups = same_images(nodules, hashes)
    return [
        CohortFinding("warning", f"patients {first_few(sorted(pids))} have the same image", fix) for pids in groups
    ]


def _coordinates_text(place: npt.NDArray[np.float64]) -> str:
    return "(" + ", ".join(f"{value:.1f}" if abs(value) < _LONG_MM else f"{value:g}" for value in place) + ")"
