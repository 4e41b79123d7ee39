"""Where a network computes, and in which arithmetic."""

from __future__ import annotations

import torch

from benchmark.errors import InputError, Problem
from clip_nodule.network.model import NoduleCLIP


def set_precision(model: NoduleCLIP, precision: str, device: torch.device) -> None:
    """Choose the encoders' arithmetic: ``fp32``, ``bf16``, or ``auto`` for bf16 where the device has it."""
    use = precision == "bf16" or (precision == "auto" and has_bf16(device))
    model.precision = torch.bfloat16 if use else None


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def choose_device(name: str) -> torch.device:
    """``auto``, ``cpu`` or ``cuda`` as a device.

    Raises:
        InputError: CUDA is asked for and there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(Problem("is no device", "give auto, cpu or cuda", column="device", value=name))
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError(Problem("there is no CUDA device here", "use --device cpu or auto", column="device"))
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")
