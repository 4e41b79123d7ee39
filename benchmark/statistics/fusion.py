"""Two models or more made one, each patient's score from a fit that did not see the patient."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.errors import Problem
from benchmark.metrics.inputs import Array, SampleError
from benchmark.statistics.samples import Sample, as_paired_sample

PENALTIES = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Inverse strengths of the ridge penalty that the inner folds choose from."""
NEAREST = 1e-6
"""How close to 0 and 1 a probability may come before its log-odds are taken."""


@dataclass(frozen=True, eq=False)
class FusedScores:
    """Scores of a logistic regression on several models, out of fold.

    Attributes:
        scores: Weighted sum of each case, in the fold that did not fit it, ``(n,)``: less its mean and over its
            standard deviation among the patients that were fitted, so that folds of other penalties agree in
            scale.
        probabilities: The same as probabilities of each fold's regression, ``(n,)``.
        weights: Of each model's standardised score in each fold, ``(folds, models)``.
        penalties: Inverse strength of the penalty that each fold's inner folds chose, ``(folds,)``.
        fold: Fold of each case, ``(n,)``.
    """

    scores: Array
    probabilities: Array
    weights: Array
    penalties: Array
    fold: Array


def fused_scores(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    clusters: Any = None,  # noqa: ANN401
    *,
    probabilities: Collection[str] = (),
    folds: int = 5,
    seed: int = 0,
) -> FusedScores:
    """Fuse models by ridge logistic regression in nested cross-validation, patients kept together.

    In each fold the scores are standardised and the regression fitted on the other patients; the penalty is the
    one with the lowest log loss in inner folds of these. What two models know together is then measured on cases
    that the fusion did not see (Varma & Simon, BMC Bioinformatics 2006;7:91).

    Example::

        >>> from benchmark.statistics import fused_scores
        >>> labels = [0, 1] * 30
        >>> a = [k % 7 + 3 * y for k, y in enumerate(labels)]
        >>> b = [k % 5 + 2 * y for k, y in enumerate(labels)]
        >>> found = fused_scores(labels, {"a": a, "b": b})
        >>> found.scores.shape, found.weights.shape, bool((found.weights > 0).all())
        ((60,), (5, 2), True)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Scores of each model on the same cases, ``(n,)`` each: a mapping, or a table with a column a model.
        clusters: Patient of each case, ``(n,)``.
        probabilities: Models whose scores are probabilities: their log-odds are taken.
        folds: Outer and inner folds.
        seed: Of the folds.

    Raises:
        SampleError: As `paired_bootstrap`; fewer than two models, or a class with fewer patients than folds need.
    """
    return fused_scores_of(
        as_paired_sample(labels, scores, clusters), probabilities=probabilities, folds=folds, seed=seed
    )


def fused_scores_of(
    sample: Sample, *, probabilities: Collection[str] = (), folds: int = 5, seed: int = 0
) -> FusedScores:
    """`fused_scores` of a sample that is checked already.

    Example::

        >>> from benchmark.statistics import as_paired_sample, fused_scores_of
        >>> labels = [0, 1] * 30
        >>> models = {"a": [k % 7 + 3 * y for k, y in enumerate(labels)], "b": [k % 5 for k in range(60)]}
        >>> fused_scores_of(as_paired_sample(labels, models), folds=3).weights.shape
        (3, 2)
    """
    _check_fusible(sample, folds)
    columns = [
        _log_odds(row) if name in probabilities else row
        for name, row in zip(sample.models, sample.scores, strict=True)
    ]
    features, labels = np.stack(columns, axis=1), sample.labels.astype(np.int64)
    scores, chances, fold = np.empty((3, labels.size))
    weights, penalties = np.empty((folds, len(columns))), np.empty(folds)
    for k, (train, test) in enumerate(_parts(labels, sample.clusters, folds, seed)):
        penalties[k] = _chosen_penalty(features[train], labels[train], sample.clusters[train], folds, seed)
        sums, chances_of_all, weights[k] = _predicted(features, labels, train, float(penalties[k]))
        spread = sums[train].std()
        scores[test] = (sums[test] - sums[train].mean()) / (spread if spread > 0 else 1.0)
        chances[test], fold[test] = chances_of_all[test], k
    return FusedScores(scores, chances, weights, penalties, fold)


def _check_fusible(sample: Sample, folds: int) -> None:
    if len(sample.models) < 2:
        raise SampleError(Problem("a fusion is of two models or more", "give the scores of both"))
    if folds < 2:
        raise SampleError(Problem(f"folds {folds!r}: expected two at least", "such as 5"))
    # An inner fold must hold both classes when an outer one is gone.
    needed = -(-folds * folds // (folds - 1))
    if sample.smaller_class() < needed:
        what = f"{sample.smaller_class()} patients in a class, and {folds} folds within {folds} need {needed}"
        raise SampleError(Problem(what, "fuse on a larger cohort, or with fewer folds"))


def _log_odds(values: Array) -> Array:
    if values.min() < 0 or values.max() > 1:
        raise SampleError("probabilities: scores lie outside 0..1")
    inside = np.clip(values, NEAREST, 1 - NEAREST)
    return np.asarray(np.log(inside / (1 - inside)))


def _parts(labels: Any, clusters: Any, folds: int, seed: int) -> list[tuple[Any, Any]]:  # noqa: ANN401
    """Rows to train and to predict of each fold, no patient in both."""
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(np.zeros(labels.size), labels, clusters))


def _predicted(features: Array, labels: Any, train: Any, penalty: float) -> tuple[Array, Array, Array]:  # noqa: ANN401
    """Weighted sum and probability of each row, and the weights, from a fit on the rows ``train``."""
    from sklearn.linear_model import LogisticRegression

    centre, spread = features[train].mean(axis=0), features[train].std(axis=0)
    scaled = (features - centre) / np.where(spread > 0, spread, 1.0)
    fit = LogisticRegression(C=penalty, max_iter=1000).fit(scaled[train], labels[train])
    return scaled @ fit.coef_[0], fit.predict_proba(scaled)[:, 1], fit.coef_[0]


def _chosen_penalty(features: Array, labels: Any, clusters: Any, folds: int, seed: int) -> float:  # noqa: ANN401
    """The penalty with the lowest log loss over inner folds, the stronger of equals."""
    losses = np.zeros(len(PENALTIES))
    for train, test in _parts(labels, clusters, folds, seed):
        if np.unique(labels[train]).size < 2:
            continue
        for k, penalty in enumerate(PENALTIES):
            p = np.clip(_predicted(features, labels, train, penalty)[1][test], 1e-12, 1 - 1e-12)
            losses[k] -= np.log(np.where(labels[test] == 1, p, 1 - p)).sum()
    return PENALTIES[int(np.argmin(np.round(losses, 9)))]
