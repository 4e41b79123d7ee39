"""AUROC of a model against the mean of readers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy

from benchmark.metrics.inputs import check_level
from benchmark.metrics.sequences import as_columns
from benchmark.statistics.delong import structural_components
from benchmark.statistics.differences import ONE_PATIENT
from benchmark.statistics.samples import Sample, as_paired_sample


@dataclass(frozen=True)
class AgainstReaders:
    """AUROC of a model against the mean of readers.

    Attributes:
        auroc: Of the model.
        readers: Mean over the readers.
        difference: Model minus mean of the readers.
        error: Its standard error.
        df: Degrees of freedom.
        low: Lower limit.
        high: Upper limit.
        p_value: Two-sided, that the difference is 0.
        n_readers: Readers.
        note: What a user must know; empty when nothing.
    """

    auroc: float
    readers: float
    difference: float
    error: float
    df: float
    low: float
    high: float
    p_value: float
    n_readers: int
    note: str = ""


def model_against_readers(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    ratings: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    *,
    level: float = 0.95,
) -> AgainstReaders:
    """AUROC of a model minus the mean AUROC of readers, readers and cases random.

    Obuchowski and Rockette's model for the differences ``d_j`` = model − reader j, which all hold the same model:
    with r readers, ``MS`` the variance of ``d_j`` and ``Cov`` the mean covariance over cases of two of them, the
    squared error of their mean is ``(MS + r max(Cov, 0)) / r`` with Hillis's degrees of freedom
    ``(MS + r max(Cov, 0))² / (MS² / (r − 1))``: `mrmc` of two modalities, one of which is the model for every
    reader. Hillis, Stat Med 2007;26:596; Chakraborty, Observer Performance Methods for Diagnostic Imaging, CRC
    2017 (standalone CAD). One reader: DeLong's test, the reader as is.

    Example::

        >>> from benchmark.statistics import model_against_readers
        >>> labels = [1, 1, 1, 0, 0, 0] * 10
        >>> scores = [(7 * k) % 11 + 4 * y for k, y in enumerate(labels)]
        >>> ratings = {f"r{j}": [(j * k) % 5 + 2 * y for k, y in enumerate(labels)] for j in (2, 3)}
        >>> found = model_against_readers(labels, scores, ratings)
        >>> round(found.auroc, 3), round(found.readers, 3), found.low < found.difference < found.high
        (0.791, 0.82, True)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Of the model, ``(n,)``.
        ratings: Reader → rating of each case, ``(n,)`` each.
        clusters: Patient of each case, ``(n,)``.
        level: Confidence level.

    Raises:
        SampleError: Missing values, labels other than 0/1, lengths that differ, a class without a case.
    """
    check_level(level)
    named = {f"reader {k}": values for k, values in enumerate(as_columns(ratings, "ratings").values())}
    return model_against_readers_of(as_paired_sample(labels, {"": scores, **named}, clusters), level=level)


def model_against_readers_of(sample: Sample, *, level: float = 0.95) -> AgainstReaders:
    """`model_against_readers` of a sample that is checked already: the model in the first row."""
    components = structural_components(sample)
    areas, covariance = components.auroc, components.covariance
    gaps = areas[0] - areas[1:]
    r = gaps.size
    value = float(gaps.mean())
    between = covariance[0, 0] - covariance[0, 1:][None, :] - covariance[1:, 0][:, None] + covariance[1:, 1:]
    note = ""
    if r > 1:
        spread = float(gaps.var(ddof=1))
        whole = spread + r * max(float(between[~np.eye(r, dtype=bool)].mean()), 0.0)
        df = whole**2 / (spread**2 / (r - 1)) if spread > 0 else math.inf
        error = math.sqrt(whole / r)
    else:
        error, df = math.sqrt(max(float(between[0, 0]), 0.0)), math.inf
        note = "one reader, taken as is: nothing is said of other readers"
    whole_row = AgainstReaders(
        auroc=float(areas[0]), readers=float(areas[1:].mean()), difference=value, error=error, df=df,
        low=math.nan, high=math.nan, p_value=math.nan, n_readers=r, note=note,
    )  # fmt: skip
    if not error > 0:
        nothing = "no interval: the differences have no spread" if error == 0 else ONE_PATIENT
        return replace(whole_row, df=math.nan, note="; ".join(filter(None, (note, nothing))))
    half = error * float(scipy.stats.t.ppf((1 + level) / 2, df))
    p_value = 2 * float(scipy.stats.t.sf(abs(value) / error, df))
    return replace(whole_row, low=value - half, high=value + half, p_value=p_value)
