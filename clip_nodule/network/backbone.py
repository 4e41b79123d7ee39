"""open_clip backbones whose attention has separate Q, K and V projections, so that LoRA attaches to each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol, cast

import open_clip
import torch
from open_clip.model import CLIP
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from clip_nodule.network.tiny import TINY, clip_from_config

HEADS = "heads."
"""What the names of pretrained heads begin with in a file of weights."""

WEIGHTS = Path(__file__).parents[1] / "weights"


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


class SplitAttention(nn.Module):
    """Multi-head self-attention with one linear layer each for Q, K, V and the output.

    The same function as ``nn.MultiheadAttention`` without dropout, through scaled-dot-product attention.

    Args:
        width: Size of a token's vector.
        heads: Number of heads.
        bias: Whether the projections have a bias.
    """

    def __init__(self, width: int, heads: int, *, bias: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(width, width, bias=bias)
        self.k_proj = nn.Linear(width, width, bias=bias)
        self.v_proj = nn.Linear(width, width, bias=bias)
        self.out_proj = nn.Linear(width, width, bias=bias)

    @classmethod
    def of(cls, attention: nn.MultiheadAttention) -> SplitAttention:
        """The same attention with its stacked Q, K, V projection taken apart."""
        split = cls(attention.embed_dim, attention.num_heads, bias=attention.in_proj_bias is not None)
        with torch.no_grad():
            for layer, weight in zip(split.inputs, attention.in_proj_weight.chunk(3), strict=True):
                layer.weight.copy_(weight)
            if attention.in_proj_bias is not None:
                for layer, bias in zip(split.inputs, attention.in_proj_bias.chunk(3), strict=True):
                    layer.bias.copy_(bias)
            split.out_proj.load_state_dict(attention.out_proj.state_dict())
        return split

    @property
    def inputs(self) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
        """The Q, K and V projections."""
        return self.q_proj, self.k_proj, self.v_proj

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        need_weights: bool = False,
        attn_mask: Tensor | None = None,
    ) -> tuple[Tensor, None]:
        """Attend; the arguments are those open_clip gives to ``nn.MultiheadAttention``.

        Args:
            query: ``[n, tokens, width]``; so are ``key`` and ``value``.
            key: See ``query``.
            value: See ``query``.
            need_weights: Ignored; weights are never returned.
            attn_mask: Added to the scores, ``[tokens, tokens]``.

        Returns:
            ``[n, tokens, width]`` and None.
        """

        def heads(x: Tensor) -> Tensor:
            return x.reshape(*x.shape[:-1], self.heads, -1).transpose(1, 2)

        q, k, v = heads(self.q_proj(query)), heads(self.k_proj(key)), heads(self.v_proj(value))
        mask = None if attn_mask is None else attn_mask.to(q.dtype)
        attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out_proj(attended.transpose(1, 2).flatten(2)), None


def build_backbone(name: str, pretrained: str | None = None, *, seed: int = 0) -> Backbone:
    """Build a CLIP by name, its attention split.

    Args:
        name: A name of open_clip (``ViT-B-32-quickgelu``, ...) or of ``TINY``.
        pretrained: A tag of open_clip's weights (``openai``, ...), a ``.safetensors`` file of this backbone, the
            name of one in ``clip_nodule/weights``, or None for random weights.
        seed: Seed of random weights.

    Raises:
        InputError: There is no such backbone or weights, they cannot be had, or it is not a ViT with CLIP's own
            text transformer.
    """
    file = _weights_file(pretrained)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return _build(name, pretrained, file)


def _build(name: str, pretrained: str | None, file: Path | None) -> Backbone:
    if name in TINY:
        model: nn.Module = clip_from_config(TINY[name])
        if pretrained is not None and file is None:
            raise InputError(
                Problem("are no weights of a tiny backbone", "give a file", "pretrained", value=pretrained)
            )
    else:
        model = _open_clip(name, None if file else pretrained)
    if not isinstance(model, CLIP) or not isinstance(model.visual, VisionTransformer):
        fix = "choose a ViT with CLIP's own text transformer, e.g. ViT-B-32-quickgelu"
        raise InputError(Problem("is no CLIP with a vision transformer", fix, value=name))
    backbone = split_attention(model)
    if file is not None:
        load_backbone(backbone, file)
    return backbone


def backbone_from_config(config: Mapping[str, Any]) -> Backbone:
    """A backbone of random weights from an open_clip model configuration, or one in the form of ``TINY``."""
    return split_attention(clip_from_config(config))


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


def load_backbone(backbone: Backbone, file: Path) -> None:
    """Load a safetensors file into a backbone; every tensor must be there and fit.

    Heads (see ``pretrained_heads``) are passed over. A file may hold only some rows of the token table, as
    ``token_embedding.rows`` (their numbers) and ``token_embedding.weight`` (their values); the other rows become
    the mean of those.
    """
    tensors = {key: tensor for key, tensor in load_file(file).items() if not key.startswith(HEADS)}
    rows = tensors.pop("token_embedding.rows", None)
    if rows is not None:
        kept = tensors["token_embedding.weight"].float()
        table = kept.mean(0).repeat(backbone.token_embedding.num_embeddings, 1)
        table[rows.long()] = kept
        tensors["token_embedding.weight"] = table
    own = backbone.state_dict()
    problems = [Problem("is missing", file=file, column=key) for key in own if key not in tensors]
    problems += [Problem("is not of this backbone", file=file, column=key) for key in tensors if key not in own]
    for key in own.keys() & tensors.keys():
        there, wanted = tuple(tensors[key].shape), tuple(own[key].shape)
        if there != wanted:
            problems.append(Problem(f"has shape {there}, not {wanted}", file=file, column=key))
    if problems:
        raise InputError(problems)
    with torch.no_grad():
        for key, value in own.items():
            value.copy_(tensors[key])


def pretrained_heads(pretrained: str | None) -> dict[str, Tensor]:
    """The projection heads that a file of weights holds beside the backbone, by their names; often none."""
    file = _weights_file(pretrained)
    tensors = {} if file is None else load_file(file)
    return {key.removeprefix(HEADS): tensor for key, tensor in tensors.items() if key.startswith(HEADS)}


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
    whole = visual.attn_pool is not None or visual.pool_type != "tok" or visual.output_tokens
    if whole or visual.proj is None or type(last) is not ResidualAttentionBlock:
        return cast(Tensor, visual(images))
    x = visual._embeds(images)
    for block in blocks:
        x = block(x)
    normed = last.ln_1(x)
    token = x[:, :1] + last.ls_1(last.attn(normed[:, :1], normed, normed)[0])
    token = token + last.ls_2(last.mlp(last.ln_2(token)))
    return cast(Tensor, visual.ln_post(token)[:, 0] @ visual.proj)


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


def _open_clip(name: str, pretrained: str | None) -> nn.Module:
    names = open_clip.list_models()
    if name not in names:
        fix = (
            f"backbones: {', '.join([*TINY, 'ViT-B-32-quickgelu', 'ViT-B-16-quickgelu'])}, or any ViT of open_clip"
        )
        raise InputError(
            Problem(f"is no backbone{nearest(name, [*TINY, *names])}", fix, column="backbone", value=name)
        )
    try:
        return cast(nn.Module, open_clip.create_model(name, pretrained=pretrained, precision="fp32"))
    except (OSError, RuntimeError) as error:
        fix = "connect to the network once, or give the path of a .safetensors file"
        raise InputError(
            Problem(f"the weights {pretrained!r} cannot be had: {error}", fix, column="pretrained", value=name)
        ) from error


def _weights_file(pretrained: str | None) -> Path | None:
    if pretrained is None:
        return None
    for path in (Path(pretrained), WEIGHTS / f"{pretrained}.safetensors"):
        if path.suffix == ".safetensors" and path.is_file():
            return path
    if pretrained.endswith(".safetensors"):
        raise InputError(Problem("does not exist", "check the path", pretrained))
    return None
