"""A real chest CT as the background of phantom nodules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmark.cohorts.phantom.chest import AnyArray, Chest, Coordinates
from benchmark.cohorts.phantom.scanner import Placement, point_spread
from benchmark.cohorts.phantom.upsampling import upsample
from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.simple_itk import itk_image, sitk
from benchmark.imaging.volume import load_volume_apart

COARSE = 3.0
"""Spacing in mm of the grid on which the lung is found."""
EMPTY_BELOW, LUNG_BELOW = -975, -450
"""Lung tissue, smoothed over a few millimetres, lies between these HU."""
LEAST_LUNG = 200.0
"""Millilitres of lung that a background must show."""


@dataclass(frozen=True)
class Background:
    """A real scan that nodules can be put into.

    Attributes:
        hu: ``(z, y, x)`` in HU, axes along the patient's as closely as the scan's grid allows.
        depth: ``(z, y, x)`` in mm: distance to the pleura, positive inside the lung.
        spacing: ``(z, y, x)`` in mm.
        placement: Where it lies in the world.
        noise: Standard deviation of its noise inside the lung in HU.
        lung: Median HU of its lung.
    """

    hu: npt.NDArray[np.int16]
    depth: AnyArray
    spacing: Coordinates
    placement: Placement
    noise: float
    lung: float

    def chest(self) -> Chest:
        """A copy that nodules can be drawn into."""
        return Chest(self.hu.astype(np.float32), self.depth, self.spacing, 40.0, self.lung)

    def acquire(self, drawn: AnyArray, blur: float, rng: np.random.Generator) -> npt.NDArray[np.int16]:
        """Blur what was drawn, give it the scan's noise, and leave every other voxel as it was.

        Args:
            drawn: A chest of ``chest()`` with nodules in it.
            blur: Standard deviation of the point spread in mm.
            rng: Source of randomness.
        """
        change = drawn - self.hu
        touched = ndimage.find_objects(ndimage.binary_dilation(change != 0, iterations=3).astype(np.int8))
        result = self.hu.copy()
        for box in touched:
            part = point_spread(change[box], self.spacing, blur)
            grain = rng.standard_normal(part.shape, dtype=np.float32) * np.float32(self.noise)
            part += grain * np.clip(np.abs(part) / 300, 0, 1)
            result[box] = np.clip(np.rint(self.hu[box] + part), -1024, 3071).astype(np.int16)
        return result


@lru_cache(maxsize=1)
def load_background(path: Path) -> Background:
    """Read a chest CT and find its lungs.

    Raises:
        InputError: The file is no CT image in HU, or shows no lung.
    """
    oriented = sitk.DICOMOrient(_read_ct(path), "LPS")
    spacing = np.array(oriented.GetSpacing())[::-1]
    hu = np.clip(sitk.GetArrayFromImage(oriented), -1024, 3071).astype(np.int16)
    cosines = np.array(oriented.GetDirection()).reshape(3, 3)
    placement = Placement(cosines, np.array(oriented.GetOrigin()), (False, False, False), (0, 1, 2))
    step = np.maximum(1, np.round(COARSE / spacing)).astype(int)
    small = hu[tuple(slice(None, None, int(n)) for n in step)]
    coarse = spacing * step
    lung = _lungs(small, coarse, path)
    depth = ndimage.distance_transform_edt(lung, coarse) - ndimage.distance_transform_edt(~lung, coarse)
    # The edge of a mask lies half a cell beyond its outermost cell's centre.
    depth += np.where(lung, -0.5, 0.5) * float(coarse.mean())
    fine = upsample(depth, coarse, hu.shape, spacing)
    deep = small[depth > 8] if (depth > 8).any() else small[lung]
    middle = float(np.median(deep))
    noise = float(1.4826 * np.median(np.abs(deep - middle)))
    return Background(hu, fine, spacing, placement, min(noise, 40.0), middle)


def _read_ct(path: Path) -> Any:  # noqa: ANN401
    """The scan as SimpleITK's image, in HU; read as ``bench crop`` reads it."""
    if not path.exists():
        raise InputError(Problem("does not exist", "give a chest CT as NIfTI or MHA", path))
    volume = load_volume_apart(path)
    if min(volume.grid.size) < 8:
        size = " x ".join(map(str, volume.grid.size))
        raise InputError(Problem(f"is not one volume but {size}", "give a single 3-D scan", path))
    hu = volume.hu()
    low, high = float(hu.min()), float(hu.max())
    if not (low <= -500 and high >= 0):
        raise InputError(Problem(f"intensities from {low:g} to {high:g} are not HU of a chest", "", path))
    return itk_image(hu, volume.grid)


def _lungs(hu: npt.NDArray[np.int16], spacing: Coordinates, path: Path) -> npt.NDArray[np.bool_]:
    """The largest regions of lung tissue, with their vessels; a field that cuts through a lung is fine."""
    # Lung holds some blood in every few millimetres; the air around a patient and in the trachea holds none.
    smooth = ndimage.gaussian_filter(hu.astype(np.float32), 3.0 / spacing)
    tissue = ndimage.binary_opening((smooth > EMPTY_BELOW) & (smooth < LUNG_BELOW), iterations=2)
    regions, count = ndimage.label(tissue)
    volumes = np.bincount(regions.ravel(), minlength=count + 1) * float(np.prod(spacing)) / 1000
    volumes[0] = 0
    keep = [int(index) for index in np.argsort(volumes)[::-1][:2] if volumes[index] >= LEAST_LUNG]
    if not keep:
        what = f"shows no lung: the largest region of lung tissue holds {volumes.max():.0f} ml"
        raise InputError(Problem(what, "give a chest CT in HU", path))
    # Closing takes vessels and bronchi into the lung, so that the pleura is its only edge.
    reach = max(1, round(6.0 / float(spacing.mean())))
    padded = np.pad(np.isin(regions, keep), reach, mode="edge")
    closed: npt.NDArray[np.bool_] = ndimage.binary_closing(padded, iterations=reach)[(slice(reach, -reach),) * 3]
    return closed
