"""What reading a scan may use up: far more than any scan of its size needs, and little enough for any machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmark.contracts.scan_paths import is_folder
from benchmark.errors import InputError, Problem
from benchmark.work import Lost, TaskLimits
from benchmark.work.limits import OUT_OF_TIME

T = TypeVar("T")

MEMORY = 1_500_000_000
"""Bytes for a scan of any size: 600 slices of 512 x 512 voxels take 315 MB, and as float64 1.26 GB."""
MEMORY_PER_BYTE = 3
"""Bytes more for each byte on the disk: ITK holds a file that is not compressed once, and may convert it."""
SECONDS = 9
"""Of processor time for a scan of any size: start of the libraries, and a folder of some hundred slices."""
BYTES_PER_SECOND = 1_000_000
"""On the disk that are given one second more; a ``.nii.gz`` takes 4 ms for them (results/speed/preprocess.md)."""


def scan_limits(*paths: Path, memory: int = MEMORY) -> TaskLimits:
    """The limits for reading files, or folders of slices.

    Args:
        paths: The files and folders.
        memory: Bytes for files of any size.

    What counts are bytes on the disk, not what a file or its header claims: a file with holes is as long as its
    writer likes.
    """
    size = sum(bytes_on_disk(file) for path in paths for file in (path, *_beside(path)))
    return TaskLimits(memory + MEMORY_PER_BYTE * size, SECONDS + size // BYTES_PER_SECOND)


def lost_scan(lost: Lost, limits: TaskLimits, file: Path | str) -> Problem:
    """The problem of a scan whose reading ended its process.

    Args:
        lost: What became of it.
        limits: What it could use up.
        file: The scan as it is named in messages.
    """
    broken = limits.broken(lost.status)
    if lost.status == OUT_OF_TIME:
        what = f"{broken} to be read"
        return Problem(what, "does its disk or server answer? copy it to another, or try again", file)
    what = f"{broken} to be read" if broken else f"the process that read it {lost.death}"
    return Problem(what, "the file may be corrupt", file)


def read_or_problems(read: Callable[[Path], T], path: Path) -> T | tuple[Problem, ...]:
    """What a reader makes of a scan, or what is wrong with it: an answer that a worker process can send back.

    Args:
        read: The reader; what it returns is no tuple.
        path: The file or folder.

    Raises:
        MemoryError: The process that runs this may not have as much (see ``scan_limits``).
    """
    try:
        return read(path)
    except InputError as error:
        return tuple(error.problems)
    except MemoryError:
        raise
    except Exception as error:
        return (unforeseen(error, path),)


def unforeseen(error: Exception, file: Path | str) -> Problem:
    """The problem of a scan at which a reader failed in a way that it does not expect.

    Args:
        error: What the reader raised.
        file: The scan as it is named in messages.
    """
    return Problem(f"cannot be read: {type(error).__name__}: {str(error)[:200]}", "the file may be corrupt", file)


def _beside(path: Path) -> list[Path]:
    """The files of a folder, or those beside a header that may hold its voxels."""
    if is_folder(path):
        return [Path(parent) / name for parent, _, names in os.walk(path) for name in names]
    if path.suffix.lower() not in (".mhd", ".nhdr"):
        return []
    try:  # no glob: the name may hold its signs
        return [file for file in path.parent.iterdir() if file.name.startswith(f"{path.stem}.") and file != path]
    except (OSError, ValueError):
        return []


def bytes_on_disk(path: Path) -> int:
    """What a file takes up, without its holes; 0 where there is none."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return 0
    if not stat.S_ISREG(status.st_mode):
        return 0
    return min(status.st_size, getattr(status, "st_blocks", status.st_size) * 512)
