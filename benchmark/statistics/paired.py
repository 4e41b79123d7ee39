"""Models compared on the same cases by resampling: paired bootstrap and paired permutation."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from typing import Any, Literal

import numpy as np

from benchmark.metrics.inputs import Array, check_level
from benchmark.statistics.bca import jackknife, strata_of
from benchmark.statistics.bootstrap import bootstrap_samples, draws_of_whole_cohorts
from benchmark.statistics.conservative import NEAR
from benchmark.statistics.differences import difference_limits, gaps
from benchmark.statistics.engine import Engine, Metrics, as_request
from benchmark.statistics.limits import chosen_method, estimate_limits, undefined_note
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.paired_results import Difference, Estimate, PairedBootstrap
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample


def paired_bootstrap(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    metrics: Metrics = ("auroc", "auprc"),
    clusters: Any = None,  # noqa: ANN401
    *,
    method: Literal["auto", "percentile", "bca"] = "percentile",
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedBootstrap:
    """Intervals of every model's metrics and of all differences, from one set of resamples.

    Patients are drawn with replacement, with all their cases and every model's scores. A threshold that a
    metric chooses is chosen again in every resample. Estimates are the full sample's, never means of
    replicates.

    Limits and p-value of a difference come from the same replicates (`percentile_difference`), whatever the method
    of the estimates: the limits leave 0 out exactly when p < 1 − level. Where resampling gives no width, such as
    for two perfect models, the conservative limits of both are combined (`square_and_add`).

    Example::

        >>> from benchmark.statistics import Resampling, paired_bootstrap
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> found = paired_bootstrap(labels, {"a": first, "b": second}, "auroc", resampling=Resampling(500))
        >>> difference = found.difference("a", "b", "auroc")
        >>> round(difference.difference, 3), difference.low < difference.difference < difference.high
        (0.147, True)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Scores of each model on the same cases, ``(n,)`` each: a mapping, or a table with a column a model.
            Where labels and scores are of pandas they are matched by their index; models scored on other cases are
            refused with the counts.
        metrics: Names such as ``auroc``, ``auprc``, ``fpr@recall=0.8``, ``precision@recall=0.8``, any name in
            `benchmark.metrics.METRICS`; or functions, alone or in a mapping by name: with a third
            argument for weights, or of labels and scores, which then get the repeated cases.
        clusters: Patient of each case, ``(n,)``; each case its own patient by default.
        method: Of the estimates' limits: ``percentile``, ``bca``, or ``auto`` (`metric_interval`).
        level: Confidence level.
        resampling: Replicates, seed and threads.

    Raises:
        SampleError: Missing values, unpaired models, labels other than 0/1, a class without a case, unknown
            names.
    """
    return paired_bootstrap_of(
        as_paired_sample(labels, scores, clusters),
        metrics,
        method=method,
        level=level,
        resampling=resampling,
    )


def paired_bootstrap_of(
    sample: Sample,
    metrics: Metrics = ("auroc", "auprc"),
    *,
    method: Literal["auto", "percentile", "bca"] = "percentile",
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedBootstrap:
    """`paired_bootstrap` of a sample that is checked already.

    Example::

        >>> from benchmark.statistics import Resampling, as_paired_sample, paired_bootstrap_of
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": first, "b": second})
        >>> found = paired_bootstrap_of(sample, ["auroc", "auprc"], resampling=Resampling(100))
        >>> list(found.differences_table()["metric"])
        ['auroc', 'auprc']
    """
    check_level(level)
    resampling = resampling.seeded()
    request = as_request(metrics)
    bca = "bca" in {chosen_method(method, metric) for metric in request.metrics}
    engine = Engine(sample, request)
    point = engine.point()
    drawn = bootstrap_samples(engine, resampling)
    left_out = jackknife(engine, resampling.root) if bca else None
    whole = draws_of_whole_cohorts(engine, resampling)
    estimates: list[Estimate] = []
    differences: list[Difference] = []
    for k, (name, metric) in enumerate(zip(request.names, request.metrics, strict=True)):
        strata = strata_of(sample, resampling.stratified and k not in whole)
        for i, model in enumerate(sample.models):
            without = None if left_out is None else left_out[k, i]
            values, value = whole.get(k, drawn.values[k])[i], float(point[k, i])
            found = estimate_limits(sample.of_model(i), metric, value, values, without, strata, method, level)
            ends = (found.low, found.high, _spread(values), found.method, found.note)
            estimates.append(Estimate(model, name, value, *ends))
        pairs = [
            _difference(sample, name, metric, (i, j), point[k], drawn.values[k], level)
            for i, j in combinations(range(len(sample.models)), 2)
        ]
        differences.extend(_with_holm(pairs))
    notes = {found.note for found in estimates} | {found.note for found in differences}
    return PairedBootstrap(
        estimates=tuple(estimates),
        differences=tuple(differences),
        models=sample.models,
        metrics=request.names,
        samples=drawn.values,
        method=method,
        level=level,
        replicates=resampling.replicates,
        seed=resampling.root,
        n_positive=sample.n_positive,
        n_negative=sample.n_negative,
        n_clusters=sample.n_clusters,
        redrawn=drawn.redrawn,
        stratified=resampling.stratified,
        notes=tuple(sorted(notes - {""})),
    )


def _difference(
    sample: Sample, name: str, metric: object, pair: tuple[int, int], points: Array, drawn: Array, level: float
) -> Difference:
    """The difference of models i and j.

    Args:
        sample: Cases of all models.
        name: Name of the metric.
        metric: The metric.
        pair: i and j.
        points: The metric of every model on the sample, ``(models,)``.
        drawn: Replicates, ``(models, b)``.
        level: Confidence level.
    """
    i, j = pair
    value = float(gaps(points[i], points[j]))
    values = gaps(drawn[i], drawn[j])
    known = values[np.isfinite(values)]
    spread = _spread(values)
    statistic = value / spread if spread > 0 else (0.0 if value == 0 else math.nan)
    found = difference_limits(sample, metric, pair, (float(points[i]), float(points[j])), known, level)
    note = "; ".join(part for part in (found.note, undefined_note(values)) if part)
    ends = (value, found.low, found.high, spread, statistic, found.p_value, math.nan)
    return Difference(name, sample.models[i], sample.models[j], *ends, found.attainable_p, found.method, note)


def _with_holm(pairs: list[Difference]) -> list[Difference]:
    adjusted = holm([pair.p_value for pair in pairs])
    return [replace(pair, p_holm=float(p)) for pair, p in zip(pairs, adjusted, strict=True)]


def _spread(values: Array) -> float:
    """Standard deviation of the replicates; exactly 0 where they differ by rounding only."""
    known = values[np.isfinite(values)]
    if known.size < 2:
        return math.nan
    return float(np.std(known, ddof=1)) if np.ptp(known) > NEAR else 0.0
