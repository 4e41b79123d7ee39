"""Thresholds from elsewhere, as the options of a comparison name them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from benchmark.comparison.score_files import read_scores
from benchmark.comparison.thresholds import (
    GUIDELINE,
    ChosenThreshold,
    Thresholds,
    split_source,
    thresholds_chosen_on,
)
from benchmark.comparison.units import Scored, scores_by_unit
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.overlap import patients_in_both
from benchmark.contracts.text_table import nearest
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.report.compare_options import CompareOptions

FindScored = Callable[[str], tuple[Cohort, Scored]]
"""A cohort by its name, with the scores of its units."""


def read_thresholds(
    cohorts: Sequence[Cohort], units: Sequence[Scored], source_of: FindScored, options: CompareOptions
) -> Thresholds:
    """Thresholds that were given, and those chosen on another cohort.

    Args:
        cohorts: What is compared.
        units: Units of each cohort with the models' scores.
        source_of: Gives the cohort that thresholds are chosen on.
        options: What was asked for.

    Raises:
        InputError: A threshold is of no model or no number, or none can be chosen on the cohort.
    """
    models = list(dict.fromkeys(model for scored in units for model in scored.models))
    given = _given(options.thresholds, models)
    if options.threshold_from is None:
        return Thresholds(tuple(given))
    name, rule, value = split_source(options.threshold_from)
    cohort, source = source_of(name)
    held = [model for model in models if model in source.models]
    if not held:
        what = f"{cohort.name} holds no scores of {options.unit}s of any of the models that are compared"
        raise InputError(Problem(what, f"models: {', '.join(models)}", column="--threshold-from"))
    found = thresholds_chosen_on(source.keeping(held), rule, value)
    shares = {
        other.name: common
        for other in cohorts
        if other.name != cohort.name and (common := patients_in_both(cohort, other)) is not None
    }
    return Thresholds((*given, *found), shares)


def source_in_workspace(workspace: Workspace, options: CompareOptions) -> FindScored:
    """Cohorts and their scores as a workspace has them."""

    def source_of(name: str) -> tuple[Cohort, Scored]:
        cohort = workspace.cohort(name)
        return cohort, scores_by_unit(cohort, read_scores(workspace, [name])[name], options.unit)

    return source_of


def source_among(cohorts: Sequence[Cohort], units: Sequence[Scored]) -> FindScored:
    """One of the cohorts that are compared, by its name or title."""

    def source_of(name: str) -> tuple[Cohort, Scored]:
        for cohort, scored in zip(cohorts, units, strict=True):
            if name in (cohort.name, cohort.manifest.title):
                return cohort, scored
        known = [cohort.name for cohort in cohorts]
        what = f"is no cohort of this evaluation{nearest(name, known)}"
        fix = f"cohorts: {', '.join(known)}"
        raise InputError(Problem(what, fix, column="--threshold-from", value=name))

    return source_of


def _given(texts: Sequence[str], models: Sequence[str]) -> list[ChosenThreshold]:
    found, problems = [], []
    for text in texts:
        model, equals, number = text.rpartition("=")
        model, values = (model.strip(), (number,)) if equals else (text, GUIDELINE.get(text, ()))
        try:
            numbers = [float(value) for value in values]
        except ValueError:
            numbers = [math.nan]
        if model not in models:
            what, fix = (
                f"is of no model of this comparison{nearest(model, models)}",
                f"models: {', '.join(models)}",
            )
        elif not numbers or not all(map(math.isfinite, numbers)):
            what = "gives no threshold"
            fix = f"write MODEL=0.06; the name alone stands for that of a guideline: {', '.join(GUIDELINE)}"
        else:
            found += [ChosenThreshold(model, value) for value in numbers]
            continue
        problems.append(Problem(what, fix, column="--threshold", value=text))
    if problems:
        raise InputError(problems)
    return found
