"""Logistic regression on columns of a cohort, scored out of fold: a real model without an image.

Imputation and scaling are fitted inside the training folds only, and all rows of a patient are on one side.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pandas as pd

from benchmark.cohorts.folds import assign_folds
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, check_score_table
from benchmark.errors import InputError, Problem
from benchmark.producers.calculators.choices import Choices
from benchmark.producers.calculators.inputs import INPUTS
from benchmark.producers.calculators.reading import read_calculator_inputs

FEATURES: Final = ("age", "female", "upper_lobe", "nodule_count")


def score_with_logistic(
    cohort: Cohort,
    *,
    features: Sequence[str] = FEATURES,
    columns: Mapping[str, str] | None = None,
    codes: Mapping[str, Mapping[str, str]] | None = None,
    units: Mapping[str, str] | None = None,
    folds: int = 5,
    seed: int = 0,
    model: str = "clinical-logistic",
) -> pd.DataFrame:
    """Cross-validated scores of a logistic regression on clinical inputs.

    Args:
        cohort: A cohort with labels; nodules without a label are scored, not trained on.
        features: Names of ``INPUTS``. A missing value is replaced by the median of the training folds, and a
            column says that it was missing.
        columns: Feature → column of the nodule table, where it is not a common name.
        codes: Feature → cell → what it means.
        units: Feature → unit of its column.
        folds: Number of folds, grouped by patient and stratified by label.
        seed: Seed of the folds.
        model: Name in the table.

    Returns:
        A score table with one row a nodule, each scored by the model that did not see its patient (``fold`` is
        ``ensemble``: together they are one set of out-of-fold scores).

    Raises:
        InputError: A feature has no column or cells that could mean several things, or there are too few positive
            patients for the folds.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    choices = Choices(dict(columns or {}), dict(codes or {}), dict(units or {}))
    if unknown := [name for name in features if name not in INPUTS]:
        raise InputError([Problem(f"no input {name!r}", f"inputs: {', '.join(INPUTS)}") for name in unknown])
    choices.check(features, model)
    found = read_calculator_inputs(features, cohort.nodules, cohort, choices).values
    values = np.column_stack([found[name] for name in features])
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
