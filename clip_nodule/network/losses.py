"""The three losses: symmetric InfoNCE between images and texts, and cross-entropy on each.

Both take batches of one fold or, with a leading axis, of several, and have a fixed shape whatever is missing, so
that no value has to be known before the next operation is begun.
"""

from __future__ import annotations

import torch
from torch import Tensor

MISSING = -1
"""Label of a nodule whose outcome is not known."""
_NOTHING = -1e4
"""In the place of the logit of what is not there; its share underflows to 0."""


def contrastive_loss(logits: Tensor, smoothing: float = 0.1, present: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE with label smoothing (equation 1 of the paper; its code smooths by 0.1).

    Args:
        logits: ``[..., n, n]`` scaled cosines, images by texts; pairs stand on the diagonal.
        smoothing: Share of the target spread evenly over all pairs.
        present: ``[..., n]`` which pairs there are; None for all.

    Returns:
        ``[...]``; 0 where no pair is there.
    """
    if present is not None:
        both = present.unsqueeze(-1) & present.unsqueeze(-2)
        logits = logits.masked_fill(~both, _NOTHING)
    # log-shares of texts for an image and of images for a text, added up
    shares = logits.log_softmax(-1) + logits.log_softmax(-2)
    if present is None:
        pairs: Tensor | int = logits.shape[-1]
    else:
        shares = shares.masked_fill(~both, 0.0)
        pairs = present.sum(-1).clamp_min(1)
    right = shares.diagonal(dim1=-2, dim2=-1).sum(-1)
    return -((1 - smoothing) * right + smoothing * shares.sum((-2, -1)) / pairs) / (2 * pairs)


def prediction_loss(logits: Tensor, labels: Tensor, class_weights: Tensor | None = None) -> Tensor:
    """Cross-entropy over the nodules that have a label; 0 if none has.

    Args:
        logits: ``[..., n, 2]``.
        labels: ``[..., n]`` 0, 1 or ``MISSING``.
        class_weights: ``[..., 2]``; the loss is then the weighted mean, as in ``torch.nn.CrossEntropyLoss``.

    Returns:
        ``[...]``.
    """
    known, places = labels != MISSING, labels.clamp_min(0)
    weights = known.to(logits.dtype)
    if class_weights is not None:
        weights = weights * class_weights.gather(-1, places)
    shares = logits.log_softmax(-1)
    each = -torch.where(places == 1, shares[..., 1], shares[..., 0])
    return (weights * each).sum(-1) / weights.sum(-1).clamp_min(torch.finfo(logits.dtype).tiny)
