"""What training minimises: the contrastive loss, the cross-entropies, and their weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clip_nodule.network.losses import contrastive_loss, prediction_loss
from clip_nodule.network.model import Output
from clip_nodule.runs.setting_parts import LossSettings


@dataclass
class Losses:
    """The losses of a batch: contrastive, prediction, and their sum; of several folds ``[folds]`` each."""

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
    present: Tensor | None = None,
) -> Losses:
    """The weighted losses of the paper: contrastive, and the mean of the two cross-entropies.

    Args:
        output: What the network gave, of one fold or, with a leading axis, of several.
        labels: ``[..., n]`` 0, 1 or missing.
        settings: Weights and smoothing.
        class_weights: ``[..., 2]`` of the cross-entropies, or None for equal ones.
        groups_of: Take the contrastive loss within consecutive groups of this size.
        present: ``[..., n]`` which nodules there are, where batches are filled up; the others have no label.
    """
    pred = settings.image_weight * prediction_loss(output.image_logits, labels, class_weights)
    clip = torch.zeros_like(pred)
    if output.text_logits is not None and output.similarity is not None:
        pred = (pred + settings.text_weight * prediction_loss(output.text_logits, labels, class_weights)) / 2
        count = labels.shape[-1]
        size = groups_of or count
        blocks = [slice(start, start + size) for start in range(0, count, size)]
        sums = [
            contrastive_loss(
                output.similarity[..., block, block],
                settings.smoothing,
                None if present is None else present[..., block],
            )
            * labels[..., block].shape[-1]
            for block in blocks
        ]
        clip = settings.clip_weight * (sums[0] if len(sums) == 1 else torch.stack(sums).sum(0)) / count
    return Losses(clip, pred)
