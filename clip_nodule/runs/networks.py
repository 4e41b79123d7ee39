"""Networks from a run's settings, and from its folder."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import cast

from peft import LoraConfig, PeftModel, get_peft_model
from torch import nn

from benchmark.errors import InputError, Problem
from benchmark.files import sha256
from benchmark.formats.json import read_json
from benchmark.formats.opening import refusing
from clip_nodule.network.backbone import Backbone, backbone_from_config
from clip_nodule.network.lora import Encoder, add_lora, merged, target_modules
from clip_nodule.network.model import NoduleCLIP, freeze_backbone
from clip_nodule.pretrained.tensor_files import read_safetensors
from clip_nodule.runs import checkpoint
from clip_nodule.runs.run_folder import BACKBONE, START, RunInfo, fold_folder
from clip_nodule.runs.settings import Settings


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
            encoder=_adapted_encoder(settings),
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
    path = run / BACKBONE
    if not path.is_file():
        raise InputError(Problem("is missing", "copy the whole run folder", path))
    if sha256(path) != info.backbone_sha256:
        raise InputError(Problem("differs from what was written", "copy the run folder again", path))
    return load_backbone(path, info)


def load_backbone(path: Path, info: RunInfo) -> Backbone:
    """The backbone of ``info`` with the weights of a file."""
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
    checkpoint.check_weights(folder)
    own = folder / checkpoint.BACKBONE
    if own.is_file():
        body: Backbone | PeftModel = load_backbone(own, info)
    elif shared is None:
        raise InputError(Problem("is missing", "copy the whole run folder", own))
    elif (folder / checkpoint.ADAPTER).is_dir():
        body = _adapted(shared, folder / checkpoint.ADAPTER, info.settings)
        body = merged(body) if merge else body
    else:
        body = shared
    model = _with_heads(body, info.settings)
    checkpoint.load_heads(model, folder / checkpoint.HEADS)
    return model.eval().requires_grad_(False)


def _with_heads(body: Backbone | PeftModel, settings: Settings) -> NoduleCLIP:
    return NoduleCLIP(
        body,
        width=settings.network.width,
        attention=settings.network.attention,
        dropout=settings.network.dropout,
        temperature=settings.network.temperature,
        modality=settings.network.modality,
    )


def _free(model: NoduleCLIP, settings: Settings) -> None:
    """All parameters learn, but those that have no part in the loss."""
    for name, parameter in model.backbone.named_parameters():
        of_images = name.startswith("visual.")
        unused = name in ("logit_scale", "logit_bias")
        parameter.requires_grad_(not unused and (of_images or settings.network.modality == "clip"))


def _adapted_encoder(settings: Settings) -> Encoder:
    """Which encoder's layers are adapted; a model of images alone has no other."""
    return "vision" if settings.network.modality == "vision" else settings.lora.encoder


def _adapted(shared: Backbone, folder: Path, settings: Settings) -> PeftModel:
    """A copy of the backbone that shares all tensors but those the adapter changes."""
    # The pattern is ours: one from a file could take years to match.
    lora = settings.lora
    pattern = target_modules(shared, lora.position, _adapted_encoder(settings), lora.params)
    config = _adapter_config(folder / checkpoint.ADAPTER_CONFIG, lora.rank, pattern)
    module = cast(nn.Module, shared)
    touched = {name for name, _ in module.named_modules() if adapts(pattern, name)}
    memo = {id(p): p for name, p in module.named_parameters() if name.rpartition(".")[0] not in touched}
    model = get_peft_model(copy.deepcopy(module, memo), config)
    path = folder / checkpoint.ADAPTER_WEIGHTS
    wanted = {name.replace(".default.", "."): name for name, _ in model.named_parameters() if ".lora_" in name}
    checkpoint.load_into(model, read_safetensors(path), wanted, path)
    return model


def adapts(pattern: str, name: str) -> bool:
    """Whether PEFT would adapt the layer ``name`` for this pattern."""
    return re.fullmatch(pattern, name) is not None


def _adapter_config(path: Path, rank: int, pattern: str) -> LoraConfig:
    """An adapter's configuration, which must have the rank and the layers that the run's settings say."""
    fix = "copy the run again"
    values = read_json(path)
    with refusing(path, "is no adapter's configuration", fix):
        for name, expected in (("r", rank), ("target_modules", pattern)):
            if values[name] != expected:
                what = f"is not what the settings of the run say ({expected})"
                raise InputError(Problem(what, fix, path, None, name, str(values[name])[:80]))
        return LoraConfig(
            r=rank,
            lora_alpha=values["lora_alpha"],
            lora_dropout=float(values["lora_dropout"]),
            use_rslora=bool(values["use_rslora"]),
            target_modules=pattern,
            bias="none",
        )
