"""Blocks of nodules through networks: on a processor several at a time, on a GPU one behind the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import TypeVar, cast

import torch
from torch import Tensor

from benchmark.work import run, threads

T = TypeVar("T")


def side_by_side(blocks: Sequence[T], function: Callable[[T], Tensor]) -> Iterator[Tensor]:
    """A function of every block without gradients, on a processor.

    A small network's products are done before several threads have agreed how to share them, and threads that wait
    for each other keep cores from all other work. So as many blocks as torch has threads are computed at a time,
    by one thread each; of fewer blocks each has more.

    Args:
        blocks: What to compute on; no result may depend on another.
        function: Is called with each.

    Yields:
        The results, in the order of the blocks.
    """

    @torch.no_grad()  # what is in force in one thread is not in another
    def result(block: T) -> Tensor:
        return function(block)

    available = torch.get_num_threads()
    torch.set_num_threads(max(1, available // max(1, len(blocks))))
    try:
        with closing(run(blocks, result, threads(available, len(blocks)))) as found:
            for each in found:
                yield cast(Tensor, each)
    finally:
        torch.set_num_threads(available)


def one_behind(batches: Iterable[Tensor], function: Callable[[Tensor], Tensor]) -> Iterator[Tensor]:
    """A function of every batch, on a GPU, which has the next one to work on when a result is waited for.

    Yields:
        The results on the processor, in the order of the batches.
    """
    before: Tensor | None = None
    for batch in batches:
        found = function(batch)
        if before is not None:
            yield before.cpu()
        before = found
    if before is not None:
        yield before.cpu()
