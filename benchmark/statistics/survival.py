"""Intervals and paired differences of time-to-event measures, by a bootstrap over patients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations
from numbers import Integral
from typing import Any, Literal, get_args

import numpy as np
from scipy.special import expit, logit, ndtri

from benchmark.metrics.followup import TimeTies
from benchmark.metrics.inputs import Array, SampleError, check_level
from benchmark.statistics.bca import percentile_limits
from benchmark.statistics.bootstrap import draw_weights
from benchmark.statistics.differences import ALIKE, ONE_PATIENT, DifferenceLimits, gaps, percentile_difference
from benchmark.statistics.engine import block_generator, block_size, run_blocks
from benchmark.statistics.limits import Limits, undefined_note
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.paired_results import Difference, Estimate, PairedBootstrap
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.survival_engine import (
    OF_PROBABILITIES,
    SurvivalEngine,
    SurvivalSample,
    as_survival_sample,
)

SurvivalMethod = Literal["logit", "percentile"]
NO_VALUE = "no interval: the measure has no value"


def survival_bootstrap(
    time: Any,  # noqa: ANN401
    event: Any,  # noqa: ANN401
    risks: Any,  # noqa: ANN401
    times: Any,  # noqa: ANN401
    metrics: str | Iterable[str] = ("uno_c", "dynamic_auc"),
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedBootstrap:
    """Intervals of every model's time-to-event measures and of all differences, from one set of resamples.

    Patients are drawn with replacement, with all their cases and every model's risks, and not by stratum: the
    number of events varies as it would in another cohort. The curve of the censoring, and with it every weight, is
    estimated again in each resample. Estimates are the full sample's.

    Example::

        >>> from benchmark.statistics import Resampling, survival_bootstrap
        >>> time = [1 + (7 * k) % 60 / 10 for k in range(60)]
        >>> event = [int(k % 3 == 0) for k in range(60)]
        >>> first = [(6 - t) / 10 + (k % 5) / 20 for k, t in enumerate(time)]
        >>> second = [(k * 11) % 60 / 60 for k in range(60)]
        >>> found = survival_bootstrap(time, event, {"a": first, "b": second}, [2, 4], resampling=Resampling(300))
        >>> found.metrics
        ('uno_c@time=2', 'uno_c@time=4', 'dynamic_auc@time=2', 'dynamic_auc@time=4')
        >>> difference = found.difference("a", "b", "dynamic_auc@time=4")
        >>> 0 < difference.low < difference.difference < difference.high
        True

    Args:
        time: To the event or to the end of follow-up, in any one unit, ``(n,)``.
        event: 1 event, 0 censored, ``(n,)``.
        risks: Of each model on the same cases, by name: ``(n,)``, or a column for each time, ``(n, k)``.
        times: In the unit of ``time``, ascending.
        metrics: Of ``uno_c`` (τ being each time), ``dynamic_auc``, ``sybil_auc``, ``brier_at``; ``harrell_c`` (of
            the risk by the last time), ``mean_dynamic_auc``, ``integrated_brier``: see `benchmark.metrics`.
        clusters: Patient of each case, ``(n,)``; each case its own patient by default.
        level: Confidence level.
        resampling: Replicates, seed and threads; its ``stratified`` is of no use here.

    Returns:
        Estimates, differences and replicates. Values are named such as ``dynamic_auc@time=3``. ``p_holm`` is
        adjusted over all pairs of models and all times of a measure. Positives and negatives are cases with and
        without the event. Resamples without an answer count in no limit; the note says how many.

    Raises:
        SampleError: Missing or negative times, events other than 0/1, unpaired models, unknown measures, or a
            probability outside [0, 1] where a Brier score is asked for.
    """
    sample = as_survival_sample(time, event, risks, times, clusters)
    return survival_bootstrap_of(sample, metrics, level=level, resampling=resampling)


def survival_bootstrap_of(
    sample: SurvivalSample,
    metrics: str | Iterable[str] = ("uno_c", "dynamic_auc"),
    *,
    ties: TimeTies = "textbook",
    method: SurvivalMethod = "logit",
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> PairedBootstrap:
    """`survival_bootstrap` of a sample that is checked already.

    Example::

        >>> from benchmark.statistics import Resampling, as_survival_sample, survival_bootstrap_of
        >>> time, event = [1 + k % 7 for k in range(40)], [int(k % 3 == 0) for k in range(40)]
        >>> sample = as_survival_sample(time, event, {"a": [-t + k % 4 for k, t in enumerate(time)]}, [2, 4])
        >>> found = survival_bootstrap_of(sample, "harrell_c", method="percentile", resampling=Resampling(100))
        >>> found.estimates[0].method
        'percentile'

    Args:
        sample: Follow-up, risks and patients.
        metrics: As of `survival_bootstrap`.
        ties: ``textbook`` or ``sksurv``: see `benchmark.metrics.dynamic_auc`.
        method: Of the estimates' limits. ``logit``: a normal interval on the logit scale, with the standard
            deviation of the replicates. ``percentile``: quantiles of the replicates.
        level: Confidence level.
        resampling: Replicates, seed and threads; its ``stratified`` is of no use here.

    Raises:
        SampleError: As `survival_bootstrap`, or an unknown method or rule for ties.
    """
    check_level(level)
    if method not in get_args(SurvivalMethod):
        raise SampleError(f"method {method!r}: choose from {', '.join(get_args(SurvivalMethod))}")
    engine = SurvivalEngine(sample, metrics, ties)
    resampling = resampling.seeded()
    point, drawn = engine.point(), survival_replicates(engine, resampling)
    estimates = [
        _estimate(model, name, float(point[k, i]), drawn[k, i], method, level, sample.smaller_class(name))
        for k, name in enumerate(engine.names)
        for i, model in enumerate(sample.models)
    ]
    differences = _differences(engine, point, drawn, level)
    notes = {found.note for found in estimates} | {found.note for found in differences}
    n_positive = int(sample.followup.event.sum())
    return PairedBootstrap(
        estimates=tuple(estimates),
        differences=tuple(differences),
        models=sample.models,
        metrics=engine.names,
        samples=drawn,
        method=method,
        level=level,
        replicates=resampling.replicates,
        seed=resampling.root,
        n_positive=n_positive,
        n_negative=sample.followup.n - n_positive,
        n_clusters=sample.n_clusters,
        redrawn=0,
        stratified=False,
        notes=tuple(sorted(notes - {""})),
    )


def survival_replicates(engine: SurvivalEngine, resampling: Resampling) -> Array:
    """Values of all models on the same resamples of patients, ``(names, models, replicates)``.

    Raises:
        SampleError: No replicate was asked for.
    """
    replicates, columns = resampling.replicates, engine.sample.n_clusters
    if not isinstance(replicates, Integral) or replicates < 1:
        raise SampleError(f"replicates {replicates!r}: expected a whole number, at least 1")
    size, everyone = block_size(columns), [np.arange(columns)]
    out = np.empty((len(engine.names), len(engine.sample.models), replicates))

    def work(block: int, start: int) -> None:
        count = min(size, replicates - start)
        weights = draw_weights(block_generator(resampling.root, block), everyone, size)
        out[:, :, start : start + count] = engine.values(weights[:, :count])

    run_blocks(work, replicates, size, resampling.workers)
    return out


def _estimate(
    model: str, name: str, value: float, samples: Array, method: str, level: float, few: int
) -> Estimate:
    known = samples[np.isfinite(samples)]
    spread = float(np.std(known, ddof=1)) if known.size > 1 else math.nan
    if few < 2 and not name.startswith(OF_PROBABILITIES):
        # A rank of one patient does not vary between resamples that have it.
        found = Limits(math.nan, math.nan, "", ONE_PATIENT if math.isfinite(value) else NO_VALUE)
    else:
        found = _limits(value, known, spread, method, level)
    note = "; ".join(part for part in (found.note, undefined_note(samples)) if part)
    return Estimate(model, name, value, found.low, found.high, spread, found.method, note)


def _limits(value: float, known: Array, spread: float, method: str, level: float) -> Limits:
    if not math.isfinite(value):
        return Limits(math.nan, math.nan, "", NO_VALUE)
    if not spread > 0:
        return Limits(math.nan, math.nan, "", "no interval: resampling gives no width")
    if method == "percentile":
        return Limits(*percentile_limits(known, level), method)
    if not 0 < value < 1:
        return Limits(math.nan, math.nan, "", f"no interval on the logit scale: a value of {value:g}")
    reach = float(ndtri((1 + level) / 2)) * spread / (value * (1 - value))
    return Limits(float(expit(logit(value) - reach)), float(expit(logit(value) + reach)), "logit")


def _differences(engine: SurvivalEngine, point: Array, drawn: Array, level: float) -> list[Difference]:
    """Of all pairs, with Holm's adjustment over the pairs and times of each measure."""
    out: list[Difference] = []
    for measure in engine.metrics:
        rows = [k for k, name in enumerate(engine.names) if engine.measure_of()[name] == measure]
        family = [
            _difference(engine, k, pair, point[k], drawn[k], level)
            for k in rows
            for pair in combinations(range(len(engine.sample.models)), 2)
        ]
        adjusted = holm([found.p_value for found in family])
        out.extend(replace(found, p_holm=float(p)) for found, p in zip(family, adjusted, strict=True))
    return out


def _difference(
    engine: SurvivalEngine, k: int, pair: tuple[int, int], points: Array, drawn: Array, level: float
) -> Difference:
    """The difference of models i and j in the k-th value.

    Args:
        engine: Models and names.
        k: Number of the value.
        pair: i and j.
        points: The value of every model on the sample, ``(models,)``.
        drawn: Replicates, ``(models, b)``.
        level: Confidence level.
    """
    i, j = pair
    value, values = float(gaps(points[i], points[j])), gaps(drawn[i], drawn[j])
    known = values[np.isfinite(values)]
    spread = float(np.std(known, ddof=1)) if known.size > 1 else math.nan
    statistic = value / spread if spread > 0 else (0.0 if value == 0 else math.nan)
    few = engine.sample.smaller_class(engine.names[k])
    found = _difference_limits(few, value, known, level)
    note = "; ".join(part for part in (found.note, undefined_note(values)) if part)
    models = engine.sample.models[i], engine.sample.models[j]
    ends = (value, found.low, found.high, spread, statistic, found.p_value, math.nan)
    return Difference(engine.names[k], *models, *ends, found.attainable_p, found.method, note)


def _difference_limits(few: int, value: float, known: Array, level: float) -> DifferenceLimits:
    nothing = DifferenceLimits(math.nan, math.nan, math.nan, 0.0, "", ONE_PATIENT)
    if not known.size or not math.isfinite(value):
        return replace(nothing, note=NO_VALUE)
    if few < 2:
        return nothing
    if not known.any() and value == 0:
        return replace(nothing, p_value=1.0, note=ALIKE)
    if np.ptp(known) == 0:
        return replace(nothing, note="no interval: the difference is the same in all resamples")
    return percentile_difference(known, few, level)
