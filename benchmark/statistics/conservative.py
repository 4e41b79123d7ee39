"""Intervals for estimates that resampling cannot vary: a perfect ranking, a rate of 0 or 1, equal scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy
from scipy.special import ndtri

from benchmark.metrics.inputs import Labels
from benchmark.metrics.operating import operating_point, point_at_specificity, point_at_threshold
from benchmark.metrics.registry import NamedMetric
from benchmark.statistics.delong import structural_components
from benchmark.statistics.newcombe import effective_counts, newcombe_interval
from benchmark.statistics.rates import rate_interval
from benchmark.statistics.samples import Sample

LimitsAt = Callable[[float], tuple[float, float]]
"""Low and high at a confidence level."""

AREAS = ("auprc", "auprc_davis_goadrich")
NEAR = 1e-12
"""Values this near to each other, or to 0 or 1, differ by rounding only."""


@dataclass(frozen=True)
class Conservative:
    """An interval that does not come from resampling.

    Attributes:
        method: ``newcombe``, ``separation``, ``logit`` or ``clopper_pearson``.
        at: Low and high at a confidence level.
    """

    method: str
    at: LimitsAt


def conservative_interval(sample: Sample, metric: object, value: float) -> Conservative | None:
    """The interval of one model's metric that needs no resampling; None where there is none.

    AUROC: Newcombe's. AUPRC: `separation_limit` for a perfect ranking, else Boyd's logit interval with the
    positive patients. Rates at a recall, a specificity or a threshold: Clopper and Pearson's, with patients in
    place of cases where patients repeat. Net benefit: from those of recall and FPR, the prevalence being given.

    Args:
        sample: Cases of one model.
        metric: The metric.
        value: Its value on the sample.
    """
    if not isinstance(metric, NamedMetric) or not math.isfinite(value):
        return None
    if metric.key == "auroc":
        counts = effective_counts(sample, value, float(structural_components(sample).covariance[0, 0]))
        return Conservative("newcombe", lambda level: newcombe_interval(value, *counts, level=level))
    if metric.key in AREAS:
        return auprc_without_resampling(sample, value)
    if metric.key == "net_benefit@threshold":
        return _net_benefit_without_resampling(sample, metric.value, value)
    if metric.metric.rate is not None:
        total = _patient_count(sample, _counted_among(sample, metric))
        hits = min(max(value * total, 0.0), total)
        return Conservative("clopper_pearson", lambda level: rate_interval(hits, total, "clopper_pearson", level))
    return None


def auprc_without_resampling(sample: Sample, value: float) -> Conservative:
    """`conservative_interval` of an AUPRC."""
    positives, negatives = _patient_count(sample, sample.labels), _patient_count(sample, ~sample.labels)
    if value > 1 - NEAR:
        odds = sample.n_negative / sample.n_positive
        return Conservative("separation", lambda level: (separation_limit(positives, negatives, odds, level), 1.0))
    return Conservative("logit", lambda level: logit_auprc(value, positives, level))


def _net_benefit_without_resampling(sample: Sample, threshold: float, value: float) -> Conservative:
    """Limits of ``π recall − (1 − π) odds FPR`` from Clopper and Pearson's of both (Zou & Donner 2008)."""
    called, total, odds = sample.scores[0] >= threshold, sample.labels.size, threshold / (1 - threshold)
    parts = []
    for among, worth in ((sample.labels, 1 / total), (~sample.labels, odds / total)):
        rate, patients = float(called[among].mean()), _patient_count(sample, among)
        parts.append((rate, patients, float(among.sum()) * worth))

    def at(level: float) -> tuple[float, float]:
        (recall, positives, gain), (fpr, negatives, harm) = parts
        least, most = rate_interval(recall * positives, positives, "clopper_pearson", level)
        fewest, many = rate_interval(fpr * negatives, negatives, "clopper_pearson", level)
        below = math.hypot(gain * (recall - least), harm * (many - fpr))
        return value - below, value + math.hypot(gain * (most - recall), harm * (fpr - fewest))

    return Conservative("clopper_pearson", at)


def logit_auprc(value: float, positives: float, level: float) -> tuple[float, float]:
    """Interval of Boyd, Eng & Page (2013) on the logit scale, as if an AUPRC below 1 were a share of positives."""
    half = float(ndtri((1 + level) / 2)) / math.sqrt(positives * value * (1 - value))
    odds = math.log(value / (1 - value))
    return _inverse_logit(odds - half), _inverse_logit(odds + half)


def separation_limit(positives: float, negatives: float, odds: float, level: float) -> float:
    """Lower limit of an AUPRC whose estimate is 1: with a smaller one a perfect ranking is too unlikely.

    Let f(u) be the FPR at recall u in the population. The lowest of m positives stands at a recall U with
    P(U ≤ u) = uᵐ, and all n negatives are below it with chance (1 − f(U))ⁿ. As f does not fall, a perfect ranking
    has at most the chance uᵐ + (1 − uᵐ)(1 − f(u))ⁿ at every u. Where this is to be α/2 at least,
    f(u) ≤ 1 − ((α/2 − uᵐ)/(1 − uᵐ))^(1/n), or 1 where uᵐ ≥ α/2; the AUPRC is then at least the integral of
    u/(u + odds f(u)), as it falls with f.

    Args:
        positives: Positive patients m.
        negatives: Negative patients n.
        odds: Negative over positive cases, which the AUPRC refers to.
        level: Confidence level 1 − α.
    """
    tail = (1 - level) / 2
    certain = float(tail ** (1 / positives))

    def precision(u: float) -> float:
        below = u**positives
        fpr = 1 - (max(tail - below, 0.0) / (1 - below)) ** (1 / negatives)
        return float(u / (u + odds * fpr))

    first = float(scipy.integrate.quad(precision, 0.0, certain, limit=200)[0])
    return first + float(1 - certain) - odds * math.log((1 + odds) / (certain + odds))


def _counted_among(sample: Sample, metric: NamedMetric) -> Labels:
    """The cases that a rate is a share of, ``(n,)``."""
    among = "" if metric.metric.rate is None else metric.metric.rate.among
    if among in ("positives", "negatives"):
        return sample.labels if among == "positives" else ~sample.labels
    given = (sample.labels, sample.scores[0], metric.value)
    if metric.metric.at == "recall":
        point = operating_point(*given)
    elif metric.metric.at == "specificity":
        point = point_at_specificity(*given)
    else:
        point = point_at_threshold(*given)
    called = sample.scores[0] >= point.threshold
    return np.asarray(called if among == "called" else ~called)


def _patient_count(sample: Sample, cases: Labels) -> float:
    """Patients among these cases."""
    return float(np.unique(sample.clusters[cases]).size) if sample.clustered else float(cases.sum())


def _inverse_logit(odds: float) -> float:
    return 1 / (1 + math.exp(-odds)) if odds > -700 else 0.0
