"""Geometry, wholeness and hash of image files, without decoding voxels."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmark.cohorts.dicom import read_folder
from benchmark.errors import InputError, Problem
from benchmark.files import sha256
from benchmark.imaging.scans.stacks import two_stacks

Array = npt.NDArray[np.float64]
_BLOCK: Final = 1 << 22
_GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True)
class Geometry:
    """Where a scan lies.

    Attributes:
        size: Voxels along x, y, z ``(3,)``.
        origin: Centre of the first voxel, mm, LPS ``(3,)``.
        steps: Columns are the steps from voxel to voxel along x, y, z, mm, LPS ``(3, 3)``.
    """

    size: npt.NDArray[np.int64]
    origin: Array
    steps: Array

    def index(self, points: Array) -> Array:
        """Continuous voxel indices ``(points, 3)`` of positions in mm, LPS ``(points, 3)``."""
        return np.asarray(np.linalg.solve(self.steps, (points - self.origin).T).T)

    def inside(self, points: Array) -> npt.NDArray[np.bool_]:
        """Which positions ``(points, 3)`` lie within the voxels of the scan ``(points,)``."""
        index = self.index(points)
        return np.asarray(((index >= -0.5) & (index <= self.size - 0.5)).all(axis=1))

    def bounds(self) -> tuple[Array, Array]:
        """Lowest and highest corner of the box around the scan, mm, LPS."""
        ends = [(-0.5, float(n) - 0.5) for n in self.size]
        corners = np.array(list(product(*ends)))
        points = corners @ self.steps.T + self.origin
        return points.min(axis=0), points.max(axis=0)


def resolve(image_path: str, root: Path) -> Path:
    """The file of an image path, which must stay below the root.

    Raises:
        InputError: The path is empty, leaves the root, or nothing is there.
    """
    if not image_path:
        raise InputError(Problem("the image path is empty", "prepare the cohort with its images"))
    path = root / image_path
    if not path.resolve().is_relative_to(root.resolve()):
        raise InputError(Problem(f"leaves the image root {root}", "move the image, or set image_root", path))
    if not path.exists():
        what = "is a broken link" if path.is_symlink() else "does not exist"
        raise InputError(Problem(what, "set image_root in cohort.yaml", path))
    return path


def read_geometry(path: Path) -> Geometry:
    """Geometry of an image file, or of a folder with one DICOM series.

    Raises:
        InputError: It cannot be read as one 3-D image.
    """
    return _dicom_geometry(path) if path.is_dir() else _file_geometry(path)


def check_whole(path: Path) -> None:
    """Whether a file holds all the bytes that its header promises.

    Raises:
        InputError: A compressed stream ends early or its checksum is wrong, or the file is too short.
    """
    if path.is_dir():
        return  # every slice of a DICOM folder is opened for its geometry
    with path.open("rb") as stream:
        compressed = stream.read(2) == _GZIP
    # A damaged stream comes first: a library that meets it says only that it cannot read the file.
    size = _unpacked_size(path) if compressed else path.stat().st_size
    reader = open_header(path)
    if not reader.HasMetaDataKey("bitpix"):
        _read_all(reader, path)
        return
    voxels = int(np.prod([int(n) for n in reader.GetSize()]))
    promised = int(float(reader.GetMetaData("vox_offset"))) + voxels * int(reader.GetMetaData("bitpix")) // 8
    if size < promised:
        raise InputError(Problem(f"is cut short: {size:,} of {promised:,} bytes", "copy it again", path))


def scan_hash(path: Path) -> str:
    """SHA-256 of a file, or of the sorted hashes of the files in a folder."""
    if path.is_file():
        return sha256(path)
    digests = sorted(sha256(file) for file in path.rglob("*") if file.is_file())
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def open_header(path: Path) -> Any:  # noqa: ANN401
    """A SimpleITK reader that has read the header."""
    import SimpleITK

    reader: Any = SimpleITK.ImageFileReader()  # type: ignore[no-untyped-call]
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        last = str(error).strip().splitlines()[-1]
        raise InputError(Problem(f"cannot be read: {last}", "is it an image?", path)) from error
    return reader


def _read_all(reader: Any, path: Path) -> None:  # noqa: ANN401
    """MHA, NRRD and others do not say where their voxels end: decode them."""
    try:
        reader.Execute()
    except RuntimeError as error:
        last = str(error).strip().splitlines()[-1]
        raise InputError(Problem(f"is damaged or cut short: {last}", "copy it again", path)) from error


def _file_geometry(path: Path) -> Geometry:
    reader = open_header(path)
    size = np.array(reader.GetSize(), dtype=np.int64)
    if len(size) != 3:
        raise InputError(Problem(f"has {len(size)} dimensions", "give a 3-D image", path))
    direction = np.array(reader.GetDirection()).reshape(3, 3)
    return Geometry(size, np.array(reader.GetOrigin()), direction * np.array(reader.GetSpacing()))


def _dicom_geometry(path: Path) -> Geometry:
    found = read_folder(path)
    if len(found.series) != 1:
        what = f"holds {len(found.series)} series"
        raise InputError(Problem(what, "keep one series a folder", path))
    slices = next(iter(found.series.values()))
    problem = two_stacks([piece.mark for piece in slices], path)
    if problem is not None:
        raise InputError(problem)
    columns, rows = open_header(slices[0].file).GetSize()[:2]
    first, last = slices[0], slices[-1]
    step: Array = (last.position - first.position) / max(1, len(slices) - 1)
    if len(slices) == 1:
        normal = np.cross(first.along_columns, first.along_rows)
        step = np.asarray(normal / np.linalg.norm(normal), dtype=np.float64)
    size = np.array([columns, rows, len(slices)], dtype=np.int64)
    return Geometry(size, first.position, np.column_stack([first.along_columns, first.along_rows, step]))


def _unpacked_size(path: Path) -> int:
    from isal import igzip

    size = 0
    try:
        with igzip.open(path, "rb") as stream:  # type: ignore[no-untyped-call]
            while block := stream.read(_BLOCK):
                size += len(block)
    except EOFError as error:
        what = f"is cut short: the compressed stream ends after {size:,} bytes"
        raise InputError(Problem(what, "copy it again", path)) from error
    except (OSError, igzip.BadGzipFile) as error:
        raise InputError(Problem(f"is damaged: {error}", "copy it again", path)) from error
    return size
