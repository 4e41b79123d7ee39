"""One phantom patient: the chest, its nodules, the scanner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.cohorts.phantom.anatomy import build_chest
from benchmark.cohorts.phantom.external import add_retraction, add_surroundings
from benchmark.cohorts.phantom.features import NoduleFeatures
from benchmark.cohorts.phantom.internal import add_internal
from benchmark.cohorts.phantom.nodule import axial_diameters, make_body, paint_body
from benchmark.cohorts.phantom.place import place_nodules
from benchmark.cohorts.phantom.presets import Scanner
from benchmark.cohorts.phantom.scanner import acquire, draw_placement, store, write_nifti

EXTENT = (136.0, 172.0, 172.0)
"""Size of the field in mm, ``(z, y, x)``: one lung."""
MARGIN = (52.0, 28.0, 28.0)
"""Distance of nodules from the edges of the field in mm; nearer than half a 100 mm crop, so some crops are
padded."""


@dataclass(frozen=True)
class DrawnNodule:
    """What of a drawn nodule goes into the table.

    Attributes:
        coordinates: LPS centre in mm.
        longest: Longest axial diameter in mm.
        short: Axial diameter at right angles to it in mm.
    """

    coordinates: tuple[float, float, float]
    longest: float
    short: float


def draw_scan(
    path: Path, nodules: list[NoduleFeatures], scanner: Scanner, rng: np.random.Generator
) -> list[DrawnNodule]:
    """Draw a patient's scan with ``nodules`` and write it to ``path``."""
    in_plane = rng.uniform(*scanner.in_plane)
    spacing = np.round([rng.uniform(*scanner.slice_spacing), in_plane, in_plane * rng.uniform(0.97, 1.03)], 3)
    contrast = bool(rng.random() < scanner.contrast)
    noise, blur = rng.uniform(*scanner.noise), rng.uniform(*scanner.blur)
    placement = draw_placement(rng)
    chest = build_chest(np.array(EXTENT), spacing, rng, contrast=contrast)
    centres = place_nodules(chest, nodules, rng, np.array(MARGIN))
    drawn = []
    for features, centre in zip(nodules, centres, strict=True):
        body = make_body(chest, features, centre, rng)
        add_surroundings(body, rng)
        add_internal(body, rng)
        paint_body(body)
        add_retraction(body, rng)
        x, y, z = (round(float(value), 4) for value in placement.world(centre))
        drawn.append(DrawnNodule((x, y, z), *axial_diameters(body.radius)))
    volume = acquire(chest.hu, spacing, noise, blur, rng)
    write_nifti(path, *store(volume, spacing, placement))
    return drawn
