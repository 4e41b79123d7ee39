"""Counts of true and false positives at every distinct score: what all threshold metrics are read from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.inputs import Array, Labels, as_sample, as_scores


@dataclass(frozen=True)
class Curve:
    """Cumulative counts from the highest score down; tied scores move together.

    Attributes:
        threshold: Distinct scores, descending, ``(b,)``; a case is called positive when its score ≥ the
            threshold.
        tp: Positives called at each threshold, ``(b,)``; exact integers without weights.
        fp: Negatives called at each threshold, ``(b,)``.
    """

    threshold: Array
    tp: Array
    fp: Array

    @property
    def n_positive(self) -> float:
        """All positives (their weight)."""
        return float(self.tp[-1])

    @property
    def n_negative(self) -> float:
        """All negatives (their weight)."""
        return float(self.fp[-1])

    def with_origin(self) -> tuple[Array, Array]:
        """``tp`` and ``fp`` with the point (0, 0) of an infinite threshold put first, ``(b + 1,)`` each."""
        return np.concatenate(([0.0], self.tp)), np.concatenate(([0.0], self.fp))


@dataclass(frozen=True)
class Ties:
    """How much of a sample is tied.

    Attributes:
        fraction: Share of cases that share their score with another case.
        largest: Cases in the largest block of equal scores.
        score: Score of that block.
        distinct: Distinct scores.
    """

    fraction: float
    largest: int
    score: float
    distinct: int


def tied_scores(scores: Any) -> Ties:  # noqa: ANN401
    """Ties among scores; calibrated scores with plateaus move in blocks at every threshold.

    Example::

        >>> from benchmark.metrics import tied_scores
        >>> tied_scores([0.1, 0.5, 0.5, 0.9])
        Ties(fraction=0.5, largest=2, score=0.5, distinct=3)

    Args:
        scores: ``(n,)``.

    Raises:
        SampleError: A score is missing or infinite, or there is none.
    """
    values, counts = np.unique(as_scores(scores), return_counts=True)
    block = int(np.argmax(counts))
    shared = float(counts[counts > 1].sum() / counts.sum())
    return Ties(shared, int(counts[block]), float(values[block]), int(values.size))


def count_curve(labels: Any, scores: Any, weights: Any = None) -> Curve:  # noqa: ANN401
    """Count positives and negatives at or above each distinct score in one pass over the sorted scores.

    Example::

        >>> from benchmark.metrics import count_curve
        >>> curve = count_curve([1, 0, 1, 0], [3, 2, 2, 1])
        >>> curve.threshold.tolist(), curve.tp.tolist(), curve.fp.tolist()
        ([3.0, 2.0, 1.0], [1.0, 2.0, 2.0], [0.0, 1.0, 2.0])

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``; one class may be empty.
        scores: Higher means more malignant, ``(n,)``.
        weights: Weight of each case, ``(n,)``; integer weights give what repeated cases would.

    Returns:
        The counts, n log n in time.

    Raises:
        SampleError: Missing values, labels other than 0/1, or lengths or ids that differ.
    """
    return cumulative_counts(*as_sample(labels, scores, weights, both_classes=False))


def cumulative_counts(labels: Labels, scores: Array, weights: Array | None = None) -> Curve:
    """`count_curve` of arrays that are checked already."""
    order = np.argsort(scores)[::-1]
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)
    truth = labels[order]
    if weights is None:
        tp = np.cumsum(truth, dtype=np.int64)[last]
        return Curve(ranked[last], tp.astype(np.float64), (last + 1 - tp).astype(np.float64))
    mass = weights[order]
    tp_mass = np.cumsum(np.where(truth, mass, 0.0))[last]
    fp_mass = np.cumsum(np.where(truth, 0.0, mass))[last]
    return Curve(ranked[last], tp_mass, fp_mass)
