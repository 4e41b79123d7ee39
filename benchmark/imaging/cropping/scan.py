"""All crops of one scan, read once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.imaging.cropping.gather import crops_of_scan
from benchmark.imaging.cropping.layout import CROPPED, FAILED, Entry
from benchmark.imaging.cropping.plan import Plan
from benchmark.imaging.cropping.verdict import judge_nodules
from benchmark.imaging.cropping.writing import write_crop
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.hu import HuEvidence
from benchmark.imaging.volume import ReadOptions, ScanFile


@dataclass(frozen=True)
class ScanTask:
    """The nodules of one scan.

    Attributes:
        image: Path as the nodule table gives it, for messages.
        path: Where it is.
        rows: Rows of its nodules in the table.
        keys: Their keys (see ``Entry``).
        centres: Their centres, ``(x, y, z)`` in mm, LPS.
        frame: ``LPS`` or ``RAS``, the frame of the table, for messages.
    """

    image: str
    path: str
    rows: tuple[int, ...]
    keys: tuple[str, ...]
    centres: tuple[tuple[float, float, float], ...]
    frame: str = "LPS"


def crop_scan(task: ScanTask, folder: Path, recipe: Recipe, options: ReadOptions) -> list[Entry]:
    """Read a scan, write the crops of its nodules into a store, and say what became of each."""
    written: dict[int, tuple[float, int]] = {}

    def read_and_write(scan: ScanFile, plans: dict[int, Plan], evidence: HuEvidence) -> Iterator[int]:
        places = list(plans)
        for number, (crop, padded) in crops_of_scan(scan, list(plans.values()), recipe.padding, evidence):
            place = places[number]
            written[place] = round(padded, 6), write_crop(folder, task.rows[place], crop)
            yield place

    entries = []
    verdicts = judge_nodules(
        task.image, task.path, task.centres, recipe, options, read_and_write, frame=task.frame
    )
    for place, verdict in enumerate(verdicts):
        row, key = task.rows[place], task.keys[place]
        if verdict.problems:
            entries.append(Entry(row, key, FAILED, verdict.reason))
        else:
            entries.append(Entry(row, key, CROPPED, "", *written[place], "; ".join(verdict.notes)))
    return entries
