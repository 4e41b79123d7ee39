"""Transformer blocks in bf16 with as few passes over memory as a GPU can do with."""

from __future__ import annotations

from typing import Any, cast

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn
from torch.nn import functional

from clip_nodule.network.backbone import Backbone, pools_the_class_token
from clip_nodule.network.int8 import QUICK
from clip_nodule.network.stacked.layout import are_clips_own


def is_lean(backbone: Backbone) -> bool:
    """Whether a backbone's image encoder is one that ``LeanBlock`` and the class token alone are enough for."""
    blocks = list(cast(Any, backbone.visual).transformer.resblocks)
    return pools_the_class_token(backbone) and are_clips_own(blocks) and all(map(_has_plain_layers, blocks))


def _has_plain_layers(block: nn.Module) -> bool:
    """Whether nothing is wrapped around its layers, and they are of the kinds whose weights can be joined."""
    whole = cast(Any, block)
    layers = (*whole.attn.inputs, whole.attn.out_proj, whole.mlp.c_fc, whole.mlp.c_proj)
    return (
        all(type(layer) is nn.Linear for layer in layers)
        and all(isinstance(norm, nn.LayerNorm) for norm in (whole.ln_1, whole.ln_2))
        and isinstance(whole.mlp.gelu, QuickGELU | nn.GELU)
    )


class LeanBlock:
    """A block of CLIP whose weights are rounded to bf16 once, before anything is computed.

    Q, K and V are one product. The scale and shift of a layer normalisation go into the layer behind it, and
    QuickGELU becomes SiLU, its 1.702 in the layers around it: the same function in fewer passes. Activations are
    bf16 between layers, as under autocast.

    Args:
        block: What it stands for (see ``is_lean``); it stays as it is.
        class_token_alone: Compute the first token alone, as nothing is read from the others.
    """

    def __init__(self, block: nn.Module, *, class_token_alone: bool = False) -> None:
        whole = cast(Any, block)
        self.heads, self.alone = int(whole.attn.heads), class_token_alone
        self.eps_1, self.eps_2 = float(whole.ln_1.eps), float(whole.ln_2.eps)
        self.inputs, self.inputs_bias = _behind(whole.ln_1, *whole.attn.inputs)
        self.out, self.out_bias = _weights(whole.attn.out_proj)
        quick = isinstance(whole.mlp.gelu, QuickGELU)
        gain = QUICK if quick else 1.0
        self.widen, self.widen_bias = _behind(whole.ln_2, whole.mlp.c_fc, gain=gain)
        self.narrow, self.narrow_bias = _weights(whole.mlp.c_proj, gain=1 / gain)
        self.activation = _silu if quick else whole.mlp.gelu

    def __call__(self, x: Tensor) -> Tensor:
        """``[n, tokens, width]`` in bf16; ``[n, 1, width]`` where only the class token is computed."""
        attended = self._attended(_normed(x, self.eps_1))
        x = x[:, :1] if self.alone else x
        x = x + functional.linear(attended, self.out, self.out_bias)
        wide = self.activation(functional.linear(_normed(x, self.eps_2), self.widen, self.widen_bias))
        return x + functional.linear(wide, self.narrow, self.narrow_bias)

    def _attended(self, normed: Tensor) -> Tensor:
        width = normed.shape[-1]
        if self.alone:
            queries = functional.linear(normed[:, :1], self.inputs[:width], self.inputs_bias[:width])
            others = functional.linear(normed, self.inputs[width:], self.inputs_bias[width:])
            q, (k, v) = self._split(queries, 1)[0], self._split(others, 2)
        else:
            q, k, v = self._split(functional.linear(normed, self.inputs, self.inputs_bias), 3)
        attended = functional.scaled_dot_product_attention(q, k, v)
        return attended.transpose(1, 2).flatten(2)

    def _split(self, together: Tensor, parts: int) -> tuple[Tensor, ...]:
        """``[n, tokens, parts * width]`` to ``[n, heads, tokens, width / heads]`` of each."""
        n, tokens, _ = together.shape
        return together.view(n, tokens, parts, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)


def _normed(x: Tensor, eps: float) -> Tensor:
    """A layer normalisation without scale and shift, in the numbers of ``x``."""
    return functional.layer_norm(x, x.shape[-1:], eps=eps)


def _behind(norm: nn.LayerNorm, *layers: nn.Linear, gain: float = 1.0) -> tuple[Tensor, Tensor]:
    """Weight and bias of some layers as one, which take up a normalisation's scale and shift before them."""
    weight = torch.cat([layer.weight for layer in layers]).detach() * gain
    bias = torch.cat([_bias(layer) for layer in layers]) * gain + weight @ norm.bias.detach()
    return _rounded(weight * norm.weight.detach()), _rounded(bias)


def _weights(layer: nn.Linear, *, gain: float = 1.0) -> tuple[Tensor, Tensor]:
    """Weight, multiplied by ``gain``, and bias of a layer."""
    return _rounded(layer.weight * gain), _rounded(_bias(layer))


def _bias(layer: nn.Linear) -> Tensor:
    return torch.zeros_like(layer.weight[:, 0]) if layer.bias is None else layer.bias.detach()


def _rounded(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.bfloat16)


def _silu(x: Tensor) -> Tensor:
    return functional.silu(x, inplace=True)
