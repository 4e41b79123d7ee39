"""Low-rank adaptation of the attention projections, by PEFT."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from benchmark.errors import InputError, Problem
from clip_nodule.network.backbone import Backbone

Position = Literal["all", "bottom", "mid", "up", "half-up", "half-bottom", "top3"]
Encoder = Literal["text", "vision", "both"]
Param = Literal["q", "k", "v", "o"]

PROJECTIONS: dict[str, str] = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj"}


def layer_numbers(position: Position, depth: int) -> range:
    """Which layers ``position`` names, of a transformer of ``depth`` layers.

    For twelve layers these are the lists of CLIP-LoRA (Zanella and Ben Ayed, CVPR workshops 2024), which the
    paper's code uses: bottom 0-3, mid 4-7, up 8-11, halves of six, top3 9-11. Other depths are cut in the same
    proportions.
    """
    third, half = round(depth / 3), depth // 2
    ranges: dict[str, range] = {
        "all": range(depth),
        "bottom": range(max(third, 1)),
        "mid": range(third, max(2 * third, third + 1)),
        "up": range(min(2 * third, depth - 1), depth),
        "half-bottom": range(max(half, 1)),
        "half-up": range(half, depth),
        "top3": range(max(depth - 3, 0), depth),
    }
    return range(min(ranges[position].start, depth - 1), min(ranges[position].stop, depth))


def target_modules(backbone: Backbone, position: Position, encoder: Encoder, params: Sequence[Param]) -> str:
    """A pattern that matches the full names of the layers to adapt, as PEFT takes it."""
    towers = {
        "vision": (r"visual\.transformer", len(backbone.visual.transformer.resblocks)),
        "text": ("transformer", len(cast(nn.ModuleList, backbone.transformer.resblocks))),
    }
    chosen = ["vision", "text"] if encoder == "both" else [encoder]
    projections = "|".join(PROJECTIONS[param] for param in sorted(set(params), key="qkvo".index))
    parts = []
    for tower in chosen:
        prefix, depth = towers[tower]
        layers = "|".join(map(str, layer_numbers(position, depth)))
        parts.append(rf"{prefix}\.resblocks\.({layers})")
    return rf"({'|'.join(parts)})\.attn\.({projections})"


def add_lora(
    backbone: Backbone,
    *,
    rank: int = 2,
    alpha: float = 1,
    dropout: float = 0.25,
    rank_stabilised: bool = True,
    position: Position = "all",
    encoder: Encoder = "both",
    params: Sequence[Param] = ("q", "k", "v"),
) -> PeftModel:
    """Freeze a backbone and add trainable low-rank updates to its attention.

    Args:
        backbone: A backbone with split attention; changed in place.
        rank: Rank r of the update ``B A``.
        alpha: Its scale.
        dropout: Dropout before ``A``.
        rank_stabilised: Scale the update by ``alpha / sqrt(r)`` (Kalajdzievski 2023, arXiv 2312.03732; the paper's
            code) and not by ``alpha / r``.
        position: Layers to adapt.
        encoder: Encoders to adapt.
        params: Projections to adapt.
    """
    if not params:
        raise InputError(Problem("names no projection", "give some of q, k, v, o", column="params"))
    config = LoraConfig(
        r=rank,
        lora_alpha=cast(int, alpha),
        lora_dropout=dropout,
        use_rslora=rank_stabilised,
        target_modules=target_modules(backbone, position, encoder, params),
        bias="none",
    )
    return get_peft_model(cast(nn.Module, backbone), config)


def merged(model: PeftModel) -> Backbone:
    """The backbone with the updates added to its weights; the model given is used up."""
    return cast(Backbone, model.merge_and_unload())
