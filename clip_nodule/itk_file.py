"""MetaImage and NRRD scans, read by SimpleITK."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import InputError, Problem
from clip_nodule.grid import Grid
from clip_nodule.simple_itk import DTYPES, Reader, reason, sitk
from clip_nodule.volume import ReadOptions, Volume, Voxels, checked_grid, path_under, whole_volume

_ORIENTATION = {
    "meta": ({"TransformMatrix", "Rotation", "Orientation"}, {"Offset", "Position", "Origin"}),
    "nrrd": ({"space directions"}, {"space origin"}),
}
_DATA = {"meta": "ElementDataFile", "nrrd": "data file"}


@dataclass(frozen=True)
class ItkFile:
    """A MetaImage or NRRD file whose header was read and checked (see ``ScanFile``)."""

    path: Path
    grid: Grid
    dtype: np.dtype[Any]
    notes: tuple[str, ...]
    slope: float = 1.0
    intercept: float = 0.0

    def read(self, first: int, last: int) -> Volume:
        """The slices ``first..last``."""
        return whole_volume(self, first, last)

    def chunks(self, first: int, last: int) -> Iterator[tuple[int, Voxels]]:
        """The slices ``first..last``, at once.

        Raises:
            InputError: The file is cut short or corrupt.
        """
        try:
            image = sitk.ReadImage(str(self.path))
        except RuntimeError as error:
            raise InputError(Problem(f"cannot be read: {reason(error)}", "fetch it again", self.path)) from error
        if image.GetSize() != self.grid.size:
            raise InputError(Problem("changed while it was read", file=self.path))
        yield first, sitk.GetArrayViewFromImage(image)[first : last + 1]


def open_itk(path: Path, options: ReadOptions) -> ItkFile:
    """Read and check the header of a MetaImage or NRRD file.

    Raises:
        InputError: The file or the raw file that it names is missing or too short, or its size, type, spacing or
            orientation is impossible.
    """
    fields, header_bytes = _fields(path)
    kind = "nrrd" if path.read_bytes()[:4] == b"NRRD" else "meta"
    notes = _check_orientation(path, fields, kind, options)
    data = _data_file(path, fields, kind)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(Problem(f"cannot be read: {reason(error)}", "fetch it again", path)) from error
    if reader.GetNumberOfComponents() != 1 or "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()):
        what = f"holds {sitk.GetPixelIDValueAsString(reader.GetPixelID())} voxels"
        raise InputError(Problem(what, "a scan of single numbers in HU is needed", path))
    size = reader.GetSize()
    if len(size) != 3:
        shape = " x ".join(map(str, size))
        raise InputError(Problem(f"has the shape {shape}", "a 3-D scan is needed", path))
    matrix = np.array(reader.GetDirection()).reshape(3, 3) * np.array(reader.GetSpacing())
    grid = checked_grid(path, size, matrix, np.array(reader.GetOrigin()), options.orthonormalize)
    _check_bytes(data, header_bytes if data == path else 0, fields, kind, reader)
    return ItkFile(path, grid, DTYPES[reader.GetPixelID()], notes)


def _fields(path: Path) -> tuple[dict[str, str], int]:
    """The text header (``key = value`` or ``key: value``), and how many bytes it takes."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        separator = ":" if stream.readline(64).startswith(b"NRRD") else "="
        if separator == "=":
            stream.seek(0)
        for line in iter(lambda: stream.readline(4096), b""):
            key, _, value = line.decode("latin-1").partition(separator)
            if not line.strip() or stream.tell() > 1 << 20:
                break
            fields[key.strip()] = value.strip()
            if key.strip() == "ElementDataFile":
                break
        return fields, stream.tell()


def _check_orientation(path: Path, fields: dict[str, str], kind: str, options: ReadOptions) -> tuple[str, ...]:
    missing = [sorted(names)[-1] for names in _ORIENTATION[kind] if not names & fields.keys()]
    if not missing:
        return ()
    if not options.assume_orientation:
        what = f"says nothing about its orientation (no {' and no '.join(missing)})"
        raise InputError(Problem(what, "--assume-orientation takes the defaults of the format", path))
    return ("orientation assumed",)


def _data_file(path: Path, fields: dict[str, str], kind: str) -> Path:
    """The file that holds the voxels; a header may only name one beside or below itself."""
    name = fields.get(_DATA[kind], fields.get("datafile", ""))
    if name in ("LOCAL", "") or (kind == "nrrd" and name.startswith("LIST")):
        return path
    if name.startswith("LIST") or "%" in name:
        raise InputError(Problem(f"keeps its slices in many files ({name!r})", "write it as one .mha", path))
    try:
        data = path_under(Path(name), path.parent)
    except InputError as error:
        raise InputError(
            Problem("names a data file outside its folder", "move it there", path, value=name)
        ) from error
    if not data.is_file():
        raise InputError(Problem("names a data file that is not there", "copy both files", path, value=name))
    return data


def _check_bytes(data: Path, header: int, fields: dict[str, str], kind: str, reader: Reader) -> None:
    """Uncompressed data must have the length that the header asks for."""
    packed = fields.get("CompressedData", "False") == "True" or fields.get("encoding", "raw") not in ("raw",)
    if packed:
        return
    expected = int(np.prod(reader.GetSize())) * DTYPES[reader.GetPixelID()].itemsize
    skipped = fields.get("HeaderSize", fields.get("byte skip", "0"))
    if skipped not in ("0", ""):
        return
    found = data.stat().st_size - header
    if found < expected or (found > expected and kind == "meta"):
        word = "is cut short" if found < expected else "does not fit its header"
        raise InputError(Problem(f"{word}: {found} of {expected} bytes of image data", "fetch it again", data))
