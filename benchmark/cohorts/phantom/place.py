"""Where nodules go: at the pleura or away from it, with room around them, and apart from each other."""

from __future__ import annotations

import numpy as np

from benchmark.cohorts.phantom.chest import Chest, Coordinates
from benchmark.cohorts.phantom.features import NoduleFeatures

APART = 12.0
"""Least gap in mm between two nodules' surfaces."""
HILUM = 36.0
"""Nodules keep this far in mm from the hilum, where vessels and bronchi would hide them."""


def wanted_depth(features: NoduleFeatures, rng: np.random.Generator) -> float:
    """How deep in mm under the pleura a nodule's centre lies, so that its external features fit."""
    radius = features.radius
    if "pleural_attachment" in features.present:
        return radius * float(rng.uniform(0.6, 0.85))
    hazy = 3.0 if "Ill-defined" in features.margins or features.poorly_marginated else 0.0
    gap = hazy + float(rng.uniform(4.5, 9.0) if features.retraction != "Absent" else rng.uniform(6.0, 18.0))
    return radius + gap


def place_nodules(
    chest: Chest, nodules: list[NoduleFeatures], rng: np.random.Generator, margin: Coordinates
) -> list[Coordinates]:
    """Find a centre for each nodule.

    Args:
        chest: Says how deep each point lies.
        nodules: What is to be placed; each gets the depth that its features ask for, or the nearest there is.
        rng: Source of randomness.
        margin: Least distance in mm from the edges of the field, ``(z, y, x)``.

    Returns:
        Centres ``(z, y, x)`` in mm from the first voxel.
    """
    extent = np.array(chest.hu.shape) * chest.spacing
    low, high = np.minimum(margin, extent / 2 - 1), np.maximum(extent - margin, extent / 2 + 1)
    centres: list[Coordinates] = []
    for index, nodule in enumerate(nodules):
        points = rng.uniform(low, high, (6000, 3))
        miss = np.abs(chest.depth_at(points) - wanted_depth(nodule, rng))
        if chest.hilum is not None:
            miss += np.maximum(HILUM - np.linalg.norm(points - chest.hilum, axis=1), 0)
        for other, centre in zip(nodules[:index], centres, strict=True):
            gap = np.linalg.norm(points - centre, axis=1) - other.radius - nodule.radius
            miss += 3 * np.maximum(APART - gap, 0)
        good = np.flatnonzero(miss < 0.4)
        centres.append(points[good[0] if len(good) else np.argmin(miss)])
    return centres
