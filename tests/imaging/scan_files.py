"""Small scans for the tests, written by SimpleITK and not by the code under test."""

from __future__ import annotations

import gzip
import locale
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk

OBLIQUE = sitk.Euler3DTransform((0, 0, 0), 0.12, -0.2, 0.3).GetMatrix()


def voxels(shape=(20, 24, 28), seed=0):
    """Smooth int16 HU ``[k, j, i]`` between about -1000 and 400."""
    from scipy.ndimage import gaussian_filter

    noise = gaussian_filter(np.random.default_rng(seed).normal(size=shape), 1.5)
    return np.rint(-400 + 500 * noise / noise.std()).clip(-1024, 1500).astype(np.int16)


def image(
    array=None, spacing=(0.8, 0.9, 1.5), origin=(-20.0, 12.5, -101.25), direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)
):
    made = sitk.GetImageFromArray(voxels() if array is None else array)
    made.SetSpacing(spacing)
    made.SetOrigin(origin)
    made.SetDirection(direction)
    return made


def save(made, path: Path) -> Path:
    sitk.WriteImage(made, str(path))
    return path


def patched(source: Path, target: Path, *changes: tuple[int, str, object]) -> Path:
    """A copy of a ``.nii.gz`` with header fields ``(offset, struct format, value)`` changed."""
    data = bytearray(gzip.decompress(source.read_bytes()))
    for offset, form, value in changes:
        struct.pack_into("<" + form, data, offset, *(value if isinstance(value, tuple) else (value,)))
    target.write_bytes(gzip.compress(bytes(data), 1) if target.suffix == ".gz" else bytes(data))
    return target


def save_series(
    made,
    folder: Path,
    change: Callable[[int], dict[str, str | None]] = lambda _: {},
    name: Callable[[int], str] = lambda k: f"{k:03d}.dcm",
    keep: Callable[[int], bool] = lambda _: True,
    uid: str = "1.2.826.0.1.3680043.2.1125.7.1",
    compressed: bool = False,
) -> Path:
    """A DICOM series of an image, one file a slice; ``change`` overrides tags of slice k."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    if compressed:
        writer.UseCompressionOn()
        writer.SetCompressor("JPEG2000")
    d = made.GetDirection()
    for k in range(made.GetDepth()):
        if not keep(k):
            continue
        piece = made[:, :, k]
        tags = {
            "0008|0060": "CT",
            "0008|0008": "DERIVED\\SECONDARY",
            "0020|000e": uid,
            "0008|103e": "chest",
            "0020|0037": "\\".join(map(str, (d[0], d[3], d[6], d[1], d[4], d[7]))),
            "0020|0032": "\\".join(map(str, made.TransformIndexToPhysicalPoint((0, 0, k)))),
            "0020|0013": str(k),
            **change(k),
        }
        for tag, value in tags.items():
            if value is not None:
                piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / name(k)))
        write_dicom(writer, piece)
    return folder


def write_dicom(writer: sitk.ImageFileWriter, image: sitk.Image) -> None:
    """Write a file; GDCM leaves the process in the locale C, where Python takes text files for ASCII."""
    before = locale.setlocale(locale.LC_ALL)
    writer.Execute(image)
    locale.setlocale(locale.LC_ALL, before)


def save_document(path: Path, modality: str, explicit: bool = True) -> Path:
    """A DICOM file without an image, as structured reports and the like are (PS3.10, written by hand)."""

    def element(group: int, number: int, kind: bytes, value: bytes, lettered: bool = explicit) -> bytes:
        value += (b"\0" if kind in (b"UI", b"OB") else b" ") * (len(value) % 2)
        if not lettered:
            return struct.pack("<HHI", group, number, len(value)) + value
        if kind == b"OB":
            return struct.pack("<HH2sHI", group, number, kind, 0, len(value)) + value
        return struct.pack("<HH2sH", group, number, kind, len(value)) + value

    syntax = b"1.2.840.10008.1.2.1" if explicit else b"1.2.840.10008.1.2"
    report = b"1.2.840.10008.5.1.4.1.1.88.67"
    meta = b"".join(
        element(2, number, kind, value, True)
        for number, kind, value in (
            (1, b"OB", b"\0\1"),
            (2, b"UI", report),
            (3, b"UI", b"1.2.826.0.1.9"),
            (16, b"UI", syntax),
        )
    )
    body = b"".join(
        element(*item)
        for item in (
            (0x08, 0x16, b"UI", report),
            (0x08, 0x60, b"CS", modality.encode()),
            (0x20, 0x0E, b"UI", b"1.2.826.0.1.8"),
            (0x40, 0xA040, b"CS", b"CONTAINER"),
        )
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(128) + b"DICM" + element(2, 0, b"UL", struct.pack("<I", len(meta)), True) + meta + body)
    return path
