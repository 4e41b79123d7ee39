"""A submission to LUNA25 judged as the challenge does, and with patients as what was sampled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmark.challenges.ground_truth import GroundTruth
from benchmark.challenges.luna25_metrics import luna25_metrics
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import Array, SampleError
from benchmark.statistics.auroc import auroc_interval_of
from benchmark.statistics.samples import as_paired_sample
from benchmark.wording import first_few

Located = Callable[[int], "tuple[Path, int | None]"]
"""Row of a submission → its file and line."""
SHOWN: Final = 5


@dataclass(frozen=True)
class Luna25Evaluation:
    """What a submission is worth.

    Attributes:
        metrics: What the challenge's own evaluation writes into ``metrics.json``.
        by_patient: The AUROC of nodules with patients as clusters, that of patients by the highest of their
            scores, both with their 95 % intervals, and the cases behind the numbers.
        warnings: What the challenge's evaluation passes over without a word, and what else is odd.
    """

    metrics: dict[str, float]
    by_patient: dict[str, Any]
    warnings: list[str]


def evaluate_luna25(
    ids: Sequence[str], scores: Array, truth: GroundTruth, unit: str, locate: Located
) -> Luna25Evaluation:
    """Join scores with labels and measure them.

    As in the challenge, a case without a score takes no part, and one that is scored twice counts twice; both are
    warned of.

    Args:
        ids: Case of each score, in the order in which the bootstrap takes them, ``(n,)``.
        scores: The scores, ``(n,)``.
        truth: The labels.
        unit: ``nodule`` or ``scan``: what a case is, in messages.
        locate: Where a score stands, for messages.

    Raises:
        InputError: Names every id that has no label; or all cases that are scored have one label.
    """
    _require_known(ids, truth, locate)
    labels = truth.labels.loc[list(ids)].to_numpy()
    try:
        metrics = luna25_metrics(labels, scores)
    except SampleError as error:
        fix = "the challenge's measures need a malignant and a benign case"
        what = f"the {len(ids):,} {unit}s with a score: {error}"
        raise InputError(Problem(what, fix, truth.path, column="label")) from error
    found: dict[str, Any] = {"unit": unit, "cases": len(ids), "malignant": int(labels.sum())}
    warnings = _passed_over(ids, truth, unit, found) + _no_probabilities(ids, scores, found)
    if truth.patients is None:
        found["patients"] = None
        warnings.append(f"{truth.path.name} names no patients: there is no interval that draws them")
    else:
        found |= _intervals(labels, scores, truth.patients.loc[list(ids)])
    return Luna25Evaluation(metrics, found, warnings)


def _require_known(ids: Sequence[str], truth: GroundTruth, locate: Located) -> None:
    known = truth.labels.index
    problems = []
    for row in np.flatnonzero(~pd.Index(ids).isin(known)).tolist():
        file, line = locate(row)
        what = f"has no row in {truth.path.name}"
        problems.append(Problem(what, "give the labels of this test set", file, line, truth.column, ids[row]))
    if problems:
        raise InputError(problems)


def _passed_over(ids: Sequence[str], truth: GroundTruth, unit: str, found: dict[str, Any]) -> list[str]:
    """Cases without a score, and with several; both are noted in ``found``."""
    warnings = []
    without = truth.labels[~truth.labels.index.isin(list(ids))]
    found["without_score"] = {"cases": len(without), "malignant": int(without.sum()), "ids": list(without.index)}
    if len(without):
        warnings.append(
            f"{len(without):,} of {len(truth.labels):,} {unit}s ({int(without.sum()):,} malignant) have no score "
            f"and take no part, as in the challenge's evaluation: {first_few(list(without.index), SHOWN)}"
        )
    counts = pd.Series(list(ids)).value_counts(sort=False)
    twice = counts[counts > 1]
    found["scored_more_than_once"] = {str(name): int(number) for name, number in twice.items()}
    if len(twice):
        warnings.append(
            f"{len(twice):,} {unit}s are scored more than once and count as often, as in the challenge's "
            f"evaluation (is a job there twice?): {first_few(list(twice.index), SHOWN)}"
        )
    return warnings


def _no_probabilities(ids: Sequence[str], scores: Array, found: dict[str, Any]) -> list[str]:
    """Scores that are no probability, whose number is noted in ``found``."""
    outside = np.flatnonzero((scores < 0) | (scores > 1)).tolist()
    found["outside_0_to_1"] = len(outside)
    if not outside:
        return []
    return [
        f"{len(outside):,} probabilities lie outside 0 to 1 and count as they are, as in the challenge's "
        f"evaluation: {first_few([f'{ids[row]} ({scores[row]:g})' for row in outside], SHOWN)}"
    ]


def _intervals(labels: Array, scores: Array, patients: pd.Series) -> dict[str, Any]:
    by_patient = pd.DataFrame({"label": labels, "score": scores}).groupby(patients.to_numpy(), sort=False).max()
    return {
        "patients": len(by_patient),
        "nodules_in_patients": _interval(labels, scores, patients.to_numpy()),
        "patients_by_highest_score": _interval(by_patient["label"].to_numpy(), by_patient["score"].to_numpy()),
    }


def _interval(labels: Array, scores: Array, patients: Any = None) -> dict[str, Any]:  # noqa: ANN401
    sample = as_paired_sample(labels, {"score": scores}, patients)
    counts = {"positive": sample.n_positive, "negative": sample.n_negative, "patients": sample.n_clusters}
    if not (sample.n_positive and sample.n_negative):
        return counts | {"auc": None, "note": "all patients are of one class"}
    found = auroc_interval_of(sample)
    return counts | {
        "auc": found.auroc,
        "auc_95_low": found.low,
        "auc_95_high": found.high,
        "method": found.method,
        "note": found.note,
    }
