"""Encoders of several folds: what they share is computed once; on a GPU in few kernels, with one wait a batch."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.errors import BenchError
from benchmark.imaging.recipe import get_recipe
from clip_nodule.inference import api
from clip_nodule.inference.api import BATCH, Run, batch_that_fits
from clip_nodule.inference.encoders import FoldEncoders
from clip_nodule.inference.lean_blocks import LeanBlock
from clip_nodule.network.backbone import backbone_config, build_backbone
from clip_nodule.network.device import set_precision
from clip_nodule.network.lora import merged
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.planes import batch as planes
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.runs.run_folder import RunInfo
from tests.clip_nodule.planes.test_stacks import Counted
from tests.clip_nodule.pretended_gpu import pretended_gpu
from tests.imaging.test_planes import random_crop

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
FOLDS = 5
CROPS = np.stack([random_crop(seed) for seed in range(6)])


@pytest.fixture(autouse=True)
def fresh_caches():
    yield
    planes._device_maps.cache_clear()


def backbone_of(name: str):
    """Random weights, the normalisations' scales and shifts and the layers' biases too."""
    backbone = build_backbone(name)
    torch.manual_seed(1)
    for part, parameter in backbone.named_parameters():
        if ".ln_" in part or part.endswith("bias"):
            parameter.data.add_(torch.randn_like(parameter) * 0.2)
    return backbone


def folds_of(name: str, tuning: str, folds: int = FOLDS, **lora) -> list[NoduleCLIP]:
    """Networks over one backbone, as ``load_fold`` makes them: tensors that are not adapted are shared."""
    settings = load_settings(None, {"backbone": name, "pretrained": None, "tuning": tuning, **lora})
    shared, models = backbone_of(name), []
    for fold in range(folds):
        torch.manual_seed(10 + fold)
        if tuning == "probe":
            models.append(new_model(shared, settings))
            continue
        adapted = new_model(copy.deepcopy(shared), settings)
        for part, parameter in adapted.named_parameters():
            if ".lora_B." in part:
                nn.init.normal_(parameter, std=0.3)
        adapted.backbone = merged(adapted.backbone)
        own = dict(shared.named_parameters())
        for path, module in adapted.backbone.named_modules():
            for key, parameter in module.named_parameters(recurse=False):
                same = own[f"{path}.{key}".lstrip(".")]
                if torch.equal(parameter, same):
                    module.register_parameter(key, same)
        models.append(adapted)
    return [model.eval().requires_grad_(False) for model in models]


def run_of(models: list[NoduleCLIP], name: str, device: torch.device) -> Run:
    settings = load_settings(None, {"backbone": name, "pretrained": None, "folds": len(models)})
    info = RunInfo(
        name="x", number=0, folds=len(models), settings=settings, recipe=get_recipe("default").as_dict(),
        backbone=backbone_config(name),
    )  # fmt: skip
    return Run(Path("x"), info, models, device)


def counted_calls(monkeypatch: pytest.MonkeyPatch, owner: type, name: str) -> list[object]:
    calls: list[object] = []
    function = getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda self, *given: (calls.append(self), function(self, *given))[1])
    return calls


@pytest.mark.parametrize(("tuning", "times"), [("probe", 1), ("lora", FOLDS)])
def test_on_a_processor_equal_encoders_run_once_and_give_the_same_bits(
    tuning: str, times: int, monkeypatch
) -> None:
    models = folds_of("tiny", tuning)
    images = torch.randn(3, 9, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    expected = [model.image_features(images) for model in models]
    calls = counted_calls(monkeypatch, NoduleCLIP, "image_features")
    found = FoldEncoders(models, CPU).images(images)
    assert len(calls) == times
    assert all(torch.equal(*pair) for pair in zip(found, expected, strict=True))


def test_texts_are_encoded_once_where_only_images_were_adapted(monkeypatch) -> None:
    tokens = torch.randint(1, 50, (4, 77), generator=torch.Generator().manual_seed(0))
    calls = counted_calls(monkeypatch, NoduleCLIP, "text_features")
    for encoder, times in (("vision", 1), ("both", FOLDS)):
        calls.clear()
        models = folds_of("tiny", "lora", encoder=encoder)
        found = FoldEncoders(models, CPU).texts(tokens)
        assert len(calls) == times
        assert all(torch.equal(model.text_features(tokens), own) for model, own in zip(models, found, strict=True))


@pytest.mark.parametrize(("name", "size"), [("tiny", 48), ("tiny-224", 224)])
def test_lean_blocks_are_as_near_to_fp32_as_autocast_is(name: str, size: int) -> None:
    models = folds_of(name, "lora", 2)
    images = torch.randn(4, 9, 3, size, size, generator=torch.Generator().manual_seed(0))
    exact = [model.image_features(images) for model in models]
    for model in models:
        set_precision(model, "bf16", CPU)
    autocast = [model.image_features(images) for model in models]
    with pretended_gpu():
        models = [model.to("cuda") for model in models]
        encoders = FoldEncoders(models, CUDA)
        assert encoders.in_stages
        found = [own.cpu() for own in encoders.images(images.to("cuda").to(encoders.planes_dtype))]
    for right, usual, lean in zip(exact, autocast, found, strict=True):
        error, accepted = (float((own - right).norm() / right.norm()) for own in (lean, usual))
        assert error < 1.2 * accepted  # the same roundings in other places
        assert float((right - exact[0]).norm()) == 0 or float((right - exact[0]).norm() / right.norm()) > 5 * error


@pytest.mark.slow
def test_on_a_gpu_layers_before_the_first_that_differs_run_once(monkeypatch) -> None:
    calls = counted_calls(monkeypatch, LeanBlock, "__call__")
    images = torch.randn(2, 9, 3, 48, 48)
    # The tiny encoder has three blocks; "up" adapts the last, "half-up" the last two.
    for settings, times in (
        ({"tuning": "probe"}, 3),
        ({"tuning": "lora", "position": "up"}, 2 + FOLDS),
        ({"tuning": "lora", "position": "half-up"}, 1 + 2 * FOLDS),
        ({"tuning": "lora"}, 3 * FOLDS),
    ):
        calls.clear()
        with pretended_gpu():
            models = [model.to("cuda") for model in folds_of("tiny", **settings)]
            for model in models:
                set_precision(model, "bf16", CUDA)
            found = FoldEncoders(models, CUDA).images(images.to("cuda").bfloat16())
            # Blocks do not change what they are given: the last fold has what it has alone.
            alone = FoldEncoders(models[-1:], CUDA).images(images.to("cuda").bfloat16())[0]
            assert torch.equal(found[-1].cpu(), alone.cpu())
        assert len(calls) - 3 == times, settings


def test_another_kind_of_encoder_runs_as_it_is() -> None:
    models = folds_of("tiny", "probe", 2)
    for model in models:
        model.encoder.visual.pool_type = "avg"
        set_precision(model, "bf16", CPU)
    with pretended_gpu():
        assert not FoldEncoders([model.to("cuda") for model in models], CUDA).in_stages


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_gives_the_same_whatever_the_batch_and_waits_once_a_batch(precision: str, monkeypatch) -> None:
    models = folds_of("tiny", "lora")
    expected = run_of(models, "tiny", CPU).predict(CROPS)
    waits: list[torch.Size] = []
    fetched = torch.Tensor.cpu

    def counting(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.device.type == "cuda":
            waits.append(tensor.shape)
        return fetched(tensor)

    counting.__name__ = "cpu"  # the pretended GPU goes by it
    monkeypatch.setattr(torch.Tensor, "cpu", counting)
    with pretended_gpu():
        for model in models:
            set_precision(model.to("cuda"), precision, CUDA)
        run = run_of(models, "tiny", CUDA)
        assert run.precision == precision
        together = run.predict(CROPS)
        assert len(waits) == 1
        waits.clear()
        run.batch = 2
        few = run.predict(CROPS)
        assert len(waits) == 3
    assert few.shape == (6, FOLDS)
    np.testing.assert_allclose(few, together, atol=1e-6 if precision == "fp32" else 2e-3)
    np.testing.assert_allclose(together, expected, atol=1e-5 if precision == "fp32" else 0.02)
    assert np.ptp(expected) > 0.05


def test_a_batch_of_five_folds_takes_few_kernels_and_sends_nothing_but_crops() -> None:
    with pretended_gpu():
        models = [model.to("cuda") for model in folds_of("tiny-224", "lora")]
        for model in models:
            set_precision(model, "bf16", CUDA)
        run = run_of(models, "tiny-224", CUDA)
        run.predict(CROPS[:2])
        with Counted() as counted:
            run.predict(CROPS[:2])
    # Planes 27; a block 10 (two normalisations, four products, attention, SiLU, two sums), the last 11; a head 18.
    assert counted.kernels["linear"] + counted.kernels["addmm"] + counted.kernels["mm"] > 4 * 3 * FOLDS
    assert counted.kernels.total() <= 285, counted.kernels


def test_a_batch_fills_half_of_what_is_free(monkeypatch) -> None:
    backbone = build_backbone("tiny")
    free = {"bytes": None}
    monkeypatch.setattr(api, "free_memory", lambda device: free["bytes"])
    assert batch_that_fits(backbone, CPU) == BATCH["cpu"]
    assert batch_that_fits(backbone, CUDA) == BATCH["cuda"]
    found = []
    for free["bytes"] in (10**6, 10**9, 10**12):
        found.append(batch_that_fits(backbone, CUDA))
    assert found[0] == 1
    assert 1 < found[1] <= found[2] == BATCH["cuda"]


def test_want_of_memory_says_what_helps(monkeypatch) -> None:
    def exhausted(self, planes):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    monkeypatch.setattr(FoldEncoders, "images", exhausted)
    with pretended_gpu():
        run = run_of([model.to("cuda") for model in folds_of("tiny", "probe", 2)], "tiny", CUDA)
        with pytest.raises(BenchError, match=r"pretended has too little memory.*--device cpu"):
            run.predict(CROPS[:1])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", ["tiny", "tiny-224"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_real_gpu_gives_what_a_processor_gives(name: str, precision: str) -> None:
    models = folds_of(name, "lora")
    expected = run_of(models, name, CPU).predict(CROPS)
    for model in models:
        set_precision(model.to("cuda"), precision, CUDA)
    run = run_of(models, name, CUDA)
    assert run.encoders.in_stages == (precision == "bf16")
    together, run.batch = run.predict(CROPS), 2
    np.testing.assert_allclose(together, expected, atol=1e-4 if precision == "fp32" else 0.02)
    np.testing.assert_allclose(run.predict(CROPS), together, atol=1e-5 if precision == "fp32" else 5e-3)
