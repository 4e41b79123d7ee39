"""One side of a chest: lung, chest wall with ribs and fat, mediastinum, branching vessels and airways.

A phantom is a limited field of view around one lung. Its grid runs along the patient's axes (z up, y to the
back, x to the left; lengths in mm from the first voxel); orientation and origin are given to it when it is
written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

AnyArray = npt.NDArray[Any]
Coordinates = npt.NDArray[Any]

AIR, LUNG, MUSCLE, FAT, BONE = -1000.0, -855.0, 45.0, -95.0, 330.0
COARSE = 4.0
"""Spacing in mm of the grid on which everything smooth is computed."""


@dataclass
class Chest:
    """A scan before nodules and noise.

    Attributes:
        hu: ``(z, y, x)`` in HU.
        depth: ``(z, y, x)`` in mm: distance to the pleura, positive inside the lung.
        spacing: ``(z, y, x)`` in mm.
        blood: HU of vessels.
        lung: HU of lung parenchyma.
        hilum: Where vessels enter, ``(z, y, x)`` in mm, if known.
    """

    hu: AnyArray
    depth: AnyArray
    spacing: Coordinates
    blood: float
    lung: float
    hilum: Coordinates | None = None

    def axes(self, box: tuple[slice, slice, slice] | None = None) -> tuple[AnyArray, AnyArray, AnyArray]:
        """Coordinates in mm of the voxels of ``box``, shaped to broadcast."""
        box = box or tuple(slice(0, n) for n in self.hu.shape)  # type: ignore[assignment]
        z, y, x = (
            np.arange(part.start, part.stop, dtype=np.float32) * np.float32(step)
            for part, step in zip(box, self.spacing, strict=True)  # type: ignore[arg-type]
        )
        return z[:, None, None], y[None, :, None], x[None, None, :]

    def box(self, low: Coordinates, high: Coordinates) -> tuple[slice, slice, slice]:
        """The voxels between two points in mm, clipped to the volume."""
        first = np.clip(np.floor(low / self.spacing), 0, np.array(self.hu.shape) - 1).astype(int)
        last = np.clip(np.ceil(high / self.spacing) + 1, first + 1, self.hu.shape).astype(int)
        return tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))  # type: ignore[return-value]

    def depth_at(self, points: Coordinates) -> Coordinates:
        """Depth in mm at ``(n, 3)`` points in mm, to the nearest voxel."""
        index = np.rint(np.atleast_2d(points) / self.spacing).astype(int)
        index = np.clip(index, 0, np.array(self.hu.shape) - 1)
        depth: Coordinates = self.depth[index[:, 0], index[:, 1], index[:, 2]].astype(np.float64)
        return depth

    def inward(self, point: Coordinates, reach: float = 4.0) -> Coordinates:
        """Unit vector at ``point`` along which the depth grows fastest."""
        steps = np.eye(3) * reach
        gradient = self.depth_at(point + steps) - self.depth_at(point - steps)
        length = float(np.linalg.norm(gradient))
        return gradient / length if length > 1e-6 else np.array([0.0, 0.0, 1.0])


def build_chest(
    extent: Coordinates, spacing: Coordinates, rng: np.random.Generator, *, contrast: bool, vessels: bool = True
) -> Chest:
    """Draw a lung and what surrounds it.

    Args:
        extent: Size of the field in mm, ``(z, y, x)``.
        spacing: Voxel size in mm, ``(z, y, x)``.
        rng: Source of randomness.
        contrast: Whether contrast medium fills the vessels.
        vessels: Whether vessels and airways are drawn.
    """
    shape = tuple(int(n) for n in np.round(extent / spacing))
    left = bool(rng.random() < 0.5)
    side = 1.0 if left else -1.0
    grid = [np.arange(0, size + COARSE, COARSE) for size in extent]
    z, y, x = np.meshgrid(*(g - size / 2 for g, size in zip(grid, extent, strict=True)), indexing="ij")
    # ``lateral`` grows towards the chest wall, whichever lung it is.
    lateral = x * side
    level = _lung_level(z, y, lateral, rng)
    gradient = np.gradient(level, COARSE)
    depth = level / np.maximum(np.sqrt(sum(g**2 for g in gradient)), 0.35)
    wall = _wall(z, y, lateral, depth, rng, contrast)
    blood = float(rng.uniform(150, 230)) if contrast else float(rng.uniform(25, 50))
    lung = LUNG + float(rng.normal(0, 15))
    inside = lung + 12 * _smooth_noise(z.shape, rng) + 0.25 * y
    fine_depth = upsample(depth, grid, shape, spacing)
    weight = np.clip(0.5 + fine_depth / 1.2, 0, 1)
    hu = upsample(wall, grid, shape, spacing)
    hu += weight * (upsample(inside, grid, shape, spacing) - hu)
    chest = Chest(hu, fine_depth, spacing, blood, lung)
    if vessels:
        hilum = extent / 2 + np.array([rng.normal(0, 6), rng.normal(5, 5), -side * rng.uniform(34, 42)])
        chest.hilum = hilum
        _draw_tree(chest, hilum, side, rng)
    return chest


def draw_tube(
    chest: Chest,
    start: Coordinates,
    end: Coordinates,
    radii: tuple[float, float],
    hu: float,
    *,
    over: bool = False,
) -> None:
    """Draw a cone between two points, with partial volume at its edge.

    Args:
        chest: Drawn into.
        start: First end in mm.
        end: Other end in mm.
        radii: Radius in mm at both ends.
        hu: What it holds.
        over: Replace what is there, also where that is denser (a lumen).
    """
    pad = max(radii) + 1.0
    box = chest.box(np.minimum(start, end) - pad, np.maximum(start, end) + pad)
    alpha = tube_weight(chest.axes(box), start, end, radii, float(chest.spacing.mean()))
    part = chest.hu[box]
    target = np.float32(hu) if over else np.maximum(part, np.float32(hu))
    part += alpha * (target - part)


def tube_weight(
    axes: tuple[AnyArray, AnyArray, AnyArray],
    start: Coordinates,
    end: Coordinates,
    radii: tuple[float, float],
    softness: float,
) -> AnyArray:
    """How much of each voxel a cone fills, 0 to 1."""
    along = (end - start).astype(np.float32)
    length2 = float(along @ along) + 1e-6
    z, y, x = (axis - np.float32(origin) for axis, origin in zip(axes, start, strict=True))
    place = np.clip((z * along[0] + y * along[1] + x * along[2]) / np.float32(length2), 0, 1)
    distance = np.sqrt((z - place * along[0]) ** 2 + (y - place * along[1]) ** 2 + (x - place * along[2]) ** 2)
    radius = np.float32(radii[0]) + place * np.float32(radii[1] - radii[0])
    # A line thinner than a voxel keeps its mass: it fades instead of vanishing between voxel centres.
    half = np.float32(0.5 * softness)
    fill = np.minimum(radius / half, 1)
    weight: AnyArray = fill * np.clip((np.maximum(radius, half) + half - distance) / (2 * half), 0, 1)
    return weight


def _lung_level(z: Coordinates, y: Coordinates, lateral: Coordinates, rng: np.random.Generator) -> Coordinates:
    """Roughly a distance in mm that is positive inside the lung."""
    half_y, half_x = rng.uniform(60, 70), rng.uniform(50, 57)
    taper = 1 - 0.12 * (z / 70 + 0.4) ** 2
    outer = (np.abs(lateral / half_x) ** 2.4 + np.abs(y / half_y) ** 2.4) ** (1 / 2.4)
    level = (taper - outer) * half_x
    heart_z, heart_y = rng.uniform(-45, -20), rng.uniform(-30, -12)
    heart = np.sqrt(((z - heart_z) / 60) ** 2 + ((y - heart_y) / 34) ** 2 + ((lateral + 62) / 40) ** 2)
    lung: Coordinates = np.minimum(level, (heart - 1) * 36)
    return lung + np.float64(1.6) * _smooth_noise(z.shape, rng)


def _wall(
    z: Coordinates,
    y: Coordinates,
    lateral: Coordinates,
    depth: Coordinates,
    rng: np.random.Generator,
    contrast: bool,
) -> Coordinates:
    """What lies outside the lung: muscle, ribs, fat, skin and air; towards the middle the mediastinum."""
    hu = np.where(depth < rng.uniform(-22, -15), FAT, MUSCLE) + 12 * _smooth_noise(z.shape, rng)
    hu = np.where((_smooth_noise(z.shape, rng) > 0.9) & (depth < -5), FAT, hu)
    phase = z + 0.45 * y + rng.uniform(0, 28)
    rib = (np.cos(2 * np.pi * phase / 28) > 0.35) & (depth < -2) & (depth > -12) & (lateral > -35)
    hu = np.where(rib, BONE, hu)
    hu = np.where(depth < -rng.uniform(32, 40), AIR, hu)
    middle = lateral < -25
    return np.where(middle & (depth < 0), (110.0 if contrast else 40.0) + 10 * _smooth_noise(z.shape, rng), hu)


def _smooth_noise(shape: tuple[int, ...], rng: np.random.Generator, every: int = 4) -> Coordinates:
    """Noise of unit variance that changes over about ``every`` cells."""
    knots = [np.arange(0, n + every, every, dtype=float) for n in shape]
    values: Coordinates = rng.standard_normal([len(k) for k in knots]) * 1.6
    for axis, (knot, n) in enumerate(zip(knots, shape, strict=True)):
        matrix = _interpolation(np.arange(n, dtype=float), knot)
        values = np.moveaxis(np.tensordot(matrix, values, (1, axis)), 0, axis)
    return values


def upsample(
    values: Coordinates, grid: list[Coordinates], shape: tuple[int, ...], spacing: Coordinates
) -> AnyArray:
    """Linear interpolation from a coarse grid to voxels, one matrix product an axis.

    Args:
        values: ``(z, y, x)`` on the coarse grid.
        grid: Its evenly spaced coordinates in mm, an array an axis; the last cell goes on beyond its end.
        shape: Voxels, ``(z, y, x)``.
        spacing: Their spacing in mm.
    """
    result = values.astype(np.float32)
    for axis, (knots, n, step) in enumerate(zip(grid, shape, spacing, strict=True)):
        matrix = _interpolation(np.arange(n) * step, knots).astype(np.float32)
        result = np.moveaxis(np.tensordot(matrix, result, (1, axis)), 0, axis)
    return np.ascontiguousarray(result)


def _interpolation(places: Coordinates, knots: Coordinates) -> Coordinates:
    """Matrix ``(len(places), len(knots))`` of linear interpolation weights; constant beyond the last knot."""
    step = knots[1] - knots[0]
    places = np.clip(places, knots[0], knots[-1])
    weights: Coordinates = np.maximum(0.0, 1 - np.abs(places[:, None] - knots[None, :]) / step)
    return weights


def _draw_tree(chest: Chest, hilum: Coordinates, side: float, rng: np.random.Generator) -> None:
    """Vessels branch from the hilum until they are thin or near the pleura; airways run with the first."""
    extent = np.array(chest.hu.shape) * chest.spacing
    tips = [
        (hilum + rng.normal(0, 5, 3), _unit(np.array([a, b, side]) + rng.normal(0, 0.15, 3)), r, r > 2.8)
        for a, b, r in (
            (0.9, -0.6, 3.2),
            (0.8, 0.7, 2.6),
            (0.0, -0.9, 2.6),
            (-0.1, 0.3, 3.0),
            (-0.9, -0.4, 2.6),
            (-0.9, 0.8, 3.2),
        )
    ]
    while tips:
        start, direction, radius, airway = tips.pop()
        length = rng.uniform(5.0, 8.0) * np.sqrt(radius) + 4
        end = start + direction * length
        if (end < -5).any() or (end > extent + 5).any():
            continue
        depth = float(chest.depth_at(end[None])[0])
        if depth < 2.5 and radius < 2.2:
            continue
        thinner = radius * rng.uniform(0.8, 0.9)
        draw_tube(chest, start, end, (radius, thinner), chest.blood)
        if airway and radius > 1.6:
            beside = _unit(np.cross(direction, rng.normal(size=3))) * (radius * 1.9)
            draw_airway(chest, start + beside, end + beside, radius * 0.75)
        if thinner < 0.55:
            continue
        bend = _unit(np.cross(direction, rng.normal(size=3)))
        for sign, share in ((1, rng.uniform(0.85, 0.98)), (-1, rng.uniform(0.6, 0.9))):
            turn = rng.uniform(0.3, 0.75) * sign
            tips.append((end, _unit(direction + bend * turn), thinner * share, airway))


def draw_airway(chest: Chest, start: Coordinates, end: Coordinates, radius: float, wall: float = 0.7) -> None:
    """Draw a bronchus: a soft wall around an air-filled lumen of ``radius`` mm."""
    draw_tube(chest, start, end, (radius + wall, radius + wall), 0.0)
    draw_tube(chest, start, end, (radius, radius), -980.0, over=True)


def _unit(vector: Coordinates) -> Coordinates:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 else np.array([1.0, 0.0, 0.0])
