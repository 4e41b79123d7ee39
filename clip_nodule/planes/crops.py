"""Crops on a device: of each the central cube that planes touch, decoded by threads before it is asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.plane_maps import plane_maps
from benchmark.imaging.recipe import Recipe
from benchmark.work.local import worker_count
from clip_nodule.planes.augment import sampled_voxels
from clip_nodule.planes.shifted_planes import shifted_maps

Rows = npt.NDArray[np.int64]
KEPT_SHARE = 0.5
"""Of a GPU's free memory, what crops that are kept there may take; more are read for every batch."""
AHEAD = 2
"""Batches that are decoded before they are asked for."""
MOST_THREADS = 16
_AT_ONCE = 8
"""Crops that a thread decodes in one go."""
_BLOCK = 256
_kept: dict[tuple[Any, ...], Tensor] = {}
"""What lies on a device for this process: one set of cubes, for folds that follow one another."""


@lru_cache(maxsize=32)
def untouched_margin(recipe: Recipe, size: int, augment: str = "none") -> int:
    """Voxels at each face of a crop that no plane touches, in training or without augmentation.

    Args:
        recipe: What the crops were made with.
        size: Pixels along an edge of a plane.
        augment: See ``DataSettings``. ``paper`` needs the whole crop: its rotated volume is filled with the crop's
            least value, and its noise is drawn for every voxel.
    """
    if augment == "paper":
        return 0
    touched = [plane.index for plane in plane_maps(recipe, size)]
    if augment == "full":
        touched += sampled_voxels(recipe)
    if augment == "jitter":
        touched.append(shifted_maps(recipe, size, "cpu").voxels.number.numpy())
    first, last = recipe.size, 0
    for flat in touched:
        for place in np.unravel_index(flat, (recipe.size,) * 3):
            first, last = min(first, int(place.min())), max(last, int(place.max()))
    return max(0, min(first, recipe.size - 1 - last))


def cube_recipe(recipe: Recipe, margin: int) -> Recipe:
    """The recipe of crops without ``margin`` voxels at each face: their planes are those of whole crops."""
    return replace(recipe, size=recipe.size - 2 * margin)


def free_memory(device: torch.device) -> int | None:
    """Bytes that are free on a GPU, those that this process holds unused among them; None where nobody says."""
    try:
        free, _ = torch.cuda.mem_get_info(device)
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    except (RuntimeError, AssertionError):
        return None
    return int(free + unused)


def pinned_memory(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    """Memory that a GPU can read by itself, where it can be had: then the processor need not wait for a copy."""
    try:
        return torch.empty(shape, dtype=dtype, pin_memory=True)
    except RuntimeError:
        return torch.empty(shape, dtype=dtype)


def pinned(tensor: Tensor) -> Tensor:
    """A copy in memory that a GPU can read by itself, where it can be had; else the tensor."""
    try:
        return tensor.pin_memory()
    except RuntimeError:  # there is a limit to it; what is not pinned is sent all the same
        return tensor


def uploaded(array: npt.NDArray[Any], device: torch.device) -> Tensor:
    """An array on a device; the processor does not wait for it to arrive."""
    given = torch.from_numpy(array)
    return given if device.type == "cpu" else pinned(given).to(device, non_blocking=True)


@dataclass
class _Batch:
    """A batch on its way: ``cubes`` are filled when its ``parts`` are done, or are what the only part gives."""

    rows: Rows
    cubes: Tensor | None
    parts: list[Future[npt.NDArray[np.int16]]]

    def wait(self) -> Tensor:
        arrays = [part.result() for part in self.parts]
        return torch.from_numpy(arrays[0]) if self.cubes is None else self.cubes


class DeviceCrops:
    """Crops of a store on a device, int16 HU ``[n, z, y, x]``.

    Args:
        store: The crop store, or several joined.
        device: Where they go.
        margin: Voxels that are left out at each face.
    """

    def __init__(self, store: CropStore | JoinedStore, device: torch.device, margin: int = 0) -> None:
        self.store, self.device, self.margin = store, device, margin
        self.recipe = cube_recipe(store.recipe, margin)
        threads = 1 if device.type == "cpu" else min(worker_count(None), MOST_THREADS)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="crops")
        self._coming: Iterator[Rows] = iter(())
        self._ahead: deque[_Batch] = deque()
        self._resident: Tensor | None = None
        self._place: Rows = np.zeros(0, np.int64)

    def __call__(self, rows: Rows) -> Tensor:
        """The crops of some rows."""
        if (located := self.located(rows)) is not None:
            return self.taken(located)
        number = next((n for n, batch in enumerate(self._ahead) if np.array_equal(batch.rows, rows)), None)
        if number is None:
            batch = self._started(rows)
        else:
            for _ in range(number + 1):
                batch = self._ahead.popleft()
            self._fill()
        return self._sent(batch.wait())

    def expect(self, batches: Iterable[Rows]) -> None:
        """Say what will be asked for, in this order, so that it is decoded while something else is computed."""
        self._ahead.clear()
        self._coming = iter(() if self._resident is not None else batches)
        self._fill()

    def each(self, batches: Iterable[Rows]) -> Iterator[tuple[Rows, Tensor]]:
        """Batches of rows with their crops, the next ones decoded while one is worked on."""
        batches = list(batches)
        self.expect(batches)
        for rows in batches:
            yield rows, self(rows)

    def keep(self, rows: Rows) -> bool:
        """Put the crops of some rows on a GPU, once in this process, if they take at most half of what is free.

        Returns:
            Whether they are there; if not, batches are read as they are asked for.
        """
        if self.device.type == "cpu" or not len(rows):
            return False
        parts = self.store.parts if isinstance(self.store, JoinedStore) else (self.store,)
        own = tuple((part.folder, part.checksums) for part in parts)
        key = (own, self.recipe, rows.tobytes(), str(self.device))
        if key not in _kept:
            forget_kept_crops()
            free = free_memory(self.device)
            if free is not None and len(rows) * self.recipe.size**3 * 2 > KEPT_SHARE * free:
                return False
            _kept[key] = self._gathered(rows)
        self._resident = _kept[key]
        self._place = np.full(int(rows.max()) + 1, -1, np.int64)
        self._place[rows] = np.arange(len(rows))
        return True

    def _gathered(self, rows: Rows) -> Tensor:
        gathered = torch.empty((len(rows), *(self.recipe.size,) * 3), dtype=torch.int16, device=self.device)
        done = 0
        for block, crops in self.each(np.split(rows, range(_BLOCK, len(rows), _BLOCK))):
            gathered[done : done + len(block)].copy_(crops)
            done += len(block)
        return gathered

    def _places(self, rows: Rows) -> Rows | None:
        """Where rows lie among those that are kept; None if one does not."""
        if self._resident is None or rows.max(initial=-1) >= len(self._place):
            return None
        places = self._place[rows]
        return places if (places >= 0).all() else None

    def located(self, rows: Rows) -> Tensor | None:
        """Where rows lie among those that are kept, on the device and of any shape; None if one is not kept.

        Sent once for many batches, ``taken`` needs nothing more from the processor.
        """
        places = self._places(rows)
        return None if places is None else uploaded(places, self.device)

    def taken(self, located: Tensor) -> Tensor:
        """The crops of ``located`` rows, ``[n]``."""
        if self._resident is None:
            raise ValueError("no crops are kept")
        return self._resident.index_select(0, located)

    def _fill(self) -> None:
        while len(self._ahead) < AHEAD and (rows := next(self._coming, None)) is not None:
            self._ahead.append(self._started(rows))

    def _started(self, rows: Rows) -> _Batch:
        if self.device.type == "cpu":
            return _Batch(rows, None, [self._pool.submit(self._decoded, rows)])
        cubes = pinned_memory((len(rows), *(self.recipe.size,) * 3), torch.int16)
        target = cubes.numpy()
        starts = range(0, len(rows), _AT_ONCE)
        parts = [
            self._pool.submit(self._decoded, rows[s : s + _AT_ONCE], target[s : s + _AT_ONCE]) for s in starts
        ]
        return _Batch(rows, cubes, parts)

    def _decoded(self, rows: Rows, target: npt.NDArray[np.int16] | None = None) -> npt.NDArray[np.int16]:
        inner = slice(self.margin, self.store.recipe.size - self.margin)
        crops = self.store.crops(rows)[:, inner, inner, inner]
        if target is None:
            return crops
        target[...] = crops
        return target

    def _sent(self, cubes: Tensor) -> Tensor:
        return cubes if self.device.type == "cpu" else cubes.to(self.device, non_blocking=True)


def forget_kept_crops() -> None:
    """Give back the memory of what ``DeviceCrops.keep`` put on a device."""
    _kept.clear()
