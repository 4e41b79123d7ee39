"""Centres given as voxel indices, turned into mm by the header of each scan."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.nodules import COORDINATES
from benchmark.contracts.scan_paths import path_under
from benchmark.contracts.text_table import TextTable
from benchmark.errors import InputError, Problem
from benchmark.imaging.scans.grid import Grid
from benchmark.imaging.scans.scan_limits import lost_scan, read_or_problems, scan_limits
from benchmark.imaging.volume import open_scan
from benchmark.work import Lost, limited_processes, run


def to_millimetres(nodules: pd.DataFrame, folder: Path, source: TextTable) -> tuple[pd.DataFrame, int]:
    """Coordinates that are indices ``(i, j, k)`` of a scan's columns, rows and slices, from 0, in mm.

    Args:
        nodules: A nodule table with such coordinates; rows without any are left as they are.
        folder: Folder of its image paths.
        source: The table that it was read from, to name its lines.

    Returns:
        The table with coordinates in mm, LPS, and how many scans were asked.

    Raises:
        InputError: Names every row without a scan, whose scan is not there or cannot be read, or whose index lies
            outside of it.
    """
    indices = nodules[list(COORDINATES)].to_numpy(np.float64)
    known = np.flatnonzero(~np.isnan(indices).any(axis=1))
    images = nodules["image_path"].fillna("").iloc[known]
    unnamed = _mask(len(nodules), known[(images == "").to_numpy()])
    fix = "add the paths of the scans (--column path=NAME), or give mm"
    source.report(unnamed, "image_path", "names no scan, and voxel indices need one", fix)
    source.finish()
    grids = _grids_of(list(dict.fromkeys(images)), folder)
    places = indices.copy()
    wrong: dict[tuple[str, str], list[int]] = {}
    for row, image in zip(known.tolist(), images, strict=True):
        grid = grids[image]
        if not isinstance(grid, Grid):
            shown = "; ".join(str(problem) for problem in grid[:2])
            wrong.setdefault(("image_path", f"its voxel indices need this scan: {shown}"), []).append(row)
        elif not grid.holds_index(indices[row]):
            size = " x ".join(map(str, grid.size))
            what = f"voxel indices outside of {image}, a scan of {size} voxels (i, j, k from 0)"
            wrong.setdefault(("coordX", what), []).append(row)
        else:
            places[row] = grid.to_mm(indices[row])
    for (column, what), rows in wrong.items():
        first = ", ".join(f"{value:g}" for value in indices[rows[0]])
        fix = f"({first}) are in another order, or mm?" if column == "coordX" else ""
        source.report(_mask(len(nodules), rows), column, what, fix)
    source.finish()
    return nodules.assign(**dict(zip(COORDINATES, places.T, strict=True))), len(grids)


def _grids_of(images: Sequence[str], folder: Path) -> dict[str, Grid | tuple[Problem, ...]]:
    """The grid of each scan, or what is wrong with it."""
    paths: dict[str, Path] = {}
    found: dict[str, Grid | tuple[Problem, ...]] = {}
    for image in images:
        try:
            paths[image] = path_under(image, folder)
        except InputError as error:
            found[image] = tuple(error.problems)
    files = list(paths.values())
    read = partial(read_or_problems, _grid_of)
    with closing(run(files, read, limited_processes(None, len(files), scan_limits))) as results:
        for (image, path), grid in zip(paths.items(), results, strict=True):
            found[image] = (lost_scan(grid, scan_limits(path), path),) if isinstance(grid, Lost) else grid
    return found


def _grid_of(path: Path) -> Grid:
    return open_scan(path).grid


def _mask(rows: int, chosen: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(rows, dtype=bool)
    mask[chosen] = True
    return mask
