"""Draw a nodule's body into a chest: its margin and consistency."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import EllipsisType
from typing import TypeAlias

import numpy as np

from benchmark.cohorts.phantom.chest import AnyArray, Chest, Coordinates
from benchmark.cohorts.phantom.features import NoduleFeatures
from benchmark.cohorts.phantom.surface import Radius, directions, make_surface, scaled
from benchmark.cohorts.phantom.tubes import Indices, Tubes, tube_weights
from benchmark.cohorts.phantom.upsampling import smooth_noise

REACH = 14.0
"""How far in mm around a nodule its own box goes: spicules and reticulation stay inside it."""

SHARP = 0.3
"""Over how many mm a sharp edge fades."""
ROUGH = 0.6
"""By how many mm a sharp edge that is not smooth goes in and out."""
STRAND = 0.0
"""HU of a spicule."""


Where: TypeAlias = EllipsisType | tuple[slice, slice, slice] | tuple[Indices, ...]
"""Some voxels of a nodule's box."""


@dataclass
class Body:
    """A nodule that is being drawn.

    Attributes:
        chest: Drawn into.
        features: What it must show.
        centre: ``(z, y, x)`` in mm.
        box: Its voxels and those around it.
        offset: Vectors from the centre to the voxels, ``(z, y, x, 3)`` in mm.
        outside: Distance in mm to the surface, negative inside.
        weight: How much of each voxel is nodule, 0 to 1.
        inside: HU of the nodule where it fills a voxel.
        radius: Its surface.
        lung: How much of each voxel is lung, 0 to 1.
    """

    chest: Chest
    features: NoduleFeatures
    centre: Coordinates
    box: tuple[slice, slice, slice]
    offset: AnyArray
    outside: AnyArray
    radius: Radius
    weight: AnyArray = field(init=False)
    inside: AnyArray = field(init=False)
    lung: AnyArray = field(init=False)

    def __post_init__(self) -> None:
        """The lung does not change while a nodule is drawn."""
        self.lung = np.clip(0.5 + self.chest.depth[self.box] / np.float32(1.2), 0, 1)

    def surfaces(self, directions: Coordinates) -> Coordinates:
        """Points ``(n, 3)`` in mm on the surface in some directions."""
        units = directions / np.linalg.norm(directions, axis=1, keepdims=True)
        places: Coordinates = self.centre + units * self.radius(units.astype(np.float32))[:, None]
        return places

    def surface(self, direction: Coordinates) -> Coordinates:
        """Point in mm on the surface in a direction."""
        place: Coordinates = self.surfaces(direction[None])[0]
        return place

    def around(self, at: Coordinates, reach: float) -> tuple[slice, slice, slice]:
        """The voxels of the nodule's box up to ``reach`` mm from a point given in mm from the centre."""
        box = self.chest.box(self.centre + at - reach, self.centre + at + reach)
        parts = zip(box, self.box, strict=True)
        z, y, x = (
            slice(max(part.start, whole.start) - whole.start, max(part.stop - whole.start, 0))
            for part, whole in parts
        )
        return z, y, x

    def paint(self, weight: AnyArray, hu: float | AnyArray, where: Where = ...) -> None:
        """Blend ``hu`` into the chest around the nodule, inside the lung only.

        Args:
            weight: How much of it, 0 to 1.
            hu: What.
            where: The voxels of the box that both are of; all of them by default.
        """
        around = self.chest.hu[self.box]
        part = around[where]
        around[where] = part + weight * self.lung[where] * (hu - part)


def make_body(
    chest: Chest,
    features: NoduleFeatures,
    centre: Coordinates,
    rng: np.random.Generator,
    radius: Radius | None = None,
) -> Body:
    """Shape a nodule around ``centre`` (mm) so that its longest axial diameter is the one asked for.

    Args:
        chest: Drawn into later.
        features: What it must show.
        centre: ``(z, y, x)`` in mm.
        rng: Source of randomness.
        radius: A surface to take instead of one made from ``features.shape``.
    """
    radius = scaled(radius or make_surface(features, rng), features.diameter)
    reach = features.diameter * 0.75 + REACH
    box = chest.box(centre - reach, centre + reach)
    axes = chest.axes(box)
    offset = np.stack(
        np.broadcast_arrays(*(axis - np.float32(c) for axis, c in zip(axes, centre, strict=True))), axis=-1
    )
    distance = np.sqrt((offset**2).sum(-1))
    unit = offset / np.maximum(distance, 1e-3)[..., None]
    outside = distance - np.float32(features.radius)
    near = distance < features.diameter
    outside[near] = distance[near] - radius(unit[near])
    body = Body(chest, features, centre, box, offset, outside, radius)
    body.weight, fade = _margin(body, rng)
    spiculated = "Spiculated/Serrated" in features.margins
    spicules = _spicules(body, fade, rng) if spiculated else None
    body.inside = _consistency(body, rng)
    if spicules is not None:
        _add_spicules(body, spicules)
    return body


def paint_body(body: Body) -> None:
    """Put a body into its chest; vessels go on through a hazy one."""
    hazy = body.features.consistency in ("Pure ground glass", "Part-solid", "Semiconsolidation")
    part = body.chest.hu[body.box]
    body.paint(body.weight, np.maximum(body.inside, part) if hazy else body.inside)


def _margin(body: Body, rng: np.random.Generator) -> tuple[AnyArray, float]:
    """How much of each voxel the nodule fills without its spicules, and over how many mm it fades."""
    features = body.features
    width = SHARP
    if "Ill-defined" in features.margins:
        width = 0.7 + 0.05 * features.diameter
    if features.poorly_marginated:
        width += 0.6 + 0.05 * features.diameter
    if width > 0.5:
        wobble = coarse_noise(body, rng, 3.0)
        weight: AnyArray = 1 / (
            1 + np.exp(np.clip((body.outside + 0.5 * width * wobble) / np.float32(width), -30, 30))
        )
    else:
        rough = 0.0 if "Smooth" in features.margins else ROUGH * coarse_noise(body, rng, 2.0)
        weight = np.clip(0.5 - (body.outside + rough) / (4 * width), 0, 1)
    return weight, width


def _spicules(body: Body, fade: float, rng: np.random.Generator) -> AnyArray:
    """How much of each voxel a spicule fills: strands that reach beyond the haze of an edge that fades."""
    diameter = body.features.diameter
    haze = fade - SHARP
    directions = _feet(body, int(rng.integers(22, 31)), rng)
    feet = body.surfaces(directions)
    length = rng.uniform(0.3, 0.6, len(feet)) * body.features.radius + rng.uniform(3.0, 5.0, len(feet))
    length += min(3 * haze, 8.0)
    tips = feet + (directions + rng.normal(0, 0.12, feet.shape)) * length[:, None]
    radii = np.array([[0.55 + 0.045 * diameter + 0.15 * haze, 0.35 + 0.1 * haze]])
    strands = Tubes(feet - directions * 1.5, tips, radii)
    return np.float32(0.9) * tube_weights(strands, body.chest, body.box)


def _feet(body: Body, count: int, rng: np.random.Generator) -> Coordinates:
    """Directions of spicules: spread evenly, but from the lobes where there are some, so that clefts stay open."""
    if "Lobulated" not in body.features.margins:
        return directions(count, rng)
    spread = directions(2 * count, rng)
    out = body.radius(spread.astype(np.float32))
    return spread[np.sort(np.argsort(out)[count:])]


def _add_spicules(body: Body, weight: AnyArray) -> None:
    """Spicules are strands of soft tissue, also where the nodule itself is hazy."""
    dense = np.maximum(body.inside, np.float32(STRAND))
    share = np.where(body.outside > 0, weight, 0)
    body.inside = body.inside + share * (dense - body.inside)
    body.weight = np.maximum(body.weight, weight)


def _consistency(body: Body, rng: np.random.Generator) -> AnyArray:
    """HU inside the nodule."""
    kind, diameter = body.features.consistency, body.features.diameter
    texture = coarse_noise(body, rng, 2.0)
    enhancing = 45.0 if body.chest.blood > 100 else 0.0
    solid = np.float32(rng.uniform(10, 50) + enhancing) + 12 * texture
    glass = np.float32(rng.uniform(-560, -460)) + 35 * texture
    if kind == "Solid":
        return solid
    if kind == "Pure ground glass":
        return glass
    if kind == "Semiconsolidation":
        patchy: AnyArray = np.float32(-260) + 170 * coarse_noise(body, rng, max(1.5, diameter / 7))
        return np.clip(patchy, -600, 40)
    at = (directions(1, rng)[0] * diameter * 0.1).astype(np.float32)
    from_core = np.sqrt(((body.offset - at) ** 2).sum(-1))
    if kind == "Part-solid":
        core = np.clip(0.5 + (rng.uniform(0.21, 0.27) * diameter - from_core) / 1.2, 0, 1)
        mixed: AnyArray = glass + core * (solid - glass)
        return mixed
    hole = np.clip(0.5 + (rng.uniform(0.28, 0.33) * diameter - from_core) / 1.0, 0, 1)
    walled: AnyArray = solid + hole * (np.float32(-960) - solid)
    return walled


def coarse_noise(body: Body, rng: np.random.Generator, every: float) -> AnyArray:
    """Noise of about unit variance over the nodule's box that changes over ``every`` mm."""
    cells = tuple(float(every / step) for step in body.chest.spacing)
    return smooth_noise(body.outside.shape, cells, rng, np.float32)
