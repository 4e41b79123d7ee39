"""Folds trained on other machines: each stack of folds, of one run or of several, is one of their tasks."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from benchmark.errors import BenchError
from benchmark.work import Lost, finished
from benchmark.work.other_machines import OtherMachines
from clip_nodule.training.folds.one_stack import run_stack


@dataclass(frozen=True)
class FoldsElsewhere:
    """The folds of a run.

    Attributes:
        run: The run folder, which the other machines see.
        stacks: The folds of each task.
        crops: Folders of its crop stores, which they see too.
    """

    run: Path
    stacks: Sequence[range]
    crops: Sequence[Path]


def train_elsewhere(
    runs: Sequence[FoldsElsewhere],
    place: OtherMachines,
    device: torch.device,
    ended: Callable[[int, int], None],
) -> list[dict[int, str]]:
    """Train the folds of some runs as tasks; one whose machine went goes on elsewhere from the last epoch it kept.

    Args:
        runs: The runs; the same ones again join the jobs that were submitted for them.
        place: The other machines.
        device: Where on them folds are trained.
        ended: Called with the place of a run and a fold of it that is at its end.

    Returns:
        Of each run why folds were stopped by a loss that is not finite, by fold.

    Raises:
        BenchError: Workers died each time that they trained some folds; the others are kept.
    """
    tasks = [(number, folds) for number, run in enumerate(runs) for folds in run.stacks]
    absolute = tuple((run.run.absolute(), tuple(folder.absolute() for folder in run.crops)) for run in runs)
    key = hashlib.sha256("\0".join(str(run) for run, _ in absolute).encode()).hexdigest()
    executor = place.jobs(key=key, gpus=device.type == "cuda")
    stopped: list[dict[int, str]] = [{} for _ in runs]
    problems = []
    with closing(finished(tasks, partial(_stack_of_run, absolute, str(device)), executor)) as results:
        for task, result in results:
            number, folds = tasks[task]
            if isinstance(result, Lost):
                name = runs[number].run.name
                what = f"the worker that trained fold {folds[0]} of {name} {result.death}"
                problems.append(f"{what}: go on with `bench train --resume --name {name}`")
                continue
            stopped[number] |= {fold: why for fold, why in result.items() if why}
            for fold in folds:
                ended(number, fold)
    if problems:
        raise BenchError("\n".join([*problems, "the other folds are kept"]))
    return stopped


def _stack_of_run(
    runs: Sequence[tuple[Path, tuple[Path, ...]]], device: str, task: tuple[int, range]
) -> dict[int, str]:
    number, folds = task
    run, crops = runs[number]
    return run_stack(run, folds, crops, device, lambda fold, epochs, text: None)
