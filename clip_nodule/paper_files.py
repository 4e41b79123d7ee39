"""The files of a checkpoint folder of the paper's code, read without running anything that they hold."""

from __future__ import annotations

import ast
import pickle
import re
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmark.errors import InputError, Problem

ARGS, WEIGHTS = "args.txt", "best_both.pt"
LARGEST = 8 << 30
"""Bytes of a weights file beyond which it is refused unread."""


def read_args(path: Path) -> dict[str, Any]:
    """Read ``args.txt``, the text of an ``argparse.Namespace``; only literals are taken, nothing is run.

    Raises:
        InputError: It is missing or something else.
    """
    try:
        text = path.read_text(encoding="utf-8").strip()
        call = ast.parse(text, mode="eval").body
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name) or call.func.id != "Namespace":
            raise ValueError("it is not the text of an argparse.Namespace")
        return {str(item.arg): _literal(item.value) for item in call.keywords}
    except FileNotFoundError as error:
        fix = "give the folder that holds args.txt and fold_0, fold_1, ..."
        raise InputError(Problem("does not exist", fix, path)) from error
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise InputError(Problem(f"cannot be read: {error}", file=path)) from error


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a fold's ``.pt`` with PyTorch's restricted unpickler, which makes tensors and runs no code.

    Raises:
        InputError: It is missing, too large, cut short, holds anything but tensors, or a value that is not finite.
    """
    if not path.is_file():
        raise InputError(Problem("does not exist", "copy the whole checkpoint folder", path))
    if path.stat().st_size > LARGEST:
        raise InputError(
            Problem(f"is larger than {LARGEST >> 30} GiB", "this is no checkpoint of the paper", path)
        )
    _check_archive(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch warns of what it then refuses
            content = torch.load(path, map_location="cpu", weights_only=True)
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
    tensors = content.get("model") if isinstance(content, dict) else None
    if not isinstance(tensors, Mapping) or not all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in tensors.items()
    ):
        raise InputError(
            Problem("holds no tensors under 'model'", "this is no checkpoint of the paper's code", path)
        )
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
    bad = [
        Problem("holds values that are not finite", file=path, column=name)
        for name, tensor in tensors.items()
        if not torch.isfinite(tensor).all()
    ]
    if bad:
        raise InputError(bad)
    return dict(tensors)


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
            damaged = archive.testzip()  # PyTorch does not look at the checksums
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise InputError(Problem(f"is refused: it is damaged ({error})", "copy it again", path)) from error
    if damaged is not None:
        raise InputError(
            Problem(f"is refused: it is damaged, {damaged} does not fit its checksum", "copy it again", path)
        )


def _literal(node: ast.expr) -> Any:  # noqa: ANN401
    """The value of a literal, or its source text where it is something else (a tensor, a device)."""
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)
