"""The pretended GPU refuses what CUDA refuses and counts what it would cost; expected counts are made by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.clip_nodule.pretended_gpu import CaptureError, MixedDevicesError, pretended_gpu


@pytest.mark.parametrize(
    "mixed",
    [
        lambda there, here: there + here,
        lambda there, here: there @ here,
        lambda there, here: torch.where(here > 0, there, there),
        lambda there, here: here[there > 0],
        lambda there, here: here[there.long()],
        lambda there, here: torch.cat([there, here]),
        lambda there, here: there.index_put_((here.long(),), here),
        lambda there, here: here.to("cuda:1") + there,
        lambda there, here: torch.nn.functional.linear(there, here[None]),
        lambda there, here: torch._foreach_add([there], [here]),
    ],
    ids=[
        "sum", "product", "mask", "mask there", "index there", "cat", "values", "two cards", "linear", "foreach",
    ],
)  # fmt: skip
def test_two_devices_do_not_mix(mixed: Callable[..., object]) -> None:
    with pretended_gpu(cards=2):
        there = torch.ones(3).to("cuda")
        with pytest.raises(MixedDevicesError):
            mixed(there, torch.ones(3))


def test_what_cuda_takes_is_taken() -> None:
    with pretended_gpu():
        there = torch.ones(3).to("cuda")
        assert (there + torch.tensor(1.0)).device == torch.device("cuda", 0)
        assert there[torch.tensor([0, 2])].cpu().numpy().sum() == 2
        assert there[torch.tensor([True, False, True])].device.type == "cuda"
        assert torch.zeros(2, device="cuda").to(torch.float64).device.type == "cuda"
        there.copy_(torch.zeros(3))
        assert there.sum().item() == 0
        with pytest.raises(TypeError, match="can't convert cuda"):
            there.numpy()
        with pytest.raises(TypeError, match="can't convert cuda"):
            np.asarray(there)


def two_there() -> torch.Tensor:
    return torch.ones(2).to("cuda")


@pytest.mark.parametrize(
    ("code", "waits"),
    [
        (lambda t: t.sum().item(), {"item": 1}),
        (lambda t: bool(t.any()), {"item": 1}),
        (lambda t: t.tolist(), {"item": 1}),
        (lambda t: t[t > 0], {"boolean index": 1}),
        (lambda t: t.__setitem__(t > 0, 2.0), {}),  # masked_fill
        (lambda t: t[torch.tensor([0])], {"host index": 1}),
        (lambda t: t.nonzero(), {"nonzero": 1}),
        (lambda t: torch.where(t > 0), {"nonzero": 1}),
        (lambda t: t.cpu(), {"download": 1}),
        (lambda t: torch.zeros(2).copy_(t), {"download": 1}),
        (lambda t: torch.zeros(2).to(t), {"upload": 1}),
        (lambda t: t.copy_(torch.zeros(2)), {"upload": 1}),
        (lambda t: torch.tensor([1.0], device=t.device), {"upload": 1}),
        (lambda t: torch.zeros(2).to(t.device, non_blocking=True), {}),
        (lambda t: torch.zeros(2**20).to(t.device, non_blocking=True), {"upload": 1}),
        (lambda t: torch.zeros(2**20).pin_memory().to(t.device, non_blocking=True), {}),
        (lambda t: t.copy_(torch.zeros(2), non_blocking=True), {}),
        (lambda t: torch.zeros(2, device=t.device), {}),
        (lambda t: torch.cuda.synchronize(), {"synchronize": 1}),
        (lambda t: t * t + 1, {}),
    ],
)
def test_waits_are_counted_by_kind(code: Callable[[torch.Tensor], object], waits: dict[str, int]) -> None:
    with pretended_gpu() as counts:
        there = two_there()
        before = counts.copy()
        code(there)
        assert (counts - before).waits == waits


def test_kernels_are_counted_without_views_and_on_the_gpu_alone() -> None:
    with pretended_gpu() as counts:
        there = torch.ones(2, 3).to("cuda").requires_grad_()
        before = counts.copy()
        torch.ones(2, 3).mul(2).add(1)  # of the processor
        there.t()[1:].unsqueeze(0).expand(2, 2, 2).detach()
        torch.empty(3, device="cuda")
        # By hand: mul, sum; backward: the gradient of 1, mul; expand is a view.
        (there * 2).sum().backward()
        assert (counts - before).kernels == {"mul": 2, "sum": 1, "ones_like": 1}


def test_bytes_are_counted() -> None:
    with pretended_gpu() as counts:
        there = torch.zeros(10, dtype=torch.int16).to("cuda")
        torch.zeros(3).to("cuda", torch.float64)
        there.float().cpu()
        assert (counts.uploads, counts.uploaded) == (2, 10 * 2 + 3 * 4)
        assert (counts.downloads, counts.downloaded) == (1, 10 * 4)


def test_a_graph_does_again_what_was_captured_on_the_same_tensors() -> None:
    with pretended_gpu() as counts:
        given, weight = torch.ones(2, device="cuda"), torch.full((2,), 3.0).to("cuda").requires_grad_()
        weight.grad = torch.zeros(2, device="cuda")
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            product = (given * weight).view(2, 1)
            product.sum().backward()
        given.copy_(torch.tensor([5.0, 7.0]))
        before = counts.copy()
        graph.replay()
        # By hand: 3 * (5, 7); the gradient is what was given, (1, 1) from the capture and (5, 7) from the replay.
        assert product.detach().flatten().cpu().tolist() == [15.0, 21.0]
        assert weight.grad.cpu().tolist() == [6.0, 8.0]
        since = counts - before
        assert (since.graphs, since.launches, since.kernels["mul"]) == (1, 1, 2)


@pytest.mark.parametrize(
    "refused",
    [lambda t: t.sum().item(), lambda t: t[t > 1], lambda t: t.cpu(), lambda t: torch.ones(2).to(t.device),
     lambda t: torch.manual_seed(0), lambda t: torch.cuda.synchronize()],
    ids=["item", "boolean index", "download", "upload", "seed", "synchronize"],
)  # fmt: skip
def test_what_cuda_does_not_permit_within_a_graph_is_refused(refused: Callable[[torch.Tensor], object]) -> None:
    with pretended_gpu():
        there = two_there()
        with pytest.raises(CaptureError), torch.cuda.graph(torch.cuda.CUDAGraph()):
            refused(there * 2)
