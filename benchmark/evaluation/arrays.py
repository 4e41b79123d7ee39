"""Labels, scores and ids in memory, of whatever library, brought to what a comparison stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.contracts.nodules import COLUMNS
from benchmark.contracts.scores import ENSEMBLE
from benchmark.contracts.text import text_column
from benchmark.errors import InputError, Problem
from benchmark.evaluation.predictions import CohortPredictions, cohort_name
from benchmark.metrics.inputs import as_labels, matched
from benchmark.metrics.sequences import SampleError, as_columns, as_ids, as_numbers, as_objects

MODEL, GROUP = "model", "group"
"""What a model, and a column to group by, is called where nobody gave it a name."""


@dataclass(frozen=True)
class Arrays:
    """What was given of one cohort; of each, the forms that `benchmark.evaluate` takes.

    Attributes:
        labels: 1, 0 or missing, ``(n,)``.
        scores: ``(n,)`` of one model, or a mapping or table with a column a model.
        ids: Patient of each row; None for row numbers.
        cluster: What each row is resampled with in place of its patient; None for none.
        by: Values to group by, by themselves or as a mapping or table of one column; None for none.
        folds: Fold of each row; None for none.
        columns: Further columns, as a mapping or table; None for none.
    """

    labels: Any
    scores: Any
    ids: Any = None
    cluster: Any = None
    by: Any = None
    folds: Any = None
    columns: Any = None


def split_cohorts(given: Arrays, cohort: str) -> dict[str, Arrays]:
    """What was given of each cohort, by its title: of several where the labels are a mapping.

    Raises:
        InputError: There is no cohort, or another argument is no mapping of the same cohorts.
    """
    if not isinstance(given.labels, Mapping):
        return {cohort: given}
    wanted = list(given.labels)
    if not wanted:
        raise SampleError(
            Problem("labels: a mapping without a cohort", "give the labels of each cohort by its title")
        )
    problems = []
    for name in given.__match_args__[1:]:
        value = getattr(given, name)
        if value is None:
            continue
        if not isinstance(value, Mapping) or set(value) != set(wanted):
            found = f"those of {', '.join(map(str, value))}" if isinstance(value, Mapping) else "those of one"
            what = f"{name}: labels of the cohorts {', '.join(map(str, wanted))}, but {found}"
            problems.append(Problem(what, "give a mapping with the same cohorts"))
    if problems:
        raise SampleError(problems)
    return {
        str(title): Arrays(
            *(None if (value := getattr(given, name)) is None else value[title] for name in given.__match_args__)
        )
        for title in wanted
    }


def predictions_of(given: Arrays, title: str, prefix: str = "") -> CohortPredictions:
    """One cohort's predictions, its columns checked together.

    Args:
        given: What was given of it.
        title: What is printed for it.
        prefix: What row numbers begin with, where they stand for ids.

    Raises:
        InputError: A label is neither 0, 1 nor missing, a score is no finite number and not missing, lengths or
            ids differ, an id is missing.
    """
    labels = as_numbers(given.labels, "labels")
    known = ~np.isnan(labels)
    if known.any():
        as_labels(labels[known])
    else:
        raise SampleError(Problem(f"labels: all {labels.size} are missing", "give 1 for malignant, 0 for benign"))
    problems: list[Problem] = []
    scores = _columns_of_numbers(given, labels.size, problems)
    texts = {
        name: _texts(matched(given.labels, getattr(given, name), name), name, labels.size, problems)
        for name in ("ids", "cluster", "folds")
    }
    groups = _groups(given, labels.size, problems)
    if problems:
        raise SampleError(problems)
    unlabelled = int((~known).sum())
    notes = [f"{title}: {unlabelled} of {labels.size} rows have no label and are left out."] if unlabelled else []
    return CohortPredictions(
        cohort=cohort_name(title),
        title=title,
        ids=_row_numbers(labels.size, prefix) if texts["ids"] is None else texts["ids"],
        labels=pd.Series(labels).astype("Int8"),
        scores=pd.DataFrame(scores),
        clusters=texts["cluster"],
        folds=texts["folds"],
        groups=groups,
        notes=notes,
    )


def _row_numbers(n: int, prefix: str) -> pd.Series:
    return text_column(f"{prefix}{k}" for k in range(1, n + 1))


def repeated_ids(predictions: CohortPredictions) -> int:
    """Patients of several rows, those of other folds aside."""
    if predictions.clusters is not None:
        return 0
    folds = predictions.folds if predictions.folds is not None else [ENSEMBLE] * len(predictions.ids)
    rows = pd.DataFrame({"pid": predictions.ids, "fold": folds}).groupby(["pid", "fold"], sort=False).size()
    return int((rows > 1).groupby("pid", sort=False).any().sum())


def _columns_of_numbers(given: Arrays, n: int, problems: list[Problem]) -> dict[str, Any]:
    """Scores by model, ``(n,)`` each, NaN where missing."""
    found = {}
    for model, column in _models(given.scores).items():
        what = f"scores of {model}"
        try:
            values = as_numbers(matched(given.labels, column, what), what)
        except InputError as error:
            problems.extend(error.problems)
            continue
        if values.size != n:
            problems.append(Problem(f"{n} labels but {values.size} {what}", "give one score a row, empty or not"))
        elif np.isinf(values).any():
            problems.append(Problem(f"{what}: {int(np.isinf(values).sum())} of {n} are infinite", "correct them"))
        elif np.isnan(values).all():
            problems.append(Problem(f"{what}: all {n} are missing", "leave the model out"))
        found[model] = values
    return found


def _models(scores: Any) -> dict[str, Any]:  # noqa: ANN401
    """Columns of scores by model: of a single sequence under its own name, where it has one."""
    if isinstance(scores, Mapping | pd.DataFrame) or hasattr(scores, "columns") or hasattr(scores, "column_names"):
        columns = as_columns(scores, "scores")
        if not columns:
            raise SampleError(Problem("scores: of no model", 'give {"name": scores}'))
        return columns
    if np.ndim(scores) == 2:
        what = f"scores: an array of the shape {np.shape(scores)} names no models"
        raise SampleError(Problem(what, 'give {"name": scores[:, 0], ...}, or a table with a column a model'))
    return {_own_name(scores, MODEL): scores}


def _texts(values: Any, name: str, n: int, problems: list[Problem]) -> pd.Series | None:  # noqa: ANN401
    """Ids as text, ``(n,)``; a number of a fold without its decimals."""
    if values is None:
        return None
    try:
        found = as_ids(values, name)
    except InputError as error:
        problems.extend(error.problems)
        return None
    if len(found) != n:
        problems.append(Problem(f"{n} labels but {len(found)} {name}", "give one a row"))
    whole = [int(one) if isinstance(one, float) and one.is_integer() else one for one in found.tolist()]
    return text_column(str(one) for one in whole)


def _groups(given: Arrays, n: int, problems: list[Problem]) -> pd.DataFrame | None:
    """The column to group by, under its name, before further columns."""
    found: dict[str, Any] = {}
    for name, column in grouping_columns(given.by).items():
        found[name] = _column(given, name, column, "by", n, problems)
    if len(found) > 1:
        problems.append(Problem(f"by: {len(found)} columns, {', '.join(found)}", "group by one at a time"))
    if given.columns is not None:
        for name, column in as_columns(given.columns, "columns").items():
            if name in found:
                problems.append(Problem(f"columns: {name!r} is what by groups by", "give it once"))
            found[name] = _column(given, name, column, f"columns of {name}", n, problems)
    return pd.DataFrame(found) if found and not problems else None


def grouping_columns(by: Any) -> dict[str, Any]:  # noqa: ANN401
    """What is to be grouped by, by its name; nothing of None."""
    if by is None:
        return {}
    is_table = isinstance(by, Mapping) or hasattr(by, "columns")
    return as_columns(by, "by") if is_table else {_own_name(by, GROUP): by}


def _column(given: Arrays, name: str, column: Any, what: str, n: int, problems: list[Problem]) -> Any:  # noqa: ANN401
    """Values of one row each, text or numbers."""
    if name in COLUMNS:
        problems.append(Problem(f"{what}: the name {name!r} is taken", f'rename it: {{"{name} group": values}}'))
    values = as_objects(matched(given.labels, column, what), what)
    if len(values) != n:
        problems.append(
            Problem(f"{n} labels but {len(values)} values of {what}", "give one a row, missing or not")
        )
    return values


def _own_name(values: Any, default: str) -> str:  # noqa: ANN401
    name = getattr(values, "name", None)
    return name if isinstance(name, str) and name else default
