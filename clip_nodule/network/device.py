"""Where a network computes, in which arithmetic, and what is claimed of it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

from benchmark.errors import BenchError, InputError, Problem
from clip_nodule.network.model import NoduleCLIP

Arithmetic = Literal["fp32", "bf16"]
DEVICE = re.compile(r"auto|cpu|cuda(:\d{1,4})?")
_WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"
_SAME_BITS = (":4096:8", ":16:8")
"""Workspaces with which cuBLAS gives the same bits every time, by its documentation."""
_EXHAUSTED = re.compile(r"CUDA out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)


def set_precision(model: NoduleCLIP, precision: str, device: torch.device) -> None:
    """Choose the encoders' arithmetic: ``fp32``, ``bf16``, or ``auto`` for bf16 where the device has it.

    On a GPU fp32 is fp32: convolutions and products of matrices alike leave TF32, which rounds to 10 bits, alone.
    (PyTorch's own setting rounds in convolutions and not in products.)
    """
    model.precision = torch.bfloat16 if resolved_precision(precision, device) == "bf16" else None
    if device.type == "cuda":
        torch.backends.cuda.matmul.fp32_precision = "ieee"
        torch.backends.cudnn.conv.fp32_precision = "ieee"  # type: ignore[attr-defined]


def resolved_precision(precision: str, device: torch.device) -> Arithmetic:
    """What ``auto`` stands for on a device; ``fp32`` and ``bf16`` are themselves."""
    return "bf16" if precision == "bf16" or (precision == "auto" and has_bf16(device)) else "fp32"


def has_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bf16 matrices in hardware."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def choose_device(name: str) -> torch.device:
    """``auto``, ``cpu``, ``cuda`` or one of several cards, ``cuda:1``, as a device.

    Raises:
        InputError: CUDA is asked for and there is none, or no card of that number.
    """
    if not DEVICE.fullmatch(name):
        fix = "give auto, cpu, cuda, or a card's number as cuda:0, cuda:1, ..."
        raise InputError(Problem("is no device", fix, column="device", value=name))
    there = torch.cuda.is_available()
    if name.startswith("cuda") and not there:
        raise InputError(Problem("there is no CUDA device here", "use --device cpu or auto", column="device"))
    if ":" in name and int(name.partition(":")[2]) >= (count := torch.cuda.device_count()):
        fix = "give cuda" if count == 1 else f"give one of cuda:0 to cuda:{count - 1}"
        raise InputError(Problem(f"there are {count} CUDA devices here", fix, column="device", value=name))
    if name == "auto":
        return torch.device("cuda" if there else "cpu")
    return torch.device(name)


def describe_device(device: torch.device) -> str:
    """The card's name, or what the processor computes with: for a record."""
    if device.type == "cuda":
        return str(torch.cuda.get_device_name(device))
    return f"CPU, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"


def devices_for_folds(device: torch.device, folds: int) -> list[torch.device]:
    """Where each fold runs: in turn on every card there is, or all on the one that was asked for by its number."""
    cards = torch.cuda.device_count() if device.type == "cuda" and device.index is None else 1
    if cards < 2:
        return [device] * folds
    return [torch.device("cuda", fold % cards) for fold in range(folds)]


@contextmanager
def deterministic(device: torch.device) -> Iterator[str]:
    """Let the same work give the same bits every time, as far as the device can.

    Enter it before anything is computed on the device: cuBLAS reads its workspace's size once.

    Args:
        device: Where the block computes.

    Yields:
        Why no equality of bits is claimed; empty where it is.
    """
    if device.type != "cuda":
        yield ""
        return
    begun = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    late = begun and _WORKSPACE not in os.environ
    before = os.environ.setdefault(_WORKSPACE, _SAME_BITS[0])
    was, warned = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filled = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(mode=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield _why_no_claim(before, late=late)
    finally:
        torch.use_deterministic_algorithms(was, warn_only=warned)
        torch.utils.deterministic.fill_uninitialized_memory = filled  # type: ignore[attr-defined]


def _why_no_claim(workspace: str, *, late: bool) -> str:
    if workspace not in _SAME_BITS:
        return f"{_WORKSPACE} is {workspace}: cuBLAS may add up in another order, and equal bits are not claimed"
    if late:
        return f"the GPU was in use before {_WORKSPACE} was set: equal bits are not claimed"
    return ""


@contextmanager
def out_of_memory(device: torch.device, fix: str) -> Iterator[None]:
    """Turn the want of a GPU's memory into an error that says what to lower.

    Args:
        device: Where the block computes.
        fix: What to lower, e.g. ``lower --batch-size``.

    Raises:
        BenchError: The block wanted more memory than the GPU has left.
    """
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and not _EXHAUSTED.search(str(error)):
            raise
        said = str(error).strip().partition("\n")[0]
        what = f"{describe_device(device)} has too little memory left ({said})"
        raise BenchError(f"{what} — {fix}, or close what else uses the card") from error
