"""A GPU that is only pretended: tensors say ``cuda:0``, are computed on the processor, and two devices do not mix.

It shows code that takes another way on a GPU, tensors left behind on the processor, ``.numpy()`` of what is on the
GPU, and how many kernels and waits of the host a piece of code costs. It shows nothing of CUDA's own kernels, of
memory, speed or determinism. Only the process that switches it on has it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from clip_nodule.planes.crops import forget_kept_crops
from tests.clip_nodule.pretended_counts import INDEXING, STAGED, Counts
from tests.clip_nodule.pretended_torch import CaptureError, Graph, faked_torch

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
HOLDING_CONSTANTS = tuple(f"clip_nodule.{room}" for room in ("planes", "network", "training", "inference"))
MOVES = ("copy_", "_to_copy", "set_")


class MixedDevicesError(RuntimeError):
    """An operation was given tensors of two devices."""


class Placement:
    """Which storages are on a pretended GPU; every other is on the processor, some of them pinned."""

    def __init__(self) -> None:
        self._there: dict[int, tuple[StorageWeakRef, torch.device]] = {}

    def of(self, tensor: Tensor) -> torch.device:
        found = self._found(tensor)
        return CPU if found is None or found == torch.device("meta") else found

    def pinned(self, tensor: Tensor) -> bool:
        return self._found(tensor) == torch.device("meta")

    def pin(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        self._there[storage._cdata] = (StorageWeakRef(storage), torch.device("meta"))

    def put(self, result: Any, device: torch.device) -> None:
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self._there.pop(storage._cdata, None)
                if device.type == "cuda":
                    self._there[storage._cdata] = (StorageWeakRef(storage), device)

    def _found(self, tensor: Tensor) -> torch.device | None:
        key = tensor.untyped_storage()._cdata
        reference, device = self._there.get(key, (None, None))
        if reference is not None and reference.expired():
            del self._there[key]
            return None
        return device


class Kernels(TorchDispatchMode):
    """Results lie where what they were computed from lies."""

    def __init__(self, placement: Placement, counts: Counts) -> None:
        super().__init__()
        self.placement, self.counts, self.moving = placement, counts, False
        self.graph: Graph | None = None

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = [leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, Tensor)]
        name = function._schema.name.partition("::")[2]
        devices = [self.placement.of(tensor) for tensor in given]
        there = next((device for device in devices if device.type == "cuda"), CPU)
        if there.type == "cuda" and not self.moving:
            waits = self.counts.waits.total()
            self.admit(function, name, args, kwargs or {}, given, devices)
            if self.graph is not None and self.counts.waits.total() > waits:
                raise CaptureError(f"{function}: not permitted while a graph is captured, for the host waits")
        result = function(*args, **(kwargs or {}))
        if self.graph is not None and there.type == "cuda":
            self.graph.record(function, args, kwargs or {}, result)
        if name == "copy_":
            there = devices[0]
        self.placement.put([leaf for leaf in tree_leaves(result) if not any(leaf is t for t in given)], there)
        return result

    def admit(self, function, name, args, kwargs, given, devices) -> None:
        """Refuse what CUDA refuses, and count the rest."""
        on_host: list[bool] = []
        if name in INDEXING:
            indices = [index for index in args[1] if index is not None]
            on_host = [self.placement.of(index).type == "cpu" for index in indices]
            if devices[0].type == "cuda":  # CUDA takes indices that lie on the host
                checked = [pair for pair in zip(given, devices, strict=True) if not _among(pair[0], indices)]
            else:
                checked = list(zip(given, devices, strict=True))
        elif name in MOVES:
            checked = []
            if name == "copy_" and len({device.type for device in devices[:2]}) == 2:
                self.copied(given, devices, bool((*args[2:], kwargs.get("non_blocking", False))[0]))
                return
        else:
            checked = list(zip(given, devices, strict=True))
        places = {device for tensor, device in checked if tensor.dim() or device.type == "cuda"}
        if len(places) > 1:
            shown = [(tuple(tensor.shape), str(device)) for tensor, device in checked]
            raise MixedDevicesError(f"{function}: was given tensors of several devices, {shown}")
        self.counts.operation(function, name, args, on_host)

    def copied(self, given: list[Tensor], devices: list[torch.device], need_not_block: bool) -> None:
        if devices[0].type == "cuda":
            self.counts.upload(given[1], need_not_block and is_free(self.placement, given[1]))
        else:
            self.counts.download(given[1], need_not_block and self.placement.pinned(given[0]))


class Words(TorchFunctionMode):
    """What Python code asks of a tensor or of torch about devices."""

    def __init__(self, placement: Placement, counts: Counts, kernels: Kernels) -> None:
        super().__init__()
        self.placement, self.counts, self.kernels = placement, counts, kernels

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
        first = args[0] if args and isinstance(args[0], Tensor) else None
        if name == "__get__" and owner is torch.Tensor.device:
            return self.placement.of(first)
        if name == "__get__" and owner in (torch.Tensor.is_cuda, torch.Tensor.is_cpu):
            return self.placement.of(first).type == ("cuda" if owner is torch.Tensor.is_cuda else "cpu")
        if first is not None and name in ("numpy", "__array__") and self.placement.of(first).type == "cuda":
            raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")
        if first is not None and name == "tolist" and self.placement.of(first).type == "cuda":
            self.counts.waits["item"] += 1
        if name in ("pin_memory", "is_pinned"):
            return self.pinned(first, name)
        if name in ("cpu", "cuda"):
            device = CPU if name == "cpu" else torch.device(*(args[1:2] or ("cuda",)))
            return self.moved(first, device, bool(kwargs.get("non_blocking")))
        if name == "to" and first is not None:
            return self.to(first, list(args[1:]), kwargs)
        device = kwargs.get("device")
        if isinstance(device, (str, torch.device)) and torch.device(device).type == "cuda":
            return self.made(function, name, args, kwargs, first)
        return function(*args, **kwargs)

    def made(self, function: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], first: Tensor | None):
        """A new tensor on the GPU."""
        device = _numbered(kwargs["device"])
        if name == "as_tensor" and first is not None:
            return self.moved(first, device, False)
        result = function(*args, **(kwargs | {"device": CPU}))
        if name in ("tensor", "as_tensor"):
            self.counts.upload(result, False)
        elif not name.startswith("empty") and first is None:
            self.counts.kernels[name] += 1
        self.placement.put(result, device)
        return result

    def pinned(self, tensor: Tensor, name: str) -> Tensor | bool:
        if name == "is_pinned":
            return self.placement.pinned(tensor)
        with torch._C.DisableTorchFunction():
            copy = tensor.detach().clone()
        self.placement.pin(copy)
        return copy

    def to(self, tensor: Tensor, args: list[Any], kwargs: dict[str, Any]) -> Tensor:
        """``Tensor.to`` by device, dtype, both, or another tensor's."""
        words = [*args, *(kwargs.get(key) for key in ("device", "dtype"))]
        flags = [word for word in args if isinstance(word, bool)]
        free = bool(kwargs.get("non_blocking", flags[0] if flags else False))
        for word in words:
            if isinstance(word, Tensor):
                tensor = self.moved(tensor, self.placement.of(word), free)
                words = [word.dtype]
                break
            if isinstance(word, (str, torch.device)):
                tensor = self.moved(tensor, torch.device(word), free)
        for word in words:
            if isinstance(word, torch.dtype):
                with torch._C.DisableTorchFunction():
                    tensor = tensor.to(word)
        return tensor

    def moved(self, tensor: Tensor, device: torch.device, need_not_block: bool) -> Tensor:
        device, here = _numbered(device), self.placement.of(tensor)
        if here == device:
            return tensor
        if device.type == "cuda":
            self.counts.upload(tensor, need_not_block and is_free(self.placement, tensor))
        else:
            self.counts.download(tensor, need_not_block)
        self.kernels.moving = True
        with torch._C.DisableTorchFunction():
            copy = tensor.clone() if tensor.requires_grad else tensor.detach().clone()
        self.kernels.moving = False
        self.placement.put(copy, device)
        return copy


def is_free(placement: Placement, tensor: Tensor) -> bool:
    """Whether a copy from the host that need not block does not."""
    return placement.pinned(tensor) or tensor.numel() * tensor.element_size() <= STAGED


def _numbered(device: torch.device | str) -> torch.device:
    device = torch.device(device)
    return GPU if device.type == "cuda" and device.index is None else device


def _among(tensor: Tensor, tensors: list[Tensor]) -> bool:
    return any(tensor is other for other in tensors)


def forget_constants() -> None:
    """Empty the caches of functions, and of crops: tensors in them belong to one pretended GPU only."""
    forget_kept_crops()
    for name, module in list(sys.modules.items()):
        if name.startswith(HOLDING_CONSTANTS):
            for value in list(vars(module).values()):
                if hasattr(value, "cache_clear"):
                    value.cache_clear()


@contextmanager
def pretended_gpu(cards: int = 1) -> Iterator[Counts]:
    """Inside, there are GPUs to all appearances; what they are asked to do is counted."""
    placement, counts = Placement(), Counts()
    kernels = Kernels(placement, counts)
    with ExitStack() as stack:
        for name, value in faked_torch(counts, kernels, cards).items():
            stack.enter_context(mock.patch(name, value))
        forget_constants()
        stack.callback(forget_constants)
        stack.enter_context(kernels)
        stack.enter_context(Words(placement, counts, kernels))
        yield counts
