"""Resampling engine: many replicates of all models' metrics in one pass over sorted scores.

A replicate is a whole-numbered weight for every patient. For each model the distinct scores of its
positives cut the negatives into segments; a sparse matrix sums the weights of a whole block of replicates
into positives at, and negatives above and at, every such score. Cumulative sums are then true and false
positives at every threshold that matters, from which AUROC, average precision and all operating points
follow together. Counts are integers held in float64, exact up to 2⁵³. Blocks have a size and a random
stream of their own, so that the number of threads never changes a byte.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from benchmark.metrics.inputs import Array, Labels, SampleError
from benchmark.metrics.registry import NamedMetric, named_metric
from benchmark.metrics.targets import required_count
from benchmark.statistics.samples import Sample
from benchmark.work import run, threads

BLOCK_CELLS = 1 << 20
"""Weights (patients × replicates) of one block: eight megabytes. In smaller ones threads wait for each other."""

CaseMetric = Callable[..., float]
Metrics = str | CaseMetric | Iterable[str | CaseMetric] | Mapping[str, str | CaseMetric]


@dataclass(frozen=True)
class Request:
    """Metrics to compute: names, and for each a named metric or any function of labels, scores and weights."""

    names: tuple[str, ...]
    metrics: tuple[NamedMetric | CaseMetric, ...]


def from_counts(metric: NamedMetric | CaseMetric) -> bool:
    """Whether the engine computes a metric from counts; others it computes replicate by replicate."""
    if not isinstance(metric, NamedMetric):
        return False
    chosen = metric.metric.rate is not None and metric.metric.at in ("recall", "specificity")
    return chosen or metric.key in ("auroc", "auprc")


@dataclass(frozen=True)
class _Table:
    """Sparse sums for one model, ``(g, c)`` each, over the g distinct scores of its positives."""

    positive: sparse.csr_matrix
    above: sparse.csr_matrix
    tied: sparse.csr_matrix | None


def as_request(metrics: Metrics) -> Request:
    """Read metric names such as ``fpr@recall=0.8``, functions, or a mapping of names to functions.

    Raises:
        SampleError: An unknown name, a name twice, or no metric at all.
    """
    if isinstance(metrics, str) or callable(metrics):
        metrics = [metrics]
    pairs: list[tuple[str, NamedMetric | CaseMetric]] = []
    if isinstance(metrics, Mapping):
        pairs = [(name, named_metric(m) if isinstance(m, str) else m) for name, m in metrics.items()]
    else:
        for metric in metrics:
            if isinstance(metric, str):
                pairs.append((metric, named_metric(metric)))
            else:
                pairs.append((getattr(metric, "name", getattr(metric, "__name__", repr(metric))), metric))
    names = tuple(name for name, _ in pairs)
    if not names or len(set(names)) < len(names):
        raise SampleError(f"metrics: expected different names, one at least, got {list(names)}")
    return Request(names, tuple(metric for _, metric in pairs))


class Engine:
    """Metrics of every model of a sample under any weights of its patients.

    Args:
        sample: Labels, scores and patients.
        request: Metrics to compute.
    """

    def __init__(self, sample: Sample, request: Request) -> None:
        self.sample, self.request = sample, request
        self._fast = [k for k, metric in enumerate(request.metrics) if from_counts(metric)]
        self._slow = [k for k in range(len(request.metrics)) if k not in self._fast]
        if self._fast:
            self._tables = [_sorted_positives(sample, row) for row in sample.scores]
            self._negative = _sums(sample.clusters[~sample.labels], None, 1, sample.n_clusters)

    def values(self, weights: Array) -> Array:
        """Values under each column of weights.

        Args:
            weights: Weight of each patient in each replicate, ``(c, r)``, whole numbers.

        Returns:
            ``(metrics, models, r)``; NaN in a replicate without positives or without negatives.
        """
        out = np.full((len(self.request.names), len(self.sample.models), weights.shape[1]), np.nan)
        if self._fast:
            negatives = (self._negative @ weights)[0]
            for index, table in enumerate(self._tables):
                _fill(out[:, index], table, weights, negatives, [(k, self.request.metrics[k]) for k in self._fast])
        for k in self._slow:
            self._fill_slowly(out[k], self.request.metrics[k], weights)
        return out

    def point(self) -> Array:
        """Values on the sample itself, ``(metrics, models)``."""
        return self.values(np.ones((self.sample.n_clusters, 1)))[:, :, 0]

    def _fill_slowly(self, out: Array, metric: NamedMetric | CaseMetric, weights: Array) -> None:
        labels, takes_weights = self.sample.labels, _takes_weights(metric)
        for r in range(weights.shape[1]):
            mass = weights[:, r][self.sample.clusters]
            if not (mass[labels].any() and mass[~labels].any()):
                continue
            if takes_weights:
                out[:, r] = [metric(labels, row, mass) for row in self.sample.scores]
            else:
                drawn = np.repeat(np.arange(labels.size), mass.astype(np.int64))
                out[:, r] = [metric(labels[drawn], row[drawn]) for row in self.sample.scores]


def _takes_weights(metric: CaseMetric) -> bool:
    """Whether a third positional argument is accepted; other functions get repeated cases instead."""
    try:
        parameters = inspect.signature(metric).parameters.values()
    except ValueError:
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) >= 3 or any(p.kind == p.VAR_POSITIONAL for p in parameters)


def _sorted_positives(sample: Sample, scores: Array) -> _Table:
    """Sort the positives' scores, and find for every case the segment that it falls into."""
    labels, codes = sample.labels, sample.clusters
    levels, group = np.unique(-scores[labels], return_inverse=True)
    size, columns = levels.size, sample.n_clusters
    positive = _sums(codes[labels], group, size, columns)
    negatives = -scores[~labels]
    left = np.searchsorted(levels, negatives, side="left")
    right = np.searchsorted(levels, negatives, side="right")
    tied = left < right
    # Segment g holds the negatives below level g-1 and not below level g; those past the last level count nowhere.
    inside = (left < size) & ~tied
    above = _sums(codes[~labels][inside], left[inside], size, columns)
    if not tied.any():
        return _Table(positive, above, None)
    return _Table(positive, above, _sums(codes[~labels][tied], left[tied], size, columns))


def _sums(codes: Any, rows: Any, size: int, columns: int) -> sparse.csr_matrix:  # noqa: ANN401
    """Matrix ``(size, columns)`` that adds up the weights of the patients ``codes`` into ``rows``."""
    rows = np.zeros(codes.size, dtype=np.int64) if rows is None else rows
    return sparse.csr_matrix((np.ones(codes.size), (rows, codes)), shape=(size, columns))


def _fill(
    out: Array, table: _Table, weights: Array, negatives: Array, wanted: list[tuple[int, NamedMetric | CaseMetric]]
) -> None:
    """Fill ``out[k]``, ``(r,)``, for the wanted metrics of one model."""
    rise = table.positive @ weights
    tp = np.cumsum(rise, axis=0)
    before = table.above @ weights
    if table.tied is None:
        fp = np.cumsum(before, axis=0, out=before)
        twice_above = 2.0 * fp
    else:
        tied = table.tied @ weights
        fp = np.cumsum(before + tied, axis=0)
        twice_above = 2.0 * fp - tied
    positives = tp[-1]
    valid = (positives > 0) & (negatives > 0)
    points: dict[tuple[str, float], tuple[Array, Array]] = {}
    for k, metric in wanted:
        if not isinstance(metric, NamedMetric):
            continue
        if metric.key == "auroc":
            twice = np.einsum("gr,gr->r", rise, 2.0 * negatives - twice_above)
            out[k] = _ratio(twice, 2.0 * positives * negatives, valid)
        elif metric.key == "auprc":
            called = tp + fp
            precision = np.divide(tp, called, out=np.zeros_like(tp), where=called > 0)
            area = np.einsum("gr,gr->r", rise, precision)
            out[k] = _ratio(area, positives, valid)
        elif metric.metric.rate is not None:
            key = (str(metric.metric.at), metric.value)
            if key not in points:
                point = _at_specificity if metric.metric.at == "specificity" else _at_recall
                points[key] = point(metric.value, tp, fp, positives, negatives)
            rate = metric.metric.rate.of_counts(*points[key], positives, negatives)
            out[k] = np.where(valid, rate, np.nan)


def _at_recall(target: float, tp: Array, fp: Array, positives: Array, negatives: Array) -> tuple[Array, Array]:
    """True and false positives at the smallest achievable recall ≥ the target, ``(r,)`` each."""
    at = np.minimum(_first_reaching(tp, _required(target, positives)), len(tp) - 1)
    columns = np.arange(tp.shape[1])
    return tp[at, columns], fp[at, columns]


def _at_specificity(
    target: float, tp: Array, fp: Array, positives: Array, negatives: Array
) -> tuple[Array, Array]:
    """True and false positives at the highest recall whose specificity reaches the target, ``(r,)`` each."""
    # Whole numbers: those at most a bound are those below the next one.
    allowed = _first_reaching(fp, np.floor(negatives - _required(target, negatives)) + 1)
    columns = np.arange(tp.shape[1])
    hits = np.where(allowed > 0, tp[np.maximum(allowed, 1) - 1, columns], 0.0)
    # Among thresholds of equal recall the highest has the fewest false positives.
    alarms = fp[_first_reaching(tp, hits), columns]
    return hits, np.where(hits > 0, alarms, 0.0)


def _first_reaching(rising: Array, bounds: Array) -> npt.NDArray[np.intp]:
    """Row of the first value ≥ the bound in each column that never falls, ``(r,)``; the number of rows if none is.

    What counting ``rising < bounds`` gives, by bisection: column by column where they are few, else all at once.
    """
    if rising.shape[1] <= 2 * len(rising).bit_length():
        pairs = zip(rising.T, bounds, strict=True)
        return np.array([np.searchsorted(column, bound) for column, bound in pairs], dtype=np.intp)
    low = np.zeros(rising.shape[1], dtype=np.intp)
    high = np.full(rising.shape[1], len(rising), dtype=np.intp)
    columns = np.arange(rising.shape[1])
    for _ in range(len(rising).bit_length()):
        middle = (low + high) // 2
        below = rising[np.minimum(middle, len(rising) - 1), columns] < bounds
        undecided = low < high
        low = np.where(undecided & below, middle + 1, low)
        high = np.where(undecided & ~below, middle, high)
    return low


def _required(target: float, totals: Array) -> Array:
    """`required_count` of each total."""
    distinct, which = np.unique(totals, return_inverse=True)
    return np.array([required_count(target, total) for total in distinct])[which]


def _ratio(above: Array, below: Array, valid: Labels) -> Array:
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=valid))


def block_size(columns: int) -> int:
    """Replicates in one block: a function of the number of patients only, so that memory stays bounded."""
    return int(np.clip(BLOCK_CELLS // max(columns, 1), 1, 512))


def run_blocks(work: Callable[[int, int], None], replicates: int, size: int, workers: int | None) -> None:
    """Call ``work(block, start)`` for every block of ``size`` replicates, on several threads.

    Args:
        work: Fills its own part of the result; it may depend on the block's number only.
        replicates: Number of replicates.
        size: Replicates in a block.
        workers: Threads; one for each usable core by default.
    """
    blocks = list(enumerate(range(0, replicates, size)))
    with closing(run(blocks, lambda block: work(*block), threads(workers, len(blocks)))) as results:
        for _ in results:
            pass


def block_generator(seed: int, block: int) -> np.random.Generator:
    """The random stream of one block."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(block,))))
