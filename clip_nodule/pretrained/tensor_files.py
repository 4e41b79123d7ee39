"""Files of tensors, read without running anything that they hold."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import refusing, require_regular

KINDS = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")
"""Numbers of safetensors files that are read."""
_DTYPES = (
    torch.float64, torch.float32, torch.float16, torch.bfloat16,
    torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool,
)  # fmt: skip
LARGEST = 8 << 30
"""Bytes of a file of tensors beyond which it is refused unread: a CLIP has 0.5 to 4 GB."""


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors, on the CPU, without shared storage.

    Raises:
        OSError: The disk took no more.
    """
    plain = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    try:
        save_file(plain, path)
    except SafetensorError as error:
        if (refused := re.search(r"os error (\d+)", str(error))) is None:
            raise
        number = int(refused[1])
        raise OSError(number, os.strerror(number), str(path)) from error


def read_safetensors(path: Path, again: str = "copy or train it again") -> dict[str, Tensor]:
    """Read a safetensors file.

    Args:
        path: The file.
        again: What to do where it is damaged.

    Raises:
        InputError: It is missing, cut short, too large, no safetensors file, or holds a value that is not finite.
    """
    read_shapes(path, again)
    with refusing(path, "cannot be read", again):
        tensors: dict[str, Tensor] = load_file(path)
        _require_finite(tensors, path)
    return tensors


def read_shapes(path: Path, again: str = "copy or train it again") -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a safetensors file by name; the tensors themselves stay unread.

    Raises:
        InputError: It is missing, cut short, no safetensors file, or has a tensor of no kind of ``KINDS``.
    """
    require_regular(path, LARGEST)
    with refusing(path, "cannot be read", again), safe_open(path, "pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
        kinds = {name: part.get_dtype() for name, part in slices.items()}
        shapes = {name: tuple(map(int, part.get_shape())) for name, part in slices.items()}
    if bad := [name for name, kind in kinds.items() if kind not in KINDS]:
        raise InputError([Problem(f"has numbers of the kind {kinds[n]}", again, path, None, n) for n in bad])
    return shapes


def require_plain(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are no plain arrays of finite real numbers.

    Raises:
        InputError: Names all of them.
    """
    bad = [name for name, tensor in tensors.items() if not tensor.is_floating_point() or not _is_array(tensor)]
    _refuse_kinds(bad, tensors, path)
    _require_finite(tensors, path)


def require_arrays(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that a safetensors file cannot hold: sparse, quantised, complex ones, and those without data.

    Raises:
        InputError: Names all of them.
    """
    _refuse_kinds([name for name, tensor in tensors.items() if not _is_array(tensor)], tensors, path)


def _is_array(tensor: Tensor) -> bool:
    return tensor.layout == torch.strided and tensor.device.type == "cpu" and tensor.dtype in _DTYPES


def _refuse_kinds(names: list[str], tensors: Mapping[str, Tensor], path: Path) -> None:
    kinds = {name: f"{tensor.dtype}, {tensor.layout}, {tensor.device}" for name, tensor in tensors.items()}
    if names:
        raise InputError([Problem(f"is no plain array of numbers ({kinds[n]})", "", path, None, n) for n in names])


def _require_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    bad = [
        Problem("holds values that are not finite", file=path, column=name)
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if bad:
        raise InputError(bad)
