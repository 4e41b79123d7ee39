"""What cases without a score could change: the worst and the best case, and weights for who resembles them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import scipy
from scipy.special import expit, logit

from benchmark.metrics.curve import Curve, cumulative_counts
from benchmark.metrics.discrimination import curve_auroc, curve_average_precision
from benchmark.metrics.inputs import Array, Codes, Labels, SampleError, as_labels, check_level, cluster_codes
from benchmark.metrics.logistic import fit_logistic
from benchmark.metrics.sequences import as_columns, as_numbers
from benchmark.statistics.bootstrap import draw_weights
from benchmark.statistics.engine import block_generator, block_size
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling

AREAS: Final[Mapping[str, Callable[[Curve], float]]] = {
    "auroc": curve_auroc,
    "auprc": curve_average_precision,
}
"""Metrics that are bounded and weighted."""
NO_FIT: Final = "no weights: by these columns it can be told for sure who has no score, or they repeat each other"
LEAST_DRAWN: Final = 0.9
"""Share of the replicates that must have a value for an interval."""


@dataclass(frozen=True)
class ScoreBounds:
    """An area with every missing score as bad, and as good, as it could be.

    Attributes:
        worst: Missing positives below, and missing negatives above, all others.
        best: The other way round.
        missing_positive: Positives without a score.
        missing_negative: Negatives without a score.
    """

    worst: float
    best: float
    missing_positive: int
    missing_negative: int


@dataclass(frozen=True)
class WeightedArea:
    """An area of the cases with a score, weighted for those without.

    Attributes:
        value: The area; NaN where there are no weights.
        low: Lower limit.
        high: Upper limit.
        largest_weight: Of one case, the mean of its class being 1.
        effective_positive: Kish's number of positives, ``(Σw)² / Σw²``.
        effective_negative: Of negatives.
        note: What a user must know; empty when nothing.
    """

    value: float
    low: float
    high: float
    largest_weight: float
    effective_positive: float
    effective_negative: float
    note: str = ""


NO_WEIGHTS: Final = WeightedArea(math.nan, math.nan, math.nan, math.nan, math.nan, math.nan)
"""Where nothing was weighted."""


def missing_score_bounds(labels: Any, scores: Any, metric: str = "auroc") -> ScoreBounds:  # noqa: ANN401
    """AUROC or AUPRC in the worst and the best case of the scores that are missing.

    Example::

        >>> from benchmark.statistics import missing_score_bounds
        >>> nan = float("nan")
        >>> found = missing_score_bounds([1, 1, 1, 0, 0, 0], [0.9, 0.7, nan, 0.8, 0.1, nan])
        >>> round(found.worst, 3), round(found.best, 3)
        (0.333, 0.889)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: NaN where there is none, ``(n,)``.
        metric: ``auroc`` or ``auprc``.

    Raises:
        SampleError: Labels other than 0/1, lengths that differ, scored cases of one class, or no such metric.
    """
    truth, values = _cases(labels, scores)
    if metric not in AREAS:
        raise SampleError(f"metric {metric!r}: choose from {', '.join(AREAS)}")
    gone = np.isnan(values)
    found = [AREAS[metric](cumulative_counts(truth, _filled(truth, values, best=best))) for best in (False, True)]
    return ScoreBounds(found[0], found[1], int((gone & truth).sum()), int((gone & ~truth).sum()))


def weighted_for_missing(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    columns: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> dict[str, WeightedArea]:
    """AUROC and AUPRC with each case that has a score weighted by the inverse of its chance to have one.

    The chance is that of a logistic regression of having a score on the label and the columns, fitted to all cases
    (Seaman & White, Stat Methods Med Res 2013;22:278). It is right where, given these, it is chance who has none;
    nothing can show that it is. Limits stand on the logit scale, with the standard deviation over resamples of the
    patients, in each of which the weights are fitted again.

    Example::

        >>> from benchmark.statistics import Resampling, weighted_for_missing
        >>> labels = [k % 3 == 0 for k in range(120)]
        >>> scores = [(7 * k) % 40 + 12 * y if k % 7 else float("nan") for k, y in enumerate(labels)]
        >>> age = [50 + k % 11 for k in range(120)]
        >>> found = weighted_for_missing(labels, scores, {"age": age}, resampling=Resampling(100, seed=1))
        >>> found["auroc"].low < found["auroc"].value < found["auroc"].high
        True

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: NaN where there is none, ``(n,)``.
        columns: Name → numbers that say who has a score, ``(n,)`` each, without missing values.
        clusters: Patient of each case, ``(n,)``; patients are drawn.
        level: Confidence level.
        resampling: Replicates and seed.

    Returns:
        ``auroc`` and ``auprc``.

    Raises:
        SampleError: Labels other than 0/1, lengths that differ, a class without a scored case, no score missing,
            or a column with a missing value.
    """
    check_level(level)
    truth, values = _cases(labels, scores)
    given = {str(name): as_numbers(column, name) for name, column in as_columns(columns, "columns").items()}
    wrong = [name for name, column in given.items() if column.size != truth.size or not np.isfinite(column).all()]
    if wrong or not given:
        raise SampleError(f"columns {wrong}: expected numbers of all {truth.size} cases, one column at least")
    if not np.isnan(values).any():
        raise SampleError("every case has a score: there is nothing to weight")
    codes, count = cluster_codes(clusters, truth.size)
    design = _design(truth, np.stack(list(given.values()), axis=1))
    whole = _areas(truth, values, design, np.ones(truth.size))
    if whole is None:
        nothing = replace(NO_WEIGHTS, note=NO_FIT)
        return dict.fromkeys(AREAS, nothing)
    drawn = _drawn_areas(truth, values, design, (codes, count), resampling.seeded())
    weights = _weights(~np.isnan(values), design, np.ones(truth.size))
    sizes = _effective(truth, values, weights)
    return {
        name: _with_logit_limits(value, samples, sizes, level)
        for name, value, samples in zip(AREAS, whole, drawn, strict=True)
    }


def _cases(labels: Any, scores: Any) -> tuple[Labels, Array]:  # noqa: ANN401
    truth, values = as_labels(labels), as_numbers(scores, "scores")
    if truth.size != values.size:
        raise SampleError(f"{truth.size} labels but {values.size} scores")
    if np.isinf(values).any():
        raise SampleError("a score is infinite")
    there = ~np.isnan(values)
    if not (truth[there].any() and (~truth[there]).any()):
        raise SampleError("the cases with a score are of one class")
    return truth, values


def _filled(truth: Labels, values: Array, *, best: bool) -> Array:
    """Scores with the missing ones at the ends, each on a place of its own.

    Tied positives at the bottom would all have the precision of the last of them, which is the highest.
    """
    gone, places = np.isnan(values), np.arange(1, values.size + 1, dtype=np.float64)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    on_top = gone & (truth == best)
    return np.where(on_top, high + places, np.where(gone, low - places, values))


def _design(truth: Labels, columns: Array) -> Array:
    """Intercept, label, and the columns in standard deviations; one that is the same for all is left out."""
    spread = columns.std(axis=0)
    scaled = (columns - columns.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    return np.column_stack((np.ones(truth.size), truth.astype(np.float64), scaled))


def _weights(there: Labels, design: Array, mass: Array) -> Array | None:
    """Inverse of the chance of having a score; None where no such regression can be fitted."""
    fit = fit_logistic(design, there, mass)
    return None if fit is None else 1 / expit(design @ fit.coefficients)


def _areas(truth: Labels, values: Array, design: Array, mass: Array) -> Array | None:
    there = ~np.isnan(values)
    weights = _weights(there, design, mass)
    own = there & (mass > 0)
    if weights is None or not (truth[own].any() and (~truth[own]).any()):
        return None
    curve = cumulative_counts(truth[own], values[own], (weights * mass)[own])
    return np.array([area(curve) for area in AREAS.values()])


def _drawn_areas(
    truth: Labels, values: Array, design: Array, clusters: tuple[Codes, int], resampling: Resampling
) -> Array:
    """Replicates of each area, ``(areas, b)``; NaN where a resample has no weights."""
    codes, count = clusters
    positive = np.bincount(codes, truth, count) > 0
    strata = [part for part in (np.flatnonzero(positive), np.flatnonzero(~positive)) if part.size]
    out = np.full((len(AREAS), resampling.replicates), np.nan)
    size = block_size(count)
    for block, start in enumerate(range(0, resampling.replicates, size)):
        drawn = draw_weights(block_generator(resampling.root, block), strata, size)
        for k in range(min(size, resampling.replicates - start)):
            found = _areas(truth, values, design, drawn[codes, k])
            if found is not None:
                out[:, start + k] = found
    return out


def _effective(truth: Labels, values: Array, weights: Array | None) -> tuple[float, float, float]:
    """Largest weight in units of its class's mean, and Kish's numbers of positives and negatives."""
    if weights is None:
        return math.nan, math.nan, math.nan
    own = [weights[~np.isnan(values) & of] for of in (truth, ~truth)]
    largest = max(float(part.max() / part.mean()) for part in own)
    sizes = [float(part.sum() ** 2 / (part**2).sum()) for part in own]
    return largest, sizes[0], sizes[1]


def _with_logit_limits(
    value: float, samples: Array, sizes: tuple[float, float, float], level: float
) -> WeightedArea:
    known = samples[np.isfinite(samples)]
    note = (
        f"{samples.size - known.size} of {samples.size} replicates have no weights"
        if known.size < samples.size
        else ""
    )
    inside = known[(known > 0) & (known < 1)]
    if not 0 < value < 1 or inside.size < LEAST_DRAWN * samples.size or inside.size < 2:
        more = "no interval: at an area of 0 or 1 there is none" if not 0 < value < 1 else f"no interval: {note}"
        return WeightedArea(value, math.nan, math.nan, *sizes, more)
    half = float(scipy.stats.norm.ppf((1 + level) / 2)) * float(np.std(logit(inside), ddof=1))
    middle = float(logit(value))
    return WeightedArea(float(value), float(expit(middle - half)), float(expit(middle + half)), *sizes, note)
