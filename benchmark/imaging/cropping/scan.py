"""All crops of one scan, read once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import BenchError
from benchmark.imaging.cropping.gather import crops_of_scan
from benchmark.imaging.cropping.layout import CROPPED, FAILED, Entry
from benchmark.imaging.cropping.plan import Plan
from benchmark.imaging.cropping.verdict import ReadNodules, Verdict, judge_nodules, judge_scan
from benchmark.imaging.cropping.writing import write_crop
from benchmark.imaging.recipe import Recipe
from benchmark.imaging.scans.hu import HuEvidence
from benchmark.imaging.scans.scan_hash import content_mark, scan_hash
from benchmark.imaging.volume import ReadOptions, ScanFile

_KEY_DIGITS = 32


@dataclass(frozen=True, slots=True)  # a cohort has a hundred thousand of them
class ScanTask:
    """The nodules of one scan.

    Attributes:
        image: Path as the nodule table gives it, for messages.
        path: Where it is.
        root: The image root: no link and no file name in the scan may lead out of it.
        rows: Rows of its nodules in the table.
        keys: Their keys (see ``Entry``); none where no crop is made.
        centres: Their centres, ``(x, y, z)`` in mm, LPS; none where it is only to be seen whether it can be read.
        frame: ``LPS`` or ``RAS``, the frame of the table, for messages.
        number: Its place among all scans of the table.
    """

    image: str
    path: str
    root: str
    rows: tuple[int, ...]
    keys: tuple[str, ...]
    centres: tuple[tuple[float, float, float], ...]
    frame: str = "LPS"
    number: int = 0


def scan_keys(
    task: ScanTask, ids: Sequence[tuple[str, str]], mark: str, recipe: Recipe, options: ReadOptions
) -> tuple[str, ...]:
    """Hashes of all that the crops of a scan's nodules are made from.

    Args:
        task: The scan.
        ids: ``(pid, nodule_id)`` of each of its nodules.
        mark: What it holds (``mark_of_scan``).
        recipe: The recipe.
        options: What may be assumed about it.
    """
    recipe_hash, assumed = recipe.hash, repr(options)
    contents = [json.dumps([recipe_hash, *pair, place, mark, assumed])
                for pair, place in zip(ids, task.centres, strict=True)]  # fmt: skip
    return tuple(hashlib.sha256(content.encode()).hexdigest()[:_KEY_DIGITS] for content in contents)


def mark_of_scan(task: ScanTask) -> str:
    """What a scan holds (see ``content_mark``)."""
    return content_mark(Path(task.path), Path(task.root))


def crop_scan(task: ScanTask, folder: Path, recipe: Recipe, options: ReadOptions) -> list[Entry]:
    """Read a scan, write the crops of its nodules into a store, and say what became of each.

    Raises:
        BenchError: A crop cannot be written.
    """
    written: dict[int, tuple[float, int]] = {}

    def read_and_write(scan: ScanFile, plans: dict[int, Plan], evidence: HuEvidence) -> Iterator[int]:
        places = list(plans)
        for number, (crop, padded) in crops_of_scan(scan, list(plans.values()), recipe.padding, evidence):
            place = places[number]
            try:
                checksum = write_crop(folder, task.rows[place], crop)
            except OSError as error:  # no fault of the scan
                raise BenchError(f"cannot write crops: {error}") from error
            written[place] = round(padded, 6), checksum
            yield place

    return entries_of(task, _judge(task, recipe, options, read_and_write), written)


def check_scan(task: ScanTask, recipe: Recipe, options: ReadOptions) -> tuple[list[Verdict], str]:
    """Read a scan as ``crop_scan`` does: a verdict a row, and the scan's hash; no hash where it cannot be read."""
    if task.centres:
        verdicts = _judge(task, recipe, options)
    else:
        verdicts = [judge_scan(task.image, task.path, options, Path(task.root))] * len(task.rows)
    unread = any(verdict.unread for verdict in verdicts)
    return verdicts, "" if unread else scan_hash(Path(task.path), Path(task.root))


def entries_of(
    task: ScanTask, verdicts: list[Verdict], written: Mapping[int, tuple[float, int]] | None = None
) -> list[Entry]:
    """What became of the nodules of a scan.

    Args:
        task: The scan.
        verdicts: On its nodules.
        written: Padded fraction and checksum of each crop, by its place among the nodules.
    """
    entries = []
    for place, (row, key, verdict) in enumerate(zip(task.rows, task.keys, verdicts, strict=True)):
        if verdict.problems:
            entries.append(Entry(row, key, FAILED, verdict.reason))
        else:
            padded, checksum = (written or {})[place]
            entries.append(Entry(row, key, CROPPED, "", padded, checksum, "; ".join(verdict.notes)))
    return entries


def _judge(task: ScanTask, recipe: Recipe, options: ReadOptions, read: ReadNodules | None = None) -> list[Verdict]:
    return judge_nodules(
        task.image, task.path, task.centres, recipe, options, read, frame=task.frame, boundary=Path(task.root)
    )
