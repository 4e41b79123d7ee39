"""The crops of a cohort made on other machines: a Ray cluster reads scans, SLURM jobs make shards."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from benchmark.errors import BenchError, InputError
from benchmark.formats.opening import read_text
from benchmark.imaging.cropping.joining import finish_shards
from benchmark.imaging.cropping.journals import Shard
from benchmark.imaging.cropping.layout import LARGEST_DONE, SHARDS
from benchmark.imaging.cropping.scan_tasks import CropRequest
from benchmark.imaging.cropping.shards import ShardDone, crop_shard, local_executor, made_from
from benchmark.imaging.cropping.store import CropStore
from benchmark.progress import Progress
from benchmark.work import Lost, finished
from benchmark.work.other_machines import OtherMachines
from benchmark.work.slurm import JOBS


def crop_elsewhere(
    request: CropRequest, out: Path | str, place: OtherMachines, progress: Progress | None = None
) -> CropStore:
    """Crop all nodules of a table on other machines; the store is that of ``crop_cohort``, byte for byte.

    Given again after an interruption it goes on: with SLURM it joins the jobs that are still in the queue.

    Args:
        request: What to crop, and how.
        out: The store's folder, on a disk that all machines see.
        place: Where.
        progress: Called with the nodules done and their total; of SLURM jobs with scans.

    Raises:
        InputError: There is no such place, or see ``crop_shard``.
        BenchError: Jobs died twice; the others went on to their end.
    """
    here = Path(out).absolute()
    request = replace(request, image_root=request.image_root.absolute())
    if place.on == "ray":
        crop_shard(request, here, Shard(1, 1), place.executor, progress)
    else:
        _crop_in_jobs(request, here, place, progress)
    return finish_shards(request, here)


def _crop_in_jobs(request: CropRequest, out: Path, place: OtherMachines, progress: Progress | None) -> None:
    scans, _ = request.scan_tasks()
    count = max(1, min(place.workers or JOBS, len(scans)))
    shards = [Shard(count, number + 1) for number in range(count)]
    key = hashlib.sha256(json.dumps([str(out), asdict(made_from(request))]).encode()).hexdigest()

    def watch() -> None:
        if progress:
            progress(min(_scans_recorded(shards, out), len(scans)), len(scans))

    function = partial(_crop_shard_in_job, request, out)
    problems = []
    with closing(finished(shards, function, place.jobs(key, watch))) as results:
        for number, result in results:
            if isinstance(result, Lost):
                problems.append(f"{shards[number]} {result.death}")
    if problems:
        again = "the same command goes on with what lacks"
        raise BenchError("\n".join([*problems, f"the crops of the others are kept; {again}"]))


def _crop_shard_in_job(request: CropRequest, out: Path, shard: Shard) -> ShardDone:
    """Crop a shard with all processors of a job."""
    return crop_shard(request, out, shard, local_executor(None))


def _scans_recorded(shards: list[Shard], out: Path) -> int:
    """Scans that the journals of shards have a line on."""
    recorded = 0
    for shard in shards:
        try:
            recorded += max(0, read_text(shard.journal(out), LARGEST_DONE).count("\n") - 1)
        except (InputError, OSError):
            continue
    return recorded if (out / SHARDS).is_dir() else 0
