"""Trials that need not wait for each other, trained on other machines: trial × fold, each a task of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from benchmark.contracts.workspace import Workspace
from benchmark.progress import Progress
from benchmark.work.other_machines import OtherMachines
from clip_nodule.train import TrainingRequest, TrainingStopped, begun_run, end_run
from clip_nodule.training.folds.elsewhere import FoldsElsewhere, train_elsewhere
from clip_nodule.training.folds.fold_runner import stacks_of


@dataclass(frozen=True)
class TrialToTrain:
    """A trial that is not at its end.

    Attributes:
        name: Of its run.
        request: What it trains.
        resume: Whether its run was begun.
    """

    name: str
    request: TrainingRequest
    resume: bool


def train_trials_elsewhere(
    cohorts: Sequence[str],
    trials: Sequence[TrialToTrain],
    place: OtherMachines,
    workspace: Workspace,
    progress: Progress | None = None,
) -> None:
    """Train the folds of all trials at once, as many as the other machines have room for.

    Args:
        cohorts: See ``train_run``.
        trials: The trials; the same ones again join the jobs that were submitted for them.
        place: The other machines.
        workspace: See ``train_run``.
        progress: Called with folds done and their number.

    Raises:
        BenchError: Workers died each time that they trained some folds; the others are kept.
    """
    if not trials:
        return
    with ExitStack() as held:
        begun = [
            held.enter_context(
                begun_run(
                    cohorts, trial.request, workspace, name=trial.name, resume=trial.resume, progress=progress
                )
            )
            for trial in trials
        ]
        runs = [
            FoldsElsewhere(
                one.run, stacks_of(one.info.folds, one.info.settings.run.lockstep, one.device), one.store.folders
            )
            for one in begun
        ]
        total, done = sum(one.info.folds for one in begun), 0

        def ended(number: int, fold: int) -> None:
            nonlocal done
            done += 1
            if progress is not None:
                progress(done, total, f"fold {fold + 1} of {begun[number].info.name} ended")

        with ExitStack() as timed:
            for one in begun:
                timed.enter_context(one.record.timed("training"))
            stopped = train_elsewhere(runs, place, begun[0].device, ended)
        for one, why in zip(begun, stopped, strict=True):
            with suppress(TrainingStopped):  # the trial's record says which folds, and why
                end_run(one, why)
