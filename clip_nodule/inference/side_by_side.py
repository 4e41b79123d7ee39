"""Blocks of nodules through networks: on a processor several at a time, each with its share of the threads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TypeVar, cast

import torch
from torch import Tensor

from benchmark.work import run, threads

T = TypeVar("T")


def side_by_side(blocks: Sequence[T], function: Callable[[T], Tensor], device: torch.device) -> list[Tensor]:
    """A function of every block without gradients, in the order of the blocks.

    A small network's products are done before several threads have agreed how to share them, and threads that wait
    for each other keep cores from all other work. So as many blocks as torch has threads are computed at a time,
    by one thread each; of fewer blocks each has more.

    Args:
        blocks: What to compute on; no result may depend on another.
        function: Is called with each.
        device: Where it computes. On a GPU blocks follow each other.

    Returns:
        The results, on the processor.
    """

    @torch.no_grad()  # what is in force in one thread is not in another
    def result(block: T) -> Tensor:
        return function(block).cpu()

    if device.type != "cpu":
        return [result(block) for block in blocks]
    available = torch.get_num_threads()
    torch.set_num_threads(max(1, available // max(1, len(blocks))))
    try:
        with closing(run(blocks, result, threads(available, len(blocks)))) as found:
            return [cast(Tensor, each) for each in found]
    finally:
        torch.set_num_threads(available)
