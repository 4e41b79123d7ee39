"""Odd but formally right scores are said aloud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from adapters.quality import look
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.odd_scores import auroc_range


def made(scores: list[float], labels: list[int]) -> tuple[pd.DataFrame, Cohort]:
    pids = [f"p{i}" for i in range(len(scores))]
    nodules = pd.DataFrame({"pid": pids, "nodule_id": "1", "malignant": pd.array(labels, dtype="Int8")})
    table = pd.DataFrame({"pid": pids, "nodule_id": "", "fold": "ensemble", "score": scores, "status": "scored"})
    return table, Cohort(CohortManifest(name="c", title=""), nodules, Path())


def test_constant_scores() -> None:
    assert "AUROC is 0.5" in look(*made([0.3] * 4, [0, 1, 0, 1]))[0]


def test_inverted_scores_are_named_and_left() -> None:
    assert any("inverted" in line for line in look(*made([0.9, 0.1, 0.8, 0.2], [0, 1, 0, 1])))


def test_ties_are_counted_with_the_range_that_they_allow() -> None:
    lines = look(*made([0.1, 0.1, 0.1, 0.9, 0.9], [0, 1, 0, 1, 1]))
    assert any("2 distinct scores in 5 rows (3 ties)" in line and "0.667 and 1.000" in line for line in lines)


def test_plain_scores_are_left_in_peace() -> None:
    assert look(*made([0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1])) == []


def test_the_middle_of_the_range_is_the_auroc() -> None:
    random = np.random.default_rng(3)
    scores, labels = np.round(random.random(200), 1), random.integers(0, 2, 200).astype(float)
    assert np.mean(auroc_range(scores, labels)) == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)


def test_two_decimals_are_noticed_when_they_leave_auroc_undecided() -> None:
    random = np.random.default_rng(0)
    labels = np.repeat([0, 1], 35)
    exact = random.normal(0.4 + 0.1 * labels, 0.1).clip(0, 1)
    assert look(*made(list(exact), list(labels))) == []
    assert any("ties" in line for line in look(*made(list(exact.round(2)), list(labels))))


def test_ties_within_one_class_leave_auroc_as_it_is() -> None:
    lines = look(*made([0.1, 0.1, 0.1, 0.9, 0.9], [0, 0, 0, 1, 1]))
    assert lines == [
        "only 2 distinct scores in 5 rows (3 ties); no positive ties with a negative, so AUROC is 1.000 however "
        "ties are broken"
    ]


def test_the_two_ends_of_the_range_are_never_printed_alike() -> None:
    # One tied pair of 150 · 150: the ends differ by 1/22,500, which three decimals print as 1.000 and 1.000.
    scores = [0.0] * 149 + [0.5, 0.5] + [1.0] * 149
    lines = look(*made(scores, [0] * 150 + [1] * 150))
    assert "AUROC lies between 0.99996 and 1.00000 by how ties are broken" in lines[0]
