"""From labels and scores in memory to an evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, TypedDict, Unpack

from benchmark.comparison.measured import check_measurable
from benchmark.comparison.units import Unit
from benchmark.contracts.text_table import nearest
from benchmark.errors import InputError, Problem
from benchmark.evaluation.arrays import Arrays, grouping_columns, predictions_of, repeated_ids, split_cohorts
from benchmark.evaluation.evaluation import Evaluation
from benchmark.evaluation.predictions import CohortPredictions, inputs_of
from benchmark.evaluation.several_cohorts import with_own_names, with_shared_patients
from benchmark.metrics.sequences import as_numbers
from benchmark.report.compare_options import CompareOptions, check_options
from benchmark.statistics.resampling import as_seed


class EvaluationSettings(TypedDict, total=False):
    """What may be asked of an evaluation besides its data; see `CompareOptions` for each.

    Attributes:
        unit: ``patient`` or ``nodule``.
        recalls: Recalls of the operating points.
        specificities: Specificities that the models' recalls are compared at.
        replicates: Bootstrap replicates.
        seed: Seed of the bootstrap.
        sampled_whole: The cohorts were sampled as a whole: the number of positives is chance.
        titles: Printed names of models.
        metrics: Metrics besides AUROC and AUPRC, such as ``npv@recall=0.9``.
        reference: Model that differences are taken from.
        published: Papers whose printed rows stand beside.
        show_ids: Print ids on the page instead of pseudonyms.
        thresholds: Thresholds of models from elsewhere: ``["clip=0.06"]``.
        threshold_from: The cohort to choose thresholds on: ``"NLST:recall=0.9"``.
        prevalences: Shares of positives to give predictive values of these thresholds at.
        within: Strata of a model or column, or parts of the cases, to measure AUROC in: ``["brock", "size<8"]``.
        fused: Two models each to fuse: ``["size+clip"]``.
        top: Numbers of highest scores to count the positives in: ``["100", "5%"]``.
        missing_by: Columns that say who lacks a score: weights are made from them.
        unseen: Say that no model was trained on these patients; else the tables mark that it is not known.
        columns: These columns and those of ``within``, with a value a row, such as sizes: a mapping or table.
    """

    unit: Unit
    recalls: Sequence[float]
    specificities: Sequence[float]
    replicates: int
    seed: int
    sampled_whole: bool
    titles: Mapping[str, str]
    metrics: Sequence[str]
    reference: str | None
    published: Sequence[str]
    show_ids: bool
    thresholds: Sequence[str]
    threshold_from: str | None
    prevalences: Sequence[float]
    within: Sequence[str]
    fused: Sequence[str]
    top: Sequence[str]
    missing_by: Sequence[str]
    unseen: bool
    columns: Any


def evaluate(
    labels: Any,  # noqa: ANN401
    scores: Any,  # noqa: ANN401
    *,
    ids: Any = None,  # noqa: ANN401
    cluster: Any = None,  # noqa: ANN401
    by: Any = None,  # noqa: ANN401
    folds: Any = None,  # noqa: ANN401
    cohort: str = "cohort",
    **settings: Unpack[EvaluationSettings],
) -> Evaluation:
    """Compare models on labels and scores: what ``bench compare`` gives, without files.

    Every sequence may be a list, an array, a Series of pandas or polars, or anything with ``__array__``. Rows go
    by position; only where labels and another argument are both of pandas are they matched by their index, as in
    `benchmark.metrics`.

    Example::

        >>> from benchmark import evaluate
        >>> labels = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0]
        >>> first = [0.9, 0.8, 0.4, 0.7, 0.5, 0.3, 0.2, 0.1, 0.35, 0.15]
        >>> second = [5, 2, 4, 1, 3, 0, 2, 1, 0, 1]
        >>> found = evaluate(labels, {"a": first, "b": second}, cohort="UCLA", replicates=200)
        >>> found
        Evaluation of 2 models (a, b) on UCLA: 10 patients, 4 positive
        >>> found.performance[["model", "n", "auroc"]].round(3).to_dict("records")
        [{'model': 'a', 'n': 10, 'auroc': 0.958}, {'model': 'b', 'n': 10, 'auroc': 0.812}]

    Args:
        labels: 1 malignant, 0 benign, missing where not known, ``(n,)``. Of several cohorts: a mapping of their
            titles to the labels of each; all other arguments are then mappings of the same titles.
        scores: Higher means more malignant, ``(n,)`` of one model, or a mapping or table (pandas, polars, pyarrow)
            with a column a model. Missing where a model gave none: numbers are then of the rows that all models
            scored, and `Evaluation.notes` says how many.
        ids: Patient of each row, ``(n,)``; by default every row is a patient of its own. An id in two cohorts is
            the same patient in both: differences are then not pooled over them, and `Evaluation.notes` says so.
        cluster: What each row is resampled with in place of its patient, ``(n,)``, such as the patient of a scan:
            every row then counts, with intervals that allow for rows of one cluster.
        by: Values to group by, ``(n,)``, a Series under its own name, or ``{"name": values}``.
        folds: Number of the fold that each row was scored in, ``(n,)``: all rows of a patient are then one case.
        cohort: Title of the cohort.
        **settings: See `EvaluationSettings`.

    Returns:
        The evaluation. Input is checked at once, numbers are computed when they are asked for.

    Raises:
        InputError: What the arguments above do not allow, all at once; an unknown metric; patients of several rows
            where nobody says what counts (``unit``).
    """
    columns, unseen = settings.pop("columns", None), settings.pop("unseen", False)
    given = split_cohorts(Arrays(labels, scores, ids, cluster, by, folds, columns), str(cohort or "cohort"))
    several = len(given) > 1
    predictions = [
        predictions_of(one, title, f"{at}-" if several else "") for at, (title, one) in enumerate(given.items())
    ]
    named = with_shared_patients(with_own_names(predictions))
    predictions = [replace(one, unseen=bool(unseen)) for one in named]
    options = _options(predictions, settings, _grouping([one.by for one in given.values()]))
    inputs = inputs_of(predictions, options)
    check_measurable(options.measured, inputs.units)
    return Evaluation(inputs, options)


def _options(
    predictions: Sequence[CohortPredictions], settings: EvaluationSettings, by: str | None
) -> CompareOptions:
    """What was asked for, checked before anything is computed."""
    given: dict[str, Any] = dict(settings)
    given.setdefault("unit", None)
    given["unit"] = given["unit"] or _unit(predictions)
    for name in ("metrics", "published", "thresholds", "within", "fused", "top", "missing_by"):
        if isinstance(given.get(name), str):
            given[name] = (given[name],)
    for name in ("recalls", "specificities", "prevalences"):
        if name in given:
            shares = given[name]
            given[name] = as_numbers([shares] if isinstance(shares, float) else shares, name).tolist()
    given["seed"] = as_seed(given.get("seed", 0))
    options = CompareOptions(**given, by=by)
    check_options(options)
    problems = []
    if not isinstance(options.replicates, Integral) or options.replicates < 1:
        problems.append(Problem(f"replicates {options.replicates!r}", "expected a whole number, at least 1"))
    models = list(dict.fromkeys(str(model) for one in predictions for model in one.scores))
    for name in dict.fromkeys([*options.titles, *([options.reference] if options.reference is not None else [])]):
        if name not in models:
            what = f"{name!r} is no model here{nearest(name, models)}"
            problems.append(Problem(what, f"models: {', '.join(models)}"))
    if problems:
        raise InputError(problems)
    return options


def _grouping(given: Sequence[Any]) -> str | None:
    """The name of the column to group by; cohorts share it."""
    names = list(dict.fromkeys(name for by in given for name in grouping_columns(by)))
    if len(names) > 1:
        raise InputError(Problem(f"by: cohorts group by {', '.join(names)}", "give them one name"))
    return names[0] if names else None


def _unit(predictions: Sequence[CohortPredictions]) -> Unit:
    """What counts where nobody said so: rows that are clustered, patients that have a row each."""
    for one in predictions:
        repeated = repeated_ids(one)
        if repeated:
            what = f"{one.title}: {repeated} patients have several rows: what counts?"
            fix = "unit='nodule' counts every row, unit='patient' the highest score of a patient"
            raise InputError(Problem(what, fix))
    return "nodule" if any(one.clusters is not None for one in predictions) else "patient"
