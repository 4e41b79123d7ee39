"""The crop store: a folder with the crops of a cohort and an index that says what became of each nodule.

``crops.zarr`` is a Zarr version 2 group with the int16 array ``crops`` ``[nodule, z, y, x]`` in HU, one chunk a
nodule; ``index.csv`` has one row a nodule in the same order; ``done.jsonl`` records what each was made from, so
that a run can go on.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.files import write_text
from clip_nodule.recipe import Recipe, recipe_from_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pandas as pd

ARRAY, INDEX, DONE = "crops.zarr/crops", "index.csv", "done.jsonl"
FAILURES, NOTES = "failures.csv", "notes.csv"
CROPPED, FAILED = "cropped", "failed"
FORMAT = 2
_COMPRESSOR = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}


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


@dataclass(frozen=True)
class CropStore:
    """A finished crop store.

    Attributes:
        folder: Where it is.
        recipe: What the crops were made with.
        index: ``pid, nodule_id, status, reason, padded_fraction``; ids are text, rows are those of the array.
        checksums: CRC-32 of each row's chunk.
    """

    folder: Path
    recipe: Recipe
    index: pd.DataFrame
    checksums: tuple[int | None, ...]

    @classmethod
    def open(cls, folder: Path | str) -> CropStore:
        """Open a store for reading.

        Raises:
            InputError: There is none, or its making was interrupted.
        """
        import pandas as pd

        folder = Path(folder)
        attributes = read_attributes(folder)
        if attributes is None:
            raise InputError(Problem("holds no crops", "make them with `bench crop`", folder))
        if not (folder / INDEX).is_file() or not attributes.get("inputs_hash"):
            raise InputError(Problem("holds crops that are not finished", "run `bench crop` again", folder))
        kinds: dict[Hashable, Any] = dict.fromkeys(("pid", "nodule_id", "status", "reason"), str)
        index = pd.read_csv(
            folder / INDEX,
            dtype={**kinds, "padded_fraction": float},
            keep_default_na=False,
            na_values={"padded_fraction": [""]},
        )
        entries = read_done(folder)
        if len(index) != len(entries):
            what = f"records {len(entries)} nodules but {len(index)} rows in its index"
            raise InputError(Problem(what, "run `bench crop` again", folder))
        checksums = tuple(entries[row].crc32 if row in entries else None for row in range(len(index)))
        return cls(folder, recipe_from_dict(attributes["recipe"]), index, checksums)

    def __len__(self) -> int:
        return len(self.index)

    @property
    def cropped(self) -> NDArray[np.intp]:
        """Rows that have a crop."""
        return np.flatnonzero((self.index["status"] == CROPPED).to_numpy())

    @property
    def failures(self) -> pd.DataFrame:
        """Rows of the index that have none."""
        return self.index[self.index["status"] != CROPPED]

    def rows(self, nodules: pd.DataFrame) -> NDArray[np.intp]:
        """Rows of the nodules of a table (by ``pid`` and ``nodule_id``); -1 where there is none."""
        place = {
            pair: row for row, pair in enumerate(zip(self.index["pid"], self.index["nodule_id"], strict=True))
        }
        pairs = zip(nodules["pid"], nodules["nodule_id"], strict=True)
        return np.array([place.get(pair, -1) for pair in pairs], np.intp)

    def crops(self, rows: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[np.int16]:
        """Crops of some rows, ``[len(rows), z, y, x]`` in HU.

        Raises:
            InputError: A row has no crop, for the reason given, or its file is damaged.
        """
        wanted = np.asarray(rows, np.intp)
        self._check(wanted)
        crops = np.empty((len(wanted), *(self.recipe.size,) * 3), np.int16)
        for place, row in enumerate(wanted):
            path = chunk_path(self.folder, int(row))
            data = _read(path)
            if crc32(data) != self.checksums[row]:
                raise InputError(Problem("is damaged", "run `bench crop` again", path))
            _codec().decode(data, out=crops[place])
        return crops

    def _check(self, rows: NDArray[np.intp]) -> None:
        outside = rows[(rows < 0) | (rows >= len(self))]
        if outside.size:
            raise InputError(Problem(f"holds {len(self)} crops, no row {outside[0]}", file=self.folder))
        status = self.index["status"].to_numpy()
        missing = [int(row) for row in rows if status[row] != CROPPED]
        if missing:
            table = self.index.iloc[missing]
            raise InputError(
                [
                    Problem(
                        f"nodule {nodule!r} of patient {pid!r} has no crop: {reason}", file=self.folder / INDEX
                    )
                    for pid, nodule, reason in zip(table["pid"], table["nodule_id"], table["reason"], strict=True)
                ]
            )


def prepare(folder: Path, count: int, recipe: Recipe, inputs: str = "") -> None:
    """Make an array for ``count`` crops, or fit an existing one of the same recipe to that number.

    Args:
        folder: The store.
        count: Nodules of the table.
        recipe: The recipe.
        inputs: Hash of all that the crops were made from; empty while they are being made.
    """
    array = folder / ARRAY
    metadata = {
        "zarr_format": 2,
        "shape": [count, recipe.size, recipe.size, recipe.size],
        "chunks": [1, recipe.size, recipe.size, recipe.size],
        "dtype": "<i2",
        "compressor": _COMPRESSOR,
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
        "axes": "nodule, z, y, x (LPS)",
        "unit": "HU",
        "centre_index": recipe.centre_index,
    }
    _write_json(folder / "crops.zarr/.zgroup", {"zarr_format": 2})
    _write_json(array / ".zattrs", attributes)
    _write_json(array / ".zarray", metadata)


def read_attributes(folder: Path) -> dict[str, Any] | None:
    """The array's attributes, finished or not; None where there are none of this format."""
    try:
        attributes: dict[str, Any] = json.loads((folder / ARRAY / ".zattrs").read_text(encoding="utf-8"))
        return attributes if attributes["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_crop(folder: Path, row: int, crop: NDArray[np.int16]) -> int:
    """Write one chunk; it stands at its final name whole or not at all.

    The data is not forced to the disk: should the machine lose power before it gets there, the checksum tells.

    Returns:
        Its checksum.
    """
    data: bytes = _codec().encode(np.ascontiguousarray(crop, "<i2"))
    path = chunk_path(folder, row)
    temporary = path.with_name(f".{row}-{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return crc32(data)


def is_whole(folder: Path, entry: Entry) -> bool:
    """Whether a crop's chunk is there with the bytes that were written."""
    data = _read(chunk_path(folder, entry.row))
    return entry.crc32 is not None and crc32(data) == entry.crc32


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


@lru_cache(maxsize=1)
def _codec() -> Any:  # noqa: ANN401
    from numcodecs import blosc  # type: ignore[import-untyped]

    blosc.use_threads = False  # several threads would order Blosc's blocks by chance
    return blosc.Blosc(**{key: value for key, value in _COMPRESSOR.items() if key != "id"})


def chunk_path(folder: Path, row: int) -> Path:
    """File of one crop."""
    return folder / ARRAY / f"{row}.0.0.0"


def read_done(folder: Path) -> dict[int, Entry]:
    """What a finished or interrupted run recorded; a line that was cut by a kill is left out."""
    entries = {}
    try:
        lines = (folder / DONE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            continue
        entries[entry.row] = entry
    return entries


def entry_line(entry: Entry) -> str:
    """An entry as a line of ``done.jsonl``."""
    return json.dumps(asdict(entry), ensure_ascii=False) + "\n"


def finish(folder: Path, ids: Sequence[tuple[str, str]], entries: Sequence[Entry], recipe: Recipe) -> None:
    """Write the record, the list of failures and, last, the index that makes the store complete."""
    record = "".join(entry_line(entry) for entry in entries)
    write_text(folder / DONE, record)
    prepare(folder, len(entries), recipe, hashlib.sha256(record.encode()).hexdigest())
    rows = list(zip(ids, entries, strict=True))
    failed = [(*pair, entry.reason) for pair, entry in rows if entry.status == FAILED]
    notes = [(*pair, entry.note) for pair, entry in rows if entry.note]
    for name, column, lines in ((FAILURES, "reason", failed), (NOTES, "note", notes)):
        if lines:
            write_text(folder / name, _csv(("pid", "nodule_id", column), lines))
        else:
            (folder / name).unlink(missing_ok=True)
    index = [(*pair, entry.status, entry.reason, _share(entry.padded_fraction)) for pair, entry in rows]
    write_text(folder / INDEX, _csv(("pid", "nodule_id", "status", "reason", "padded_fraction"), index))


def _csv(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue()


def _share(fraction: float | None) -> str:
    return "" if fraction is None else f"{fraction:.6f}"


def sweep(folder: Path, count: int) -> None:
    """Remove what a killed run left half-written, and chunks beyond ``count``."""
    for path in [*folder.glob(".*-*"), *(folder / "crops.zarr").rglob(".*-*")]:
        path.unlink(missing_ok=True)
    for path in (folder / ARRAY).glob("*.0.0.0"):
        if int(path.name.split(".")[0]) >= count:
            path.unlink(missing_ok=True)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    text = json.dumps(values, indent=1) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
