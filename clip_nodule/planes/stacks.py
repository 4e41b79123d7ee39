"""Planes of one kind as one product each: for a GPU, where the number of kernels counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchmark.imaging.plane_maps import PLANES, PlaneMap


@dataclass(frozen=True)
class PlaneStack:
    """Some of the nine planes, all along the axes or all diagonal, all turned or none.

    Attributes:
        places: Which of the nine.
        index: ``[g, 1, nr, k]`` flat indices of the voxels used.
        line: ``[g, k, nt]`` weights from voxels to points along ``t``.
        rows: ``[1, size, nr]`` weights along ``r``.
        zoom: ``[nt, size]`` weights from points to pixels along ``t``; None if they are the same.
        transposed: Whether the pictures' rows are ``t``.
    """

    places: tuple[int, ...]
    index: Tensor
    line: Tensor
    rows: Tensor
    zoom: Tensor | None
    transposed: bool

    def voxels(self, flat: Tensor) -> Tensor:
        """The voxels that the planes touch of crops ``[n, voxels]``: ``[g, n, nr, k]``."""
        sample = torch.arange(len(flat), device=flat.device).view(1, -1, 1, 1)
        return flat[sample, self.index]

    def pictures(self, voxels: Tensor) -> Tensor:
        """``[g, n, size, size]`` from float ``[g, n, nr, k]``."""
        planes, count, nr, k = voxels.shape
        points = torch.bmm(voxels.view(planes, count * nr, k), self.line)
        if self.zoom is not None:
            points = points.view(planes * count * nr, -1) @ self.zoom
        points = points.view(planes * count, nr, -1)
        rows = self.rows.expand(planes * count, -1, -1)
        pictures = torch.bmm(points.mT, rows.mT) if self.transposed else torch.bmm(rows, points)
        return pictures.view(planes, count, *pictures.shape[1:])


def plane_stacks(maps: Sequence[PlaneMap], device: str) -> tuple[PlaneStack, ...]:
    """The nine planes as few stacks as can be, on a device."""
    kinds: dict[tuple[bool, bool], list[int]] = {}
    for place, plane in enumerate(PLANES):
        kinds.setdefault((plane.tilt != 0, plane.transposed), []).append(place)
    return tuple(_stacked([maps[place] for place in places], tuple(places), device) for places in kinds.values())


def _stacked(maps: Sequence[PlaneMap], places: tuple[int, ...], device: str) -> PlaneStack:
    """Planes touch different numbers of voxels; where one touches fewer, its last has a weight of 0 besides."""
    most = max(plane.index.shape[1] for plane in maps)
    index = [np.pad(plane.index, ((0, 0), (0, most - plane.index.shape[1])), mode="edge") for plane in maps]
    line = [np.pad(plane.line, ((0, most - len(plane.line)), (0, 0))) for plane in maps]
    first = maps[0]
    return PlaneStack(
        places,
        torch.from_numpy(np.stack(index)[:, None]).to(device),
        torch.from_numpy(np.stack(line)).to(device),
        torch.from_numpy(first.rows[None]).to(device),
        None if first.zoom is None else torch.from_numpy(first.zoom).to(device),
        first.transposed,
    )
