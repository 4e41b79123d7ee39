"""All crops of one scan, read once; run in this process or as a worker that takes tasks on standard input."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark.imaging.cropping.gather import gather
from benchmark.imaging.cropping.layout import CROPPED, FAILED, Entry
from benchmark.imaging.cropping.plan import Plan
from benchmark.imaging.cropping.verdict import judge_nodules
from benchmark.imaging.cropping.writing import write_crop
from benchmark.imaging.recipe import Recipe, recipe_from_dict
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
        for number, (crop, padded) in gather(scan, list(plans.values()), recipe.padding, evidence):
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


def main() -> None:
    """Take a setting and then tasks from standard input, a JSON value a line, and answer each with a line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print must not mix with the answers
    setting: dict[str, Any] = json.loads(sys.stdin.readline())
    folder, recipe = Path(setting["folder"]), recipe_from_dict(setting["recipe"])
    options = ReadOptions(**setting["options"])
    for line in sys.stdin:
        values = json.loads(line)
        task = ScanTask(
            values["image"], values["path"], tuple(values["rows"]), tuple(values["keys"]),
            tuple((x, y, z) for x, y, z in values["centres"]), values["frame"],
        )  # fmt: skip
        try:
            answer: dict[str, Any] = {"entries": [asdict(e) for e in crop_scan(task, folder, recipe, options)]}
        except OSError as error:
            answer = {"error": str(error)}
        try:
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
        except BrokenPipeError:  # the program that asked is gone
            os._exit(0)


if __name__ == "__main__":
    main()
