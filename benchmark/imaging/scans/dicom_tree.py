"""The CT slices of a folder that holds the scans of many patients: headers only, no pixel data."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.dicom_checks import slice_problems
from benchmark.imaging.scans.dicom_headers import (
    DicomHeader,
    NoImageError,
    dicom_files,
    header_of,
    header_reader,
    without_scouts,
)
from benchmark.imaging.scans.scan_limits import lost_scan, read_or_problems, scan_limits
from benchmark.progress import Progress
from benchmark.work import Lost, TaskLimits, limited_processes, run

_MODALITIES = ("CT", "")
_BATCH = 64
"""Files that a process reads before it answers."""
_Found: TypeAlias = DicomHeader | tuple[Problem, ...] | None
"""The slice in a file, or why there is none; None if it is an image of another modality."""


@dataclass(frozen=True)
class DicomTree:
    """The CT slices below a folder, by series; scouts are left out, as from a scan that is cropped.

    Attributes:
        folder: Where they are.
        series: SeriesInstanceUID → its slices, ordered along their normal.
        ignored: How many files are no CT slice.
        problems: What is wrong with files that were left out because no crop can be made from them.
    """

    folder: Path
    series: dict[str, list[DicomHeader]]
    ignored: int
    problems: list[Problem]

    @property
    def remarks(self) -> list[str]:
        """What was left out, in words."""
        said = (
            [f"{self.ignored:,} files of {self.folder} are no CT slice and were ignored"] if self.ignored else []
        )
        if self.problems:
            files = len({problem.file for problem in self.problems})
            said.append(f"{files:,} files of {self.folder} cannot be used and were left out: {self.problems[0]}")
        return said

    def of_patient(self, patient_id: str) -> list[str]:
        """Series of a patient, by the headers, else by the name of a folder (headers may be anonymised).

        Letter case is ignored: the LUNGx sheet says ``lc001``, its headers ``LC001``.
        """
        wanted = patient_id.casefold()
        named = [uid for uid, slices in self.series.items() if slices[0].patient_id.casefold() == wanted]
        return named or [
            uid
            for uid, slices in self.series.items()
            if wanted in (part.casefold() for part in slices[0].path.relative_to(self.folder).parts[:-1])
        ]

    def path(self, series: str) -> str:
        """The folder of a series relative to ``folder``, as POSIX text."""
        return self.series[series][0].path.parent.relative_to(self.folder).as_posix()


def read_tree(folder: Path, progress: Progress | None = None) -> DicomTree:
    """Read the headers of every CT slice at any depth below ``folder``.

    Args:
        folder: Any folder structure; file names do not matter.
        progress: Called with DICOM files done and in all.

    Raises:
        InputError: There is no CT slice in it.
    """
    return tree_of(folder, *dicom_files(folder), progress)


def tree_of(folder: Path, files: list[Path], ignored: int, progress: Progress | None = None) -> DicomTree:
    """As ``read_tree``, of some DICOM files below ``folder``; ``ignored`` others were set aside already."""
    series: dict[str, list[DicomHeader]] = {}
    problems: list[Problem] = []
    with closing(_slices(files)) as found:
        for number, header in enumerate(found, 1):
            if isinstance(header, tuple):
                problems += header
            elif header is None:
                ignored += 1
            else:
                series.setdefault(header.series, []).append(header)
            if progress is not None:
                progress(number, len(files))
    for uid in sorted(series):
        scouts: list[str] = []
        slices = without_scouts(series.pop(uid), scouts)
        ignored += len(scouts)
        if slices:
            normal = slices[0].normal
            series[uid] = sorted(slices, key=lambda one: float(one.position @ normal))
    if not series:
        what = f"none of {len(files) + ignored:,} files is a CT slice in DICOM"
        raise InputError(problems or Problem(what, "give the folder that holds the images", folder))
    return DicomTree(folder, series, ignored, problems)


def _slices(files: list[Path], at_once: int = _BATCH) -> Generator[_Found, None, None]:
    """What each file holds, in their order, read in limited processes; one that dies costs one file."""
    batches = [files[begin : begin + at_once] for begin in range(0, len(files), at_once)]
    with closing(run(batches, _read_batch, limited_processes(None, len(batches), _batch_limits))) as results:
        for batch, result in zip(batches, results, strict=True):
            if not isinstance(result, Lost):
                yield from result
            elif len(batch) == 1:
                yield (lost_scan(result, _batch_limits(batch), batch[0]),)
            else:
                yield from _slices(batch, 1)


def _batch_limits(files: list[Path]) -> TaskLimits:
    return scan_limits(*files)


def _read_batch(files: list[Path]) -> list[_Found]:
    return [read_or_problems(_ct_slice, file) for file in files]


def _ct_slice(file: Path) -> DicomHeader | None:
    """The slice in a file; None if it is an image of another modality, or none.

    Raises:
        InputError: It cannot be read, or is no slice from which a crop can be made.
    """
    try:
        reader = header_reader(file)
    except NoImageError:
        return None
    modality = reader.GetMetaData("0008|0060").strip(" \0") if reader.HasMetaDataKey("0008|0060") else ""
    if modality not in _MODALITIES:
        return None
    problems = slice_problems(file, reader)
    if problems:
        raise InputError(problems)
    return header_of(file, reader)
