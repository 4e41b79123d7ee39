"""Files of tensors, read without running anything that they hold."""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.errors import InputError, Problem

KINDS = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")
"""Numbers of safetensors files that are read."""
LARGEST = 8 << 30
"""Bytes of a PyTorch file beyond which it is refused unread."""
CONVERT = (
    'give open_clip_model.safetensors or a safetensors file made where you trust the archive: python -c "import'
    " sys, torch; from safetensors.torch import save_file; save_file({k: v.contiguous() for k, v in"
    " torch.jit.load(sys.argv[1], 'cpu').state_dict().items()}, sys.argv[2])\" FILE.pt FILE.safetensors"
)
"""How to turn a TorchScript archive into a file that holds tensors alone."""


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write tensors as safetensors, on the CPU, without shared storage."""
    save_file({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}, path)


def read_tensors(path: Path, again: str = "copy or train it again") -> dict[str, Tensor]:
    """Read a safetensors file.

    Args:
        path: The file.
        again: What to do where it is damaged.

    Raises:
        InputError: It is missing, cut short, no safetensors file, or holds a value that is not finite.
    """
    read_shapes(path, again)
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise InputError(Problem(f"cannot be read: {error}", again, path)) from error
    _require_finite(tensors, path)
    return tensors


def read_shapes(path: Path, again: str = "copy or train it again") -> dict[str, tuple[int, ...]]:
    """Shapes of the tensors of a safetensors file by name; the tensors themselves stay unread.

    Raises:
        InputError: It is missing, cut short, no safetensors file, or has a tensor of no kind of ``KINDS``.
    """
    try:
        with safe_open(path, "pt") as file:
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            kinds = {name: part.get_dtype() for name, part in slices.items()}
            shapes = {name: tuple(map(int, part.get_shape())) for name, part in slices.items()}
    except (OSError, SafetensorError, ValueError) as error:
        raise InputError(Problem(f"cannot be read: {error}", again, path)) from error
    if bad := [name for name, kind in kinds.items() if kind not in KINDS]:
        raise InputError([Problem(f"has numbers of the kind {kinds[n]}", again, path, None, n) for n in bad])
    return shapes


def read_torch_file(path: Path) -> Any:  # noqa: ANN401
    """Read a file of ``torch.save`` with PyTorch's restricted unpickler, which makes tensors and runs no code.

    Raises:
        InputError: It is too large, cut short, a TorchScript archive, or holds more than plain values and tensors.
    """
    if path.stat().st_size > LARGEST:
        raise InputError(
            Problem(f"is larger than {LARGEST >> 30} GiB", "this is no checkpoint of such a network", path)
        )
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns of what it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except (
        pickle.UnpicklingError,
        RuntimeError,
        EOFError,
        OSError,
        ValueError,
        TypeError,
        KeyError,
        IndexError,
    ) as error:
        what = (
            f"is refused: it is damaged, or holds more than tensors and would have to run code ({_cause(error)})"
        )
        raise InputError(
            Problem(what, "never load it with weights_only=False; get it again from its source", path)
        ) from error


def require_plain(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse tensors that are no plain arrays of finite real numbers.

    Raises:
        InputError: Names all of them.
    """
    bad = [
        Problem(
            f"is no plain array of numbers ({tensor.dtype}, {tensor.layout}, {tensor.device})",
            "",
            path,
            None,
            name,
        )
        for name, tensor in tensors.items()
        if not tensor.is_floating_point() or tensor.layout != torch.strided or tensor.device.type != "cpu"
    ]
    if bad:
        raise InputError(bad)
    _require_finite(tensors, path)


def _require_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    bad = [
        Problem("holds values that are not finite", file=path, column=name)
        for name, tensor in tensors.items()
        if tensor.is_floating_point() and not torch.isfinite(tensor).all()
    ]
    if bad:
        raise InputError(bad)


def _cause(error: Exception) -> str:
    """What PyTorch says, without its advice to load the file in a way that runs its code."""
    text = str(error).strip()
    named = re.search(r"GLOBAL ([\w.]+)|global: (?:GLOBAL )?([\w.]+)", text)
    if named:
        return f"it asks for {named.group(1) or named.group(2)}"
    return re.split(r"\n|\. ", text)[0][:200] if text else type(error).__name__


def _check_archive(path: Path) -> None:
    """Refuse archives that were cut short or damaged, or would unpack to far more than they hold."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            if stream.read(2) == b"PK":
                raise InputError(
                    Problem("is refused: it is cut short, the archive's end is missing", "copy it again", path)
                )
        return
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(item.file_size for item in archive.infolist()) > LARGEST:
                raise InputError(Problem(f"is refused: it unpacks to more than {LARGEST >> 30} GiB", "", path))
            if any(name.endswith("/constants.pkl") or "/code/" in name for name in archive.namelist()):
                what = "is refused: it is a TorchScript archive, which holds code beside its tensors"
                raise InputError(Problem(what, CONVERT, path))
            damaged = archive.testzip()  # PyTorch does not look at the checksums
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise InputError(Problem(f"is refused: it is damaged ({error})", "copy it again", path)) from error
    if damaged is not None:
        raise InputError(
            Problem(f"is refused: it is damaged, {damaged} does not fit its checksum", "copy it again", path)
        )
