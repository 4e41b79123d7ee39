"""Eight-bit arithmetic for scoring on a processor: with VNNI instructions four times the products of fp32."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from benchmark.errors import InputError, Problem
from benchmark.imaging.recipe import Recipe
from clip_nodule.network.backbone import Backbone, encode_image

QUICK = 1.702
"""QuickGELU(x) is x · sigmoid(1.702 x)."""
ONE = torch.ones(())
TINIEST = torch.finfo(torch.float32).tiny


def has_int8() -> bool:
    """Whether the processor multiplies int8 matrices without overflow and four times as fast as fp32 (VNNI)."""
    return bool(torch.cpu._is_vnni_supported())


def require_int8(device: torch.device) -> None:
    """Refuse int8 where it is not to be had.

    Raises:
        InputError: With what to use instead.
    """
    if device.type == "cpu" and has_int8():
        return
    what, fix = "is for the processor", "pass --device cpu, or use bf16"
    if device.type == "cpu":
        what, fix = "needs a processor with VNNI instructions", "use bf16 or fp32"
    raise InputError(Problem(what, fix, column="precision", value="int8"))


class Int8Linear(nn.Module):
    """A linear layer of int8 weights, one scale a row, that rounds its input to 8 bits by the input's range.

    Args:
        weight: ``[out, in]``; an update by LoRA must be merged.
        bias: ``[out]``, or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        super().__init__()
        weight = weight.detach()
        self.scales = (weight.abs().amax(1) / 127).clamp_min(TINIEST)
        self.zeros = torch.zeros(len(weight), dtype=torch.int64)
        self.bias = None if bias is None else bias.detach()
        rounded = (weight / self.scales[:, None]).round_().clamp_(-127, 127).to(torch.int8)
        # oneDNN's own operators: torch's tensors with a quantised dtype are deprecated.
        self.packed = torch.ops.onednn.qlinear_prepack(rounded, None)

    @classmethod
    def of(cls, linear: nn.Linear, *, columns: Tensor = ONE, rows: Tensor = ONE) -> Int8Linear:
        """The layer in int8, its input coming divided by ``columns``, its output to be multiplied by ``rows``."""
        bias = None if linear.bias is None else linear.bias * rows
        return cls(linear.weight * columns * rows.reshape(-1, 1), bias)

    def forward(self, x: Tensor) -> Tensor:
        """``[..., in]`` to ``[..., out]``, both fp32."""
        low, high = (float(end) for end in torch.aminmax(x))
        step = max((max(high, 0.0) - min(low, 0.0)) / 255, TINIEST)
        zero = round(-min(low, 0.0) / step)
        steps = x.flatten(0, -2).mul(1 / step).add_(zero).round_().clamp_(0, 255).to(torch.uint8)
        result: Tensor = torch.ops.onednn.qlinear_pointwise(
            steps, step, zero, self.packed, self.scales, self.zeros, self.bias,
            1.0, 0, torch.float32, "none", [], "",
        )  # fmt: skip
        return result.reshape(*x.shape[:-1], -1)


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
        patches = images.unfold(2, height, height).unfold(3, width, width)
        encoded: Tensor = self.linear(patches.permute(0, 2, 3, 1, 4, 5).flatten(3))
        return encoded.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Ranges:
    """Largest magnitude of every channel, ``[width]``, where a block's layer before can change it for nothing.

    Attributes:
        attention: What enters the Q, K and V projections.
        attended: What enters the attention's output projection.
        mlp: What enters the first layer of the perceptron.
    """

    attention: Tensor
    attended: Tensor
    mlp: Tensor


@torch.no_grad()
def quantise_images(backbone: Backbone, images: Tensor) -> None:
    """Let the linear layers and the patches of the image encoder compute in int8, in place.

    Attention, normalisation and the convolutions of a tiny backbone stay fp32. Channels whose values are much
    larger than others would leave few of the 256 steps to the rest: where the layer before can take it up, half of
    that (as a logarithm) moves into the weights and the function stays the same (Xiao et al. 2023, "SmoothQuant").

    Args:
        backbone: On the processor, low-rank updates merged; its parameters are not written to, other backbones may
            share them. One that computes in int8 already is left as it is.
        images: ``[n, 3, size, size]`` that show the channels' ranges.
    """
    visual = backbone.visual
    blocks = visual.transformer.resblocks
    if isinstance(blocks[0].mlp.c_fc, Int8Linear):
        return
    for block, ranges in zip(blocks, _ranges(backbone, images), strict=True):
        _quantise_block(block, ranges)
    if isinstance(visual.conv1, nn.Conv2d):
        visual.conv1 = Int8Patches(visual.conv1)


def _ranges(backbone: Backbone, images: Tensor) -> list[Ranges]:
    """Ranges of every block while it encodes ``images``."""
    found: list[dict[str, Tensor]] = []
    hooks = []
    for block in backbone.visual.transformer.resblocks:
        seen: dict[str, Tensor] = {}
        found.append(seen)
        # The keys' input, not the queries': the last layer's only query is the class token.
        places = {"attention": block.attn.k_proj, "attended": block.attn.out_proj, "mlp": block.mlp.c_fc}
        hooks += [layer.register_forward_pre_hook(partial(_note, seen, at)) for at, layer in places.items()]
    encode_image(backbone, images)
    for hook in hooks:
        hook.remove()
    return [Ranges(**seen) for seen in found]


def _note(seen: dict[str, Tensor], at: str, _: nn.Module, given: tuple[Tensor, ...]) -> None:
    seen[at] = given[0].abs().flatten(0, -2).amax(0)


def _quantise_block(block: Any, ranges: Ranges) -> None:  # noqa: ANN401
    attention, mlp = block.attn, block.mlp
    factor = _factor(ranges.attention, *(layer.weight for layer in attention.inputs))
    block.ln_1 = _divided(block.ln_1, factor)
    attended = _factor(ranges.attended, attention.out_proj.weight)
    attention.q_proj = Int8Linear.of(attention.q_proj, columns=factor)
    attention.k_proj = Int8Linear.of(attention.k_proj, columns=factor)
    attention.v_proj = Int8Linear.of(attention.v_proj, columns=factor, rows=1 / attended)
    attention.out_proj = Int8Linear.of(attention.out_proj, columns=attended)
    factor = _factor(ranges.mlp, mlp.c_fc.weight)
    block.ln_2 = _divided(block.ln_2, factor)
    gain = ONE
    if isinstance(mlp.gelu, QuickGELU):
        # 1.702 x · sigmoid(1.702 x) is one pass over memory, SiLU; the layers around it take up the factor.
        gain, mlp.gelu = torch.tensor(QUICK), nn.SiLU(inplace=True)
    mlp.c_fc = Int8Linear.of(mlp.c_fc, columns=factor, rows=gain)
    mlp.c_proj = Int8Linear.of(mlp.c_proj, columns=1 / gain)


def _factor(entering: Tensor, *weights: Tensor) -> Tensor:
    """What each channel is divided by, and its weights multiplied with, so that both have the same range."""
    columns = torch.stack([weight.abs().amax(0) for weight in weights]).amax(0)
    factor = (entering / columns).sqrt()
    return torch.where((entering > 0) & (columns > 0), factor, 1.0)


def _divided(norm: nn.LayerNorm, factor: Tensor) -> nn.LayerNorm:
    """A layer normalisation whose output is divided by ``factor``."""
    divided = copy.deepcopy(norm)
    for parameter in divided.parameters():
        parameter.div_(factor)
    return divided


def made_nodule(recipe: Recipe) -> NDArray[np.int16]:
    """A crop ``[1, size, size, size]`` of noisy lung with a ball and a piece of chest wall, always the same."""
    noise = np.random.default_rng(0).normal(0, 25, (recipe.size,) * 3)
    mm = (np.indices(noise.shape) - recipe.centre_index) * recipe.spacing
    tissue = ((mm**2).sum(0) < 8.0**2) | (mm[2] > 0.4 * recipe.plane_mm)
    crop: NDArray[np.int16] = np.rint(np.where(tissue, 40, -850) + noise).astype(np.int16)
    return crop[None]
