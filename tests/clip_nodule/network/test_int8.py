"""Eight-bit scoring: against its definition in NumPy, and against fp32."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import clip_nodule
from benchmark.contracts.scores import read_score_table
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.inference import api, predict
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.network import int8
from clip_nodule.network.backbone import encode_image, split_attention
from clip_nodule.network.int8 import Int8Linear, Int8Patches, quantise_images
from clip_nodule.network.tiny import TINY, clip_from_config

needs_vnni = pytest.mark.skipif(not int8.has_int8(), reason="this processor has no VNNI")


@needs_vnni
@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_the_product_of_rounded_integers(bias: bool) -> None:
    torch.manual_seed(0)
    linear = nn.Linear(70, 33, bias=bias)
    linear.weight.data[4] = 0
    x = torch.randn(3, 5, 70) + 0.3
    found = Int8Linear.of(linear)(x).detach().numpy()

    w, values = linear.weight.detach().double().numpy(), x.double().numpy()
    row = np.abs(w).max(1) / 127
    weights = np.divide(w, row[:, None], out=np.zeros_like(w), where=row[:, None] > 0).round()
    step = (max(values.max(), 0) - min(values.min(), 0)) / 255
    zero = np.round(-values.min() / step)
    inputs = np.clip((values / step + zero).round(), 0, 255)
    expected = (inputs - zero) @ weights.T * step * row
    if bias:
        expected += linear.bias.detach().numpy()
    # An input half-way between two steps may be rounded either way: one step times the largest weight.
    np.testing.assert_allclose(found, expected, atol=1.01 * step * np.abs(w).max(), rtol=0)
    assert np.median(np.abs(found - expected)) < 1e-6


@needs_vnni
def test_patches_are_a_convolution() -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, (4, 6), stride=(4, 6))
    images = torch.rand(2, 3, 13, 18)  # a row is left over, as in a convolution
    with torch.no_grad():
        expected, found = convolution(images), Int8Patches(convolution)(images)
    assert found.shape == expected.shape
    assert float((found - expected).norm() / expected.norm()) < 0.01


@needs_vnni
@pytest.mark.parametrize("quick_gelu", [True, False])
def test_an_encoder_in_int8_is_near_fp32(quick_gelu: bool) -> None:
    torch.manual_seed(0)
    backbone = split_attention(clip_from_config(TINY["tiny"] | {"quick_gelu": quick_gelu})).eval()
    images, others = torch.randn(2, 6, 3, 48, 48)
    rounded = copy.deepcopy(backbone, {id(p): p for p in backbone.parameters()})
    before = {name: p.clone() for name, p in backbone.named_parameters()}
    quantise_images(rounded, others)
    quantise_images(rounded, others)  # a second time changes nothing
    # Folds share their frozen parameters: none may be written to.
    assert all(torch.equal(p, before[name]) for name, p in backbone.named_parameters())
    with torch.no_grad():
        expected, found = encode_image(backbone, images), encode_image(rounded, images)
    assert float((found - expected).norm() / expected.norm()) < 0.03
    assert not any(isinstance(module, nn.Linear) for module in rounded.visual.modules())


@needs_vnni
def test_channels_of_very_different_sizes_cost_no_precision() -> None:
    """A channel 50 times as large, its weights as much smaller: the same function, fewer steps for the rest."""
    torch.manual_seed(0)
    plain = split_attention(clip_from_config(TINY["tiny-224"])).eval().requires_grad_(False)
    uneven = copy.deepcopy(plain)
    for block in uneven.visual.transformer.resblocks:
        for norm, layers in ((block.ln_1, block.attn.inputs), (block.ln_2, (block.mlp.c_fc,))):
            norm.weight[3] *= 50
            norm.bias[3] *= 50
            for layer in layers:
                layer.weight[:, 3] /= 50
        block.attn.v_proj.weight[5] *= 50
        block.attn.v_proj.bias[5] *= 50
        block.attn.out_proj.weight[:, 5] /= 50
    images, others = torch.randn(2, 4, 3, 224, 224)
    expected = encode_image(plain, images)
    torch.testing.assert_close(encode_image(uneven, images), expected, rtol=1e-3, atol=1e-4)
    errors = []
    for backbone in (plain, uneven):
        quantise_images(backbone, others)
        errors.append(float((encode_image(backbone, images) - expected).norm() / expected.norm()))
    assert errors[0] < 0.02
    assert errors[1] < 1.2 * errors[0]  # 23 times without moving ranges into weights


@needs_vnni
@pytest.mark.slow
def test_scores_in_int8_are_near_fp32_and_do_not_depend_on_the_other_nodules(small: Path, tmp_path: Path) -> None:
    tables = []
    for precision in ("fp32", "int8"):
        path = score_cohort(
            "balls", Scoring(device="cpu", precision=precision),
            workspace=Workspace(small / "cohorts", small / "results"), out=tmp_path / f"{precision}.csv",
        )  # fmt: skip
        tables.append(read_score_table(path)["score"].to_numpy())
    np.testing.assert_allclose(tables[1], tables[0], atol=0.01)
    assert not np.array_equal(tables[1], tables[0])
    record = json.loads((tmp_path / "int8.json").read_text(encoding="utf-8"))
    assert 0 < record["int8_difference"] <= 0.01
    run = clip_nodule.load_run(small / "results" / "runs" / "first", device="cpu", precision="int8")
    crops = CropStore.open(small / "results" / "crops" / "balls").crops(range(5))
    np.testing.assert_array_equal(run.predict(crops[2:3])[0], run.predict(crops)[2])


@needs_vnni
@pytest.mark.parametrize(("seconds", "slower"), [((1.0, 2.4), True), ((2.4, 1.0), False)])
def test_where_int8_takes_longer_is_said(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    seconds: tuple[float, float], slower: bool,
) -> None:  # fmt: skip
    of_fp32, of_int8 = seconds
    clock = iter([0.0, of_fp32, 10.0, 10.0 + of_int8])
    monkeypatch.setattr(predict, "process_time", lambda: next(clock))
    workspace = Workspace(small / "cohorts", small / "results")
    score_cohort("balls", Scoring(device="cpu", precision="int8"), workspace=workspace, out=tmp_path / "s.csv")
    assert ("leave --precision out" in caplog.text) == slower
    assert next(clock, None) is None


@needs_vnni
def test_a_run_that_int8_does_not_suit_is_refused_before_anything_is_written(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(backbone, images) -> None:
        quantise_images(backbone, images)
        for block in backbone.visual.transformer.resblocks:
            block.mlp.c_proj = Int8Linear(torch.randn(96, 384), None)

    monkeypatch.setattr(api, "quantise_images", spoilt)
    shutil.copytree(small / "results", tmp_path / "results")
    out = tmp_path / "s.csv"
    with pytest.raises(InputError, match=r"int8.* changes probabilities of this run by up to"):
        score_cohort(
            "balls", Scoring(device="cpu", precision="int8"),
            workspace=Workspace(small / "cohorts", tmp_path / "results"), out=out,
        )  # fmt: skip
    assert not out.exists()


def test_int8_is_refused_where_it_cannot_be_had(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = small / "results" / "runs" / "first"
    monkeypatch.setattr(int8, "has_int8", lambda: False)
    with pytest.raises(InputError, match="needs a processor with VNNI"):
        clip_nodule.load_run(folder, device="cpu", precision="int8")
    with pytest.raises(InputError, match="is for the processor"):
        int8.require_int8(torch.device("cuda"))
