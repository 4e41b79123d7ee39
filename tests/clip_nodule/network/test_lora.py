from __future__ import annotations

import math

import peft
import pytest
import torch

from benchmark.errors import InputError
from clip_nodule.network.backbone import build_backbone, encode_text
from clip_nodule.network.lora import add_lora, layer_numbers, merged
from clip_nodule.text.tokens import tokenize
from tests.clip_nodule.counts import adapted_layers


# The lists of CLIP-LoRA (MaxZanella/CLIP-LoRA, loralib/utils.py), which the paper's code imports.
@pytest.mark.parametrize(
    ("position", "layers"),
    [
        ("all", range(12)),
        ("bottom", range(4)),
        ("mid", range(4, 8)),
        ("up", range(8, 12)),
        ("half-bottom", range(6)),
        ("half-up", range(6, 12)),
        ("top3", range(9, 12)),
    ],
)
def test_positions_in_twelve_layers_are_the_papers(position, layers) -> None:
    assert list(layer_numbers(position, 12)) == list(layers)


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 5, 24])
@pytest.mark.parametrize("position", ["all", "bottom", "mid", "up", "half-bottom", "half-up", "top3"])
def test_every_position_names_layers_that_exist_at_any_depth(position, depth) -> None:
    layers = list(layer_numbers(position, depth))
    assert layers
    assert set(layers) <= set(range(depth))


@pytest.mark.parametrize("encoder", ["text", "vision", "both"])
@pytest.mark.parametrize("params", [("q",), ("q", "k", "v"), ("v", "o")])
def test_only_the_layers_asked_for_are_adapted(encoder, params) -> None:
    model = add_lora(build_backbone("tiny"), encoder=encoder, params=params)
    towers = {"vision": ("visual.transformer", 3), "text": ("transformer", 2)}
    names = {"q": "q_proj", "k": "k_proj", "v": "v_proj", "o": "out_proj"}
    chosen = towers.values() if encoder == "both" else [towers[encoder]]
    expected = {
        f"{prefix}.resblocks.{layer}.attn.{names[param]}"
        for prefix, depth in chosen
        for layer in range(depth)
        for param in params
    }
    assert set(adapted_layers(model)) == expected
    trainable = {name for name, p in model.named_parameters() if p.requires_grad}
    assert all(".lora_" in name for name in trainable)
    assert len(trainable) == 2 * len(expected)


@pytest.mark.parametrize(("stabilised", "scale"), [(True, 3 / math.sqrt(4)), (False, 3 / 4)])
def test_the_update_is_scaled_by_alpha_over_root_r_or_by_alpha_over_r(stabilised, scale) -> None:
    backbone = build_backbone("tiny")
    layer = backbone.visual.transformer.resblocks[1].attn.k_proj
    weight = layer.weight.detach().clone()
    model = add_lora(backbone, rank=4, alpha=3, rank_stabilised=stabilised)
    adapted = model.base_model.model.visual.transformer.resblocks[1].attn.k_proj
    torch.nn.init.normal_(adapted.lora_B["default"].weight)
    a, b = adapted.lora_A["default"].weight.detach(), adapted.lora_B["default"].weight.detach()
    after = merged(model).visual.transformer.resblocks[1].attn.k_proj.weight
    torch.testing.assert_close(after, weight + scale * b @ a)


def test_no_projection_is_an_error() -> None:
    with pytest.raises(InputError, match="names no projection"):
        add_lora(build_backbone("tiny"), params=())


def test_merging_keeps_the_outputs(tmp_path) -> None:
    torch.manual_seed(0)
    model = add_lora(build_backbone("tiny"), encoder="both").eval()
    for name, parameter in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(parameter, std=0.2)
    images, tokens = torch.randn(2, 3, 48, 48), tokenize(["a nodule"])
    before = model.visual(images), encode_text(model, tokens)
    after = merged(model)
    torch.testing.assert_close(after.visual(images), before[0], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encode_text(after, tokens), before[1], rtol=1e-4, atol=1e-5)
    assert isinstance(model, peft.PeftModel)
