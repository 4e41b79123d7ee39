"""Checking labels, scores and weights once, so that every metric sees the same clean arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import Problem
from benchmark.metrics.sequences import SampleError as SampleError
from benchmark.metrics.sequences import as_numbers, as_objects

Array = npt.NDArray[np.float64]
Labels = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int64]


def as_labels(labels: Any, name: str = "labels") -> Labels:  # noqa: ANN401 - any sequence of 0/1
    """Labels as booleans, ``(n,)``.

    Args:
        labels: 0/1 as bool, int or float, in any sequence that `as_numbers` takes.
        name: What to call them in a message.

    Raises:
        SampleError: A value is missing or neither 0 nor 1, or the input is empty or not one-dimensional.
    """
    values = as_numbers(labels, name)
    wrong = ~((values == 0) | (values == 1))
    if wrong.any():
        found = ", ".join(str(v) for v in np.unique(values[wrong])[:5])
        raise SampleError(
            Problem(
                f"{name}: {int(wrong.sum())} of {values.size} values are neither 0 nor 1 ({found})",
                "drop the cases without a label, code malignant as 1 and benign as 0",
            )
        )
    return np.asarray(values == 1)


def as_scores(scores: Any, name: str = "scores") -> Array:  # noqa: ANN401 - any sequence of numbers
    """Scores as float64, ``(n,)``, every one finite.

    Raises:
        SampleError: A score is missing or infinite, or the input is empty or not one-dimensional.
    """
    values = as_numbers(scores, name)
    wrong = ~np.isfinite(values)
    if wrong.any():
        raise SampleError(
            Problem(
                f"{name}: {int(wrong.sum())} of {values.size} values are missing or infinite",
                "compare models on the cases that every one of them scored",
            )
        )
    return values


def as_probabilities(scores: Any, name: str = "scores") -> Array:  # noqa: ANN401 - any sequence of numbers
    """Scores as float64 within [0, 1], ``(n,)``.

    Raises:
        SampleError: As `as_scores`, or a score lies outside [0, 1]; no logit is guessed.
    """
    values = as_scores(scores, name)
    outside = int(((values < 0) | (values > 1)).sum())
    if outside:
        raise SampleError(
            Problem(
                f"{name}: {outside} of {values.size} values lie outside [0, 1] "
                f"(from {values.min():g} to {values.max():g})",
                "calibration and net benefit need probabilities: calibrate the scores first",
            )
        )
    return values


def as_weights(weights: Any, n: int) -> Array | None:  # noqa: ANN401 - any sequence of numbers
    """Case weights as float64, ``(n,)``, or None when there are none.

    Raises:
        SampleError: A weight is negative or not finite, all are 0, or their number is not ``n``.
    """
    if weights is None:
        return None
    values = as_scores(weights, "weights")
    if values.size != n:
        raise SampleError(f"weights: {values.size} values for {n} cases")
    if (values < 0).any():
        raise SampleError(f"weights: {int((values < 0).sum())} values are negative")
    if not values.any():
        raise SampleError(Problem(f"weights: all {n} are 0", "give one case a weight at least"))
    return values


def as_sample(
    labels: Any,  # noqa: ANN401 - any sequence of 0/1
    scores: Any,  # noqa: ANN401 - any sequence of numbers
    weights: Any = None,  # noqa: ANN401 - any sequence of numbers
    *,
    both_classes: bool = True,
    probabilities: bool = False,
) -> tuple[Labels, Array, Array | None]:
    """Labels, scores and weights of one sample, checked together.

    Sequences go by position. Only two pandas Series are matched by their index, as ids of the cases (`matched`).

    Example::

        >>> from benchmark.metrics import as_sample
        >>> labels, scores, weights = as_sample([1, 0, True], [2, 1, 3])
        >>> labels.tolist(), scores.tolist(), weights is None
        ([True, False, True], [2.0, 1.0, 3.0], True)

    Returns:
        Labels ``(n,)``, scores ``(n,)``, weights ``(n,)`` or None.

    Raises:
        SampleError: What `as_labels`, `as_scores` or `as_weights` refuse, lengths that differ, ids that
            differ, or a class without a case (with positive weight) where ``both_classes``.
    """
    scores = matched(labels, scores, "scores")
    truth = as_labels(labels)
    values = as_probabilities(scores) if probabilities else as_scores(scores)
    if values.size != truth.size:
        raise SampleError(f"{truth.size} labels but {values.size} scores")
    mass = as_weights(matched(labels, weights, "weights"), truth.size)
    if both_classes:
        present = truth if mass is None else truth[mass > 0]
        if not present.any() or present.all():
            count = int(present.sum())
            raise SampleError(
                Problem(
                    f"{count} positives and {present.size - count} negatives",
                    "discrimination needs at least one of each",
                )
            )
    return truth, values, mass


def matched(reference: Any, other: Any, name: str) -> Any:  # noqa: ANN401 - any sequence
    """``other`` in the row order of ``reference`` when both are pandas Series, else ``other`` as it is.

    The same ids in another order are brought into the order of ``reference``. An index 0, 1, 2, ... holds no ids,
    it is what pandas numbers rows with: beside the same numbers in another order, as in a shuffled table, it is
    refused.

    Raises:
        SampleError: The ids (index) of the two differ, with the counts, or may be no ids.
    """
    left, right = getattr(reference, "index", None), getattr(other, "index", None)
    if left is None or right is None or callable(left) or callable(right) or left.equals(right):
        return other
    shared = int(left.isin(right).sum())
    if len(left) == len(right) == shared and left.is_unique and right.is_unique:
        numbered = pd.RangeIndex(len(left))
        if left.equals(numbered) or right.equals(numbered):
            raise SampleError(
                Problem(
                    f"{name}: one index counts 0, 1, 2, ..., the other has the same numbers in another order",
                    "give both the ids of the cases as index (set_index), or go by position (.to_numpy())",
                )
            )
        return other.reindex(left)
    raise SampleError(
        Problem(
            f"{name}: the ids differ: {shared} of {len(left)} labelled cases have one, "
            f"{len(right) - int(right.isin(left).sum())} of {len(right)} belong to no labelled case",
            "restrict both to the cases that they share, or go by position (.to_numpy())",
        )
    )


def cluster_codes(clusters: Any, n: int) -> tuple[Codes, int]:  # noqa: ANN401
    """Codes 0..c-1 of the patients in order of first appearance, ``(n,)``, and their number.

    Raises:
        SampleError: Their number is not ``n``, or an id is missing.
    """
    if clusters is None:
        return np.arange(n, dtype=np.int64), n
    values = as_objects(clusters, "clusters")
    if len(values) != n:
        raise SampleError(f"{n} cases but {len(values)} patient ids (clusters)")
    codes, found = pd.factorize(values)
    if (codes < 0).any():
        raise SampleError(
            Problem(
                f"clusters: {int((codes < 0).sum())} of {n} cases have no patient id",
                "give every case its patient",
            )
        )
    return codes.astype(np.int64), len(found)


def check_level(level: float) -> None:
    """Refuse a confidence level that is not above 0 and below 1.

    Raises:
        SampleError: Such as 95, which is meant as 0.95.
    """
    if not 0 < level < 1:
        raise SampleError(Problem(f"level {level!r} is not within 0..1", "give a share, such as 0.95"))
