"""Operating points: the threshold that reaches a recall or a specificity, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from benchmark.metrics.curve import Curve, cumulative_counts
from benchmark.metrics.inputs import SampleError, as_sample
from benchmark.metrics.sequences import as_numbers
from benchmark.metrics.targets import checked_target, required_count

RECALLS = (0.6, 0.7, 0.8, 0.9)
"""Targets of the operating point tables."""


@dataclass(frozen=True)
class OperatingPoint:
    """Counts and rates at one threshold; a case is called positive when its score ≥ the threshold.

    Attributes:
        recall_target: Recall that was asked for; NaN when the threshold was set otherwise.
        rule: ``ge``, ``closest``, ``specificity`` or ``threshold``: how the threshold was set.
        threshold: The threshold, an observed score, or infinite when no case may be called.
        recall: Recall reached, ``tp / n_positive``; NaN without positives.
        tp: True positives (their weight when weighted).
        fp: False positives.
        n_positive: All positives.
        n_negative: All negatives.
        fpr: ``fp / n_negative``; NaN without negatives.
        specificity: ``1 − fpr``.
        precision: ``tp / (tp + fp)``; NaN when nothing is called.
        tied: Cases whose score equals the threshold; they move as one block.
        tied_positive: Positives among them.
        tied_negative: Negatives among them.
        fpr_interpolated: FPR at exactly the target on the ROC curve with straight lines between its points;
            NaN without a recall target.
    """

    recall_target: float
    rule: str
    threshold: float
    recall: float
    tp: float
    fp: float
    n_positive: float
    n_negative: float
    fpr: float
    specificity: float
    precision: float
    tied: float
    tied_positive: float
    tied_negative: float
    fpr_interpolated: float


def operating_point(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    recall: float = 0.8,
    rule: Literal["ge", "closest"] = "ge",
    weights: Any = None,  # noqa: ANN401
) -> OperatingPoint:
    """Operating point at a recall.

    Example::

        >>> from benchmark.metrics import operating_point
        >>> point = operating_point([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.2], recall=0.8)
        >>> point.recall, point.fpr, point.threshold
        (1.0, 0.5, 0.4)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        recall: Target in (0, 1].
        rule: ``ge``: the smallest achievable recall ≥ the target, at its highest threshold. ``closest``: the
            achievable recall nearest to the target, the higher of two equally near.
        weights: Weight of each case, ``(n,)``; all 1 by default.

    Returns:
        The point. Chosen on the same data that it is reported for, it is descriptive; carry its threshold
        to another cohort with `point_at_threshold`.

    Raises:
        SampleError: As `benchmark.metrics.auroc`; a target outside (0, 1] or an unknown rule.
    """
    return operating_points(labels, scores, (recall,), rule, weights)[0]


def operating_points(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    recalls: Iterable[float] = RECALLS,
    rule: Literal["ge", "closest"] = "ge",
    weights: Any = None,  # noqa: ANN401
) -> tuple[OperatingPoint, ...]:
    """`operating_point` at several recalls from one pass over the scores, in the order of the targets.

    Example::

        >>> from benchmark.metrics import operating_points
        >>> points = operating_points([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.2], recalls=(0.5, 1.0))
        >>> [(point.recall, point.fpr) for point in points]
        [(0.5, 0.0), (1.0, 0.5)]

    Raises:
        SampleError: As `operating_point`.
    """
    if rule not in ("ge", "closest"):
        raise SampleError(f"rule {rule!r}: known are ge, closest")
    targets = [(recall, checked_target(recall, "recall")) for recall in as_numbers(recalls, "recalls").tolist()]
    curve = cumulative_counts(*as_sample(labels, scores, weights))
    return tuple(_at_recall(curve, recall, target, rule) for recall, target in targets)


def point_at_specificity(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    specificity: float,
    weights: Any = None,  # noqa: ANN401
) -> OperatingPoint:
    """Operating point with the highest recall whose specificity is at least the target.

    Example::

        >>> from benchmark.metrics import point_at_specificity
        >>> point = point_at_specificity([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.2], specificity=0.9)
        >>> point.recall, point.specificity, point.threshold
        (0.5, 1.0, 0.9)

    Returns:
        The point; its threshold is infinite and its recall 0 when no positive can be called.

    Raises:
        SampleError: As `operating_point`.
    """
    checked_target(specificity, "specificity")
    curve = cumulative_counts(*as_sample(labels, scores, weights))
    kept = required_count(specificity, curve.n_negative)
    allowed = np.flatnonzero(curve.n_negative - curve.fp >= kept - 1e-12 * curve.n_negative)
    if allowed.size == 0 or curve.tp[allowed[-1]] == 0:
        return _operating_point(curve, -1, recall_target=math.nan, rule="specificity", threshold=math.inf)
    # Among thresholds of equal recall the highest has the fewest false positives.
    at = int(np.searchsorted(curve.tp, curve.tp[allowed[-1]]))
    return _operating_point(curve, at, recall_target=math.nan, rule="specificity")


def point_at_threshold(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    threshold: float,
    weights: Any = None,  # noqa: ANN401
) -> OperatingPoint:
    """Operating point at a threshold that was fixed elsewhere, such as on another cohort.

    One class may be empty; its rate is then NaN.

    Example::

        >>> from benchmark.metrics import point_at_threshold
        >>> point = point_at_threshold([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.2], threshold=0.45)
        >>> point.recall, point.fpr, point.precision
        (0.5, 0.5, 0.5)

    Raises:
        SampleError: Missing values or lengths or ids that differ, or a threshold that is NaN.
    """
    if math.isnan(threshold):
        raise SampleError("threshold: NaN is no threshold")
    curve = cumulative_counts(*as_sample(labels, scores, weights, both_classes=False))
    at = int(np.searchsorted(-curve.threshold, -threshold, side="right")) - 1
    return _operating_point(curve, at, recall_target=math.nan, rule="threshold", threshold=float(threshold))


def transfer_threshold(
    source_labels: Any,  # noqa: ANN401
    source_scores: Any,  # noqa: ANN401
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    recall: float,
    rule: Literal["ge", "closest"] = "ge",
) -> tuple[OperatingPoint, OperatingPoint]:
    """Choose the threshold for a recall on one cohort and apply it to another.

    Example::

        >>> from benchmark.metrics import transfer_threshold
        >>> source, target = [0.9, 0.4, 0.5, 0.2], [0.95, 0.7, 0.1]
        >>> chosen, there = transfer_threshold([1, 1, 0, 0], source, [1, 0, 0], target, recall=0.5)
        >>> chosen.threshold, there.recall, there.fpr
        (0.9, 1.0, 0.0)

    Returns:
        The point on the source cohort (descriptive) and the point on the other (an honest estimate).

    Raises:
        SampleError: As `operating_point`.
    """
    chosen = operating_point(source_labels, source_scores, recall, rule)
    return chosen, point_at_threshold(labels, scores, chosen.threshold)


def ppv_at_prevalence(recall: float, fpr: float, prevalence: float) -> float:
    """Positive predictive value at a reference prevalence π: ``recall π / (recall π + fpr (1 − π))``.

    Example::

        >>> from benchmark.metrics import ppv_at_prevalence
        >>> round(ppv_at_prevalence(recall=0.9, fpr=0.2, prevalence=0.04), 3)
        0.158

    Returns:
        The value; NaN when neither positives nor negatives would be called.

    Raises:
        SampleError: An argument outside [0, 1].
    """
    for name, value in (("recall", recall), ("fpr", fpr), ("prevalence", prevalence)):
        if not 0 <= value <= 1:
            raise SampleError(f"{name} {value!r} is not within 0..1")
    called = recall * prevalence + fpr * (1 - prevalence)
    return recall * prevalence / called if called > 0 else math.nan


def _at_recall(curve: Curve, recall: float, target: Fraction, rule: str) -> OperatingPoint:
    at = int(np.searchsorted(curve.tp, required_count(recall, curve.n_positive)))
    interpolated = _fpr_at(curve, at, float(target))
    if rule == "closest":
        at = _closest(curve, at, target)
    return _operating_point(curve, at, recall_target=float(recall), rule=rule, fpr_interpolated=interpolated)


def _closest(curve: Curve, at: int, target: Fraction) -> int:
    """Index of the recall nearest to the target; ``at`` is the first that reaches it."""
    below = curve.tp[at - 1] if at else 0.0
    aim = float(target * Fraction(curve.n_positive))
    if below > 0 and aim - below < curve.tp[at] - aim:
        return int(np.searchsorted(curve.tp, below))
    return at


def _fpr_at(curve: Curve, at: int, target: float) -> float:
    tp0, fp0 = (curve.tp[at - 1], curve.fp[at - 1]) if at else (0.0, 0.0)
    share = (target * curve.n_positive - tp0) / (curve.tp[at] - tp0)
    return float((fp0 + min(max(share, 0.0), 1.0) * (curve.fp[at] - fp0)) / curve.n_negative)


def _operating_point(
    curve: Curve,
    at: int,
    *,
    recall_target: float,
    rule: str,
    threshold: float | None = None,
    fpr_interpolated: float = math.nan,
) -> OperatingPoint:
    """The point after the ``at``-th distinct score; ``at`` of −1 calls nothing."""
    tp, fp = (curve.tp[at], curve.fp[at]) if at >= 0 else (0.0, 0.0)
    tp0, fp0 = (curve.tp[at - 1], curve.fp[at - 1]) if at >= 1 else (0.0, 0.0)
    is_tied = at >= 0 and (threshold is None or threshold == curve.threshold[at])
    tied_positive, tied_negative = (tp - tp0, fp - fp0) if is_tied else (0.0, 0.0)
    positives, negatives = curve.n_positive, curve.n_negative
    fpr = fp / negatives if negatives else math.nan
    return OperatingPoint(
        recall_target=recall_target,
        rule=rule,
        threshold=float(curve.threshold[at]) if threshold is None else threshold,
        recall=float(tp / positives) if positives else math.nan,
        tp=_int_when_whole(tp),
        fp=_int_when_whole(fp),
        n_positive=_int_when_whole(positives),
        n_negative=_int_when_whole(negatives),
        fpr=float(fpr),
        specificity=float(1 - fpr),
        precision=float(tp / (tp + fp)) if tp + fp else math.nan,
        tied=_int_when_whole(tied_positive + tied_negative),
        tied_positive=_int_when_whole(tied_positive),
        tied_negative=_int_when_whole(tied_negative),
        fpr_interpolated=fpr_interpolated,
    )


def _int_when_whole(value: float) -> float:
    """A count as int when it is whole."""
    return int(value) if float(value).is_integer() else float(value)
