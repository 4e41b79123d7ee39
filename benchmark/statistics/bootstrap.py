"""Bootstrap over patients: resampling weights, and intervals of any metric."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral
from typing import Any, Literal

import numpy as np

from benchmark.metrics import NamedMetric
from benchmark.metrics.inputs import Array, Codes, SampleError, check_level
from benchmark.statistics.bca import jackknife, strata_of
from benchmark.statistics.engine import (
    CaseMetric,
    Engine,
    Request,
    as_request,
    block_generator,
    block_size,
    run_blocks,
)
from benchmark.statistics.limits import chosen_method, estimate_limits
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

REDRAWS = 1000
"""How often a resample with one class only is drawn again before giving up."""


@dataclass(frozen=True)
class BootstrapSamples:
    """Replicates of all metrics of all models on the same resamples.

    Attributes:
        values: ``(metrics, models, replicates)``.
        redrawn: Resamples that held one class only and were drawn again.
    """

    values: Array
    redrawn: int


@dataclass(frozen=True)
class BootstrapInterval:
    """A metric with its bootstrap interval.

    Attributes:
        value: Estimate from the full sample.
        low: Lower limit.
        high: Upper limit.
        standard_error: Standard deviation of the replicates.
        method: ``percentile``, ``bca``, or what stood in where resampling gives no width (`Limits`).
        level: Confidence level.
        replicates: Replicates that the limits come from.
        redrawn: Resamples that held one class only and were drawn again.
        note: What a reader must know; empty when nothing.
    """

    value: float
    low: float
    high: float
    standard_error: float
    method: str
    level: float
    replicates: int
    redrawn: int
    note: str = ""


def metric_interval(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    metric: str | CaseMetric,
    method: Literal["auto", "percentile", "bca"] = "auto",
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> BootstrapInterval:
    """Bootstrap interval of any metric of one model.

    A threshold that the metric chooses, such as in ``fpr@recall=0.8``, is chosen again in every resample,
    so the interval includes the choice.

    Example::

        >>> from benchmark.statistics import Resampling, metric_interval
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> found = metric_interval(labels, scores, "fpr@recall=0.8", resampling=Resampling(500, seed=1))
        >>> found.low <= found.value <= found.high, found.method
        (True, 'percentile')

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        metric: Name such as ``auprc`` or ``fpr@recall=0.8``, or a function of labels, scores and weights.
        method: ``percentile``, ``bca``, or ``auto``: ``percentile`` for rates at a chosen threshold, else ``bca``;
            for an AUPRC with under ten patients in a class Boyd's logit interval.
        clusters: Patient of each case, ``(n,)``: patients are drawn, with all their cases.
        level: Confidence level.
        resampling: Replicates, seed and threads.

    Raises:
        SampleError: Missing values, labels other than 0/1, ids or lengths that differ, a class without a
            case, an unknown metric or method.
    """
    sample = as_paired_sample(labels, {"model": scores}, clusters)
    return metric_interval_of(
        sample,
        metric,
        method,
        level=level,
        resampling=resampling,
    )


def metric_interval_of(
    sample: Sample,
    metric: str | CaseMetric,
    method: str,
    *,
    level: float,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> BootstrapInterval:
    """`metric_interval` of a sample that is checked already.

    Example::

        >>> from benchmark.statistics import Resampling, as_paired_sample, metric_interval_of
        >>> labels = [1, 0, 0] * 20
        >>> scores = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": scores})
        >>> found = metric_interval_of(sample, "auprc", "percentile", level=0.9, resampling=Resampling(200))
        >>> found.low <= found.value <= found.high
        True
    """
    check_level(level)
    request = as_request(metric)
    wanted = chosen_method(method, request.metrics[0])
    engine = Engine(sample, request)
    value = float(engine.point()[0, 0])
    resampling = resampling.seeded()
    drawn = bootstrap_samples(engine, resampling)
    whole = draws_of_whole_cohorts(engine, resampling)
    samples = whole.get(0, drawn.values[0])[0]
    left_out = jackknife(engine, resampling.root)[0, 0] if wanted == "bca" else None
    strata = strata_of(sample, resampling.stratified and not whole)
    found = estimate_limits(sample, request.metrics[0], value, samples, left_out, strata, method, level)
    known = samples[np.isfinite(samples)]
    error = float(np.std(known, ddof=1)) if known.size > 1 else math.nan
    return BootstrapInterval(
        value, found.low, found.high, error, found.method, level, resampling.replicates, drawn.redrawn, found.note
    )


def bootstrap_samples(
    engine: Engine,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> BootstrapSamples:
    """Replicates of all metrics of all models, every model on the same resamples.

    Args:
        engine: Metrics, models and patients.
        resampling: Replicates, seed and threads.

    Raises:
        SampleError: No replicate was asked for, or resamples keep holding one class only.
    """
    replicates = resampling.replicates
    if not isinstance(replicates, Integral) or replicates < 1:
        raise SampleError(f"replicates {replicates!r}: expected a whole number, at least 1")
    root, columns = resampling.root, engine.sample.n_clusters
    strata, size = strata_of(engine.sample, resampling.stratified), block_size(columns)
    out = np.empty((len(engine.request.names), len(engine.sample.models), replicates))
    classes = _class_counts(engine.sample)
    redrawn = np.zeros(-(-replicates // size), dtype=np.int64)

    def work(block: int, start: int) -> None:
        count = min(size, replicates - start)
        # A whole block is drawn even where the last is cut, so that more replicates only ever add to fewer.
        weights, again = _draw_valid(block_generator(root, block), strata, size, classes)
        redrawn[block] = again
        out[:, :, start : start + count] = engine.values(weights[:, :count])

    run_blocks(work, replicates, size, resampling.workers)
    return BootstrapSamples(out, int(redrawn.sum()))


def draws_of_whole_cohorts(engine: Engine, resampling: Resampling) -> dict[int, Array]:
    """Replicates in which classes are not drawn apart, of the metrics whose own interval needs them.

    Net benefit, Brier score, calibration and the precision at a fixed threshold change with the number of
    positives, which is chance too in a cohort that was sampled as a whole. With it kept, 95 % intervals of net
    benefit covered the truth in under half of the repeats. Differences of two models hardly change.

    Args:
        engine: Metrics, models and patients.
        resampling: Replicates, seed and threads.

    Returns:
        Place of the metric → ``(models, b)``; empty where classes are drawn together in any case.
    """
    metrics = engine.request.metrics
    places = [k for k, one in enumerate(metrics) if isinstance(one, NamedMetric) and one.metric.drawn_whole]
    if not places or not resampling.stratified:
        return {}
    part = Request(tuple(engine.request.names[k] for k in places), tuple(metrics[k] for k in places))
    drawn = bootstrap_samples(Engine(engine.sample, part), replace(resampling, stratified=False))
    return dict(zip(places, drawn.values, strict=True))


def draw_weights(rng: np.random.Generator, strata: list[Codes], replicates: int) -> Array:
    """How often each patient is drawn in each resample, ``(c, replicates)``."""
    weights = np.empty((sum(part.size for part in strata), replicates))
    for part in strata:
        drawn = rng.integers(0, part.size, size=(part.size, replicates))
        drawn *= replicates
        drawn += np.arange(replicates)
        counts = np.bincount(drawn.ravel(), minlength=part.size * replicates)
        weights[part] = counts.reshape(part.size, replicates)
    return weights


def draw_valid_weights(rng: np.random.Generator, strata: list[Codes], replicates: int, sample: Sample) -> Array:
    """`draw_weights` whose every replicate holds both classes, ``(c, replicates)``.

    Raises:
        SampleError: Resamples keep holding one class only.
    """
    return _draw_valid(rng, strata, replicates, _class_counts(sample))[0]


def _class_counts(sample: Sample) -> Array:
    """Positive and negative cases of each patient, ``(2, c)``."""
    return np.stack(
        [np.bincount(sample.clusters, rows, sample.n_clusters) for rows in (sample.labels, ~sample.labels)]
    )


def _draw_valid(
    rng: np.random.Generator, strata: list[Codes], replicates: int, classes: Array
) -> tuple[Array, int]:
    """Weights whose every replicate holds both classes, and how many resamples were drawn again."""
    weights = draw_weights(rng, strata, replicates)
    if len(strata) == 2 and not (classes[0][strata[0]] * classes[1][strata[0]]).any():
        return weights, 0
    redrawn = 0
    for _ in range(REDRAWS):
        bad = np.flatnonzero(((classes @ weights) == 0).any(axis=0))
        if bad.size == 0:
            return weights, redrawn
        redrawn += bad.size
        weights[:, bad] = draw_weights(rng, strata, bad.size)
    raise SampleError("bootstrap: resamples keep holding one class only; there are too few patients in a class")
