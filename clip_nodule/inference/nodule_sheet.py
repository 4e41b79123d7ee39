"""One nodule on one sheet: its nine planes with their attention, its score and its semantic profile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from benchmark.contracts.plane_names import PLANE_NAMES
from benchmark.files import replacing
from benchmark.imaging.pictures import draw_scale_bar, grey_planes
from benchmark.imaging.recipe import Recipe

_TILE, _GAP, _LINE, _TEXT = 200, 10, 22, 430
_INK, _SOFT, _BAR = (27, 31, 36), (90, 99, 112), (0, 114, 178)


def write_sheet(
    path: Path,
    crop: npt.NDArray[np.int16],
    recipe: Recipe,
    attention: npt.NDArray[np.floating],
    title: str,
    profile: Sequence[tuple[str, str, float]],
) -> None:
    """Write a PNG.

    Args:
        path: The picture.
        crop: HU ``[z, y, x]``.
        recipe: The crop's recipe.
        attention: Weights of the nine planes, summing to 1, ``[9]``.
        title: A line above everything.
        profile: ``(feature, most likely class, its probability)``.
    """
    font = ImageFont.load_default(15)
    height = _LINE * 2 + max(3 * (_TILE + 2 * _LINE + _GAP), _LINE * len(profile)) + _GAP
    sheet = Image.new("RGB", (3 * (_TILE + _GAP) + _GAP + _TEXT, height), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, 8), title, fill=_INK, font=font)
    strongest = int(np.argmax(attention))
    for k, plane in enumerate(grey_planes(crop, recipe, _TILE)):
        x, y = _GAP + (k % 3) * (_TILE + _GAP), 2 * _LINE + (k // 3) * (_TILE + 2 * _LINE + _GAP)
        tile = Image.fromarray(plane).convert("RGB")
        sheet.paste(tile, (x, y))
        if k == 0:
            draw_scale_bar(pen, x, y + _TILE, recipe, _TILE)
        if k == strongest:
            pen.rectangle((x - 2, y - 2, x + _TILE + 1, y + _TILE + 1), outline=_BAR, width=3)
        pen.text((x, y + _TILE + 2), PLANE_NAMES[k], fill=_SOFT, font=font)
        pen.text((x, y + _TILE + _LINE), f"attention {attention[k]:.2f}", fill=_SOFT, font=font)
    left = 3 * (_TILE + _GAP) + 2 * _GAP
    for row, (feature, name, probability) in enumerate(profile):
        y = 2 * _LINE + row * _LINE
        pen.rectangle((left, y + 3, left + int(60 * probability), y + _LINE - 6), fill=_BAR)
        pen.text((left + 68, y), f"{probability:.2f}  {feature}: {name}", fill=_INK, font=font)
    with replacing(path) as temporary:
        sheet.save(temporary, format="PNG")
