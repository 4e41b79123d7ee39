"""Time-to-event measures of several models under any weights of the patients, with all sorting done once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from benchmark.errors import Problem
from benchmark.metrics.censored_brier import brier_of, mean_over_times
from benchmark.metrics.concordance import ComparablePairs, check_ties, harrell_of, uno_of
from benchmark.metrics.followup import (
    Followup,
    TimeTies,
    Weighted,
    as_ascending,
    as_followup,
    as_risks,
)
from benchmark.metrics.inputs import Array, Codes, SampleError, cluster_codes, matched
from benchmark.metrics.sequences import as_columns
from benchmark.metrics.yearly_auc import YearlyAreas, mean_area

YEARLY = ("dynamic_auc", "sybil_auc", "uno_c", "brier_at")
"""Measures with a value for each time."""
SINGLE = ("harrell_c", "mean_dynamic_auc", "integrated_brier")
"""Measures with one value."""
OF_PROBABILITIES = ("brier_at", "integrated_brier")


@dataclass(frozen=True, eq=False)
class SurvivalSample:
    """Cases with their follow-up and patient, and the risks of one or more models.

    Attributes:
        followup: Times and events.
        risks: Of each model ``(1 or k, n)``.
        models: Names of the models.
        times: Times that measures are computed at, ascending, ``(k,)``.
        clusters: Patient of each case as codes 0..c-1, ``(n,)``.
        n_clusters: Number of patients.
    """

    followup: Followup
    risks: tuple[Array, ...]
    models: tuple[str, ...]
    times: Array
    clusters: Codes
    n_clusters: int

    def smaller_class(self, name: str) -> int:
        """The smaller number of patients on whom a value stands: with the event by its time, or without it.

        Those without: of an AUC the patients followed beyond the time, else all without the event by then. Where
        there are none of one kind, the number of the other.

        Args:
            name: Of a value, such as ``dynamic_auc@time=3``.
        """
        measure, _, at = name.partition("@time=")
        until = float(at) if at else np.inf if measure == "harrell_c" else float(self.times[-1])
        had = self.followup.event & (self.followup.time <= until)
        rest = ~had
        if measure.endswith("_auc"):
            rest = self.followup.time > (self.times[0] if measure == "mean_dynamic_auc" else until)
        sizes = [np.unique(self.clusters[rows]).size for rows in (had, rest) if rows.any()]
        return int(min(sizes, default=0))


def as_survival_sample(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    risks: Any,  # noqa: ANN401
    times: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
) -> SurvivalSample:
    """Check follow-up, risks of several models on the same cases, and patients.

    Example::

        >>> from benchmark.statistics import as_survival_sample
        >>> sample = as_survival_sample([1, 2, 3], [1, 0, 1], {"a": [0.9, 0.3, 0.2]}, times=[1, 2])
        >>> sample.models, sample.n_clusters, sample.times.tolist()
        (('a',), 3, [1.0, 2.0])

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        risks: Of each model on the same cases, by name: ``(n,)``, or a column for each time, ``(n, k)``.
        times: In the unit of ``time``, ascending.
        clusters: Patient of each case, ``(n,)``; None when each case is its own patient.

    Raises:
        SampleError: As `benchmark.metrics.dynamic_auc`, for all models together; no model, or times that do not
            ascend.
    """
    followup, horizons = as_followup(time, event), as_ascending(times, 1)
    rows: list[Array] = []
    problems: list[Problem] = []
    columns = as_columns(risks, "risks")
    for model, given in columns.items():
        try:
            rows.append(as_risks(given, followup, horizons))
        except SampleError as error:
            problems.extend(Problem(f"{model}: {p.what}", p.fix) for p in error.problems)
    if not columns:
        problems.append(Problem("no risks: give those of one model at least"))
    if problems:
        raise SampleError(problems)
    codes, count = cluster_codes(matched(followup.cases, clusters, "clusters"), followup.n)
    return SurvivalSample(followup, tuple(rows), tuple(columns), horizons, codes, count)


def survival_metrics(metrics: str | Iterable[str], times: Array) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Measures that were asked for, and the names of their values, such as ``dynamic_auc@time=3``.

    Raises:
        SampleError: An unknown measure, one twice, or none.
    """
    asked = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    unknown = [name for name in asked if name not in (*YEARLY, *SINGLE)]
    if unknown or not asked or len(set(asked)) < len(asked):
        what = f"metrics: expected different ones of {', '.join((*YEARLY, *SINGLE))}, got {list(asked)}"
        raise SampleError(Problem(what, "such as dynamic_auc; the times are given by themselves"))
    if "integrated_brier" in asked and times.size < 2:
        raise SampleError(Problem("integrated_brier: one time is no range", "give two times at least"))
    names = [f"{name}@time={t:g}" if name in YEARLY else name for name in asked for t in _times_of(name, times)]
    return asked, tuple(names)


def _times_of(measure: str, times: Array) -> Array:
    return times if measure in YEARLY else times[-1:]


class SurvivalEngine:
    """Measures of every model of a sample under any weights of its patients.

    Args:
        sample: Follow-up, risks and patients.
        metrics: Measures to compute.
        ties: As of the measures.
    """

    def __init__(self, sample: SurvivalSample, metrics: str | Iterable[str], ties: TimeTies = "textbook") -> None:
        check_ties(ties)
        self.sample, self.ties = sample, ties
        self.metrics, self.names = survival_metrics(metrics, sample.times)
        if set(self.metrics) & set(OF_PROBABILITIES):
            _refuse_other_than_probabilities(sample)
        self._models = [_Model(sample, rows) for rows in sample.risks]

    def values(self, weights: Array) -> Array:
        """Values under each column of weights; the weights for the censoring are estimated under them.

        Args:
            weights: Weight of each patient in each replicate, ``(c, r)``.

        Returns:
            ``(names, models, r)``; NaN where a replicate gives no answer.
        """
        weighted = Weighted(self.sample.followup, np.ascontiguousarray(weights.T[:, self.sample.clusters]))
        models = [
            np.concatenate([model.values(name, weighted, self.ties) for name in self.metrics])
            for model in self._models
        ]
        return np.stack(models, axis=1)

    def point(self) -> Array:
        """Values on the sample itself, ``(names, models)``."""
        return self.values(np.ones((self.sample.n_clusters, 1)))[:, :, 0]

    def measure_of(self) -> Mapping[str, str]:
        """The measure that each name belongs to."""
        return {name: name.split("@")[0] for name in self.names}


def _refuse_other_than_probabilities(sample: SurvivalSample) -> None:
    problems: list[Problem] = []
    for model, rows in zip(sample.models, sample.risks, strict=True):
        if len(rows) != sample.times.size:
            what = f"{model}: one risk for {sample.times.size} times is no probability of each"
            problems.append(Problem(what, "give a column for each time, or leave Brier scores out"))
        if outside := int(((rows < 0) | (rows > 1)).sum()):
            what = f"{model}: {outside} of {rows.size} risks lie outside [0, 1]"
            problems.append(Problem(what, "Brier scores need probabilities: calibrate the risks first"))
    if problems:
        raise SampleError(problems)


class _Model:
    """Risks of one model, sorted for what is asked of them."""

    def __init__(self, sample: SurvivalSample, risks: Array) -> None:
        self._followup, self._risks, self._times = sample.followup, risks, sample.times

    @cached_property
    def _pairs(self) -> list[ComparablePairs]:
        return [ComparablePairs(self._followup, row) for row in self._risks]

    @cached_property
    def _areas(self) -> YearlyAreas:
        return YearlyAreas(self._followup, self._risks, self._times)

    @cached_property
    def _sybil(self) -> YearlyAreas:
        return YearlyAreas(self._followup, self._risks, self._times, sybil=True)

    def values(self, measure: str, weighted: Weighted, ties: TimeTies) -> Array:
        """One measure, ``(k or 1, r)``."""
        if measure == "harrell_c":
            return harrell_of(self._pairs[-1], weighted)[None]
        if measure == "uno_c" and len(self._pairs) == 1:
            return uno_of(self._pairs[0], weighted, self._times, ties)
        if measure == "uno_c":
            parts = zip(self._pairs, self._times, strict=True)
            return np.concatenate([uno_of(pairs, weighted, np.array([t]), ties) for pairs, t in parts])
        if measure == "sybil_auc":
            return self._sybil.unweighted(weighted)
        if measure in OF_PROBABILITIES:
            scores = brier_of(self._risks, weighted, self._times, ties)
            return scores if measure == "brier_at" else mean_over_times(scores, self._times)[None]
        areas = self._areas.dynamic(weighted, ties)
        return areas if measure == "dynamic_auc" else mean_area(areas, weighted, self._times)[None]
