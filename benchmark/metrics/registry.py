"""Metrics by name: ``auroc``, ``fpr@recall=0.8``, ... with the facts that tables and tests need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmark.metrics import calibration, discrimination, operating, utility
from benchmark.metrics.inputs import SampleError


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        function: ``(labels, scores, weights, value) -> float``; ``value`` is what stands after ``=`` in the
            name.
        title: Name for a table.
        higher_is_better: Direction; None when neither.
        ranks_only: Whether it depends on the order of the scores only (unchanged by monotone rescaling).
        argument: Whether the name needs ``=value``.
        swapped: Name of the metric that has the same value when labels are swapped and scores turned round
            (s → −s, or 1 − s for probabilities); None when there is no such metric.
    """

    function: Callable[[Any, Any, Any, float], float]
    title: str
    higher_is_better: bool | None
    ranks_only: bool
    argument: bool = False
    swapped: str | None = None


def _at_recall(name: str) -> Callable[[Any, Any, Any, float], float]:
    def read(labels: Any, scores: Any, weights: Any, value: float) -> float:  # noqa: ANN401
        return float(getattr(operating.operating_point(labels, scores, value, weights=weights), name))

    return read


def _at_threshold(name: str) -> Callable[[Any, Any, Any, float], float]:
    def read(labels: Any, scores: Any, weights: Any, value: float) -> float:  # noqa: ANN401
        return float(getattr(operating.point_at_threshold(labels, scores, value, weights=weights), name))

    return read


METRICS: dict[str, Metric] = {
    "auroc": Metric(lambda y, s, w, _: discrimination.auroc(y, s, w), "AUROC", True, True, swapped="auroc"),
    "auprc": Metric(lambda y, s, w, _: discrimination.auprc(y, s, w), "AUPRC", True, True),
    "auprc_davis_goadrich": Metric(
        lambda y, s, w, _: discrimination.auprc(y, s, w, "davis_goadrich"), "AUPRC (Davis–Goadrich)", True, True
    ),
    "partial_auroc@recall": Metric(
        lambda y, s, w, v: discrimination.partial_auroc(y, s, recall=(v, 1.0), corrected=True, weights=w),
        "partial AUROC, recall ≥ {}",
        True,
        True,
        True,
        "partial_auroc@specificity",
    ),
    "partial_auroc@specificity": Metric(
        lambda y, s, w, v: discrimination.partial_auroc(y, s, specificity=(v, 1.0), corrected=True, weights=w),
        "partial AUROC, specificity ≥ {}",
        True,
        True,
        True,
        "partial_auroc@recall",
    ),
    "fpr@recall": Metric(_at_recall("fpr"), "FPR at recall {}", False, True, True),
    "specificity@recall": Metric(_at_recall("specificity"), "Specificity at recall {}", True, True, True),
    "precision@recall": Metric(_at_recall("precision"), "Precision at recall {}", True, True, True),
    "recall@specificity": Metric(
        lambda y, s, w, v: operating.point_at_specificity(y, s, v, weights=w).recall,
        "Recall at specificity {}",
        True,
        True,
        True,
    ),
    "recall@threshold": Metric(_at_threshold("recall"), "Recall at threshold {}", True, False, True),
    "fpr@threshold": Metric(_at_threshold("fpr"), "FPR at threshold {}", False, False, True),
    "precision@threshold": Metric(_at_threshold("precision"), "Precision at threshold {}", True, False, True),
    "brier": Metric(lambda y, s, w, _: calibration.brier(y, s, w), "Brier score", False, False, swapped="brier"),
    "ece": Metric(lambda y, s, w, _: calibration.expected_calibration_error(y, s, w), "ECE", False, False),
    "calibration_slope": Metric(
        lambda y, s, w, _: calibration.calibration_line(y, s, w).slope,
        "Calibration slope",
        None,
        False,
        swapped="calibration_slope",
    ),
    "calibration_intercept": Metric(
        lambda y, s, w, _: calibration.calibration_line(y, s, w).intercept_in_the_large,
        "Calibration in the large",
        None,
        False,
    ),
    "net_benefit@threshold": Metric(
        lambda y, s, w, v: utility.net_benefit(y, s, v, w), "Net benefit at {}", True, False, True
    ),
}
"""Every metric by its name; those with an argument are used as ``name=value``, such as ``fpr@recall=0.8``."""


@dataclass(frozen=True)
class NamedMetric:
    """A metric with its argument filled in.

    Attributes:
        name: As it was asked for, such as ``fpr@recall=0.8``.
        key: Key into ``METRICS``, such as ``fpr@recall``.
        value: The argument; 0 without one.
    """

    name: str
    key: str
    value: float = 0.0

    @property
    def metric(self) -> Metric:
        """The registry's entry."""
        return METRICS[self.key]

    @property
    def title(self) -> str:
        """Name for a table, the argument filled in."""
        return self.metric.title.format(f"{self.value:g}")

    def __call__(self, labels: Any, scores: Any, weights: Any = None) -> float:  # noqa: ANN401
        """The metric's value."""
        return self.metric.function(labels, scores, weights, self.value)


def named_metric(name: str) -> NamedMetric:
    """Read a metric's name.

    Args:
        name: A key of ``METRICS``, with ``=value`` where it needs one.

    Raises:
        SampleError: An unknown name, a missing, superfluous or unreadable argument.
    """
    key, separator, text = name.partition("=")
    if key not in METRICS:
        known = ", ".join(k + ("=VALUE" if m.argument else "") for k, m in METRICS.items())
        raise SampleError(f"metric {name!r} is not known: choose from {known}")
    if not METRICS[key].argument:
        if separator:
            raise SampleError(f"metric {name!r}: {key} takes no argument")
        return NamedMetric(name, key)
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    reached = 0 <= value <= 1 if key.startswith("partial_auroc") else 0 < value <= 1
    if not (reached or (key.endswith("@threshold") and value == value)):
        raise SampleError(f"metric {name!r}: expected {key}=VALUE, such as {key}=0.8")
    return NamedMetric(name, key, value)
