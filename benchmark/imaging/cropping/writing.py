"""Writing a crop store: nothing stands at its final name before it is whole, the index comes last."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.files import write_text
from benchmark.imaging.cropping.layout import (
    ARRAY,
    COMPRESSOR,
    DONE,
    FAILED,
    FAILURES,
    FORMAT,
    INDEX,
    NOTES,
    PREVIEW,
    Entry,
    chunk_compressor,
    chunk_path,
    entry_line,
    made_here,
)
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.scan import ReadOptions
from benchmark.outputs.disks import require_renames
from benchmark.outputs.written import adopt, check_own, remove_own, write_own

_HOST = re.sub(r"\W", "_", platform.node())[:60] or "host"
"""This machine in the name of a chunk that is being written: another may write the same store."""
_RANDOM = "-[a-z0-9_]{3,8}"
"""What ``tempfile`` puts into the names of files that ``benchmark.files.replacing`` has not finished."""
_PLANES = r"planes-\d+-[0-9a-f]{16}"
_OURS = rf"(index|done|failures|notes|preview|\.written|{_PLANES})"
_HALF_WRITTEN = re.compile(rf"\.(bench-{_OURS}\.\w+|{_OURS}){_RANDOM}\.\w+")
_HALF_WRITTEN_ARRAY = re.compile(rf"\.\d+-(\w[\w.-]*-)?\d+|\.(bench-)?\.z(group|array|attrs){_RANDOM}")


def open_folder(out: Path) -> None:
    """Make a store's folder, or see that the one that is there can be one.

    Raises:
        InputError: It is a file, holds what no crop store wrote under the names of a store's files, or lies on a
            disk that cannot rename.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise InputError(Problem("is a file, or lies in one", "give a folder", out)) from error
    refuse_strange_folder(out)
    require_renames(out)


def refuse_strange_folder(out: Path) -> None:
    """Refuse a folder that holds what no crop store wrote under the names of a store's files.

    Raises:
        InputError: Names it.
    """
    if made_here(out):
        adopt(out, (INDEX, FAILURES, NOTES, PREVIEW))
    else:
        strange = [name for name in (DONE, ARRAY) if (out / name).exists()]
        if strange:
            raise InputError(
                [
                    Problem("was not written by `bench crop`", "choose another --out", out / name)
                    for name in strange
                ]
            )
    check_own(out, (INDEX, FAILURES, NOTES))


def prepare_store(folder: Path, count: int, recipe: Recipe, options: ReadOptions, inputs: str = "") -> None:
    """Make an array for ``count`` crops, or fit an existing one of the same recipe to that number.

    Args:
        folder: The store.
        count: Nodules of the table.
        recipe: The recipe.
        options: What may be assumed about the scans.
        inputs: Hash of all that the crops were made from; empty while they are being made.
    """
    array = folder / ARRAY
    metadata = {
        "zarr_format": 2,
        "shape": [count, recipe.size, recipe.size, recipe.size],
        "chunks": [1, recipe.size, recipe.size, recipe.size],
        "dtype": "<i2",
        "compressor": COMPRESSOR,
        "fill_value": recipe.padding,
        "filters": None,
        "order": "C",
        "dimension_separator": ".",
    }
    attributes = {
        "format": FORMAT,
        "recipe": recipe.as_dict(),
        "recipe_hash": recipe.hash,
        "inputs_hash": inputs,
        "read_options": asdict(options),
        "axes": "nodule, z, y, x (LPS)",
        "unit": "HU",
        "centre_index": recipe.centre_index,
    }
    _write_json(folder / "crops.zarr/.zgroup", {"zarr_format": 2})
    _write_json(array / ".zattrs", attributes)
    _write_json(array / ".zarray", metadata)


def write_crop(folder: Path, row: int, crop: NDArray[np.int16]) -> int:
    """Write one chunk; it stands at its final name whole or not at all.

    The data is not forced to the disk: should the machine lose power before it gets there, the checksum tells.

    Returns:
        Its checksum.
    """
    data: bytes = chunk_compressor().encode(np.ascontiguousarray(crop, "<i2"))
    path = chunk_path(folder, row)
    temporary = path.with_name(f".{row}-{_HOST}-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return crc32(data)


def finish_store(
    folder: Path, ids: Sequence[tuple[str, str]], entries: Sequence[Entry], recipe: Recipe, options: ReadOptions
) -> None:
    """Write the record, the list of failures and, last, the index that makes the store complete."""
    record = "".join(entry_line(entry) for entry in entries)
    write_text(folder / DONE, record)
    prepare_store(folder, len(entries), recipe, options, hashlib.sha256(record.encode()).hexdigest())
    rows = list(zip(ids, entries, strict=True))
    failed = [(*pair, entry.reason) for pair, entry in rows if entry.status == FAILED]
    notes = [(*pair, entry.note) for pair, entry in rows if entry.note]
    for name, column, lines in ((FAILURES, "reason", failed), (NOTES, "note", notes)):
        if lines:
            write_own(folder / name, _csv(("pid", "nodule_id", column), lines))
        else:
            remove_own(folder, [name])
    index = [(*pair, entry.status, entry.reason, _fraction_text(entry.padded_fraction)) for pair, entry in rows]
    write_own(folder / INDEX, _csv(("pid", "nodule_id", "status", "reason", "padded_fraction"), index))


def _csv(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO()
    # Python's writer leaves a lone carriage return unquoted, and readers take it for a line end.
    hostile = any("\r" in cell for row in rows for cell in row)
    quoting: Literal[0, 1] = csv.QUOTE_ALL if hostile else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator="\n", quoting=quoting).writerows([header, *rows])
    return text.getvalue()


def _fraction_text(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction:.6f}"


def sweep(folder: Path, count: int) -> None:
    """Remove what a killed run left half-written, and chunks beyond ``count``."""
    array = folder / "crops.zarr"
    for place, half_written in ((folder.glob(".*"), _HALF_WRITTEN), (array.rglob(".*"), _HALF_WRITTEN_ARRAY)):
        for path in place:
            if half_written.fullmatch(path.name):
                path.unlink(missing_ok=True)
    for path in (folder / ARRAY).glob("*.0.0.0"):
        if path.name.split(".")[0].isdigit() and int(path.name.split(".")[0]) >= count:
            path.unlink(missing_ok=True)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, indent=1) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
