"""Variance and covariance of AUROCs from structural components, with and without patient clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics.inputs import Array, Codes, Labels
from benchmark.statistics.samples import Sample


@dataclass(frozen=True)
class Components:
    """AUROCs of several models on the same cases with their covariance.

    Attributes:
        auroc: ``(m,)``.
        covariance: ``(m, m)``.
        placements: How well each case is placed against the other class, in [0, 1], ``(m, n)``; the mean over
            positives, and over negatives, is the AUROC.
    """

    auroc: Array
    covariance: Array
    placements: Array


def structural_components(sample: Sample) -> Components:
    """DeLong, DeLong & Clarke-Pearson (1988) by sorting, or Obuchowski (1997) when patients repeat.

    For positives ``V10`` is the share of negatives that score lower (ties ½), for negatives ``V01`` the
    share of positives that score higher. Their covariances over patients give that of the AUROCs.

    Returns:
        AUROCs and covariance. A class with a single patient has no variance: the entries are NaN.
    """
    placements = np.stack([placement_values(sample.labels, row) for row in sample.scores])
    # Whole numbers of half wins are summed, so that the AUROC is that of the metric to the last bit.
    halves = 2.0 * sample.n_negative
    auroc = np.rint(placements[:, sample.labels] * halves).sum(axis=1) / (halves * sample.n_positive)
    return Components(auroc, _covariance(placements - auroc[:, None], sample), placements)


def contrast_variance(components: Components, sample: Sample, contrast: Array) -> float:
    """Variance of ``contrast @ auroc`` from the contrast of the placements: exactly 0 for equal rankings.

    Args:
        components: From `structural_components`.
        sample: What they were computed from.
        contrast: ``(m,)``.
    """
    centred = contrast @ components.placements
    centred = centred - centred[sample.labels].mean()
    return float(_covariance(centred[None, :], sample)[0, 0])


def placement_values(labels: Labels, scores: Array) -> Array:
    """Placement of each case against the other class, ``(n,)``, in n log n.

    Counts are integers, so that equal rankings give equal values to the last bit.
    """
    order = np.argsort(scores)
    ranked, truth = scores[order], labels[order]
    starts = np.append(0, np.flatnonzero(ranked[1:] != ranked[:-1]) + 1)
    sizes = np.diff(starts, append=ranked.size)
    block_positive = np.add.reduceat(truth, starts, dtype=np.int64)
    block_negative = sizes - block_positive
    positives, negatives = int(block_positive.sum()), int(block_negative.sum())
    # Twice the number of negatives below a block, and of positives above it, ties counted once (½ after halving).
    below = 2 * np.cumsum(block_negative) - block_negative
    above = 2 * positives - 2 * np.cumsum(block_positive) + block_positive
    block = np.repeat(np.arange(starts.size), sizes)
    values = np.empty(scores.size)
    values[order] = np.where(truth, below[block] / (2.0 * negatives), above[block] / (2.0 * positives))
    return values


def _covariance(centred: Array, sample: Sample) -> Array:
    positive, negative = centred[:, sample.labels], centred[:, ~sample.labels]
    m, n = positive.shape[1], negative.shape[1]
    if not sample.clustered:
        if min(m, n) < 2:
            return np.full((len(centred), len(centred)), np.nan)
        return np.asarray(positive @ positive.T / ((m - 1) * m) + negative @ negative.T / ((n - 1) * n))
    codes, count = sample.clusters, sample.n_clusters
    with_positive = np.unique(codes[sample.labels]).size
    with_negative = np.unique(codes[~sample.labels]).size
    if min(with_positive, with_negative) < 2:
        return np.full((len(centred), len(centred)), np.nan)
    a = _by_cluster(positive, codes[sample.labels], count)
    b = _by_cluster(negative, codes[~sample.labels], count)
    s10 = a @ a.T * with_positive / ((with_positive - 1) * m * m)
    s01 = b @ b.T * with_negative / ((with_negative - 1) * n * n)
    s11 = (a @ b.T + b @ a.T) * count / ((count - 1) * m * n)
    return np.asarray(s10 + s01 + s11)


def _by_cluster(values: Array, codes: Codes, count: int) -> Array:
    return np.stack([np.bincount(codes, row, count) for row in values])
