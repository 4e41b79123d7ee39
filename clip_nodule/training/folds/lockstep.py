"""Training of several folds in lockstep: the same epoch and step of each at the same time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.probabilities import auroc_of_logits
from clip_nodule.training.fold import FoldJob
from clip_nodule.training.folds.batches import EpochBatches
from clip_nodule.training.folds.moves import is_scheduled
from clip_nodule.training.folds.stack import FoldStack
from clip_nodule.training.state import (
    TrainingState,
    drop_other_states,
    keep_weights,
    load_state,
    new_state,
    place_best_weights,
    save_divergence,
    save_state,
    take_values,
)
from clip_nodule.training.tracking.epoch_log import EpochLog
from clip_nodule.training.validation import describe, validate

Report = Callable[[int, int, str], None]
"""Told the place of a fold, its number of epochs done and a line about the last one."""
EpochMetrics = dict[str, float | None]
log = logging.getLogger(__name__)


@dataclass
class FoldInTraining:
    """A fold, and where its training stands.

    Attributes:
        job: What to train.
        state: Everything but the weights.
        tensors: Weights and moments as on disk, while it is in no stack.
    """

    job: FoldJob
    state: TrainingState
    tensors: dict[str, Tensor] = field(default_factory=dict)

    @property
    def goes_on(self) -> bool:
        """Whether there is something left to train."""
        left = self.state.epoch < self.job.settings.optimisation.epochs
        return left and not self.state.stopped and not self.state.diverged

    def takes_part(self, epoch: int) -> bool:
        """Whether it is in the stack of an epoch; also what diverged in it, if a killed run repeats it."""
        return self.state.epoch == epoch and (self.goes_on or self.state.diverged_in == epoch)


def train_folds(
    jobs: Sequence[FoldJob],
    model: NoduleCLIP,
    starts: Sequence[dict[str, Tensor]],
    report: Report,
) -> list[TrainingState]:
    """Train folds in lockstep, from where they stand, to their end.

    The weights that score are left in each job's folder; the best by each loss under ``best/``.

    Args:
        jobs: The folds; they share settings, data and device.
        model: One fold's new network on their device. Its frozen weights are used; the others are overwritten.
        starts: Each fold's new weights, as ``FoldStack.state_of`` gives them.
        report: Told about every epoch.
    """
    folds = _resumed(jobs, starts)
    stack: FoldStack | None = None
    members: list[int] = []
    with ExitStack() as open_logs:
        logs = [open_logs.enter_context(_log_of(fold)) for fold in folds]
        epoch = min((fold.state.epoch for fold in folds if fold.goes_on), default=None)
        while epoch is not None and (wanted := [n for n, fold in enumerate(folds) if fold.takes_part(epoch)]):
            if stack is None or wanted != members:
                _unstack(stack, [folds[n] for n in members])
                stack, members = _stacked([folds[n] for n in wanted], model), wanted
            trained = train_epoch(stack, epoch)
            _validate_and_keep(stack, [folds[n] for n in members], trained, model)
            for place, number in enumerate(members):
                metrics, diverged = trained[place]
                fold, state = folds[number], folds[number].state
                if diverged:
                    state.diverged, state.diverged_in = diverged, epoch
                    save_divergence(fold.job.folder / "state", state)
                    log.warning("fold %d: %s", fold.job.fold, diverged)
                    continue
                state.history.append(metrics)
                save_state(fold.job.folder / "state", stack.state_of(place), state)
                drop_other_states(fold.job.folder)
                logs[number].add(metrics)
                report(number, state.epoch, describe(metrics))
            epoch += 1
    for fold in folds:
        place_best_weights(fold.job.folder, fold.state, fold.job.settings.optimisation.select)
    return [fold.state for fold in folds]


def _log_of(fold: FoldInTraining) -> EpochLog:
    return EpochLog(fold.job.folder, fold.state.history, fold.job.settings.run.track)


def _validate_and_keep(
    stack: FoldStack,
    folds: Sequence[FoldInTraining],
    trained: Sequence[tuple[EpochMetrics, str]],
    model: NoduleCLIP,
) -> None:
    """Add to each fold's metrics what its validation gives, and save its weights where they are the best yet."""
    with stack.scoring():
        validated = validate(stack.jobs, stack.network)
        for place, (fold, (metrics, diverged)) in enumerate(zip(folds, trained, strict=True)):
            if diverged:
                continue
            metrics |= validated[place]
            if take_values(fold.state, metrics):
                stack.network.parameters.give(place, model)
                keep_weights(fold.job.folder, model, fold.state.epoch)


def train_epoch(stack: FoldStack, epoch: int) -> list[tuple[EpochMetrics, str]]:
    """One pass of as many draws as each fold has training nodules; nothing is waited for until its end.

    Returns:
        For each fold mean losses and the AUROC of the images' classifier, and why its training must stop, or an
        empty text.
    """
    batches = EpochBatches(stack.jobs, epoch)
    found = []
    norms: list[list[Tensor]] = [[] for _ in stack.jobs]
    for step in range(batches.steps):
        found.append(stack.step(batches[step], epoch, step))
        moved = stack.move(np.flatnonzero(batches.moves[:, step]).tolist(), epoch, step)
        for fold, norm in moved.items():
            norms[fold].append(norm)
    values, labels = torch.stack(found).cpu(), batches.labels.cpu()
    of_moves = _metrics_of_moves(stack, epoch, norms)
    results = []
    for fold, counts in enumerate(batches.counts):
        metrics, diverged = _epoch_metrics(values[:, fold], labels[:, fold], counts, epoch)
        results.append((metrics if diverged else metrics | of_moves[fold], diverged))
    return results


def _metrics_of_moves(stack: FoldStack, epoch: int, norms: Sequence[Sequence[Tensor]]) -> list[EpochMetrics]:
    """Of each fold the mean norm of its gradients before they were shortened, and the last learning rate."""
    own = stack.settings.optimisation
    metrics: list[EpochMetrics] = [{} for _ in stack.jobs]
    if own.max_grad_norm is not None:
        means = torch.stack([torch.stack(list(of_fold)).mean() for of_fold in norms]).tolist()
        for fold, mean in enumerate(means):
            metrics[fold]["train_grad_norm"] = mean
    if is_scheduled(own):
        for fold, job in enumerate(stack.jobs):
            metrics[fold]["train_learning_rate"] = stack.rate_of(fold, epoch, (job.moves - 1) * own.accumulate)
    return metrics


def _epoch_metrics(values: Tensor, labels: Tensor, counts: np.ndarray, epoch: int) -> tuple[EpochMetrics, str]:
    """One fold's metrics from the values ``[steps, 2 + 2 n]`` of its steps."""
    steps = int((counts > 0).sum())
    losses = values[:steps, :2].double().numpy()
    wrong = np.flatnonzero(~np.isfinite(losses).all(1))
    if len(wrong):
        parts = f"contrastive {losses[wrong[0], 0]}, prediction {losses[wrong[0], 1]}"
        what = f"loss is not finite in epoch {epoch + 1}, step {wrong[0] + 1} ({parts})"
        return {}, f"{what}; lower the learning rate, or use precision fp32"
    clip, pred = (losses * counts[:steps, None]).sum(0) / counts.sum()
    logits = values[:steps, 2:].reshape(steps, -1, 2)
    there = torch.arange(logits.shape[1]) < torch.from_numpy(counts[:steps]).unsqueeze(1)
    score = auroc_of_logits(labels[:steps][there], logits[there])
    return {"train_loss": clip + pred, "train_clip": clip, "train_pred": pred, "train_auroc_image": score}, ""


def _resumed(jobs: Sequence[FoldJob], starts: Sequence[dict[str, Tensor]]) -> list[FoldInTraining]:
    """The folds as their newest whole states have them.

    Where a run was killed while an epoch was being saved, or a state is damaged, some folds are an epoch ahead:
    they go back, so that the stack is again what it was.
    """
    folds = [_resumed_fold(job, start) for job, start in zip(jobs, starts, strict=True)]
    while True:
        behind = [fold.state.epoch for fold in folds if fold.goes_on]
        ahead = [n for n, fold in enumerate(folds) if behind and fold.state.epoch > min(behind)]
        if not ahead:
            return folds
        for n in ahead:
            folds[n] = _resumed_fold(jobs[n], starts[n], folds[n].state.epoch - 1)


def _resumed_fold(job: FoldJob, start: dict[str, Tensor], newest: int | None = None) -> FoldInTraining:
    found = load_state(job.folder / "state", newest)
    fresh = new_state(job.settings, with_auroc=job.data.validates_both_classes(job.fold))
    state, tensors = (fresh, start) if found is None else found
    state.take_divergence(job.folder / "state")
    return FoldInTraining(job, state, tensors)


def _stacked(folds: Sequence[FoldInTraining], model: NoduleCLIP) -> FoldStack:
    stack = FoldStack(model, [fold.job for fold in folds])
    for place, fold in enumerate(folds):
        stack.restore(place, fold.tensors)
        fold.tensors = {}
    return stack


def _unstack(stack: FoldStack | None, folds: Sequence[FoldInTraining]) -> None:
    for place, fold in enumerate(folds):
        if stack is not None:
            fold.tensors = stack.state_of(place)
