"""Some folds of a run, trained in lockstep in this process from what is on disk."""

from __future__ import annotations

import copy
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.cropping.store import CropStore
from benchmark.progress import Progress
from clip_nodule.network.backbone import Backbone
from clip_nodule.network.device import deterministic, set_precision
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

log = logging.getLogger(__name__)


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
        planes = planes_of_run(store, data.rows_in_folds, info, device)
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


def planes_of_run(store: CropStore | JoinedStore, rows: Any, info: RunInfo, device: torch.device) -> Planes:  # noqa: ANN401
    """Where the planes of a run's nodules come from."""
    size = int(info.backbone["vision_cfg"]["image_size"])
    augment = info.settings.data.augment
    if augment not in FROM_KEPT_PLANES or device.type == "cuda":
        fresh = FreshPlanes(store, size, device, augment=augment)
        if device.type == "cuda":
            fresh.keep_on_device(rows)
        return fresh
    joined = store if isinstance(store, JoinedStore) else JoinedStore.of([store])
    return KeptPlanes(kept_planes_files(joined, size), device, flips=augment == "flips")


def prepare_planes(
    run: Path, info: RunInfo, store: JoinedStore, device: torch.device, progress: Progress | None
) -> None:
    """Work out what folds share and read from disk, where their settings have such."""
    settings = info.settings
    size = int(cast(Any, info.backbone["vision_cfg"])["image_size"])
    if settings.data.augment in FROM_KEPT_PLANES and device.type == "cpu":
        kept_planes_files(store, size, progress)
    if settings.network.tuning == "probe":
        frozen_features(run, info, store, device, progress)
