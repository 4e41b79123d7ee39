"""How a fold's weights move: its AdamW, and the learning rate of each of its moves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from clip_nodule.runs.setting_parts import OptimisationSettings


def new_optimizer(parameters: Mapping[str, Tensor], own: OptimisationSettings) -> torch.optim.AdamW:
    """AdamW over a fold's parameters, which let go of their weights as the settings say.

    Args:
        parameters: By name, each with its gradient; of one fold, without an axis of folds.
        own: The settings.
    """
    tensors = list(parameters.values())
    groups = [{"params": tensors}]
    if own.decayed == "matrices":
        matrices = [tensor for tensor in tensors if tensor.dim() >= 2]
        vectors = [tensor for tensor in tensors if tensor.dim() < 2]
        groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]  # type: ignore[dict-item]
        groups = [group for group in groups if group["params"]]
    return torch.optim.AdamW(groups, lr=own.learning_rate, weight_decay=own.weight_decay, fused=True)


@torch.no_grad()
def shorten(gradients: Sequence[Tensor], longest: float) -> Tensor:
    """Shorten a fold's gradients together to a norm, where it is longer, as PyTorch's ``clip_grad_norm_`` does.

    Nothing is waited for, nor copied between devices.

    Args:
        gradients: Of all that learns; changed in place.
        longest: The norm.

    Returns:
        The norm that they had.
    """
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(list(gradients))))
    torch._foreach_mul_(list(gradients), (longest / (norm + 1e-6)).clamp(max=1.0))
    return norm


def is_scheduled(own: OptimisationSettings) -> bool:
    """Whether the learning rate is not the same in every move."""
    return own.schedule != "constant" or own.lr_warmup > 0


def learning_rate(own: OptimisationSettings, move: int, per_epoch: int) -> float:
    """The learning rate of a move, as open_clip has it: a straight rise, then what the schedule says.

    Args:
        own: The settings.
        move: Number of the move since training began, from 0.
        per_epoch: Moves an epoch.
    """
    rising = round(own.lr_warmup * per_epoch)
    if move < rising:
        return own.learning_rate * (move + 1) / rising
    if own.schedule == "constant":
        return own.learning_rate
    done = (move - rising) / (own.epochs * per_epoch - rising)
    return own.learning_rate * (own.lr_end + (1 - own.lr_end) * (1 + math.cos(math.pi * done)) / 2)
