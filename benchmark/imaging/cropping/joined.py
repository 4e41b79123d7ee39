"""Crop stores of several cohorts read as one, their rows one store's after the other's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.recipe import Recipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class JoinedStore:
    """Crop stores of one recipe, read as one.

    Attributes:
        parts: The stores.
    """

    parts: tuple[CropStore, ...]

    @classmethod
    def open(cls, folders: Sequence[Path | str]) -> JoinedStore:
        """Open stores for reading.

        Raises:
            InputError: One is missing or not finished, or their recipes differ.
        """
        return cls.of([CropStore.open(folder) for folder in folders])

    @classmethod
    def of(cls, parts: Sequence[CropStore]) -> JoinedStore:
        """Join stores that are open.

        Raises:
            InputError: Their recipes differ.
        """
        first = parts[0]
        problems = [
            Problem(
                f"has crops of the recipe {part.recipe.name!r}, not {first.recipe.name!r}",
                "make both with one recipe: `bench crop --recipe`",
                part.folder,
            )
            for part in parts
            if part.recipe.hash != first.recipe.hash
        ]
        if problems:
            raise InputError(problems)
        return cls(tuple(parts))

    @property
    def recipe(self) -> Recipe:
        """What the crops were made with."""
        return self.parts[0].recipe

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the stores are."""
        return tuple(part.folder for part in self.parts)

    @property
    def starts(self) -> NDArray[np.intp]:
        """First row of each store, and the number of rows in all at the end: ``[len(parts) + 1]``."""
        return np.concatenate([[0], np.cumsum([len(part) for part in self.parts])]).astype(np.intp)

    def __len__(self) -> int:
        return sum(len(part) for part in self.parts)

    @property
    def cropped(self) -> NDArray[np.intp]:
        """Rows that have a crop."""
        return np.concatenate(
            [part.cropped + start for part, start in zip(self.parts, self.starts[:-1], strict=True)]
        )

    @property
    def failures(self) -> pd.DataFrame:
        """Rows of the stores' indices that have none, one below the other."""
        import pandas as pd

        return pd.concat([part.failures for part in self.parts], ignore_index=True)

    def located(self, rows: NDArray[np.integer[Any]]) -> list[tuple[int, NDArray[np.intp], NDArray[np.intp]]]:
        """Which store has which rows: the store's number, places in ``rows``, and rows within the store."""
        starts = self.starts
        part = np.searchsorted(starts, rows, side="right") - 1
        return [
            (int(number), places, np.asarray(rows, np.intp)[places] - starts[number])
            for number in np.unique(part)
            if len(places := np.flatnonzero(part == number))
        ]

    def crops(self, rows: NDArray[np.integer[Any]]) -> NDArray[np.int16]:
        """Crops of some rows, ``[len(rows), z, y, x]`` in HU; see ``CropStore.crops``."""
        found = np.empty((len(rows), *(self.recipe.size,) * 3), np.int16)
        for number, places, own in self.located(rows):
            found[places] = self.parts[number].crops(own)
        return found
