"""Areas under the ROC and the precision-recall curve."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from benchmark.metrics.curve import Curve, cumulative_counts
from benchmark.metrics.inputs import Array, SampleError, as_sample


def auroc(labels: Any, scores: Any, weights: Any = None) -> float:  # noqa: ANN401
    """Area under the ROC curve: the chance that a positive scores above a negative, ties counted ½.

    Example::

        >>> from benchmark.metrics import auroc
        >>> auroc([1, 1, 0, 0, 0], [0.9, 0.4, 0.5, 0.2, 0.1])
        0.8333333333333334

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        weights: Weight of each case, ``(n,)``; all 1 by default.

    Returns:
        Mann and Whitney's U over the number of pairs; U is an exact integer (or half) without weights.

    Raises:
        SampleError: Missing values, lengths or ids that differ, or a class without a case.
    """
    return curve_auroc(cumulative_counts(*as_sample(labels, scores, weights)))


def curve_auroc(curve: Curve) -> float:
    """`auroc` from counts."""
    tp, fp = curve.with_origin()
    twice = float(np.dot(np.diff(fp), tp[1:] + tp[:-1]))
    return twice / (2.0 * curve.n_positive * curve.n_negative)


def auprc(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    weights: Any = None,  # noqa: ANN401
    method: Literal["average_precision", "davis_goadrich"] = "average_precision",
) -> float:
    """Area under the precision-recall curve; chance level is the prevalence.

    Example::

        >>> from benchmark.metrics import auprc
        >>> round(auprc([1, 1, 0, 0, 0], [0.9, 0.4, 0.5, 0.2, 0.1]), 3)
        0.833

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        weights: Weight of each case, ``(n,)``; all 1 by default.
        method: ``average_precision``: the step sum ``Σ (R_k − R_{k−1}) P_k`` over distinct scores, as in
            scikit-learn. ``davis_goadrich``: the area under the curve that is linear in ROC space between
            thresholds (Davis & Goadrich 2006), integrated in closed form, so without a grid of interpolated
            points (Keilwagen et al. 2014). The trapezoid between points is optimistic and not offered.

    Raises:
        SampleError: As `auroc`, or an unknown method.
    """
    curve = cumulative_counts(*as_sample(labels, scores, weights))
    if method == "average_precision":
        return curve_average_precision(curve)
    if method == "davis_goadrich":
        return curve_davis_goadrich(curve)
    raise SampleError(f"method {method!r}: known are average_precision, davis_goadrich")


def curve_average_precision(curve: Curve) -> float:
    """Average precision from counts."""
    called = curve.tp + curve.fp
    precision = np.divide(curve.tp, called, out=np.zeros_like(called), where=called > 0)
    return float(np.dot(np.diff(curve.tp, prepend=0.0), precision)) / curve.n_positive


def curve_davis_goadrich(curve: Curve) -> float:
    """Davis–Goadrich area from counts.

    Between (tp₀, fp₀) and (tp₁, fp₁) false positives grow by ``h = Δfp/Δtp`` a true positive, so precision at
    ``x`` true positives is ``x / (x + fp₀ + h (x − tp₀))``; its integral is
    ``Δ/a − (b/a²) log1p(aΔ/(tp₀ + fp₀))`` with ``a = 1 + h`` and ``b = fp₀ − h tp₀``.
    """
    tp, fp = curve.with_origin()
    rises = np.diff(tp) > 0
    tp0, fp0, step = tp[:-1][rises], fp[:-1][rises], np.diff(tp)[rises]
    slope = np.diff(fp)[rises] / step
    a, b, called = 1.0 + slope, fp0 - slope * tp0, tp0 + fp0
    # Before the first called case the precision of the segment is constant: b = 0 and its logarithm drops out.
    growth = np.divide(a * step, called, out=np.zeros_like(called), where=called > 0)
    return float(np.sum(step / a - b / a**2 * np.log1p(growth))) / curve.n_positive


def partial_auroc(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    *,
    recall: tuple[float, float] | None = None,
    specificity: tuple[float, float] | None = None,
    corrected: bool = False,
    weights: Any = None,  # noqa: ANN401
) -> float:
    """Area under a part of the ROC curve (straight lines between its points), as R's pROC computes it.

    Example::

        >>> from benchmark.metrics import partial_auroc
        >>> labels, scores = [1, 1, 0, 0, 0], [0.9, 0.4, 0.5, 0.2, 0.1]
        >>> round(partial_auroc(labels, scores, recall=(0.8, 1)), 3)
        0.133

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Higher means more malignant, ``(n,)``.
        recall: Range of recall; specificity is integrated over it, so the largest value is the range's width.
        specificity: Range of specificity; recall is integrated over it. Give one of the two ranges.
        corrected: Rescale so that chance is 0.5 and perfection 1: ``(1 + (A − A_chance)/(width −
            A_chance))/2`` (McClish 1989). Values below 0.5 mean worse than chance.
        weights: Weight of each case, ``(n,)``; all 1 by default.

    Raises:
        SampleError: As `auroc`; both or no range; a range outside [0, 1] or empty.
    """
    if (recall is None) == (specificity is None):
        raise SampleError("partial_auroc: give a range of recall or of specificity, one of the two")
    given = np.asarray(recall if recall is not None else specificity, dtype=np.float64)
    if given.shape != (2,):
        raise SampleError(f"partial_auroc: the range {given} has no two ends; give one such as (0.8, 1)")
    low, high = sorted(map(float, given))
    if not 0 <= low < high <= 1:
        raise SampleError(f"partial_auroc: the range {low:g}..{high:g} is empty or not within 0..1")
    curve = cumulative_counts(*as_sample(labels, scores, weights))
    tp, fp = curve.with_origin()
    tpr, fpr = tp / curve.n_positive, fp / curve.n_negative
    over_recall = recall is not None
    area = _area(tpr, 1.0 - fpr, low, high) if over_recall else _area(fpr, tpr, 1.0 - high, 1.0 - low)
    if not corrected:
        return area
    width = high - low
    chance = width * (1.0 - (low + high) / 2.0)
    return (1.0 + (area - chance) / (width - chance)) / 2.0


def _area(x: Array, y: Array, low: float, high: float) -> float:
    """Integral of the piecewise linear ``y(x)`` over [low, high]; ``x`` ascends, steps are allowed."""
    left, right = np.maximum(x[:-1], low), np.minimum(x[1:], high)
    inside = right > left
    x0, y0 = x[:-1][inside], y[:-1][inside]
    slope = (y[1:][inside] - y0) / (x[1:][inside] - x0)
    middle = (left[inside] + right[inside]) / 2.0
    return float(np.dot(right[inside] - left[inside], y0 + slope * (middle - x0)))
