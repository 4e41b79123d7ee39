"""AUROC within strata: what scores tell of cases that something else already calls alike."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import expit, ndtr, ndtri

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, Codes, SampleError, check_level, matched
from benchmark.metrics.kaplan_meier import groups_of_risk
from benchmark.metrics.sequences import as_ids, as_numbers
from benchmark.statistics.delong import Components, contrast_variance, placement_values
from benchmark.statistics.samples import Sample, as_paired_sample

FIFTHS = 5
"""Strata of another score where nobody says how many."""


@dataclass(frozen=True)
class ConditionalAuroc:
    """Chance that a positive scores higher than a negative of the same stratum.

    Attributes:
        auroc: Share of the pairs of one stratum in the right order, ties half; NaN without a pair.
        low: Lower limit.
        high: Upper limit.
        p_value: Two-sided, of 0.5: that the scores tell nothing within the strata.
        standard_error: Of the AUROC.
        pairs: Pairs of a positive and a negative of one stratum.
        all_pairs: Pairs of a positive and a negative.
        strata: Strata with at least one such pair.
        level: Confidence level of the limits.
        note: Why there is no interval; empty otherwise.
    """

    auroc: float
    low: float
    high: float
    p_value: float
    standard_error: float
    pairs: int
    all_pairs: int
    strata: int
    level: float
    note: str = ""


def conditional_auroc(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    strata: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
) -> ConditionalAuroc:
    """AUROC of scores within strata, pooled over them by their numbers of pairs.

    ``Σₛ Σᵢⱼ ψ(xᵢ, yⱼ) / Σₛ mₛ nₛ`` over the positives i and negatives j of each stratum s, ψ being 1, ½ or 0. The
    strata are those of a second score, of size, or of anything known beforehand: 0.5 means that the scores add
    nothing to it. Its variance is DeLong's (Obuchowski's where patients repeat) of a ratio of two U-statistics,
    which with a single stratum is that of the AUROC; limits are on the logit scale, and p < 1 − level exactly
    where they leave 0.5 out.

    Sources: Janes & Pepe, Biometrika 2009;96:371 on AUROC adjusted for a covariate; DeLong et al., Biometrics
    1988;44:837; Obuchowski, Biometrics 1997;53:567.

    Example::

        >>> from benchmark.statistics import conditional_auroc
        >>> size = ["small"] * 4 + ["large"] * 4
        >>> found = conditional_auroc([0, 0, 1, 0, 1, 1, 0, 1], [1, 2, 3, 4, 6, 8, 7, 9], size)
        >>> round(found.auroc, 3), found.pairs, found.all_pairs
        (0.667, 6, 16)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        strata: Stratum of each case, text or whole numbers, ``(n,)``; `strata_of_scores` makes them of a score.
        clusters: Patient of each case, ``(n,)``.
        level: Confidence level of the limits.

    Raises:
        SampleError: Missing values, labels other than 0/1, ids or lengths that differ, a class without a case.
    """
    sample = as_paired_sample(labels, {"model": scores}, clusters)
    given = list(as_ids(matched(labels, strata, "strata"), "strata"))
    if len(given) != sample.labels.size:
        raise SampleError(Problem(f"{sample.labels.size} labels but {len(given)} strata", "give one a case"))
    order = {name: k for k, name in enumerate(dict.fromkeys(given))}
    return conditional_auroc_of(sample, np.array([order[name] for name in given]), level=level)


def conditional_auroc_of(sample: Sample, strata: Codes, *, level: float = 0.95) -> ConditionalAuroc:
    """`conditional_auroc` of a sample of one model that is checked already, with codes of strata.

    Example::

        >>> import numpy as np
        >>> from benchmark.statistics import as_paired_sample, conditional_auroc_of
        >>> sample = as_paired_sample([0, 0, 1, 0, 1, 1, 0, 1], {"a": [1, 2, 3, 4, 6, 8, 7, 9]})
        >>> conditional_auroc_of(sample, np.repeat([0, 1], 4)).pairs
        6
    """
    check_level(level)
    labels, scores = sample.labels, sample.scores[0]
    right, there = np.zeros(labels.size), np.zeros(labels.size)
    pairs = used = 0
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        positives = int(labels[rows].sum())
        negatives = rows.size - positives
        if not positives or not negatives:
            continue
        others = np.where(labels[rows], negatives, positives)
        right[rows] = placement_values(labels[rows], scores[rows]) * others
        there[rows] = others
        pairs, used = pairs + positives * negatives, used + 1
    everything = sample.n_positive * sample.n_negative
    nan = math.nan
    nothing = ConditionalAuroc(nan, nan, nan, nan, nan, pairs, everything, used, level, "no pair in a stratum")
    if not pairs:
        return nothing
    auroc = float(np.rint(2 * right[labels]).sum()) / (2 * pairs)
    # Linearised ratio: each case's mean over all cases of the other class of what its pairs lack or have too much.
    others = np.where(labels, sample.n_negative, sample.n_positive)
    excess = (right - auroc * there) / others * (everything / pairs)
    parts = Components(np.array([auroc]), np.empty((1, 1)), excess[None, :])
    error = math.sqrt(max(contrast_variance(parts, sample, np.array([1.0])), 0.0))
    found = replace(nothing, auroc=auroc, standard_error=error, note="")
    if math.isnan(error) or not error > 1e-12 or not 0 < auroc < 1:
        why = "no interval: the pairs of a stratum have no spread, or a class is of one patient"
        return replace(found, note=why)
    centre, spread = math.log(auroc / (1 - auroc)), error / (auroc * (1 - auroc))
    half = float(ndtri((1 + level) / 2)) * spread
    low, high = float(expit(centre - half)), float(expit(centre + half))
    return replace(found, low=low, high=high, p_value=2 * float(ndtr(-abs(centre) / spread)))


def strata_of_scores(scores: Any, strata: int = FIFTHS) -> Codes:  # noqa: ANN401
    """Number of the stratum of each case by its score, 0 the lowest: of nearly equal size, equal scores together.

    Example::

        >>> from benchmark.statistics import strata_of_scores
        >>> strata_of_scores([0.1, 0.2, 0.2, 0.4, 0.5, 0.9], 3).tolist()
        [0, 0, 0, 1, 2, 2]

    Args:
        scores: Of the other model, or sizes, ``(n,)``.
        strata: How many, at most.

    Raises:
        SampleError: A missing score, or fewer than two strata.
    """
    values: Array = as_numbers(scores, "scores")
    if not np.isfinite(values).all():
        raise SampleError(Problem("scores: a value is missing or infinite", "leave such cases out"))
    if strata < 2:
        raise SampleError(Problem(f"strata {strata!r}: expected two at least", "such as 5"))
    return groups_of_risk(values, strata)
