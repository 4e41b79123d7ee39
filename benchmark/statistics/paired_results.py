"""What a comparison of models on the same cases gives: estimates, differences, and tables of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import pandas as pd

from benchmark.metrics.inputs import Array, SampleError


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
        method: Where the limits come from: `benchmark.statistics.limits.Limits`.
        note: What a reader must know; empty when nothing.
    """

    model: str
    metric: str
    value: float
    low: float
    high: float
    standard_error: float
    method: str = ""
    note: str = ""


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
        p_value: Two-sided; below α exactly where the limits at level 1 − α leave 0 out.
        p_holm: Adjusted over all pairs of models for this metric.
        attainable_p: The smallest p that this number of replicates can give.
        method: ``expanded_percentile``, ``square_and_add`` where resampling gives no width, empty without limits.
        note: What a reader must know; empty when nothing.
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
    attainable_p: float = 0.0
    method: str = ""
    note: str = ""


@dataclass(frozen=True)
class PairedBootstrap:
    """Metrics of all models and the differences of all pairs, on the same resamples.

    Attributes:
        estimates: One per metric and model.
        differences: One per metric and pair of models, in the order the models were given.
        models: Names of the models.
        metrics: Names of the metrics.
        samples: Replicates, ``(metrics, models, replicates)``.
        method: Of the estimates' limits, as asked for; each estimate and difference names its own.
        level: Confidence level.
        replicates: Number of resamples.
        seed: Seed they were drawn from.
        n_positive: Positive cases.
        n_negative: Negative cases.
        n_clusters: Patients; they are what is drawn.
        redrawn: Resamples that held one class only and were drawn again.
        stratified: Whether patients with and without a positive case were drawn apart.
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
    stratified: bool
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


def _only(found: Iterator[Estimate]) -> Estimate:
    first = next(found, None)
    if first is None:
        raise SampleError("no such model and metric in this result")
    return first
