"""Fingerprints of crops that survive resampling, other units and a small shift.

A crop is smoothed and sampled on a coarse grid, less what a broader smoothing leaves of it: neither the size of
voxels nor a shift of half a voxel changes that much. A fixed random projection (Johnson and Lindenstrauss 1984)
makes few numbers of many and keeps their angles; with zero mean and one length they do not change with the scale
and offset of HU.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmark.contracts.fingerprints import FINGERPRINTS, Fingerprints, read_fingerprints
from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.recipe import Recipe
from benchmark.outputs.written import replacing_own
from benchmark.progress import Progress

REACH_MM: Final = 24.0
"""Distance from the centre to the outermost points of the grid."""
STEP_MM: Final = 4.0
"""Between its points."""
FINE_MM: Final = 2.0
"""Standard deviation of the smoothing."""
BROAD_MM: Final = 6.0
"""Standard deviation of the broader smoothing that is taken away."""
LENGTH: Final = 128
"""Numbers of a fingerprint, a byte each."""
_SEED: Final = 20_261_127
_AT_A_TIME: Final = 32

_Singles = npt.NDArray[np.float32]


def fingerprints_of(crops: npt.NDArray[np.int16], recipe: Recipe) -> npt.NDArray[np.int8]:
    """Fingerprints of crops.

    Args:
        crops: ``[n, z, y, x]``, in any unit that is linear in HU.
        recipe: What they were made with.

    Returns:
        ``[n, LENGTH]``; zeros for a crop that shows nothing.

    Raises:
        InputError: The recipe's crops are too small.
    """
    start, end, fine, broad = _weights(recipe)
    inner = crops[:, start:end, start:end, start:end].astype(np.float32)
    detail = (_sampled(inner, fine) - _sampled(inner, broad)).reshape(len(crops), -1)
    detail -= detail.mean(axis=1, keepdims=True)
    spread = detail.std(axis=1, keepdims=True)
    shows = spread[:, 0] > 1e-3
    projected = detail / np.where(shows[:, None], spread, 1) @ _projection(detail.shape[1])
    lengths = np.linalg.norm(projected, axis=1, keepdims=True)
    # 300: of LENGTH numbers with this norm the largest seldom leaves int8.
    whole = np.rint(projected / np.where(lengths > 0, lengths, 1) * 300).clip(-127, 127).astype(np.int8)
    return np.where(shows[:, None], whole, np.int8(0))


def store_fingerprints(store: CropStore, progress: Progress | None = None) -> Fingerprints:
    """The fingerprints of a crop store, made and kept in it where those there are not of its crops.

    Raises:
        InputError: A crop is damaged, the recipe's crops are too small, or somebody else's file is in the way.
    """
    rows = store.cropped
    index = store.index.iloc[rows]
    checksums = tuple(int(store.checksums[row] or 0) for row in rows)
    pids, nodules = tuple(map(str, index["pid"])), tuple(map(str, index["nodule_id"]))
    kept = _kept_fingerprints(store.folder)
    if kept is not None and (kept.pids, kept.nodule_ids, kept.checksums) == (pids, nodules, checksums):
        return kept
    parts = list(_in_parts(store, rows, progress))
    vectors = np.concatenate(parts) if parts else np.empty((0, LENGTH), np.int8)
    found = Fingerprints(pids, nodules, vectors, checksums)
    with replacing_own(store.folder / FINGERPRINTS) as temporary, Path(temporary).open("wb") as stream:
        np.savez(stream, **found.arrays())  # type: ignore[arg-type]
    return found


def _kept_fingerprints(folder: Path) -> Fingerprints | None:
    try:
        return read_fingerprints(folder)
    except InputError:  # made again; a file that is not ours is not replaced
        return None


def _in_parts(
    store: CropStore, rows: npt.NDArray[np.intp], progress: Progress | None
) -> Iterator[npt.NDArray[np.int8]]:
    for first in range(0, len(rows), _AT_A_TIME):
        some = rows[first : first + _AT_A_TIME]
        yield fingerprints_of(store.crops(some), store.recipe)
        if progress is not None:
            progress(first + len(some), len(rows))


def _sampled(crops: _Singles, weights: _Singles) -> _Singles:
    """Crops ``[n, m, m, m]`` smoothed and sampled: ``[n, g, g, g]``."""
    for _ in range(3):
        crops = np.tensordot(crops, weights, axes=([1], [1]))
    return crops


def shows_enough(recipe: Recipe) -> bool:
    """Whether the crops of a recipe are large enough for fingerprints."""
    start, end = _range_of_points(recipe)
    return start >= 0 and end <= recipe.size


def _range_of_points(recipe: Recipe) -> tuple[int, int]:
    reach = int(np.ceil((REACH_MM + FINE_MM) / recipe.spacing))
    return int(recipe.centre_index) - reach, int(recipe.centre_index) + reach + 1


@lru_cache(maxsize=4)
def _weights(recipe: Recipe) -> tuple[int, int, _Singles, _Singles]:
    """First and last index of the points that count, and the weights ``[g, m]`` of both smoothings."""
    start, end = _range_of_points(recipe)
    if not shows_enough(recipe):
        needed = (end - start) * recipe.spacing
        what = f"its crops show {recipe.size * recipe.spacing:g} mm, a fingerprint needs {needed:g}"
        raise InputError(Problem(what, "crop with the recipe default", value=recipe.name))
    points = np.arange(-REACH_MM, REACH_MM + STEP_MM / 2, STEP_MM)[:, None]
    places = (np.arange(start, end) - recipe.centre_index) * recipe.spacing
    smoothings = []
    for width in (FINE_MM, BROAD_MM):
        weights = np.exp(-0.5 * ((places - points) / width) ** 2)
        smoothings.append((weights / weights.sum(axis=1, keepdims=True)).astype(np.float32))
    return start, end, smoothings[0], smoothings[1]


@lru_cache(maxsize=1)
def _projection(count: int) -> _Singles:
    """``[count, LENGTH]``, the same on every machine."""
    generator = np.random.Generator(np.random.PCG64(_SEED))
    return generator.choice(np.array([-1, 1], np.float32), size=(count, LENGTH))
