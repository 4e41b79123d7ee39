"""What the pretended GPU puts in the place of ``torch.cuda``: its facts, events, streams and graphs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from tests.clip_nodule.pretended_counts import CaptureError, Counts, is_view


class Graph:
    """A CUDA graph: operations that were captured, done again on the same tensors."""

    def __init__(self, kernels: Any) -> None:
        self.kernels = kernels
        self.operations: list[tuple[Any, tuple[Any, ...], dict[str, Any], Any]] = []

    def record(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        if not is_view(function):
            self.operations.append((function, args, kwargs, result))

    def replay(self) -> None:
        counts = self.kernels.counts
        counts.graphs += 1
        before = counts.kernels.total()
        with torch.no_grad():
            for function, args, kwargs, result in self.operations:
                found = function(*args, **kwargs)
                for there, new in zip(tree_leaves(result), tree_leaves(found), strict=True):
                    if isinstance(there, Tensor) and there is not new:
                        with torch._C._DisableTorchDispatch():
                            there.data.copy_(new.data)
        counts.replayed += counts.kernels.total() - before

    @contextmanager
    def captured(self) -> Iterator[None]:
        self.kernels.graph, self.kernels.counts.capturing = self, True
        try:
            yield
        finally:
            self.kernels.graph, self.kernels.counts.capturing = None, False


def faked_torch(counts: Counts, kernels: Any, cards: int) -> dict[str, Any]:
    """What ``torch`` says of its devices and does with them, by name."""
    memory = 80 * 2**30
    autocast = torch.autocast

    class Autocast(autocast):
        """The processor's, whatever device is named."""

        def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
            super().__init__("cpu", *args, **kwargs)

    def synchronize(device: Any = None) -> None:
        counts.wait("synchronize")

    class Event:
        """An event is over at once; waiting for it counts."""

        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

        def record(self, stream: Any = None) -> None: ...

        def query(self) -> bool:
            return True

        def synchronize(self) -> None:
            synchronize()

    def seed(number: int) -> None:
        if kernels.graph is not None:
            raise CaptureError("a generator's seed may not be set while a graph is captured")

    stream = SimpleNamespace(synchronize=synchronize, wait_stream=lambda other: None, wait_event=lambda e: None)
    properties = SimpleNamespace(
        name="pretended", total_memory=memory, multi_processor_count=132, major=9, minor=0
    )
    return {
        "torch.cuda.is_available": lambda: True,
        "torch.cuda.is_initialized": lambda: True,
        "torch.cuda.device_count": lambda: cards,
        "torch.cuda.current_device": lambda: 0,
        "torch.cuda.set_device": lambda device: None,
        "torch.cuda.device": lambda device: nullcontext(),
        "torch.cuda.is_bf16_supported": lambda including_emulation=True: False,
        "torch.cuda.get_device_name": lambda device=None: "pretended",
        "torch.cuda.get_device_capability": lambda device=None: (9, 0),
        "torch.cuda.get_device_properties": lambda device=None: properties,
        "torch.cuda.mem_get_info": lambda device=None: (memory, memory),
        "torch.cuda.memory_allocated": lambda device=None: 0,
        "torch.cuda.max_memory_allocated": lambda device=None: 0,
        "torch.cuda.empty_cache": lambda: None,
        "torch.cuda.synchronize": synchronize,
        "torch.cuda.Event": Event,
        "torch.cuda.Stream": lambda *args, **kwargs: stream,
        "torch.cuda.stream": lambda stream: nullcontext(),
        "torch.cuda.CUDAGraph": lambda *args, **kwargs: Graph(kernels),
        "torch.cuda.graph": lambda graph, *args, **kwargs: graph.captured(),
        "torch.cuda.current_stream": lambda device=None: stream,
        "torch.cuda.manual_seed_all": seed,
        "torch.cuda.manual_seed": seed,
        "torch.cuda._lazy_init": lambda: None,
        "torch.cuda.is_current_stream_capturing": lambda: kernels.graph is not None,
        "torch.accelerator.current_accelerator": lambda check_available=False: None,
        "torch.autocast": Autocast,
    }
