"""Brier score under censoring, at a time and integrated over times."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.metrics.concordance import check_ties
from benchmark.metrics.followup import (
    TimeTies,
    Weighted,
    as_ascending,
    as_followup,
    as_horizons,
    as_risks,
    inverse_weights,
)
from benchmark.metrics.inputs import Array


def brier_at(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    probability: Any,  # noqa: ANN401
    times: Any,  # noqa: ANN401
    ties: TimeTies = "textbook",
) -> Array:
    """Brier score at each time, by inverse probability of censoring weights.

    ``1/n (Σ (1 − p)²/G(T−) + Σ p²/G(t))`` over the cases with the event at ``T ≤ t`` and over those followed
    beyond t; who was censored by then adds nothing (Graf et al., Stat Med 1999;18:2529; Gerds & Schumacher,
    Biom J 2006;48:1029). Saying the same probability p for all, the share of events by t, gives p(1 − p).

    Example::

        >>> from benchmark.metrics import brier_at
        >>> time, event, risk = [1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.9, 0.3, 0.2, 0.5, 0.4]
        >>> round(float(brier_at(time, event, risk, 3)), 4)
        0.282

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        probability: Of the event by that time (not of living without it), within [0, 1]: ``(n,)`` for one time,
            else a column for each time, ``(n, k)``.
        times: One or several, in the unit of ``time``.
        ties: ``textbook``: G just before the event, as R's riskRegression. ``sksurv``: G(T).

    Returns:
        One score for each time, in the shape of ``times``; NaN where nobody is followed beyond it.

    Raises:
        SampleError: Missing or negative times, events other than 0/1, probabilities outside [0, 1], other numbers
            of cases or columns.
    """
    followup = as_followup(time, event)
    horizons, shape = as_horizons(times)
    check_ties(ties)
    risks = as_risks(probability, followup, horizons, probabilities=True)
    found = brier_of(risks, Weighted.once(followup), horizons, ties)
    return np.asarray(found[:, 0].reshape(shape))[()]


def integrated_brier(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    probability: Any,  # noqa: ANN401
    times: Any,  # noqa: ANN401
    ties: TimeTies = "textbook",
) -> float:
    """`brier_at` integrated over times by the trapezoid rule, over ``last − first``.

    Example::

        >>> from benchmark.metrics import integrated_brier
        >>> time, event, risk = [1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.9, 0.3, 0.2, 0.5, 0.4]
        >>> round(integrated_brier(time, event, {1: risk, 3: risk}, [1, 3]), 4)
        0.196

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        probability: Of the event by each time, a column a time, ``(n, k)``.
        times: Two at least, ascending.
        ties: As of `brier_at`.

    Returns:
        The mean score; NaN where it is NaN at one of the times.

    Raises:
        SampleError: As `brier_at`, or times that do not ascend.
    """
    followup = as_followup(time, event)
    horizons = as_ascending(times, 2)
    check_ties(ties)
    risks = as_risks(probability, followup, horizons, probabilities=True)
    scores = brier_of(risks, Weighted.once(followup), horizons, ties)
    return float(mean_over_times(scores, horizons)[0])


def brier_of(risks: Array, weighted: Weighted, horizons: Array, ties: TimeTies) -> Array:
    """`brier_at` of each replicate at each time, ``(k, r)``; ``risks`` are ``(1 or k, n)``."""
    followup, weights = weighted.followup, weighted.weights
    passed, total = followup.passed(horizons), weights.sum(axis=1)
    out = np.empty((horizons.size, len(weights)))
    for k, horizon in enumerate(horizons):
        risk = risks[k % len(risks)]
        cases = np.flatnonzero(followup.event & (followup.time <= horizon))
        beyond = np.flatnonzero(followup.time > horizon)
        remaining = weighted.censoring[:, followup.level[cases] + (ties == "sksurv")]
        lost = inverse_weights(weights[:, cases], remaining) @ (1 - risk[cases]) ** 2
        left = weights[:, beyond]
        kept = inverse_weights((left @ risk[beyond] ** 2)[:, None], weighted.censoring[:, passed[k], None])[:, 0]
        out[k] = np.where(left.any(axis=1), (lost + kept) / total, np.nan)
    return out


def mean_over_times(scores: Array, horizons: Array) -> Array:
    """Trapezoid over times of ``(k, r)``, over the range of the times, ``(r,)``."""
    return np.asarray(np.trapezoid(scores, horizons, axis=0) / (horizons[-1] - horizons[0]))
