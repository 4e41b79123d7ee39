"""CT scans from NIfTI, MetaImage, NRRD and DICOM as one type that knows where its voxels are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clip_nodule.scans.scan import ReadOptions, ScanFile, Volume
from clip_nodule.scans.sniff import sniff

__all__ = ["ReadOptions", "ScanFile", "Volume", "load_volume", "open_scan"]


def load_volume(path: Path | str, options: ReadOptions | None = None) -> Volume:
    """Read a whole scan.

    Args:
        path: ``.nii``, ``.nii.gz``, ``.mha``, ``.mhd``, ``.nrrd``, or a folder with one DICOM series.
        options: What may be assumed.

    Returns:
        The scan, with its voxels as stored.

    Raises:
        InputError: The file is missing, cut short, corrupt, of another type, or cannot be a CT in HU.
    """
    scan = open_scan(path, options)
    return scan.read(0, scan.grid.size[2] - 1)


def open_scan(path: Path | str, options: ReadOptions | None = None) -> ScanFile:
    """Read and check the header of a scan; voxels are read later (see ``load_volume``)."""
    path, options = Path(path), options or ReadOptions()
    kind = sniff(path)
    return _OPENERS[kind](path, options)


def _open_nifti(path: Path, options: ReadOptions) -> ScanFile:
    from clip_nodule.scans.nifti import open_nifti

    return open_nifti(path, options)


def _open_itk(path: Path, options: ReadOptions) -> ScanFile:
    from clip_nodule.scans.itk_file import open_itk

    return open_itk(path, options)


def _open_dicom(path: Path, options: ReadOptions) -> ScanFile:
    from clip_nodule.scans.dicom import open_series

    return open_series(path, options)


_OPENERS: dict[str, Callable[[Path, ReadOptions], ScanFile]] = {
    "nifti": _open_nifti,
    "nifti.gz": _open_nifti,
    "itk": _open_itk,
    "dicom": _open_dicom,
}
