"""How samples are drawn again: what every bootstrap and permutation takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from numbers import Integral

import numpy as np

from benchmark.metrics.inputs import SampleError

REPLICATES = 2000
"""Replicates by default; endpoints then vary by about 0.003 from seed to seed."""


@dataclass(frozen=True)
class Resampling:
    """How often patients are drawn, and from which seed.

    Example::

        >>> from benchmark.statistics import Resampling, metric_interval
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> found = metric_interval(labels, scores, "auprc", resampling=Resampling(500, seed=1))
        >>> found.replicates, found.method
        (500, 'bca')

    Attributes:
        replicates: Number of resamples, one at least.
        seed: A whole number from 0, or a generator that one is drawn from.
        stratified: Draw patients with and without a positive case apart, so that their numbers stay; a
            permutation has no use for it. The limits of metrics that change with these numbers at a fixed
            threshold (``Metric.drawn_whole``: net benefit, Brier score, ...) are drawn without it in any case.
        workers: Threads, one for each usable core by default; the same bytes come out for any number.
    """

    replicates: int = REPLICATES
    seed: int | np.random.Generator = 0
    stratified: bool = True
    workers: int | None = None

    def seeded(self) -> Resampling:
        """The same with a whole-number seed, so that all parts of a computation draw from one.

        Raises:
            SampleError: The seed is neither a whole number from 0 nor a generator.
        """
        return replace(self, seed=as_seed(self.seed))

    @property
    def root(self) -> int:
        """The seed, which is a whole number after `seeded`."""
        return as_seed(self.seed)


DEFAULT_RESAMPLING = Resampling()


def as_seed(seed: int | np.random.Generator) -> int:
    """A whole-number seed; one is drawn from a generator.

    Raises:
        SampleError: It is neither a whole number from 0 nor a generator.
    """
    if isinstance(seed, np.random.Generator):
        return int(seed.integers(2**63))
    if not isinstance(seed, Integral) or seed < 0:
        raise SampleError(f"seed {seed!r}: give a whole number from 0 or a numpy Generator")
    return int(seed)
