"""What of a model learns."""

from __future__ import annotations

import re

from torch import nn


def count_parameters(model: nn.Module) -> tuple[int, int]:
    """Trainable parameters and all parameters."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.parameters()]
    return sum(size for size, trainable in sizes if trainable), sum(size for size, _ in sizes)


def adapted_layers(model: nn.Module) -> list[str]:
    """Names of the layers that carry an update, without PEFT's prefix and suffix."""
    names = (name for name, _ in model.named_parameters() if ".lora_A." in name)
    return sorted(re.sub(r"^base_model\.model\.|\.lora_A\..*$", "", name) for name in names)
