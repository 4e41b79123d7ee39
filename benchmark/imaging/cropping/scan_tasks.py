"""What is to be cropped: the nodules of a table by their scans."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.contracts.patients import TO_LPS, lps_centres
from benchmark.contracts.scan_paths import path_under
from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.layout import FAILED, Entry
from benchmark.imaging.cropping.scan import ScanTask
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.volume import ReadOptions

if TYPE_CHECKING:
    import pandas as pd

_AT_A_TIME = 4096
"""Rows that are hashed together: the text of a table takes more memory than the table."""


@dataclass(frozen=True)
class CropRequest:
    """What to crop, and how.

    Attributes:
        nodules: A nodule table (see ``benchmark.contracts.nodules``).
        image_root: Folder that ``image_path`` is relative to.
        recipe: The recipe.
        frame: ``LPS`` or ``RAS``, the frame of the coordinates.
        options: What may be assumed about the scans.

    Raises:
        InputError: The frame is unknown, or the image root is no folder.
    """

    nodules: pd.DataFrame
    image_root: Path
    recipe: Recipe
    frame: str = "LPS"
    options: ReadOptions = field(default_factory=ReadOptions)

    def __post_init__(self) -> None:
        if self.frame not in TO_LPS:
            raise InputError(Problem("is no coordinate frame", "LPS or RAS", value=self.frame))
        if not self.image_root.is_dir():
            fix = "give the folder that image_path is relative to"
            raise InputError(Problem("no such folder", fix, self.image_root))

    @property
    def ids(self) -> list[tuple[str, str]]:
        """``(pid, nodule_id)`` of each row."""
        nodules = self.nodules
        return list(zip(nodules["pid"].astype(str), nodules["nodule_id"].astype(str), strict=True))

    def scan_tasks(self) -> tuple[list[ScanTask], dict[int, Entry]]:
        """The nodules by scan, in the order of the table, without keys; those that fail before one is read."""
        centres = lps_centres(self.nodules, self.frame)
        images: dict[str, list[int]] = {}
        for row, image in enumerate(self.nodules["image_path"].fillna("").astype(str)):
            images.setdefault(image, []).append(row)
        tasks, failed = [], {}
        root = str(self.image_root.absolute())  # other machines have other working folders
        for number, (image, rows) in enumerate(images.items()):
            try:
                path = path_under(image, self.image_root)
            except InputError as error:
                reason = "; ".join(str(problem) for problem in error.problems)
                failed.update({row: Entry(row, "", FAILED, reason) for row in rows})
                continue
            places = tuple((float(x), float(y), float(z)) for x, y, z in centres[rows])
            tasks.append(ScanTask(image, str(path), root, tuple(rows), (), places, self.frame, number))
        return tasks, failed

    def table_hash(self) -> str:
        """What changes with any id, path or centre of the table."""
        centres = lps_centres(self.nodules, self.frame)
        digest = hashlib.sha256(f"[{json.dumps(self.frame)}, [".encode())
        for start in range(0, len(centres), _AT_A_TIME):
            part = slice(start, start + _AT_A_TIME)
            columns = (self.nodules[name].iloc[part] for name in ("pid", "nodule_id", "image_path"))
            pids, numbers, images = (column.fillna("").astype(str) for column in columns)
            ids = zip(pids, numbers, strict=True)
            rows = json.dumps(list(zip(ids, images, centres[part].tolist(), strict=True)))[1:-1]
            digest.update(f"{', ' if start else ''}{rows}".encode())
        digest.update(b"]]")
        return digest.hexdigest()
