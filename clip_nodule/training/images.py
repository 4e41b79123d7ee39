"""Planes for training: read from the crop store as they are needed, or kept on disk once made."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.files import replacing
from benchmark.formats.npz import read_npy
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.cropping.layout import DONE, INDEX
from benchmark.imaging.cropping.store import CropStore
from benchmark.progress import Progress
from clip_nodule.planes.augment import Draws, Strength, augmented_planes, draw
from clip_nodule.planes.batch import planes_batch, to_planes
from clip_nodule.planes.crops import DeviceCrops, untouched_margin, uploaded
from clip_nodule.planes.paper_augment import VolumeDraws, draw_volumes, paper_planes
from clip_nodule.runs.setting_parts import Augment

FROM_KEPT_PLANES: tuple[Augment, ...] = ("none", "flips")
"""Augmentations for which planes can be made once and kept."""
STEPS = 65535
BLOCK = 16
GAMMA = 0.2
"""``flips``: largest absolute logarithm of the exponent that grey values are raised to."""
Rows = npt.NDArray[np.int64]
Changes = npt.NDArray[Any]


class Planes(Protocol):
    """A source of normalised planes."""

    def draw(self, random: np.random.Generator, count: int) -> Changes:
        """What is changed in ``count`` nodules while training, ``[count, ...]``: equal draws, equal planes."""

    def __call__(self, rows: Rows, changes: Changes | None = None) -> Tensor:
        """``[n, 9, 3, size, size]`` of the rows given, changed as drawn."""

    def epoch(self, rows: Rows, changes: Changes) -> Callable[[int], Tensor]:
        """The planes of each step, by its number; what all steps need goes to the device once.

        Args:
            rows: ``[steps, n]``.
            changes: ``[steps, n, ...]``.
        """

    def expect(self, batches: Iterable[Rows]) -> None:
        """Say which rows will be asked for, in this order, so that they are read while something else runs."""


def drawn_changes(random: np.random.Generator, count: int, augment: Augment) -> Changes:
    """What an augmentation draws for ``count`` nodules: a seed each, three shares for ``flips``, or nothing."""
    if augment == "none":
        return np.empty((count, 0))
    if augment == "flips":
        return np.stack([*random.random((2, count)), random.uniform(-GAMMA, GAMMA, count)], axis=1)
    return random.integers(2**63, size=count)


class KeptPlanes:
    """Planes made once and kept in files that are mapped, not read, into memory.

    Args:
        files: ``.npy`` of uint16 ``[n, 9, size, size]``, 0..65535 for 0..1; of several stores one each, whose rows
            follow one another.
        device: Where batches go.
        flips: Augment as ``mirrored`` does.

    Raises:
        InputError: A file holds no planes, or planes of another size than the first.
    """

    def __init__(self, files: Path | Sequence[Path], device: torch.device, *, flips: bool = False) -> None:
        several = [files] if isinstance(files, Path) else files
        self.kept = [read_npy(file, mapped=True) for file in several]
        for file, part in zip(several, self.kept, strict=True):
            _check_kept(file, part, (len(part) if part.ndim else 0, *self.kept[0].shape[1:]))
        self.starts = np.cumsum([0, *(len(part) for part in self.kept[:-1])])
        self.device = device
        self.flips = flips

    def draw(self, random: np.random.Generator, count: int) -> Changes:
        """See ``Planes``."""
        return drawn_changes(random, count, "flips" if self.flips else "none")

    def epoch(self, rows: Rows, changes: Changes) -> Callable[[int], Tensor]:
        """See ``Planes``."""
        return lambda step: self(rows[step], changes[step])

    def __call__(self, rows: Rows, changes: Changes | None = None) -> Tensor:
        """See ``Planes``."""
        part = np.searchsorted(self.starts, rows, side="right") - 1
        raw_planes = np.empty((len(rows), *self.kept[0].shape[1:]), np.float32)
        for number in np.unique(part):
            own = part == number
            raw_planes[own] = self.kept[number][rows[own] - self.starts[number]]
        raw = torch.from_numpy(raw_planes).to(self.device) / STEPS
        if changes is not None and self.flips:
            raw = mirrored(raw, torch.from_numpy(changes).to(self.device))
        return to_planes(raw)

    def expect(self, batches: Iterable[Rows]) -> None:
        """See ``Planes``; the system reads mapped files ahead."""


class FreshPlanes:
    """Planes computed from crops each time; on a GPU from the part of each crop that planes touch.

    Args:
        store: The crop store, or several joined.
        size: Pixels along an edge.
        device: Where they are computed.
        augment: See ``DataSettings``.
    """

    def __init__(
        self, store: CropStore | JoinedStore, size: int, device: torch.device, *, augment: Augment = "none"
    ) -> None:
        self.size, self.device, self.augment = size, device, augment
        margin = 0 if device.type == "cpu" else untouched_margin(store.recipe, size, augment)
        self.crops = DeviceCrops(store, device, margin)
        self._to_keep: Rows | None = None

    def keep_on_device(self, rows: Rows) -> None:
        """Let the crops of ``rows`` stay on a GPU, if they fit, once the first planes are asked for."""
        self._to_keep = rows

    def expect(self, batches: Iterable[Rows]) -> None:
        """See ``Planes``."""
        self._keep()
        self.crops.expect(batches)

    def _keep(self) -> None:
        if self._to_keep is not None:
            self.crops.keep(self._to_keep)
            self._to_keep = None

    def draw(self, random: np.random.Generator, count: int) -> Changes:
        """See ``Planes``."""
        return drawn_changes(random, count, self.augment)

    def epoch(self, rows: Rows, changes: Changes) -> Callable[[int], Tensor]:
        """See ``Planes``."""
        self._keep()
        steps, n = rows.shape
        drawn = self._on_device(changes.reshape(steps * n, *changes.shape[2:]))
        located = self.crops.located(rows)
        if located is None:
            self.crops.expect(rows)

        def planes(step: int) -> Tensor:
            crops = self.crops(rows[step]) if located is None else self.crops.taken(located[step])
            return self._changed(crops, None if drawn is None else drawn[step * n : (step + 1) * n])

        return planes

    def __call__(self, rows: Rows, changes: Changes | None = None) -> Tensor:
        """See ``Planes``."""
        self._keep()
        return self._changed(self.crops(rows), None if changes is None else self._on_device(changes))

    def _on_device(self, changes: Changes) -> Tensor | Draws | VolumeDraws | None:
        if self.augment == "none":
            return None
        if self.augment == "flips":
            return uploaded(changes, self.device)
        if self.augment == "full":
            return draw(changes.tolist(), Strength(), self.device)
        return draw_volumes(changes.tolist(), self.device)

    def _changed(self, crops: Tensor, drawn: Tensor | Draws | VolumeDraws | None) -> Tensor:
        recipe = self.crops.recipe
        if isinstance(drawn, Draws):
            return augmented_planes(crops, recipe, drawn, size=self.size)
        if isinstance(drawn, VolumeDraws):
            return paper_planes(crops, recipe, drawn, self.size, change_volume=self.augment == "paper")
        if drawn is not None:
            raw = planes_batch(crops, recipe, size=self.size, normalize=False, channels=1)
            return to_planes(mirrored(raw.clamp(0, 1), drawn))
        return planes_batch(crops, recipe, size=self.size)


def kept_planes_file(
    store: CropStore, rows: Rows, count: int, size: int, progress: Progress | None = None
) -> Path:
    """Make the planes of a store once; the file lies in its folder and is made anew when the crops change.

    Args:
        store: The crop store.
        rows: Rows whose crops there are.
        count: Rows of the store in all.
        size: Pixels along an edge.
        progress: Told how many of how many nodules are done.

    Raises:
        InputError: What stands in its place does not hold planes of that size for every row.
    """
    file = store.folder / f"planes-{size}-{store_key(store)[:16]}.npy"
    if file.is_file():
        _check_kept(file, read_npy(file, mapped=True), (count, 9, size, size))
        return file
    for stale in store.folder.glob(f"planes-{size}-{'[0-9a-f]' * 16}.npy"):
        stale.unlink()
    with replacing(file) as temporary:
        kept = cast(Any, np.lib.format.open_memmap)(
            temporary, mode="w+", dtype=np.uint16, shape=(count, 9, size, size)
        )
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            crops = torch.from_numpy(store.crops(block))
            planes = planes_batch(crops, store.recipe, size=size, normalize=False, channels=1)
            kept[block] = (planes.clamp(0, 1) * STEPS).round().to(torch.int32).numpy().astype(np.uint16)
            if progress is not None:
                progress(min(start + BLOCK, len(rows)), len(rows), "planes")
        kept.flush()
        del kept
    return file


def _check_kept(file: Path, kept: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    if kept.dtype != np.uint16 or kept.shape != shape or kept.ndim != 4 or kept.shape[1] != 9:
        what = f"holds {kept.dtype} {list(kept.shape)}, not planes: uint16 {list(shape)}"
        raise InputError(Problem(what, "remove it; it is made again from the crops", file))


def crops_key(store: JoinedStore) -> str:
    """Hash that is another where any store has other crops; of a single store its ``store_key``."""
    keys = [store_key(part) for part in store.parts]
    return keys[0] if len(keys) == 1 else hashlib.sha256("\n".join(keys).encode()).hexdigest()


def store_key(store: CropStore) -> str:
    """Hash of a store's recipe, index and the record of what each crop was made from: another key, other crops."""
    digest = hashlib.sha256(store.recipe.hash.encode())
    for name in (INDEX, DONE):
        path = store.folder / name
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


def kept_planes_files(store: JoinedStore, size: int, progress: Progress | None = None) -> list[Path]:
    """``kept_planes_file`` of every store."""
    return [
        kept_planes_file(part, part.cropped.astype("int64"), len(part), size, progress) for part in store.parts
    ]


def mirrored(planes: Tensor, changes: Tensor) -> Tensor:
    """Planes ``[n, 9, size, size]`` in 0..1, a nodule's mirrored up-down, left-right, or both, or not at all.

    Args:
        planes: In 0..1.
        changes: ``[n, 3]``: shares below a half mirror up-down and left-right; logarithms of the exponents that
            grey values are raised to.
    """
    vertical, horizontal, exponent = changes.view(-1, 3, 1, 1, 1).unbind(1)
    planes = torch.where(vertical < 0.5, planes.flip(-2), planes)
    planes = torch.where(horizontal < 0.5, planes.flip(-1), planes)
    return planes ** exponent.exp().to(planes.dtype)
