"""What lies inside a nodule: air, fluid, calcium, and the net of its interstitium."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmark.cohorts.phantom.chest import Coordinates
from benchmark.cohorts.phantom.nodule import Body, coarse_noise
from benchmark.cohorts.phantom.surface import directions, rotation
from benchmark.cohorts.phantom.tubes import Tubes, tube_weights

HOLE = -950.0
NET = 6.0
"""How far in mm around a nodule its reticulation goes."""


def add_internal(body: Body, rng: np.random.Generator) -> None:
    """Change ``body.inside`` (and, for what reaches beyond it, the chest) by the internal features present."""
    for column, add in _INTERNAL.items():
        if column in body.features.present:
            add(body, rng)


def _reticulation(body: Body, rng: np.random.Generator) -> None:
    """A net of fine lines: bright in hazy tissue and in the lung around, dark in solid tissue."""
    near = np.nonzero(body.outside < NET)
    turned = body.offset[near] @ rotation(rng).astype(np.float32)
    # Each family of parallel sheets cuts a plane in parallel lines; three families make a net.
    net = np.zeros(len(turned), np.float32)
    for axis in range(3):
        period = np.float32(rng.uniform(3.6, 5.0))
        wavy = np.float32(0.12) * coarse_noise(body, rng, 6.0)[near]
        phase = turned[:, axis] / period + np.float32(rng.uniform(0, 1)) + wavy
        away = np.abs(phase - np.rint(phase)) * period
        np.maximum(net, np.exp(-0.5 * (away / np.float32(0.45)) ** 2), out=net)
    outside, inside = body.outside[near], body.inside[near]
    around = np.clip(1 - np.maximum(outside, 0) / np.float32(NET), 0, 1)
    body.paint(np.float32(0.4) * net * around * (outside > -1), -350.0, near)
    solid = np.clip((inside + 500) / 400, 0, 1)
    body.inside[near] += net * (300 * (1 - solid) - 200 * solid)


def _cysts(body: Body, rng: np.random.Generator) -> None:
    """Two to four small round bubbles."""
    radius = body.features.radius
    for direction in directions(int(rng.integers(2, 5)), rng):
        size = max(1.3, radius * rng.uniform(0.2, 0.27))
        _bubble(body, direction * max(radius * rng.uniform(0.4, 0.5), 1.2), size, HOLE)


def _bronchiectasis(body: Body, rng: np.random.Generator) -> None:
    """One or two widened bronchi that run through the nodule and out of it."""
    inward = body.chest.inward(body.centre)
    for _ in range(int(rng.integers(1, 3))):
        direction = inward + rng.normal(0, 0.5, 3)
        direction /= np.linalg.norm(direction)
        begin = (
            body.centre - direction * body.features.radius * 0.5 + rng.normal(0, 0.15, 3) * body.features.radius
        )
        end = body.surface(direction) + direction * rng.uniform(6, 9)
        lumen = float(rng.uniform(1.2, 1.7))
        bronchus = Tubes(begin[None], end[None], np.zeros((1, 2)))
        wall = tube_weights(bronchus.of_radius(lumen + 0.9), body.chest, body.box)
        body.paint(wall * (body.outside > 0), 0.0)
        air = tube_weights(bronchus.of_radius(lumen), body.chest, body.box)
        body.paint(air * (body.outside > 0), HOLE)
        body.inside += air * (HOLE - body.inside)


def _necrosis(body: Body, rng: np.random.Generator) -> None:
    """A low, fluid-like centre within a denser rim."""
    depth = body.features.radius * rng.uniform(0.4, 0.5)
    centre = np.clip((-body.outside - depth + 1.2 * coarse_noise(body, rng, 3.0)) / 1.5 + 0.5, 0, 1)
    body.inside = np.maximum(body.inside, 60) + 40
    body.inside += centre * (np.float32(-30) - body.inside)


def _cavity(body: Body, rng: np.random.Generator) -> None:
    """An air-filled hole with a thick, uneven wall."""
    wall = max(1.6, body.features.radius * rng.uniform(0.32, 0.42))
    hole = np.clip((-body.outside - wall + 0.6 * coarse_noise(body, rng, 4.0)) / 0.8 + 0.5, 0, 1)
    body.inside += hole * (HOLE - body.inside)


def _calcification(body: Body, rng: np.random.Generator) -> None:
    """A dense blob off the centre."""
    radius = body.features.radius
    size = max(1.4, radius * rng.uniform(0.26, 0.34))
    _bubble(body, directions(1, rng)[0] * max(radius * 0.45, 0.8), size, float(rng.uniform(650, 1000)))


def _bubble(body: Body, at: Coordinates, radius: float, hu: float) -> None:
    where = body.around(at, radius + 0.4)
    distance = np.sqrt(((body.offset[where] - at.astype(np.float32)) ** 2).sum(-1))
    weight = np.clip(0.5 + (radius - distance) / 0.8, 0, 1)
    body.inside[where] += weight * (np.float32(hu) - body.inside[where])


_INTERNAL: dict[str, Callable[[Body, np.random.Generator], None]] = {
    "necrosis": _necrosis,
    "nodule_reticulation": _reticulation,
    "cyst-like_spaces": _cysts,
    "intra-nodular_bronchiectasis": _bronchiectasis,
    "cavitation": _cavity,
    "eccentric_calcification": _calcification,
}
