"""The surface of a phantom nodule: its shape with the lobes and notches of its margins, and its diameters."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmark.cohorts.phantom.chest import AnyArray, Coordinates
from benchmark.cohorts.phantom.features import NoduleFeatures

Radius = Callable[[AnyArray], AnyArray]
"""Distance from the centre to the surface in mm, for unit vectors ``(..., 3)``."""

CLEFT = 0.4
"""How deep clefts between lobes go: the least share of the shape's radius that is left."""
NOTCH = 1.3
"""Least half-width in mm of a notch: narrower ones do not show in voxels of 1 mm."""


def make_surface(features: NoduleFeatures, rng: np.random.Generator) -> Radius:
    """The surface of a shape class with the lobes and notches of its margins; of no particular size yet."""
    surface = _BASES[features.shape](rng)
    if "Lobulated" in features.margins:
        surface = _lobed(surface, features.radius, rng)
    if "Notched" in features.margins:
        surface = _notched(surface, features.radius, rng)
    return surface


def axial_diameters(radius: Radius) -> tuple[float, float]:
    """Longest axial diameter through the centre in mm, and the one at right angles to it."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False, dtype=np.float32)
    unit = np.stack([np.zeros_like(angle), np.sin(angle), np.cos(angle)], -1)
    outline = unit[:, 1:] * radius(unit)[:, None]
    widths = np.ptp(outline @ unit[:48, 1:].T, axis=0)
    longest = int(np.argmax(widths))
    return float(widths[longest]), float(widths[(longest + 24) % 48])


def scaled(radius: Radius, diameter: float) -> Radius:
    """The same surface with the longest axial diameter in mm that is asked for."""
    factor = np.float32(diameter / axial_diameters(radius)[0])
    return lambda unit: radius(unit) * factor


def directions(count: int, rng: np.random.Generator) -> Coordinates:
    """Unit vectors ``(count, 3)`` spread evenly, then turned at random."""
    index = np.arange(count) + 0.5
    height = 1 - 2 * index / count
    angle = np.pi * (1 + 5**0.5) * index
    ring = np.sqrt(1 - height**2)
    turned: Coordinates = np.stack([height, ring * np.sin(angle), ring * np.cos(angle)], -1) @ rotation(rng)
    return turned


def rotation(rng: np.random.Generator) -> Coordinates:
    """A random rotation matrix."""
    matrix, upper = np.linalg.qr(rng.standard_normal((3, 3)))
    turned: Coordinates = matrix * np.sign(np.diag(upper))
    return turned if np.linalg.det(turned) > 0 else -turned


def _lobed(base: Radius, size: float, rng: np.random.Generator) -> Radius:
    """A surface with round lobes and deep clefts between them, as where balls touch.

    A nodule of ``size`` mm in radius has so few lobes that each is some mm wide.
    """
    count = int(np.clip(round(size + 1), 5, 9))
    places = directions(count, rng).astype(np.float32)
    out = np.float32(0.6)
    ball = (rng.uniform(0.95, 1.05, count) * 1.08 / np.sqrt(count)).astype(np.float32)

    def radius(unit: AnyArray) -> AnyArray:
        cosine = unit @ places.T
        under = ball**2 - out**2 * (1 - cosine**2)
        balls = np.where((under > 0) & (cosine > 0), out * cosine + np.sqrt(np.maximum(under, 0)), 0)
        lobed: AnyArray = base(unit) * np.maximum(balls.max(axis=-1), CLEFT)
        return lobed

    return radius


def _notched(base: Radius, size: float, rng: np.random.Generator) -> Radius:
    """A surface with one or two notches, the first of them in the axial plane."""
    around = np.stack([np.zeros(2), *(rng.normal(size=(2, 2)))], -1)
    around[1] = rng.normal(size=3)
    width = max(0.27, NOTCH / size)
    return _swollen(base, around[: int(rng.integers(1, 3))], np.full(2, -0.75), np.full(2, width**-2))


def _swollen(base: Radius, places: Coordinates, heights: Coordinates, widths: Coordinates) -> Radius:
    """A surface with bumps (dents below zero) around some directions; the larger the width, the narrower."""
    towards = (places / np.linalg.norm(places, axis=1, keepdims=True)).astype(np.float32)
    heights, widths = (values[: len(towards)].astype(np.float32) for values in (heights, widths))

    def radius(unit: AnyArray) -> AnyArray:
        swell = np.exp((unit @ towards.T - 1) * widths) @ heights
        swollen: AnyArray = base(unit) * np.maximum(1 + swell, 0.25)
        return swollen

    return radius


def _ellipsoid(rng: np.random.Generator, low: float, high: float) -> Radius:
    axes = np.array([1.0, rng.uniform(low, high), rng.uniform(low, high)])
    # The long axis stays near the axial plane, where it is measured.
    tilt, turn = rng.normal(0, 0.3), rng.uniform(0, np.pi)
    spin = np.array([[0, 1, 0], [0, 0, 1], [1, 0, 0]], float) @ _turn(turn, tilt)
    matrix = (spin.T / axes**2 @ spin).astype(np.float32)
    return lambda unit: 1 / np.sqrt(np.einsum("...i,ij,...j->...", unit, matrix, unit, optimize=True))


def _turn(turn: float, tilt: float) -> Coordinates:
    """Rows: rotated y, x and z axes as vectors ``(z, y, x)``."""
    long = np.array([np.sin(tilt), np.cos(tilt) * np.sin(turn), np.cos(tilt) * np.cos(turn)])
    wide = np.array([0.0, np.cos(turn), -np.sin(turn)])
    return np.stack([np.cross(long, wide), long, wide])


def _polyhedron(rng: np.random.Generator) -> Radius:
    normals = directions(int(rng.integers(5, 8)), rng).astype(np.float32)
    heights = rng.uniform(0.75, 1.0, len(normals)).astype(np.float32)

    def radius(unit: AnyArray) -> AnyArray:
        facing: AnyArray = np.max(unit @ normals.T / heights, axis=-1)
        return 1 / np.maximum(facing, 0.4)

    return radius


def _irregular(rng: np.random.Generator) -> Radius:
    """Broad bulges to some sides and hollows at others: no symmetry, no clefts."""
    base = _ellipsoid(rng, 0.7, 0.95)
    places = rng.permutation(directions(7, rng))[:5]
    heights = np.concatenate([rng.uniform(0.7, 1.5, 3), rng.uniform(-0.55, -0.3, 2)])
    return _swollen(base, places, heights, rng.uniform(4, 8, 5))


_BASES: dict[str, Callable[[np.random.Generator], Radius]] = {
    "Round": lambda rng: _ellipsoid(rng, 0.93, 1.0),
    "Ovoid": lambda rng: _ellipsoid(rng, 0.45, 0.62),
    "Polygonal": _polyhedron,
    "Complex/Irregular": _irregular,
}
