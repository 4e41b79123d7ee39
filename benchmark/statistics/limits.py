"""Limits of one metric from its replicates, and what stands in where resampling gives none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.inputs import Array, Codes, SampleError
from benchmark.metrics.registry import NamedMetric
from benchmark.statistics.bca import bca_limits, percentile_limits
from benchmark.statistics.conservative import AREAS, NEAR, Conservative, conservative_interval
from benchmark.statistics.samples import Sample

METHODS = ("auto", "percentile", "bca")

WIDER = "wider"

SMALL_CLASS = 10
"""With fewer patients in a class resampling covers an AUPRC too rarely (`results/coverage.md`)."""


@dataclass(frozen=True)
class Limits:
    """An interval and where it comes from.

    Attributes:
        low: Lower limit; NaN where there is none.
        high: Upper limit.
        method: ``percentile``, ``bca``, or what stood in: ``newcombe``, ``logit``, ``separation``,
            ``clopper_pearson``; ``wider``: the wider of percentile and Clopper and Pearson's limits at either end;
            empty without an interval.
        note: What a reader must know; empty when nothing.
    """

    low: float
    high: float
    method: str
    note: str = ""


def chosen_method(method: str, metric: object) -> str:
    """``auto`` is ``bca`` for areas and other metrics, ``percentile`` for rates at a chosen threshold.

    Raises:
        SampleError: An unknown method.
    """
    if method not in METHODS:
        raise SampleError(f"method {method!r}: choose from {', '.join(METHODS)}")
    if method != "auto":
        return method
    return "percentile" if isinstance(metric, NamedMetric) and metric.metric.argument else "bca"


def usual_method(metric: NamedMetric) -> str:
    """What gives a metric's limits where nothing stands in (`Limits`); of AUROC DeLong's on the logit scale."""
    if metric.key == "auroc":
        return "logit"
    return WIDER if _errors_fixed(metric) else chosen_method("auto", metric)


def estimate_limits(
    sample: Sample,
    metric: object,
    value: float,
    samples: Array,
    left_out: Array | None,
    strata: list[Codes],
    method: str,
    level: float,
) -> Limits:
    """Limits of one model's metric.

    Args:
        sample: Cases of this model alone.
        metric: The metric.
        value: Its value on the sample.
        samples: Replicates, ``(b,)``.
        left_out: Values with one patient left out, for BCa.
        strata: Patients of each stratum.
        method: One of ``METHODS``.
        level: Confidence level.
    """
    notes, known = [undefined_note(samples)], samples[np.isfinite(samples)]
    used = chosen_method(method, metric)
    if not known.size or not math.isfinite(value):
        return Limits(math.nan, math.nan, "", _joined_notes([*notes, "no interval: the metric has no value"]))
    few = sample.smaller_class()
    if method == "auto" and isinstance(metric, NamedMetric) and metric.key in AREAS and few < SMALL_CLASS:
        return _instead(sample, metric, value, level, [*notes, f"{few} patients in a class, under {SMALL_CLASS}"])
    undefined = ""
    if used == "bca" and left_out is not None:
        low, high, undefined = bca_limits(known, value, left_out, strata, level)
    else:
        low, high = percentile_limits(known, level)
    if high - low <= NEAR * max(1.0, abs(value)):
        return _instead(sample, metric, value, level, [*notes, "resampling gives no width"])
    if undefined:
        other = conservative_interval(sample, metric, value)
        if other is not None:
            return _instead(sample, metric, value, level, [*notes, undefined])
        used = "percentile"
        notes.append(f"percentile limits: {undefined}")
    if _is_rate(metric) and not NEAR < value < 1 - NEAR:
        other = conservative_interval(sample, metric, value)
        if other is not None:
            return _wider(other, low, high, value, level, notes)
    if _errors_fixed(metric):
        other = conservative_interval(sample, metric, value)
        if other is not None:
            least, most = other.at(level)
            return Limits(min(low, least), max(high, most), WIDER, _joined_notes(notes))
    return Limits(low, high, used, _joined_notes(notes))


def undefined_note(samples: Array) -> str:
    """How many replicates have no value and count in no limit; empty when none."""
    missing = int((~np.isfinite(samples)).sum())
    return f"{missing} of {samples.size} replicates have no value and are left out" if missing else ""


def _instead(sample: Sample, metric: object, value: float, level: float, notes: list[str]) -> Limits:
    """The conservative interval, or none with the reason."""
    found = conservative_interval(sample, metric, value)
    if found is None:
        return Limits(math.nan, math.nan, "", _joined_notes(["no interval", *notes]))
    low, high = found.at(level)
    return Limits(min(low, value), max(high, value), found.method, _joined_notes(notes))


def _wider(found: Conservative, low: float, high: float, value: float, level: float, notes: list[str]) -> Limits:
    """A rate of 0 or 1: few replicates reach beyond it, so the binomial limits are held at least."""
    least, most = found.at(level)
    if low <= least and most <= high:
        return Limits(low, high, "percentile", _joined_notes(notes))
    return Limits(
        min(low, least), max(high, most), found.method, _joined_notes([*notes, f"a rate of {value:.0f}"])
    )


def _is_rate(metric: object) -> bool:
    return isinstance(metric, NamedMetric) and metric.metric.rate is not None


def _errors_fixed(metric: object) -> bool:
    """Whether the argument fixes how many errors a rate counts: a recall of 0.9 the positives not called.

    In every resample they are as few as at the estimate, or fewer, so percentile limits of an NPV sit too high: of
    400 samples each of 20 + 40, 30 + 150 and 100 + 400 patients they covered 78, 84 and 91 %.
    """
    if not isinstance(metric, NamedMetric) or metric.metric.rate is None:
        return False
    return metric.metric.rate.among == "not called" and metric.metric.at == "recall"


def _joined_notes(notes: list[str]) -> str:
    return "; ".join(part for part in notes if part)
