"""A training step as one CUDA graph: launched at once, not kernel by kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from clip_nodule.network.stacked.network import Dropped
from clip_nodule.training.folds.batches import Batch

_WARM_UP = 3
_Step = TypeVar("_Step", Batch, Dropped)


def captures(device: torch.device) -> bool:
    """Whether steps can be captured on a device."""
    return device.type == "cuda"


class CapturedStep:
    """A function captured for batches of one shape.

    Args:
        function: What is captured: it must read nothing but its arguments and tensors that stay where they are. It
            is called some times before.
        batch: A batch of that shape; its tensors are copied.
        dropped: What it leaves out.
    """

    def __init__(self, function: Callable[[Batch, Dropped], Tensor], batch: Batch, dropped: Dropped) -> None:
        self._batch, self._dropped = _copied(batch), _copied(dropped)
        self._graph = torch.cuda.CUDAGraph()
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UP):
                function(self._batch, self._dropped)
        torch.cuda.current_stream().wait_stream(side)
        with torch.cuda.graph(self._graph):
            self._result = function(self._batch, self._dropped)

    def __call__(self, batch: Batch, dropped: Dropped) -> Tensor:
        """What the function does and gives."""
        for there, given in ((self._batch, batch), (self._dropped, dropped)):
            for name, tensor in _tensors(given).items():
                getattr(there, name).copy_(tensor)
        self._graph.replay()
        return self._result.clone()


def _tensors(given: Batch | Dropped) -> dict[str, Tensor]:
    values = {field.name: getattr(given, field.name) for field in fields(given)}
    return {name: value for name, value in values.items() if isinstance(value, Tensor)}


def _copied(given: _Step) -> _Step:
    copies: dict[str, Any] = {name: tensor.clone() for name, tensor in _tensors(given).items()}
    return replace(given, **copies)
