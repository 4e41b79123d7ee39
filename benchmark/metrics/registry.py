"""Metrics by name: ``auroc``, ``fpr@recall=0.8``, ... with the facts that tables and tests need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from benchmark.metrics import calibration, discrimination, operating, utility
from benchmark.metrics.inputs import SampleError
from benchmark.metrics.rates import RATES, Rate

Function = Callable[[Any, Any, Any, float], float]
At = Literal["", "recall", "specificity", "threshold"]


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
        rate: The rate at one threshold that it is; None for other metrics.
        at: What the argument fixes; empty without one.
        about: What a reader must know of it, to stand in brackets below a table.
        follows_prevalence: Whether it changes with the share of positives, all else equal.
        probabilities: Whether the scores must be probabilities.
        unit_range: Whether it lies within 0 and 1, so that a difference lies within −1 and 1.
    """

    function: Function
    title: str
    higher_is_better: bool | None
    ranks_only: bool
    argument: bool = False
    swapped: str | None = None
    rate: Rate | None = None
    at: At = ""
    about: str = ""
    follows_prevalence: bool = False
    probabilities: bool = False
    unit_range: bool = True

    @property
    def drawn_whole(self) -> bool:
        """Whether its chance is mostly that of how many positives a cohort has: resamples must not keep it."""
        return self.probabilities or (self.follows_prevalence and self.at == "threshold")

    @property
    def limits_keep_positives(self) -> bool:
        """Whether its limits, drawn with the classes apart, are those of cohorts with as many positives only."""
        return self.follows_prevalence and not self.drawn_whole


CHOSEN = "the threshold is chosen on the same cases, and again in every resample"


def _operating_point_at(at: At) -> Callable[..., operating.OperatingPoint]:
    return {
        "recall": lambda y, s, w, v: operating.operating_point(y, s, v, weights=w),
        "specificity": lambda y, s, w, v: operating.point_at_specificity(y, s, v, weights=w),
        "threshold": lambda y, s, w, v: operating.point_at_threshold(y, s, v, weights=w),
    }[at]


def _rate(name: str, at: At, title: str, higher_is_better: bool, about: str = "") -> Metric:
    """The rate ``name`` of `RATES` where a recall, a specificity or a threshold is fixed."""
    rate, point_at = RATES[name], _operating_point_at(at)

    def value_at(labels: Any, scores: Any, weights: Any, value: float) -> float:  # noqa: ANN401
        point = point_at(labels, scores, weights, value)
        tp, fp, positives, negatives = np.array(
            [point.tp, point.fp, point.n_positive, point.n_negative], np.float64
        )
        return float(rate.of_counts(tp, fp, positives, negatives))

    return Metric(
        value_at,
        f"{title} at {at} {{}}",
        higher_is_better,
        ranks_only=at != "threshold",
        argument=True,
        rate=rate,
        at=at,
        about="; ".join(part for part in (about, CHOSEN if at != "threshold" else "") if part),
        follows_prevalence=rate.among in ("called", "not called"),
    )


METRICS: dict[str, Metric] = {
    "auroc": Metric(lambda y, s, w, _: discrimination.auroc(y, s, w), "AUROC", True, True, swapped="auroc"),
    "auprc": Metric(
        lambda y, s, w, _: discrimination.auprc(y, s, w),
        "AUPRC",
        True,
        True,
        about="average precision, by chance the prevalence",
        follows_prevalence=True,
    ),
    "auprc_davis_goadrich": Metric(
        lambda y, s, w, _: discrimination.auprc(y, s, w, "davis_goadrich"),
        "AUPRC (Davis–Goadrich)",
        True,
        True,
        follows_prevalence=True,
    ),
    "partial_auroc@recall": Metric(
        lambda y, s, w, v: discrimination.partial_auroc(y, s, recall=(v, 1.0), corrected=True, weights=w),
        "partial AUROC, recall ≥ {}",
        True,
        True,
        True,
        "partial_auroc@specificity",
        at="recall",
        about="McClish's correction, 0.5 by chance",
    ),
    "partial_auroc@specificity": Metric(
        lambda y, s, w, v: discrimination.partial_auroc(y, s, specificity=(v, 1.0), corrected=True, weights=w),
        "partial AUROC, specificity ≥ {}",
        True,
        True,
        True,
        "partial_auroc@recall",
        at="specificity",
        about="McClish's correction, 0.5 by chance",
    ),
    "fpr@recall": _rate("fpr", "recall", "FPR", False),
    "specificity@recall": _rate("specificity", "recall", "Specificity", True),
    "precision@recall": _rate("precision", "recall", "Precision", True),
    "npv@recall": _rate("npv", "recall", "NPV", True, "the share of negatives among the cases not called"),
    "recall@specificity": _rate(
        "recall", "specificity", "Recall", True, "the highest recall with at least that specificity"
    ),
    "recall@threshold": _rate("recall", "threshold", "Recall", True),
    "fpr@threshold": _rate("fpr", "threshold", "FPR", False),
    "precision@threshold": _rate("precision", "threshold", "Precision", True),
    "brier": Metric(
        lambda y, s, w, _: calibration.brier(y, s, w),
        "Brier score",
        False,
        False,
        swapped="brier",
        follows_prevalence=True,
        probabilities=True,
    ),
    "ece": Metric(
        lambda y, s, w, _: calibration.expected_calibration_error(y, s, w), "ECE", False, False, probabilities=True
    ),
    "calibration_slope": Metric(
        lambda y, s, w, _: calibration.calibration_line(y, s, w).slope,
        "Calibration slope",
        None,
        False,
        swapped="calibration_slope",
        probabilities=True,
        unit_range=False,
    ),
    "calibration_intercept": Metric(
        lambda y, s, w, _: calibration.calibration_line(y, s, w).intercept_in_the_large,
        "Calibration in the large",
        None,
        False,
        probabilities=True,
        unit_range=False,
    ),
    "net_benefit@threshold": Metric(
        lambda y, s, w, v: utility.net_benefit(y, s, v, w),
        "Net benefit at {}",
        True,
        False,
        True,
        at="threshold",
        follows_prevalence=True,
        probabilities=True,
        unit_range=False,
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
        return self.metric.title.format(self._printed_value)

    @property
    def heading(self) -> str:
        """Title with the direction that is better: ``AUROC ↑``."""
        return self.title + {True: " ↑", False: " ↓", None: ""}[self.metric.higher_is_better]

    @property
    def canonical(self) -> str:
        """The name by which tables keep it: ``recall@specificity=0.95`` also where ``=0.950`` was asked for."""
        return f"{self.key}={self._printed_value}" if self.metric.argument else self.key

    @property
    def stem(self) -> str:
        """For a file's name: ``recall_at_specificity_0_95``."""
        return self.canonical.replace("@", "_at_").translate(str.maketrans("=.", "__"))

    @property
    def quantity(self) -> str:
        """What is measured, without where: ``recall`` of ``recall@specificity=0.95``."""
        return self.key.partition("@")[0]

    @property
    def where(self) -> str:
        """Where it is measured: ``specificity>=0.95``, ``threshold=0.5``; empty for a whole curve."""
        sign = "=" if self.metric.at == "threshold" else ">="
        return f"{self.metric.at}{sign}{self._printed_value}" if self.metric.at else ""

    @property
    def _printed_value(self) -> str:
        return f"{self.value:.12g}"

    def best(self, values: Any) -> float:  # noqa: ANN401
        """The best of several values, missing ones left aside; NaN where neither direction is better."""
        known = np.asarray(values, dtype=np.float64)
        known = known[~np.isnan(known)]
        if not known.size or self.metric.higher_is_better is None:
            return float("nan")
        return float(known.max() if self.metric.higher_is_better else known.min())

    def __call__(self, labels: Any, scores: Any, weights: Any = None) -> float:  # noqa: ANN401
        """The metric's value."""
        return self.metric.function(labels, scores, weights, self.value)


def named_metric(name: str) -> NamedMetric:
    """Read a metric's name.

    Example::

        >>> from benchmark.metrics import named_metric
        >>> metric = named_metric("fpr@recall=0.8")
        >>> metric.title, metric([1, 1, 0, 0], [0.9, 0.4, 0.5, 0.2])
        ('FPR at recall 0.8', 0.5)

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
    metric = METRICS[key]
    reached = 0 <= value <= 1 if key.startswith("partial_auroc") else 0 < value <= 1
    if not (reached or (metric.at == "threshold" and value == value)):
        raise SampleError(f"metric {name!r}: expected {key}=VALUE, such as {key}=0.8")
    return NamedMetric(name, key, value)
