"""Training runs: cohorts and settings in, a run folder out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark.cohorts.joint import join_cohorts
from benchmark.contracts.names import require_name
from benchmark.contracts.workspace import Workspace
from benchmark.errors import BenchError, InputError, Problem
from benchmark.files import remove_leftovers_below, sha256
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.recipe import get_recipe
from benchmark.outputs.command_line import command_line
from benchmark.outputs.locks import holding
from benchmark.outputs.run_record import RunRecord
from benchmark.progress import Progress
from benchmark.work.other_machines import OtherMachines
from clip_nodule.network.backbone import backbone_config, start_backbone
from clip_nodule.network.device import choose_device, describe_device, out_of_memory
from clip_nodule.planes.crops import forget_kept_crops
from clip_nodule.runs.configuration import load_settings, require_named_by_user
from clip_nodule.runs.elsewhere import computed_on, resumed_on, settings_to_resume
from clip_nodule.runs.run_folder import (
    RunInfo,
    find_run,
    new_run,
    read_run,
    remove_left_claims,
)
from clip_nodule.runs.run_hashes import RECORD, drop_hashes, write_hashes
from clip_nodule.text.wordings import wordings
from clip_nodule.training.data import (
    assemble,
    require_trainable,
    split_patients,
    without_crops,
)
from clip_nodule.training.folds.fold_runner import run_folds
from clip_nodule.training.folds.one_stack import prepare_planes
from clip_nodule.training.images import crops_key
from clip_nodule.training.inputs import folds_of, joined_crops, texts_of
from clip_nodule.training.new_folder import write_new_run
from clip_nodule.training.stopping import folds_without_auroc
from clip_nodule.training.tracking.callbacks import prepare_tracking, require_tracking

ORIGIN = "weights"
"""What the progress line begins with that says where the weights come from."""
PRETRAINED = "pretrained"
"""Weights that were given, among the inputs of a run and of its record."""
TO_LOWER = "lower --batch-size (and raise --accumulate by as much), or --parallel; then go on with --resume"
"""What helps where training wants more memory than a GPU has."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingRequest:
    """What to train.

    Attributes:
        config: A YAML file, the name of one in ``clip_nodule/configs``, or None for the paper's settings.
        settings: Values that win over the configuration's, None too (see ``load_settings``).
        texts: CSV ``pid, nodule_id, text``, of several cohorts such a file by name; default template texts.
        device: ``auto``, ``cpu``, ``cuda``, or one of several cards: ``cuda:1``.
        seed: Seed of split, weights, sampling, dropout and augmentation.
        splits: Folder of folds to train on, as ``bench cohort split`` and the paper's notebook write them; default
            folds drawn from the seed.
        place: Other machines on which the folds are trained, each as a task of its own.
        elsewhere: A run that goes on may do so on another device type, or in another arithmetic, than it began.
    """

    config: Path | str | None = "tiny-cpu"
    settings: Mapping[str, Any] = field(default_factory=dict)
    texts: Path | Mapping[str, Path] | None = None
    device: str = "auto"
    seed: int = 0
    splits: Path | None = None
    elsewhere: bool = False
    place: OtherMachines | None = None


class TrainingStopped(BenchError):
    """Some folds were stopped by a loss that is not finite; their best states are kept."""

    exit_status = 3


def train_run(
    cohort: str | Sequence[str],
    request: TrainingRequest | None = None,
    workspace: Workspace | None = None,
    *,
    name: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Train a model with cross-validation on a cohort, or on several together.

    Example::

        >>> from clip_nodule.train import TrainingRequest, train_run
        >>> request = TrainingRequest("tiny-cpu", {"folds": 2, "epochs": 1, "test_fraction": 0, "parallel": 1})
        >>> train_run("nlst", request, name="quick").as_posix()
        'results/runs/quick'

    Args:
        cohort: Name of the cohort, or names.
        request: What to train; by default a ``TrainingRequest()``.
        workspace: Where cohorts and results are, a ``Workspace()`` by default; missing crops are made.
        name: Name of the run; default ``<modality>-<tuning>-<number>``.
        resume: Go on with the run ``name`` (default: the newest); its own settings, seed and data are used.
        progress: Called with what is done, the total and a line of losses.

    Returns:
        The run folder.

    Raises:
        InputError: Settings, cohort or weights are wrong; nothing was written.
        TrainingStopped: A loss became NaN or infinite.
    """
    request = request or TrainingRequest()
    with begun_run(cohort, request, workspace, name=name, resume=resume, progress=progress) as begun:
        with begun.record.timed("training"), out_of_memory(begun.device, TO_LOWER):
            try:
                folders = begun.store.folders
                stopped = run_folds(begun.run, begun.info, folders, begun.device, progress, request.place)
            finally:
                forget_kept_crops()
        end_run(begun, stopped)
    return begun.run


@dataclass(frozen=True)
class BegunRun:
    """A run that nobody else can write while it is held, with all that its folds need.

    Attributes:
        run: Its folder.
        info: Its ``run.yaml``.
        store: Its crops.
        record: Of what is done with it.
        device: Where its folds are trained.
        resumed: Whether it goes on.
    """

    run: Path
    info: RunInfo
    store: JoinedStore
    record: RunRecord
    device: torch.device
    resumed: bool


@contextmanager
def begun_run(
    cohort: str | Sequence[str],
    request: TrainingRequest,
    workspace: Workspace | None = None,
    *,
    name: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Iterator[BegunRun]:
    """Begin a run, or go on with one, up to where its folds are trained; see ``train_run``."""
    workspace = workspace or Workspace()
    cohorts = (cohort,) if isinstance(cohort, str) else tuple(cohort)
    where = choose_device(request.device)
    with ExitStack() as held:
        if resume:
            run = find_run(workspace.results, name)
            held.enter_context(holding(run))
            remove_leftovers_below(run)
            remove_left_claims(run.parent)
            info, store, record = _resumed(cohorts, request, workspace, run)
            info = resumed_on(run, info, where, elsewhere=request.elsewhere)
        else:
            run, info, store, record = _begin(cohorts, request, workspace, name, held, progress)
        with record.timed("planes"), out_of_memory(where, TO_LOWER):
            drop_hashes(run)
            prepare_planes(run, info, store, where, progress)
            prepare_tracking(run, info.settings)
        yield BegunRun(run, info, store, record, where, resume)


def end_run(begun: BegunRun, stopped: Mapping[int, str]) -> None:
    """Write the record and the hashes of a run whose folds are at their ends.

    Args:
        begun: The run.
        stopped: Why folds were stopped by a loss that is not finite, by fold.

    Raises:
        TrainingStopped: Some were.
    """
    facts = {
        "device": describe_device(begun.device),
        "computed": computed_on(begun.device, begun.info.settings.run.precision).model_dump(),
        "stopped": dict(stopped),
        "resumed": begun.resumed,
        "notes": begun.info.notes,
    }
    begun.record.write(begun.run / RECORD, **facts)
    write_hashes(begun.run, begun.info.folds)
    if stopped:
        lines = [f"fold {fold}: {why}" for fold, why in stopped.items()]
        raise TrainingStopped("\n".join(["stopped early; the best states are kept", *lines]))


def _resumed(
    cohorts: tuple[str, ...], request: TrainingRequest, workspace: Workspace, run: Path
) -> tuple[RunInfo, JoinedStore, RunRecord]:
    """A run to go on with, and the crops that it was begun with."""
    info = read_run(run)
    if info.kind != "trained":
        raise InputError(Problem("was imported, not trained: there is nothing to go on with", file=run))
    kept = {"--splits": request.splits, "--text": request.texts}
    info = info.model_copy(update={"settings": settings_to_resume(run, info, cohorts, request.settings, kept)})
    require_tracking(info.settings)
    record = RunRecord(command_line(), info.settings.model_dump(mode="json"), info.seed)
    record.facts["inputs"].update({name: info.inputs[name] for name in (PRETRAINED,) if name in info.inputs})
    store = joined_crops([workspace.cohort(name) for name in info.cohorts], workspace, info.recipe["name"])
    if crops_key(store) != info.inputs["crops"]:
        raise InputError(Problem("the crops changed since the run began", "start a new run", store.folders[0]))
    return info, store, record


def _begin(
    names: tuple[str, ...],
    request: TrainingRequest,
    workspace: Workspace,
    name: str | None,
    held: ExitStack,
    progress: Progress | None,
) -> tuple[Path, RunInfo, JoinedStore, RunRecord]:
    """Hold the run's name, check everything, then make the run folder, at once, with all that the folds need."""
    if name is not None:
        require_name(name, "run", "--name")
    settings, seed = load_settings(request.config, request.settings), request.seed
    joint = join_cohorts([workspace.cohort(cohort) for cohort in names])
    require_tracking(settings)
    require_named_by_user(settings, request.settings)
    settings, given = folds_of(request.splits, request.settings, settings, joint)
    kind = f"{settings.network.modality}-{settings.network.tuning}"
    run, number = held.enter_context(new_run(workspace.results, name, kind))
    record = RunRecord(command_line(), settings.model_dump(mode="json"), seed)
    recipe = get_recipe(settings.data.recipe)
    split_patients(joint.nodules, settings, seed, given)
    start = start_backbone(settings.network.backbone, settings.network.pretrained, seed=seed)
    if progress is not None:
        progress(0, 1, f"{ORIGIN}: {start.origin}")
    words = wordings(joint.nodules, settings, seed, texts_of(request.texts, names))
    with record.timed("crops"):
        store = joined_crops(joint.cohorts, workspace, recipe, progress)
    if not len(store.cropped):
        raise InputError(without_crops(store, "there is none to train on"))
    data, patients = assemble(joint.nodules, store.cropped.astype("int64"), words, settings, seed, given)
    require_trainable(data, settings.data.folds, store)
    warned = _warned(folds_without_auroc(data, settings))
    pretrained = {} if start.file is None else {PRETRAINED: sha256(start.file)}
    record.facts["inputs"].update(pretrained)
    info = RunInfo(
        name=run.name,
        number=number,
        cohorts=names,
        seed=seed,
        folds=settings.data.folds,
        settings=settings,
        recipe=recipe.as_dict(),
        backbone=backbone_config(settings.network.backbone),
        inputs={**pretrained, "crops": crops_key(store)},
        computed=computed_on(choose_device(request.device), settings.run.precision),
        notes=(*_failures(store), start.origin, *joint.notes, *(given.notes if given else ()), *warned),
    )
    return run, write_new_run(run, info, start, data, patients), store, record


def _warned(notes: tuple[str, ...]) -> tuple[str, ...]:
    for note in notes:
        log.warning("%s", note)
    return notes


def _failures(store: JoinedStore) -> tuple[str, ...]:
    return tuple(
        f"{count} nodules have no crop and take no part: see {part.folder.name}/failures.csv"
        for part in store.parts
        if (count := len(part.failures))
    )
