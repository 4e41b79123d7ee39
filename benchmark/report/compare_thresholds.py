"""Thresholds from elsewhere, as the options of a comparison name them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchmark.comparison.score_files import read_scores
from benchmark.comparison.thresholds import GUIDELINE, ChosenThreshold, split_source, thresholds_chosen_on
from benchmark.comparison.units import Scored, scores_by_unit
from benchmark.contracts.text_table import nearest
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.report.compare_options import CompareOptions


def read_thresholds(
    units: Sequence[Scored], workspace: Workspace, options: CompareOptions
) -> tuple[ChosenThreshold, ...]:
    """Thresholds that were given, then those chosen on another cohort.

    Raises:
        InputError: A threshold is of no model or no number, or none can be chosen on the cohort.
    """
    models = list(dict.fromkeys(model for scored in units for model in scored.models))
    return (*_given(options.thresholds, models), *_chosen(models, workspace, options))


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


def _chosen(models: Sequence[str], workspace: Workspace, options: CompareOptions) -> list[ChosenThreshold]:
    if options.threshold_from is None:
        return []
    name, rule, value = split_source(options.threshold_from)
    cohort = workspace.cohort(name)
    source = scores_by_unit(cohort, read_scores(workspace, [name])[name], options.unit)
    held = [model for model in models if model in source.models]
    if not held:
        what = f"holds no scores of {options.unit}s of any of the models that are compared"
        raise InputError(Problem(what, f"models: {', '.join(models)}", workspace.scores(name)))
    return thresholds_chosen_on(source.keeping(held), rule, value)
