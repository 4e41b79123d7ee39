"""The measures of LUNA25's leaderboard, computed as the challenge's own evaluation does.

Its container joins every point of every job with the label of its AnnotationID and treats nodules as independent.
``benchmark.statistics`` has the intervals that do not.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score, roc_curve

from benchmark.metrics.inputs import Array, Labels, as_sample

REPLICATES: Final = 1000
SEED: Final = 42
_TARGET: Final = 0.95


def luna25_metrics(labels: Any, scores: Any) -> dict[str, float]:  # noqa: ANN401
    """What LUNA25's evaluation writes into ``metrics.json`` (its public code, March 2025).

    Example::

        >>> from benchmark.challenges.luna25_metrics import luna25_metrics
        >>> found = luna25_metrics([1, 0, 1, 0], [0.9, 0.2, 0.4, 0.6])
        >>> found["AUC"], found["Sensitivity"], found["Specificity"]
        (0.75, 0.5, 0.5)

    Args:
        labels: 1 malignant, 0 benign, ``(n,)``.
        scores: Score of each nodule, ``(n,)``. The interval depends on the order of the rows, nothing else does.

    Returns:
        ``Final Score`` and ``AUC``; the percentile interval of 1000 bootstrap samples of nodules, those with one
        class skipped; the sensitivity at the last point of scikit-learn's ROC curve with a specificity of at
        least 95 %, and the specificity at the first with a sensitivity of at least 95 %. Points are not
        interpolated, and scikit-learn leaves out those between neighbours on one line.

    Raises:
        SampleError: Missing values, labels other than 0/1, lengths that differ, a class without a case.
    """
    truth, values, _ = as_sample(labels, scores, None, both_classes=True)
    drawn = _bootstrapped_aurocs(truth, values)
    auroc = float(roc_auc_score(truth, values))
    fpr, tpr, _ = roc_curve(truth, values)
    return {
        "Final Score": auroc,
        "AUC": auroc,
        "AUC 95% CI lower bound": float(np.percentile(drawn, 2.5)),
        "AUC 95% CI upper bound": float(np.percentile(drawn, 97.5)),
        "Sensitivity": float(tpr[np.flatnonzero(fpr <= 1 - _TARGET)[-1]]),
        "Specificity": float(1 - fpr[np.flatnonzero(tpr >= _TARGET)[0]]),
    }


def _bootstrapped_aurocs(truth: Labels, scores: Array) -> Array:
    """The AUROC of each bootstrap sample with both classes; a tie counts one half."""
    # The challenge draws with NumPy's old generator, and only the same draws give the same limits.
    generator = np.random.RandomState(SEED)
    codes = np.unique(scores, return_inverse=True)[1]
    width = int(codes.max()) + 1
    found = []
    for _ in range(REPLICATES):
        rows = generator.choice(truth.size, truth.size, replace=True)
        positive = np.bincount(codes[rows][truth[rows]], minlength=width)
        negative = np.bincount(codes[rows][~truth[rows]], minlength=width)
        if positive.any() and negative.any():
            found.append(_auroc_of_counts(positive, negative))
    return np.array(found)


def _auroc_of_counts(positive: npt.NDArray[np.int64], negative: npt.NDArray[np.int64]) -> float:
    """AUROC from the cases at each distinct score, ascending, ``(b,)`` both."""
    below = np.cumsum(negative) - negative
    wins = positive @ (2 * below + negative)
    return float(wins / (2 * positive.sum() * negative.sum()))
