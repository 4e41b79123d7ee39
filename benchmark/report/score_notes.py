"""Sentences on scores that are odd, missing or of some nodules only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.comparison.evaluate import CohortResult
from benchmark.contracts.odd_scores import note_on_inversion, note_on_ties
from benchmark.contracts.scores import ENSEMBLE
from benchmark.report.compare_inputs import CompareInputs
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count


def odd_scores(results: Sequence[CohortResult], names: Names) -> tuple[str, ...]:
    """Models whose scores are tied or rank the wrong way round, on all that each scored."""
    found: list[str] = []
    for result in results:
        for model in result.available.models:
            own = result.available.of(model)
            scores, labels = own.scores[model].to_numpy(np.float64), own.labels.astype(np.float64)
            if len(np.unique(scores)) < 2:  # stands in the table as an AUROC of 0.5
                continue
            texts = [text for text in (note_on_ties(scores, labels), note_on_inversion(scores, labels)) if text]
            found += [f"{names.model(model)} on {names.cohort(own.cohort)}: {text}." for text in texts]
    return tuple(found)


def scored_in_part(lost: pd.DataFrame, names: Names) -> tuple[str, ...]:
    """Patients whose score is the highest of some of their nodules, the others having none."""
    found = []
    for row in lost[lost["scored_in_part"] > 0].to_dict("records"):
        unscored = f", of {count(row['malignant_unscored'])} of whom no malignant nodule has a score"
        found.append(
            f"{names.model(row['model'])} on {names.cohort(row['cohort'])}: {count(row['scored_in_part'])} of "
            f"{count(row['scored'])} patients are scored on some of their nodules only, "
            f"{count(row['scored_in_part_positive'])} of them positive"
            f"{unscored if row['malignant_unscored'] else ''}; their score is the highest that there is."
        )
    return tuple(found)


def censored_notes(lost: pd.DataFrame, names: Names) -> tuple[str, ...]:
    """Patients whose follow-up ended before the horizon: who stays had the event more often."""
    found = []
    for row in lost[lost["censored"] > 0].drop_duplicates("cohort").to_dict("records"):
        left = count(row["expected"] - row["unlabelled"])
        found.append(
            f"{names.cohort(row['cohort'])}: {count(row['censored'])} of {count(row['expected'])} {names.unit}s "
            "were censored before the horizon: their label is not known, and only the tables of time to event "
            "have them."
            + (
                f" Of the {left} left {count(row['expected_positive'])} are positive, a larger share than of all, "
                "and precision, AUPRC, net benefit and calibration stand on that share."
                if row["expected_positive"]
                else ""
            )
        )
    return tuple(found)


def without_scores(inputs: CompareInputs, models: Sequence[str], names: Names) -> tuple[str, ...]:
    """Models that others of the cohorts have scores of."""
    units = inputs.units
    wanted = dict.fromkeys([*models, *(model for scored in units for model in scored.models)])
    there = {cohort: set(rows["model"].unique()) for cohort, rows in inputs.scores.items()}
    return tuple(
        f"{names.model(model)} has no scores on {names.cohort(scored.cohort)} and is left out there."
        for scored in units
        for model in wanted
        if model not in there[scored.cohort] and any(model in other.models for other in units)
    )


def left_out_models(
    inputs: CompareInputs, scores: Mapping[str, pd.DataFrame], models: Sequence[str], names: Names
) -> tuple[str, ...]:
    """Models whose score tables hold no score that counts here."""
    left_out: dict[tuple[str, str], list[str]] = {}
    for scored in inputs.units:
        rows = scores[scored.cohort]
        for model, part in rows[~rows["model"].isin(scored.models)].groupby("model", sort=False):
            if models and model not in models:
                continue
            why = f"no score of a {scored.unit}"
            if (part["status"] == "failed").all():
                why = f"all {len(part)} rows failed"
            elif (part.loc[part["fold"] == ENSEMBLE, "status"] == "failed").all():
                why = "no case has a score of all its folds"
            left_out.setdefault((scored.cohort, why), []).append(names.model(str(model)))
    return tuple(
        f"Left out on {names.cohort(cohort)} ({why}): {', '.join(which)}."
        for (cohort, why), which in left_out.items()
    )
