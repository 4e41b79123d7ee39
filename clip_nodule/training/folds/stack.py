"""Folds that are trained as one stack: their weights, optimizers and steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import cast

import torch
from torch import Tensor

from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.stacked.compiling import compiled, errors_of_the_compiler
from clip_nodule.network.stacked.network import Dropped, StackedNetwork
from clip_nodule.training.fold import FoldJob
from clip_nodule.training.folds.averages import WeightAverages
from clip_nodule.training.folds.batches import Batch
from clip_nodule.training.folds.graph import CapturedStep, captures
from clip_nodule.training.folds.moves import is_scheduled, learning_rate, new_optimizer, shorten
from clip_nodule.training.objective import batch_losses

WEIGHTS, AVERAGES = "model", "ema"
"""What weights and their moving averages are called on disk, before the parameter's name; AdamW's tensors are
called as it does."""


class FoldStack:
    """Several folds side by side, each with an AdamW of its own.

    Args:
        model: One fold's network, on its device, which lends what does not learn.
        jobs: The folds; they share settings, data and device.
        apart: See ``StackedNetwork``.

    Attributes:
        graph: Whether steps are launched as one CUDA graph.
        averages: Moving averages of the weights, where these are what scores.
    """

    def __init__(self, model: NoduleCLIP, jobs: Sequence[FoldJob], *, apart: bool = False) -> None:
        first = jobs[0]
        self.jobs, self.settings, self.encoded = jobs, first.settings, first.features is not None
        self.network = StackedNetwork(model, len(jobs), apart=apart)
        self._views = [self.network.parameters.of_fold(fold) for fold in range(len(jobs))]
        own = self.settings.optimisation
        self.optimizers: list[torch.optim.Optimizer] = [new_optimizer(views, own) for views in self._views]
        self.averages = WeightAverages(self.network.parameters, own.ema) if own.ema else None
        self._weights: Tensor | None = None
        if self.settings.losses.class_weights:
            weights = [job.data.class_weights(job.split[0]) for job in jobs]
            self._weights = torch.stack(weights).to(first.device)
        self.graph = self.settings.run.graph and captures(first.device) and not self.network.runs_apart
        self._captured: CapturedStep | None = None
        self._outputs = compiled(self.network.__call__) if self.settings.run.compile else self.network.__call__

    def step(self, batch: Batch, epoch: int, number: int) -> Tensor:
        """Add a step's gradients to those that are there.

        Args:
            batch: The step.
            epoch: Its epoch; with ``number`` it decides what each fold drops.
            number: Its number in the epoch.

        Returns:
            ``[folds, 2 + 2 n]``: contrastive loss, prediction loss, and the images' logits.
        """
        tokens = None if batch.texts is None else batch.texts.shape[-1]
        dropped = self.network.drawn(
            lambda fold: self.jobs[fold].seed_torch(epoch, number),
            batch.labels.shape[1], tokens, encoded=self.encoded,
        )  # fmt: skip
        with errors_of_the_compiler() if self.settings.run.compile else nullcontext():
            if not self.graph:
                return self._forward_backward(batch, dropped)
            if self._captured is None:
                self._captured = CapturedStep(self._forward_backward, batch, dropped)
                self.network.parameters.zero_gradients()
            return self._captured(batch, dropped)

    def _forward_backward(self, batch: Batch, dropped: Dropped) -> Tensor:
        """A function of its arguments and the weights alone, that waits for nothing."""
        output = self._outputs(batch.images, batch.texts, dropped, encoded=self.encoded)
        found = batch_losses(output, batch.labels, self.settings.losses, self._weights, present=batch.present)
        (found.both * batch.share).sum().backward()  # type: ignore[no-untyped-call]
        logits = output.image_logits.detach().flatten(1)
        return torch.cat([torch.stack([found.clip.detach(), found.pred.detach()], dim=1), logits], dim=1)

    def move(self, folds: Sequence[int], epoch: int = 0, number: int = 0) -> dict[int, Tensor]:
        """Let the weights of some folds take a step, and forget their gradients.

        Args:
            folds: Places of the folds.
            epoch: The epoch; with ``number`` it decides how far they go.
            number: Number of the step in the epoch after which they move.

        Returns:
            Norms of the folds' gradients, by place, where these are not to be longer than some norm.
        """
        own, norms = self.settings.optimisation, {}
        for fold in folds:
            if is_scheduled(own):
                rate = self.rate_of(fold, epoch, number)
                for group in self.optimizers[fold].param_groups:
                    group["lr"] = rate
            if own.max_grad_norm is not None:
                gradients = [cast(Tensor, view.grad) for view in self._views[fold].values()]
                norms[fold] = shorten(gradients, own.max_grad_norm)
            self.optimizers[fold].step()
        if len(folds) == len(self.optimizers):
            self.network.parameters.zero_gradients()
        else:
            for fold in folds:
                for view in self._views[fold].values():
                    cast(Tensor, view.grad).zero_()
        self.network.clamp_scale()
        if self.averages is not None:
            for fold in folds:
                self.averages.take(fold, first=not epoch and number < own.accumulate)
        return norms

    def scoring(self) -> AbstractContextManager[None]:
        """Inside, the network's weights are those that are validated and saved to score with."""
        return nullcontext() if self.averages is None else self.averages.in_place_of_the_weights()

    def rate_of(self, fold: int, epoch: int, number: int) -> float:
        """The learning rate of a fold's move after a step of an epoch."""
        own, per_epoch = self.settings.optimisation, self.jobs[fold].moves
        return learning_rate(own, epoch * per_epoch + number // own.accumulate, per_epoch)

    def state_of(self, fold: int) -> dict[str, Tensor]:
        """Weights, their averages and moments of a fold on the CPU, by the names that they have on disk."""
        parameters, views = self.network.parameters, self._views[fold]
        kinds: dict[str, dict[str, Tensor]] = {WEIGHTS: dict(views)}
        if self.averages is not None:
            kinds[AVERAGES] = self.averages.of_fold(fold)
        steps: dict[str, Tensor] = {}
        for leaf, view in views.items():
            for kind, value in self.optimizers[fold].state[view].items():
                if kind == "step":
                    steps[leaf] = torch.as_tensor(value).cpu()
                else:
                    kinds.setdefault(kind, {})[leaf] = value
        tensors = {
            f"{kind}/{name}": tensor.clone()
            for kind, leaves in kinds.items()
            for name, tensor in parameters.layout_of_fold(leaves).items()
        }
        pieces = parameters.layout.pieces.items()
        return tensors | {f"step/{name}": steps[piece.leaf].clone() for name, piece in pieces if steps}

    @torch.no_grad()
    def restore(self, fold: int, tensors: Mapping[str, Tensor]) -> None:
        """Take in what ``state_of`` gave, or what is on disk."""
        views, optimizer = self._views[fold], self.optimizers[fold]
        optimizer.state.clear()
        averages = {} if self.averages is None else self.averages.of_fold(fold)
        kinds = sorted({key.partition("/")[0] for key in tensors} - {WEIGHTS, AVERAGES})
        for name, piece in self.network.parameters.layout.pieces.items():
            view = views[piece.leaf]
            view[piece.index].copy_(tensors[f"{WEIGHTS}/{name}"])
            if averages:
                of_piece = tensors.get(f"{AVERAGES}/{name}", tensors[f"{WEIGHTS}/{name}"])
                averages[piece.leaf][piece.index].copy_(of_piece)
            for kind in kinds:
                if f"{kind}/{name}" not in tensors:
                    continue
                value, state = tensors[f"{kind}/{name}"], optimizer.state[view]
                if kind == "step":
                    state.setdefault(kind, value.clone().to(view.device))
                else:
                    state.setdefault(kind, torch.zeros_like(view))[piece.index].copy_(value)
