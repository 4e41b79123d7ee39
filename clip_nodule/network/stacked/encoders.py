"""CLIP's frozen blocks over the images and texts of several folds, each with low-rank updates of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn
from torch.nn import functional

from clip_nodule.network.backbone import Backbone, image_tokens
from clip_nodule.network.int8 import QUICK
from clip_nodule.network.stacked.layout import DOWN, OUT_DOWN, OUT_UP, UP, AdaptedTower, split_layer

ROWS = {"cuda": 8}
"""Low-rank products have a multiple of these rows: a GPU's matrix units are several times slower with six."""


class FrozenBlock:
    """One transformer block whose own weights do not learn.

    Q, K and V are one product. QuickGELU becomes SiLU, ``1.702`` moved into the weights around it: the same
    function, in one pass forward and one back.

    Args:
        block: A block that is CLIP's own (``are_clips_own``).
        dtype: Of products and activations; what blocks are added to stays in fp32.
    """

    def __init__(self, block: nn.Module, dtype: torch.dtype) -> None:
        whole = cast(Any, block)
        self.dtype, self.heads = dtype, int(whole.attn.heads)
        self.norm_1, self.norm_2 = whole.ln_1, whole.ln_2
        inputs = [split_layer(layer)[0] for layer in whole.attn.inputs]
        self.qkv = self._kept(torch.cat([layer.weight for layer in inputs]))
        self.qkv_bias = None if inputs[0].bias is None else self._kept(torch.cat([one.bias for one in inputs]))
        out = split_layer(whole.attn.out_proj)[0]
        self.out, self.out_bias = self._kept(out.weight), None if out.bias is None else self._kept(out.bias)
        quick = isinstance(whole.mlp.gelu, QuickGELU)
        self.activation = functional.silu if quick else cast(Any, whole.mlp.gelu)
        factor = QUICK if quick else 1.0
        self.widen, self.widen_bias = (
            self._kept(whole.mlp.c_fc.weight * factor), self._kept(whole.mlp.c_fc.bias * factor)
        )  # fmt: skip
        self.narrow = self._kept(whole.mlp.c_proj.weight / factor)
        self.narrow_bias = self._kept(whole.mlp.c_proj.bias)

    def _kept(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self.dtype)

    def __call__(self, x: Tensor, update: LayerUpdate | None, *, causal: bool, first_only: bool) -> Tensor:
        """Tokens through the block.

        Args:
            x: ``[folds, n, tokens, width]`` in fp32.
            update: The folds' low-rank updates of this layer.
            causal: Tokens look at those before them only.
            first_only: Compute the first token alone, where nothing reads the others.
        """
        attended = self._attention(self.norm_1(x).to(self.dtype), update, causal=causal, first_only=first_only)
        x = (x[:, :, :1] if first_only else x) + attended
        hidden = functional.linear(self.norm_2(x).to(self.dtype), self.widen, self.widen_bias)
        return x + functional.linear(self.activation(hidden), self.narrow, self.narrow_bias)

    def _attention(self, x: Tensor, update: LayerUpdate | None, *, causal: bool, first_only: bool) -> Tensor:
        folds, n, tokens, width = x.shape
        below = None if update is None else update.below(x)
        if first_only:
            parts = (self._projected(x[:, :, :1], slice(0, width), below, update),
                     self._projected(x, slice(width, None), below, update))  # fmt: skip
            separate = [part.view(folds * n, part.shape[2], -1, width) for part in parts]
            q, k, v = separate[0][:, :, 0], separate[1][:, :, 0], separate[1][:, :, 1]
        else:
            qkv = self._projected(x, slice(None), below, update).view(folds * n, tokens, 3, width)
            q, k, v = qkv.unbind(2)
        q, k, v = (part.reshape(*part.shape[:2], self.heads, -1).transpose(1, 2) for part in (q, k, v))
        attended = functional.scaled_dot_product_attention(q, k, v, is_causal=causal)
        joined = attended.transpose(1, 2).reshape(folds, n, -1, width)
        out = functional.linear(joined, self.out, self.out_bias)
        return out if update is None else update.added_to_output(out, joined)

    def _projected(self, x: Tensor, rows: slice, below: Tensor | None, update: LayerUpdate | None) -> Tensor:
        """Some of Q, K and V ``[folds, n, tokens, rows]``, with their updates."""
        bias = None if self.qkv_bias is None else self.qkv_bias[rows]
        product = functional.linear(x.flatten(1, 2), self.qkv[rows], bias)
        if below is None or update is None or update.up is None:
            return product.view(*x.shape[:3], -1)
        low = below[:, :, : x.shape[2]].flatten(1, 2)
        return product.baddbmm_(low, update.up[..., rows]).view(*x.shape[:3], -1)


@dataclass(frozen=True)
class LayerUpdate:
    """The folds' low-rank updates of one layer.

    Attributes:
        down: ``[folds, rows, width]`` of all projections, ``projections * rank`` or filled up with rows of 0, or
            None.
        up: ``[folds, rows, 3 * width]``: zero where a projection's update meets another projection.
        mask: Which inputs the updates see, ``[folds, n * tokens, width]``; None for all.
        out_down: ``[folds, rank, width]`` of the output projection, or None.
        out_up: ``[folds, rank, width]``.
        out_mask: As ``mask``.
    """

    down: Tensor | None
    up: Tensor | None
    mask: Tensor | None
    out_down: Tensor | None
    out_up: Tensor | None
    out_mask: Tensor | None

    def below(self, x: Tensor) -> Tensor | None:
        """The inputs ``[folds, n, tokens, width]`` brought down to ``[folds, n, tokens, projections * rank]``."""
        if self.down is None:
            return None
        return _brought_down(x.flatten(1, 2), self.down, self.mask).view(*x.shape[:3], -1)

    def added_to_output(self, out: Tensor, x: Tensor) -> Tensor:
        """The output projection with its update."""
        if self.out_down is None or self.out_up is None:
            return out
        mask = None if self.out_mask is None else self.out_mask.view(*x.shape[:1], x.shape[1], -1, x.shape[3])
        seen = None if mask is None else mask[:, :, : x.shape[2]].flatten(1, 2)
        low = _brought_down(x.flatten(1, 2), self.out_down, seen)
        return torch.baddbmm(out.flatten(1, 2), low, self.out_up).view(out.shape)


def _brought_down(x: Tensor, down: Tensor, mask: Tensor | None) -> Tensor:
    return torch.bmm(x if mask is None else x * mask, down.mT)


class FrozenPatches:
    """What a vision transformer does before its first block, where nothing of it learns.

    A convolution whose patches lie side by side is a product; any other stem runs as it is.

    Args:
        backbone: Of a frozen image encoder.
        dtype: Of products and convolutions.
    """

    def __init__(self, backbone: Backbone, dtype: torch.dtype) -> None:
        self.backbone, self.dtype = backbone, dtype
        stem = backbone.visual.conv1
        plain = isinstance(stem, nn.Conv2d) and stem.stride == stem.kernel_size and not any(stem.padding)
        self.patch = stem.kernel_size if plain else None
        if plain:
            self.weight = stem.weight.detach().flatten(1).to(dtype)
            self.bias = None if stem.bias is None else stem.bias.detach().to(dtype)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Images ``[n, 3, size, size]`` as tokens ``[n, tokens, width]`` in fp32, the class token first."""
        visual = self.backbone.visual
        if self.patch is None:
            with torch.autocast(images.device.type, self.dtype, enabled=self.dtype != torch.float32):
                return image_tokens(self.backbone, images).float()
        (high, wide), (n, channels) = self.patch, images.shape[:2]
        rows, columns = images.shape[2] // high, images.shape[3] // wide
        cut = images[:, :, : rows * high, : columns * wide].to(self.dtype)
        patches = cut.reshape(n, channels, rows, high, columns, wide).permute(0, 2, 4, 1, 3, 5)
        embedded = functional.linear(patches.reshape(n, rows * columns, -1), self.weight, self.bias).float()
        first = visual.class_embedding.view(1, 1, -1).expand(n, 1, -1)
        tokens = torch.cat([first, embedded], dim=1) + visual.positional_embedding
        return cast(Tensor, visual.ln_pre(tokens))


class FrozenTower:
    """The blocks of an encoder.

    Args:
        blocks: Blocks that are CLIP's own.
        adapted: What is adapted of them.
        dtype: See ``FrozenBlock``.
    """

    def __init__(self, blocks: Sequence[nn.Module], adapted: AdaptedTower | None, dtype: torch.dtype) -> None:
        self.blocks = [FrozenBlock(block, dtype) for block in blocks]
        self.adapted, self.dtype = adapted, dtype
        self._places = None if adapted is None else _places(adapted.inputs, self.blocks[0].out.device)

    def __call__(
        self,
        x: Tensor,
        leaves: Mapping[str, Tensor],
        masks: Tensor | None,
        *,
        causal: bool = False,
        first_only: bool = False,
    ) -> Tensor:
        """Tokens through all blocks.

        Args:
            x: ``[folds, n, tokens, width]``.
            leaves: The folds' updates, by ``DOWN``, ``UP``, ``OUT_DOWN``, ``OUT_UP``.
            masks: ``mask_shape``; None while nothing is dropped.
            causal: See ``FrozenBlock``.
            first_only: Compute the first token alone in the last block.
        """
        updates = self._updates(leaves, masks)
        last = len(self.blocks) - 1
        for number, block in enumerate(self.blocks):
            x = block(x, updates.get(number), causal=causal, first_only=first_only and number == last)
        return x

    @property
    def dropout(self) -> float:
        """Dropout before the updates; 0 without any."""
        return 0.0 if self.adapted is None else self.adapted.dropout

    def mask_shape(self, n: int, tokens: int) -> tuple[int, ...]:
        """One fold's masks: ``[layers, kinds, n * tokens, width]``, of Q, K and V, and of the output."""
        own = cast(AdaptedTower, self.adapted)
        return len(own.layers), bool(own.inputs) + own.output, n * tokens, self.blocks[0].out.shape[0]

    def _updates(self, leaves: Mapping[str, Tensor], masks: Tensor | None) -> dict[int, LayerUpdate]:
        own = self.adapted
        if own is None:
            return {}
        scale = own.scaling / (1 if masks is None else 1 - own.dropout)
        down, up, out_down, out_up = (leaves.get(name) for name in (DOWN, UP, OUT_DOWN, OUT_UP))
        downs, ups = self._layers(down, scale), self._layers(None if up is None else self._beside(up))
        out_downs = self._layers(out_down, scale)
        out_ups = self._layers(None if out_up is None else out_up.mT)
        found = {}
        for number, place in own.layers.items():
            mask = None if masks is None or not own.inputs else masks[:, place, 0]
            out_mask = None if masks is None or not own.output else masks[:, place, -1]
            found[number] = LayerUpdate(downs[place], ups[place], mask, out_downs[place], out_ups[place], out_mask)
        return found

    def _layers(self, leaf: Tensor | None, scale: float = 1.0) -> Sequence[Tensor | None]:
        """A leaf ``[folds, layers, rows, width]`` layer by layer, in the products' type."""
        if leaf is None:
            return [None] * len(cast(AdaptedTower, self.adapted).layers)
        leaf = leaf if scale == 1.0 else leaf * scale
        missing = -leaf.shape[2] % ROWS.get(leaf.device.type, 1)
        filled = functional.pad(leaf, (0, 0, 0, missing)) if missing else leaf
        return filled.to(self.dtype).unbind(1)

    def _beside(self, up: Tensor) -> Tensor:
        """``[folds, layers, projections, width, rank]`` as ``[folds, layers, projections * rank, 3 * width]``."""
        return (up.mT.unsqueeze(-2) * cast(Tensor, self._places)).flatten(-2).flatten(2, 3)


def _places(inputs: Sequence[int], device: torch.device) -> Tensor:
    """1 where an adapted projection is Q, K or V: ``[projections, 1, 3, 1]``."""
    return torch.eye(3, device=device)[list(inputs)].view(-1, 1, 3, 1)
