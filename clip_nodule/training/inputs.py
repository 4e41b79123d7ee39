"""What a run is given: the crops of its cohorts, folds that were made before, texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.cohorts.given_folds import GivenFolds, read_given_folds
from benchmark.cohorts.joint import JointCohort
from benchmark.contracts.cohort import Cohort
from benchmark.contracts.text_table import nearest
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.imaging.cropping.cohort import crops_of
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.recipe import Recipe
from benchmark.progress import Progress, labelled
from clip_nodule.runs.configuration import overridden, settings_by_place
from clip_nodule.runs.settings import PLACES, Settings

OF_A_SPLIT = ("folds", "test_fraction", "hold_out")
"""Settings that folds which were made before decide."""


def joined_crops(
    cohorts: Sequence[Cohort], workspace: Workspace, recipe: Recipe | str, progress: Progress | None = None
) -> JoinedStore:
    """The crops of all cohorts; what is missing is made."""
    several = len(cohorts) > 1
    return JoinedStore.of(
        [
            crops_of(
                cohort,
                workspace.results,
                recipe,
                progress=labelled(progress, f"crops of {cohort.name}" if several else "crops"),
            )
            for cohort in cohorts
        ]
    )


def folds_of(
    splits: Path | None, asked: Mapping[str, Any], settings: Settings, joint: JointCohort
) -> tuple[Settings, GivenFolds | None]:
    """Folds that were made before, if there are some, and settings that agree with them.

    Args:
        splits: Their folder; None where folds are to be drawn.
        asked: Settings that were asked for beside the configuration's.
        settings: All settings.
        joint: The cohorts.

    Raises:
        InputError: The folds are wrong, settings ask for others, or patients are to be held out twice or of a
            cohort that is not trained on.
    """
    names = [cohort.name for cohort in joint.cohorts]
    if strange := [name for name in settings.data.hold_out if name not in names]:
        raise InputError([_not_trained_on(name, names, "hold_out") for name in strange])
    named = {place for place, _, _ in settings_by_place(asked, "settings")}
    both = {PLACES["hold_out"], PLACES["test_fraction"]} <= named
    if both and settings.data.hold_out and settings.data.test_fraction:
        what = "says of every cohort what hold_out says of each"
        raise InputError(Problem(what, "leave out one of the two", None, None, "test_fraction"))
    if splits is None:
        return settings, None
    decided = [name for name in OF_A_SPLIT if PLACES[name] in named]
    given = read_given_folds(splits, joint.nodules)
    if PLACES["folds"] in named and settings.data.folds == given.folds:
        decided.remove("folds")
    if decided:
        what = f"the folds in it decide: there are {given.folds}"
        fix = f"leave out --splits, or {' and '.join(decided)}"
        raise InputError(Problem(what, fix, splits, column="--splits"))
    return overridden(settings, {"folds": given.folds, "test_fraction": 0.0, "hold_out": {}}), given


def texts_of(texts: Path | Mapping[str, Path] | None, names: Sequence[str]) -> Path | Mapping[str, Path] | None:
    """The files of texts, of several cohorts by name.

    Raises:
        InputError: A file is not said to be whose, or is of a cohort that is not trained on.
    """
    if isinstance(texts, Path) and len(names) > 1:
        fix = f"give one a cohort, e.g. --text {names[0]}={texts.name}"
        raise InputError(Problem("does not say which cohort's texts it holds", fix, texts, column="--text"))
    if isinstance(texts, Mapping):
        strange = [name for name in texts if name not in names]
        if strange:
            raise InputError([_not_trained_on(name, names, "--text") for name in strange])
    return texts


def _not_trained_on(name: str, names: Sequence[str], option: str) -> Problem:
    fix = f"cohorts of this run: {', '.join(names)}"
    return Problem(f"is no cohort that is trained on{nearest(name, list(names))}", fix, None, None, option, name)
