"""Weights on disk: PEFT's adapter folder and safetensors, hashed, replaced atomically, never unpickled."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel, get_peft_model_state_dict
from torch import Tensor, nn

from benchmark.errors import InputError, Problem
from benchmark.files import flush, sha256, temporary_folder, write_text
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.pretrained.tensor_files import read_tensors, save_tensors

ADAPTER, HEADS, BACKBONE, LISTING = "adapter", "heads.safetensors", "backbone.safetensors", "weights.json"
ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder beside ``folder`` that takes its place, whole, on success.

    Folders cannot be exchanged in one step everywhere: an old one is moved aside first, and is there again if the
    new one cannot come.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = temporary_folder(folder, folder.parent), None
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o777 & ~umask)
        for path in (*temporary.rglob("*"), temporary):
            flush(path)
        if folder.exists():
            old = temporary_folder(folder, folder.parent)
            folder.replace(old)
        try:
            temporary.replace(folder)
        except OSError:
            if old is not None:
                old.replace(folder)
            raise
        flush(folder.parent)
    finally:
        for left in (temporary, old):
            if left is not None:
                shutil.rmtree(left, ignore_errors=True)


def save_weights(model: NoduleCLIP, folder: Path) -> None:
    """Write what was learned to a new folder: the adapter or the whole backbone if trained, the heads, a listing.

    Args:
        model: The network.
        folder: Where to; replaced as a whole.
    """
    with replacing_folder(folder) as temporary:
        write_weights(model, temporary)


def write_weights(model: NoduleCLIP, folder: Path) -> None:
    """Like ``save_weights``, into a folder that is there."""
    save_tensors(dict(model.heads()), folder / HEADS)
    if isinstance(model.backbone, PeftModel):
        adapter = folder / ADAPTER
        adapter.mkdir()
        config = model.backbone.peft_config["default"]
        inference, config.inference_mode = config.inference_mode, True
        (adapter / ADAPTER_CONFIG).write_text(
            json.dumps(_plain(config.to_dict()), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        config.inference_mode = inference
        save_tensors(get_peft_model_state_dict(model.backbone), adapter / ADAPTER_WEIGHTS)
    elif any(parameter.requires_grad for parameter in model.backbone.parameters()):
        save_tensors(model.backbone.state_dict(), folder / BACKBONE)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    write_text(folder / LISTING, json.dumps({"sha256": hashes}, indent=2, sort_keys=True) + "\n")


def check_weights(folder: Path) -> None:
    """Compare every file of a weights folder with its listing.

    Raises:
        InputError: Names every file that is missing or differs.
    """
    listing = folder / LISTING
    try:
        hashes = json.loads(listing.read_text(encoding="utf-8"))["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(Problem("has no list of its weights", "train or copy this fold again", folder)) from error
    problems = []
    for name, expected in hashes.items():
        path = folder / name
        if not path.is_file():
            problems.append(Problem("is missing", "copy the run folder again", path))
        elif sha256(path) != expected:
            problems.append(Problem("differs from what was written", "copy the run folder again", path))
    if problems:
        raise InputError(problems)


def load_into(module: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str], path: Path) -> None:
    """Copy tensors into a module; all that is missing, extra or of another shape is reported at once.

    Args:
        module: Where to.
        tensors: What the file holds.
        names: The module's name of each tensor, by the file's name.
        path: The file, for messages.
    """
    own: dict[str, Tensor] = dict(module.named_parameters()) | dict(module.named_buffers())
    problems = [Problem("is missing", file=path, column=name) for name in names if name not in tensors]
    problems += [Problem("is not expected", file=path, column=name) for name in tensors if name not in names]
    for name in names.keys() & tensors.keys():
        there, wanted = tuple(tensors[name].shape), tuple(own[names[name]].shape)
        if there != wanted:
            problems.append(Problem(f"has shape {there}, not {wanted}", file=path, column=name))
    if problems:
        raise InputError(problems)
    with torch.no_grad():
        for name, target in names.items():
            own[target].copy_(tensors[name])


def load_heads(model: NoduleCLIP, path: Path) -> None:
    """Load ``heads.safetensors`` into a model."""
    load_into(model, read_tensors(path), {name: name for name in model.heads()}, path)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Sets, tuples and enumerations as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return cast(Any, getattr(value, "value", value))
