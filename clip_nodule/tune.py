"""A search over settings: trials that are trained one after another, their table, and the configuration chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import torch

from benchmark.cohorts.joint import join_cohorts
from benchmark.contracts.names import require_name
from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError, Problem
from benchmark.extras import require_extra
from benchmark.formats.json import read_json
from benchmark.outputs.command_line import command_line
from benchmark.outputs.locks import holding
from benchmark.outputs.run_record import RunRecord, check_record, installed_version
from benchmark.outputs.written import check_own, remove_own
from benchmark.progress import Progress
from benchmark.wording import in_words
from clip_nodule.runs.configuration import overridden
from clip_nodule.runs.run_folder import MANIFEST
from clip_nodule.runs.run_hashes import RECORD
from clip_nodule.runs.settings import Settings
from clip_nodule.search.checked import checked_settings
from clip_nodule.search.outcome import (
    CONFIG,
    METRICS,
    PAGE,
    TABLE,
    choice_notes,
    number_notes,
    write_chosen,
    write_trials,
)
from clip_nodule.search.proposals import propose
from clip_nodule.search.same import input_files, require_same_data, require_same_files, require_trial, values_of
from clip_nodule.search.space import (
    Sweep,
    described,
    number_of_trials,
    require_possible,
    tries_all,
)
from clip_nodule.search.trials import (
    BY,
    CHOSEN_BY,
    DONE,
    FAILED,
    NothingToChoose,
    Trial,
    best_trials,
    largest_is_best,
    read_trial,
)
from clip_nodule.train import TrainingRequest, TrainingStopped, train_run
from clip_nodule.training.data import split_patients
from clip_nodule.training.inputs import folds_of, texts_of
from clip_nodule.trials_elsewhere import TrialToTrain, train_trials_elsewhere

TRIAL: Final = "trial"
INPUTS: Final = "inputs.json"


@dataclass(frozen=True)
class Search:
    """What is searched, and how.

    Attributes:
        sweeps: ``NAME=VALUE,VALUE`` or ``NAME=LOW:HIGH``, ``NAME=LOW:HIGH:log`` (see ``parse_sweeps``).
        trials: How many; by default every combination.
        by: ``auroc``, ``auprc`` or ``loss``: the mean over validation folds that chooses.
        name: Runs are named ``<name>-000`` and so on.
    """

    sweeps: Sequence[str]
    trials: int | None = None
    by: str = BY
    name: str = "tune"


@dataclass(frozen=True)
class Searched:
    """What came of a search.

    Attributes:
        folder: Where its table, page and configuration are.
        trials: See ``trials_frame``.
        varied: Settings that were varied.
        best: Runs with the best mean; the first is chosen.
        notes: What a reader should know.
    """

    folder: Path
    trials: pd.DataFrame
    varied: tuple[str, ...]
    best: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Plan:
    """A search whose input was checked."""

    cohorts: tuple[str, ...]
    request: TrainingRequest
    workspace: Workspace
    search: Search
    settings: Settings
    sweeps: tuple[Sweep, ...]
    total: int

    @property
    def folder(self) -> Path:
        return self.workspace.search(self.search.name)

    @property
    def varied(self) -> tuple[str, ...]:
        return tuple(sweep.name for sweep in self.sweeps)

    def run(self, number: int) -> Path:
        return self.workspace.run(f"{self.search.name}-{number:03d}")


def run_search(
    cohort: str | Sequence[str],
    search: Search,
    request: TrainingRequest | None = None,
    workspace: Workspace | None = None,
    *,
    progress: Progress | None = None,
) -> Searched:
    """Train every trial that is not trained yet, and choose by the mean over validation folds.

    Trials differ in what is varied and in nothing else: folds, seed and data are the same, and patients that are
    held out take part in none. What is tried next depends on the trials before and the seed alone, so that a
    search that was killed goes on with the same call, and ends as it would have ended. On other machines all
    folds of all trials are tasks at the same time, unless Optuna proposes each trial from those before it.

    Example::

        >>> from clip_nodule.train import TrainingRequest
        >>> from clip_nodule.tune import Search, run_search
        >>> few = {"folds": 2, "epochs": 1, "test_fraction": 0, "tuning": "probe", "parallel": 1}
        >>> found = run_search("nlst", Search(["learning_rate=1e-4,1e-3"]), TrainingRequest("tiny-cpu", few))
        >>> found.folder.as_posix(), len(found.trials), found.best[0] in found.trials["run"].tolist()
        ('results/tune/tune', 2, True)

    Args:
        cohort: See ``train_run``.
        search: What is searched, and how.
        request: What all trials have in common.
        workspace: See ``train_run``.
        progress: Called with what is done, the total and a line; ``TRIAL`` begins the lines on trials.

    Raises:
        InputError: Settings, sweeps, cohorts or folds are wrong, or runs of the trials' names are none of this
            search; nothing was trained.
        NothingToChoose: All trials diverged or failed; their table was written.
    """
    plan = _checked_plan(cohort, search, request or TrainingRequest(), workspace or Workspace())
    record = RunRecord(command_line(), {**asdict(search), "settings": plan.settings.model_dump(mode="json")})
    with holding(plan.folder):
        check_own(plan.folder, (TABLE, METRICS, PAGE, CONFIG, INPUTS))
        check_record(plan.folder / RECORD)
        there = _trials_there(plan)
        files = input_files(
            [plan.workspace.cohort(name) for name in plan.cohorts], plan.request.texts, plan.request.splits
        )
        require_same_files(files, plan.folder / INPUTS, begun=bool(there))
        _train_grid_elsewhere(plan, there, progress)
        trials: list[Trial] = []
        for number in range(plan.total):
            trial = read_trial(number, plan.run(number), there[number]) if number in there else None
            if trial is None:
                trial = _trained(plan, trials, number, there, progress)
                require_same_data([plan.run(other) for other in there])
                if number + 1 < plan.total:
                    lead = f"{number + 1} of {plan.total} trials are done; nothing is chosen yet."
                    write_trials(plan.folder, [*trials, trial], plan.sweeps, search.by, lead=lead)
            trials.append(trial)
        searched = _written(plan, trials)
        facts = {"chosen": searched.best[0], "notes": searched.notes, "optuna": installed_version("optuna")}
        record.write(plan.folder / RECORD, **facts)
    return searched


def _checked_plan(
    cohort: str | Sequence[str], search: Search, request: TrainingRequest, workspace: Workspace
) -> _Plan:
    """Check everything that can be checked before anything trains."""
    require_name(search.name, "search", "--name")
    if search.by not in CHOSEN_BY:
        fix = f"choose by {in_words(CHOSEN_BY)}"
        raise InputError(Problem("is no measure to choose by", fix, None, None, "--choose-by", search.by))
    names = (cohort,) if isinstance(cohort, str) else tuple(cohort)
    settings, sweeps = checked_settings(search.sweeps, request.config, request.settings)
    total = number_of_trials(sweeps, search.trials)
    if not tries_all(sweeps, total):
        require_extra("tune", "a search that tries some of its combinations")
    joint = join_cohorts([workspace.cohort(name) for name in names])
    settings, folds = folds_of(request.splits, request.settings, settings, joint)
    require_possible(sweeps, settings)
    texts_of(request.texts, names)
    split_patients(joint.nodules, settings, request.seed, folds)
    return _Plan(names, request, workspace, search, settings, sweeps, total)


def _trials_there(plan: _Plan) -> dict[int, dict[str, Any]]:
    """What trials vary whose run was begun, by number.

    Raises:
        InputError: A run of a trial's name is none of this search, or there are more than it has trials.
    """
    if (plan.run(plan.total) / MANIFEST).is_file():
        what = f"is there already, and this search ends before it: it has {plan.total} trials"
        raise InputError(
            Problem(what, "give --trials N with at least as many, or another --name", plan.run(plan.total))
        )
    there = {number: values_of(plan.run(number), plan.sweeps) for number in range(plan.total)}
    begun = {number: values for number, values in there.items() if values is not None}
    for number, values in begun.items():
        require_trial(plan.run(number), overridden(plan.settings, values), plan.cohorts, plan.request.seed)
    require_same_data([plan.run(number) for number in begun])
    return begun


def _train_grid_elsewhere(plan: _Plan, there: dict[int, dict[str, Any]], progress: Progress | None) -> None:
    """Train on other machines, all at once, what is not trained yet of trials that do not depend on each other."""
    place = plan.request.place
    if place is None or not tries_all(plan.sweeps, plan.total):
        return
    left = [n for n in range(plan.total) if n not in there or read_trial(n, plan.run(n), there[n]) is None]
    trials = [TrialToTrain(plan.run(n).name, *_request_of(plan, [], n, there, progress)) for n in left]
    try:
        train_trials_elsewhere(plan.cohorts, trials, place, plan.workspace, progress)
    except torch.OutOfMemoryError:  # one after the other they say of which trial it was
        for number in left:
            if not (plan.run(number) / MANIFEST).is_file():
                del there[number]


def _request_of(
    plan: _Plan, before: Sequence[Trial], number: int, there: dict[int, dict[str, Any]], progress: Progress | None
) -> tuple[TrainingRequest, bool]:
    """What a trial trains, and whether its run was begun; what it varies is added to ``there``."""
    by, run, begun = plan.search.by, plan.run(number), number in there
    request = plan.request
    if begun:  # a run keeps the folds and texts that it was begun with
        request = replace(request, splits=None, texts=None)
    else:
        there[number] = propose(
            plan.sweeps, [trial.tried(by) for trial in before], list(there.values()),
            total=plan.total, seed=request.seed, largest=largest_is_best(by),
        )  # fmt: skip
    values = there[number]
    if progress is not None:
        progress(0, 1, f"{TRIAL} {number + 1} of {plan.total}: {described(values)}, as the run {run.name}")
    return replace(request, settings={**request.settings, **values}), begun


def _trained(
    plan: _Plan, before: Sequence[Trial], number: int, there: dict[int, dict[str, Any]], progress: Progress | None
) -> Trial:
    """Train a trial, or go on with it where it was begun; what it varies is added to ``there``."""
    request, begun = _request_of(plan, before, number, there, progress)
    run, values = plan.run(number), there[number]
    try:
        train_run(plan.cohorts, request, plan.workspace, name=run.name, resume=begun, progress=progress)
    except torch.OutOfMemoryError as error:
        return Trial(number, run.name, values, FAILED, f"out of memory: {str(error).splitlines()[0]}")
    except TrainingStopped:
        pass  # its record says which folds, and why
    trial = read_trial(number, run, values)
    if trial is None:
        raise RuntimeError(f"{run} is trained and has no hashes")
    return trial


def _written(plan: _Plan, trials: Sequence[Trial]) -> Searched:
    """Choose, and write everything."""
    by = plan.search.by
    try:
        best = best_trials(trials, by)
    except NothingToChoose as error:
        write_trials(plan.folder, trials, plan.sweeps, by, lead=str(error))
        remove_own(plan.folder, [CONFIG])
        raise
    records = (read_json(plan.run(trial.number) / RECORD) for trial in trials if trial.state == DONE)
    devices = list(dict.fromkeys(str(record.get("device")) for record in records))
    notes = choice_notes(trials, best, by, devices) + number_notes(plan.sweeps, plan.total, plan.search.trials)
    frame = write_trials(plan.folder, trials, plan.sweeps, by, best, lead=" ".join(notes))
    write_chosen(plan.folder, overridden(plan.settings, best[0].values), notes)
    return Searched(plan.folder, frame, plan.varied, tuple(trial.run for trial in best), tuple(notes))
