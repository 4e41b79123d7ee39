"""Pictures of crops for the galleries: nine planes on one sheet."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from benchmark.contracts.cohort import Cohort
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.extras import require_extra
from benchmark.formats.csv import read_csv
from benchmark.formats.opening import refusing

if TYPE_CHECKING:
    from benchmark.imaging.recipe import Recipe

PIXELS = 64
"""Edge of one plane."""


class CropPictures:
    """A crop store, read one crop at a time."""

    def __init__(self, folder: Path) -> None:
        from benchmark.imaging.cropping.layout import read_attributes
        from benchmark.imaging.recipe import get_recipe, recipe_from_dict

        recipe = (read_attributes(folder) or {}).get("recipe")
        self.recipe = recipe_from_dict(recipe) if isinstance(recipe, dict) else get_recipe("default")
        self.folder = folder
        index = read_csv(folder / "index.csv")
        keys = zip(index["pid"], index["nodule_id"], index["status"], strict=True)
        self.rows = {(pid, nodule): row for row, (pid, nodule, status) in enumerate(keys) if status == "cropped"}

    def image(self, pid: str, nodule: str) -> tuple[str, float]:
        """Data URI of the nine planes of a nodule and the length of the scale bar; empty where it has no crop."""
        from benchmark.imaging.pictures import bar_pixels

        crop = self.crop(pid, nodule)
        if crop is None:
            return "", 0.0
        return data_uri(contact_sheet(crop, self.recipe)), round(bar_pixels(self.recipe, PIXELS), 2)

    def crop(self, pid: str, nodule: str) -> npt.NDArray[np.int16] | None:
        """HU ``(z, y, x)`` of a nodule; None where it has no crop."""
        from benchmark.imaging.cropping.layout import chunk_compressor, chunk_path, read_chunk

        row = self.rows.get((pid, nodule))
        path = self.folder if row is None else chunk_path(self.folder, row)
        if not path.is_file():
            return None
        # Not by zarr, whose threads may outlive the program and then end it with a traceback.
        crop = np.empty((self.recipe.size,) * 3, np.int16)
        with refusing(path, "is damaged", "run `bench crop --verify`"):
            chunk_compressor().decode(read_chunk(path), out=crop)
        return crop


def open_crops(cohort: Cohort, workspace: Workspace) -> tuple[CropPictures | None, str]:
    """The crops of a cohort, or why there are no images."""
    if workspace.scores_alone:
        return None, ""
    folder = workspace.crops(cohort.name)
    if not (folder / "crops.zarr").is_dir() or not (folder / "index.csv").is_file():
        return None, "No images: this cohort has no crop store (bench crop makes one)."
    try:
        require_extra("ct", "a picture of a nodule")
        return CropPictures(folder), ""
    except InputError as error:
        return None, f"No images: {error}."
    except (KeyError, ValueError, OSError) as error:
        return None, f"No images: the crop store cannot be read ({type(error).__name__})."


def contact_sheet(crop: npt.NDArray[np.int16], recipe: Recipe) -> npt.NDArray[np.uint8]:
    """The nine planes through the centre of a crop, head up, three by three with a black line around each.

    Args:
        crop: HU ``(z, y, x)``.
        recipe: Its recipe.

    Returns:
        8-bit grey ``(3 · 66, 3 · 66)``.
    """
    from benchmark.imaging.pictures import grey_planes

    tiles = np.pad(grey_planes(crop, recipe, PIXELS, head_up=True), ((0, 0), (1, 1), (1, 1)))
    return np.block([list(tiles[k : k + 3]) for k in (0, 3, 6)])


def data_uri(grey: npt.NDArray[np.uint8]) -> str:
    """An 8-bit grey image as a PNG data URI."""
    from PIL import Image

    png = io.BytesIO()
    Image.fromarray(grey).save(png, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(png.getvalue()).decode()}"
