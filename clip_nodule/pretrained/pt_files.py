"""Files of ``torch.save``, read in a limited process with PyTorch's restricted unpickler, which runs no code."""

from __future__ import annotations

import re
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from safetensors.torch import load_file
from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.formats.opening import opened, refusing, require_regular
from benchmark.imaging.scans.scan_limits import bytes_on_disk, lost_scan, unforeseen
from benchmark.work import KeptProcess, Lost, TaskLimits
from clip_nodule.pretrained.tensor_files import LARGEST, require_arrays, save_tensors

T = TypeVar("T")
_AGAIN = "get it again from its source"
MOST_GROWTH = 20
"""An archive that unpacks to more than this many times its size is refused."""
CONVERT = (
    'give open_clip_model.safetensors or a safetensors file made where you trust the archive: python -c "import'
    " sys, torch; from safetensors.torch import save_file; save_file({k: v.contiguous() for k, v in"
    " torch.jit.load(sys.argv[1], 'cpu').state_dict().items()}, sys.argv[2])\" FILE.pt FILE.safetensors"
)
"""How to turn a TorchScript archive into a file that holds tensors alone."""
MEMORY = 1_500_000_000
"""Bytes that reading a file of any size may take: a crop of 100³ doubles has 8 MB."""
MEMORY_PER_BYTE = 5
"""Bytes more for each on the disk: its tensors are held as they are read, copied, and written once more."""
SECONDS = 20
"""Of processor time for a file of any size."""
BYTES_PER_SECOND = 20_000_000
"""On the disk that are given one second more; checksums take 1 s for 1 GB, packed archives 5 s."""


@dataclass(frozen=True)
class _Reading:
    """What to read, and how."""

    read: Callable[[Path], Any]
    path: Path


@dataclass(frozen=True)
class _Read:
    """What the limited process answers."""

    value: Any = None
    problems: tuple[Problem, ...] = ()


def read_apart(read: Callable[[Path], T], path: Path) -> T:
    """What a reader makes of a file, in a process of its own that is held to limits.

    Args:
        read: Takes the path; it and what it returns are picklable.
        path: The file.

    Raises:
        InputError: The reader raised one, went beyond its limits, or ended its process.
    """
    reading = _Reading(read, path)
    answer = _PROCESS(reading)
    if isinstance(answer, Lost):
        raise InputError(lost_scan(answer, _limits(reading), path))
    if answer.problems:
        raise InputError(answer.problems)
    return cast(T, answer.value)


def read_tensors_apart(read: Callable[[Path], dict[str, Tensor]], path: Path) -> dict[str, Tensor]:
    """As ``read_apart`` with a reader of tensors by name, which come back through a safetensors file.

    Raises:
        InputError: As there; or a tensor is no plain array of real numbers.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        target = Path(folder) / "tensors"
        names = read_apart(partial(_save, read, target), path)
        tensors = load_file(target)
        return {name: tensors[str(number)] for number, name in enumerate(names)}


def _save(read: Callable[[Path], dict[str, Tensor]], target: Path, path: Path) -> list[str]:
    tensors = read(path)
    require_arrays(tensors, path)
    save_tensors({str(number): tensor for number, tensor in enumerate(tensors.values())}, target)
    return list(tensors)


def _read_here(reading: _Reading) -> _Read:
    torch.set_num_threads(1)  # each more reserves memory
    try:
        return _Read(reading.read(reading.path))
    except InputError as error:
        return _Read(problems=tuple(error.problems))
    except RuntimeError as error:
        if "can't allocate memory" in str(error):
            raise MemoryError from error
        return _Read(problems=(unforeseen(error, reading.path),))
    except (MemoryError, OSError):
        raise
    except Exception as error:
        return _Read(problems=(unforeseen(error, reading.path),))


def _limits(reading: _Reading) -> TaskLimits:
    size = bytes_on_disk(reading.path)
    return TaskLimits(MEMORY + MEMORY_PER_BYTE * size, SECONDS + size // BYTES_PER_SECOND)


_PROCESS = KeptProcess(_read_here, _limits)


def read_pt(path: Path, largest: int = LARGEST, kind: str = "network") -> Any:  # noqa: ANN401
    """Read a file of ``torch.save`` with PyTorch's restricted unpickler, which makes tensors and runs no code.

    Nothing but what is given to ``read_apart`` calls it: a file can take all memory, or end its process.

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
