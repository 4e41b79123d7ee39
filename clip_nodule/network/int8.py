"""Eight-bit arithmetic for scoring on a processor: with VNNI instructions four times the products of fp32."""

from __future__ import annotations

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from clip_nodule.network.backbone import Backbone

ENGINE = "onednn"
QUICK = 1.702
"""QuickGELU(x) is x · sigmoid(1.702 x)."""


class Int8Linear(nn.Module):
    """A linear layer of int8 weights, one scale a row, that rounds its input to 8 bits by the input's range.

    Args:
        weight: ``[out, in]``; an update by LoRA must be merged.
        bias: ``[out]``, or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        scales = (weight.detach().abs().amax(1).double() / 127).clamp_min(torch.finfo(torch.float32).tiny)
        zeros = torch.zeros(len(weight), dtype=torch.int64)
        rounded = torch.quantize_per_channel(weight.detach(), scales, zeros, 0, torch.qint8)
        torch.backends.quantized.engine = ENGINE  # decides how the weights are laid out
        self.packed = torch.ops.quantized.linear_prepack(rounded, None if bias is None else bias.detach())

    @classmethod
    def of(cls, linear: nn.Linear) -> Int8Linear:
        """The same layer in int8."""
        return cls(linear.weight, linear.bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` to ``[..., out]``, both fp32."""
        result: Tensor = torch.ops.quantized.linear_dynamic(x, self.packed, False)
        return result


class Int8Patches(nn.Module):
    """A convolution whose stride is its kernel, as a linear layer over patches.

    Args:
        convolution: What it stands for.
    """

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.kernel = convolution.kernel_size
        self.linear = Int8Linear(convolution.weight.flatten(1), convolution.bias)

    def forward(self, images: Tensor) -> Tensor:
        """``[n, channels, height, width]`` to ``[n, out, rows, columns]`` of patches."""
        height, width = self.kernel
        n, channels, rows, columns = (
            images.shape[0],
            images.shape[1],
            *(size // step for size, step in zip(images.shape[2:], self.kernel, strict=True)),
        )
        cut = images[:, :, : rows * height, : columns * width].reshape(n, channels, rows, height, columns, width)
        patches = cut.permute(0, 2, 4, 1, 3, 5).reshape(n, rows * columns, -1)
        encoded: Tensor = self.linear(patches).transpose(1, 2)
        return encoded.reshape(n, -1, rows, columns)


def quantise_images(backbone: Backbone) -> None:
    """Let the linear layers and the patches of the image encoder compute in int8, in place.

    Attention, normalisation and the convolutions of a tiny backbone stay fp32.

    Args:
        backbone: On the processor, low-rank updates merged. One that computes in int8 already is left as it is.
    """
    visual = backbone.visual
    if isinstance(visual.conv1, nn.Conv2d):
        visual.conv1 = Int8Patches(visual.conv1)
    for block in visual.transformer.resblocks:
        if isinstance(block.mlp.c_fc, Int8Linear):
            return
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            setattr(block.attn, name, Int8Linear.of(getattr(block.attn, name)))
        enter, leave = block.mlp.c_fc, block.mlp.c_proj
        if isinstance(block.mlp.gelu, QuickGELU):
            # 1.702 x · sigmoid(1.702 x) is one pass over memory, SiLU; the layers around it take up the factor.
            block.mlp.c_fc = Int8Linear(enter.weight * QUICK, None if enter.bias is None else enter.bias * QUICK)
            block.mlp.gelu = nn.SiLU(inplace=True)
            block.mlp.c_proj = Int8Linear(leave.weight / QUICK, leave.bias)
        else:
            block.mlp.c_fc, block.mlp.c_proj = Int8Linear.of(enter), Int8Linear.of(leave)
