"""Tubes: vessels, airways and strands, many at once.

A tube is thin and its box is large. So only a small window is looked at on each plane of voxels that the tube
crosses, and the windows of all tubes are computed together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmark.cohorts.phantom.chest import AnyArray, Chest, Coordinates

Indices = npt.NDArray[np.intp]

AIRWAY_WALL, AIRWAY_AIR = 0.0, -980.0
"""HU of a bronchus."""


@dataclass(frozen=True)
class Tubes:
    """Cones with round ends.

    Attributes:
        start: ``(n, 3)``, first ends ``(z, y, x)`` in mm.
        end: ``(n, 3)``, other ends in mm; no two ends of a tube are the same point.
        radii: ``(n, 2)`` or what is broadcast to it, radius in mm at both ends.
    """

    start: Coordinates
    end: Coordinates
    radii: Coordinates

    def moved(self, by: Coordinates) -> Tubes:
        """The same tubes elsewhere; ``by`` in mm is ``(3,)`` or ``(n, 3)``."""
        return Tubes(self.start + by, self.end + by, self.radii)

    def of_radius(self, radius: Coordinates | float) -> Tubes:
        """The same axes with another radius in mm, ``(n,)`` or one for all."""
        return Tubes(self.start, self.end, np.broadcast_to(np.reshape(radius, (-1, 1)), (len(self.start), 2)))


def draw_tubes(chest: Chest, tubes: Tubes, hu: float, *, over: bool = False) -> None:
    """Draw tubes with partial volume at their edges; where they cross, none is thicker than the thickest.

    Args:
        chest: Drawn into.
        tubes: What is drawn.
        hu: What they hold.
        over: Replace what is there, also where that is denser (a lumen).
    """
    touched, share = _filled(tubes, chest.hu.shape, chest.spacing)
    flat = chest.hu.reshape(-1)
    part = flat[touched]
    target = np.float32(hu) if over else np.maximum(part, np.float32(hu))
    flat[touched] = part + share * (target - part)


def draw_airways(chest: Chest, lumina: Tubes, wall: float = 0.7) -> None:
    """Draw bronchi: a soft wall of ``wall`` mm around air-filled lumina."""
    draw_tubes(chest, Tubes(lumina.start, lumina.end, lumina.radii + wall), AIRWAY_WALL)
    draw_tubes(chest, lumina, AIRWAY_AIR, over=True)


def tube_weights(tubes: Tubes, chest: Chest, box: tuple[slice, slice, slice]) -> AnyArray:
    """How much of each voxel of ``box`` the tubes fill, 0 to 1: the most that one of them does."""
    shape = tuple(part.stop - part.start for part in box)
    corner = np.array([part.start for part in box]) * chest.spacing
    weights = np.zeros(shape, np.float32)
    touched, share = _filled(tubes.moved(-corner), shape, chest.spacing)
    weights.reshape(-1)[touched] = share
    return weights


def _filled(tubes: Tubes, shape: tuple[int, ...], spacing: Coordinates) -> tuple[Indices, AnyArray]:
    """Flat indices of the voxels that tubes touch, and the most that one of them fills of each."""
    windows = list(_windows(tubes, shape, spacing))
    if not windows:
        return np.empty(0, np.intp), np.empty(0, np.float32)
    index, share = (np.concatenate(parts) for parts in zip(*windows, strict=True))
    order = np.argsort(index)
    index, share = index[order], share[order]
    first = np.flatnonzero(np.diff(index, prepend=-1))
    return index[first], np.maximum.reduceat(share, first)


def _windows(tubes: Tubes, shape: tuple[int, ...], spacing: Coordinates) -> Iterator[tuple[Indices, AnyArray]]:
    """Flat indices of voxels near the tubes and how much of each a tube fills, for windows of one size at a time.

    The coordinates of each tube are put into an order of its own: the axis that it runs along most comes first.
    """
    along = tubes.end - tubes.start
    order = (np.argmax(np.abs(along) / spacing, axis=1)[:, None] + np.arange(3)) % 3
    start, along = np.take_along_axis(tubes.start, order, 1), np.take_along_axis(along, order, 1)
    step, size = np.asarray(spacing)[order], np.array(shape)[order]
    radii = np.broadcast_to(tubes.radii, (len(start), 2))
    half = 0.5 * float(np.mean(spacing))
    reach = np.maximum(radii.max(axis=1), half) + half
    # An ellipse is cut from a cylinder by a plane; the more it is inclined, the longer.
    wide = reach[:, None] * np.sqrt(1 + (along[:, 1:] / along[:, :1]) ** 2) / step[:, 1:]
    sides = (2 * wide).astype(int) + 1
    sides += sides % 2
    which, plane = _planes(start[:, 0], along[:, 0], reach, step[:, 0], size[:, 0])
    strides = np.array([shape[1] * shape[2], shape[2], 1])[order]
    kinds = sides[:, 0] * 1000 + sides[:, 1]
    for kind in np.unique(kinds[which]):
        chosen = kinds[which] == kind
        t, at = which[chosen], plane[chosen]
        beyond = at * step[t, 0] - start[t, 0]
        centre = (start[t, 1:] + along[t, 1:] / along[t, :1] * beyond[:, None]) / step[t, 1:]
        first = np.ceil(centre - wide[t]).astype(np.intp)
        rows, columns = (first[:, [i]] + np.arange(side) for i, side in enumerate(divmod(int(kind), 1000)))
        offsets = beyond, rows * step[t, 1:2] - start[t, 1:2], columns * step[t, 2:3] - start[t, 2:3]
        share = _share(offsets, along[t], radii[t], half)
        share[(rows < 0) | (rows >= size[t, 1:2])] = 0
        share.transpose(0, 2, 1)[(columns < 0) | (columns >= size[t, 2:3])] = 0
        index = (
            (at * strides[t, 0])[:, None, None]
            + (rows * strides[t, 1:2])[:, :, None]
            + (columns * strides[t, 2:3])[:, None, :]
        )
        filled = share > 0
        yield index[filled], share[filled]


def _planes(
    start: Coordinates, along: Coordinates, reach: Coordinates, step: Coordinates, size: Indices
) -> tuple[Indices, Indices]:
    """The planes of voxels that each tube crosses: numbers of tubes, and the planes' along their first axes."""
    low = (start + np.minimum(along, 0) - reach) / step
    high = (start + np.maximum(along, 0) + reach) / step
    first = np.clip(np.ceil(low), 0, size).astype(np.intp)
    count = np.maximum(np.clip(np.floor(high) + 1, 0, size).astype(np.intp) - first, 0)
    which = np.repeat(np.arange(len(start)), count)
    return which, np.arange(len(which)) + np.repeat(first - (np.cumsum(count) - count), count)


def _share(
    offsets: tuple[Coordinates, Coordinates, Coordinates], along: Coordinates, radii: Coordinates, half: float
) -> AnyArray:
    """How much of each voxel of windows a tube fills.

    Args:
        offsets: From the tubes' starts to the voxels in mm: ``(n,)``, ``(n, rows)`` and ``(n, columns)``.
        along: ``(n, 3)``, from start to end.
        radii: ``(n, 2)``.
        half: Half a voxel in mm.
    """
    first, row, column = (offset.astype(np.float32) for offset in offsets)
    vector = along.astype(np.float32)
    length2 = (vector**2).sum(axis=1)[:, None, None]
    dot = (first * vector[:, 0])[:, None, None] + (row * vector[:, 1:2])[:, :, None]
    dot = dot + (column * vector[:, 2:3])[:, None, :]
    place = np.clip(dot / length2, 0, 1)
    away = ((first**2)[:, None, None] + (row**2)[:, :, None]) + (column**2)[:, None, :]
    away += place * (place * length2 - 2 * dot)
    distance = np.sqrt(np.maximum(away, 0, out=away), out=away)
    begin, end = radii.astype(np.float32)[:, :, None, None].transpose(1, 0, 2, 3)
    radius = begin + place * (end - begin)
    # A line thinner than a voxel keeps its mass: it fades instead of vanishing between voxel centres.
    half32 = np.float32(half)
    fill = np.minimum(radius / half32, 1)
    share: AnyArray = fill * np.clip((np.maximum(radius, half32) + half32 - distance) / (2 * half32), 0, 1)
    return share
