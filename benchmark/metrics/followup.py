"""Times, events and risks checked once, and Kaplan–Meier curves of them under any weights of the cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, Codes, Labels, SampleError, as_probabilities, as_scores, matched
from benchmark.metrics.sequences import as_columns, as_numbers, as_sequence

TimeTies = Literal["textbook", "sksurv"]
"""What happens where an event and a censoring, or an event and the horizon, share a time."""


@dataclass(frozen=True, eq=False)
class Followup:
    """What is known of each case: how long it was followed, and how that ended.

    Attributes:
        time: From the scan to the event or to the end of follow-up, ``(n,)``.
        event: Whether it ended with the event, ``(n,)``.
        levels: Distinct times, ascending, ``(l,)``.
        level: Which of them is each case's, ``(n,)``.
        order: Cases by time, and those with the event first at one time, ``(n,)``.
        ends: How many cases of ``order`` come before the events, the censorings and the end of each level,
            ``(3, l)``.
        cases: What risks are matched with: the times as they were given, or where they have no ids the events.
    """

    time: Array
    event: Labels
    levels: Array
    level: Codes
    order: Codes
    ends: Codes
    cases: Any

    @property
    def n(self) -> int:
        """Cases."""
        return int(self.time.size)

    def passed(self, times: Array) -> Codes:
        """How many levels lie at or before each time."""
        return np.searchsorted(self.levels, times, side="right").astype(np.int64)


class Weighted:
    """Follow-up under weights of the cases, of several replicates at once; its curves are computed when asked for.

    Args:
        followup: Times and events.
        weights: ``(r, n)``.
    """

    def __init__(self, followup: Followup, weights: Array) -> None:
        self.followup, self.weights = followup, weights

    @classmethod
    def once(cls, followup: Followup) -> Weighted:
        """Every case once, as one replicate."""
        return cls(followup, np.ones((1, followup.n)))

    @cached_property
    def _past(self) -> Array:
        """Weight of all cases before a place in the order of time, ``(r, n + 1)``."""
        return prefix_sums(self.weights[:, self.followup.order])

    @cached_property
    def censoring(self) -> Array:
        """G, Kaplan and Meier's curve of the censoring, before the first and after each level, ``(r, l + 1)``."""
        _, middle, end = self.followup.ends
        return self._product(middle, end)

    @cached_property
    def survival(self) -> Array:
        """S, Kaplan and Meier's curve of the event, before the first and after each level, ``(r, l + 1)``."""
        start, middle, _ = self.followup.ends
        return self._product(start, middle)

    def later(self, cases: Codes) -> Array:
        """Weight of what outlives each of some events: followed longer, or censored at its time, ``(r, m)``."""
        middle = self.followup.ends[1][self.followup.level[cases]]
        return np.asarray(self._past[:, -1:] - self._past[:, middle])

    def _product(self, before: Codes, after: Codes) -> Array:
        at_risk = self._past[:, -1:] - self._past[:, before]
        stay = np.divide(
            self._past[:, -1:] - self._past[:, after], at_risk, out=np.ones_like(at_risk), where=at_risk > 0
        )
        return np.concatenate([np.ones((len(stay), 1)), np.cumprod(stay, axis=1)], axis=1)


def prefix_sums(values: Array) -> Array:
    """Sums of the first 0, 1, ..., k columns, ``(r, k + 1)``."""
    out = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=out[:, 1:])
    return out


def inverse_weights(mass: Array, remaining: Array, power: int = 1) -> Array:
    """``mass / remaining**power``; NaN where something weighs and nothing remains, 0 where nothing weighs."""
    empty = np.where(mass > 0, np.nan, 0.0)
    return np.asarray(np.divide(mass, remaining**power, out=empty, where=(remaining > 0) & (mass > 0)))


def as_followup(time: Any, event: Any) -> Followup:  # noqa: ANN401 - any sequences
    """Check times and events.

    Args:
        time: Of the event or of the end of follow-up, in any one unit, ``(n,)``.
        event: 1 where the event happened at that time, 0 where follow-up ended without it, ``(n,)``.

    Raises:
        SampleError: Missing or negative times, events other than 0/1, lengths or ids that differ.
    """
    ended = as_numbers(matched(time, event, "event"), "event")
    wrong = ~((ended == 0) | (ended == 1))
    if wrong.any():
        found = ", ".join(str(v) for v in np.unique(ended[wrong])[:5])
        raise SampleError(
            Problem(
                f"event: {int(wrong.sum())} of {ended.size} values are neither 0 nor 1 ({found})",
                "code the event as 1 and the end of follow-up without it as 0",
            )
        )
    followed = as_numbers(time, "time")
    _refuse_bad_times(followed, "time", "time from the scan to the event or to the end of follow-up")
    if followed.size != ended.size:
        raise SampleError(f"{followed.size} times but {ended.size} events")
    happened = np.asarray(ended == 1)
    levels, level = np.unique(followed, return_inverse=True)
    order = np.lexsort((~happened, followed)).astype(np.int64)
    start = np.searchsorted(followed[order], levels, side="left")
    events = np.bincount(level, happened, levels.size).astype(np.int64)
    ends = np.stack([start, start + events, np.append(start[1:], followed.size)])
    cases = time if isinstance(time, pd.Series) else event
    return Followup(followed, happened, levels, level.astype(np.int64), order, ends, cases)


def as_horizons(times: Any, name: str = "times") -> tuple[Array, tuple[int, ...]]:  # noqa: ANN401
    """Times to answer for, flat, and the shape that the answers have.

    Raises:
        SampleError: None at all, or a missing or negative one.
    """
    single = isinstance(times, Real) or (isinstance(times, np.ndarray) and times.ndim == 0)
    found = [times] if single else as_sequence(times, name)
    shape = () if single else np.shape(found)
    flat = as_numbers(found.ravel() if isinstance(found, np.ndarray) else found, name)
    _refuse_bad_times(flat, name, "times in the unit of the follow-up")
    return flat, shape


def as_ascending(times: Any, least: int) -> Array:  # noqa: ANN401
    """Times that ascend, ``(k,)``.

    Raises:
        SampleError: They do not, or are fewer than ``least``.
    """
    horizons, _ = as_horizons(times)
    if horizons.size < least or not np.all(np.diff(horizons) > 0):
        raise SampleError(f"times {horizons.tolist()}: expected ascending times, {least} at least")
    return horizons


def as_risks(risk: Any, followup: Followup, times: Array, *, probabilities: bool = False) -> Array:  # noqa: ANN401
    """Risks as rows: one for all times, or one for each, ``(1 or k, n)``.

    Args:
        risk: ``(n,)``, or a column a time: an array ``(n, k)``, a mapping or a table.
        followup: Of the same cases: two pandas objects are matched by their index.
        times: ``(k,)``. Columns that are named as numbers must be these.
        probabilities: Refuse what lies outside [0, 1], and one column for several times.

    Raises:
        SampleError: Missing values, other numbers of cases or columns, columns in another order.
    """
    columns = _columns(risk, times)
    if columns is None:
        columns = [risk]
    if len(columns) != times.size and (len(columns) != 1 or probabilities):
        fix = "give one, or a column for each time" if not probabilities else "give a column for each time"
        raise SampleError(Problem(f"risk: {len(columns)} columns for {times.size} times", fix))
    name = "probability" if probabilities else "risk"
    convert = as_probabilities if probabilities else as_scores
    rows = [convert(matched(followup.cases, column, name), name) for column in columns]
    if any(row.size != followup.n for row in rows):
        raise SampleError(f"{name}: {rows[0].size} values for {followup.n} times of follow-up")
    return np.stack(rows)


def _columns(risk: Any, times: Array) -> list[Any] | None:  # noqa: ANN401
    """Columns of a table, None for a single sequence."""
    tabular = isinstance(risk, Mapping | pd.DataFrame) or hasattr(risk, "column_names") or hasattr(risk, "columns")
    if tabular:
        named = as_columns(risk, "risk")
        _refuse_other_order(list(named), times)
        return list(named.values())
    if isinstance(risk, list | tuple) and risk and isinstance(risk[0], list | tuple | np.ndarray | pd.Series):
        sizes = {len(row) if np.ndim(row) else 0 for row in risk}
        if len(sizes) > 1:
            raise SampleError(Problem("risk: rows of different lengths", "give a column for each time"))
        risk = np.array([list(row) for row in risk], dtype=object)
    elif hasattr(risk, "__array__") and not isinstance(risk, np.ndarray | pd.Series):
        risk = np.asarray(risk)
    if isinstance(risk, np.ndarray) and risk.ndim == 2:
        return list(risk.T)
    return None


def _refuse_other_order(names: list[str], times: Array) -> None:
    try:
        numbers = np.array([float(name) for name in names])
    except ValueError:
        return
    unnamed = np.array_equal(numbers, np.arange(len(names)))
    if numbers.size == times.size and not unnamed and not np.array_equal(numbers, times):
        what = f"risk: columns {', '.join(names)} for the times {', '.join(f'{t:g}' for t in times)}"
        raise SampleError(Problem(what, "give the columns in the order of the times"))


def _refuse_bad_times(found: npt.NDArray[np.float64], name: str, meaning: str) -> None:
    for wrong, what in ((~np.isfinite(found), "missing or infinite"), (found < 0, "negative")):
        if wrong.any():
            raise SampleError(
                Problem(f"{name}: {int(wrong.sum())} of {found.size} values are {what}", f"give the {meaning}")
            )
