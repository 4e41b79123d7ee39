"""Attention with separate Q, K and V projections, so that LoRA attaches to each."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


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
