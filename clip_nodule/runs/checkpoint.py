"""Weights on disk: PEFT's adapter folder and safetensors, hashed, replaced atomically, never unpickled."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import torch
from peft import PeftModel, get_peft_model_state_dict
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from benchmark.errors import InputError, Problem
from benchmark.files import flush, own_file, permissions, sha256, temporary_folder, write_text
from benchmark.formats.json import read_json
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.pretrained.tensor_files import read_safetensors, save_tensors
from clip_nodule.runs.run_folder import Sha256

ADAPTER, HEADS, BACKBONE, LISTING = "adapter", "heads.safetensors", "backbone.safetensors", "weights.json"
ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
OF_WEIGHTS = (HEADS, BACKBONE, f"{ADAPTER}/{ADAPTER_WEIGHTS}", f"{ADAPTER}/{ADAPTER_CONFIG}")
"""Every file that a fold's weights may consist of."""


class _Listing(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    sha256: dict[str, Sha256]


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
        temporary.chmod(permissions(folder=True))
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
            json.dumps(_as_json(config.to_dict()), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        config.inference_mode = inference
        save_tensors(get_peft_model_state_dict(model.backbone), adapter / ADAPTER_WEIGHTS)
    elif any(parameter.requires_grad for parameter in model.backbone.parameters()):
        save_tensors(model.backbone.state_dict(), folder / BACKBONE)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    hashes = {path.relative_to(folder).as_posix(): sha256(path) for path in files}
    write_text(folder / LISTING, json.dumps({"sha256": hashes}, indent=2, sort_keys=True) + "\n")


def check_weights(folder: Path) -> set[str]:
    """Compare every file of a weights folder with its listing.

    Returns:
        Names of the files, of ``OF_WEIGHTS``.

    Raises:
        InputError: Names every file that is missing, differs, leads out of the folder, is listed and is none of a
            fold's weights, or is there and is not listed.
    """
    path = own_file(folder, LISTING, "train or copy this fold again")
    try:
        hashes = _Listing.model_validate(read_json(path)).sha256
    except (InputError, OSError, ValidationError) as error:
        raise InputError(Problem("has no list of its weights", "train or copy this fold again", folder)) from error
    fix, listing = "copy the run folder again", folder / LISTING
    problems = [
        Problem("is none of a fold's weights", fix, listing, None, None, name[:200])
        for name in hashes
        if name not in OF_WEIGHTS
    ]
    if HEADS not in hashes:
        problems.append(Problem(f"does not list {HEADS}", fix, listing))
    there = [*folder.glob("*.safetensors"), *(folder / ADAPTER).glob("*")]
    named = {path.relative_to(folder).as_posix(): path for path in sorted(there)}
    problems += [Problem("is not listed", fix, path) for name, path in named.items() if name not in hashes]
    for name in [name for name in hashes if name in OF_WEIGHTS]:
        try:
            if sha256(own_file(folder, name, fix)) != hashes[name]:
                problems.append(Problem("differs from what was written", fix, folder / name))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return set(hashes)


def require_shapes(
    there: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]], path: Path
) -> None:
    """Refuse a file whose tensors are not those that are wanted, before memory is taken for any.

    Args:
        there: Shapes by name, of the file.
        wanted: Shapes by name.
        path: The file, for messages.

    Raises:
        InputError: Names all that are missing, extra or of another shape.
    """
    problems = [Problem("is missing", file=path, column=name) for name in wanted if name not in there]
    problems += [Problem("is not expected", file=path, column=name) for name in there if name not in wanted]
    problems += [
        Problem(f"has shape {there[name]}, not {wanted[name]}", file=path, column=name)
        for name in wanted
        if name in there and there[name] != wanted[name]
    ]
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
    require_shapes(
        {name: tuple(tensor.shape) for name, tensor in tensors.items()},
        {name: tuple(own[target].shape) for name, target in names.items()},
        path,
    )
    with torch.no_grad():
        for name, target in names.items():
            own[target].copy_(tensors[name])


def load_heads(model: NoduleCLIP, path: Path) -> None:
    """Load ``heads.safetensors`` into a model."""
    load_into(model, read_safetensors(path), {name: name for name in model.heads()}, path)


def _as_json(value: Any) -> Any:  # noqa: ANN401
    """Sets, tuples and enumerations as JSON has them."""
    if isinstance(value, Mapping):
        return {str(key): _as_json(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_as_json(item) for item in value)
    if isinstance(value, (list, tuple)):
        return [_as_json(item) for item in value]
    return cast(Any, getattr(value, "value", value))
