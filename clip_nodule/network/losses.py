"""The three losses: symmetric InfoNCE between images and texts, and cross-entropy on each."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MISSING = -1
"""Label of a nodule whose outcome is not known."""


def contrastive_loss(logits: Tensor, smoothing: float = 0.1) -> Tensor:
    """Symmetric InfoNCE with label smoothing (equation 1 of the paper; its code smooths by 0.1).

    Args:
        logits: ``[n, n]`` scaled cosines, images by texts; pairs stand on the diagonal.
        smoothing: Share of the target spread evenly over all ``n``.
    """
    targets = torch.arange(len(logits), device=logits.device)
    rows = functional.cross_entropy(logits, targets, label_smoothing=smoothing)
    columns = functional.cross_entropy(logits.t(), targets, label_smoothing=smoothing)
    return (rows + columns) / 2


def prediction_loss(logits: Tensor, labels: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Cross-entropy over the nodules that have a label; 0 if none has.

    Args:
        logits: ``[n, 2]``.
        labels: ``[n]`` 0, 1 or ``MISSING``.
        class_weights: ``[2]``; the loss is then the weighted mean, as in ``torch.nn.CrossEntropyLoss``.
    """
    known = labels != MISSING
    if not known.any():
        return logits.sum() * 0.0
    return functional.cross_entropy(logits[known], labels[known], weight=class_weights)
