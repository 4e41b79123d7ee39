"""The folds of a run: in stacks, one after another or several at a time in processes of their own."""

from __future__ import annotations

import itertools
import multiprocessing
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, Literal

import torch

from benchmark.errors import BenchError
from benchmark.progress import Progress
from benchmark.work import safe_children
from benchmark.work.other_machines import OtherMachines
from clip_nodule.network.device import devices_for_folds
from clip_nodule.runs.run_folder import RunInfo
from clip_nodule.training.folds.elsewhere import FoldsElsewhere, train_elsewhere
from clip_nodule.training.folds.one_stack import run_stack

_POLL = 0.2


def run_folds(
    run: Path,
    info: RunInfo,
    crops: Path | Sequence[Path],
    device: torch.device,
    progress: Progress | None = None,
    place: OtherMachines | None = None,
) -> dict[int, str]:
    """Train every fold that is not finished.

    Args:
        run: The run folder.
        info: Its ``run.yaml``.
        crops: Folder of the crop store, or those of several cohorts.
        device: Where the folds run.
        progress: Called with epochs done, epochs at most, and a line.
        place: Other machines, which see the run and the crops: each stack of folds is one of their tasks.

    Returns:
        Why folds were stopped by a loss that is not finite, by fold.
    """
    total = info.folds * info.settings.optimisation.epochs
    done = dict.fromkeys(range(info.folds), 0)

    def report(fold: int, epochs: int, text: str) -> None:
        done[fold] = epochs
        if progress is not None:
            progress(sum(done.values()), total, f"fold {fold + 1}/{info.folds} epoch {epochs}: {text}")

    folders = (crops,) if isinstance(crops, Path) else tuple(crops)
    stacks = stacks_of(info.folds, info.settings.run.lockstep, device)
    at_once = min(info.settings.run.parallel, len(stacks))
    if place is not None:
        epochs = info.settings.optimisation.epochs
        [stopped] = train_elsewhere(
            [FoldsElsewhere(run, stacks, folders)], place, device, lambda _, fold: report(fold, epochs, "ended")
        )
        return stopped
    if at_once == 1:
        ends = [run_stack(run, folds, folders, str(device), report) for folds in stacks]
    else:
        ends = _in_processes(run, stacks, folders, devices_for_folds(device, len(stacks)), at_once, report)
    return {fold: why for stack in ends for fold, why in stack.items() if why}


def stacks_of(folds: int, lockstep: int | Literal["auto"], device: torch.device) -> list[range]:
    """Which folds are trained as one stack.

    Args:
        folds: Of the run.
        lockstep: See ``RunSettings``.
        device: Where they run.

    Returns:
        The folds of each stack, as even as can be.
    """
    most = {"cpu": 1}.get(device.type, folds) if lockstep == "auto" else lockstep
    count = -(-folds // most)
    ends = [folds * number // count for number in range(count + 1)]
    return [range(start, end) for start, end in itertools.pairwise(ends)]


def _in_processes(
    run: Path,
    stacks: Sequence[range],
    crops: Sequence[Path],
    devices: Sequence[torch.device],
    at_once: int,
    report: Callable[[int, int, str], None],
) -> list[dict[int, str]]:
    context = multiprocessing.get_context("spawn")
    with safe_children(), context.Manager() as manager, ProcessPoolExecutor(at_once, mp_context=context) as pool:
        messages = manager.Queue()
        futures = [
            pool.submit(_worker, run, folds, crops, str(device), messages)
            for folds, device in zip(stacks, devices, strict=True)
        ]
        waiting = set(futures)
        while waiting:
            _, waiting = wait(waiting, timeout=_POLL)
            failed = [future for future in futures if future.done() and future.exception()]
            if failed:
                pool.shutdown(wait=False, cancel_futures=True)
                _raise(failed[0], run)
            _drain(messages, report)
        return [future.result() for future in futures]


def _raise(failed: Future[dict[int, str]], run: Path) -> None:
    try:
        failed.result()
    except BrokenProcessPool as error:
        what = f"a process that trained a fold of {run.name} was killed, perhaps for want of memory"
        raise BenchError(f"{what} — go on with `bench train --resume --name {run.name}`") from error


def _worker(run: Path, folds: range, crops: Sequence[Path], device: str, messages: Any) -> dict[int, str]:  # noqa: ANN401
    return run_stack(run, folds, crops, device, lambda *line: messages.put(line))


def _drain(messages: Any, report: Callable[[int, int, str], None]) -> None:  # noqa: ANN401
    while True:
        try:
            report(*messages.get_nowait())
        except queue.Empty:
            return
