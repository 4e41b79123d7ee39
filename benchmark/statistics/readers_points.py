"""A model at each reader's own recall or specificity."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from benchmark.metrics.inputs import Array, SampleError, as_scores, check_level
from benchmark.metrics.sequences import as_columns
from benchmark.statistics.bca import strata_of
from benchmark.statistics.bootstrap import draw_valid_weights
from benchmark.statistics.conservative import NEAR
from benchmark.statistics.differences import ONE_PATIENT, percentile_difference
from benchmark.statistics.engine import block_generator, block_size, run_blocks
from benchmark.statistics.multiplicity import holm
from benchmark.statistics.resampling import DEFAULT_RESAMPLING, Resampling
from benchmark.statistics.samples import Sample, as_paired_sample

Matched = Literal["recall", "specificity"]
NO_SPREAD = "no interval: the difference is the same in all resamples"


@dataclass(frozen=True)
class MatchedReader:
    """A model at the recall (or specificity) of a reader.

    Attributes:
        reader: The reader; empty for the mean of all readers.
        recall: Of the reader's calls.
        specificity: Of the reader's calls.
        model_recall: Of the model at the matched point.
        model_specificity: Of the model at the matched point.
        difference: Model minus reader in what was not matched.
        low: Lower limit; NaN where there is none.
        high: Upper limit.
        p_value: Two-sided, that the difference is 0.
        p_holm: The same, adjusted for the number of readers; NaN for their mean.
        note: What a user must know; empty when nothing.
    """

    reader: str
    recall: float
    specificity: float
    model_recall: float
    model_specificity: float
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    note: str = ""


def model_at_readers_points(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    calls: Any,  # noqa: ANN401
    matched: Matched = "recall",
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> tuple[MatchedReader, ...]:
    """A model's specificity at each reader's recall, or its recall at each reader's specificity.

    The model's threshold is the highest that calls at least as many positives as the reader (or the lowest that
    calls at most as many negatives). In each resample of the patients the reader's rates are those of the
    resample, and the threshold is chosen again; limits are expanded percentile limits (`percentile_difference`).
    Readers are taken as they are: the mean is of these readers.

    Example::

        >>> from benchmark.statistics import Resampling, model_at_readers_points
        >>> labels = [1, 1, 1, 0, 0, 0] * 10
        >>> scores = [0.9, 0.8, 0.3, 0.4, 0.2, 0.1] * 10
        >>> calls = {"r1": [1, 1, 0, 1, 0, 0] * 10, "r2": [1, 0, 0, 0, 0, 0] * 10}
        >>> found = model_at_readers_points(labels, scores, calls, resampling=Resampling(200, seed=1))
        >>> [(one.reader, round(one.specificity, 3), round(one.model_specificity, 3)) for one in found]
        [('r1', 0.667, 1.0), ('r2', 1.0, 1.0), ('', 0.833, 1.0)]

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Of the model, ``(n,)``.
        calls: Reader → 1 where the reader calls a case positive, else 0, ``(n,)`` each.
        matched: What the model shares with the reader.
        clusters: Patient of each case, ``(n,)``; patients are drawn.
        level: Confidence level.
        resampling: Replicates, seed and threads.

    Returns:
        One a reader, in the order given, then their mean.

    Raises:
        SampleError: Missing values, labels or calls other than 0/1, lengths that differ, a class without a case.
    """
    check_level(level)
    if matched not in get_args(Matched):
        raise SampleError(f"matched {matched!r}: choose from {', '.join(get_args(Matched))}")
    given = {
        str(name): as_scores(values, f"calls of {name}") for name, values in as_columns(calls, "calls").items()
    }
    wrong = [name for name, values in given.items() if not np.isin(values, (0, 1)).all()]
    if wrong or not given:
        raise SampleError(f"calls: expected 1 and 0 of one reader at least, not so for {wrong}")
    sample = as_paired_sample(
        labels, {"": scores, **{f"reader {k}": v for k, v in enumerate(given.values())}}, clusters
    )
    return matched_readers(sample, list(given), matched, level=level, resampling=resampling)


def matched_readers(
    sample: Sample,
    readers: Sequence[str],
    matched: Matched,
    *,
    level: float = 0.95,
    resampling: Resampling = DEFAULT_RESAMPLING,
) -> tuple[MatchedReader, ...]:
    """`model_at_readers_points` of a sample that is checked already.

    Args:
        sample: The model's scores in the first row, each reader's calls in the others.
        readers: Their names.
        matched: What the model shares with the reader.
        level: Confidence level.
        resampling: Replicates, seed and threads.
    """
    resampling = resampling.seeded()
    point = _rates(sample, np.ones((sample.n_clusters, 1)), matched)[:, :, 0]
    drawn = _drawn_differences(sample, matched, resampling)
    rows = [
        _with_limits(name, rates, samples, sample, matched, level)
        for name, rates, samples in zip(readers, point, drawn, strict=True)
    ]
    adjusted = holm([row.p_value for row in rows])
    rows = [replace(row, p_holm=float(p)) for row, p in zip(rows, adjusted, strict=True)]
    return (*rows, _with_limits("", point.mean(axis=0), drawn.mean(axis=0), sample, matched, level))


def _with_limits(
    name: str, rates: Array, samples: Array, sample: Sample, matched: Matched, level: float
) -> MatchedReader:
    """A reader's row from the four rates and the replicates of the difference."""
    recall, specificity, model_recall, model_specificity = map(float, rates)
    gain = model_specificity - specificity if matched == "recall" else model_recall - recall
    nan = math.nan
    row = MatchedReader(
        name,
        recall,
        specificity,
        model_recall,
        model_specificity,
        gain,
        low=nan,
        high=nan,
        p_value=nan,
        p_holm=nan,
    )
    if sample.smaller_class() < 2:
        return replace(row, note=ONE_PATIENT)
    if np.ptp(samples) <= NEAR:
        return replace(row, note=NO_SPREAD)
    found = percentile_difference(samples, sample.smaller_class(), level)
    return replace(row, low=found.low, high=found.high, p_value=found.p_value, note=found.note)


def _drawn_differences(sample: Sample, matched: Matched, resampling: Resampling) -> Array:
    """Replicates of model minus reader in what was not matched, ``(readers, b)``."""
    strata, size = strata_of(sample, resampling.stratified), block_size(sample.n_clusters)
    out = np.empty((len(sample.scores) - 1, resampling.replicates))

    def work(block: int, start: int) -> None:
        count = min(size, resampling.replicates - start)
        weights = draw_valid_weights(block_generator(resampling.root, block), strata, size, sample)[:, :count]
        recall, specificity, model_recall, model_specificity = _rates(sample, weights, matched).transpose(1, 0, 2)
        gain = model_specificity - specificity if matched == "recall" else model_recall - recall
        out[:, start : start + count] = gain

    run_blocks(work, resampling.replicates, size, resampling.workers)
    return out


def _rates(sample: Sample, weights: Array, matched: Matched) -> Array:
    """Recall and specificity of readers, then of the model at the matched point, ``(readers, 4, b)``."""
    mass = weights[sample.clusters]
    positive, negative = mass * sample.labels[:, None], mass * ~sample.labels[:, None]
    scores, calls = sample.scores[0], sample.scores[1:]
    order = np.argsort(scores, kind="stable")[::-1]
    ranked = scores[order]
    last = np.append(np.flatnonzero(ranked[1:] != ranked[:-1]), ranked.size - 1)
    none = np.zeros((1, weights.shape[1]))
    tp, fp = (np.vstack((none, np.cumsum(part[order], axis=0)[last])) for part in (positive, negative))
    own_tp, own_fp = calls @ positive, calls @ negative
    columns = np.arange(weights.shape[1])
    out = np.empty((len(calls), 4, weights.shape[1]))
    for k in range(len(calls)):
        place = (tp < own_tp[k]).sum(axis=0) if matched == "recall" else (fp <= own_fp[k]).sum(axis=0) - 1
        out[k] = [
            own_tp[k] / tp[-1],
            1 - own_fp[k] / fp[-1],
            tp[place, columns] / tp[-1],
            1 - fp[place, columns] / fp[-1],
        ]
    return out
