from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.device import set_precision
from clip_nodule.network.heads import PlaneAttention, TextHead
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.text.tokens import tokenize
from tests.clip_nodule.counts import count_parameters


def test_the_papers_settings_leave_547334_parameters_to_learn() -> None:
    # The figure that issue 4 states for ViT-B/32 and the paper's defaults. By hand: LoRA 12 layers x 3 projections
    # x 2 matrices of rank 2 x (768 + 512) = 184,320; image head 164,353; text head 197,632; classifiers 1,028;
    # temperature 1.
    model = new_model(build_backbone("ViT-B-32-quickgelu"), load_settings(None, {"pretrained": None}))
    trainable, everything = count_parameters(model)
    assert trainable == 547_334
    assert round(100 * trainable / everything, 2) == 0.36


def test_plane_attention_is_the_weighted_sum_of_projected_planes() -> None:
    torch.manual_seed(0)
    head = PlaneAttention(6, 4, 3)
    planes = torch.randn(2, 9, 6)
    pooled, weights = head(planes)
    assert weights.shape == (2, 9)
    torch.testing.assert_close(weights.sum(1), torch.ones(2))
    # One nodule by hand, plane by plane, as equation 8 of Ilse et al. reads.
    projected = [torch.relu(head.project(plane)) for plane in planes[1]]
    scores = torch.stack([head.score(torch.tanh(head.hidden(h)))[0] for h in projected])
    by_hand = sum(w * h for w, h in zip(scores.softmax(0), projected, strict=True))
    torch.testing.assert_close(pooled[1], by_hand)


def test_plane_attention_does_not_depend_on_the_order_of_planes() -> None:
    head = PlaneAttention(6, 4, 3)
    planes, order = torch.randn(1, 9, 6), torch.randperm(9)
    torch.testing.assert_close(head(planes[:, order])[0], head(planes)[0])


def test_the_plane_attention_begins_as_the_papers_code_lets_it_or_as_pytorch_does() -> None:
    # The paper's start as reference/training_step holds it: weights of standard deviation sqrt(2 / inputs), biases
    # as PyTorch draws them, uniform up to 1 / sqrt(inputs).
    backbone = build_backbone("tiny", seed=0)
    for name, deviation in (("zhuang2025", math.sqrt(2)), (None, math.sqrt(1 / 3))):
        torch.manual_seed(1)
        head = new_model(backbone, load_settings(name, {"pretrained": None, "tuning": "probe"})).image_head
        for layer in (head.project, head.hidden, head.score):
            inputs = layer.in_features
            assert float(layer.weight.detach().std()) * math.sqrt(inputs) == pytest.approx(deviation, rel=0.15)
            assert float(layer.bias.detach().abs().max()) <= 1 / math.sqrt(inputs)


def test_the_text_head_is_the_papers_layers_in_their_order() -> None:
    torch.manual_seed(0)
    head, x = TextHead(5, 4).eval(), torch.randn(3, 5)
    projected = x @ head.project.weight.T + head.project.bias
    gelu = 0.5 * projected * (1 + torch.erf(projected / math.sqrt(2)))
    summed = gelu @ head.mix.weight.T + head.mix.bias + projected
    normed = (summed - summed.mean(-1, keepdim=True)) / (
        summed.var(-1, unbiased=False, keepdim=True) + 1e-5
    ).sqrt()
    torch.testing.assert_close(head(x), normed)


@pytest.fixture
def model() -> NoduleCLIP:
    torch.manual_seed(0)
    return NoduleCLIP(build_backbone("tiny"), width=16, attention=8).eval()


def test_forward_gives_logits_and_scaled_cosines_of_unit_embeddings(model: NoduleCLIP) -> None:
    planes, tokens = torch.randn(3, 9, 3, 48, 48), tokenize(["a", "b", "c"])
    output = model(planes, tokens)
    assert output.image_logits.shape == output.text_logits.shape == (3, 2)
    image, _ = model.embed_images(model.image_features(planes))
    text = model.embed_texts(model.text_features(tokens))
    torch.testing.assert_close(image.norm(dim=1), torch.ones(3))
    torch.testing.assert_close(output.similarity, image @ text.T / 0.07)


def test_planes_of_all_nodules_in_one_batch_are_planes_of_each(model: NoduleCLIP) -> None:
    planes = torch.randn(3, 9, 3, 48, 48)
    together = model.image_features(planes)
    torch.testing.assert_close(together[1], model.encoder.visual(planes[1]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("start", "end"), [(9.0, math.log(100)), (-2.0, 0.0)])
def test_the_temperature_is_clamped_as_in_clip(model: NoduleCLIP, start: float, end: float) -> None:
    with torch.no_grad():
        model.logit_scale.fill_(start)
    assert float(model.scale().detach()) == pytest.approx(math.exp(end), rel=1e-4)
    model.clamp_scale()
    assert float(model.logit_scale.detach()) == pytest.approx(end, abs=1e-4)


def test_a_model_of_images_alone_has_no_text_parts() -> None:
    settings = load_settings(None, {"modality": "vision", "tuning": "full", "pretrained": None})
    model = new_model(build_backbone("tiny"), settings)
    assert not any("text" in name for name in model.heads())
    learning = {name for name, p in model.named_parameters() if p.requires_grad}
    assert all(name.startswith(("backbone.visual.", "image_head.", "classifier_image.")) for name in learning)
    assert model(torch.randn(2, 9, 3, 48, 48), tokenize(["a", "b"])).similarity is None


def test_probing_lets_only_the_heads_learn() -> None:
    model = new_model(build_backbone("tiny"), load_settings(None, {"tuning": "probe", "pretrained": None}))
    assert {name for name, p in model.named_parameters() if p.requires_grad} == set(model.heads())


def test_bf16_probabilities_are_within_a_hundredth(model: NoduleCLIP) -> None:
    planes = torch.randn(4, 9, 3, 48, 48)
    exact = model(planes).image_logits.softmax(-1)
    set_precision(model, "bf16", torch.device("cpu"))
    rounded = model(planes).image_logits
    assert rounded.dtype == torch.float32
    assert 0 < (rounded.softmax(-1) - exact).abs().max() < 0.01


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_the_gpu_gives_the_cpus_logits(model: NoduleCLIP) -> None:
    planes = torch.randn(2, 9, 3, 48, 48)
    expected = model(planes).image_logits
    got = model.to("cuda")(planes.to("cuda")).image_logits.cpu()
    torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)
    assert isinstance(model, nn.Module)
