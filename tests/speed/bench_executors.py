"""What a coordinator of many tasks costs: ``python tests/speed/bench_executors.py`` writes a part of scale.md.

100,000 tasks of no work through processes and through the journal of a shard: processor seconds of the coordinator
alone and the memory that it grows by. And 64 workers whose tasks only sleep: how busy one coordinator keeps them.
A worker that sleeps stands for one on another machine, as far as the coordinator can tell.
"""

from __future__ import annotations

import platform
import re
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from benchmark.files import write_text  # noqa: E402
from benchmark.imaging.cropping.journals import SettledScan, Shard  # noqa: E402
from benchmark.imaging.cropping.layout import FAILED, Entry  # noqa: E402
from benchmark.imaging.cropping.scan_tasks import CropRequest  # noqa: E402
from benchmark.imaging.cropping.shards import crop_shard  # noqa: E402
from benchmark.imaging.recipe import get_recipe  # noqa: E402
from benchmark.work import Processes, Threads, finished  # noqa: E402

OUT = ROOT / "results" / "speed" / "scale.md"
HEADING = "## Executors"
TASKS, WORKERS, SECONDS, EACH = 100_000, 64, 0.3, 20


class SettledAtOnce:
    """An executor of a shard's scans that reads none: what is left is the coordinator's own work."""

    def outcomes(
        self, function: Callable[[Any], Any], tasks: Sequence[Any]
    ) -> Generator[tuple[int, Any], None, None]:
        """See ``Executor``."""
        del function
        for number, scan in enumerate(tasks):
            entries = tuple(Entry(row, "0" * 32, FAILED, "no work") for row in scan.task.rows)
            yield number, SettledScan("0" * 64, entries, (0,) * len(entries))


def coordinated(run: Callable[[], object]) -> tuple[float, float]:
    """Processor seconds of this process, and KiB that it grew by."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    run()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, after.ru_maxrss - before.ru_maxrss


def local() -> None:
    """Tasks through two processes."""
    count = sum(1 for _ in finished(range(-TASKS, 0), abs, Processes(2)))
    if count != TASKS:
        raise RuntimeError(f"{count} results of {TASKS} tasks")


def shard(folder: Path) -> Callable[[], None]:
    """The scans of a shard, one nodule each, recorded in its journal."""
    ids = pd.Series(np.arange(TASKS).astype(str))
    table = pd.DataFrame({"pid": ids, "nodule_id": "1", "image_path": "s" + ids + ".nii.gz"})
    table[["coordX", "coordY", "coordZ"]] = 0.0
    request = CropRequest(table, folder, get_recipe("default"))

    def run() -> None:
        done = crop_shard(request, folder / "store", Shard(1, 1), lambda tasks, limits: SettledAtOnce())
        if done.failed != TASKS:
            raise RuntimeError(f"{done.failed} of {TASKS} were settled")

    return run


def fed() -> tuple[float, float]:
    """Share of the time that sleeping workers were busy, and processor seconds that feeding them took."""
    tasks = [SECONDS] * (WORKERS * EACH)
    begin, cpu = time.perf_counter(), time.process_time()
    for _ in finished(tasks, time.sleep, Threads(WORKERS)):
        pass
    wall = time.perf_counter() - begin
    return EACH * SECONDS / wall, time.process_time() - cpu


def fed_processes() -> tuple[float, float]:
    """The same through processes, the start of which is not counted."""
    first: float | None = None
    cpu = time.process_time()
    count = WORKERS * (EACH + 2)
    for done, _ in enumerate(finished([SECONDS] * count, time.sleep, Processes(WORKERS)), 1):
        if done == 2 * WORKERS:  # all of them run by now
            first = time.perf_counter()
    if first is None:
        raise RuntimeError("no task ended")
    share = (count - 2 * WORKERS) * SECONDS / WORKERS / (time.perf_counter() - first)
    return share, time.process_time() - cpu


def main() -> None:
    """Measure, and replace the section of the page."""
    of_local = coordinated(local)  # first: the peak of a process does not fall
    with tempfile.TemporaryDirectory() as name:
        of_shard = coordinated(shard(Path(name)))
    share, cpu = fed()
    by_processes, of_processes = fed_processes()
    rows = [
        f"| {what} | {seconds:.1f} s | 60 s | {kib * 1024 / TASKS:.0f} bytes | 1,024 bytes |"
        for what, (seconds, kib) in (("two processes", of_local), ("a shard and its journal", of_shard))
    ]
    text = "\n".join(
        [
            HEADING,
            "",
            f"`python tests/speed/bench_executors.py`; {platform.machine()}, Python {platform.python_version()}, "
            "on a machine of two cores that others used at the same time: processor time, not wall clock.",
            "",
            f"{TASKS:,} tasks of no work, the coordinator alone:",
            "",
            "| through | processor | goal | memory a task | goal |",
            "|---|---|---|---|---|",
            *rows,
            "",
            f"{WORKERS} workers whose tasks sleep {SECONDS} s, {EACH} each: busy {share:.1%} of the time as "
            f"threads (coordinator: {cpu:.2f} s of processor), {by_processes:.1%} as processes of this "
            f"machine, their start not counted (coordinator: {of_processes:.2f} s; 64 processes wait for "
            "its two cores). Goal: 90 %.",
            "",
        ]
    )
    before = OUT.read_text(encoding="utf-8") if OUT.is_file() else "# Large cohorts and many machines\n\n"
    kept = re.sub(rf"(?ms)^{HEADING}\n.*?(?=^## |\Z)", "", before).rstrip("\n")
    write_text(OUT, f"{kept}\n\n{text}")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
