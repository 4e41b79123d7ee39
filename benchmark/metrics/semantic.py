"""AUROC of a radiologist's semantic feature: binary, of several classes, or several labels at once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmark.errors import Problem
from benchmark.metrics.discrimination import auroc
from benchmark.metrics.inputs import Array, SampleError, as_scores
from benchmark.metrics.sequences import as_columns, as_objects

MINIMUM = 5
"""Fewest positives, and negatives, that a class needs for a number."""


@dataclass(frozen=True)
class SemanticAuroc:
    """AUROC of one feature.

    Attributes:
        auroc: Of the feature; NaN with the reason in ``note``.
        by_class: Of each class that has enough cases, one against the rest.
        n: Cases with a value.
        n_positive: Cases of each class.
        too_few: Classes left out because they, or the rest, have too few cases.
        note: ``too few`` with the counts, or empty.
    """

    auroc: float
    by_class: dict[str, float]
    n: int
    n_positive: dict[str, int]
    too_few: tuple[str, ...]
    note: str = ""


def semantic_auroc(
    values: Sequence[Any],
    scores: Mapping[str, Any],
    kind: Literal["classes", "labels"] = "classes",
    minimum: int = MINIMUM,
) -> SemanticAuroc:
    """One-vs-rest AUROC of a semantic feature, over the cases that have a value.

    Example::

        >>> from benchmark.metrics import semantic_auroc
        >>> values = ["solid", "part-solid", "solid", None, "part-solid"]
        >>> found = semantic_auroc(values, {"part-solid": [0.2, 0.9, 0.4, 0.5, 0.3]}, minimum=2)
        >>> found.auroc, found.n
        (0.75, 4)

    Args:
        values: Value of each case, ``(n,)``: the name of its class, or for ``labels`` the names of all that
            apply (an empty collection is a case where none applies). None and NaN are missing and left out.
        scores: Score of each case for every class, ``(n,)`` each. A binary feature may give both of its
            classes, or only the one that counts as positive.
        kind: ``classes``: each case has one class; the AUROC is the mean over classes weighted by their
            cases, as in scikit-learn's weighted one-vs-rest. ``labels``: a case may have several; the plain
            mean over labels.
        minimum: Fewest positives and negatives that a class needs.

    Raises:
        SampleError: A value that has no scores, scores of another length or missing, an unknown kind.
    """
    if kind not in ("classes", "labels"):
        raise SampleError(f"kind {kind!r}: choose from classes, labels")
    columns = {name: as_scores(given, f"scores of {name}") for name, given in as_columns(scores, "scores").items()}
    members = [_members(value, kind) for value in as_objects(values, "values")]
    _check_lengths(members, columns, kind)
    present = np.array([member is not None for member in members])
    truth = {name: np.array([member is not None and name in member for member in members]) for name in columns}
    counts = {name: int(truth[name][present].sum()) for name in columns}
    n = int(present.sum())
    enough = [name for name in columns if minimum <= counts[name] <= n - minimum and counts[name] not in (0, n)]
    too_few = tuple(name for name in columns if name not in enough)
    by_class = {name: auroc(truth[name][present], columns[name][present]) for name in enough}
    if not by_class:
        found = ", ".join(f"{name} {count}" for name, count in counts.items())
        return SemanticAuroc(math.nan, {}, n, counts, too_few, f"too few: {found} of {n}")
    weights = [counts[name] if kind == "classes" else 1 for name in enough]
    mean = float(np.average(list(by_class.values()), weights=weights))
    note = f"without {', '.join(too_few)}: too few cases" if too_few else ""
    return SemanticAuroc(mean, by_class, n, counts, too_few, note)


def _members(value: Any, kind: str) -> frozenset[str] | None:  # noqa: ANN401
    """Classes of one case, None when its value is missing."""
    if kind == "labels" and isinstance(value, Iterable) and not isinstance(value, str):
        return frozenset(map(str, value))
    return None if value is None or pd.isna(value) else frozenset([str(value)])


def _check_lengths(members: list[frozenset[str] | None], columns: Mapping[str, Array], kind: str) -> None:
    problems = [
        Problem(f"scores of {name}: {column.size} values for {len(members)} cases")
        for name, column in columns.items()
        if column.size != len(members)
    ]
    found = {name for member in members if member is not None for name in member}
    unknown = sorted(found - set(columns))
    # A binary feature given by its positive class only: the one other value is the negative class.
    if unknown and not (kind == "classes" and len(columns) == 1 and len(unknown) == 1):
        problems.append(
            Problem(f"no scores for the values {', '.join(map(repr, unknown))}", "give scores for every class")
        )
    if problems or not columns:
        raise SampleError(problems or "no scores: give those of one class at least")
