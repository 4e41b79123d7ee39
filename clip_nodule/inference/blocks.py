"""Scoring on other machines: blocks of nodules as tasks, each worker keeping the run that it loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

from benchmark.errors import BenchError
from benchmark.imaging.cropping.store import CropStore
from benchmark.progress import Progress
from benchmark.work import Lost, run
from benchmark.work.other_machines import OtherMachines
from clip_nodule.inference.api import Run, load_run

BATCHES = 8
"""Batches of a task: not many are lost with a worker, and fetching a task takes no share of its time."""


@dataclass(frozen=True)
class BlockScoring:
    """What scores a block, told by names so that each worker loads it once.

    Attributes:
        run: The run folder.
        store: The crop store.
        inputs: Hash of what the crops were made from.
        device: Where its networks run.
        precision: In which numbers.
    """

    run: str
    store: str
    inputs: str
    device: str
    precision: str


def rows_on_other_machines(
    network: Run,
    store: CropStore,
    rows: npt.NDArray[np.int64],
    place: OtherMachines,
    progress: Progress | None = None,
) -> npt.NDArray[np.float64]:
    """``Run.predict_rows`` on other machines, which see the run and the crops: the same numbers, ``[n, folds]``.

    Args:
        network: The run; workers load their own.
        store: Crops made with the run's recipe.
        rows: Its rows, which have crops.
        place: Where.
        progress: Called with nodules done and their number.

    Raises:
        BenchError: A worker died each time that it scored a block.
    """
    inputs = hashlib.sha256(json.dumps([int(value or 0) for value in store.checksums]).encode()).hexdigest()
    how = BlockScoring(
        str(network.folder.absolute()),
        str(store.folder.absolute()),
        inputs,
        str(network.device),
        network.precision,
    )
    size = BATCHES * network.batch  # whole batches: which nodules share one may move the last digit
    blocks = [tuple(map(int, rows[start : start + size])) for start in range(0, len(rows), size)]
    parts = list(_scored(blocks, how, place, len(rows), progress, network.device.type == "cuda"))
    return np.concatenate(parts) if parts else np.empty((0, network.info.folds))


def score_block(how: BlockScoring, rows: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """Probabilities of a block, ``[n, folds]``."""
    network, store = _loaded(how)
    return network.predict_rows(store, np.array(rows, np.int64))


def _scored(
    blocks: list[tuple[int, ...]],
    how: BlockScoring,
    place: OtherMachines,
    total: int,
    progress: Progress | None,
    gpu: bool,
) -> Generator[npt.NDArray[np.float64], None, None]:
    done = 0
    with closing(run(blocks, partial(score_block, how), place.jobs(gpus=float(gpu)))) as results:
        for block, result in zip(blocks, results, strict=True):
            if isinstance(result, Lost):
                raise BenchError(f"the worker that scored rows {block[0]} to {block[-1]} {result.death}")
            done += len(block)
            if progress:
                progress(done, total)
            yield result


@lru_cache(maxsize=1)
def _loaded(how: BlockScoring) -> tuple[Run, CropStore]:
    return load_run(how.run, device=how.device, precision=how.precision), CropStore.open(how.store)
