"""MetaImage and NRRD scans, read by SimpleITK."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from isal import isal_zlib
from numpy.typing import NDArray

from benchmark.contracts.scan_paths import is_regular, lies_in
from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.file_format import FileFormat
from benchmark.imaging.scans.grid import ORTHONORMALIZE_LIMIT, Grid
from benchmark.imaging.scans.itk_header import PACKED, Kind, check_header, read_header
from benchmark.imaging.scans.scan import ReadOptions, Volume, Voxels, checked_grid, whole_volume
from benchmark.imaging.scans.simple_itk import dtype_of, itk_reason, sitk

_NEEDED = {
    "meta": (
        ("TransformMatrix", "Rotation", "Orientation"),
        ("Offset", "Position", "Origin"),
        ("ElementSpacing", "ElementSize"),
    ),
    "nrrd": (("space",), ("space directions",), ("space origin",)),
}
"""What says where voxels lie, each with its other names."""
_DATA = {"meta": "ElementDataFile", "nrrd": "data file"}
_BLOCK = 1 << 16
_LARGEST_RATIO = 1100
"""Bytes that Deflate can make of one, and some: 1032 of zeros."""
_CORRUPT: tuple[type[Exception], ...] = (zlib.error, cast("type[Exception]", isal_zlib.error))


@dataclass(frozen=True)
class ItkFile:
    """A MetaImage or NRRD file whose header was read and checked (see ``ScanFile``).

    Attributes:
        packed: The file with compressed voxels, and where in it they begin; None if they are not compressed.
        swap: Byte order of compressed voxels.
    """

    path: Path
    grid: Grid
    dtype: np.dtype[Any]
    notes: tuple[str, ...]
    packed: tuple[Path, int] | None = None
    swap: Literal["<", ">"] = "<"
    slope: float = 1.0
    intercept: float = 0.0

    def read(self, first: int, last: int) -> Volume:
        """The slices ``first..last``."""
        return whole_volume(self, first, last)

    def remarks(self, first: int, last: int) -> tuple[str, ...]:
        """None: values are taken as they are stored."""
        return ()

    def chunks(self, first: int, last: int) -> Iterator[tuple[int, Voxels]]:
        """The slices ``first..last``, at once.

        Raises:
            InputError: The file is cut short or corrupt.
        """
        if self.packed is not None:
            yield first, self._inflated(*self.packed, first, last)
            return
        try:
            image = sitk.ReadImage(str(self.path))
        except RuntimeError as error:
            raise InputError(
                Problem(f"cannot be read: {itk_reason(error)}", "fetch it again", self.path)
            ) from error
        if image.GetSize() != self.grid.size:
            raise InputError(Problem("changed while it was read", file=self.path))
        yield first, sitk.GetArrayViewFromImage(image)[first : last + 1]

    def _inflated(self, data: Path, start: int, first: int, last: int) -> Voxels:
        """Compressed slices ``first..last``; SimpleITK hands out what was in memory where they are damaged.

        All of them are decompressed, so that damage behind those that are wanted is found too.
        """
        columns, rows, count = self.grid.size
        in_slice = columns * rows * self.dtype.itemsize
        expected, begin, end = count * in_slice, first * in_slice, (last + 1) * in_slice
        packed = data.stat().st_size - start
        if expected > packed * _LARGEST_RATIO:
            what = f"is cut short: {packed} bytes cannot hold {expected} bytes of image data"
            raise InputError(Problem(what, "fetch it again", data))
        voxels, done = bytearray(end - begin), 0
        unzipper = isal_zlib.decompressobj(wbits=32 + 15)  # zlib's or gzip's header
        try:
            with data.open("rb") as stream:
                stream.seek(start)
                while not unzipper.eof and done <= expected and (part := stream.read(_BLOCK)):
                    piece = unzipper.decompress(part)
                    wanted = piece[max(begin - done, 0) : max(end - done, 0)]
                    at = max(done - begin, 0)
                    voxels[at : at + len(wanted)] = wanted
                    done += len(piece)
        except _CORRUPT as error:
            raise InputError(Problem(f"is corrupt: {error}", "fetch it again", data)) from error
        except OSError as error:
            raise InputError(Problem(f"cannot be read: {error.strerror}", file=data)) from error
        if done != expected or not unzipper.eof:
            word = "does not fit its header" if done > expected else "is cut short"
            what = f"{word}: {done} of {expected} bytes of image data"
            what += ", and no checksum" if done == expected else ""
            raise InputError(Problem(what, "fetch it again", data))
        stored = np.frombuffer(voxels, self.dtype.newbyteorder(self.swap)).reshape(-1, rows, columns)
        return stored.astype(self.dtype, copy=False)


def open_itk(path: Path, options: ReadOptions, boundary: Path | None = None) -> ItkFile:
    """Read and check the header of a MetaImage or NRRD file.

    Raises:
        InputError: The file or the raw file that it names is missing or too short, or its size, type, spacing or
            orientation is impossible.
    """
    header = read_header(path)
    check_header(header)
    fields, kind = header.fields, header.kind
    notes = _check_geometry(path, fields, kind, options)
    data = _data_file(path, fields, kind, boundary)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(Problem(f"cannot be read: {itk_reason(error)}", "fetch it again", path)) from error
    if reader.GetNumberOfComponents() != 1 or "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        what = f"holds {sitk.GetPixelIDValueAsString(reader.GetPixelID())} voxels"
        raise InputError(Problem(what, "a scan of single numbers in HU is needed", path))
    size = reader.GetSize()
    if len(size) != 3:
        shape = " x ".join(map(str, size))
        raise InputError(Problem(f"has the shape {shape}", "a 3-D scan is needed", path))
    directions = np.array(reader.GetDirection()).reshape(3, 3)
    _check_lengths(path, directions)
    matrix = directions * np.array(reader.GetSpacing())
    grid = checked_grid(path, size, matrix, np.array(reader.GetOrigin()), options.orthonormalize)
    dtype, start = dtype_of(reader), header.length if data == path else 0
    swap: Literal["<", ">"] = (
        ">" if _says(fields, "BinaryDataByteOrderMSB", "ElementByteOrderMSB", "endian") else "<"
    )
    skipped = fields.get("HeaderSize", fields.get("byte skip", "0")) or "0"
    if _says(fields, "CompressedData") or fields.get("encoding", "").lower() in PACKED:
        if skipped != "0" or fields.get("line skip", "0") != "0":
            raise InputError(Problem("skips a part of its compressed data", "write it as one .mha", path))
        return ItkFile(path, grid, dtype, notes, (data, start), swap)
    if fields.get("line skip", "0") == "0":
        _check_bytes(data, start, skipped, int(np.prod(grid.size)) * dtype.itemsize)
    return ItkFile(path, grid, dtype, notes)


def _check_lengths(path: Path, directions: NDArray[np.float64]) -> None:
    """Refuse directions that stretch the voxels' distances: readers that go by the spacing alone miss it."""
    lengths = np.linalg.norm(directions, axis=0)
    if np.abs(lengths - 1).max() > ORTHONORMALIZE_LIMIT:
        text = ", ".join(f"{length:.4g}" for length in lengths)
        fix = "write it again with unit vectors, and the distances in ElementSpacing"
        raise InputError(Problem(f"has a TransformMatrix whose columns have the lengths {text}", fix, path))


def _says(fields: dict[str, str], *names: str) -> bool:
    """Whether one of some fields says yes, as MetaIO understands it, or a big byte order."""
    return any(fields.get(name, "")[:1] in ("T", "t", "1", "b") for name in names)


def detached_data(path: Path, boundary: Path | None = None) -> Path | None:
    """The file beside a ``.mhd`` or ``.nhdr`` that holds its voxels; None where there is no such file."""
    if path.suffix.lower() not in (".mhd", ".nhdr"):
        return None
    try:
        header = read_header(path)
        data = _data_file(path, header.fields, header.kind, boundary)
    except (InputError, OSError):
        return None  # reading the scan will say what is wrong
    return None if data == path else data


def _check_geometry(path: Path, fields: dict[str, str], kind: Kind, options: ReadOptions) -> tuple[str, ...]:
    """Refuse a header that leaves out where its voxels lie, or gives a spacing that none can have."""
    spacing = fields.get("ElementSpacing", fields.get("ElementSize", ""))
    if "-" in re.sub(r"[eE]-", "", spacing):
        raise InputError(Problem("has a negative spacing", "write it again with its axes' directions", path))
    for names in _NEEDED["meta"][:2] if kind == "meta" else ():
        said = {name: fields[name] for name in names if name in fields}
        if len({tuple(map(_number, text.split())) for text in said.values()}) > 1:
            listed = " and ".join(f"{name} = {text}" for name, text in said.items())
            fix = "find out which is right and write the file again"
            raise InputError(Problem(f"says twice where its voxels lie: {listed}", fix, path))
    missing = [names[0] for names in _NEEDED[kind] if not fields.keys() & set(names)]
    if not missing:
        return ()
    if not options.assume_orientation:
        what = f"says nothing about its orientation (no {' and no '.join(missing)})"
        raise InputError(Problem(what, "--assume-orientation takes the defaults of the format", path))
    return ("orientation assumed",)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _data_file(path: Path, fields: dict[str, str], kind: Kind, boundary: Path | None) -> Path:
    """The file that holds the voxels; a header may only name one beside or below itself."""
    name = fields.get(_DATA[kind], "")
    if name.upper() == "LOCAL" or (kind == "nrrd" and not name):
        return path
    if not name:
        raise InputError(Problem("names no data file (no ElementDataFile)", "fetch it again", path))
    if name.startswith("LIST") or "%" in name:
        raise InputError(Problem(f"keeps its slices in many files ({name!r})", "write it as one .mha", path))
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise InputError(Problem("names a data file outside its folder", "move it there", path, value=name))
    data = path.parent / name
    if not lies_in(data, boundary or path.parent):
        what = "names a data file that is a link out of its folder"
        raise InputError(Problem(what, "copy the file that it links to there", path, value=name))
    if not is_regular(data):
        raise InputError(Problem("names a data file that is not there", "copy both files", path, value=name))
    return data


def _check_bytes(data: Path, start: int, skipped: str, expected: int) -> None:
    """Uncompressed data must have the length that the header asks for; a skip of -1 takes the file's end."""
    found = data.stat().st_size - start
    if skipped.isdigit():
        found -= int(skipped)
    if found < expected or (found > expected and skipped != "-1"):
        word = "is cut short" if found < expected else "does not fit its header"
        what = f"{word}: {max(found, 0)} of {expected} bytes of image data"
        raise InputError(Problem(what, "fetch it again", data))


_FIRST_KEYS = (b"ObjectType", b"NDims", b"Comment", b"ObjectSubType")

FORMATS = (
    FileFormat(
        "a MetaImage", (".mha", ".mhd"), lambda head: head.split(b"=", 1)[0].strip() in _FIRST_KEYS, open_itk
    ),
    FileFormat("an NRRD image", (".nrrd", ".nhdr"), lambda head: head[:4] == b"NRRD", open_itk),
)
