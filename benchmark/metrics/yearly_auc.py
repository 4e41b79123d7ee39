"""AUC at a time under censoring: by inverse probability of censoring weights, and as Sybil defines it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark.metrics.concordance import check_ties, weighted_share
from benchmark.metrics.followup import (
    Followup,
    TimeTies,
    Weighted,
    as_ascending,
    as_followup,
    as_horizons,
    as_risks,
    inverse_weights,
    prefix_sums,
)
from benchmark.metrics.inputs import Array, Labels


def dynamic_auc(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    risk: Any,  # noqa: ANN401
    times: Any,  # noqa: ANN401
    ties: TimeTies = "textbook",
) -> Array:
    """Cumulative/dynamic AUC at each time: cases had the event by then, controls are followed beyond it.

    A case with its event at T weighs ``1/G(T−)``, G being Kaplan and Meier's curve of the censoring on the same
    cases, a control 1; equal risks count ½ (Uno et al., JASA 2007;102:527; Blanche et al., Stat Med 2013;32:5381).
    Who was censored by then is in neither class. The numbers are those of R's riskRegression; timeROC leaves out
    events at exactly the time. In O(n log n).

    Example::

        >>> from benchmark.metrics import dynamic_auc
        >>> time, event, risk = [1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.9, 0.3, 0.2, 0.5, 0.4]
        >>> dynamic_auc(time, event, risk, [1, 3]).round(4).tolist()
        [1.0, 0.4286]

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        risk: Higher means an earlier event: ``(n,)`` for all times, or a column for each time, ``(n, k)``.
        times: One or several, in the unit of ``time``.
        ties: ``textbook``: G just before the event. ``sksurv``: as scikit-survival, G(T).

    Returns:
        One AUC for each time, in the shape of ``times``; NaN where there is no case or no control.

    Raises:
        SampleError: Missing or negative times, events other than 0/1, other numbers of cases or columns.
    """
    followup = as_followup(time, event)
    horizons, shape = as_horizons(times)
    check_ties(ties)
    areas = YearlyAreas(followup, as_risks(risk, followup, horizons), horizons)
    found = areas.dynamic(Weighted.once(followup), ties)
    return np.asarray(found[:, 0].reshape(shape))[()]


def mean_dynamic_auc(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    risk: Any,  # noqa: ANN401
    times: Any,  # noqa: ANN401
    ties: TimeTies = "textbook",
) -> float:
    """Mean of `dynamic_auc` over several times, each weighted by the share of events since the time before.

    The weights are the drops of Kaplan and Meier's curve of the event between the times, over its whole drop, as
    in scikit-survival (Lambert & Chevret, Stat Methods Med Res 2016;25:2088).

    Example::

        >>> from benchmark.metrics import mean_dynamic_auc
        >>> time, event, risk = [1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.9, 0.3, 0.2, 0.5, 0.4]
        >>> round(mean_dynamic_auc(time, event, risk, [1, 3]), 4)
        0.6735

    Args:
        time: As of `dynamic_auc`, and so are ``event``, ``risk`` and ``ties``.
        event: 1 event, 0 censored, ``(n,)``.
        risk: ``(n,)``, or a column for each time.
        times: Ascending.
        ties: ``textbook`` or ``sksurv``.

    Returns:
        The mean; NaN where an AUC that has a weight is NaN, or no event happened.

    Raises:
        SampleError: As `dynamic_auc`, or times that do not ascend.
    """
    followup = as_followup(time, event)
    horizons = as_ascending(times, 1)
    check_ties(ties)
    areas = YearlyAreas(followup, as_risks(risk, followup, horizons), horizons)
    weighted = Weighted.once(followup)
    return float(mean_area(areas.dynamic(weighted, ties), weighted, horizons)[0])


def sybil_auc(time: Any, event: Any, risk: Any, year: Any) -> Array:  # noqa: ANN401
    """AUC at a year as Sybil's paper defines it: who was censored before is left out, without weights.

    Positives had the event by that year, negatives are all others who were not censored before it, those with a
    later event among them (Mikhael et al., J Clin Oncol 2023;41:2191). With heavy censoring it differs from
    `dynamic_auc`, which corrects for whom it leaves out.

    Example::

        >>> from benchmark.metrics import sybil_auc
        >>> time, event, risk = [1, 2, 3, 4, 5], [1, 0, 1, 1, 0], [0.9, 0.3, 0.2, 0.5, 0.4]
        >>> float(sybil_auc(time, event, risk, 3))
        0.5

    Args:
        time: To the event or to the end of follow-up, in years or in the unit of ``year``, ``(n,)``. Times are
            compared as they are; Sybil's code rounds them down to whole years.
        event: 1 event, 0 censored, ``(n,)``.
        risk: ``(n,)`` for all years, or a column for each, ``(n, k)``.
        year: One or several.

    Returns:
        One AUC for each year, in the shape of ``year``; NaN where there is no positive or no negative.

    Raises:
        SampleError: As `dynamic_auc`.
    """
    followup = as_followup(time, event)
    horizons, shape = as_horizons(year, "year")
    areas = YearlyAreas(followup, as_risks(risk, followup, horizons), horizons, sybil=True)
    found = areas.unweighted(Weighted.once(followup))
    return np.asarray(found[:, 0].reshape(shape))[()]


class YearlyAreas:
    """Cases and controls at each time, sorted by risk once, and their AUCs under any weights.

    Args:
        followup: Times and events.
        risks: ``(1 or k, n)``.
        horizons: ``(k,)``.
        sybil: Controls are all that were not censored before, in place of those followed beyond.
    """

    def __init__(self, followup: Followup, risks: Array, horizons: Array, *, sybil: bool = False) -> None:
        self._ranked = []
        for k, horizon in enumerate(horizons):
            case = followup.event & (followup.time <= horizon)
            control = followup.time > horizon
            if sybil:
                control = ~case & (followup.time >= horizon)
            self._ranked.append(_RankedControls(risks[k % len(risks)], case, control))

    def dynamic(self, weighted: Weighted, ties: TimeTies) -> Array:
        """`dynamic_auc` of each replicate at each time, ``(k, r)``."""
        level, curve = weighted.followup.level, weighted.censoring
        out = np.empty((len(self._ranked), len(weighted.weights)))
        for k, ranked in enumerate(self._ranked):
            mass = weighted.weights[:, ranked.cases]
            remaining = curve[:, level[ranked.cases] + (ties == "sksurv")]
            out[k] = ranked.area(inverse_weights(mass, remaining), weighted.weights)
        return out

    def unweighted(self, weighted: Weighted) -> Array:
        """AUC without weights for the censoring, ``(k, r)``."""
        weights = weighted.weights
        return np.stack([ranked.area(weights[:, ranked.cases], weights) for ranked in self._ranked])


class _RankedControls:
    """Controls by risk, and where each case stands among them."""

    def __init__(self, risk: Array, case: Labels, control: Labels) -> None:
        self.cases = np.flatnonzero(case)
        controls = np.flatnonzero(control)
        self._controls = controls[np.argsort(risk[controls], kind="stable")]
        ascending = risk[self._controls]
        self._left = np.searchsorted(ascending, risk[self.cases], side="left")
        self._right = np.searchsorted(ascending, risk[self.cases], side="right")

    def area(self, mass: Array, weights: Array) -> Array:
        """Share of the controls below each case, ties ½, averaged over the cases by their mass, ``(r,)``."""
        sums = prefix_sums(weights[:, self._controls])
        lower = (sums[:, self._left] + sums[:, self._right]) / 2
        return weighted_share(mass, lower, np.broadcast_to(sums[:, -1:], lower.shape))


def mean_area(areas: Array, weighted: Weighted, horizons: Array) -> Array:
    """Mean over times of ``(k, r)``, weighted by the drops of the event's curve, ``(r,)``."""
    curve = weighted.survival[:, weighted.followup.passed(horizons)].T
    drops = -np.diff(curve, axis=0, prepend=1.0)
    whole = 1.0 - curve[-1]
    sums = np.where(drops > 0, drops * areas, 0.0).sum(axis=0)
    return np.asarray(np.divide(sums, whole, out=np.full(whole.shape, np.nan), where=whole > 0))
