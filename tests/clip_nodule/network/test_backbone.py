from __future__ import annotations

import copy

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from benchmark.errors import InputError
from clip_nodule.network.backbone import (
    SplitAttention,
    build_backbone,
    encode_image,
    encode_text,
    image_size,
    split_attention,
)
from clip_nodule.network.tiny import TINY, clip_from_config
from clip_nodule.text.tokens import tokenize


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_split_attention_is_pytorchs_attention(masked: bool, bias: bool) -> None:
    torch.manual_seed(0)
    stacked = nn.MultiheadAttention(24, 3, bias=bias, batch_first=True).eval()
    if bias:
        nn.init.normal_(stacked.in_proj_bias)
        nn.init.normal_(stacked.out_proj.bias)
    x = torch.randn(2, 5, 24)
    mask = torch.full((5, 5), float("-inf")).triu(1) if masked else None
    expected = stacked(x, x, x, need_weights=False, attn_mask=mask)[0]
    torch.testing.assert_close(SplitAttention.of(stacked)(x, x, x, attn_mask=mask)[0], expected)


def test_a_split_backbone_gives_open_clips_outputs() -> None:
    torch.manual_seed(0)
    plain = clip_from_config(TINY["tiny"]).eval()
    split = split_attention(copy.deepcopy(plain))
    images = torch.randn(2, 3, 48, 48)
    tokens = tokenize(["a solid nodule", "There is pleural attachment, and much more besides."])
    torch.testing.assert_close(split.visual(images), plain.encode_image(images))
    torch.testing.assert_close(encode_image(split, images), plain.encode_image(images))
    # encode_text cuts the padding off; open_clip computes all 77 positions.
    torch.testing.assert_close(encode_text(split, tokens), plain.encode_text(tokens))


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"ls_init_value": 0.5},
        {"no_ln_pre": True},
        {"final_ln_after_pool": True},
        {"pool_type": "avg"},
        {"attentional_pool": True, "attn_pooler_heads": 4, "attn_pooler_queries": 3},
        {"layers": 1},
    ],
)
def test_the_last_layer_of_the_class_token_alone_gives_open_clips_output_and_gradients(changed: dict) -> None:
    config = TINY["tiny"] | {"vision_cfg": TINY["tiny"]["vision_cfg"] | changed}
    torch.manual_seed(0)
    backbone = split_attention(clip_from_config(config))
    images = torch.randn(3, 3, 48, 48)
    found = []
    for encode in (backbone.visual, lambda x: encode_image(backbone, x)):
        backbone.zero_grad()
        output = encode(images)
        output.square().sum().backward()
        gradients = {n: p.grad for n, p in backbone.visual.named_parameters() if p.grad is not None}
        found.append((output, {n: g for n, g in gradients.items() if g.abs().sum() > 0}))
    torch.testing.assert_close(found[1][0], found[0][0], rtol=1e-4, atol=1e-5)
    assert found[0][1].keys() == found[1][1].keys()
    for name, gradient in found[0][1].items():
        torch.testing.assert_close(found[1][1][name], gradient, rtol=1e-3, atol=1e-5, msg=name)


def test_a_stem_makes_as_many_tokens_as_the_patches_it_stands_for() -> None:
    visual = clip_from_config(TINY["tiny"]).visual
    size, patch = TINY["tiny"]["vision_cfg"]["image_size"], TINY["tiny"]["vision_cfg"]["patch_size"]
    images = torch.rand(2, 3, size, size)
    tokens = visual.conv1(images)
    assert tokens.shape == (2, 96, size // patch, size // patch)
    assert len(visual.positional_embedding) == (size // patch) ** 2 + 1
    # Convolutions see what is around: a pixel of one patch changes the next one's token too.
    changed = images.clone()
    changed[:, :, patch - 1, patch - 1] += 1
    assert not torch.equal(visual.conv1(changed)[:, :, 1, 1], tokens[:, :, 1, 1])
    plain = clip_from_config(TINY["tiny-224"]).visual.conv1
    assert isinstance(plain, nn.Conv2d)
    assert plain.kernel_size == (32, 32)


def test_same_seed_same_weights_and_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, two, other = (build_backbone("tiny", seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not torch.equal(one["visual.proj"], other["visual.proj"])


def test_part_of_a_token_table_is_filled_up_with_its_mean(tmp_path) -> None:
    tensors = dict(build_backbone("tiny").state_dict())
    rows = torch.tensor([5, 49407], dtype=torch.int32)
    tensors |= {
        "token_embedding.rows": rows,
        "token_embedding.weight": torch.stack([torch.zeros(64), torch.ones(64)]),
    }
    save_file(tensors, tmp_path / "part.safetensors")
    table = build_backbone("tiny", str(tmp_path / "part.safetensors")).token_embedding.weight
    assert table[5].eq(0).all()
    assert table[49407].eq(1).all()
    assert table[6].eq(0.5).all()


def test_wrong_weights_are_listed_all_at_once(tmp_path) -> None:
    tensors = dict(build_backbone("tiny").state_dict())
    del tensors["ln_final.bias"]
    tensors["visual.proj"] = torch.zeros(3, 3)
    tensors["stranger"] = torch.zeros(1)
    save_file(tensors, tmp_path / "bad.safetensors")
    with pytest.raises(InputError) as caught:
        build_backbone("tiny", str(tmp_path / "bad.safetensors"))
    assert {problem.column for problem in caught.value.problems} == {"ln_final.bias", "visual.proj", "stranger"}


@pytest.mark.parametrize(
    ("name", "pretrained", "said"),
    [
        ("ViT-B-33", None, "did you mean"),
        ("RN50-quickgelu", None, "no CLIP with a vision transformer"),
        ("tiny", "openai", "no weights of a tiny backbone"),
        ("tiny", "nowhere.safetensors", "does not exist"),
    ],
)
def test_unknown_backbones_and_weights_are_named(name: str, pretrained: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        build_backbone(name, pretrained)


def test_image_size_is_the_configurations() -> None:
    assert image_size(build_backbone("tiny")) == 48
    assert image_size(build_backbone("tiny-224")) == 224
