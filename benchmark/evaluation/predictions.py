"""What models say of the cases of a cohort, in memory, and the inputs of a comparison made from it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from benchmark.comparison.groups import check_column
from benchmark.comparison.units import scores_by_unit
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.folds import COMPLETE
from benchmark.contracts.names import name_fault
from benchmark.contracts.nodules import COLUMNS
from benchmark.contracts.readings import are_ratings
from benchmark.contracts.score_card import Exposure, ScoreCard
from benchmark.contracts.scores import ENSEMBLE, ScoreKind, check_score_table
from benchmark.contracts.text import TEXT, text_column
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.report.compare_inputs import CompareInputs
from benchmark.report.compare_options import CompareOptions
from benchmark.report.compare_thresholds import read_thresholds, source_among
from benchmark.report.printed_rows import printed_rows

_LONGEST: Final = 30
"""Characters of a cohort's name that is made from a title; four bytes each still make a name."""
_OF_NAMES: Final = ("Lu", "Ll", "Lt", "Lm", "Lo", "Nd")
"""Unicode's categories of letters and digits."""
NO_SCORE: Final = "the table holds no score"
NO_IMAGE: Final[dict[str, Any]] = {"image_path": "", "coordX": np.nan, "coordY": np.nan, "coordZ": np.nan}


@dataclass(frozen=True)
class CohortPredictions:
    """What models say of the cases of one cohort. All columns have the same rows, in the same order.

    Attributes:
        cohort: Name of the cohort: letters, digits, ``-``, ``_``, ``.``, a letter or digit first (`cohort_name`).
        ids: Patient of each row; of a row with a cluster, the id of the case.
        labels: 1, 0 or missing.
        scores: A float column a model, NaN where the model failed.
        title: What is printed for the cohort; its name by default.
        nodules: Nodule of each row. Without it, rows of one patient are its nodules, numbered in their order.
        clusters: What each row belongs to and is resampled with, in place of the patient. With it every row is a
            case of its own: a nodule in the words of tables and page, and the cluster a patient.
        folds: Number of a fold, or ``ensemble``, of each row; all are ``ensemble`` by default.
        absent: Same columns as ``scores``: where a model has no row at all, as against a row without a score.
        groups: Further columns, text or numbers, to group by.
        titles: What is printed for a model, by its column.
        kinds: What a model's scores are, where that is known: probabilities if all lie in 0 to 1 and
            are no ratings of readers and no calls, else ``rank``.
        origin: What the predictions were taken from, for the page.
        hashes: SHA-256 of each file, by its name.
        shares: Cohorts that hold some of the same patients: differences are not pooled over them.
        unseen: Somebody states that no model was trained on these patients; else that is not known.
        notes: Sentences on what was taken for what, and on what was left out.
    """

    cohort: str
    ids: pd.Series
    labels: pd.Series
    scores: pd.DataFrame
    title: str = ""
    nodules: pd.Series | None = None
    clusters: pd.Series | None = None
    folds: pd.Series | None = None
    absent: pd.DataFrame | None = None
    groups: pd.DataFrame | None = None
    titles: Mapping[str, str] = field(default_factory=dict)
    kinds: Mapping[str, ScoreKind] = field(default_factory=dict)
    origin: str = "arrays"
    hashes: Mapping[str, str] = field(default_factory=dict)
    shares: Sequence[str] = ()
    unseen: bool = False
    notes: Sequence[str] = ()


def cohort_name(title: str) -> str:
    """A name that a cohort may have, from any title: ``"UCLA (CT)"`` → ``"UCLA-CT"``."""
    marks = unicodedata.normalize("NFC", title)
    plain = "".join(m if m in "-_." or unicodedata.category(m) in _OF_NAMES else " " for m in marks)
    name = "-".join(plain.split()).strip("-_.")[:_LONGEST].strip("-_.")
    return f"cohort-{name}".rstrip("-") if name_fault(name) else name


def inputs_of(predictions: Sequence[CohortPredictions], options: CompareOptions | None = None) -> CompareInputs:
    """What a comparison stands on, made from predictions alone.

    Nobody says what these models were trained on: their overlap with the cohort is ``unknown``, which is marked,
    unless the predictions are stated to be of ``unseen`` patients. They take part in tests.

    Args:
        predictions: One a cohort, in the order to print.
        options: What to compare and how.

    Raises:
        InputError: A case stands twice, has two labels or an id that is none, a score is not finite, a model
            asked for is no column, no case is labelled, or two cohorts have one name.
    """
    options = options or CompareOptions()
    _check_asked(predictions, options)
    cohorts, scores = [], {}
    kinds = _united_kinds(predictions)
    for one in predictions:
        cases = _cases_of_rows(one)
        cohorts.append(_cohort_of_cases(one, cases))
        scores[one.cohort] = _score_rows(one, cases, kinds, options.models or list(map(str, one.scores)))
    if options.by is not None:
        check_column(options.by, cohorts)
    units = [scores_by_unit(cohort, scores[cohort.name], options.unit) for cohort in cohorts]
    for one, scored in zip(predictions, units, strict=True):
        _check_usable(one, scored.models, len(scored.units), options)
    return CompareInputs(
        cohorts=cohorts,
        scores=scores,
        units=units,
        cards={one.cohort: _cards(one) for one in predictions},
        printed=printed_rows(options.published, [cohort.name for cohort in cohorts], options.unit),
        semantic={},
        hashes={name: value for one in predictions for name, value in one.hashes.items()},
        notes=tuple(dict.fromkeys(note for one in predictions for note in one.notes)),
        thresholds=read_thresholds(cohorts, units, source_among(cohorts, units), options),
    )


def _check_asked(predictions: Sequence[CohortPredictions], options: CompareOptions) -> None:
    problems = []
    names = [one.cohort for one in predictions]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        problems.append(Problem("two cohorts have this name", "give each its own", column="cohort", value=name))
    known = list(dict.fromkeys(str(model) for one in predictions for model in one.scores))
    for model in dict.fromkeys(options.models):
        if model not in known:
            what = f"is no model here{nearest(model, known)}"
            problems.append(Problem(what, f"models: {', '.join(known)}", column="--model", value=model))
    if problems:
        raise InputError(problems)


def _cases_of_rows(one: CohortPredictions) -> pd.DataFrame:
    """``pid, nodule_id, fold`` of each row, and whether its score is of the whole patient (``whole``)."""
    ids = _as_ids(one.ids)
    folds = text_column([ENSEMBLE] * len(ids)) if one.folds is None else _as_ids(one.folds)
    cases = pd.DataFrame({"pid": ids, "fold": folds})
    if one.clusters is not None:
        cases["pid"] = _as_ids(one.clusters)
        # A case may stand once a cluster: what tells its rows apart is its id, or the nodule in it.
        cases["nodule_id"] = ids if one.nodules is None else ids + " " + _as_ids(one.nodules)
        return cases.assign(whole=False)
    if one.nodules is not None:
        return cases.assign(nodule_id=_as_ids(one.nodules), whole=False)
    number = cases.groupby(["pid", "fold"], sort=False).cumcount() + 1
    if one.folds is not None:
        _check_rows_of_folds(one, cases)
    return cases.assign(nodule_id=number.astype(str).astype(TEXT), whole=bool((number == 1).all()))


def _as_ids(values: pd.Series) -> pd.Series:
    """Ids as text, ``""`` where one is missing, which the contract of scores refuses with its row."""
    if (
        values.dtype == TEXT
        and not values.isna().any()
        and all(isinstance(value, str) for value in values.head(1))
    ):
        return values.reset_index(drop=True)
    return text_column("" if pd.isna(value) else str(value) for value in values)


def _check_rows_of_folds(one: CohortPredictions, cases: pd.DataFrame) -> None:
    """Refuse rows of a patient in several folds that could be one case scored often, or several cases."""
    numbered = cases[cases["fold"] != ENSEMBLE]
    rows = numbered.groupby(["pid", "fold"], sort=False).size()
    folds = rows.groupby("pid", sort=False).size()
    if ((rows > 1).any() and (folds > 1).any()) or (folds == folds.max()).mean() < COMPLETE:
        what = f"{int((folds > 1).sum()):,} patients have rows in several folds, and some in fewer than others"
        what += ": nothing says which rows are of one nodule"
        raise InputError(Problem(what, "name the column of the nodule", one.origin, value=str(folds.idxmax())))


def _cohort_of_cases(one: CohortPredictions, cases: pd.DataFrame) -> Cohort:
    """The cohort whose nodule table holds each case once."""
    nodules = cases[["pid", "nodule_id"]].assign(**NO_IMAGE)
    nodules["malignant"] = _as_labels(one)
    if one.groups is not None:
        taken = [str(name) for name in one.groups if str(name) in COLUMNS]
        groups = one.groups.reset_index(drop=True).drop(columns=taken)
        for name in groups:
            nodules[str(name)] = text_column(None if pd.isna(cell) else str(cell) for cell in groups[name])
    case = ["pid", "nodule_id"]
    if nodules.duplicated(case).any():
        labels = nodules.groupby(case, sort=False)["malignant"].nunique()
        if (labels > 1).any():
            first = labels[labels > 1].reset_index().iloc[0]
            what = f"{int((labels > 1).sum()):,} cases have two labels"
            case_id = f"{first['pid']} {first['nodule_id']}"
            raise InputError(Problem(what, "correct them", one.origin, value=case_id))
        # The first label that is known, wherever it stands.
        nodules["malignant"] = nodules.groupby(case, sort=False)["malignant"].transform("max").astype("Int8")
        nodules = nodules.drop_duplicates(case, ignore_index=True)
    manifest = CohortManifest(
        name=one.cohort,
        title=one.title or one.cohort,
        shares_patients_with=tuple(one.shares),
        details={"rows": "patients"} if cases["whole"].all() else {},
    )
    return Cohort(manifest, nodules, Path())


def _as_labels(one: CohortPredictions) -> pd.Series:
    values = pd.Series(one.labels.to_numpy(np.float64, na_value=np.nan))
    wrong = values.notna() & ~values.isin((0, 1))
    if wrong.any():
        what = f"is no label ({int(wrong.sum()):,} rows)"
        raise InputError(
            Problem(what, "labels are 1, 0 or missing", one.origin, value=f"{values[wrong].iloc[0]:g}")
        )
    return values.astype("Int8")


def _score_rows(
    one: CohortPredictions, cases: pd.DataFrame, kinds: Mapping[str, ScoreKind], models: Sequence[str]
) -> pd.DataFrame:
    """The rows of a score table, model by model, checked."""
    own = [model for model in models if model in one.scores]
    parts = []
    for model in own:
        values = one.scores[model].to_numpy(np.float64, na_value=np.nan)
        there = np.ones(len(cases), dtype=bool) if one.absent is None else ~one.absent[model].to_numpy(bool)
        failed = np.isnan(values)
        parts.append(
            pd.DataFrame(
                {
                    "model": model,
                    "cohort": one.cohort,
                    "pid": cases["pid"],
                    "nodule_id": cases["nodule_id"].where(~cases["whole"], ""),
                    "fold": cases["fold"],
                    "score": values,
                    "score_kind": kinds[model],
                    "status": np.where(failed, "failed", "scored"),
                    "reason": np.where(failed, NO_SCORE, ""),
                }
            )[there]
        )
    if not parts:
        raise InputError(Problem("has no column of the models asked for", "", one.origin))
    return check_score_table(pd.concat(parts, ignore_index=True), one.origin)


def _united_kinds(predictions: Sequence[CohortPredictions]) -> dict[str, ScoreKind]:
    """What each model's scores are: the same on all cohorts, and no probabilities if they are none on one."""
    found: dict[str, ScoreKind] = {}
    for one in predictions:
        for model in map(str, one.scores):
            values = one.scores[model].to_numpy(np.float64, na_value=np.nan)
            inside = bool(((values >= 0) & (values <= 1) | np.isnan(values)).all())
            probability = inside and not are_ratings(model, values)
            kind = one.kinds.get(model, "probability" if probability else "rank")
            found[model] = kind if found.get(model, "probability") == "probability" else found[model]
    return found


def _check_usable(one: CohortPredictions, models: Sequence[str], labelled: int, options: CompareOptions) -> None:
    if not labelled:
        raise InputError(Problem(f"no {options.unit} has a label", "labels are 1, 0 or missing", one.origin))
    if not models:
        fix = "compare patients, or name the column of the nodule" if options.unit == "nodule" else ""
        raise InputError(Problem(f"no model has scores of {options.unit}s", fix, one.origin))


def _cards(one: CohortPredictions) -> dict[str, ScoreCard]:
    """A card a model that says no more than is known: nothing of what it was trained on, or that it is unseen."""
    exposure: Exposure = "unseen" if one.unseen else "unknown"
    return {
        model: ScoreCard(model, one.cohort, one.titles.get(model, model), one.origin, None, exposure)
        for model in map(str, one.scores)
    }
