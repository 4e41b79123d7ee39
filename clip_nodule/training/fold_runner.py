"""The folds of a run, one after another or several at a time in processes of their own."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.errors import BenchError
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.cropping.store import CropStore
from benchmark.progress import Progress
from benchmark.work import safe_children
from clip_nodule.network.device import set_precision
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.probabilities import probabilities
from clip_nodule.runs.checkpoint import LISTING
from clip_nodule.runs.networks import load_fold, new_model, shared_backbone, start_heads
from clip_nodule.runs.run_folder import START, RunInfo, fold_folder, read_run
from clip_nodule.training.classifiers import fit_classifiers
from clip_nodule.training.data import load_data
from clip_nodule.training.features import frozen_features
from clip_nodule.training.fold import EVALUATED, FoldJob, train_fold
from clip_nodule.training.images import FROM_KEPT_PLANES, FreshPlanes, KeptPlanes, Planes, kept_planes_files
from clip_nodule.training.validation import record_validation

_POLL = 0.2


def run_folds(
    run: Path,
    info: RunInfo,
    crops: Path | Sequence[Path],
    device: torch.device,
    progress: Progress | None = None,
) -> dict[int, str]:
    """Train every fold that is not finished.

    Args:
        run: The run folder.
        info: Its ``run.yaml``.
        crops: Folder of the crop store, or those of several cohorts.
        device: Where the folds run.
        progress: Called with epochs done, epochs at most, and a line.

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
    at_once = min(info.settings.run.parallel, info.folds)
    if at_once == 1:
        ends = {
            fold: run_fold(run, fold, folders, device.type, lambda e, t, fold=fold: report(fold, e, t))  # type: ignore[misc]
            for fold in done
        }
    else:
        ends = _in_processes(run, list(done), folders, device.type, at_once, report)
    return {fold: why for fold, why in ends.items() if why}


def run_fold(
    run: Path, fold: int, crops: Sequence[Path], device_name: str, report: Callable[[int, str], None]
) -> str:
    """Train one fold from what is on disk; returns why it was stopped, or an empty text."""
    info, device = read_run(run), torch.device(device_name)
    settings = info.settings
    before = torch.get_num_threads()
    if settings.run.threads and device.type == "cpu":
        torch.set_num_threads(settings.run.threads)
    try:
        store, data = JoinedStore.open(crops), load_data(run)
        features = frozen_features(run, info, store, device) if settings.network.tuning == "probe" else None
        planes = _planes(store, data.rows, info, device)
        job = FoldJob(fold_folder(run, fold), fold, settings, info.seed, data, planes, device, features)
        job.folder.mkdir(exist_ok=True)
        backbone = shared_backbone(run, info)
        if backbone is None:
            raise ValueError("a run in training shares its backbone among folds")
        job.seed_torch()
        model = new_model(backbone, settings)
        if not start_heads(model, run) and (run / START).is_file():
            report(
                0, "the projection heads in the pretrained file lack tensors or fit another width: they begin anew"
            )
        model = model.to(device)
        set_precision(model, settings.run.precision, device)
        if settings.network.classifiers == "fitted":
            fit_classifiers(job, model)
        state = train_fold(job, model, report)
        if (job.folder / LISTING).is_file():
            _score_validation(job, load_fold(run, info, fold, shared_backbone(run, info)).to(device))
        report(settings.optimisation.epochs, f"ended after {state.epoch} epochs")
        return state.diverged
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def _score_validation(job: FoldJob, model: NoduleCLIP) -> None:
    """Score the fold's validation nodules with its final weights, as scoring does: merged and in fp32."""
    _, validation = job.data.split(job.fold)
    parts = []
    for start in range(0, len(validation), EVALUATED):
        images, _ = job.inputs(validation[start : start + EVALUATED], 0, None)
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
    folds: list[int],
    crops: Sequence[Path],
    device: str,
    at_once: int,
    report: Callable[[int, int, str], None],
) -> dict[int, str]:
    context = multiprocessing.get_context("spawn")
    with safe_children(), context.Manager() as manager, ProcessPoolExecutor(at_once, mp_context=context) as pool:
        messages = manager.Queue()
        futures: dict[int, Future[str]] = {
            fold: pool.submit(_worker, run, fold, crops, device, messages) for fold in folds
        }
        waiting = set(futures.values())
        while waiting:
            _, waiting = wait(waiting, timeout=_POLL)
            failed = [future for future in futures.values() if future.done() and future.exception()]
            if failed:
                pool.shutdown(wait=False, cancel_futures=True)
                _raise(failed[0], run)
            _drain(messages, report)
        return {fold: future.result() for fold, future in futures.items()}


def _raise(failed: Future[str], run: Path) -> None:
    try:
        failed.result()
    except BrokenProcessPool as error:
        what = f"a process that trained a fold of {run.name} was killed, perhaps for want of memory"
        raise BenchError(f"{what} — go on with `bench train --resume --name {run.name}`") from error


def _worker(run: Path, fold: int, crops: Sequence[Path], device: str, messages: Any) -> str:  # noqa: ANN401
    return run_fold(run, fold, crops, device, lambda epochs, text: messages.put((fold, epochs, text)))


def _drain(messages: Any, report: Callable[[int, int, str], None]) -> None:  # noqa: ANN401
    while True:
        try:
            report(*messages.get_nowait())
        except queue.Empty:
            return
