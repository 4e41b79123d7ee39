"""What a file holds, told by its first bytes and not by its name."""

from __future__ import annotations

from pathlib import Path

from benchmark.errors import InputError, Problem


def sniff(path: Path) -> str:
    """What a file holds, by its first bytes: ``nifti``, ``nifti.gz``, ``itk`` or ``dicom``.

    Raises:
        InputError: It is missing, empty, of an unknown type, or of another type than its name says.
    """
    if path.is_dir():
        return "dicom"
    if not path.is_file():
        what = "is a broken link" if path.is_symlink() else "no such file"
        raise InputError(Problem(what, "check image_path and the image root", path))
    try:
        with path.open("rb") as stream:
            head = stream.read(352)
    except OSError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}", file=path)) from error
    if not head:
        raise InputError(Problem("is empty (0 bytes)", "fetch the file again", path))
    real = _kind(head)
    says = _named(path.name.lower())
    if real == "dicom":
        raise InputError(Problem("is one DICOM file", "give the folder that holds the series", path))
    if real is None or (says is not None and says != real):
        real_name = _TITLES.get(real or "", _other(head))
        expected = f", not {_TITLES[says]}" if says else ""
        raise InputError(Problem(f"holds {real_name}{expected}", "rename or convert it", path))
    return "itk" if real in ("metaimage", "nrrd") else real


_TITLES = {
    "nifti": "an uncompressed NIfTI image",
    "nifti.gz": "gzip data",
    "metaimage": "a MetaImage",
    "nrrd": "an NRRD image",
    "dicom": "a DICOM file",
}


_SUFFIXES = {
    ".nii.gz": "nifti.gz",
    ".nii": "nifti",
    ".mha": "metaimage",
    ".mhd": "metaimage",
    ".nrrd": "nrrd",
    ".nhdr": "nrrd",
}


def _kind(head: bytes) -> str | None:
    if head[:2] == b"\x1f\x8b":
        return "nifti.gz"
    if head[:4] in (b"\x5c\x01\0\0", b"\0\0\x01\x5c", b"\x1c\x02\0\0", b"\0\0\x02\x1c"):
        return "nifti"
    if head[128:132] == b"DICM":
        return "dicom"
    if head[:4] == b"NRRD":
        return "nrrd"
    first = head.split(b"=", 1)[0].strip()
    return "metaimage" if first in (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType") else None


def _other(head: bytes) -> str:
    names = {
        b"PK\x03\x04": "a ZIP archive",
        b"\x89PNG": "a PNG picture",
        b"\x89HDF": "an HDF5 file",
        b"%PDF": "a PDF",
    }
    return names.get(head[:4], "nothing that is known as a CT image")


def _named(name: str) -> str | None:
    return next((kind for suffix, kind in _SUFFIXES.items() if name.endswith(suffix)), None)
