"""The best AUROC that any model can reach on a phantom cohort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy

from benchmark.contracts.text_table import read_numbers

Floats = npt.NDArray[np.float64]
TRUTH = "truth.csv"
"""Chance of malignancy that each nodule's label was drawn with: the answer, never an input."""


def read_truth(folder: Path | str) -> pd.DataFrame:
    """The true chances of a phantom cohort's nodules; ids are text."""
    return read_numbers(Path(folder) / TRUTH, ("pid", "nodule_id"))


def patient_probability(logits: Floats, ratio: float) -> tuple[Floats, float]:
    """Chances of a patient's nodules, and of the patient, after patients were taken by their label.

    Taking a patient with cancer ``ratio`` times as readily as one without multiplies every event in which
    some nodule is malignant by that ratio.

    Args:
        logits: Log odds of the nodules, independent of each other, before the selection.
        ratio: Odds ratio of the selection.

    Returns:
        ``P(nodule malignant)`` of shape ``(n,)``, and ``P(any malignant)``.
    """
    chance = 1 / (1 + np.exp(-logits))
    any_malignant = 1 - float(np.prod(1 - chance))
    scale = ratio * any_malignant + 1 - any_malignant
    return ratio * chance / scale, ratio * any_malignant / scale


def best_auroc(truth: pd.DataFrame) -> dict[str, float]:
    """What the true probabilities themselves reach.

    Args:
        truth: Columns ``pid, malignant, nodule_probability, patient_probability``.

    Returns:
        ``known_best_auroc``: AUROC over patients, with the drawn labels, of the largest true nodule
        probability (a patient's score is the maximum of its nodules', so no model can be expected to do
        better); ``known_best_auroc_expected``: the same in expectation over labels drawn again from the
        probabilities; ``known_best_auroc_nodules`` and ``known_best_auroc_nodules_expected``: the same over
        nodules.
    """
    patients = truth.groupby("pid", sort=False).agg(
        label=("malignant", "max"), score=("nodule_probability", "max"), chance=("patient_probability", "first")
    )
    label, score, chance = (patients[name].to_numpy(float) for name in ("label", "score", "chance"))
    nodule_label, nodule_chance = (truth[name].to_numpy(float) for name in ("malignant", "nodule_probability"))
    values = {
        "known_best_auroc": pairwise_auroc(label, score),
        "known_best_auroc_expected": expected_auroc(chance, score),
        "known_best_auroc_nodules": pairwise_auroc(nodule_label, nodule_chance),
        "known_best_auroc_nodules_expected": expected_auroc(nodule_chance, nodule_chance),
    }
    return {name: round(value, 6) for name, value in values.items()}


def pairwise_auroc(label: Floats, score: Floats) -> float:
    """Share of pairs of a positive and a negative in which the positive scores higher; ties count half."""
    positive = label > 0
    count = int(positive.sum())
    ranks = scipy.stats.rankdata(score)
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * (len(label) - count)))


def expected_auroc(chance: Floats, score: Floats) -> float:
    """AUROC of ``score`` when labels are drawn from ``chance``: expected winning pairs to all pairs."""
    higher = (score[:, None] > score[None, :]) + 0.5 * (score[:, None] == score[None, :])
    pairs = chance[:, None] * (1 - chance[None, :])
    np.fill_diagonal(pairs, 0.0)
    return float((pairs * higher).sum() / pairs.sum())
