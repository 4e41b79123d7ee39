"""Concordance under censoring: Harrell's and Uno's C."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.metrics.followup import (
    Followup,
    TimeTies,
    Weighted,
    as_followup,
    as_horizons,
    as_risks,
    inverse_weights,
    prefix_sums,
)
from benchmark.metrics.inputs import Array, Codes, SampleError


def harrell_c(time: Any, event: Any, risk: Any) -> float:  # noqa: ANN401
    """Harrell's C: the share of pairs of known order in time where the earlier event has the higher risk.

    A pair is comparable when the shorter time ends with the event; at equal times exactly one must have the event,
    and the censored one counts as living longer. Equal risks count ½ (Harrell et al., JAMA 1982;247:2543). Its
    value depends on the censoring; `uno_c` corrects for it. In O(n log² n).

    Example::

        >>> from benchmark.metrics import harrell_c
        >>> harrell_c([1, 2, 3, 4], [1, 0, 1, 0], [0.9, 0.3, 0.2, 0.4])
        0.75

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        risk: Higher means an earlier event, ``(n,)``.

    Returns:
        From 0 to 1; NaN where no pair is comparable.

    Raises:
        SampleError: Missing or negative times, events other than 0/1, lengths or ids that differ.
    """
    followup = as_followup(time, event)
    row = as_risks(risk, followup, np.zeros(1))[0]
    pairs = ComparablePairs(followup, row)
    return float(harrell_of(pairs, Weighted.once(followup))[0])


def uno_c(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    risk: Any,  # noqa: ANN401
    tau: Any = None,  # noqa: ANN401
    ties: TimeTies = "textbook",
) -> Array:
    """Uno's C: concordance up to τ, each pair weighted by the inverse of its chance to be seen.

    ``Σ 1/G(Tᵢ−)² [rᵢ > rⱼ] / Σ 1/G(Tᵢ−)²`` over the comparable pairs of `harrell_c` with an event at ``Tᵢ ≤ τ``,
    G being Kaplan and Meier's curve of the censoring on the same cases (Uno et al., Stat Med 2011;30:1105). The
    numbers are those of R's ``concordance(timewt="n/G2", ymax=τ)``.

    Example::

        >>> from benchmark.metrics import uno_c
        >>> time, event, risk = [1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.9, 0.3, 0.2, 0.5, 0.4]
        >>> round(float(uno_c(time, event, risk, tau=3)), 4)
        0.5294

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        risk: Higher means an earlier event, ``(n,)``.
        tau: Events later than this do not count; one time, or several. All events by default.
        ties: ``textbook``: G just before the event, and an event at exactly τ counts. ``sksurv``: as
            scikit-survival, G(Tᵢ) and only events before τ.

    Returns:
        One C for each τ, in the shape of ``tau``; NaN where no pair is comparable or where G is 0.

    Raises:
        SampleError: As `harrell_c`.
    """
    followup = as_followup(time, event)
    limits, shape = (np.array([np.inf]), ()) if tau is None else as_horizons(tau, "tau")
    row = as_risks(risk, followup, np.zeros(1))[0]
    check_ties(ties)
    found = uno_of(ComparablePairs(followup, row), Weighted.once(followup), limits, ties)
    return np.asarray(found[:, 0].reshape(shape))[()]


def check_ties(ties: str) -> None:
    """Refuse an unknown rule.

    Raises:
        SampleError: With those that are known.
    """
    if ties not in ("textbook", "sksurv"):
        raise SampleError(f"ties {ties!r}: choose from textbook, sksurv")


class ComparablePairs:
    """For each event, the weight of the cases that outlive it with a lower, and with the same, risk.

    Cases are numbered by time. An event and a case that outlives it differ first at one bit of their numbers,
    where the event has 0 and the other 1. For each bit the cases with 1 are sorted by the higher bits and then by
    risk, so that one run of sums answers for all events with 0: O(n log n) a replicate after sorting once.

    Args:
        followup: Times and events.
        risk: ``(n,)``.
    """

    def __init__(self, followup: Followup, risk: Array) -> None:
        self.cases = np.flatnonzero(followup.event)
        place = np.unique(2 * followup.level + ~followup.event, return_inverse=True)[1].astype(np.int64)
        levels, rank = np.unique(risk, return_inverse=True)
        self._bits: list[tuple[Codes, Codes, Codes]] = []
        for bit in range(int(place.max()).bit_length()):
            asked = np.flatnonzero((place[self.cases] >> bit) & 1 == 0)
            above = np.flatnonzero((place >> bit) & 1 == 1)
            if not (asked.size and above.size):
                continue
            key = (place >> (bit + 1)) * levels.size + rank
            above = above[np.argsort(key[above], kind="stable")]
            own = key[self.cases[asked]]
            first = (place[self.cases[asked]] >> (bit + 1)) * levels.size
            bounds = np.stack(
                [
                    np.searchsorted(key[above], first, side="left"),
                    np.searchsorted(key[above], own, side="left"),
                    np.searchsorted(key[above], own, side="right"),
                ]
            )
            self._bits.append((asked, above, bounds.astype(np.int64)))

    def lower(self, weights: Array) -> Array:
        """Weight of lower risks, and half of that of equal ones, among the cases that outlive each, ``(r, m)``."""
        out = np.zeros((len(weights), self.cases.size))
        for asked, above, (first, left, right) in self._bits:
            sums = prefix_sums(weights[:, above])
            out[:, asked] += (sums[:, left] + sums[:, right]) / 2 - sums[:, first]
        return out


def harrell_of(pairs: ComparablePairs, weighted: Weighted) -> Array:
    """`harrell_c` of each replicate, ``(r,)``."""
    mass = weighted.weights[:, pairs.cases]
    return weighted_share(mass, pairs.lower(weighted.weights), weighted.later(pairs.cases))


def uno_of(pairs: ComparablePairs, weighted: Weighted, limits: Array, ties: TimeTies) -> Array:
    """`uno_c` of each replicate for each τ, ``(k, r)``."""
    followup = weighted.followup
    level, time = followup.level[pairs.cases], followup.time[pairs.cases]
    lower, later = pairs.lower(weighted.weights), weighted.later(pairs.cases)
    mass, remaining = weighted.weights[:, pairs.cases], weighted.censoring[:, level + (ties == "sksurv")]
    out = np.empty((limits.size, len(mass)))
    for k, limit in enumerate(limits):
        counted = time < limit if ties == "sksurv" else time <= limit
        out[k] = weighted_share(inverse_weights(mass * counted, remaining, 2), lower, later)
    return out


def weighted_share(mass: Array, part: Array, whole: Array) -> Array:
    """``Σ mass·part / Σ mass·whole`` of each row; NaN where the sum below is 0."""
    # Both sums in one order of addition, so that their ratio is never above 1.
    above, below = (mass * part).sum(axis=1), (mass * whole).sum(axis=1)
    return np.asarray(np.divide(above, below, out=np.full(below.shape, np.nan), where=below != 0))
