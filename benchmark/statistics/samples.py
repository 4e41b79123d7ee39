"""One cohort ready for statistics: labels, every model's scores, and the patients that cases belong to."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.errors import Problem
from benchmark.metrics.inputs import (
    Array,
    Codes,
    Labels,
    SampleError,
    as_labels,
    as_scores,
    cluster_codes,
    matched,
)
from benchmark.metrics.sequences import as_columns, as_ids


@dataclass(frozen=True)
class Sample:
    """Cases with their label, patient, and the scores of one or more models.

    Attributes:
        labels: True for positives, ``(n,)``.
        scores: Scores by model, ``(m, n)``.
        models: Names of the models, in the order of ``scores``.
        clusters: Patient of each case as codes 0..c-1, ``(n,)``; each case its own when none were given.
        n_clusters: Number of patients.
        clustered: Whether any patient has more than one case.
    """

    labels: Labels
    scores: Array
    models: tuple[str, ...]
    clusters: Codes
    n_clusters: int
    clustered: bool

    @property
    def n_positive(self) -> int:
        """Positive cases."""
        return int(self.labels.sum())

    @property
    def n_negative(self) -> int:
        """Negative cases."""
        return int(self.labels.size - self.labels.sum())

    def positive_clusters(self) -> npt.NDArray[np.bool_]:
        """Patients with a positive case, ``(c,)``."""
        return np.bincount(self.clusters, self.labels, self.n_clusters) > 0

    def patients_by_class(self) -> tuple[int, int]:
        """Patients that have a positive case, and those that have a negative one."""
        if not self.clustered:
            return self.n_positive, self.n_negative
        counts = (np.bincount(self.clusters, of, self.n_clusters) for of in (self.labels, ~self.labels))
        positive, negative = map(np.count_nonzero, counts)
        return int(positive), int(negative)

    def smaller_class(self) -> int:
        """The smaller number of patients that have a positive, or a negative, case."""
        return min(self.patients_by_class())

    def of_model(self, k: int) -> Sample:
        """The same cases with the ``k``-th model alone."""
        return replace(self, scores=self.scores[k : k + 1], models=self.models[k : k + 1])

    def of_models(self, chosen: Sequence[int]) -> Sample:
        """The same cases with some models alone, in the order of ``chosen``."""
        return replace(self, scores=self.scores[list(chosen)], models=tuple(self.models[k] for k in chosen))

    def of_cases(self, rows: Labels) -> Sample:
        """The cases where ``rows`` is true, with the scores of all models."""
        codes, found = pd.factorize(self.clusters[rows])
        return Sample(
            self.labels[rows],
            self.scores[:, rows],
            self.models,
            codes.astype(np.int64),
            len(found),
            len(found) < int(rows.sum()),
        )

    @property
    def can_resample(self) -> bool:
        """Whether each class is of two patients or more: a single one is the same in every replicate."""
        return self.smaller_class() > 1


def as_paired_sample(labels: Any, scores: Any, clusters: Any = None) -> Sample:  # noqa: ANN401
    """Check labels, scores of several models on the same cases, and clusters.

    Example::

        >>> from benchmark.statistics import as_paired_sample
        >>> sample = as_paired_sample([1, 0, 1], {"a": [3, 1, 2], "b": [2, 2, 1]}, clusters=["p1", "p2", "p2"])
        >>> sample.models, sample.n_clusters, sample.scores.tolist()
        (('a', 'b'), 2, [[3.0, 1.0, 2.0], [2.0, 2.0, 1.0]])

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Scores of each model on the same cases, ``(n,)`` each: a mapping, or a table with a column a model.
        clusters: Patient of each case, ``(n,)``, any hashable ids; None when each case is its own patient.

    Raises:
        SampleError: Everything `benchmark.metrics.auroc` refuses, all models' problems at once; scores that
            are not paired with the labels, with the counts; a missing patient id.
    """
    truth, scores = as_labels(labels), as_columns(scores, "scores")
    values, problems = [], list[Problem]()
    if getattr(labels, "index", None) is None or callable(labels.index):
        problems.extend(_models_differ(scores))
    for model, given in scores.items():
        try:
            row = as_scores(matched(labels, given, f"scores of {model}"), f"scores of {model}")
        except SampleError as error:
            problems.extend(error.problems)
            continue
        if row.size != truth.size:
            problems.append(
                Problem(
                    f"unpaired: {truth.size} labelled cases but {row.size} scores of {model}",
                    "restrict the models to the cases that all of them scored, or compare them as unpaired",
                )
            )
        values.append(row)
    if not scores:
        problems.append(Problem("no scores: give those of one model at least"))
    if truth.all() or not truth.any():
        problems.append(
            Problem(
                f"{int(truth.sum())} positives and {int((~truth).sum())} negatives",
                "discrimination needs at least one of each",
            )
        )
    if problems:
        raise SampleError(problems)
    codes, count = cluster_codes(matched(labels, clusters, "clusters"), truth.size)
    return Sample(truth, np.stack(values), tuple(scores), codes, count, count < truth.size)


def _models_differ(scores: Mapping[str, Any]) -> list[Problem]:
    """Labels without ids go by position: models with ids must then list the same ones in the same order."""
    named = {model: given.index for model, given in scores.items() if isinstance(given, pd.Series)}
    problems: list[Problem] = []
    first, *others = [*named] or [""]
    for other in others:
        try:
            require_same_ids(named[first], named[other], (first, other))
        except SampleError as error:
            problems.extend(error.problems)
    return problems


def require_same_ids(
    ids_a: Iterable[Hashable], ids_b: Iterable[Hashable], names: tuple[str, str] = ("A", "B")
) -> None:
    """Refuse two lists of case ids that are not the same cases in the same order.

    Example::

        >>> from benchmark.statistics import require_same_ids
        >>> require_same_ids(["p1", "p2"], ["p1", "p2"])

    Raises:
        SampleError: With the counts: how many ids are shared, in only one, repeated, or in another order.
    """
    left, right = list(as_ids(ids_a, "ids")), list(as_ids(ids_b, "ids"))
    if left == right:
        return
    first, second = set(left), set(right)
    shared = len(first & second)
    if first == second and len(left) == len(right):
        what = f"the {shared} shared ids stand in another order, or repeat differently"
        raise SampleError(Problem(f"unpaired: {what}", "sort both by id first"))
    raise SampleError(
        Problem(
            f"unpaired: {names[0]} has {len(left)} cases, {names[1]} has {len(right)}, {shared} are shared; "
            f"{len(first - second)} only in {names[0]}, {len(second - first)} only in {names[1]}",
            "restrict both to the shared cases, or compare them as unpaired",
        )
    )
