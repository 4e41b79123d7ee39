"""Several tests at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.inputs import Array, SampleError
from benchmark.metrics.sequences import as_numbers, as_sequence


def holm(p_values: Sequence[float] | Array) -> Array:
    """Holm's step-down adjusted p-values (1979), in the order given; NaN stays NaN and is not counted.

    The numbers are those of statsmodels' ``multipletests``, which collects garbage in each call (50 ms and more).

    Example::

        >>> from benchmark.statistics import holm
        >>> holm([0.01, 0.04, 0.03]).tolist()
        [0.03, 0.06, 0.06]

    Args:
        p_values: Of a family that was declared beforehand, such as all pairs of models on a cohort.

    Raises:
        SampleError: A p-value outside [0, 1].
    """
    found = as_sequence(p_values, "p-values")
    given = as_numbers(found, "p-values") if len(found) else np.empty(0)
    known = np.flatnonzero(~np.isnan(given))
    if ((given[known] < 0) | (given[known] > 1)).any():
        raise SampleError("p-values must lie within 0..1")
    order = known[np.argsort(given[known], kind="stable")]
    factors = np.arange(order.size, 0, -1)
    adjusted = np.full(given.shape, np.nan)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * factors))
    return adjusted
