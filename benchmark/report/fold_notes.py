"""Sentences on what was made of a model's folds, and on models that are left out because they fit no other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmark.comparison.evaluate import CohortResult
from benchmark.comparison.folds import LeftOut
from benchmark.comparison.units import Scored
from benchmark.contracts.folds import FoldStructure
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count


def folds_untested(scored: Scored) -> dict[str, str]:
    """Models whose folds are neither whole models nor parts of a cross-validation: in no test, and why."""
    return {
        model: f"its folds scored some {scored.unit}s {found.fewest} and others {found.most} times, so that it is "
        "neither an ensemble nor a cross-validation"
        for model, found in scored.structures.items()
        if found.kind == "mixed" and not found.stated and model in scored.models
    }


def pooling_notes(units: Sequence[Scored], names: Names) -> tuple[str, ...]:
    """How a score was made of folds, where the score table has no ensemble or it is not what the folds say."""
    return _together(
        (
            (scored.cohort, model, text)
            for scored in units
            for model in scored.models
            if model in scored.structures
            for text in _of_model(scored.structures[model])
        ),
        names,
    )


def odd_notes(results: Iterable[CohortResult], names: Names) -> tuple[str, ...]:
    """Models that would have left the others without a comparison."""
    return tuple(
        f"{names.model(model)} is left out of the comparison on {names.cohort(result.scored.cohort)}: {why}. "
        "Its own numbers stand where each model is on all that it scored."
        for result in results
        for model, why in result.odd.items()
    )


def left_out_notes(left_out: Iterable[LeftOut], names: Names) -> tuple[str, ...]:
    """Models with folds that are in no test over folds."""
    found = _together(((cohort, model, f"{why}.") for cohort, model, why in left_out), names)
    return tuple(f"In no test over folds: {text}" for text in found)


def _together(found: Iterable[tuple[str, str, str]], names: Names) -> tuple[str, ...]:
    """One sentence for all models of a cohort that the same is said of."""
    models: dict[tuple[str, str], list[str]] = {}
    for cohort, model, text in found:
        models.setdefault((cohort, text), []).append(names.model(model))
    return tuple(
        f"{', '.join(named)} on {names.cohort(cohort)}: {text}" for (cohort, text), named in models.items()
    )


def _of_model(found: FoldStructure) -> list[str]:
    times = f"{found.most} of {len(found.names)} folds" if found.most > 1 else f"one of {len(found.names)} folds"
    texts = []
    if found.kind == "out-of-fold":
        if not found.agrees:
            texts.append(
                f"each case is in {times}, but the ensemble in its table is not the score of these folds; the "
                "ensemble counts, and may come from models that were trained on the case."
            )
        elif not found.stated:
            pooled = "its own fold's" if found.most == 1 else "the mean of these folds"
            texts.append(f"held-out folds, each case in {times}; its score is {pooled}.")
        if found.leaks:
            texts.append(
                f"{count(found.split)} of {count(found.patients)} patients stand in several folds, so that their "
                "other nodules were in training: that counts as having seen them."
            )
    elif not found.stated and found.kind == "complete":
        texts.append(f"no ensemble in its table; its score is the mean of its {len(found.names)} folds.")
    elif not found.stated and found.kind == "mixed":
        texts.append(
            f"no ensemble in its table, and a case is in {found.fewest} to {found.most} of its "
            f"{len(found.names)} folds; its score is the mean of those, and it is in no test. Give every fold all "
            "cases, or every case one fold."
        )
    if found.lost and not found.stated:
        texts.append(f"{count(found.lost)} cases are left out, because some of its folds have no score of them.")
    return texts
