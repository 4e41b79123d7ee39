"""The folds of a run: in stacks, one after another or several at a time in processes of their own."""

from __future__ import annotations

import copy
import hashlib
import itertools
import logging
import multiprocessing
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchError
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.cropping.store import CropStore
from benchmark.progress import Progress
from benchmark.work import Lost, finished, safe_children
from benchmark.work.other_machines import OtherMachines
from clip_nodule.network.backbone import Backbone
from clip_nodule.network.device import deterministic, devices_for_folds, set_precision
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.probabilities import probabilities
from clip_nodule.runs.checkpoint import LISTING
from clip_nodule.runs.networks import load_fold, new_model, shared_backbone, start_heads
from clip_nodule.runs.run_folder import START, RunInfo, fold_folder, read_run
from clip_nodule.training.classifiers import fit_classifiers
from clip_nodule.training.data import load_data
from clip_nodule.training.features import frozen_features
from clip_nodule.training.fold import FoldJob, evaluated_batches
from clip_nodule.training.folds.lockstep import train_folds
from clip_nodule.training.folds.stack import WEIGHTS
from clip_nodule.training.images import FROM_KEPT_PLANES, FreshPlanes, KeptPlanes, Planes, kept_planes_files
from clip_nodule.training.validation import record_validation

_POLL = 0.2
log = logging.getLogger(__name__)


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
        ends = _on_other_machines(run, stacks, folders, device, place, report)
    elif at_once == 1:
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


def run_stack(
    run: Path,
    folds: Sequence[int],
    crops: Sequence[Path],
    device_name: str,
    report: Callable[[int, int, str], None],
) -> dict[int, str]:
    """Train some folds in lockstep from what is on disk; returns why each was stopped, or an empty text."""
    info, device = read_run(run), torch.device(device_name)
    settings = info.settings
    before = torch.get_num_threads()
    if settings.run.threads and device.type == "cpu":
        torch.set_num_threads(settings.run.threads)
    with ExitStack() as around:
        around.callback(torch.set_num_threads, before)
        if settings.run.deterministic and (why := around.enter_context(deterministic(device))):
            log.warning("%s", why)
        if device.index is not None:
            around.enter_context(torch.cuda.device(device))
        store, data = JoinedStore.open(crops), load_data(run)
        features = frozen_features(run, info, store, device) if settings.network.tuning == "probe" else None
        if features is not None:
            features = tuple(None if part is None else part.to(device) for part in features)  # type: ignore[assignment]
        planes = _planes(store, data.rows_in_folds, info, device)
        jobs = [
            FoldJob(fold_folder(run, fold), fold, settings, info.seed, data, planes, device, features)
            for fold in folds
        ]
        backbone = shared_backbone(run, info)
        if backbone is None:
            raise ValueError("a run in training shares its backbone among folds")
        model, starts = _new_models(run, info, backbone, jobs, report)
        states = train_folds(jobs, model, starts, lambda place, epochs, text: report(folds[place], epochs, text))
        for job, state in zip(jobs, states, strict=True):
            if (job.folder / LISTING).is_file():
                _score_validation(job, load_fold(run, info, job.fold, backbone).to(device))
            report(job.fold, settings.optimisation.epochs, f"ended after {state.epoch} epochs")
        return {job.fold: state.diverged for job, state in zip(jobs, states, strict=True)}


def _new_models(
    run: Path,
    info: RunInfo,
    backbone: Backbone,
    jobs: Sequence[FoldJob],
    report: Callable[[int, int, str], None],
) -> tuple[NoduleCLIP, list[dict[str, Tensor]]]:
    """A network, and the weights with which each fold's begins (``FoldStack.restore``)."""
    settings, starts = info.settings, []
    for job in jobs:
        job.folder.mkdir(exist_ok=True)
        own = copy.deepcopy(backbone)  # a new network changes what it is made of
        job.seed_torch()
        model = new_model(own, settings)
        if not start_heads(model, run) and (run / START).is_file():
            what = "the projection heads in the pretrained file lack tensors or fit another width: they begin anew"
            report(job.fold, 0, what)
        model = model.to(job.device)
        set_precision(model, settings.run.precision, job.device)
        if settings.network.classifiers == "fitted":
            fit_classifiers(job, model)
        learning = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
        starts.append({f"{WEIGHTS}/{name}": parameter.detach().cpu().clone() for name, parameter in learning})
    return model, starts


@torch.no_grad()
def _score_validation(job: FoldJob, model: NoduleCLIP) -> None:
    """Score the fold's validation nodules with its final weights, as scoring does: merged and in fp32."""
    _, validation = job.split
    parts = []
    batches = evaluated_batches(validation)
    job.expect(batches)
    for batch in batches:
        images, _ = job.inputs(batch)
        parts.append(probabilities(model(images, encoded=job.features is not None).image_logits))
    record_validation(job.folder, job.data, validation, np.concatenate(parts), job.settings.run.calibration)


def _planes(store: CropStore | JoinedStore, rows: Any, info: RunInfo, device: torch.device) -> Planes:  # noqa: ANN401
    size = int(info.backbone["vision_cfg"]["image_size"])
    augment = info.settings.data.augment
    if augment not in FROM_KEPT_PLANES or device.type == "cuda":
        fresh = FreshPlanes(store, size, device, augment=augment)
        if device.type == "cuda":
            fresh.keep_on_device(rows)
        return fresh
    joined = store if isinstance(store, JoinedStore) else JoinedStore.of([store])
    return KeptPlanes(kept_planes_files(joined, size), device, flips=augment == "flips")


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


def _on_other_machines(
    run: Path,
    stacks: Sequence[range],
    crops: Sequence[Path],
    device: torch.device,
    place: OtherMachines,
    report: Callable[[int, int, str], None],
) -> list[dict[int, str]]:
    """Train stacks of folds as tasks; one whose machine went goes on elsewhere, from the last epoch it kept."""
    train = partial(_stack_on_its_own, run.absolute(), tuple(folder.absolute() for folder in crops), str(device))
    executor = place.jobs(key=hashlib.sha256(str(run.absolute()).encode()).hexdigest(), gpus=device.type == "cuda")
    epochs = read_run(run).settings.optimisation.epochs
    ends: dict[int, dict[int, str]] = {}
    problems = []
    with closing(finished(stacks, train, executor)) as results:
        for number, result in results:
            if isinstance(result, Lost):
                problems.append(f"the worker that trained fold {stacks[number][0]} of {run.name} {result.death}")
                continue
            ends[number] = result
            for fold in stacks[number]:
                report(fold, epochs, "ended")
    if problems:
        again = f"go on with `bench train --resume --name {run.name}`"
        raise BenchError("\n".join([*problems, f"the other folds are kept: {again}"]))
    return [ends[number] for number in range(len(stacks))]


def _stack_on_its_own(run: Path, crops: Sequence[Path], device: str, folds: range) -> dict[int, str]:
    return run_stack(run, folds, crops, device, lambda fold, epochs, text: None)


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
