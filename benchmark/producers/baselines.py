"""Baselines from the nodule table alone: logistic regression on radiologists' features, and on size.

The first is the paper's "Logistic Regression (semantic features only)" of Table 4. Both are fitted on the training
cohort's folds and nothing else, so the same cross-validation gives the same number of fold scores as the network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.cohorts.folds import assign_folds, hold_out
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.overlap import exposure_of, fitted_card
from benchmark.contracts.score_card import ScoreCard, check_replaceable, write_scores
from benchmark.contracts.scores import COLUMNS, ENSEMBLE, check_score_table
from benchmark.contracts.semantic_cells import read_features
from benchmark.contracts.text_table import nearest
from benchmark.contracts.vocabulary import BY_COLUMN, FEATURES, SUSPICION, Feature
from benchmark.errors import InputError, Problem
from benchmark.producers import ProducerOptions

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

DIAMETER = ("longest_axial_diameter_(mm)",)
SEMANTIC = tuple(feature.column for feature in FEATURES if feature.column != SUSPICION)
BASELINES: dict[str, tuple[str, ...]] = {"semantic-lr": SEMANTIC, "diameter": DIAMETER}
"""Model name to the features that it uses; the reader's level of suspicion is none of them."""
TITLES = {"semantic-lr": "Logistic regression, semantic", "diameter": "Diameter alone"}
"""Model name to what is printed."""


@dataclass(frozen=True)
class Baseline:
    """A fitted baseline.

    Attributes:
        name: Name of the model.
        features: Columns of the nodule table that it uses.
        cohort: Training cohort.
        folds: One fitted pipeline a fold.
    """

    name: str
    features: tuple[str, ...]
    cohort: str
    folds: tuple[Pipeline, ...]


def fit_baseline(
    name: str, cohort: Cohort, folds: Mapping[str, int], features: Sequence[str] | None = None
) -> Baseline:
    """Fit one logistic regression a fold, each on the patients outside that fold.

    Nodules without a label, or without a single one of the features, take no part.

    Args:
        name: Name of the model in score tables; a key of ``BASELINES`` unless ``features`` are given.
        cohort: Training cohort.
        folds: Validation fold of each patient.
        features: Columns to use instead of the name's own.

    Raises:
        InputError: A feature is not in the vocabulary or not in the cohort, or a cell is none of its classes.
    """
    columns = _check_features(tuple(features) if features is not None else BASELINES[name], cohort)
    matrix, usable = design(cohort.nodules, columns)
    label = cohort.nodules["malignant"]
    usable &= label.notna().to_numpy()
    fold = cohort.nodules["pid"].map(folds).to_numpy()
    fitted = [
        _pipeline().fit(matrix[rows], label[rows].astype(int))
        for k in sorted(set(folds.values()))
        if (rows := usable & (fold != k)).any()
    ]
    return Baseline(name, columns, cohort.name, tuple(fitted))


def baseline_scores(
    name: str,
    train: Cohort,
    cohort: Cohort,
    *,
    features: Sequence[str] | None = None,
    folds: int = 5,
    test_fraction: float = 0.0,
    seed: int = 0,
) -> pd.DataFrame:
    """Fit a baseline on one cohort and score another, or the patients that were held out of the same.

    With the seed, folds and share of a training run of the network, the split is the run's own.

    Args:
        name: Name of the model.
        train: Training cohort.
        cohort: Cohort to score.
        features: Columns to use instead of the name's own.
        folds: Cross-validation folds.
        test_fraction: Share of the training cohort's patients that are held out.
        seed: Seed of the split.

    Raises:
        InputError: The training cohort is to be scored and nothing of it is held out; or as ``fit_baseline``.
    """
    held_out = set(hold_out(train.nodules, test_fraction, seed))
    if cohort.name == train.name and not held_out:
        what = f"is the cohort that {name} is fitted on"
        raise InputError(
            Problem(what, "hold patients out with --test-fraction", column="--cohort", value=cohort.name)
        )
    fitted_on = _cohort_of_rows(train, ~train.nodules["pid"].isin(held_out))
    assigned = assign_folds(fitted_on.nodules, folds, seed)
    numbered = dict(zip(assigned["pid"], assigned["fold"].astype(int), strict=True))
    fitted = fit_baseline(name, fitted_on, numbered, features)
    scored = _cohort_of_rows(cohort, cohort.nodules["pid"].isin(held_out)) if cohort.name == train.name else cohort
    return score_baseline(fitted, scored)


def write_producer_scores(name: str, cohort: Cohort, path: Path, options: ProducerOptions) -> None:
    """Write the scores of `baseline_scores` with their card, which lists the patients that were fitted on.

    Args:
        name: Name of the model.
        cohort: Cohort to score.
        path: The table, ``.csv`` or ``.parquet``.
        options: Training cohort, features and split.

    Raises:
        InputError: There is no training cohort; or as `baseline_scores`.
    """
    train = options.train
    if train is None:
        raise InputError(Problem(f"{name} needs a cohort to be fitted on", column="--train-cohort"))
    check_replaceable(path, "baseline")
    table = baseline_scores(
        name, train, cohort, features=options.features,
        folds=options.folds, test_fraction=options.test_fraction, seed=options.seed,
    )  # fmt: skip
    held_out = set(hold_out(train.nodules, options.test_fraction, options.seed))
    recorded = {"folds": str(options.folds), "seed": str(options.seed)}
    if options.features is not None:
        recorded["features"] = ", ".join(options.features)
    card = ScoreCard(name, cohort.name, TITLES.get(name, name), f"baseline {name}", None, "unknown", recorded)
    fitted = (pid for pid in train.nodules["pid"] if pid not in held_out)
    card = fitted_card(card, train.name, train.manifest, fitted)
    card = replace(card, exposure=exposure_of(card, cohort.manifest, set(table["pid"])))
    write_scores(table, card, path)


def score_baseline(baseline: Baseline, cohort: Cohort) -> pd.DataFrame:
    """Score table of a cohort: one row a nodule and fold, and their mean as ``ensemble``.

    Nodules without any of the features fail with that reason.
    """
    matrix, usable = design(cohort.nodules, baseline.features)
    scores = np.full((len(matrix), len(baseline.folds)), np.nan)
    if usable.any():
        scores[usable] = np.stack([fold.predict_proba(matrix[usable])[:, 1] for fold in baseline.folds], axis=1)
    named = {str(k): scores[:, k] for k in range(scores.shape[1])} | {ENSEMBLE: scores.mean(axis=1)}
    frames = [
        pd.DataFrame(
            {
                "model": baseline.name,
                "cohort": cohort.name,
                "pid": cohort.nodules["pid"],
                "nodule_id": cohort.nodules["nodule_id"],
                "fold": fold,
                "score": values,
                "score_kind": "probability",
                "status": np.where(usable, "scored", "failed"),
                "reason": np.where(usable, "", "none of the features is given"),
            },
            columns=list(COLUMNS),
        )
        for fold, values in named.items()
    ]
    return check_score_table(pd.concat(frames, ignore_index=True))


def design(nodules: pd.DataFrame, columns: Sequence[str]) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Features as numbers: mm as they are, one 0/1 column a class.

    A missing class is 0 in all columns of its feature, which is not the same as its class "Absent"; a missing
    measure stays NaN.

    Returns:
        The matrix, and which rows have at least one feature.

    Raises:
        InputError: A cell is none of its feature's classes and no length in mm.
    """
    wanted = dict.fromkeys(name for column in columns for name in (column, *BY_COLUMN[column].columns))
    nodules = read_features(nodules, list(wanted))
    parts: dict[str, npt.NDArray[np.float64]] = {}
    usable = np.zeros(len(nodules), dtype=bool)
    for column in columns:
        feature = BY_COLUMN[column]
        if not feature.classes:
            values = np.asarray(nodules[column], np.float64)
            usable |= np.isfinite(values)
            parts[column] = values
            continue
        for name, values in _indicators(nodules, feature).items():
            usable |= values > 0
            parts[f"{column}={name}"] = values
    return pd.DataFrame(parts, index=nodules.index), usable


def _cohort_of_rows(cohort: Cohort, rows: pd.Series[bool]) -> Cohort:
    return Cohort(cohort.manifest, cohort.nodules[rows].reset_index(drop=True), cohort.folder)


def _indicators(nodules: pd.DataFrame, feature: Feature) -> dict[str, npt.NDArray[np.float64]]:
    cells = [nodules[column].to_numpy(object) for column in feature.columns]
    return {name: np.any([cell == name for cell in cells], axis=0).astype(float) for name in feature.classes}


def _pipeline() -> Pipeline:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        LogisticRegression(max_iter=1000),
    )


def _check_features(columns: tuple[str, ...], cohort: Cohort) -> tuple[str, ...]:
    problems = []
    for column in columns:
        if column not in BY_COLUMN:
            what = f"is no semantic feature{nearest(column, list(BY_COLUMN))}"
            problems.append(Problem(what, "see `bench text --help` for the vocabulary", value=column))
    if not problems and not any(column in cohort.nodules for column in columns):
        problems = [Problem(f"cohort {cohort.name} has none of the features", f"needed: {', '.join(columns)}")]
    if problems:
        raise InputError(problems)
    return columns
