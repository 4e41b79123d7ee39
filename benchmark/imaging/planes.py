"""Nine planes through one crop, with numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.imaging.one_thread import one_thread
from benchmark.imaging.plane_maps import plane_maps
from benchmark.imaging.recipe import Recipe, get_recipe


def nine_planes(
    crop: NDArray[Any], recipe: Recipe | str = "default", *, size: int | None = None
) -> NDArray[np.float32]:
    """The nine planes of one crop.

    Example::

        >>> import numpy as np
        >>> from benchmark.imaging.planes import nine_planes
        >>> nine_planes(np.full((100, 100, 100), -850, np.int16)).shape
        (9, 224, 224)

    Args:
        crop: ``[z, y, x]`` in HU, any number type.
        recipe: A recipe or its name.
        size: Pixels along an edge; the recipe's by default.

    Returns:
        ``[9, size, size]``, 0 at the recipe's lowest HU and 1 at its highest. The cubic spline of ``rotate`` may
        overshoot a little, as scipy's does.

    Raises:
        InputError: The crop has another size than the recipe's.
    """
    recipe = get_recipe(recipe)
    size = size or recipe.plane_size
    crop = np.asarray(crop)
    check_shape(crop.shape, recipe)
    flat = np.ascontiguousarray(crop).reshape(-1)
    planes = np.empty((9, size, size), np.float32)
    with one_thread():
        for picture, plane in zip(planes, plane_maps(recipe, size), strict=True):
            voxels = flat.take(plane.index).clip(recipe.low, recipe.high).astype(np.float32, copy=False)
            points = voxels @ plane.line
            if plane.zoom is not None:
                points = points @ plane.zoom
            first, second = (points.T, plane.rows.T) if plane.transposed else (plane.rows, points)
            np.matmul(first, second, out=picture)
    planes -= np.float32(recipe.low)
    planes *= np.float32(1 / (recipe.high - recipe.low))
    return planes


def check_shape(shape: tuple[int, ...], recipe: Recipe) -> None:
    """Refuse crops of another size than a recipe's.

    Raises:
        InputError: Names both sizes.
    """
    if shape != (recipe.size,) * 3:
        text = " x ".join(map(str, shape))
        what = f"a crop of the recipe {recipe.name!r} has {recipe.size} voxels an axis, this one {text}"
        raise InputError(Problem(what, "make the crops again with `bench crop`"))
