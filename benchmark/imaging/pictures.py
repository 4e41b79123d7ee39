"""The nine planes of a crop as grey pictures, to look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmark.contracts.plane_names import BAR_MM
from benchmark.imaging.plane_maps import pixel_positions
from benchmark.imaging.planes import nine_planes
from benchmark.imaging.recipe import Recipe

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

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


def bar_pixels(recipe: Recipe, size: int) -> float:
    """Length of the scale bar, `BAR_MM`, in pixels of a plane with ``size`` pixels along an edge."""
    positions = pixel_positions(recipe, size)
    return float(BAR_MM / (recipe.spacing * (positions[1] - positions[0])))


def draw_scale_bar(pen: ImageDraw, left: int, bottom: int, recipe: Recipe, size: int) -> None:
    """Draw the scale bar with its length into the lower left corner of a plane.

    Args:
        pen: Of the sheet.
        left: The plane's left edge on the sheet.
        bottom: Its lower edge.
        recipe: The crop's recipe.
        size: Pixels along an edge of the plane.
    """
    x, y, length = left + 6, bottom - 7, round(bar_pixels(recipe, size))
    pen.rectangle((x - 1, y - 1, x + length, y + 3), fill="black")
    pen.rectangle((x, y, x + length - 1, y + 2), fill="white")
    pen.text((x + length + 5, y - 8), f"{BAR_MM} mm", fill="white", stroke_width=1, stroke_fill="black")
