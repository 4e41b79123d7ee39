"""A contact sheet of the nine planes of some nodules, to look at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmark.contracts.plane_names import PLANE_NAMES
from benchmark.files import replacing
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.pictures import draw_scale_bar, grey_planes

_PIXELS, _GAP, _LABEL = 160, 4, 14


def write_preview(store: CropStore, count: int, path: Path | str) -> int:
    """Write a PNG with a row of nine named planes for each of ``count`` nodules, spread over the store.

    Each row has a scale bar in its axial plane.

    Args:
        store: The crops.
        count: Nodules to show.
        path: The picture.

    Returns:
        Number of nodules shown.
    """
    rows = store.cropped
    rows = (
        rows[np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))]
        if len(rows)
        else rows
    )
    step = _PIXELS + _GAP
    sheet = Image.new("L", (9 * step + _GAP, len(rows) * (step + _LABEL) + _GAP + _LABEL), 255)
    pen = ImageDraw.Draw(sheet)
    for column, name in enumerate(PLANE_NAMES):
        pen.text((column * step + _GAP, 1), name, fill=0)
    for place, row in enumerate(rows):
        top = place * (step + _LABEL) + _LABEL
        pid, nodule = store.index.loc[row, ["pid", "nodule_id"]]
        label = f"row {row}: pid {pid}, nodule {nodule}".encode("latin-1", "replace").decode("latin-1")
        pen.text((_GAP, top + 1), label, fill=0)
        for column, plane in enumerate(grey_planes(store.crops([row])[0], store.recipe, _PIXELS)):
            sheet.paste(Image.fromarray(plane), (column * step + _GAP, top + _LABEL))
        draw_scale_bar(pen, _GAP, top + _LABEL + _PIXELS, store.recipe, _PIXELS)
    with replacing(Path(path)) as temporary:
        sheet.save(temporary, format="PNG")
    return len(rows)
