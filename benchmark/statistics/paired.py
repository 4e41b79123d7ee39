"""Models compared on the same cases by resampling: paired bootstrap and paired permutation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmark.metrics.inputs import Array, SampleError, check_level
from benchmark.statistics.bca import bca_limits, jackknife, percentile_limits, strata_of
from benchmark.statistics.bootstrap import bootstrap_samples, no_width_note, undefined_note
from benchmark.statistics.engine import (
    REPLICATES,
    Engine,
    Metrics,
    as_request,
    as_seed,
)
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.samples import as_paired_sample


@dataclass(frozen=True)
class Estimate:
    """One metric of one model.

    Attributes:
        model: Name of the model.
        metric: Name of the metric, as it was asked for.
        value: Estimate from the full sample.
        low: Lower limit.
        high: Upper limit.
        standard_error: Standard deviation of the replicates.
    """

    model: str
    metric: str
    value: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True)
class Difference:
    """One metric's difference between two models, ``model_a − model_b``.

    Attributes:
        metric: Name of the metric.
        model_a: First model.
        model_b: Second model.
        difference: From the full sample.
        low: Lower limit.
        high: Upper limit.
        standard_error: Standard deviation of the replicates (of the null distribution for a permutation).
        statistic: ``difference / standard_error``.
        p_value: Two-sided, ``(b + 1)/(B + 1)``.
        p_holm: Adjusted over all pairs of models for this metric.
    """

    metric: str
    model_a: str
    model_b: str
    difference: float
    low: float
    high: float
    standard_error: float
    statistic: float
    p_value: float
    p_holm: float


@dataclass(frozen=True)
class PairedBootstrap:
    """Metrics of all models and the differences of all pairs, on the same resamples.

    Attributes:
        estimates: One per metric and model.
        differences: One per metric and pair of models, in the order the models were given.
        models: Names of the models.
        metrics: Names of the metrics.
        samples: Replicates, ``(metrics, models, replicates)``.
        method: ``percentile`` or ``bca``.
        level: Confidence level.
        replicates: Number of resamples.
        seed: Seed they were drawn from.
        n_positive: Positive cases.
        n_negative: Negative cases.
        n_clusters: Patients; they are what is drawn.
        redrawn: Resamples that held one class only and were drawn again.
        notes: What a reader must know.
    """

    estimates: tuple[Estimate, ...]
    differences: tuple[Difference, ...]
    models: tuple[str, ...]
    metrics: tuple[str, ...]
    samples: Array = field(repr=False, compare=False)
    method: str
    level: float
    replicates: int
    seed: int
    n_positive: int
    n_negative: int
    n_clusters: int
    redrawn: int
    notes: tuple[str, ...] = ()

    def estimate(self, model: str, metric: str) -> Estimate:
        """The estimate of one model's metric."""
        return _only(e for e in self.estimates if (e.model, e.metric) == (model, metric))

    def difference(self, model_a: str, model_b: str, metric: str) -> Difference:
        """The difference ``model_a − model_b``, whichever way round the pair was stored."""
        for found in self.differences:
            if found.metric != metric:
                continue
            if (found.model_a, found.model_b) == (model_a, model_b):
                return found
            if (found.model_a, found.model_b) == (model_b, model_a):
                return turned(found)
        raise SampleError(f"no difference of {metric} between {model_a} and {model_b}")

    def estimates_table(self) -> pd.DataFrame:
        """Estimates, a row each."""
        return pd.DataFrame([asdict(e) for e in self.estimates])

    def differences_table(self) -> pd.DataFrame:
        """Differences, a row each; the interval stands before the p-value."""
        return pd.DataFrame([asdict(d) for d in self.differences])


def turned(found: Difference) -> Difference:
    """The same difference the other way round."""
    return replace(
        found,
        model_a=found.model_b,
        model_b=found.model_a,
        difference=-found.difference,
        low=-found.high,
        high=-found.low,
        statistic=-found.statistic,
    )


def paired_bootstrap(
    labels: Any,  # noqa: ANN401
    scores: Mapping[str, Any],
    metrics: Metrics = ("auroc", "auprc"),
    clusters: Any = None,  # noqa: ANN401
    *,
    replicates: int = REPLICATES,
    seed: int | np.random.Generator = 0,
    method: Literal["percentile", "bca"] = "percentile",
    level: float = 0.95,
    stratified: bool = True,
    workers: int | None = None,
) -> PairedBootstrap:
    """Intervals of every model's metrics and of all differences, from one set of resamples.

    Patients are drawn with replacement, with all their cases and every model's scores. A threshold that a
    metric chooses is chosen again in every resample. Estimates are the full sample's, never means of
    replicates.

    The p-value of a difference d is ``(b + 1)/(B + 1)`` with b the replicates whose distance from d is at
    least |d|: the bootstrap distribution moved to a difference of zero (Hall & Wilson 1991).

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Scores of each model on the same cases, ``(n,)`` each. Series are matched by their index;
            models scored on other cases are refused with the counts.
        metrics: Names such as ``auroc``, ``auprc``, ``fpr@recall=0.8``, ``precision@recall=0.8``, any name in
            `benchmark.metrics.METRICS`; or functions, alone or in a mapping by name: with a third
            argument for weights, or of labels and scores, which then get the repeated cases.
        clusters: Patient of each case, ``(n,)``; each case its own patient by default.
        replicates: Number of resamples.
        seed: Seed, or a generator that one is drawn from.
        method: ``percentile`` or ``bca`` limits.
        level: Confidence level.
        stratified: Draw patients with and without a positive case apart, so that their numbers stay.
        workers: Threads; the same bytes come out for any number.

    Raises:
        SampleError: Missing values, unpaired models, labels other than 0/1, a class without a case, unknown
            names.
    """
    if method not in ("percentile", "bca"):
        raise SampleError(f"method {method!r}: choose from percentile, bca")
    check_level(level)
    sample, root = as_paired_sample(labels, scores, clusters), as_seed(seed)
    engine = Engine(sample, as_request(metrics))
    point = engine.point()
    drawn = bootstrap_samples(engine, replicates, root, workers, stratified)
    left_out = jackknife(engine, root) if method == "bca" else None
    strata, notes = strata_of(sample, stratified), set[str]()

    def limits(values: Array, value: float, without: Array | None) -> tuple[float, float]:
        notes.add(undefined_note(values))
        notes.add(no_width_note(values) if value else "")
        values = values[np.isfinite(values)]
        if values.size == 0 or not np.isfinite(value):
            return float("nan"), float("nan")
        if without is None:
            return percentile_limits(values, level)
        low, high, note = bca_limits(values, value, without, strata, level)
        notes.add(note)
        return low, high

    estimates, differences = [], []
    for k, metric in enumerate(engine.request.names):
        for i, model in enumerate(sample.models):
            values, value = drawn.values[k, i], float(point[k, i])
            low, high = limits(values, value, None if left_out is None else left_out[k, i])
            estimates.append(Estimate(model, metric, value, low, high, _spread(values)))
        pairs = []
        for i, j in combinations(range(len(sample.models)), 2):
            values, value = drawn.values[k, i] - drawn.values[k, j], float(point[k, i] - point[k, j])
            low, high = limits(values, value, None if left_out is None else left_out[k, i] - left_out[k, j])
            p_value = resampling_p(values - value, value)
            pairs.append(
                _difference(metric, sample.models[i], sample.models[j], value, low, high, values, p_value)
            )
        differences.extend(_with_holm(pairs))
    return PairedBootstrap(
        estimates=tuple(estimates),
        differences=tuple(differences),
        models=sample.models,
        metrics=engine.request.names,
        samples=drawn.values,
        method=method,
        level=level,
        replicates=replicates,
        seed=root,
        n_positive=sample.n_positive,
        n_negative=sample.n_negative,
        n_clusters=sample.n_clusters,
        redrawn=drawn.redrawn,
        notes=tuple(sorted(notes - {""})),
    )


def resampling_p(null: Array, observed: float) -> float:
    """Two-sided ``(b + 1)/(B + 1)``: b of the B null values lie as far from 0 as ``observed``.

    Differences of counts that are equal can differ in their last bits; a relative 1e-9 counts them as equal.
    """
    known = null[np.isfinite(null)]
    if known.size == 0 or not np.isfinite(observed):
        return float("nan")
    as_far = np.abs(known) >= abs(observed) * (1 - 1e-9) - 1e-15
    return float((np.sum(as_far) + 1) / (known.size + 1))


def _difference(
    metric: str, model_a: str, model_b: str, value: float, low: float, high: float, values: Array, p_value: float
) -> Difference:
    spread = _spread(values)
    statistic = value / spread if spread > 0 else (0.0 if value == 0 else float("nan"))
    return Difference(metric, model_a, model_b, value, low, high, spread, statistic, p_value, float("nan"))


def _with_holm(pairs: list[Difference]) -> list[Difference]:
    adjusted = holm([pair.p_value for pair in pairs])
    return [replace(pair, p_holm=float(p)) for pair, p in zip(pairs, adjusted, strict=True)]


def _spread(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(np.std(known, ddof=1)) if known.size > 1 else float("nan")


def _only(found: Iterator[Estimate]) -> Estimate:
    first = next(found, None)
    if first is None:
        raise SampleError("no such model and metric in this result")
    return first
