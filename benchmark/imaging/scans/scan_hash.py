"""Hashes of the bytes of a scan: by one two patients are seen to have one image, by the other that it changed."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from pathlib import Path

from isal import isal_zlib

from benchmark.contracts.scan_paths import is_folder, is_regular, regular_files_below
from benchmark.errors import InputError
from benchmark.files import sha256
from benchmark.imaging.scans.itk_file import detached_data
from benchmark.imaging.scans.scan_limits import scan_limits
from benchmark.work.patience import within

_BLOCK = 1 << 20


def scan_hash(path: Path, boundary: Path | None = None) -> str:
    """SHA-256 of a file; of the sorted hashes of several: those in a folder, or a header and its raw file.

    Args:
        path: A file or folder that was read as a scan.
        boundary: Where links in it may lead (see ``regular_files_below``).
    """
    files = _files_of(path, boundary)
    if files == [path]:
        return sha256(path)
    return hashlib.sha256("\n".join(sorted(map(sha256, files))).encode()).hexdigest()


def content_mark(path: Path, boundary: Path | None = None) -> str:
    """What changes when a byte of a scan's files changes, or the name of one in a folder.

    Two checksums of each MiB, at least five times as fast as SHA-256: they tell a file from an earlier one, not
    from one that was made to look like it. What cannot be read, or not in the time of ``scan_limits``, has a mark
    too: reading it will say what is wrong.
    """
    try:
        marks = within(scan_limits(path).patience, partial(_marks, path, boundary))
    except (InputError, OSError, ValueError) as error:
        return f"unreadable: {type(error).__name__}"
    return hashlib.sha256(json.dumps(marks).encode()).hexdigest() if marks else "nothing"


def _marks(path: Path, boundary: Path | None) -> list[tuple[str, int, str]]:
    """Name, bytes and checksums of each file of a scan."""
    files = _files_of(path, boundary)
    return [(file.relative_to(path.parent).as_posix(), file.stat().st_size, _sums(file)) for file in files]


def _files_of(path: Path, boundary: Path | None) -> list[Path]:
    if is_folder(path):
        return regular_files_below(path, boundary)[0]
    if not is_regular(path):
        return []
    data = detached_data(path, boundary)
    return [path] if data is None else [path, data]


def _sums(file: Path) -> str:
    sums = hashlib.sha256()
    with file.open("rb") as stream:
        while part := stream.read(_BLOCK):
            sums.update(b"%08x%08x" % (isal_zlib.crc32(part), isal_zlib.adler32(part)))
    return sums.hexdigest()
