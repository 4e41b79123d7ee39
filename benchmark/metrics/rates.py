"""Rates at one threshold, by name: from which counts each is computed, and which cases it is a share of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from benchmark.metrics.inputs import Array

Counts = Callable[[Array, Array, Array, Array], Array]
"""``(tp, fp, n_positive, n_negative) -> rate``, all of one shape; NaN where nothing is counted from."""


@dataclass(frozen=True)
class Rate:
    """One rate.

    Attributes:
        of_counts: Its value from the counts at a threshold.
        among: The cases that it is a share of: positives, negatives, those called or those not called.
    """

    of_counts: Counts
    among: Literal["positives", "negatives", "called", "not called"]


def share(count: Array, total: Array) -> Array:
    """``count / total``, NaN where the total is 0."""
    out = np.full(np.shape(total), np.nan)
    return np.asarray(np.divide(count, total, out=out, where=np.asarray(total) > 0))


def negative_predictive_value(tp: Array, fp: Array, n_positive: Array, n_negative: Array) -> Array:
    """Share of negatives among the cases that are not called: ``TN / (TN + FN)``; NaN when all are called."""
    cleared = n_negative - fp
    return share(cleared, cleared + (n_positive - tp))


RATES: dict[str, Rate] = {
    "recall": Rate(lambda tp, fp, p, n: share(tp, p), "positives"),
    "fpr": Rate(lambda tp, fp, p, n: share(fp, n), "negatives"),
    "specificity": Rate(lambda tp, fp, p, n: 1.0 - share(fp, n), "negatives"),
    "precision": Rate(lambda tp, fp, p, n: share(tp, tp + fp), "called"),
    "npv": Rate(negative_predictive_value, "not called"),
}
"""Every rate by its name: what stands before ``@`` in ``npv@recall=0.9``."""
