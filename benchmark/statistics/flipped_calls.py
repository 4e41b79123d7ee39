"""Calls at a threshold that another scan of the same nodule turns round."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.inputs import SampleError, check_level, cluster_codes
from benchmark.statistics.agreement import scores_by_scan
from benchmark.statistics.rates import RateInterval, rate_of_cases


@dataclass(frozen=True)
class FlippedCalls:
    """Calls at one threshold that are not the same in every scan of a nodule.

    Attributes:
        threshold: A score at or above it is called positive.
        flipped: Share of the nodules with a score in every scan, with its interval.
        up: Negative in the first scan, positive in the last, of those that flip.
        down: Positive in the first, negative in the last.
        always: Positive in every scan.
        never: Positive in none.
    """

    threshold: float
    flipped: RateInterval
    up: int
    down: int
    always: int
    never: int


def flipped_calls(
    frame: Any,  # noqa: ANN401 - any table
    threshold: float,
    clusters: Any = None,  # noqa: ANN401 - any sequence of ids
    level: float = 0.95,
) -> FlippedCalls:
    """Share of the nodules that are called positive in one scan and negative in another.

    Example::

        >>> from benchmark.statistics import flipped_calls
        >>> found = flipped_calls({"thin": [0.1, 0.4, 0.8, 0.9], "thick": [0.2, 0.6, 0.8, 0.8]}, threshold=0.5)
        >>> found.flipped.rate, found.up, found.down, found.always, found.never
        (0.25, 1, 0, 2, 1)

    Args:
        frame: As for `agreement`; nodules without a score in every scan are left out.
        threshold: A score at or above it is called positive.
        clusters: Patient of each nodule, ``(n,)``: Wilson's interval then counts with the design effect.
        level: Confidence level.

    Raises:
        SampleError: As `agreement`, a threshold that is no number, patients that are not one a nodule, or no
            nodule has a score in every scan.
    """
    check_level(level)
    if not math.isfinite(threshold):
        raise SampleError(f"threshold {threshold!r}: give a finite number")
    scores = scores_by_scan(frame)
    codes, _ = cluster_codes(clusters, len(scores))
    complete = np.isfinite(scores).all(axis=1)
    if not complete.any():
        raise SampleError(f"none of {len(scores)} nodules has a score in each of the {scores.shape[1]} scans")
    called, codes = scores[complete] >= threshold, codes[complete]
    always, never = called.all(axis=1), ~called.any(axis=1)
    clustered = np.unique(codes).size < codes.size
    return FlippedCalls(
        threshold=float(threshold),
        flipped=rate_of_cases(np.asarray(~always & ~never), codes, clustered, "wilson", level),
        up=int((~called[:, 0] & called[:, -1]).sum()),
        down=int((called[:, 0] & ~called[:, -1]).sum()),
        always=int(always.sum()),
        never=int(never.sum()),
    )
