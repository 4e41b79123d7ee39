"""The hash of a scan's bytes, by which two patients are seen to have one image."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmark.files import sha256
from benchmark.imaging.scans.itk_file import detached_data


def scan_hash(path: Path) -> str:
    """SHA-256 of a file; of the sorted hashes of several: those in a folder, or a header and its raw file."""
    data = None if path.is_dir() else detached_data(path)
    if path.is_file() and data is None:
        return sha256(path)
    files = [path, data] if data is not None else [file for file in path.rglob("*") if file.is_file()]
    return hashlib.sha256("\n".join(sorted(map(sha256, files))).encode()).hexdigest()
