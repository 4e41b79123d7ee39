"""Kaplan and Meier's curve, and what was predicted against what it observes at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from scipy.special import ndtri

from benchmark.errors import Problem
from benchmark.metrics.followup import Followup, as_followup, as_horizons, as_risks
from benchmark.metrics.inputs import Array, Codes, SampleError, check_level


@dataclass(frozen=True, eq=False)
class KaplanMeier:
    """Share without the event after each time of follow-up.

    Attributes:
        times: Distinct times, ascending, ``(l,)``.
        survival: Share without the event after each, ``(l,)``.
        standard_error: Greenwood's, ``(l,)``; NaN once the share is 0.
        at_risk: Cases followed up to each, ``(l,)``.
        events: Events at each, ``(l,)``.
    """

    times: Array
    survival: Array
    standard_error: Array
    at_risk: Codes
    events: Codes

    def incidence_at(self, times: Any) -> Array:  # noqa: ANN401
        """Share with the event by some times; NaN beyond the last follow-up, unless all had the event by then.

        Returns:
            In the shape of ``times``.
        """
        flat, shape = as_horizons(times)
        return np.asarray((1 - self._step(np.concatenate([[1.0], self.survival]), flat)).reshape(shape))[()]

    def incidence_limits_at(self, times: Any, level: float = 0.95) -> tuple[Array, Array]:  # noqa: ANN401
        """Limits of `incidence_at`, from the scale of log(−log S) as R's ``conf.type="log-log"``.

        Returns:
            Low and high, in the shape of ``times``; NaN where the share is 0 or 1.
        """
        check_level(level)
        flat, shape = as_horizons(times)
        share = self._step(np.concatenate([[1.0], self.survival]), flat)
        error = self._step(np.concatenate([[0.0], self.standard_error]), flat)
        share = np.where((share > 0) & (share < 1), share, np.nan)
        spread = float(ndtri((1 + level) / 2)) * error / (share * np.abs(np.log(share)))
        low, high = (1 - share ** np.exp(sign * spread) for sign in (-1.0, 1.0))
        return np.asarray(low.reshape(shape))[()], np.asarray(high.reshape(shape))[()]

    def _step(self, values: Array, times: Array) -> Array:
        found = values[np.searchsorted(self.times, times, side="right")]
        known = (times <= self.times[-1]) | (self.survival[-1] == 0)
        return np.asarray(np.where(known, found, np.nan))


@dataclass(frozen=True, eq=False)
class HorizonCalibration:
    """Risk predicted by a time against the share observed with the event by then, over all and by group of risk.

    Attributes:
        horizon: The time.
        predicted: Mean predicted risk of each group, ascending, ``(g,)``.
        observed: Share with the event by the time, by Kaplan and Meier, ``(g,)``; NaN where follow-up ends before.
        low: Lower limit of the observed, ``(g,)``; NaN where there is none (no event, or follow-up ends).
        high: Upper limit.
        n: Cases of each group, ``(g,)``.
        events: Of them with the event by the time, ``(g,)``.
        mean_predicted: Over all cases.
        mean_observed: Over all cases.
        ratio: Observed over expected: ``mean_observed / mean_predicted``.
        ratio_low: Lower limit, from that of the observed.
        ratio_high: Upper limit.
    """

    horizon: float
    predicted: Array
    observed: Array
    low: Array
    high: Array
    n: Codes
    events: Codes
    mean_predicted: float
    mean_observed: float
    ratio: float
    ratio_low: float
    ratio_high: float


def kaplan_meier(time: Any, event: Any) -> KaplanMeier:  # noqa: ANN401
    """Kaplan and Meier's estimate of the share without the event (JASA 1958;53:457), with Greenwood's error.

    Example::

        >>> from benchmark.metrics import kaplan_meier
        >>> found = kaplan_meier([1, 2, 3, 4, 5], [1, 0, 1, 1, 0])
        >>> found.incidence_at([1, 3, 9]).round(3).tolist()
        [0.2, 0.467, nan]

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.

    Raises:
        SampleError: Missing or negative times, events other than 0/1, lengths or ids that differ.
    """
    return curve_of(as_followup(time, event))


def curve_of(followup: Followup) -> KaplanMeier:
    """`kaplan_meier` of follow-up that is checked already."""
    start, middle, _ = followup.ends
    at_risk, events = followup.n - start, middle - start
    survival = np.cumprod(1 - events / at_risk)
    left = at_risk - events
    terms = np.divide(events, at_risk * left, out=np.full(left.shape, np.nan), where=left > 0)
    return KaplanMeier(followup.levels, survival, survival * np.sqrt(np.cumsum(terms)), at_risk, events)


def calibration_at(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    probability: Any,  # noqa: ANN401
    horizon: float,
    groups: int = 5,
    level: float = 0.95,
) -> HorizonCalibration:
    """Calibration at a time: predicted risk against Kaplan and Meier's, by groups of equal size in predicted risk.

    Censored cases count for as long as they were followed; that the censoring tells nothing about the risk is
    assumed within each group.

    Example::

        >>> from benchmark.metrics import calibration_at
        >>> time, event = [1, 2, 3, 4, 5, 6], [1, 1, 0, 1, 0, 0]
        >>> found = calibration_at(time, event, [0.9, 0.7, 0.6, 0.3, 0.2, 0.1], 4, groups=2)
        >>> found.predicted.round(3).tolist(), found.observed.round(3).tolist()
        ([0.2, 0.733], [0.333, nan])

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        probability: Of the event by the horizon, within [0, 1], ``(n,)``.
        horizon: In the unit of ``time``.
        groups: At most so many; equal predictions stay together, so that heavy ties give fewer.
        level: Confidence level.

    Raises:
        SampleError: Missing or negative times, events other than 0/1, probabilities outside [0, 1], lengths or ids
            that differ, fewer than one group.
    """
    if not isinstance(groups, Integral) or groups < 1:
        raise SampleError(Problem(f"groups {groups!r}: expected a whole number, at least 1", "such as 5"))
    followup = as_followup(time, event)
    at = as_horizons(horizon, "horizon")[0]
    if at.size != 1:
        raise SampleError(f"horizon: expected one time, got {at.size}")
    risk = as_risks(probability, followup, at, probabilities=True)[0]
    group = groups_of_risk(risk, int(groups))
    parts = [np.flatnonzero(group == g) for g in range(group.max() + 1)]
    curves = [kaplan_meier(followup.time[part], followup.event[part]) for part in parts]
    limits = [curve.incidence_limits_at(at[0], level) for curve in curves]
    whole = curve_of(followup)
    observed, expected = float(whole.incidence_at(at[0])), float(risk.mean())
    ends = (observed, *(float(end) for end in whole.incidence_limits_at(at[0], level)))
    had = followup.event & (followup.time <= at[0])
    return HorizonCalibration(
        float(at[0]),
        np.array([risk[part].mean() for part in parts]),
        np.array([curve.incidence_at(at[0]) for curve in curves]),
        np.array([low for low, _ in limits]),
        np.array([high for _, high in limits]),
        np.array([part.size for part in parts]),
        np.array([int(had[part].sum()) for part in parts]),
        expected,
        observed,
        *(end / expected if expected > 0 else math.nan for end in ends),
    )


def groups_of_risk(risk: Array, groups: int) -> Codes:
    """Numbers 0, 1, ... of groups of nearly equal size, ascending in risk; a risk is in one group only."""
    edges = np.quantile(risk, np.arange(1, groups) / groups, method="inverted_cdf")
    return np.unique(np.searchsorted(np.unique(edges), risk, side="left"), return_inverse=True)[1].astype(np.int64)
