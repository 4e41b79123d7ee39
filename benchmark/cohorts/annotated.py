"""A folder of DICOM annotations and, perhaps, of the series that they are about."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

import pandas as pd

from benchmark.cohorts.dicom_kinds import modalities
from benchmark.cohorts.path_ids import patients_of
from benchmark.cohorts.prepared import blank_table
from benchmark.contracts.dates import canonical_date
from benchmark.errors import InputError, Problem
from benchmark.formats.dicom import HEAD, begins_like_dicom
from benchmark.formats.opening import opened
from benchmark.imaging.scans.dicom_headers import DicomHeader, dicom_files
from benchmark.imaging.scans.dicom_tree import DicomTree, tree_of
from benchmark.imaging.scans.scan_limits import lost_scan, read_or_problems, scan_limits
from benchmark.progress import Progress
from benchmark.wording import first_few
from benchmark.work import Lost, limited_processes, run

_IMAGES: Final = ("CT", "")


class Annotation(Protocol):
    """What a reader of annotations returns."""

    @property
    def path(self) -> Path:
        """The file."""

    @property
    def uid(self) -> str:
        """SOP Instance UID."""

    @property
    def patient_id(self) -> str:
        """PatientID."""

    @property
    def study_date(self) -> str:
        """StudyDate."""


A = TypeVar("A", bound=Annotation)
T = TypeVar("T")


@dataclass
class Annotated(Generic[A]):
    """Annotations of one kind, and the CT slices beside them.

    Attributes:
        root: Folder that paths of series are relative to.
        files: The annotations, in the order of their paths; copies of a file are left out.
        tree: The CT series; None where there are none.
        slices: SOP Instance UID → slice.
        notes: What was left out.
    """

    root: Path
    files: list[A]
    tree: DicomTree | None
    slices: dict[str, DicomHeader]
    notes: list[str] = field(default_factory=list)

    def folder_of(self, series: str) -> str:
        """The folder of a series relative to ``root``; empty where its slices are not there."""
        return self.tree.path(series) if self.tree is not None and series in self.tree.series else ""


def read_annotated(
    paths: Sequence[Path], modality: str, read: Callable[[Path], A], progress: Progress | None = None
) -> Annotated[A]:
    """Read the annotations and the headers of CT slices among files and below folders, each in a limited process.

    Args:
        paths: Files and folders; names do not matter.
        modality: Of the annotations: SEG or SR.
        read: Their reader.
        progress: Called with CT slices done and in all.

    Raises:
        InputError: Names every annotation that cannot be read; or there is none.
    """
    root = _common_folder(paths)
    files, others = _dicom_files(paths)
    kinds: dict[str, list[Path]] = {}
    for file, kind in zip(files, modalities(files), strict=True):
        kinds.setdefault(kind, []).append(file)
    if modality not in kinds:
        counts = (f"{len(kinds[kind])} {kind or 'of no modality'}" for kind in sorted(kinds))
        held = f": {', '.join(counts)}"
        what = f"{len(files)} DICOM files and none of modality {modality}{held if kinds else ''}"
        raise InputError(Problem(what, f"give the {modality} files, and the folder of their CT series", root))
    images = [file for kind in _IMAGES for file in kinds.get(kind, [])]
    tree = tree_of(root, images, 0, progress) if images else None
    found = _read_all(kinds[modality], read)
    slices = {one.uid: one for series in tree.series.values() for one in series} if tree is not None else {}
    notes = list(tree.remarks) if tree is not None else []
    left_out = [f"{len(kinds[kind])} {kind}" for kind in sorted(kinds) if kind not in (modality, *_IMAGES)]
    notes += [f"files of other modalities left out: {', '.join(left_out)}"] if left_out else []
    notes += [f"{others:,} files that are not DICOM ignored"] if others else []
    return Annotated(root, _without_copies(found, notes), tree, slices, notes)


def read_images(paths: Sequence[Path], progress: Progress | None = None) -> tuple[Path, DicomTree | None]:
    """The CT series among files and below folders, and the folder that their paths are relative to.

    Args:
        paths: Files and folders; names do not matter.
        progress: Called with CT slices done and in all.

    Raises:
        InputError: A file cannot be read.
    """
    root = _common_folder(paths)
    files, _ = _dicom_files(paths)
    images = [file for file, kind in zip(files, modalities(files), strict=True) if kind in _IMAGES]
    return root, tree_of(root, images, 0, progress) if images else None


def modalities_in(paths: Sequence[Path]) -> dict[str, int]:
    """How many DICOM files there are of each modality among files and below folders.

    Raises:
        InputError: A file cannot be read, or is no DICOM file.
    """
    files, _ = _dicom_files(paths)
    return dict(Counter(modalities(files)))


def _common_folder(paths: Sequence[Path]) -> Path:
    folders = [os.path.realpath(path if path.is_dir() else path.parent) for path in paths]
    if len(paths) == 1:
        return paths[0] if paths[0].is_dir() else paths[0].parent
    return Path(os.path.commonpath(folders))


def _dicom_files(paths: Sequence[Path]) -> tuple[list[Path], int]:
    found: list[Path] = []
    others = 0
    for path in paths:
        if path.is_dir():
            inside, other = dicom_files(path)
            found += inside
            others += other
            continue
        with opened(path) as stream:
            if not begins_like_dicom(stream.read(HEAD)):
                raise InputError(Problem("is no DICOM file", "give DICOM files, or their folder", path))
        found.append(path)
    by_place = {os.path.realpath(path): path for path in reversed(found)}
    return sorted(by_place.values()), others


def _read_all(files: list[Path], read: Callable[[Path], A]) -> list[A]:
    found: list[A] = []
    problems: list[Problem] = []
    with closing(_outcomes(files, read)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, tuple):
                problems += outcome
            else:
                found.append(outcome)
    if problems:
        raise InputError(problems)
    return found


def _outcomes(files: list[Path], read: Callable[[Path], A]) -> Generator[A | tuple[Problem, ...], None, None]:
    task = partial(read_or_problems, read)
    with closing(run(files, task, limited_processes(None, len(files), scan_limits))) as results:
        for file, result in zip(files, results, strict=True):
            yield (lost_scan(result, scan_limits(file), file),) if isinstance(result, Lost) else result


def _without_copies(files: list[A], notes: list[str]) -> list[A]:
    """The files without those that repeat another's SOP Instance UID."""
    first: dict[str, A] = {}
    for file in files:
        first.setdefault(file.uid or str(file.path), file)
    copies = [file.path.name for file in files if first[file.uid or str(file.path)] is not file]
    if copies:
        notes.append(f"copies of other files left out: {first_few(copies, 5)}")
    return list(first.values())


def patients_by_file(found: Annotated[A], pattern: str | None) -> dict[Path, str]:
    """The patient of each annotation: by a pattern in its path, else its PatientID.

    Raises:
        InputError: The pattern finds none, or files name no patient.
    """
    files = found.files
    if pattern is not None:
        paths = [file.path.absolute() for file in files]
        return dict(zip([file.path for file in files], patients_of(paths, pattern), strict=True))
    fix = "name the patient by the path, with --id-pattern"
    problems = [Problem("has no PatientID", fix, file.path) for file in files if not file.patient_id]
    if problems:
        raise InputError(problems)
    return {file.path: file.patient_id for file in files}


def patient_problem(file: Annotation, header: DicomHeader, pattern: str | None) -> Problem | None:
    """The problem of an annotation whose images are another patient's; none where a pattern names the patient."""
    if pattern is not None or not header.patient_id or header.patient_id == file.patient_id:
        return None
    what = f"is of patient {file.patient_id!r}, and its image {header.path.name} of {header.patient_id!r}"
    return Problem(what, "find out which is right, or name the patient by the path with --id-pattern", file.path)


def scan_numbers(scans: Sequence[tuple[str, str, str]]) -> dict[tuple[str, str], str]:
    """What nodules of each scan of a patient are numbered with: nothing for a patient of one scan, else ``1-``.

    Args:
        scans: Patient, date and series of each scan.
    """
    of_patient: dict[str, list[tuple[str, str]]] = {}
    for pid, date, series in sorted(dict.fromkeys(scans)):
        of_patient.setdefault(pid, [])
        if series not in [known for _, known in of_patient[pid]]:
            of_patient[pid].append((date, series))
    return {
        (pid, series): f"{number}-" if len(found) > 1 else ""
        for pid, found in of_patient.items()
        for number, (_, series) in enumerate(found, 1)
    }


def date_of(file: Annotation) -> str:
    """The day of an annotation's study; empty where it is not said or no date."""
    return canonical_date(file.study_date)


def nodule_table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows as a table without labels; without ``study_date`` where no row has one."""
    frame = pd.DataFrame(rows, columns=[*rows[0]] if rows else ["pid"])
    if rows and frame["study_date"].isna().all():
        frame = frame.drop(columns="study_date")
    return frame.assign(malignant=blank_table(len(frame))["malignant"])
