"""The patients of a cohort that no compared model was trained on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmark.comparison.units import Scored
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.folds import FoldStructure
from benchmark.contracts.overlap import PatientsSeen, exposure_of, patients_seen
from benchmark.contracts.score_card import ScoreCard
from benchmark.errors import InputError, Problem

LEAST = 5
"""Patients of each class that must be left: of fewer an interval says next to nothing."""


@dataclass(frozen=True)
class UnseenPart:
    """What is left of a cohort without the patients that a compared model saw in training.

    Attributes:
        scored: The units that are left.
        seen: All patients of the cohort that are left out, with a label or without.
        by_model: Model → labelled patients that it saw, and positive ones of them.
        patients: Labelled patients before, and positive ones of them.
        left_out: Labelled patients left out, and positive ones of them.
        not_known: Models that saw some, and whose cards do not list which.
    """

    scored: Scored
    seen: frozenset[str]
    by_model: Mapping[str, tuple[int, int]]
    patients: tuple[int, int]
    left_out: tuple[int, int]
    not_known: tuple[str, ...] = field(default=())

    @property
    def left(self) -> tuple[int, int]:
        """Labelled patients that are left, and positive ones of them."""
        return self.patients[0] - self.left_out[0], self.patients[1] - self.left_out[1]


def unseen_part(cohort: Cohort, scored: Scored, cards: Mapping[str, ScoreCard]) -> UnseenPart:
    """Leave out the patients that a model of ``scored`` saw in training, for all its models.

    A model that saw patients of the cohort of whom its card lists none takes nobody away: it is in no test.

    Args:
        cohort: The cohort.
        scored: Its units with the scores of the models compared.
        cards: Cards beside the score tables, by model.
    """
    which = {
        model: patients_seen(card, cohort.manifest, cohort.nodules["pid"], _folds(scored, model))
        for model, card in cards.items()
        if model in scored.models
    }
    unlisted = [model for model, found in which.items() if _saw_others(cards[model], cohort, scored, model, found)]
    taken = {model: found.pids for model, found in which.items() if model not in unlisted}
    seen = frozenset[str]().union(*taken.values())
    kept = scored.only(~scored.units["pid"].isin(seen).to_numpy(dtype=bool))
    return UnseenPart(
        kept,
        seen,
        {model: _patients(scored, pids) for model, pids in taken.items() if pids},
        _patients(scored, frozenset(scored.units["pid"])),
        _patients(scored, seen),
        tuple(unlisted),
    )


def refuse_small_rests(parts: Sequence[UnseenPart]) -> None:
    """Refuse cohorts of which next to nobody is left.

    Raises:
        InputError: Names each cohort, how many each model saw, and how many are left.
    """
    problems = []
    for part in parts:
        (left, positive), (before, positive_before) = part.left, part.patients
        enough = min(LEAST, positive_before), min(LEAST, before - positive_before)
        if part.seen and (positive < enough[0] or left - positive < enough[1]):
            by_model = ", ".join(f"{model} {count:,}" for model, (count, _) in part.by_model.items())
            what = (
                f"{part.left_out[0]:,} of {before:,} patients were seen in training ({by_model}): {left:,} are "
                f"left, {positive:,} positive and {left - positive:,} negative"
            )
            fix = "leave a model out with --model, or compare without --unseen-patients"
            problems.append(Problem(what, fix, column="--cohort", value=part.scored.cohort))
    if problems:
        raise InputError(problems)


def _saw_others(card: ScoreCard, cohort: Cohort, scored: Scored, model: str, found: PatientsSeen) -> bool:
    """Whether the model saw patients of the cohort whom its card does not list."""
    own = set(scored.units["pid"].to_numpy(object)[scored.scores[model].notna().to_numpy()])
    return not found.complete and exposure_of(card, cohort.manifest, own, _folds(scored, model)) == "seen"


def _folds(scored: Scored, model: str) -> FoldStructure:
    return scored.structures.get(model, FoldStructure("none"))


def _patients(scored: Scored, pids: frozenset[str]) -> tuple[int, int]:
    """How many of some patients have a labelled unit, and how many of those a positive one."""
    own = scored.units[scored.units["pid"].isin(pids)]
    return own["pid"].nunique(), own.loc[own["label"] == 1, "pid"].nunique()
