"""CLIP's tensors under the names that others publish them by, and under ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from torch import Tensor

from benchmark.errors import InputError, Problem

HEADS = "heads."
"""What the names of pretrained heads begin with in a file of weights."""
ROWS = "token_embedding.rows"
"""Numbers of the rows that a file's token table holds, where it does not hold all."""
OWN, OPEN_CLIP, HUGGING_FACE = "this project's", "open_clip's", "Hugging Face's"

Tensors = dict[str, Tensor]

_FROM_HUGGING_FACE: dict[str, str] = {
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "visual_projection.weight": "visual.proj",
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_projection.weight": "text_projection",
    "logit_scale": "logit_scale",
}
_LAYERS_FROM_HUGGING_FACE: dict[str, str] = {
    r"vision_model\.pre_layrnorm\.": "visual.ln_pre.",
    r"vision_model\.post_layernorm\.": "visual.ln_post.",
    r"text_model\.final_layer_norm\.": "ln_final.",
    r"vision_model\.encoder\.layers\.": "visual.transformer.resblocks.",
    r"text_model\.encoder\.layers\.": "transformer.resblocks.",
    r"\.layer_norm([12])\.": r".ln_\1.",
    r"\.self_attn\.": ".attn.",
    r"\.mlp\.fc1\.": ".mlp.c_fc.",
    r"\.mlp\.fc2\.": ".mlp.c_proj.",
}
_TRANSPOSED = ("visual.proj", "text_projection")
_NOT_WEIGHTS = re.compile(r"(.*\.)?(position_ids|attn_mask|input_resolution|context_length|vocab_size)")


def recognise_names(tensors: Mapping[str, Tensor], file: Path) -> tuple[Tensors, str]:
    """The tensors of a file under our names, and whose names they had.

    Counts and masks that some files hold beside the weights (``position_ids``, ``attn_mask``, ``context_length``)
    are left out.

    Args:
        tensors: What the file holds.
        file: For messages.

    Raises:
        InputError: These are no names of a CLIP.
    """
    prefix = "module."  # of PyTorch's data-parallel wrapper
    if tensors and all(name.startswith(prefix) for name in tensors):
        tensors = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
    kept = {name: tensor for name, tensor in tensors.items() if not _NOT_WEIGHTS.fullmatch(name)}
    naming, convert = _recognised(kept, file)
    own = convert(kept)
    if "logit_scale" in own and own["logit_scale"].numel() == 1:
        own["logit_scale"] = own["logit_scale"].reshape(())
    return own, naming


def _recognised(
    tensors: Mapping[str, Tensor], file: Path
) -> tuple[str, Callable[[Mapping[str, Tensor]], Tensors]]:
    """The naming of a file by names that no other naming has."""
    if any(name.startswith(("text_model.", "vision_model.encoder.")) for name in tensors):
        return HUGGING_FACE, _from_hugging_face
    if any(name.startswith("vision_model.") for name in tensors):
        what = "has the names of the paper's code, whose backbone is tuned already"
        raise InputError(Problem(what, "import the checkpoint's folder with `bench import-weights`", file))
    if any(name.endswith("attn.in_proj_weight") for name in tensors):
        return OPEN_CLIP, _from_open_clip
    if any(name.startswith("visual.") for name in tensors):
        return OWN, dict
    shown = ", ".join(sorted(tensors)[:3]) or "nothing"
    what = f"holds no weights of a CLIP under open_clip's, Hugging Face's or this project's names, but {shown}"
    raise InputError(Problem(what, "give a CLIP's open_clip_model.safetensors or model.safetensors", file))


def _from_open_clip(tensors: Mapping[str, Tensor]) -> Tensors:
    """open_clip's names with ``in_proj`` taken apart into Q, K and V; text towers of its newer layout too."""
    own: Tensors = {}
    for name, tensor in tensors.items():
        name = re.sub(r"^text\.", "", name)
        stem, inner, leaf = name.partition(".attn.in_proj_")
        if inner and tensor.ndim and tensor.shape[0] % 3 == 0:
            own |= {f"{stem}.attn.{q}_proj.{leaf}": part for q, part in zip("qkv", tensor.chunk(3), strict=True)}
        else:
            own[name] = tensor
    return own


def _from_hugging_face(tensors: Mapping[str, Tensor]) -> Tensors:
    """Names of ``transformers.CLIPModel``; its two projections are linear layers, ours are matrices."""
    own: Tensors = {}
    for name, tensor in tensors.items():
        new = _FROM_HUGGING_FACE.get(name)
        if new is None:
            new = name
            for pattern, ours in _LAYERS_FROM_HUGGING_FACE.items():
                new = re.sub(pattern, ours, new)
        own[new] = tensor.mT if new in _TRANSPOSED and tensor.ndim == 2 else tensor
    return own


def shown_name(name: str, naming: str) -> str:
    """What messages call one of our tensors: the file's own name, or open_clip's for Hugging Face's files."""
    return name if naming == OWN else re.sub(r"\.attn\.[qkv]_proj\.", ".attn.in_proj_", name)
