"""What a nodule does to its surroundings: pleura, vessels, septa, airways, emphysema."""

from __future__ import annotations

import numpy as np

from benchmark.cohorts.phantom.chest import Coordinates
from benchmark.cohorts.phantom.nodule import Body, coarse_noise
from benchmark.cohorts.phantom.surface import directions
from benchmark.cohorts.phantom.tubes import Tubes, draw_airways, draw_tubes

DIMPLES: dict[str, tuple[float, float, float, float]] = {
    "Mild dimpling": (3.0, 4.0, 0.7, 0.35),
    "Obvious dimpling": (9.0, 8.0, 1.3, 0.8),
}
"""Height of the tent of pleura in mm, how wide it stands, radius of the strands at its tip, and how
high it may stand beside an attached nodule as a share of the nodule's radius."""


def add_surroundings(body: Body, rng: np.random.Generator) -> None:
    """Draw what the nodule lies in; goes before the nodule itself."""
    present = body.features.present
    if "paracicatricial_emphysema" in present:
        _emphysema(body, rng)
    if "septal_stretching" in present:
        _septa(body, rng)
    if "vascular_convergence" in present:
        _vessels(body, rng)
    if "airway_cut-off" in present:
        _airway(body, rng)


def add_retraction(body: Body, rng: np.random.Generator) -> None:
    """Pull the pleura towards the nodule as a tent; goes after the nodule.

    The tent stands around the nodule's foot on the pleura, so it shows beside a nodule that is attached as well;
    strands tie a nodule that is not attached to its tip.
    """
    if body.features.retraction not in DIMPLES:
        return
    height, reach, strand, share = DIMPLES[body.features.retraction]
    chest = body.chest
    inward = chest.inward(body.centre)
    depth = float(chest.depth_at(body.centre[None])[0])
    foot = body.centre - inward * depth
    attached = "pleural_attachment" in body.features.present
    # A tent as high as the nodule would hide it.
    room = share * body.features.radius if attached else depth - body.features.radius
    height = min(height, max(room, 1.2))
    from_foot = body.offset + (body.centre - foot).astype(np.float32)
    along = from_foot @ inward.astype(np.float32)
    aside = np.sqrt(np.maximum((from_foot**2).sum(-1) - along**2, 0))
    core = 0.75 * body.features.radius if attached else 0.0
    tent = height * np.clip(1 - (aside - np.float32(core)) / np.float32(reach), 0, 1)
    local = chest.depth[body.box]
    weight = np.clip(0.5 + (tent - local) / 1.2, 0, 1) * (local > -1.5) * (tent > 0.2)
    part = chest.hu[body.box]
    part += weight * np.maximum(np.float32(40) - part, 0)
    if attached:
        return
    tip = foot + inward * max(height - 1.0, 0.0)
    count = 1 if body.features.retraction == "Mild dimpling" else 3
    ends = body.surfaces(rng.normal(0, 0.35, (count, 3)) - inward)
    draw_tubes(chest, Tubes(np.tile(tip, (count, 1)), ends, np.array([[strand + 0.3, strand]])), 20.0)


def _vessels(body: Body, rng: np.random.Generator) -> None:
    """Eight to ten vessels that run together on the nodule."""
    towards = _inner(body, int(rng.integers(8, 11)), rng)
    count = len(towards)
    start = body.surfaces(towards) - towards
    bend = start + towards * rng.uniform(7, 10, (count, 1)) + rng.normal(0, 1.2, (count, 3))
    end = bend + towards * rng.uniform(9, 14, (count, 1)) + rng.normal(0, 3.5, (count, 3))
    radii = np.repeat([[1.1, 1.4], [1.4, 1.8]], count, axis=0)
    vessels = Tubes(np.concatenate([start, bend]), np.concatenate([bend, end]), radii)
    draw_tubes(body.chest, vessels, body.chest.blood)


def _septa(body: Body, rng: np.random.Generator) -> None:
    """Interlobular septa drawn taut around the nodule: thin sheets, which any plane cuts in straight lines."""
    farthest = 14.0
    near = np.nonzero((body.outside > 1.5) & (body.outside < farthest))
    offset, height = body.offset[near], body.outside[near]
    for direction in directions(int(rng.integers(6, 9)), rng):
        normal = np.cross(direction, rng.normal(size=3))
        normal = (normal / np.linalg.norm(normal)).astype(np.float32)
        reach = np.float32(rng.uniform(10, farthest))
        # A septum is half a plane through the centre; it fades where it is far from the nodule.
        away = np.abs(offset @ normal)
        sheet = np.flatnonzero(away < 0.9)
        ahead = offset[sheet] @ direction.astype(np.float32) > 0.5 * body.features.radius
        high = height[sheet]
        weight = np.clip(1 - away[sheet] / np.float32(0.9), 0, 1) * ahead * np.clip((reach - high) / 2, 0, 1)
        # It stops short of the nodule, which a spicule does not.
        weight *= np.float32(0.55) * np.clip(high - np.float32(1.5), 0, 1)
        body.paint(weight, -300.0, tuple(places[sheet] for places in near))


def _airway(body: Body, rng: np.random.Generator) -> None:
    """A bronchus that ends at the nodule as if cut off."""
    # It runs near the axial plane, where a bronchus that feeds the outer lung does.
    direction = _inner(body, 1, rng)[0] * np.array([0.2, 1.0, 1.0])
    direction /= np.linalg.norm(direction)
    end = body.surface(direction) + direction * 0.3
    far = end + direction * rng.uniform(18, 24) + rng.normal(0, 2, 3)
    lumen = Tubes(end[None], far[None], np.full((1, 2), rng.uniform(1.6, 2.1)))
    draw_airways(body.chest, lumen, wall=0.9)


def _emphysema(body: Body, rng: np.random.Generator) -> None:
    """Black holes of destroyed lung around the nodule."""
    ring = body.features.radius
    uneven = np.float32(0.4) * coarse_noise(body, rng, 3.0)
    for direction in directions(int(rng.integers(16, 23)), rng):
        size = float(rng.uniform(2.4, 4.2))
        at = direction * (ring + size + rng.uniform(0.2, 3.5))
        where = body.around(at, size + 3.5)
        distance = np.sqrt(((body.offset[where] - at.astype(np.float32)) ** 2).sum(-1)) + uneven[where]
        hole = np.clip(0.5 + (size - distance) / 0.8, 0, 1)
        rim = np.clip(1 - np.abs(distance - size - 0.3) / 0.6, 0, 1)
        body.paint(0.25 * rim, -500.0, where)
        body.paint(hole, -1005.0, where)


def _inner(body: Body, count: int, rng: np.random.Generator) -> Coordinates:
    """Directions that lead from the nodule into the lung, spread apart."""
    inward = body.chest.inward(body.centre)
    spread = directions(3 * count, rng)
    best = np.argsort(-(spread @ inward))[: 2 * count]
    chosen: Coordinates = spread[rng.permutation(best)[:count]]
    return chosen
