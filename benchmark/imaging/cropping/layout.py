"""The files of a crop store, and what each records.

``crops.zarr`` is a Zarr version 2 group with the int16 array ``crops`` ``[nodule, z, y, x]`` in HU, one chunk a
nodule; ``index.csv`` has one row a nodule in the same order; ``done.jsonl`` records what each was made from, so
that a run can go on. ``shards/3-of-8.jsonl`` is what one of several runs recorded, each of which made a share of
the crops; it goes when they are joined (``benchmark.imaging.cropping.journals``).
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from stat import S_ISREG
from typing import Any

from isal.isal_zlib import crc32

from benchmark.errors import InputError
from benchmark.formats.json import parse_json, read_json
from benchmark.formats.opening import read_bytes, read_text

ARRAY, INDEX, DONE = "crops.zarr/crops", "index.csv", "done.jsonl"
SHARDS = "shards"
FAILURES, NOTES, PREVIEW = "failures.csv", "notes.csv", "preview.png"
CROPPED, FAILED = "cropped", "failed"
FORMAT = 2
LARGEST_CHUNK = 1 << 30
"""Bytes of a crop, packed: one of 512³ voxels has less."""
LARGEST_DONE = 1 << 30
"""Bytes of ``done.jsonl``; a nodule has some 200."""
COMPRESSOR = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}


@dataclass(frozen=True)
class Entry:
    """What became of one nodule.

    Attributes:
        row: Its row in the nodule table and in the array.
        key: Hash of all that its crop was made from.
        status: ``cropped`` or ``failed``.
        reason: Why it failed.
        padded_fraction: Share of the crop that lies outside the scan.
        crc32: Checksum of its chunk.
        note: What was odd about its scan but accepted.
    """

    row: int
    key: str
    status: str
    reason: str = ""
    padded_fraction: float | None = None
    crc32: int | None = None
    note: str = ""


def read_attributes(folder: Path) -> dict[str, Any] | None:
    """The array's attributes, finished or not; None where there are none of this format."""
    try:
        attributes: dict[str, Any] = read_json(folder / ARRAY / ".zattrs")
        return attributes if attributes["format"] == FORMAT else None
    except (InputError, KeyError, TypeError):
        return None


def unpacked_bytes(chunk: bytes) -> int:
    """Bytes of a packed chunk once unpacked, as the header of Blosc says; 0 where it has none."""
    return int.from_bytes(chunk[4:8], "little") if len(chunk) >= 16 else 0


def made_here(folder: Path) -> bool:
    """Whether a folder is a crop store, finished or not, of this or an earlier format."""
    try:
        attributes = read_json(folder / ARRAY / ".zattrs")
        return {"format", "recipe_hash", "inputs_hash"} <= set(attributes)
    except (InputError, TypeError):
        return False


def is_whole(folder: Path, entry: Entry, recorded: int = 0) -> bool:
    """Whether a crop's chunk is there with the bytes that were written.

    Args:
        folder: The crop store.
        entry: Of the crop.
        recorded: When ``done.jsonl`` was written, in ns. A chunk that nobody touched since and that has the length
            which it states is not read; 0 to read it in any case.
    """
    if entry.crc32 is None:
        return False
    return (
        _untouched(folder, entry.row, recorded) or crc32(read_chunk(chunk_path(folder, entry.row))) == entry.crc32
    )


def recorded_at(folder: Path) -> int:
    """When ``done.jsonl`` was written, in ns; 0 where there is none."""
    try:
        return (folder / DONE).stat().st_mtime_ns
    except OSError:
        return 0


def _untouched(folder: Path, row: int, moment: int) -> bool:
    """Whether a chunk is older than ``moment`` and as long as Blosc's header says (bytes 12 to 16)."""
    path = f"{folder}/{ARRAY}/{row}.0.0.0"  # a Path of each takes as long as all else here
    try:
        status = os.stat(path)  # noqa: PTH116
        if max(status.st_mtime_ns, status.st_ctime_ns) >= moment or not S_ISREG(status.st_mode):
            return False
        with open(path, "rb", buffering=0) as stream:  # noqa: PTH123
            return 0 < int.from_bytes(stream.read(16)[12:], "little") == status.st_size
    except OSError:
        return False


def read_chunk(path: Path) -> bytes:
    """Bytes of a chunk's file, none where there is no file."""
    return read_bytes(path, LARGEST_CHUNK) if path.exists() else b""


@lru_cache(maxsize=1)
def chunk_compressor() -> Any:  # noqa: ANN401
    """The compressor of chunks."""
    from numcodecs import blosc  # type: ignore[import-untyped]

    blosc.use_threads = False  # several threads would order Blosc's blocks by chance
    return blosc.Blosc(**{key: value for key, value in COMPRESSOR.items() if key != "id"})


def chunk_path(folder: Path, row: int) -> Path:
    """File of one crop."""
    return folder / ARRAY / f"{row}.0.0.0"


def read_done(folder: Path) -> dict[int, Entry]:
    """What a finished or interrupted run recorded; a line that was cut by a kill is left out."""
    entries: dict[int, Entry] = {}
    path = folder / DONE
    if not path.exists():
        return entries
    for line in read_text(path, LARGEST_DONE).split("\n"):
        try:
            entry = entry_of(parse_json(line, path))
        except (InputError, TypeError):
            continue
        entries[entry.row] = entry
    return entries


def entry_of(content: Any) -> Entry:  # noqa: ANN401 (any JSON)
    """The entry that a line of ``done.jsonl`` holds; TypeError if it holds something else."""
    entry = Entry(**content)
    texts = (entry.key, entry.status, entry.reason, entry.note)
    numbers = (entry.padded_fraction, entry.crc32)
    if not isinstance(entry.row, int) or not all(isinstance(text, str) for text in texts):
        raise TypeError("no row or text")
    if not all(number is None or isinstance(number, (int, float)) for number in numbers):
        raise TypeError("no number")
    return entry


def entry_line(entry: Entry) -> str:
    """An entry as a line of ``done.jsonl``."""
    return json.dumps(asdict(entry), ensure_ascii=False) + "\n"
