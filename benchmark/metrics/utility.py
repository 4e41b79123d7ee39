"""Net benefit: what a decision at a threshold probability is worth (Vickers & Elkin 2006)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.curve import count_curve
from benchmark.metrics.inputs import Array, SampleError, as_sample
from benchmark.metrics.sequences import as_numbers

THRESHOLDS = (0.01, 0.02, 0.05, 0.06, 0.10, 0.15)
"""Threshold probabilities that lung nodule guidelines act at."""


@dataclass(frozen=True)
class DecisionCurve:
    """Net benefit per case over threshold probabilities; treating none is worth 0 everywhere.

    Attributes:
        threshold: Threshold probabilities, ``(t,)``.
        net_benefit: Of treating the cases at or above the threshold, ``(t,)``.
        treat_all: Of treating every case, ``(t,)``.
        treat_none: Zeros, ``(t,)``.
        prevalence: Prevalence that the values hold for.
    """

    threshold: Array
    net_benefit: Array
    treat_all: Array
    treat_none: Array
    prevalence: float


def net_benefit(labels: Any, probabilities: Any, threshold: float, weights: Any = None) -> float:  # noqa: ANN401
    """``TP/n − FP/n · pt/(1 − pt)`` for calling every case with probability ≥ ``pt``.

    Example::

        >>> from benchmark.metrics import net_benefit
        >>> round(net_benefit([1, 1, 0, 0, 0], [0.9, 0.6, 0.7, 0.3, 0.1], threshold=0.2), 3)
        0.3

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        probabilities: Predicted probabilities of malignancy, ``(n,)``.
        threshold: Threshold probability pt, in (0, 1).
        weights: Weight of each case, ``(n,)``; all 1 by default.

    Raises:
        SampleError: Missing values, values outside [0, 1], or a threshold outside (0, 1).
    """
    return float(decision_curve(labels, probabilities, (threshold,), weights).net_benefit[0])


def decision_curve(
    labels: Any,  # noqa: ANN401
    probabilities: Any,  # noqa: ANN401
    thresholds: Iterable[float] = THRESHOLDS,
    weights: Any = None,  # noqa: ANN401
    prevalence: float | None = None,
) -> DecisionCurve:
    """Net benefit with treat-all and treat-none beside it.

    Example::

        >>> from benchmark.metrics import decision_curve
        >>> labels = [1, 1, 0, 0, 0]
        >>> curve = decision_curve(labels, [0.9, 0.6, 0.7, 0.3, 0.1], thresholds=[0.2, 0.5])
        >>> curve.net_benefit.round(3).tolist(), curve.treat_all.round(3).tolist()
        ([0.3, 0.2], [0.25, -0.2])

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        probabilities: Predicted probabilities of malignancy, ``(n,)``.
        thresholds: Threshold probabilities, each in (0, 1).
        weights: Weight of each case, ``(n,)``; all 1 by default.
        prevalence: Reference prevalence: recall and FPR stay, the mix of cases changes. The sample's by
            default.

    Raises:
        SampleError: As `net_benefit`; a prevalence outside (0, 1) or, with one, a class without a case.
    """
    at = as_numbers(thresholds, "thresholds")
    if not ((at > 0) & (at < 1)).all():
        raise SampleError("thresholds: expected probabilities above 0 and below 1")
    if prevalence is not None and not 0 < prevalence < 1:
        raise SampleError(f"prevalence {prevalence!r} is not within 0..1")
    sample = as_sample(labels, probabilities, weights, both_classes=prevalence is not None, probabilities=True)
    curve = count_curve(*sample)
    index = np.searchsorted(-curve.threshold, -at, side="right")
    tp, fp = (values[index] for values in curve.with_origin())
    total = curve.n_positive + curve.n_negative
    share = curve.n_positive / total if prevalence is None else prevalence
    if prevalence is None:
        true_share, false_share = tp / total, fp / total
    else:
        true_share, false_share = tp / curve.n_positive * share, fp / curve.n_negative * (1 - share)
    odds = at / (1 - at)
    return DecisionCurve(
        threshold=at,
        net_benefit=true_share - false_share * odds,
        treat_all=share - (1 - share) * odds,
        treat_none=np.zeros_like(at),
        prevalence=share,
    )
