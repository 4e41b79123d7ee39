"""Fingerprints of nodules' crops: what is alike is the same tissue, whatever the patient is called.

How they are made stands in `benchmark.imaging.cropping.fingerprint`; here is what a file of them holds and how two
are compared, for which no scan and no crop is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmark.errors import InputError, Problem
from benchmark.formats.npz import read_npz

FINGERPRINTS: Final = "fingerprints.npz"
"""Name of the file, in a crop store."""
VERSION: Final = 1
"""Changes with anything that changes a fingerprint: those of two versions cannot be compared."""
ALIKE: Final = 0.925
"""Correlation of two fingerprints from which they are of one nodule; measured in ``results/speed/overlap.md``."""


@dataclass(frozen=True)
class Fingerprints:
    """Fingerprints of the nodules of a cohort that have a crop.

    Attributes:
        pids: Patient of each.
        nodule_ids: Nodule of each.
        vectors: int8 ``[n, length]``; of a crop that shows nothing all zero, and like no other.
        checksums: CRC-32 of the crop that each was made from.
    """

    pids: tuple[str, ...]
    nodule_ids: tuple[str, ...]
    vectors: npt.NDArray[np.int8]
    checksums: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.pids)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What a file holds."""
        return {
            "pid": np.array(self.pids, str),
            "nodule_id": np.array(self.nodule_ids, str),
            "fingerprints": self.vectors,
            "checksums": np.array(self.checksums, np.int64),
            "version": np.array(VERSION),
        }


def read_fingerprints(folder: Path) -> Fingerprints | None:
    """The fingerprints in a crop store; None where there are none, or another version's.

    Raises:
        InputError: The file is damaged.
    """
    path = folder / FINGERPRINTS
    if not path.is_file():
        return None
    arrays = read_npz(path)
    if int(arrays.get("version", np.array(0))) != VERSION:
        return None
    try:
        found = Fingerprints(
            tuple(map(str, arrays["pid"])),
            tuple(map(str, arrays["nodule_id"])),
            np.asarray(arrays["fingerprints"]),
            tuple(map(int, arrays["checksums"])),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(_damaged(path)) from error
    sizes = {len(found.pids), len(found.nodule_ids), len(found.vectors), len(found.checksums)}
    if len(sizes) != 1 or found.vectors.ndim != 2 or found.vectors.dtype != np.int8:
        raise InputError(_damaged(path))
    return found


def alike(first: Fingerprints, second: Fingerprints, least: float = ALIKE) -> list[tuple[int, int, float]]:
    """Pairs of nodules of two cohorts that are copies of each other, the most alike first.

    Args:
        first: Of one cohort.
        second: Of the other.
        least: Least correlation of a pair.

    Returns:
        Place in ``first``, place in ``second``, correlation.
    """
    from sklearn.neighbors import NearestNeighbors

    (own, a), (others, b) = _unit_vectors(first.vectors), _unit_vectors(second.vectors)
    if not len(a) or not len(b):
        return []
    # Of unit vectors the squared distance is 2 - 2 times their correlation.
    search = NearestNeighbors(radius=float(np.sqrt(2 - 2 * least)), algorithm="brute").fit(b)
    distances, places = search.radius_neighbors(a)
    found = [
        (int(own[k]), int(others[j]), float(1 - distance**2 / 2))
        for k in range(len(a))
        for j, distance in zip(places[k], distances[k], strict=True)
    ]
    return sorted(found, key=lambda pair: (-pair[2], pair[:2]))


def _unit_vectors(vectors: npt.NDArray[np.int8]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    """Rows that are not all zero, and these with length 1."""
    values = vectors.astype(np.float64)
    lengths = np.linalg.norm(values, axis=1)
    rows = np.flatnonzero(lengths)
    return rows, values[rows] / lengths[rows, None]


def _damaged(path: Path) -> Problem:
    return Problem("holds no fingerprints of nodules", "remove it: `bench cohort overlap` makes it again", path)
