"""Files of tensors, read without running anything that they hold."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import opened, refusing, require_regular

KINDS = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")
"""Numbers of safetensors files that are read."""
LARGEST = 8 << 30
"""Bytes of a file of tensors beyond which it is refused unread: a CLIP has 0.5 to 4 GB."""
_AGAIN = "get it again from its source"
MOST_GROWTH = 20
"""An archive that unpacks to more than this many times its size is refused."""
CONVERT = (
    'give open_clip_model.safetensors or a safetensors file made where you trust the archive: python -c "import'
    " sys, torch; from safetensors.torch import save_file; save_file({k: v.contiguous() for k, v in"
    " torch.jit.load(sys.argv[1], 'cpu').state_dict().items()}, sys.argv[2])\" FILE.pt FILE.safetensors"
)
"""How to turn a TorchScript archive into a file that holds tensors alone."""


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


def read_pt(path: Path, largest: int = LARGEST, kind: str = "network") -> Any:  # noqa: ANN401
    """Read a file of ``torch.save`` with PyTorch's restricted unpickler, which makes tensors and runs no code.

    Args:
        path: The file.
        largest: Bytes beyond which it is refused, as it is or once unpacked.
        kind: What it should hold, for messages.

    Raises:
        InputError: It is too large, cut short, a TorchScript archive, or holds more than plain values and tensors.
    """
    require_regular(path)
    if path.stat().st_size > largest:
        what = f"is larger than {_size(largest)}, more than a {kind} can hold"
        raise InputError(Problem(what, "this is not the file that is meant", path))
    _check_archive(path, largest, kind)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns of what it then refuses
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged or hostile file makes the unpickler raise anything
        what = "is refused: it is damaged, or holds more than tensors and would have to run code"
        what += f" ({_cause(error)}); it cannot be loaded without running its code"
        fix = f"never load it with weights_only=False; {_AGAIN}"
        raise InputError(Problem(what, fix, path)) from error


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


def _size(count: int) -> str:
    return f"{count >> 30} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


def _cause(error: Exception) -> str:
    """What PyTorch says, without its advice to load the file in a way that runs its code."""
    text = str(error).strip()
    named = re.search(r"GLOBAL ([\w.]+)|global: (?:GLOBAL )?([\w.]+)", text)
    if named:
        return f"it asks for {named.group(1) or named.group(2)}"
    return re.split(r"\n|\. ", text)[0][:200] if text else type(error).__name__


def _check_archive(path: Path, largest: int, kind: str) -> None:
    """Refuse archives that were cut short or damaged, or would unpack to far more than they hold."""
    with refusing(path, "is refused: it is damaged", "copy it again"):
        with opened(path) as stream:
            begins = stream.read(2) == b"PK"
        if not zipfile.is_zipfile(path):
            if begins:
                what = "is refused: it is cut short, the archive's end is missing"
                raise InputError(Problem(what, "copy it again", path))
            return
        with zipfile.ZipFile(path) as archive:
            _require_tensors(archive, path, largest, kind)
            damaged = archive.testzip()  # PyTorch does not look at the checksums
    if damaged is not None:
        what = f"is refused: it is damaged, {damaged[:80]} does not fit its checksum"
        raise InputError(Problem(what, "copy it again", path))


def _require_tensors(archive: zipfile.ZipFile, path: Path, largest: int, kind: str) -> None:
    """Refuse an archive that unpacks to too much, or that holds code beside its tensors."""
    unpacked = sum(item.file_size for item in archive.infolist())
    if unpacked > largest:
        what = f"is refused: it unpacks to more than {_size(largest)}, more than a {kind} can hold"
        raise InputError(Problem(what, "", path))
    if unpacked > max(MOST_GROWTH * path.stat().st_size, 1 << 20):  # PyTorch itself never compresses
        what = f"is refused: it unpacks to more than {MOST_GROWTH} times its size"
        raise InputError(Problem(what, _AGAIN, path))
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in archive.namelist()):
        what = "is refused: it is a TorchScript archive, which holds code beside its tensors"
        raise InputError(Problem(what, CONVERT, path))
