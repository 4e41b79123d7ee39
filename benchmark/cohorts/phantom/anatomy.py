"""One side of a chest: lung, chest wall with ribs and fat, mediastinum, branching vessels and airways.

A phantom is a limited field of view around one lung.
"""

from __future__ import annotations

import numpy as np

from benchmark.cohorts.phantom.chest import Chest, Coordinates
from benchmark.cohorts.phantom.upsampling import smooth_noise, upsampled_slices
from benchmark.cohorts.phantom.vessels import draw_tree

AIR, LUNG, MUSCLE, FAT, BONE = -1000.0, -855.0, 45.0, -95.0, 330.0
COARSE = 4.0
"""Spacing in mm of the grid on which everything smooth is computed."""
NOISE = (4.0, 4.0, 4.0)
"""Over how many cells of that grid, ``(z, y, x)``, what varies at random does."""
EDGE = 1.2
"""Over how many mm the lung's edge fades."""


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
    inside = lung + 12 * smooth_noise(z.shape, NOISE, rng) + 0.25 * y
    hu, fine_depth = np.empty(shape, np.float32), np.empty(shape, np.float32)
    fields = upsampled_slices(np.stack([depth, wall, inside]), np.full(3, COARSE), shape, spacing)
    for drawn, deep, (at, outer, inner) in zip(hu, fine_depth, fields, strict=True):
        deep[:] = at
        at /= np.float32(EDGE)
        at += np.float32(0.5)
        inner -= outer
        inner *= np.clip(at, 0, 1, out=at)
        np.add(outer, inner, out=drawn)
    chest = Chest(hu, fine_depth, spacing, blood, lung)
    if vessels:
        hilum = extent / 2 + np.array([rng.normal(0, 6), rng.normal(5, 5), -side * rng.uniform(34, 42)])
        chest.hilum = hilum
        draw_tree(chest, hilum, side, rng)
    return chest


def _lung_level(z: Coordinates, y: Coordinates, lateral: Coordinates, rng: np.random.Generator) -> Coordinates:
    """Roughly a distance in mm that is positive inside the lung."""
    half_y, half_x = rng.uniform(60, 70), rng.uniform(50, 57)
    taper = 1 - 0.12 * (z / 70 + 0.4) ** 2
    outer = (np.abs(lateral / half_x) ** 2.4 + np.abs(y / half_y) ** 2.4) ** (1 / 2.4)
    level = (taper - outer) * half_x
    heart_z, heart_y = rng.uniform(-45, -20), rng.uniform(-30, -12)
    heart = np.sqrt(((z - heart_z) / 60) ** 2 + ((y - heart_y) / 34) ** 2 + ((lateral + 62) / 40) ** 2)
    lung: Coordinates = np.minimum(level, (heart - 1) * 36)
    return lung + np.float64(1.6) * smooth_noise(z.shape, NOISE, rng)


def _wall(
    z: Coordinates,
    y: Coordinates,
    lateral: Coordinates,
    depth: Coordinates,
    rng: np.random.Generator,
    contrast: bool,
) -> Coordinates:
    """What lies outside the lung: muscle, ribs, fat, skin and air; towards the middle the mediastinum."""
    hu = np.where(depth < rng.uniform(-22, -15), FAT, MUSCLE) + 12 * smooth_noise(z.shape, NOISE, rng)
    hu = np.where((smooth_noise(z.shape, NOISE, rng) > 0.9) & (depth < -5), FAT, hu)
    phase = z + 0.45 * y + rng.uniform(0, 28)
    rib = (np.cos(2 * np.pi * phase / 28) > 0.35) & (depth < -2) & (depth > -12) & (lateral > -35)
    hu = np.where(rib, BONE, hu)
    hu = np.where(depth < -rng.uniform(32, 40), AIR, hu)
    middle = lateral < -25
    mediastinum = (110.0 if contrast else 40.0) + 10 * smooth_noise(z.shape, NOISE, rng)
    return np.where(middle & (depth < 0), mediastinum, hu)
