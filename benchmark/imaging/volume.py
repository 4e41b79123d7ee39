"""CT scans from NIfTI, MetaImage, NRRD and DICOM as one type that knows where its voxels are."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.formats import format_of
from benchmark.imaging.scans.hu import FIX, HuEvidence
from benchmark.imaging.scans.scan import ReadOptions, ScanFile, Volume
from benchmark.imaging.scans.scan_limits import lost_scan, read_or_problems, scan_limits
from benchmark.work import Lost, limited_processes, run

__all__ = ["ReadOptions", "ScanFile", "Volume", "load_volume", "load_volume_apart", "open_scan"]


def load_volume(path: Path | str, options: ReadOptions | None = None) -> Volume:
    """Read a whole scan.

    Example::

        >>> from benchmark.cohorts.phantom import prepare_phantom
        >>> from benchmark.imaging.volume import load_volume
        >>> cohort = prepare_phantom("ucla", "cohorts/phantoms", n_patients=2)
        >>> scan = load_volume(cohort.image_root / cohort.nodules["image_path"][0])
        >>> scan.voxels.dtype, scan.voxels.ndim
        (dtype('int16'), 3)

    Args:
        path: A file of one of ``scans.formats.FORMATS``, or a folder with one DICOM series.
        options: What may be assumed.

    Returns:
        The scan, with its voxels as stored.

    Raises:
        InputError: The file is missing, cut short, corrupt, of another type, or no CT in HU.
    """
    options = options or ReadOptions()
    scan = open_scan(path, options)
    volume = scan.read(0, scan.grid.size[2] - 1)
    evidence = HuEvidence(scan.grid.size, scan.dtype, scan.slope, scan.intercept)
    evidence.add(0, volume.voxels)
    note = checked_hu(scan.path, evidence.fault(), options)
    return replace(volume, notes=(*volume.notes, *note))


def load_volume_apart(path: Path) -> Volume:
    """``load_volume``, read in a process of its own with limits: what crashes at a file there costs no more.

    Raises:
        InputError: See ``load_volume``; or reading it took more than it may.
    """
    (found,) = run([path], partial(read_or_problems, load_volume), limited_processes(1, 1, scan_limits))
    if isinstance(found, Lost):
        raise InputError(lost_scan(found, scan_limits(path), path))
    if isinstance(found, tuple):
        raise InputError(found)
    return found


def checked_hu(path: Path, fault: str, options: ReadOptions) -> tuple[str, ...]:
    """A remark on a scan that is taken as HU on request; none on one that is in HU.

    Args:
        path: Its file or folder.
        fault: Why it is not in HU (see ``benchmark.imaging.scans.hu``), or empty.
        options: What may be assumed.

    Raises:
        InputError: It is not in HU, and that is not to be assumed.
    """
    if not fault:
        return ()
    if not options.assume_hu:
        raise InputError(Problem(fault, FIX, path))
    return (f"taken as HU (--assume-hu) though its {fault}",)


def open_scan(path: Path | str, options: ReadOptions | None = None, boundary: Path | None = None) -> ScanFile:
    """Read and check the header of a scan; voxels are read later (see ``load_volume``).

    Args:
        path: See ``load_volume``.
        options: What may be assumed.
        boundary: Folder that no link and no file name in the scan may lead out of; by default the scan's own.

    Raises:
        InputError: See ``load_volume``.
    """
    path, options = Path(path), options or ReadOptions()
    return format_of(path, boundary).open(path, options, boundary)
