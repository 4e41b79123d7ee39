"""Paired permutation test of any metric's difference: models exchange their scores patient by patient."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import scipy

from benchmark.metrics.inputs import Array
from benchmark.metrics.registry import NamedMetric
from benchmark.statistics.engine import (
    Engine,
    Metrics,
    Request,
    as_request,
    block_generator,
    block_size,
    run_blocks,
)
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.paired import paired_bootstrap_of
from benchmark.statistics.paired_results import Difference
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample


@dataclass(frozen=True)
class PairedPermutation:
    """Differences of all pairs of models with permutation p-values.

    Attributes:
        differences: One per metric and pair; ``p_value`` and ``p_holm`` are the permutation's, limits and standard
            error the bootstrap's. Limits that say otherwise than the p are left out, with a note.
        replicates: Number of permutations (and of bootstrap replicates behind the limits).
        seed: Seed they were drawn from.
        n_clusters: Patients; all scores of a patient are exchanged together.
    """

    differences: tuple[Difference, ...]
    replicates: int
    seed: int
    n_clusters: int


def paired_permutation(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    metrics: Metrics = ("auroc",),
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedPermutation:
    """Test every pair of models for equal metrics by exchanging their scores patient by patient.

    Metrics of ranks are computed from each model's own ranks, so that models on different scales can be
    exchanged (Bandos, Rockette & Gur 2005); other metrics from the scores as they are. The two-sided p is
    ``(b + 1)/(B + 1)``, never 0. It tests that the two models are exchangeable, a little more than that
    their metrics are equal.

    Example::

        >>> from benchmark.statistics import Resampling, paired_permutation
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> found = paired_permutation(labels, {"a": first, "b": second}, resampling=Resampling(200))
        >>> difference = found.differences[0]
        >>> round(difference.difference, 3), 0 < difference.p_value <= 1
        (0.147, True)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Scores of each model on the same cases, ``(n,)`` each: a mapping, or a table with a column a model.
        metrics: As in `paired_bootstrap`.
        clusters: Patient of each case, ``(n,)``.
        level: Confidence level of the bootstrap limits that stand before the p-value.
        resampling: Replicates, seed and threads.

    Raises:
        SampleError: As `paired_bootstrap`.
    """
    sample = as_paired_sample(labels, scores, clusters)
    return paired_permutation_of(sample, metrics, level=level, resampling=resampling)


def paired_permutation_of(
    sample: Sample,
    metrics: Metrics = ("auroc",),
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedPermutation:
    """`paired_permutation` of a sample that is checked already.

    Example::

        >>> from benchmark.statistics import Resampling, as_paired_sample, paired_permutation_of
        >>> labels = [1, 0, 0] * 20
        >>> first = [(7 * k) % 30 + 9 * y for k, y in enumerate(labels)]
        >>> second = [(11 * k) % 30 + 4 * y for k, y in enumerate(labels)]
        >>> sample = as_paired_sample(labels, {"a": first, "b": second})
        >>> found = paired_permutation_of(sample, resampling=Resampling(100))
        >>> found.differences[0].metric
        'auroc'
    """
    request, resampling = as_request(metrics), resampling.seeded()
    drawn = paired_bootstrap_of(
        sample,
        dict(zip(request.names, request.metrics, strict=True)),
        resampling=resampling,
        level=level,
    )
    p_values = {
        (i, j): _pair_p_values(sample, request, i, j, resampling)
        for i, j in combinations(range(len(sample.models)), 2)
    }
    differences: list[Difference] = []
    for k, metric in enumerate(request.names):
        adjusted = holm([values[k] for values in p_values.values()])
        for index, (i, j) in enumerate(p_values):
            found = drawn.difference(sample.models[i], sample.models[j], metric)
            p_value, p_holm = float(p_values[i, j][k]), float(adjusted[index])
            found = replace(found, p_value=p_value, p_holm=p_holm, attainable_p=1 / (resampling.replicates + 1))
            differences.append(_agreeing(found, level))
    return PairedPermutation(tuple(differences), resampling.replicates, resampling.root, sample.n_clusters)


def _agreeing(found: Difference, level: float) -> Difference:
    """Without its limits where they and the p of the permutations say otherwise of a difference of 0."""
    leaves_out = found.low > 0 or found.high < 0
    if math.isnan(found.low) or leaves_out == (found.p_value < round(1 - level, 12)):
        return found
    note = "; ".join(part for part in (found.note, "no interval: the bootstrap's contradicts this p") if part)
    return replace(found, low=math.nan, high=math.nan, method="", note=note)


def resampling_p(null: Array, observed: float) -> float:
    """Two-sided ``(b + 1)/(B + 1)``: b of the B null values lie as far from 0 as ``observed``.

    Differences of counts that are equal can differ in their last bits; a relative 1e-9 counts them as equal.
    """
    known = null[np.isfinite(null)]
    if known.size == 0 or not np.isfinite(observed):
        return float("nan")
    as_far = np.abs(known) >= abs(observed) * (1 - 1e-9) - 1e-15
    return float((np.sum(as_far) + 1) / (known.size + 1))


def _pair_p_values(sample: Sample, request: Request, i: int, j: int, resampling: Resampling) -> Array:
    """P of each metric for models i and j, ``(metrics,)``."""
    out = np.empty(len(request.names))
    for by_rank in (True, False):
        wanted = [k for k, metric in enumerate(request.metrics) if _ranks_only(metric) == by_rank]
        if not wanted:
            continue
        part = Request(tuple(request.names[k] for k in wanted), tuple(request.metrics[k] for k in wanted))
        engine = Engine(_doubled(sample, i, j, by_rank), part)
        count = sample.n_clusters
        stays = np.zeros((2 * count, 1))
        stays[:count] = 1.0
        observed = (engine.values(stays) - engine.values(1.0 - stays))[:, 0, 0]
        null = _null(engine, count, resampling)
        out[wanted] = [resampling_p(row, float(value)) for row, value in zip(null, observed, strict=True)]
    return out


def _null(engine: Engine, count: int, resampling: Resampling) -> Array:
    """Differences under random exchange, ``(metrics, replicates)``."""
    size = block_size(2 * count)
    out = np.empty((len(engine.request.names), resampling.replicates))

    def work(block: int, start: int) -> None:
        columns = min(size, resampling.replicates - start)
        swapped = (
            block_generator(resampling.root, block)
            .integers(0, 2, size=(count, size))[:, :columns]
            .astype(np.float64)
        )
        weights = np.concatenate([1.0 - swapped, swapped])
        out[:, start : start + columns] = (engine.values(weights) - engine.values(1.0 - weights))[:, 0]

    run_blocks(work, resampling.replicates, size, resampling.workers)
    return out


def _doubled(sample: Sample, i: int, j: int, by_rank: bool) -> Sample:
    """All cases twice, with model i's and with model j's scores, so that an exchange is a choice of weights."""
    rows = [scipy.stats.rankdata(sample.scores[m]) if by_rank else sample.scores[m] for m in (i, j)]
    return Sample(
        labels=np.tile(sample.labels, 2),
        scores=np.concatenate(rows)[None, :],
        models=("exchanged",),
        clusters=np.concatenate([sample.clusters, sample.clusters + sample.n_clusters]),
        n_clusters=2 * sample.n_clusters,
        clustered=True,
    )


def _ranks_only(metric: Any) -> bool:  # noqa: ANN401
    return isinstance(metric, NamedMetric) and metric.metric.ranks_only
