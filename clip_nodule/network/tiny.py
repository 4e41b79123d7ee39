"""Backbones small enough for a laptop's processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from open_clip.model import CLIP
from open_clip.transformer import VisionTransformer
from torch import nn

from clip_nodule.network.backbone_config import GROUPS

TOKENS = 49408
"""Size of CLIP's byte-pair vocabulary."""
STEM = "stem"

TINY: dict[str, dict[str, Any]] = {
    "tiny": {
        "embed_dim": 128,
        "quick_gelu": False,
        STEM: [24, 48, 96],
        "vision_cfg": {"image_size": 48, "patch_size": 8, "width": 96, "head_width": 32, "layers": 3},
        "text_cfg": {"context_length": 77, "vocab_size": TOKENS, "width": 64, "heads": 2, "layers": 2},
    },
    "tiny-fast": {
        "embed_dim": 64,
        "quick_gelu": False,
        STEM: [8, 16, 32, 32],
        "vision_cfg": {"image_size": 48, "patch_size": 16, "width": 32, "head_width": 32, "layers": 2},
        "text_cfg": {"context_length": 77, "vocab_size": TOKENS, "width": 32, "heads": 2, "layers": 1},
    },
    "tiny-224": {
        "embed_dim": 128,
        "quick_gelu": True,
        "vision_cfg": {"image_size": 224, "patch_size": 32, "width": 96, "head_width": 32, "layers": 3},
        "text_cfg": {"context_length": 77, "vocab_size": TOKENS, "width": 64, "heads": 2, "layers": 2},
    },
}
"""open_clip model configurations, but for ``stem``: channels of the convolutions, each halving the image, that
make the patches' vectors in the place of one large convolution (see ``conv_stem``)."""


def clip_from_config(config: Mapping[str, Any]) -> CLIP:
    """A CLIP of random weights from a configuration in the form of ``TINY``."""
    model = CLIP(**{key: value for key, value in config.items() if key != STEM})
    if channels := config.get(STEM):
        visual = cast(VisionTransformer, model.visual)
        visual.conv1 = conv_stem(channels, visual.conv1.out_channels)
    return model


def conv_stem(channels: Sequence[int], width: int) -> nn.Sequential:
    """Convolutions of 3 x 3 that halve the image each, in the place of a vision transformer's patches.

    A small transformer learns edges and textures sooner behind them: Xiao et al. 2021, "Early Convolutions Help
    Transformers See Better".

    Args:
        channels: Of each convolution; the patch is ``2 ** len(channels)`` pixels wide.
        width: Of the transformer.
    """
    layers: list[nn.Module] = []
    for entering, leaving in zip([3, *channels[:-1]], channels, strict=True):
        convolution = nn.Conv2d(entering, leaving, 3, stride=2, padding=1)
        layers += [convolution, nn.GroupNorm(GROUPS, leaving), nn.GELU()]
    return nn.Sequential(*layers, nn.Conv2d(channels[-1], width, 1))
