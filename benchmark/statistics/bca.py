"""Limits from bootstrap replicates: percentile, and BCa with its jackknife."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, ndtri

from benchmark.metrics.inputs import Array, Codes
from benchmark.statistics.engine import Engine, block_size
from benchmark.statistics.resampling import as_seed
from benchmark.statistics.samples import Sample

JACKKNIFE_GROUPS = 2000
"""Above this number of patients the jackknife of BCa leaves out groups of patients instead of single ones."""


def strata_of(sample: Sample, stratified: bool) -> list[Codes]:
    """Patients of each stratum: with, and without, a positive case; or all of them together."""
    positive = sample.positive_clusters()
    if not stratified:
        return [np.arange(sample.n_clusters)]
    return [part for part in (np.flatnonzero(positive), np.flatnonzero(~positive)) if part.size]


def percentile_limits(samples: Array, level: float) -> tuple[float, float]:
    """Quantiles of the replicates."""
    low, high = np.quantile(samples, ((1 - level) / 2, (1 + level) / 2))
    return float(low), float(high)


def bca_limits(
    samples: Array,
    value: float,
    left_out: Array,
    strata: list[Codes],
    level: float,
) -> tuple[float, float, str]:
    """Bias-corrected and accelerated limits (Efron 1987), the acceleration summed over strata.

    Args:
        samples: Replicates, ``(b,)``.
        value: Estimate from the full sample.
        left_out: Estimates with one patient, or group, left out, ``(c,)``; groups carry NaN elsewhere.
        strata: Patients of each stratum.
        level: Confidence level.

    Returns:
        Low, high, and a note: percentile limits, and why, where BCa is not defined (all replicates on one side of
        the estimate).
    """
    below = (np.sum(samples < value) + np.sum(samples <= value)) / (2 * samples.size)
    acceleration = _acceleration(left_out, strata)
    if not 0 < below < 1 or not math.isfinite(acceleration):
        low, high = percentile_limits(samples, level)
        return (
            low,
            high,
            "BCa is not defined when all replicates lie on one side of the estimate",
        )
    bias = ndtri(below)
    z = bias + ndtri(np.array([(1 - level) / 2, (1 + level) / 2]))
    low, high = np.quantile(samples, ndtr(bias + z / (1 - acceleration * z)))
    return float(low), float(high), ""


def jackknife(engine: Engine, seed: int | np.random.Generator = 0) -> Array:
    """Metrics with one patient left out at a time, ``(metrics, models, c)``.

    With more than ``JACKKNIFE_GROUPS`` patients, random groups of equal size within strata are left out
    instead; each group's value stands at its first patient and the rest is NaN. The acceleration needs no
    more.
    """
    sample = engine.sample
    groups = _jackknife_groups(sample, as_seed(seed))
    out = np.full((len(engine.request.names), len(sample.models), sample.n_clusters), np.nan)
    size = block_size(sample.n_clusters)
    for start in range(0, len(groups), size):
        part = groups[start : start + size]
        weights = np.ones((sample.n_clusters, len(part)))
        for column, members in enumerate(part):
            weights[members, column] = 0.0
        out[:, :, [members[0] for members in part]] = engine.values(weights)
    return out


def _jackknife_groups(sample: Sample, seed: int) -> list[Codes]:
    if sample.n_clusters <= JACKKNIFE_GROUPS:
        return list(np.arange(sample.n_clusters)[:, None])
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(0, 0))))
    groups: list[Codes] = []
    for part in strata_of(sample, True):
        count = min(part.size, JACKKNIFE_GROUPS // 2)
        groups.extend(np.array_split(rng.permutation(part), count))
    return groups


def _acceleration(left_out: Array, strata: list[Codes]) -> float:
    """``Σ Σ U³/n³ / (6 (Σ Σ U²/n²)^1.5)`` with ``U = (n − 1)(mean − value left out)`` by stratum."""
    cubes = squares = 0.0
    for part in strata:
        values = left_out[part]
        values = values[np.isfinite(values)]
        if values.size < 2:
            continue
        influence = (values.size - 1) * (values.mean() - values)
        cubes += float(np.sum(influence**3)) / values.size**3
        squares += float(np.sum(influence**2)) / values.size**2
    return cubes / (6 * squares**1.5) if squares > 0 else math.nan
