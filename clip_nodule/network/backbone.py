"""open_clip backbones with split attention: built by name, loaded with weights, and what they compute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import open_clip
import torch
from open_clip.model import CLIP
from open_clip.transformer import QuickGELU, ResidualAttentionBlock, VisionTransformer
from pydantic import ValidationError
from torch import Tensor, nn

from benchmark.contracts.cohort import validation_problems
from benchmark.errors import InputError, Problem
from clip_nodule.network.attention import SplitAttention
from clip_nodule.network.backbone_config import BackboneConfig, of_the_network
from clip_nodule.network.published import (
    OWN_WEIGHTS,
    is_published,
    open_clips_network,
    published_config,
    published_weights,
)
from clip_nodule.network.tiny import TINY, clip_from_config
from clip_nodule.pretrained.download import tag_file, tag_settings
from clip_nodule.pretrained.namings import OWN, ROWS, shown_name
from clip_nodule.pretrained.weight_files import PretrainedWeights, Stated, find_weights_file, read_weights


class Backbone(Protocol):
    """What the network needs of a CLIP: open_clip's own names."""

    visual: VisionTransformer
    transformer: nn.Module
    token_embedding: nn.Embedding
    positional_embedding: Tensor
    ln_final: nn.Module
    text_projection: Tensor
    attn_mask: Tensor

    def state_dict(self) -> dict[str, Tensor]:
        """Weights by name."""


@dataclass(frozen=True)
class Start:
    """A backbone to begin with.

    Attributes:
        backbone: Its attention split.
        heads: Projection heads that came with its weights, by their names; often none.
        file: Where its weights were read; None for random ones.
        origin: A sentence on its weights: the file, whose names it has, and by what the activation is known.
    """

    backbone: Backbone
    heads: dict[str, Tensor]
    file: Path | None
    origin: str


def backbone_config(name: str) -> dict[str, Any]:
    """open_clip's model configuration of a backbone, as a run folder keeps it."""
    return dict(TINY[name]) if name in TINY else of_the_network(published_config(name))


def build_backbone(name: str, pretrained: str | None = None, *, seed: int = 0) -> Backbone:
    """Like ``start_backbone``, the backbone alone."""
    return start_backbone(name, pretrained, seed=seed).backbone


def start_backbone(name: str, pretrained: str | None = None, *, seed: int = 0) -> Start:
    """Build a CLIP by name, its attention split.

    Args:
        name: A name of open_clip (``ViT-B-32-quickgelu``, ...), ``hf-hub:OWNER/MODEL`` or ``local-dir:FOLDER`` of
            one that is published in open_clip's way, or a name of ``TINY``.
        pretrained: A tag of open_clip's weights (``openai``, ...), ``own`` for those of a published model, a
            file of this backbone's weights in this project's, open_clip's or Hugging Face's names, the name of one
            in ``clip_nodule/weights``, or None for random weights.
        seed: Seed of random weights.

    Raises:
        InputError: There is no such backbone or weights, they cannot be had, they belong to another network, or
            it is not a ViT with CLIP's own text transformer.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = _random_backbone(name)
    if pretrained is None:
        return Start(backbone, {}, None, "the backbone begins with random weights")
    file = published_weights(name) if pretrained == OWN_WEIGHTS else find_weights_file(pretrained)
    stated = None
    if file is None:
        if name in TINY:
            fix = "give a file, or none for random weights"
            raise InputError(Problem("are no weights of a tiny backbone", fix, "pretrained", value=pretrained))
        if is_published(name):
            fix = (
                f"give --pretrained {OWN_WEIGHTS} for those published with it, a file, or none for random weights"
            )
            raise InputError(Problem(f"are no weights of {name}", fix, column="pretrained", value=pretrained))
        entry = tag_settings(name, pretrained)
        stated = Stated(f"by the tag {pretrained!r}", "QuickGELU" if entry.get("quick_gelu") else "GELU")
        _require_fitting(backbone, name, stated, pretrained)
        file = tag_file(entry, pretrained)
    weights = read_weights(file)
    known = _require_fitting(backbone, name, stated or weights.stated, file)
    place_weights(backbone, weights)
    origin = f"the backbone begins with {pretrained} ({file.name}, in {weights.naming} names)"
    origin += "" if weights.naming == OWN else f"; {known}"
    return Start(backbone, weights.heads, file, origin)


def _random_backbone(name: str) -> Backbone:
    if is_published(name):
        return backbone_from_config(backbone_config(name))
    model: nn.Module = clip_from_config(TINY[name]) if name in TINY else open_clips_network(name)
    if not isinstance(model, CLIP) or not isinstance(model.visual, VisionTransformer):
        fix = "choose a ViT with CLIP's own text transformer, e.g. ViT-B-32-quickgelu"
        raise InputError(Problem("is no CLIP with a vision transformer", fix, value=name))
    return split_attention(model)


def _require_fitting(backbone: Backbone, name: str, stated: Stated, source: Path | str) -> str:
    """Refuse weights that are stated to belong to a network whose function differs though all shapes fit.

    Returns:
        Which activation it has, and by what that is known.
    """
    towers = (backbone.visual.transformer, backbone.transformer)
    vision, text = (cast(Any, tower.resblocks)[0] for tower in towers)
    own = {
        "activation": "QuickGELU" if isinstance(vision.mlp.gelu, QuickGELU) else "GELU",
        "vision_heads": vision.attn.heads,
        "text_heads": text.attn.heads,
    }
    other = name.removesuffix("-quickgelu") if own["activation"] == "QuickGELU" else f"{name}-quickgelu"
    fixes = {"activation": f"choose --backbone {other}" if other in open_clip.list_models() else ""}
    problems = []
    for what, has in own.items():
        given = getattr(stated, what)
        if given is not None and given != has:
            words = f"belongs to a network with {what.replace('_', ' ')} {given}, {stated.by}; {name} has {has}"
            problems.append(Problem(words, fixes.get(what, "") or "choose another backbone", source))
    if problems:
        raise InputError(problems)
    by = stated.by if stated.activation is not None else "by the backbone's name, for nothing else states it"
    return f"its activation is {own['activation']}, {by}"


def backbone_from_config(config: Mapping[str, Any]) -> Backbone:
    """A backbone of random weights from an open_clip model configuration, or one in the form of ``TINY``.

    Raises:
        InputError: It names a model elsewhere, or has a number out of its bounds (see `backbone_config`).
    """
    try:
        checked = BackboneConfig.model_validate(dict(config)).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise InputError(validation_problems(error, "backbone", list(BackboneConfig.model_fields))) from error
    return split_attention(clip_from_config(checked))


def backbone_shapes(config: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shapes of a backbone's tensors by name, worked out without memory for any of them.

    Raises:
        InputError: See ``backbone_from_config``.
    """
    with torch.device("meta"):
        backbone = backbone_from_config(config)
    return {name: tuple(tensor.shape) for name, tensor in backbone.state_dict().items()}


def split_attention(model: CLIP) -> Backbone:
    """Replace every ``nn.MultiheadAttention`` of the two transformers, in place."""
    for transformer in (model.visual.transformer, model.transformer):
        for block in transformer.resblocks:
            if not isinstance(getattr(block, "attn", None), nn.MultiheadAttention):
                raise InputError(
                    "this backbone's attention is not PyTorch's own: LoRA on Q, K, V is not supported"
                )
            block.attn = SplitAttention.of(block.attn)
    return cast(Backbone, model)


def place_weights(backbone: Backbone, weights: PretrainedWeights) -> None:
    """Copy weights into a backbone; every tensor must be there and fit.

    A file may hold only some rows of the token table, as ``token_embedding.rows`` (their numbers) and
    ``token_embedding.weight`` (their values); the other rows become the mean of those.

    Raises:
        InputError: Names all tensors that are missing, of another network, or of another shape.
    """
    tensors = dict(weights.backbone)
    rows = tensors.pop(ROWS, None)
    if rows is not None and "token_embedding.weight" in tensors:
        kept = tensors["token_embedding.weight"].float()
        table = kept.mean(0).repeat(backbone.token_embedding.num_embeddings, 1)
        table[rows.long()] = kept
        tensors["token_embedding.weight"] = table
    own = backbone.state_dict()
    wrong = [(key, "is missing") for key in own if key not in tensors]
    wrong += [(key, "is not of this backbone") for key in tensors if key not in own]
    for key in own.keys() & tensors.keys():
        there, wanted = tuple(tensors[key].shape), tuple(own[key].shape)
        if there != wanted:
            wrong.append((key, f"has shape {there}, not {wanted}"))
    if wrong:
        named = dict.fromkeys((shown_name(key, weights.naming), what) for key, what in wrong)
        raise InputError([Problem(what, file=weights.file, column=key) for key, what in named])
    with torch.no_grad():
        for key, value in own.items():
            value.copy_(tensors[key])


def image_size(backbone: Backbone) -> int:
    """Pixels along an edge of the images that the backbone takes."""
    size = backbone.visual.image_size
    return int(size[0] if isinstance(size, (tuple, list)) else size)


def embedding_size(backbone: Backbone) -> int:
    """Length of the vectors in which the two encoders meet."""
    return int(backbone.text_projection.shape[1])


def encode_image(backbone: Backbone, images: Tensor) -> Tensor:
    """Encode images; the last layer computes the class token alone where nothing else is read from it.

    Args:
        backbone: A backbone, with or without LoRA.
        images: ``[n, 3, size, size]``.

    Returns:
        ``[n, embedding]``, what ``backbone.visual(images)`` gives.
    """
    visual = backbone.visual
    *blocks, last = visual.transformer.resblocks
    if not pools_the_class_token(backbone) or type(last) is not ResidualAttentionBlock:
        return cast(Tensor, visual(images))
    x = image_tokens(backbone, images)
    for block in blocks:
        x = block(x)
    normed = last.ln_1(x)
    token = x[:, :1] + last.ls_1(last.attn(normed[:, :1], normed, normed)[0])
    token = token + last.ls_2(last.mlp(last.ln_2(token)))
    return cast(Tensor, visual.ln_post(token)[:, 0] @ visual.proj)


def pools_the_class_token(backbone: Backbone) -> bool:
    """Whether what images are encoded to is read from the class token alone, through a projection."""
    visual = backbone.visual
    whole = visual.attn_pool is not None or visual.pool_type != "tok" or visual.output_tokens
    return not whole and visual.proj is not None


def image_tokens(backbone: Backbone, images: Tensor) -> Tensor:
    """What the image encoder's first block takes: ``[n, tokens, width]``, the class token first."""
    return cast(Tensor, backbone.visual._embeds(images))


def encode_text(backbone: Backbone, tokens: Tensor) -> Tensor:
    """Encode token ids; what stands after the longest text of the batch is cut off.

    The text transformer is causal and reads its output at the end-of-text token (the largest id), so that tokens
    after it change nothing.

    Args:
        backbone: A backbone, with or without LoRA.
        tokens: ``[n, context]`` ids.

    Returns:
        ``[n, embedding]``.
    """
    ends = tokens.argmax(-1)
    length = int(ends.max()) + 1
    x = backbone.token_embedding(tokens[:, :length]) + backbone.positional_embedding[:length]
    x = backbone.transformer(x, attn_mask=backbone.attn_mask[:length, :length])
    x = backbone.ln_final(x)
    return cast(Tensor, x[torch.arange(len(x), device=x.device), ends] @ backbone.text_projection)
