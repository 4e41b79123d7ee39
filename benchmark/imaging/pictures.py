"""The nine planes of a crop as grey pictures, to look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.imaging.planes import nine_planes
from benchmark.imaging.recipe import Recipe

_FEET_FIRST = (1, 2, 4, 5, 6, 7, 8)
"""Planes whose rows run towards the head."""


def grey_planes(
    crop: NDArray[Any], recipe: Recipe | str, size: int, *, head_up: bool = False
) -> NDArray[np.uint8]:
    """The nine planes of a crop in 8-bit grey, in the order of ``plane_maps.PLANES``.

    Args:
        crop: ``[z, y, x]`` in HU.
        recipe: Its recipe; black and white are the ends of the recipe's window.
        size: Pixels along an edge.
        head_up: Turn upside down what a model sees with the feet at the top, as readers of CT expect it.

    Returns:
        ``[9, size, size]``.

    Raises:
        InputError: The crop has another size than the recipe's.
    """
    planes = nine_planes(crop, recipe, size=size)
    if head_up:
        planes[_FEET_FIRST, :] = planes[_FEET_FIRST, ::-1]
    return (planes.clip(0, 1) * 255).round().astype(np.uint8)
