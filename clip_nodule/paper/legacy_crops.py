"""The paper's own crops: one ``{pid}_{nodule_id}.pt`` a nodule."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.errors import InputError, Problem
from benchmark.files import list_finished, own_file
from benchmark.imaging.cropping.cohort import build_store
from benchmark.imaging.cropping.layout import CROPPED, FAILED, Entry
from benchmark.imaging.cropping.scan import ScanTask
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.cropping.writing import write_crop
from benchmark.imaging.recipe import Recipe, get_recipe
from benchmark.imaging.scans.hu import ValueRange, array_fault
from benchmark.imaging.scans.scan_hash import content_mark
from benchmark.imaging.volume import ReadOptions, checked_hu
from benchmark.progress import Progress

if TYPE_CHECKING:
    import pandas as pd

MAX_BYTES = 32 << 20
"""Files that hold more are refused unread: a crop of 100³ doubles has 8 MB."""
RECIPE = "zhuang2025"


def crops_from_pt(
    folder: Path | str,
    out: Path | str,
    nodules: pd.DataFrame | None = None,
    *,
    assume_hu: bool = False,
    progress: Progress | None = None,
) -> CropStore:
    """A crop store of the recipe ``zhuang2025`` from the paper's files.

    Example::

        >>> from clip_nodule.paper.legacy_crops import crops_from_pt
        >>> store = crops_from_pt("pt", "crops")
        >>> store.index[["pid", "nodule_id"]].values.tolist(), store.crops([0]).shape
        ([['100012', '1']], (1, 100, 100, 100))

    Args:
        folder: Holds ``{pid}_{nodule_id}.pt``, each a tensor ``[100, 100, 100]`` (z, y, x) in HU.
        out: The store's folder.
        nodules: A nodule table, whose rows the store follows; without one, all files in the order of their names,
            the nodule's id being what follows the last underscore.
        assume_hu: Take values as HU that do not look like it.
        progress: Called with the nodules done and their total.

    Returns:
        The store; nodules without a readable file are in its ``failures``.

    Raises:
        InputError: The folder is missing or holds no such file, two nodules would be read from one file, or a file
            leads out of the folder.
    """
    folder, recipe, options = Path(folder), get_recipe(RECIPE), ReadOptions(assume_hu=assume_hu)
    if not folder.is_dir():
        raise InputError(Problem("no such folder", "give the folder of the .pt files", folder))
    files = {path.name: own_file(folder, path.name) for path in list_finished(folder, "*.pt") if path.is_file()}
    if not files:
        raise InputError(Problem("holds no .pt file", "give the folder of the .pt files", folder))
    ids = _ids(files, folder) if nodules is None else list(zip(nodules["pid"], nodules["nodule_id"], strict=True))
    _require_one_file_each(ids, files, folder)
    tasks, failed = [], {}
    for row, (pid, nodule) in enumerate(ids):
        name = f"{pid}_{nodule}.pt"
        if name not in files:
            failed[row] = Entry(row, "", FAILED, f"{name} — no such file — check --from-pt and the ids")
            continue
        text = json.dumps([recipe.hash, pid, nodule, "pt", content_mark(files[name]), repr(options)])
        key = hashlib.sha256(text.encode()).hexdigest()[:32]
        tasks.append(ScanTask(name, str(files[name]), str(folder), (row,), (key,), ()))

    def run(left: list[ScanTask]) -> Generator[list[Entry], None, None]:
        return ([_copy(task, Path(out), recipe, options)] for task in left)

    return build_store(Path(out), ids, recipe, tasks, failed, run, options, progress)


def read_crop(path: Path, recipe: Recipe, options: ReadOptions) -> tuple[NDArray[np.int16], tuple[str, ...]]:
    """One of the paper's crops, ``[z, y, x]`` in whole HU, and what was odd about it but accepted.

    Files that somebody else made are read so in a limited process alone (see ``pt_files.read_apart``).

    Raises:
        InputError: It is no tensor file that can be loaded without running code, or no crop in HU.
    """
    import torch

    from clip_nodule.pretrained.pt_files import read_pt

    content = read_pt(path, MAX_BYTES, "crop")
    if not isinstance(content, torch.Tensor):
        raise InputError(Problem(f"holds a {type(content).__name__}, not a tensor", file=path))
    shape = " x ".join(map(str, content.shape))
    while content.dim() > 3 and content.shape[0] == 1:
        content = content[0]
    plain = content.layout == torch.strided and content.device.type == "cpu" and not content.is_quantized
    if tuple(content.shape) != (recipe.size,) * 3 or content.is_complex() or not plain:
        raise InputError(
            Problem(f"holds a {content.dtype} tensor of {shape}", f"{recipe.size}³ HU are needed", path)
        )
    voxels = content.to(torch.float64).numpy()
    ValueRange.of(voxels).check_values(path)
    remarks = checked_hu(path, array_fault(voxels), options)
    return np.asarray(np.rint(voxels).clip(-32768, 32767), np.int16), remarks


def _copy(task: ScanTask, out: Path, recipe: Recipe, options: ReadOptions) -> Entry:
    from clip_nodule.pretrained.pt_files import read_apart

    row, key = task.rows[0], task.keys[0]
    try:
        crop, remarks = read_apart(partial(read_crop, recipe=recipe, options=options), Path(task.path))
        checksum = write_crop(out, row, crop)
    except InputError as error:
        reason = "; ".join(str(Problem(problem.what, problem.fix, task.image)) for problem in error.problems)
        return Entry(row, key, FAILED, reason)
    return Entry(row, key, CROPPED, crc32=checksum, note="; ".join(remarks))


def _require_one_file_each(ids: list[tuple[str, str]], files: dict[str, Path], folder: Path) -> None:
    """Refuse nodules whose names meet: ``a_b`` with ``c`` and ``a`` with ``b_c`` are both ``a_b_c.pt``."""
    of_name: dict[str, list[tuple[str, str]]] = {}
    for pid, nodule in dict.fromkeys(ids):
        of_name.setdefault(f"{pid}_{nodule}.pt", []).append((pid, nodule))
    problems = []
    for name, several in of_name.items():
        if len(several) > 1 and name in files:
            what = f"is the file of {' and of '.join(f'{pid!r} nodule {nodule!r}' for pid, nodule in several)}"
            fix = "whose it is cannot be told: give --nodules with the one row that it belongs to"
            problems.append(Problem(what, fix, folder / name))
    if problems:
        raise InputError(problems)


def _ids(files: dict[str, Path], folder: Path) -> list[tuple[str, str]]:
    problems = [
        Problem("is not named {pid}_{nodule_id}.pt", "rename it, or give a nodule table", folder / name)
        for name in files
        if not all(name.removesuffix(".pt").rpartition("_")[::2])
    ]
    if problems:
        raise InputError(problems)
    return [tuple(name.removesuffix(".pt").rpartition("_")[::2]) for name in files]  # type: ignore[misc]
