"""The branching vessels of a lung, and the airways that run with them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmark.cohorts.phantom.chest import Chest, Coordinates
from benchmark.cohorts.phantom.tubes import Tubes, draw_airways, draw_tubes

STEMS = (
    (0.9, -0.6, 3.2),
    (0.8, 0.7, 2.6),
    (0.0, -0.9, 2.6),
    (-0.1, 0.3, 3.0),
    (-0.9, -0.4, 2.6),
    (-0.9, 0.8, 3.2),
)
"""Direction of the first branches up and to the back, for one to the side, and their radius in mm."""
WITH_AIRWAY = 2.8
"""Stems thicker than this in mm, and all that branches from them, have an airway beside them."""
THIN = 0.55
"""Vessels thinner than this in mm do not branch."""
BEYOND = 5.0
"""How far in mm branches may reach out of the field."""


def draw_tree(chest: Chest, hilum: Coordinates, side: float, rng: np.random.Generator) -> None:
    """Vessels branch from the hilum until they are thin or near the pleura; airways run with some of them.

    Args:
        chest: Drawn into.
        hilum: Where they begin, in mm.
        side: 1 or -1: where the lung lies from there, along x.
        rng: Source of randomness.
    """
    up, back, radius = np.array(STEMS).T
    start = hilum + rng.normal(0, 5, (len(STEMS), 3))
    direction = np.stack([up, back, np.full(len(STEMS), side)], -1) + rng.normal(0, 0.15, (len(STEMS), 3))
    airway = radius > WITH_AIRWAY
    direction = units(direction)
    vessels, lumina = [], []
    while len(start):
        end = start + direction * ((rng.uniform(5.0, 8.0, len(start)) * np.sqrt(radius) + 4)[:, None])
        grows = _grows(chest, end, radius)
        start, end, direction = start[grows], end[grows], direction[grows]
        radius, airway = radius[grows], airway[grows]
        thinner = radius * rng.uniform(0.8, 0.9, len(start))
        vessels.append(Tubes(start, end, np.stack([radius, thinner], -1)))
        beside = across(direction, rng) * (radius * 1.9)[:, None]
        wide = airway & (radius > 1.6)
        bronchi = vessels[-1].moved(beside).of_radius(radius * 0.75)
        lumina.append(Tubes(bronchi.start[wide], bronchi.end[wide], bronchi.radii[wide]))
        goes_on = thinner >= THIN
        start, direction, radius, airway = _branches(
            end[goes_on], direction[goes_on], thinner[goes_on], airway[goes_on], rng
        )
    draw_tubes(chest, _together(vessels), chest.blood)
    draw_airways(chest, _together(lumina))


def units(vectors: Coordinates) -> Coordinates:
    """Vectors ``(n, 3)`` of length 1."""
    unit: Coordinates = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def across(directions: Coordinates, rng: np.random.Generator) -> Coordinates:
    """Unit vectors at right angles to directions ``(n, 3)``, turned at random."""
    return units(np.cross(directions, rng.normal(size=directions.shape)))


def _grows(chest: Chest, end: Coordinates, radius: Coordinates) -> npt.NDArray[np.bool_]:
    """Which branches end in the field, and in the lung if they are thin."""
    extent = np.array(chest.hu.shape) * chest.spacing
    inside = ((end >= -BEYOND) & (end <= extent + BEYOND)).all(axis=1)
    grows: npt.NDArray[np.bool_] = inside & ((chest.depth_at(end) >= 2.5) | (radius >= 2.2))
    return grows


def _branches(
    start: Coordinates,
    direction: Coordinates,
    radius: Coordinates,
    airway: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[Coordinates, Coordinates, Coordinates, npt.NDArray[np.bool_]]:
    """Two branches of each: one almost as thick, one thinner, to opposite sides."""
    bend = across(direction, rng)
    turned, thickness = [], []
    for sign, share in ((1, (0.85, 0.98)), (-1, (0.6, 0.9))):
        turned.append(units(direction + bend * (sign * rng.uniform(0.3, 0.75, len(start)))[:, None]))
        thickness.append(radius * rng.uniform(*share, len(start)))
    return np.tile(start, (2, 1)), np.concatenate(turned), np.concatenate(thickness), np.tile(airway, 2)


def _together(tubes: list[Tubes]) -> Tubes:
    return Tubes(*(np.concatenate([getattr(some, name) for some in tubes]) for name in ("start", "end", "radii")))
