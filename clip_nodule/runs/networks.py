"""Networks from a run's settings, and from its folder."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import cast

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from benchmark.errors import InputError, Problem
from benchmark.files import own_file, sha256
from clip_nodule.network.backbone import Backbone, backbone_from_config, backbone_shapes
from clip_nodule.network.lora import add_lora, merged, target_modules
from clip_nodule.network.model import NoduleCLIP, freeze_backbone
from clip_nodule.pretrained.tensor_files import read_safetensors, read_shapes
from clip_nodule.runs import checkpoint
from clip_nodule.runs.adapter_config import adapted_layers, check_scale, read_adapter_config
from clip_nodule.runs.run_folder import BACKBONE, START, RunInfo, fold_folder
from clip_nodule.runs.settings import Settings

_OF_PEFT = "base_model.model."
"""What PEFT puts before the name of a layer."""


def new_model(backbone: Backbone, settings: Settings) -> NoduleCLIP:
    """A network to train: ``backbone`` adapted, freed or frozen as the settings say, under new heads.

    Random numbers come from torch's global generator.

    Args:
        backbone: Changed in place.
        settings: The run's settings.
    """
    body: Backbone | PeftModel = backbone
    if settings.network.tuning == "lora":
        body = add_lora(
            backbone,
            rank=settings.lora.rank,
            alpha=settings.lora.alpha,
            dropout=settings.lora.dropout,
            rank_stabilised=settings.lora.rank_stabilised,
            position=settings.lora.position,
            encoder="vision" if settings.network.modality == "vision" else settings.lora.encoder,
            params=settings.lora.params,
        )
    model = _with_heads(body, settings)
    if settings.network.tuning == "probe":
        freeze_backbone(model)
    elif settings.network.tuning == "full":
        _free(model, settings)
    return model


def start_heads(model: NoduleCLIP, run: Path) -> bool:
    """Let a new network's heads begin as those that came with the backbone's weights, where they fit.

    Args:
        model: A network from ``new_model``; its classifiers stay as they are.
        run: The run folder.

    Returns:
        Whether the run has such heads and all that the network needs of them fit.
    """
    path = run / START
    if not path.is_file():
        return False
    given = read_safetensors(path)
    own = {name: p for name, p in model.heads().items() if not name.startswith("classifier")}
    if any(name not in given or given[name].shape != own[name].shape for name in own):
        return False
    checkpoint.load_into(model, {name: given[name] for name in own}, {name: name for name in own}, path)
    return True


def shared_backbone(run: Path, info: RunInfo) -> Backbone | None:
    """The frozen backbone of a run, checked against its hash; None where each fold has its own."""
    if info.backbone_sha256 is None:
        return None
    path = own_file(run, BACKBONE, "copy the whole run folder")
    if sha256(path) != info.backbone_sha256:
        raise InputError(Problem("differs from what was written", "copy the run folder again", path))
    return load_backbone(path, info)


def load_backbone(path: Path, info: RunInfo) -> Backbone:
    """The backbone of ``info`` with the weights of a file, which must fit before a network is built."""
    checkpoint.require_shapes(read_shapes(path), backbone_shapes(info.backbone), path)
    backbone = backbone_from_config(info.backbone)
    tensors = {name: tensor.float() for name, tensor in read_safetensors(path).items()}
    module = cast(nn.Module, backbone)
    checkpoint.load_into(module, tensors, {name: name for name in backbone.state_dict()}, path)
    return backbone


def load_fold(run: Path, info: RunInfo, fold: int, shared: Backbone | None, *, merge: bool = True) -> NoduleCLIP:
    """The trained network of a fold, in evaluation mode.

    Args:
        run: The run folder.
        info: Its ``run.yaml``.
        fold: Which fold.
        shared: What ``shared_backbone`` gave. Its frozen tensors are used as they are, not copied.
        merge: Add the low-rank updates to the weights.

    Raises:
        InputError: Files are missing, damaged or do not fit.
    """
    folder = fold_folder(run, fold)
    if not (folder / checkpoint.LISTING).is_file():
        fix = "finish it with `bench train --resume`" if info.kind == "trained" else "import the checkpoint again"
        raise InputError(Problem(f"fold {fold} of {info.folds} has no weights", fix, folder))
    files = checkpoint.check_weights(folder)
    own = folder / checkpoint.BACKBONE
    if checkpoint.BACKBONE in files:
        body: Backbone | PeftModel = load_backbone(own, info)
    elif shared is None:
        raise InputError(Problem("is missing", "copy the whole run folder", own))
    elif any(name.startswith(f"{checkpoint.ADAPTER}/") for name in files):
        body = _adapted(shared, folder / checkpoint.ADAPTER, info.settings)
        body = merged(body) if merge else body
    else:
        body = shared
    heads = folder / checkpoint.HEADS
    with torch.device("meta"):
        shapes = {name: tuple(p.shape) for name, p in _with_heads(body, info.settings).heads().items()}
    checkpoint.require_shapes(read_shapes(heads), shapes, heads)
    model = _with_heads(body, info.settings)
    checkpoint.load_heads(model, heads)
    return model.eval().requires_grad_(False)


def _with_heads(body: Backbone | PeftModel, settings: Settings) -> NoduleCLIP:
    return NoduleCLIP(
        body,
        width=settings.network.width,
        attention=settings.network.attention,
        dropout=settings.network.dropout,
        temperature=settings.network.temperature,
        modality=settings.network.modality,
        attention_start=settings.network.attention_start,
    )


def _free(model: NoduleCLIP, settings: Settings) -> None:
    """All parameters learn, but those that have no part in the loss."""
    for name, parameter in model.backbone.named_parameters():
        of_images = name.startswith("visual.")
        unused = name in ("logit_scale", "logit_bias")
        parameter.requires_grad_(not unused and (of_images or settings.network.modality == "clip"))


def _adapted(shared: Backbone, folder: Path, settings: Settings) -> PeftModel:
    """A copy of the backbone that shares all tensors but those the adapter changes."""
    config = read_adapter_config(own_file(folder, checkpoint.ADAPTER_CONFIG))
    module = cast(nn.Module, shared)
    linear = {name: layer for name, layer in module.named_modules() if isinstance(layer, nn.Linear)}
    pattern = lora_pattern(shared, settings)
    meant = [name for name in linear if re.fullmatch(pattern, name)]
    touched = adapted_layers(config, pattern, meant, linear, folder / checkpoint.ADAPTER_CONFIG)
    path = own_file(folder, checkpoint.ADAPTER_WEIGHTS)
    shapes: dict[str, tuple[int, ...]] = {}
    for name in touched:
        shapes[f"{_OF_PEFT}{name}.lora_A.weight"] = (config.r, linear[name].in_features)
        shapes[f"{_OF_PEFT}{name}.lora_B.weight"] = (linear[name].out_features, config.r)
    checkpoint.require_shapes(read_shapes(path), shapes, path)
    check_scale(config, settings.lora, folder / checkpoint.ADAPTER_CONFIG)
    memo = {id(p): p for name, p in module.named_parameters() if name.rpartition(".")[0] not in touched}
    lora = LoraConfig(
        r=config.r,
        lora_alpha=cast(int, config.lora_alpha),
        lora_dropout=config.lora_dropout,
        use_rslora=config.use_rslora,
        target_modules="|".join(map(re.escape, touched)),  # PEFT takes names in a list for ends of names
        bias="none",
    )
    model = get_peft_model(copy.deepcopy(module, memo), lora)
    wanted = {name.replace(".default.", "."): name for name, _ in model.named_parameters() if ".lora_" in name}
    checkpoint.load_into(model, read_safetensors(path), wanted, path)
    return model


def lora_pattern(backbone: Backbone, settings: Settings) -> str:
    """The pattern of the layers that LoRA adapts, by a run's settings."""
    encoder = "vision" if settings.network.modality == "vision" else settings.lora.encoder
    return target_modules(backbone, settings.lora.position, encoder, settings.lora.params)
