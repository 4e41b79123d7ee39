"""Copies of phantom nodules as other people publish them, to measure `bench cohort overlap` on.

A copy is resampled to 1 mm on a grid that is off by a random part of a millimetre, has other units than HU, and
its centre is off by half a voxel of the original along each axis.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.cohorts.phantom.prepare import draw_patients
from benchmark.cohorts.phantom.presets import PRESETS
from benchmark.cohorts.phantom.scan import draw_scan
from benchmark.imaging.cropping.crops import crop_at
from benchmark.imaging.recipe import get_recipe
from benchmark.imaging.scans.grid import Grid
from benchmark.imaging.volume import Volume, load_volume

A_SCAN = 6
"""Nodules drawn into one scan."""
RECIPE = replace(get_recipe("default"), size=56)
"""No more of a crop than a fingerprint looks at: drawing and resampling the rest would take most of the time."""
ROUND_MM = 34.0
"""How far around a nodule's centre the copy reaches: half a crop, and what shifts and interpolation need."""
Crops = npt.NDArray[np.int16]


def nodule_copies(
    presets: tuple[str, ...], scans: int, folder: Path, seed: int = 0
) -> Iterator[tuple[Crops, Crops]]:
    """Crops ``[z, y, x]`` by `RECIPE` of different phantom nodules and of a copy of each.

    Args:
        presets: What the phantoms are like.
        scans: Scans of each preset.
        folder: For the scan that is drawn.
        seed: Seed of everything.
    """
    path = folder / "scan.nii.gz"
    for number, preset in enumerate(presets):
        patients, _ = draw_patients(PRESETS[preset], A_SCAN * scans, np.random.default_rng([seed, number]), ())
        features = [nodule for nodules, _ in patients for nodule in nodules]
        for scan in range(scans):
            rng = np.random.default_rng([seed, number, scan])
            drawn = draw_scan(path, features[A_SCAN * scan :][:A_SCAN], PRESETS[preset].scanner, rng)
            volume = load_volume(path)
            for nodule in drawn:
                centre = np.array(nodule.coordinates)
                shift = rng.choice([-0.5, 0.5], 3) * volume.grid.spacing
                yield (
                    crop_at(volume, centre, RECIPE).as_int16(),
                    crop_at(copy_around(volume, centre, rng), centre + shift, RECIPE).as_int16(),
                )


def copy_around(volume: Volume, centre: npt.NDArray[np.float64], rng: np.random.Generator) -> Volume:
    """A part of a scan as somebody else keeps it: 1 mm, by linear or cubic interpolation, in other units."""
    grid = volume.grid
    sizes = np.array(grid.size)
    index = grid.to_index(centre)
    low = np.maximum(np.floor(index - ROUND_MM / grid.spacing), 0).astype(int)
    high = np.minimum(np.ceil(index + ROUND_MM / grid.spacing), sizes - 1).astype(int)
    part = volume.hu(tuple(slice(low[axis], high[axis] + 1) for axis in (2, 1, 0)))  # type: ignore[arg-type]
    offset = rng.uniform(0, 1, 3) / grid.spacing  # in voxels
    size = np.floor((high - low - offset) * grid.spacing).astype(int)
    values = ndimage.affine_transform(
        part,
        1 / grid.spacing[::-1],
        offset[::-1],
        tuple(size[::-1]),
        order=int(rng.choice([1, 3])),
        mode="nearest",
    )
    scale, intercept = rng.uniform(0.2, 2), rng.uniform(-1500, 1500)
    origin = grid.to_mm(low + offset)
    here = Grid((int(size[0]), int(size[1]), int(size[2])), grid.direction, origin)
    return Volume(here, np.rint(values * scale + intercept).astype(np.int16))
