"""The crop store, read: a folder with the crops of a cohort and an index that says what became of each nodule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from isal.isal_zlib import crc32
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.formats.csv import read_csv
from benchmark.formats.json import read_json
from benchmark.formats.opening import refusing
from benchmark.imaging.cropping.layout import (
    ARRAY,
    CROPPED,
    INDEX,
    Entry,
    chunk_compressor,
    chunk_path,
    read_attributes,
    read_chunk,
    read_done,
    unpacked_bytes,
)
from benchmark.imaging.recipe import Recipe, recipe_from_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CropStore:
    """A finished crop store.

    Attributes:
        folder: Where it is.
        recipe: What the crops were made with.
        index: ``pid, nodule_id, status, reason, padded_fraction``; ids are text, rows are those of the array.
        checksums: CRC-32 of each row's chunk.
        notes: What was odd about the scans of the nodules that were cropped all the same.
    """

    folder: Path
    recipe: Recipe
    index: pd.DataFrame
    checksums: tuple[int | None, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, folder: Path | str, entries: Mapping[int, Entry] | None = None) -> CropStore:
        """Open a store for reading.

        Args:
            folder: Where it is.
            entries: What its ``done.jsonl`` holds, for who has read that already.

        Raises:
            InputError: There is none, its making was interrupted, or it does not hold what it says.
        """
        import pandas as pd

        folder = Path(folder)
        attributes = read_attributes(folder)
        if attributes is None:
            raise InputError(Problem("holds no crops", "make them with `bench crop`", folder))
        if not (folder / INDEX).is_file() or not attributes.get("inputs_hash"):
            raise InputError(Problem("holds crops that are not finished", "run `bench crop` again", folder))
        recipe = attributes.get("recipe")
        if not isinstance(recipe, dict):
            raise InputError(Problem("does not say by which recipe its crops were made", "crop again", folder))
        index = read_csv(folder / INDEX)
        absent = {"pid", "nodule_id", "status", "reason", "padded_fraction"} - set(index.columns)
        if absent:
            what = f"its index has no column {', '.join(sorted(absent))}"
            raise InputError(Problem(what, "run `bench crop` again", folder / INDEX))
        index["padded_fraction"] = pd.to_numeric(index["padded_fraction"], errors="coerce").astype(float)
        entries = read_done(folder) if entries is None else entries
        if len(index) != len(entries):
            what = f"records {len(entries)} nodules but {len(index)} rows in its index"
            raise InputError(Problem(what, "run `bench crop` again", folder))
        checksums = tuple(entries[row].crc32 if row in entries else None for row in range(len(index)))
        notes = tuple(entry.note for entry in entries.values() if entry.note)
        return cls(folder, _recipe_of_crops(folder, attributes, recipe, len(index)), index, checksums, notes)

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
            data = read_chunk(path)
            if crc32(data) != self.checksums[row]:
                raise InputError(Problem("is damaged", "run `bench crop --verify`", path))
            if unpacked_bytes(data) != crops[place].nbytes:
                what = f"holds {unpacked_bytes(data):,} bytes, a crop of this recipe {crops[place].nbytes:,}"
                raise InputError(Problem(what, "remove the store's folder and run `bench crop` again", path))
            with refusing(path, "is damaged", "run `bench crop --verify`"):
                chunk_compressor().decode(data, out=crops[place])
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


def _recipe_of_crops(folder: Path, attributes: dict[str, Any], recorded: dict[str, Any], count: int) -> Recipe:
    """The recipe that a store records, if the record was not changed and its array has crops of that size.

    Raises:
        InputError: Another recipe stands there than the crops were made with, or the array has another shape.
    """
    recipe, problems = recipe_from_dict(recorded), []
    if attributes.get("recipe_hash") != recipe.hash:
        what = f"records a recipe {recipe.name!r} that is not the one whose hash it records"
        problems.append(Problem(what, "make them again with `bench crop`", folder))
    array = read_json(folder / ARRAY / ".zarray")
    found = [array.get("dtype"), array.get("shape")] if isinstance(array, dict) else [None, None]
    expected = ["<i2", [count, *(recipe.size,) * 3]]
    if found != expected:
        what = f"its array is {found[0]} {found[1]}, not {expected[0]} {expected[1]}"
        problems.append(Problem(what, "make the crops again with `bench crop`", folder))
    if problems:
        raise InputError(problems)
    return recipe
