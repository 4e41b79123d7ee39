"""The hash of a scan's voxels: the same for one scan as DICOM, NIfTI or MetaImage, whatever its headers say."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np

from benchmark.errors import Problem
from benchmark.imaging.scans.scan import ReadOptions
from benchmark.imaging.scans.scan_limits import lost_scan, read_or_problems, scan_limits
from benchmark.imaging.volume import open_scan
from benchmark.work import Lost, WorkersOrPlace, limited_processes, run


def voxel_hash(path: Path, options: ReadOptions | None = None, boundary: Path | None = None) -> str:
    """SHA-256 of a scan's size and its whole HU, its axes brought to x, y and z.

    Args:
        path: See ``load_volume``.
        options: What may be assumed.
        boundary: See ``open_scan``.

    Raises:
        InputError: The scan cannot be read.
    """
    scan = open_scan(path, options, boundary)
    hu = np.rint(scan.read(0, scan.grid.size[2] - 1).hu()).clip(-32768, 32767).astype("<i2")
    order, reversed_axes = scan.grid.canonical()
    axes = hu.transpose(*(2 - axis for axis in order))
    flips = tuple(slice(None, None, -1 if against else 1) for against in reversed_axes)
    digest = hashlib.sha256(repr(axes.shape).encode())
    digest.update(np.ascontiguousarray(axes[flips]).tobytes())
    return digest.hexdigest()


def voxel_hashes(
    paths: Sequence[Path], options: ReadOptions, boundary: Path, workers: WorkersOrPlace
) -> Generator[str | tuple[Problem, ...], None, None]:
    """The hash of each scan, in their order; what is wrong with one that cannot be read.

    Args:
        paths: The scans.
        options: What may be assumed about them.
        boundary: Folder that no link in them may lead out of.
        workers: Scans that are read at a time, each in a process of its own with limits; one where it is 0.
    """
    read = partial(read_or_problems, partial(voxel_hash, options=options, boundary=boundary))
    with closing(run(list(paths), read, limited_processes(workers, len(paths), scan_limits))) as results:
        for path, result in zip(paths, results, strict=True):
            yield (lost_scan(result, scan_limits(path), path),) if isinstance(result, Lost) else result
