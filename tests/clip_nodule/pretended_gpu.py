"""A GPU that is only pretended: tensors say ``cuda:0``, are computed on the processor, and two devices do not mix.

It shows code that takes another way on a GPU, tensors left behind on the processor, and ``.numpy()`` of what is on
the GPU. It shows nothing of CUDA's own kernels, memory, speed or determinism.
"""

from __future__ import annotations

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

from clip_nodule.planes.augment import _pixels
from clip_nodule.planes.batch import _device_maps, _normalisation
from clip_nodule.planes.paper_augment import _rotations
from clip_nodule.planes.sampling import source_of
from clip_nodule.planes.shifted_planes import shifted_maps

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
MOVES = ("copy_", "_to_copy", "set_")
HOST_INDICES = ("index", "index_put", "index_put_", "_index_put_impl_")
"""CUDA takes indices that lie on the host."""


class MixedDevicesError(RuntimeError):
    """An operation was given tensors of both devices."""


class Placement:
    """Which storages are on the pretended GPU; every other is on the processor."""

    def __init__(self) -> None:
        self._there: dict[int, StorageWeakRef] = {}

    def of(self, tensor: Tensor) -> torch.device:
        key = tensor.untyped_storage()._cdata
        reference = self._there.get(key)
        if reference is not None and reference.expired():
            del self._there[key]
            reference = None
        return CPU if reference is None else GPU

    def put(self, result: Any, device: torch.device) -> None:
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                storage = tensor.untyped_storage()
                self._there.pop(storage._cdata, None)
                if device.type == "cuda":
                    self._there[storage._cdata] = StorageWeakRef(storage)


class Kernels(TorchDispatchMode):
    """Results lie where what they were computed from lies."""

    def __init__(self, placement: Placement) -> None:
        super().__init__()
        self.placement = placement

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = [leaf for leaf in tree_leaves((args, kwargs or {})) if isinstance(leaf, Tensor)]
        name = function._schema.name.partition("::")[2]
        on_gpu = [self.placement.of(tensor).type == "cuda" for tensor in given]
        if any(on_gpu) and name not in (*MOVES, *HOST_INDICES) and not name.startswith("_foreach"):
            left = [tuple(t.shape) for t, there in zip(given, on_gpu, strict=True) if t.dim() and not there]
            if left:
                raise MixedDevicesError(f"{function}: also given tensors of the processor, {left}")
        result = function(*args, **(kwargs or {}))
        there = on_gpu[0] if name == "copy_" else any(on_gpu)
        new = [leaf for leaf in tree_leaves(result) if not any(leaf is tensor for tensor in given)]
        self.placement.put(new, GPU if there else CPU)
        return result


class Words(TorchFunctionMode):
    """What Python code asks of a tensor or of torch about devices."""

    def __init__(self, placement: Placement) -> None:
        super().__init__()
        self.placement = placement

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        name, owner = getattr(function, "__name__", ""), getattr(function, "__self__", None)
        first = args[0] if args and isinstance(args[0], Tensor) else None
        if name == "__get__" and owner is torch.Tensor.device:
            return self.placement.of(first)
        if name == "__get__" and owner in (torch.Tensor.is_cuda, torch.Tensor.is_cpu):
            return self.placement.of(first).type == ("cuda" if owner is torch.Tensor.is_cuda else "cpu")
        if name in ("numpy", "__array__") and self.placement.of(first).type == "cuda":
            raise TypeError("can't convert cuda:0 device type tensor to numpy")
        if name in ("cpu", "cuda"):
            return self.moved(first, name)
        if name == "to" and first is not None:
            return self.to(first, list(args[1:]), kwargs)
        device = kwargs.get("device")
        if isinstance(device, (str, torch.device)) and torch.device(device).type == "cuda":
            result = function(*args, **(kwargs | {"device": CPU}))
            self.placement.put(result, GPU)
            return result
        return function(*args, **kwargs)

    def to(self, tensor: Tensor, args: list[Any], kwargs: dict[str, Any]) -> Tensor:
        """``Tensor.to`` by device, dtype, both, or another tensor's."""
        words = [*args, *(kwargs.get(key) for key in ("device", "dtype"))]
        for word in words:
            if isinstance(word, Tensor):
                tensor = self.moved(tensor, self.placement.of(word).type)
                words = [word.dtype]
                break
            if isinstance(word, (str, torch.device)):
                tensor = self.moved(tensor, torch.device(word).type)
        for word in words:
            if isinstance(word, torch.dtype):
                with torch._C.DisableTorchFunction():
                    tensor = tensor.to(word)
        return tensor

    def moved(self, tensor: Tensor, kind: str) -> Tensor:
        if self.placement.of(tensor).type == kind:
            return tensor
        with torch._C.DisableTorchFunction():
            copy = tensor.clone() if tensor.requires_grad else tensor.detach().clone()
        self.placement.put(copy, GPU if kind == "cuda" else CPU)
        return copy


@contextmanager
def pretended_gpu() -> Iterator[None]:
    """Inside, there is a GPU to all appearances."""
    placement, autocast = Placement(), torch.autocast

    class Autocast(autocast):
        """The processor's, whatever device is named."""

        def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
            super().__init__("cpu", *args, **kwargs)

    with ExitStack() as stack:
        for name, value in {
            "torch.cuda.is_available": lambda: True,
            "torch.cuda.is_bf16_supported": lambda including_emulation=True: False,
            "torch.cuda.get_device_name": lambda device=None: "pretended",
            "torch.cuda.manual_seed_all": lambda seed: None,
            "torch.cuda._lazy_init": lambda: None,
            "torch.cuda.is_current_stream_capturing": lambda: False,
            "torch.accelerator.current_accelerator": lambda check_available=False: None,
            "torch.autocast": Autocast,
            "clip_nodule.training.folds.stack.captures": lambda device: False,
        }.items():
            stack.enter_context(mock.patch(name, value))
        stack.enter_context(Kernels(placement))
        stack.enter_context(Words(placement))
        stack.callback(_forget)
        _forget()
        yield


def _forget() -> None:
    """Empty caches of tensors by device: they belong to one pretended GPU only."""
    for cache in (_device_maps, _normalisation, _pixels, _rotations, shifted_maps, source_of):
        cache.cache_clear()
