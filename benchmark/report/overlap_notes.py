"""Sentences on the patients that a comparison leaves out because a model was trained on them."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.comparison.training_copies import TrainingCopies
from benchmark.comparison.unseen import UnseenPart
from benchmark.report.printing.names import Names
from benchmark.report.printing.numbers import count


def unseen_notes(parts: Iterable[UnseenPart], names: Names) -> tuple[str, ...]:
    """How many patients each model saw in training, how many remain, and of which models nobody knows."""
    found = []
    for part in parts:
        cohort, (before, before_positive), (left, positive) = (
            names.cohort(part.scored.cohort),
            part.patients,
            part.left,
        )
        if part.left_out[0]:
            dropped, dropped_positive = part.left_out
            by_model = ", ".join(
                f"{names.model(model)} {count(seen)}" for model, (seen, _) in part.by_model.items()
            )
            found.append(
                f"{cohort}: {count(dropped)} of {count(before)} patients ({count(dropped_positive)} of "
                f"{count(before_positive)} positive) are left out, as compared models saw them in training "
                f"({by_model}); {count(left)} remain, {count(positive)} of them positive."
            )
        else:
            found.append(
                f"{cohort}: no card lists a patient of it as seen in training; all {count(before)} remain."
            )
        if part.not_known:
            models = ", ".join(map(names.model, part.not_known))
            found.append(f"{cohort}: which patients {models} saw in training is not listed; in no test.")
    return tuple(found)


def copy_notes(copies: Iterable[TrainingCopies], names: Names) -> tuple[str, ...]:
    """Warnings of patients who stand in a training cohort under another id."""
    told = []
    for found in copies:
        models = ", ".join(map(names.model, found.models))
        told.append(
            f"Warning: {count(len(found.pids))} patients of {names.cohort(found.cohort)} stand in {found.trained} "
            f"too, which {models} was trained on ({count(found.by_series)} by series UID, "
            f"{count(found.by_fingerprint)} by the fingerprint of a nodule): "
            f"bench cohort overlap {found.cohort} {found.trained} lists them."
        )
    return tuple(told)
