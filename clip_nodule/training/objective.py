"""What training minimises: the contrastive loss, the cross-entropies, and their weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clip_nodule.network.losses import contrastive_loss, prediction_loss
from clip_nodule.network.model import Output
from clip_nodule.runs.settings import LossSettings


@dataclass
class Losses:
    """The losses of a batch or an epoch: contrastive, prediction, and their sum."""

    clip: Tensor
    pred: Tensor

    @property
    def both(self) -> Tensor:
        """Their sum."""
        return self.clip + self.pred


def batch_losses(
    output: Output,
    labels: Tensor,
    settings: LossSettings,
    class_weights: Tensor | None = None,
    groups_of: int | None = None,
) -> Losses:
    """The weighted losses of the paper: contrastive, and the mean of the two cross-entropies.

    Args:
        output: What the network gave.
        labels: ``[n]`` 0, 1 or missing.
        settings: Weights and smoothing.
        class_weights: ``[2]`` of the cross-entropies, or None for equal ones.
        groups_of: Take the contrastive loss within consecutive groups of this size.
    """
    pred = settings.image_weight * prediction_loss(output.image_logits, labels, class_weights)
    clip = pred.new_zeros(())
    if output.text_logits is not None and output.similarity is not None:
        pred = (pred + settings.text_weight * prediction_loss(output.text_logits, labels, class_weights)) / 2
        size = groups_of or len(labels)
        blocks = [slice(start, start + size) for start in range(0, len(labels), size)]
        sums = [
            contrastive_loss(output.similarity[block, block], settings.smoothing) * len(labels[block])
            for block in blocks
        ]
        clip = settings.clip_weight * torch.stack(sums).sum() / len(labels)
    return Losses(clip, pred)
