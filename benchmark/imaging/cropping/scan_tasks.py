"""What is to be cropped: the nodules of a table by their scans."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.contracts.patients import TO_LPS, lps_centres
from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.layout import FAILED, Entry
from benchmark.imaging.cropping.scan import ScanTask
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.scan_paths import path_under
from benchmark.imaging.volume import ReadOptions

if TYPE_CHECKING:
    import pandas as pd


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
        images = self.nodules["image_path"].fillna("").astype(str)
        centres = lps_centres(self.nodules, self.frame).tolist()
        content = [self.frame, list(zip(self.ids, images, centres, strict=True))]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()
