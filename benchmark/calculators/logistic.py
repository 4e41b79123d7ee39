"""Logistic regression on columns of a cohort, scored out of fold: a real model without an image.

Imputation and scaling are fitted inside the training folds only, and all rows of a patient are on one side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.calculators.inputs import INPUTS, find_column, listed, read_input
from benchmark.cohorts.folds import assign_folds
from benchmark.contracts.cohort import TABLE, Cohort
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, check_score_table
from benchmark.errors import InputError, Problem

FEATURES: Final = ("age", "female", "upper_lobe", "nodule_count")


def score_with_logistic(
    cohort: Cohort,
    *,
    features: Sequence[str] = FEATURES,
    folds: int = 5,
    seed: int = 0,
    model: str = "clinical-logistic",
) -> pd.DataFrame:
    """Cross-validated scores of a logistic regression on clinical inputs.

    Args:
        cohort: A cohort with labels; nodules without a label are scored, not trained on.
        features: Names of ``INPUTS``. A missing value is replaced by the median of the training folds, and a
            column says that it was missing.
        folds: Number of folds, grouped by patient and stratified by label.
        seed: Seed of the folds.
        model: Name in the table.

    Returns:
        A score table with one row a nodule, each scored by the model that did not see its patient (``fold`` is
        ``ensemble``: together they are one set of out-of-fold scores).

    Raises:
        InputError: A feature has no column, or there are too few positive patients for the folds.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    values = _matrix(cohort, features)
    nodules = cohort.nodules
    fold_of = assign_folds(nodules, folds, seed).set_index("pid")["fold"]
    fold = nodules["pid"].map(fold_of).to_numpy(np.int64)
    label = nodules["malignant"].astype("Float64").to_numpy(np.float64, na_value=np.nan)
    scores = np.full(len(nodules), np.nan)
    for held_out in range(folds):
        train = (fold != held_out) & np.isfinite(label)
        imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
        pipeline = make_pipeline(imputer, StandardScaler(), LogisticRegression())
        pipeline.fit(values[train], label[train].astype(int))
        scores[fold == held_out] = pipeline.predict_proba(values[fold == held_out])[:, 1]
    table = pd.DataFrame(
        {
            "model": model,
            "cohort": cohort.name,
            "pid": nodules["pid"],
            "nodule_id": nodules["nodule_id"],
            "fold": ENSEMBLE,
            "score": scores,
            "score_kind": "probability",
            "status": "scored",
            "reason": "",
        }
    )
    return check_score_table(table[list(COLUMNS)])


def logistic_card(cohort: Cohort, model: str = "clinical-logistic") -> ScoreCard:
    """The card to write beside the table: fitted on this cohort, but nobody was scored by what saw him or her."""
    return ScoreCard(
        model=model,
        cohort=cohort.name,
        title="Clinical logistic regression, cross-validated",
        producer="logistic regression on this cohort",
        trained_on=(cohort.name,),
        exposure="unseen",
        recorded={"scores": "out of fold, folds grouped by patient"},
    )


def _matrix(cohort: Cohort, features: Sequence[str]) -> npt.NDArray[np.float64]:
    where = str(cohort.folder / TABLE)
    columns, problems, absent = [], [], []
    for name in features:
        if name not in INPUTS:
            problems.append(Problem(f"no input {name!r}", f"inputs: {', '.join(INPUTS)}"))
            continue
        column = find_column(INPUTS[name], cohort.nodules, {})
        if column is None:
            absent.append(name)
            continue
        values, found = read_input(INPUTS[name], cohort.nodules, column, where)
        columns.append(values)
        problems += found
    if absent:
        problems.append(Problem(f"has no column for {listed(absent)}", "choose other features", where, 1))
    if problems:
        raise InputError(problems)
    return np.column_stack(columns)
