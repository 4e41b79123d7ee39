"""From what was read to all that is printed: numbers, printed names, notes on what could not be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from benchmark import __version__
from benchmark.comparison.evaluate import CohortResult, evaluate_cohort
from benchmark.comparison.exposures import NO_CARD
from benchmark.comparison.groups import by_column
from benchmark.comparison.losses import losses
from benchmark.comparison.measured import AREAS, check_measurable
from benchmark.comparison.missing_scores import check_missing_columns
from benchmark.comparison.pairs import pooled_differences, strongest
from benchmark.comparison.performance import resampling_of
from benchmark.comparison.survival import SurvivalResult, survival_result
from benchmark.contracts.folds import with_pooled_scores
from benchmark.contracts.overlap import sharing_patients
from benchmark.contracts.score_card import ScoreCard
from benchmark.contracts.text_table import nearest
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.report.compare_added import added_to
from benchmark.report.compare_inputs import CompareInputs, training_copies_of
from benchmark.report.compare_options import CompareOptions
from benchmark.report.content import Content
from benchmark.report.fold_notes import folds_untested, odd_notes, pooling_notes
from benchmark.report.joining import joined
from benchmark.report.overlap_notes import copy_notes, unseen_notes
from benchmark.report.printing import names as printing
from benchmark.report.printing.names import Names, printed_names
from benchmark.report.records import run_records
from benchmark.report.score_notes import (
    censored_notes,
    left_out_models,
    odd_scores,
    scored_in_part,
    without_scores,
)


def evaluate_inputs(inputs: CompareInputs, workspace: Workspace, options: CompareOptions) -> Content:
    """Compute every number of a comparison.

    Raises:
        InputError: A metric needs probabilities that a model does not give, the reference is no model of the
            comparison, or the record of a run cannot be read.
    """
    check_measurable(options.measured, inputs.units)
    check_missing_columns(options.missing_by, inputs.cohorts)
    _check_titled(inputs, options)
    evaluated = evaluate_cohorts(inputs, options)
    scores = {name: with_pooled_scores(rows) for name, rows in inputs.scores.items()}
    names = printed_names_of(inputs, options)
    models = [model for scored in inputs.units for model in scored.models]
    lost = _losses(inputs, scores, evaluated)
    return Content(
        results=evaluated,
        cohorts=inputs.cohorts,
        names=names,
        reference=chosen_reference(options.reference, evaluated),
        losses=lost,
        exposures=inputs.exposures,
        pooled=pooled_differences(
            joined(result.pairs for result in evaluated),
            sharing_patients(cohort.manifest for cohort in inputs.cohorts),
            names.cohort,
        ),
        printed=inputs.printed,
        groups=[
            by_column(
                result.scored,
                cohort,
                options.by,
                resampling=options.resampling,
                metrics=options.measured,
                untested=result.untested,
            )
            for result, cohort in zip(evaluated, inputs.cohorts, strict=True)
            if options.by is not None
        ],
        semantic=inputs.semantic,
        runs=run_records(workspace, models, [cohort.name for cohort in inputs.cohorts]),
        workspace=workspace,
        provenance={
            "nodule-bench": __version__,
            "unit": options.unit,
            "bootstrap replicates": options.replicates,
            "sampled whole": options.sampled_whole,
            "seed": options.seed,
            "published": list(options.published),
            "inputs": inputs.hashes,
            "metrics": [metric.title for metric in options.measured[len(AREAS) :]],
        },
        scores=scores,
        show_ids=options.show_ids,
        survival=_survival(inputs, scores, options),
        taken=inputs.notes,
        thresholds=inputs.thresholds,
        missing_by=options.missing_by,
        resampling=options.resampling,
        margin=options.margins.get("auroc"),
        versus=compared_with(options.versus, evaluated),
        added=added_to(evaluated, inputs.cohorts, inputs.thresholds.chosen, options),
        notes=unseen_notes(inputs.unseen, names)
        + copy_notes(training_copies_of(inputs, workspace), names)
        + odd_notes(evaluated, names)
        + pooling_notes(inputs.units, names)
        + censored_notes(lost, names)
        + odd_scores(evaluated, names)
        + scored_in_part(lost, names)
        + without_scores(inputs, options.models, names)
        + left_out_models(inputs, scores, options.models, names)
        + (inputs.printed.missing if inputs.printed else ()),
    )


def evaluate_cohorts(inputs: CompareInputs, options: CompareOptions) -> list[CohortResult]:
    """The numbers of each cohort; models that saw its patients are tested only where that is allowed."""
    return [
        evaluate_cohort(
            scored,
            recalls=sorted(set(options.recalls)),
            specificities=sorted(set(options.specificities)),
            resampling=options.resampling,
            untested=({} if options.allow_seen else inputs.untested(scored.cohort)) | folds_untested(scored),
            metrics=options.measured,
        )
        for scored in inputs.units
    ]


def _survival(
    inputs: CompareInputs, scores: Mapping[str, pd.DataFrame], options: CompareOptions
) -> list[SurvivalResult]:
    """Time-to-event numbers of the cohorts with follow-up."""
    found = []
    for cohort, scored in zip(inputs.cohorts, inputs.units, strict=True):
        untested = ({} if options.allow_seen else inputs.untested(cohort.name)) | folds_untested(scored)
        resampling = resampling_of(cohort.nodules["pid"].nunique(), options.resampling)
        rows = scores[cohort.name]
        for part in inputs.unseen:
            if part.scored.cohort == cohort.name:
                rows = rows[~rows["pid"].isin(part.seen)]
        result = survival_result(cohort, rows, scored.models, untested=untested, resampling=resampling)
        found += [result] if result is not None else []
    return found


def printed_names_of(inputs: CompareInputs, options: CompareOptions) -> Names:
    """Printed names of cohorts and models with the marks of training overlap."""
    marks: dict[str, str] = {"seen": printing.SEEN, "unknown": printing.UNKNOWN_OVERLAP, NO_CARD: printing.NO_CARD}
    marks["cross-validated"] = printing.CROSS_VALIDATED
    records = inputs.exposures.to_dict("records")
    stated: dict[str, set[str]] = {}
    for row in records:
        stated.setdefault(row["model"], set()).update([row["title"]] if row["title"] else [])
    # A model that its cards call differently from cohort to cohort is printed by its name.
    from_cards = {model: next(iter(found)) if len(found) == 1 else model for model, found in stated.items()}
    given = {model: options.titles[model] for model in from_cards if model in options.titles}
    return Names(
        printed_names(
            {one.name: options.cohort_titles.get(one.name, one.manifest.title) for one in inputs.cohorts}
        ),
        printed_names({**from_cards, **given}),
        {(row["cohort"], row["model"]): marks[row["exposure"]] for row in records if row["exposure"] in marks},
        options.unit,
        options.allow_seen,
    )


def _check_titled(inputs: CompareInputs, options: CompareOptions) -> None:
    """Refuse titles of what is not compared, of which nobody would see that they stand nowhere."""
    cohorts = [cohort.name for cohort in inputs.cohorts]
    models = list(dict.fromkeys(model for rows in inputs.scores.values() for model in rows["model"].unique()))
    problems = [
        Problem(f"is no {what} of this comparison{nearest(name, known)}", f"{what}s: {', '.join(known)}",
                column=option, value=name)
        for option, what, titles, known in (
            ("--title", "model", options.titles, models),
            ("--cohort-title", "cohort", options.cohort_titles, cohorts),
        )
        for name in titles
        if name not in known
    ]  # fmt: skip
    if problems:
        raise InputError(problems)


def chosen_reference(given: str | None, results: Sequence[CohortResult]) -> str:
    """The model that differences are taken from: the one asked for, else the strongest of those that are tested.

    Raises:
        InputError: The one asked for is not compared.
    """
    models = sorted({model for result in results for model in result.scored.models})
    if given is not None and given not in models:
        what = f"is no model of this comparison{nearest(given, models)}"
        raise InputError(Problem(what, f"models: {', '.join(models)}", column="--reference", value=given))
    if given is not None:
        return given
    tested = [table[~table["model"].isin(result.untested)] for result in results for table in [result.performance]]
    return strongest(tested if any(len(table) for table in tested) else [r.performance for r in results])


def compared_with(versus: str | None, results: Sequence[CohortResult]) -> str:
    """The model that the others must not be worse than; empty where nobody named one.

    Raises:
        InputError: It is not compared.
    """
    models = sorted({model for result in results for model in result.available.models})
    if versus is not None and versus not in models:
        what = f"is no model of this comparison{nearest(versus, models)}"
        raise InputError(Problem(what, f"models: {', '.join(models)}", column="--versus", value=versus))
    return versus or ""


def _losses(
    inputs: CompareInputs, scores: Mapping[str, pd.DataFrame], results: Sequence[CohortResult]
) -> pd.DataFrame:
    return pd.concat(
        [
            losses(
                cohort,
                result.available,
                scores[cohort.name],
                _extra(inputs.cards[cohort.name]),
                odd=result.odd,
            )
            for cohort, result in zip(inputs.cohorts, results, strict=True)
        ],
        ignore_index=True,
    )


def _extra(cards: Mapping[str, ScoreCard]) -> dict[str, Sequence[str]]:
    """Ids of a model's files that the cohort does not have."""
    return {model: card.extra for model, card in cards.items() if card.extra}
