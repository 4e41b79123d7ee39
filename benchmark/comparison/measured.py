"""Which metrics a comparison computes: AUROC and AUPRC always, others of the registry where they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from benchmark.comparison.units import Scored
from benchmark.errors import InputError, Problem
from benchmark.metrics.inputs import SampleError
from benchmark.metrics.registry import METRICS, NamedMetric, named_metric
from benchmark.wording import in_words

AREAS = (named_metric("auroc"), named_metric("auprc"))
"""What every comparison has."""

OPTION = "--metric"


def measured_metrics(names: Iterable[str]) -> tuple[NamedMetric, ...]:
    """AUROC, AUPRC, and the metrics asked for, each once.

    Args:
        names: Such as ``recall@specificity=0.95``; ``=0.950`` is the same metric.

    Raises:
        InputError: Names that are not known, have no readable argument, or of which neither direction is better;
            all of them at once.
    """
    found = {metric.canonical: metric for metric in AREAS}
    problems: list[Problem] = []
    for name in names:
        try:
            metric = named_metric(name)
        except SampleError as error:
            problems += [Problem(p.what, p.fix, column=OPTION, value=name) for p in error.problems]
            continue
        if metric.metric.higher_is_better is None:
            what = f"{metric.title} is better neither when it is higher nor when it is lower"
            problems.append(Problem(what, "read it in calibration.csv", column=OPTION, value=name))
        found[metric.canonical] = named_metric(metric.canonical)
    if problems:
        raise InputError(problems)
    return tuple(found.values())


def check_measurable(metrics: Iterable[NamedMetric], units: Iterable[Scored]) -> None:
    """Refuse metrics of probabilities where a model's scores are none.

    Raises:
        InputError: Every such metric, with the models and cohorts.
    """
    problems = []
    units = list(units)
    for metric in metrics:
        wrong = [
            f"{model} ({scored.cohort}: {scored.kinds[model]})"
            for scored in units
            for model in scored.models
            if metric.metric.probabilities and scored.kinds.get(model, "probability") != "probability"
        ]
        if wrong:
            what = f"{metric.title} needs probabilities, and these scores are none: {', '.join(wrong)}"
            fix = "leave the metric out, or name the other models with --model"
            problems.append(Problem(what, fix, column=OPTION, value=metric.canonical))
    if problems:
        raise InputError(problems)


def metrics_of_columns(performance: pd.DataFrame) -> list[NamedMetric]:
    """The metrics that a performance table has columns of, in their order."""
    known = [column for column in performance.columns if column.partition("=")[0] in METRICS]
    return [named_metric(column) for column in known if f"{column}_low" in performance]


def metrics_of_rows(table: pd.DataFrame) -> list[NamedMetric]:
    """The metrics that the rows of a table are of, in their order."""
    return [named_metric(str(name)) for name in dict.fromkeys(table["metric"])] if len(table) else []


def sentence_of_prevalence(metrics: Sequence[NamedMetric]) -> str:
    """That pooled differences of some metrics are of these cohorts only; empty where none follows prevalence."""
    named = [metric.title for metric in metrics if metric.metric.follows_prevalence]
    if len(named) < 2:
        return (
            f"{named[0]} depends on prevalence, so its pooled difference is of these cohorts only."
            if named
            else ""
        )
    return f"{in_words(named)} depend on prevalence, so their pooled differences are of these cohorts only."
