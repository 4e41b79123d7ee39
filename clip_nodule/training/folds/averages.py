"""Moving averages of folds' weights, which are validated and saved in the place of the weights that learn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.optim.swa_utils import get_ema_multi_avg_fn

from clip_nodule.network.stacked.layout import StackedParameters


class WeightAverages:
    """Exponential moving averages of all that learns, each fold's of its own weights.

    Args:
        parameters: The weights that learn.
        decay: What is kept of an average as it takes in the weights of a move.
    """

    def __init__(self, parameters: StackedParameters, decay: float) -> None:
        self._weights = {name: leaf.detach() for name, leaf in parameters.leaves.items()}
        self._averages = {name: leaf.clone() for name, leaf in self._weights.items()}
        self._blend = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]

    def of_fold(self, fold: int) -> dict[str, Tensor]:
        """Views of one fold's averages, by leaf."""
        return {name: average[fold] for name, average in self._averages.items()}

    @torch.no_grad()
    def take(self, fold: int, *, first: bool) -> None:
        """Take in a fold's weights after a move; those after its first are the average's beginning."""
        averages = [average[fold] for average in self._averages.values()]
        weights = [weight[fold] for weight in self._weights.values()]
        if first:
            for average, weight in zip(averages, weights, strict=True):
                average.copy_(weight)
        else:
            self._blend(averages, weights, 0)

    @contextmanager
    def in_place_of_the_weights(self) -> Iterator[None]:
        """Inside, the averages stand where the weights that learn are; afterwards these are there again."""
        kept = {name: weight.clone() for name, weight in self._weights.items()}
        self._put(self._averages)
        try:
            yield
        finally:
            self._put(kept)

    @torch.no_grad()
    def _put(self, values: dict[str, Tensor]) -> None:
        for name, weight in self._weights.items():
            weight.copy_(values[name])
