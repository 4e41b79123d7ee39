"""One phantom patient: the chest, its nodules, the scanner.

Worker processes load this module, so what only real data need (pandas, SimpleITK) is loaded where it is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.cohorts.phantom.anatomy import build_chest
from benchmark.cohorts.phantom.chest import Chest, Coordinates
from benchmark.cohorts.phantom.external import add_retraction, add_surroundings
from benchmark.cohorts.phantom.features import NoduleFeatures
from benchmark.cohorts.phantom.internal import add_internal
from benchmark.cohorts.phantom.nodule import make_body, paint_body
from benchmark.cohorts.phantom.place import place_nodules
from benchmark.cohorts.phantom.presets import PRESETS, Scanner
from benchmark.cohorts.phantom.scanner import acquire, draw_placement, store, write_nifti
from benchmark.cohorts.phantom.surface import Radius, axial_diameters
from benchmark.imaging.one_thread import one_thread

EXTENT = (128.0, 164.0, 164.0)
"""Size of the field in mm, ``(z, y, x)``: one lung."""
MARGIN = (46.0, 28.0, 28.0)
"""Distance of nodules from the edges of the field in mm; nearer than half a 100 mm crop, so some crops are
padded."""
MARGIN_IN_REAL = (30.0, 25.0, 25.0)
"""The same in a given scan."""


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


def draw_patient(
    task: tuple[int, list[NoduleFeatures]],
    preset: str,
    seed: int,
    out: Path,
    background: Path | None,
    lidc: Path | None,
) -> list[DrawnNodule]:
    """Draw a patient's scan and write it into a cohort folder.

    Args:
        task: The patient's number from 0, and what the nodules must show.
        preset: One of ``PRESETS``.
        seed: Seed of the cohort.
        out: The cohort folder.
        background: See `draw_scan`; so is ``lidc``.
        lidc: See ``background``.
    """
    index, nodules = task
    chosen = PRESETS[preset]
    path = out / "images" / f"{chosen.id_format.format(index + 1)}.nii.gz"
    rng = np.random.default_rng([seed, 2, index])
    with one_thread():
        return draw_scan(path, nodules, chosen.scanner, rng, background=background, lidc=lidc)


def draw_scan(
    path: Path,
    nodules: list[NoduleFeatures],
    scanner: Scanner,
    rng: np.random.Generator,
    *,
    background: Path | None = None,
    lidc: Path | None = None,
) -> list[DrawnNodule]:
    """Draw a patient's scan and write it.

    Args:
        path: File to write.
        nodules: What its nodules must show.
        scanner: How the scan is made.
        rng: Source of randomness.
        background: A real scan to put the nodules into.
        lidc: The LIDC annotation database that nodules with a reading take their shape from.
    """
    in_plane = rng.uniform(*scanner.in_plane)
    spacing = np.round([rng.uniform(*scanner.slice_spacing), in_plane, in_plane * rng.uniform(0.97, 1.03)], 3)
    contrast = bool(rng.random() < scanner.contrast)
    noise, blur = rng.uniform(*scanner.noise), rng.uniform(*scanner.blur)
    if background is None:
        placement = draw_placement(rng)
        chest = build_chest(np.array(EXTENT), spacing, rng, contrast=contrast)
        centres = _draw_nodules(chest, nodules, rng, MARGIN, lidc)
        volume = acquire(chest.hu, spacing, noise, blur, rng)
    else:
        from benchmark.cohorts.phantom.background import load_background

        real = load_background(background)
        placement, spacing, chest = real.placement, real.spacing, real.chest()
        centres = _draw_nodules(chest, nodules, rng, MARGIN_IN_REAL, lidc)
        volume = real.acquire(chest.hu, blur, rng)
    write_nifti(path, *store(volume, spacing, placement))
    drawn = []
    for centre, diameters in centres:
        x, y, z = (round(float(value), 4) for value in placement.world(centre))
        drawn.append(DrawnNodule((x, y, z), *diameters))
    return drawn


def draw_nodule(
    chest: Chest,
    features: NoduleFeatures,
    centre: Coordinates,
    rng: np.random.Generator,
    radius: Radius | None = None,
) -> tuple[float, float]:
    """Draw one nodule with everything in and around it.

    Returns:
        Its longest axial diameter and the one at right angles to it, in mm.
    """
    body = make_body(chest, features, centre, rng, radius)
    add_surroundings(body, rng)
    add_internal(body, rng)
    paint_body(body)
    add_retraction(body, rng)
    return axial_diameters(body.radius)


def _draw_nodules(
    chest: Chest,
    nodules: list[NoduleFeatures],
    rng: np.random.Generator,
    margin: tuple[float, float, float],
    lidc: Path | None,
) -> list[tuple[Coordinates, tuple[float, float]]]:
    centres = place_nodules(chest, nodules, rng, np.array(margin))
    return [
        (centre, draw_nodule(chest, features, centre, rng, _given_surface(features, lidc)))
        for features, centre in zip(nodules, centres, strict=True)
    ]


def _given_surface(features: NoduleFeatures, lidc: Path | None) -> Radius | None:
    """The surface that a reader drew, for a nodule with a reading."""
    if lidc is None or features.annotation is None:
        return None
    from benchmark.cohorts.phantom.lidc import reading_surface

    return reading_surface(lidc, features.annotation)
