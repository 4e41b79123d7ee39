"""Devices by name, folds over cards, TF32, determinism, want of memory."""

from __future__ import annotations

import os

import pytest
import torch
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.errors import BenchError, InputError
from clip_nodule.network import device as devices
from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.device import (
    choose_device,
    deterministic,
    devices_for_folds,
    out_of_memory,
    resolved_precision,
    set_precision,
)
from clip_nodule.network.model import NoduleCLIP
from tests.clip_nodule.pretended_gpu import pretended_gpu

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch):
    """Say how many cards there are."""

    def say(count: int) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)

    return say


def test_a_card_is_asked_for_by_its_number(cards) -> None:
    cards(2)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("cuda").index is None
    assert choose_device("auto").type == "cuda"
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(InputError, match=r"there are 2 CUDA devices here — give one of cuda:0 to cuda:1"):
        choose_device("cuda:2")


@pytest.mark.parametrize("word", ["cuda:", "cuda:-1", "cuda:x", "gpu", "mps", "cuda:1 ", "CUDA"])
def test_what_is_no_device_is_refused_by_library_and_command_line_alike(word: str) -> None:
    with pytest.raises(InputError, match="is no device"):
        choose_device(word)
    done = CliRunner().invoke(app, ["score", "--cohort", "x", "--device", word])
    assert done.exit_code == 2
    assert "Invalid value for '--device'" in done.output


def test_a_card_that_is_not_there_is_no_usage_error(cards) -> None:
    cards(0)
    with pytest.raises(InputError, match="there is no CUDA device here"):
        choose_device("cuda:1")


def test_folds_take_turns_on_the_cards(cards) -> None:
    cards(2)
    assert [place.index for place in devices_for_folds(CUDA, 5)] == [0, 1, 0, 1, 0]
    assert devices_for_folds(torch.device("cuda", 1), 3) == [torch.device("cuda", 1)] * 3
    assert devices_for_folds(CPU, 2) == [CPU, CPU]
    cards(1)
    assert devices_for_folds(CUDA, 2) == [CUDA, CUDA]


def test_fp32_is_fp32_in_convolutions_and_products_on_a_gpu() -> None:
    backends = torch.backends.cuda.matmul, torch.backends.cudnn.conv
    before = [backend.fp32_precision for backend in backends]
    model = NoduleCLIP(build_backbone("tiny"))
    try:
        for backend in backends:
            backend.fp32_precision = "tf32"
        set_precision(model, "fp32", CPU)
        assert [backend.fp32_precision for backend in backends] == ["tf32", "tf32"]
        with pretended_gpu():
            set_precision(model, "auto", CUDA)
        assert [backend.fp32_precision for backend in backends] == ["ieee", "ieee"]
    finally:
        for backend, was in zip(backends, before, strict=True):
            backend.fp32_precision = was


def test_auto_is_resolved_by_what_the_device_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "has_bf16", lambda device: device.type == "cuda")
    assert [resolved_precision("auto", place) for place in (CPU, CUDA)] == ["fp32", "bf16"]
    assert [resolved_precision(word, CPU) for word in ("fp32", "bf16")] == ["fp32", "bf16"]


def test_determinism_is_asked_for_on_a_gpu_and_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with deterministic(CPU) as why:
        assert why == ""
        assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(CUDA) as why:
        assert why == ""
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        assert torch.are_deterministic_algorithms_enabled()
        # What is filled anew is a kernel for every new tensor, and changes no result that reads none of it.
        assert not torch.utils.deterministic.fill_uninitialized_memory
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


def test_equal_bits_are_not_claimed_where_they_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":0:0")
    with deterministic(CUDA) as why:
        assert "CUBLAS_WORKSPACE_CONFIG is :0:0" in why
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    with deterministic(CUDA) as why:
        assert "in use before" in why


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    ],
)
def test_want_of_memory_says_what_to_lower(error: RuntimeError) -> None:
    what = r"^pretended has too little memory.*lower --batch-size"
    with (
        pretended_gpu(),
        pytest.raises(BenchError, match=what) as found,
        out_of_memory(CUDA, "lower --batch-size"),
    ):
        raise error
    assert "\n" not in str(found.value)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), out_of_memory(CPU, "lower it"):
        raise RuntimeError("shapes do not match")
