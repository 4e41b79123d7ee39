"""The tensors of a checkpoint of the paper's code: their names, and what architecture they speak of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmark.errors import InputError, Problem

LONGEST = 4096
"""Tokens or patches beyond which positions are no CLIP's; the attention mask grows with their square."""
HEAD_WIDTH = 64
"""Width of an attention head in every CLIP of OpenAI."""

HEADS: dict[str, str] = {
    "image_projection.projector.0": "image_head.project",
    "image_projection.attention.0": "image_head.hidden",
    "image_projection.attention.2": "image_head.score",
    "semantic_projection.projection": "text_head.project",
    "semantic_projection.fc": "text_head.mix",
    "semantic_projection.layer_norm": "text_head.norm",
    "classifier_image": "classifier_image",
    "classifier_text": "classifier_text",
}
"""The paper's names of the heads' layers and ours."""
_UPDATE = re.compile(r"\.w_lora_[AB]$")
_IGNORED = {"pred_criterion_val.weight", "pred_criterion_train.weight"}


@dataclass(frozen=True)
class Architecture:
    """What the shapes of the tensors say.

    Attributes:
        backbone: open_clip's model configuration.
        width: Length of the embedding.
        attention: Length of the plane attention's hidden layer.
    """

    backbone: dict[str, Any]
    width: int
    attention: int


def architecture(tensors: Mapping[str, Tensor], path: Path) -> Architecture:
    """The backbone and heads that the tensors belong to, read off their shapes.

    Raises:
        InputError: Tensors that decide it are missing or have no sensible shape.
    """
    wanted = {
        "vision_model.conv1.weight": 4,
        "vision_model.positional_embedding": 2,
        "vision_model.proj": 2,
        "token_embedding.weight": 2,
        "positional_embedding": 2,
        "text_projection": 2,
        "image_projection.projector.0.weight": 2,
        "image_projection.attention.0.weight": 2,
    }
    problems = [Problem("is missing", file=path, column=name) for name in wanted if name not in tensors]
    for name, dimensions in wanted.items():
        if name in tensors and (tensors[name].ndim != dimensions or not tensors[name].numel()):
            problems.append(Problem(f"has shape {tuple(tensors[name].shape)}", file=path, column=name))
    if problems:
        raise InputError(problems)
    shape = {name: tuple(tensors[name].shape) for name in wanted}
    patch = shape["vision_model.conv1.weight"][2]
    patches = shape["vision_model.positional_embedding"][0] - 1
    side = round(max(patches, 0) ** 0.5)
    vision, text = shape["vision_model.conv1.weight"][0], shape["positional_embedding"][1]
    for name, width in (("vision_model.conv1.weight", vision), ("positional_embedding", text)):
        if width % HEAD_WIDTH:
            problems.append(Problem(f"width {width} is no multiple of {HEAD_WIDTH}", file=path, column=name))
    for name in ("vision_model.positional_embedding", "positional_embedding"):
        if shape[name][0] > LONGEST:
            problems.append(Problem(f"has {shape[name][0]} positions", f"at most {LONGEST}", path, None, name))
    for transformer in ("vision_model.transformer", "transformer"):
        found = _layers(tensors, transformer)
        if found and len(found) <= max(found):
            what = f"has the layers {', '.join(map(str, sorted(found)))}: some are missing"
            problems.append(Problem(what, file=path, column=f"{transformer}.resblocks"))
    if side * side != patches or not side:
        what = f"{patches} patches do not form a square"
        problems.append(Problem(what, file=path, column="vision_model.positional_embedding"))
    if problems:
        raise InputError(problems)
    backbone = {
        "embed_dim": shape["text_projection"][1],
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": side * patch,
            "patch_size": patch,
            "width": vision,
            "head_width": HEAD_WIDTH,
            "layers": _depth(tensors, "vision_model.transformer"),
        },
        "text_cfg": {
            "context_length": shape["positional_embedding"][0],
            "vocab_size": shape["token_embedding.weight"][0],
            "width": text,
            "heads": text // HEAD_WIDTH,
            "layers": _depth(tensors, "transformer"),
        },
    }
    width, attention = (
        shape["image_projection.projector.0.weight"][0],
        shape["image_projection.attention.0.weight"][0],
    )
    return Architecture(backbone, width, attention)


def under_our_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under our names, ``backbone.`` before open_clip's.

    That code saves in evaluation mode, when each low-rank update is already added to its weight; ``w_lora_A`` and
    ``w_lora_B`` stay beside it and are left out here, for adding them again would be wrong. Layers without an
    update keep PyTorch's stacked ``in_proj_weight``, which is taken apart.
    """
    out: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        if _UPDATE.search(name) or name in _IGNORED:
            continue
        layer, _, leaf = name.rpartition(".")
        if layer in HEADS:
            out[f"{HEADS[layer]}.{leaf}"] = tensor
        elif name == "logit_scale":
            out[name] = tensor.reshape(()) if tensor.numel() == 1 else tensor
        else:
            own = re.sub(r"^vision_model\.", "visual.", name)
            own = re.sub(r"\.attn\.proj\.", ".attn.out_proj.", own)
            whole = leaf in ("in_proj_weight", "in_proj_bias") and tensor.ndim > 0 and tensor.shape[0] % 3 == 0
            if whole and f"{layer}.q_proj.{leaf.removeprefix('in_proj_')}" not in tensors:
                stem = own.removesuffix(leaf)
                for part, chunk in zip("qkv", tensor.chunk(3), strict=True):
                    out[f"backbone.{stem}{part}_proj.{leaf.removeprefix('in_proj_')}"] = chunk
            else:
                out[f"backbone.{own}"] = tensor
    return out


def paper_name(name: str, tensors: Mapping[str, Tensor]) -> str:
    """What the paper's code calls one of our parameters, in a file that holds these tensors."""
    layer, _, leaf = name.rpartition(".")
    for theirs, ours in HEADS.items():
        if layer == ours:
            return f"{theirs}.{leaf}"
    theirs = re.sub(r"^backbone\.", "", name)
    theirs = re.sub(r"^visual\.", "vision_model.", theirs)
    attention, inner, _ = theirs.partition(".attn.")
    if not inner:
        return theirs
    split = any(f"{attention}.attn.{part}_proj.weight" in tensors for part in "qkv")
    if split:
        return theirs.replace(".attn.out_proj.", ".attn.proj.")
    return re.sub(r"\.attn\.[qkv]_proj\.", ".attn.in_proj_", theirs)


def updates(tensors: Mapping[str, Tensor], path: Path) -> list[str]:
    """Layers that carry a low-rank update, by the paper's names, their pairs checked.

    Raises:
        InputError: An update is incomplete or does not fit its weight.
    """
    layers = sorted({name.rpartition(".")[0] for name in tensors if _UPDATE.search(name)})
    problems = []
    for layer in layers:
        a, b, weight = (tensors.get(f"{layer}.{leaf}") for leaf in ("w_lora_A", "w_lora_B", "weight"))
        if a is None or b is None or weight is None:
            problems.append(Problem("is not a whole update (w_lora_A, w_lora_B, weight)", file=path, column=layer))
        elif (b.shape[0], a.shape[1]) != tuple(weight.shape) or a.shape[0] != b.shape[1]:
            what = f"update {tuple(b.shape)} x {tuple(a.shape)} does not fit {tuple(weight.shape)}"
            problems.append(Problem(what, file=path, column=layer))
    if problems:
        raise InputError(problems)
    return layers


def _layers(tensors: Mapping[str, Tensor], transformer: str) -> set[int]:
    pattern = re.compile(rf"{re.escape(transformer)}\.resblocks\.(\d{{1,4}})\.")
    return {int(found.group(1)) for name in tensors if (found := pattern.match(name))}


def _depth(tensors: Mapping[str, Tensor], transformer: str) -> int:
    return max(_layers(tensors, transformer), default=-1) + 1
