"""Networks that others published: by open_clip's names, or in open_clip's way on a hub or in a folder."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import open_clip
from torch import nn

from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.formats.json import read_json
from clip_nodule.network.tiny import TINY
from clip_nodule.pretrained.download import hub_file
from clip_nodule.pretrained.weight_files import OPEN_CLIP_CONFIG

HUB, FOLDER = "hf-hub:", "local-dir:"
"""What names begin with of models on Hugging Face's hub, and of folders with the same files, as in open_clip."""
OWN_WEIGHTS: Final = "own"
"""The word for the weights that were published with such a model."""
_CONTEXT = 77
"""Tokens of a text, as texts are cut."""
_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
_FIX = "choose a ViT with CLIP's own text transformer and tokeniser, e.g. ViT-B-32-quickgelu"


def is_published(name: str) -> bool:
    """Whether a backbone is named by where it is published."""
    return name.startswith((HUB, FOLDER))


def published_config(name: str) -> dict[str, Any]:
    """open_clip's model configuration by its name, or of a published model.

    Raises:
        InputError: It cannot be had, or is of a network that is not supported.
    """
    if not is_published(name):
        return cast(dict[str, Any], open_clip.get_model_config(name))
    path = _file_of(name, (OPEN_CLIP_CONFIG,))
    content = read_json(path)
    config = content.get("model_cfg", content) if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise InputError(Problem("holds no model configuration of open_clip", _FIX, path))
    require_supported(config, name)
    # The same two encoders, in a class that keeps the text encoder's tensors apart.
    return {key: value for key, value in config.items() if key not in ("custom_text", "init_logit_scale")}


def published_weights(name: str) -> Path | None:
    """The file of weights that was published with a model; None for a name that is not one of these."""
    return _file_of(name, _FILES) if is_published(name) else None


def require_supported(config: Mapping[str, Any], name: str) -> None:
    """Refuse a network whose encoders LoRA cannot be attached to, or whose texts are read otherwise than CLIP's.

    Args:
        config: Its model configuration, as open_clip has it.
        name: The backbone, for messages.

    Raises:
        InputError: Names all that is not supported.
    """
    vision, text = (
        part if isinstance(part := config.get(key), dict) else {} for key in ("vision_cfg", "text_cfg")
    )
    found = []
    if timm := vision.get("timm_model_name"):
        found.append(f"its image encoder is timm's {timm}, where LoRA on Q, K and V is not supported")
    elif isinstance(vision.get("layers"), list):
        found.append("is no CLIP with a vision transformer: its image encoder is convolutional")
    if hugging_face := text.get("hf_model_name"):
        found.append(f"its text encoder is Hugging Face's {hugging_face}, where LoRA is not supported")
    if tokeniser := text.get("hf_tokenizer_name"):
        found.append(f"its texts are cut by the tokeniser {tokeniser}, ours by CLIP's own")
    if text.get("no_causal_mask") or text.get("pool_type", "argmax") != "argmax":
        found.append("its text encoder is not read at the end token behind a causal mask, as in SigLIP")
    if int(text.get("context_length", _CONTEXT)) < _CONTEXT:
        found.append(f"its texts have {text['context_length']} tokens, ours {_CONTEXT}")
    if found:
        raise InputError([Problem(what, _FIX, column="backbone", value=name) for what in found])


def _file_of(name: str, names: tuple[str, ...]) -> Path:
    """The first of some files that a published model has."""
    if name.startswith(HUB):
        return hub_file(name.removeprefix(HUB), names)
    folder = Path(name.removeprefix(FOLDER))
    for own in names:
        if (folder / own).is_file():
            return folder / own
    what = f"has no {' or '.join(names)}"
    raise InputError(Problem(what, "give the folder of a model in open_clip's files", folder, column="backbone"))


def open_clips_network(name: str) -> nn.Module:
    """A network of random weights by open_clip's name.

    Raises:
        InputError: There is no such name, or the network reads or cuts texts otherwise than CLIP does.
    """
    names = open_clip.list_models()
    if name not in names:
        fix = (
            f"backbones: {', '.join([*TINY, 'ViT-B-32-quickgelu', 'ViT-B-16-quickgelu'])}, or any ViT of open_clip"
        )
        raise InputError(
            Problem(f"is no backbone{nearest(name, [*TINY, *names])}", fix, column="backbone", value=name)
        )
    require_supported(cast(Any, open_clip.get_model_config(name)), name)
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # open_clip warns of random weights, which others replace
    try:
        return cast(nn.Module, open_clip.create_model(name, precision="fp32"))
    except (OSError, RuntimeError) as error:
        raise InputError(Problem(f"cannot be built: {error}", column="backbone", value=name)) from error
    finally:
        logging.disable(before)
