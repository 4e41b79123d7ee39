"""Training runs: a cohort and settings in, a run folder out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmark.contracts.cohort import Cohort, load_cohort
from benchmark.errors import BenchError, InputError, Problem
from benchmark.files import replacing, sha256
from benchmark.imaging.cropping.cohort import crops_of
from benchmark.imaging.cropping.store import CropStore
from benchmark.imaging.recipe import get_recipe
from benchmark.progress import Progress, labelled
from benchmark.run_record import RunRecord, command_line
from clip_nodule.network.backbone import Backbone, start_backbone
from clip_nodule.network.build import backbone_config, choose_device
from clip_nodule.runs.run_folder import (
    BACKBONE,
    START,
    RunInfo,
    check_name,
    find_run,
    new_run,
    owning,
    read_run,
    write_run,
)
from clip_nodule.runs.settings import Settings, load_settings
from clip_nodule.text.wordings import wordings
from clip_nodule.training.data import assemble, require_trainable, save_data, split_patients, without_crops
from clip_nodule.training.features import frozen_features
from clip_nodule.training.fold_runner import run_folds
from clip_nodule.training.images import kept_planes_file, store_key

ORIGIN = "weights"
"""What the progress line begins with that says where the weights come from."""
log = logging.getLogger(__name__)


class TrainingStopped(BenchError):
    """Some folds were stopped by a loss that is not finite; their best states are kept."""

    exit_status = 3


def train_run(
    cohort: str,
    *,
    cohorts: Path | str = "cohorts",
    results: Path | str = "results",
    config: Path | str | None = "tiny-cpu",
    settings: Mapping[str, Any] | None = None,
    name: str | None = None,
    texts: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Train a model with cross-validation on a cohort.

    Args:
        cohort: Name of the cohort.
        cohorts: Folder of cohorts.
        results: Folder of results; crops are looked for and made in it.
        config: A YAML file, the name of one in ``clip_nodule/configs``, or None for the paper's settings.
        settings: Values that win over the configuration's, None too.
        name: Name of the run; default ``<modality>-<tuning>-<number>``.
        texts: CSV ``pid, nodule_id, text``; default template texts.
        resume: Go on with the run ``name`` (default: the newest); its own settings, seed and data are used.
        device: ``auto``, ``cpu`` or ``cuda``.
        seed: Seed of split, weights, sampling, dropout and augmentation.
        progress: Called with what is done, the total and a line of losses.

    Returns:
        The run folder.

    Raises:
        InputError: Settings, cohort or weights are wrong; nothing was written.
        TrainingStopped: A loss became NaN or infinite.
    """
    where = choose_device(device)
    if resume:
        run = find_run(results, name)
        info = read_run(run)
        if info.kind != "trained":
            raise InputError(Problem("was imported, not trained: there is nothing to go on with", file=run))
        info = info.model_copy(update={"settings": _settings_to_resume(info, settings or {}, cohort, run)})
        record = RunRecord(command_line(), info.settings.model_dump(mode="json"), info.seed)
        store = crops_of(load_cohort(cohort, cohorts), results, info.recipe["name"])
        if store_key(store) != info.inputs["crops"]:
            raise InputError(Problem("the crops changed since the run began", "start a new run", store.folder))
    else:
        if name is not None:
            check_name(name)
        chosen = load_settings(config, settings)
        loaded = load_cohort(cohort, cohorts)
        record = RunRecord(command_line(), chosen.model_dump(mode="json"), seed)
        run, info, store = _begin(loaded, results, chosen, name, texts, seed, where, record, progress)
    with owning(run), record.timed("training"):
        _prepare_planes(run, info, store, where, progress)
        stopped = run_folds(run, info, store.folder, where, progress)
    facts = {"device": _describe(where), "stopped": stopped, "resumed": resume, "notes": info.notes}
    record.write(run / "record.json", **facts)
    if stopped:
        lines = [f"fold {fold}: {why}" for fold, why in stopped.items()]
        raise TrainingStopped("\n".join(["stopped early; the best states are kept", *lines]))
    return run


def _begin(
    cohort: Cohort,
    results: Path | str,
    settings: Settings,
    name: str | None,
    texts: Path | None,
    seed: int,
    device: torch.device,
    record: RunRecord,
    progress: Progress | None,
) -> tuple[Path, RunInfo, CropStore]:
    """Check everything, then make the run folder with all that the folds need."""
    recipe = get_recipe(settings.recipe)
    split_patients(cohort.nodules, settings, seed)
    start = start_backbone(settings.backbone, settings.pretrained, seed=seed)
    if progress is not None:
        progress(0, 1, f"{ORIGIN}: {start.origin}")
    words = wordings(cohort.nodules, settings, seed, texts)
    with record.timed("crops"):
        store = crops_of(cohort, results, recipe, progress=labelled(progress, "crops"))
    if not len(store.cropped):
        raise InputError(without_crops(store, "there is none to train on"))
    data, patients = assemble(cohort.nodules, store.cropped.astype("int64"), words, settings, seed)
    require_trainable(data, settings.folds, store)
    run, number = new_run(results, name, f"{settings.modality}-{settings.tuning}")
    hashes = save_data(run, data, patients)
    save_shared(start.backbone, run / BACKBONE)
    if start.heads:
        with replacing(run / START) as temporary:
            save_file(start.heads, temporary)
    if start.file is not None:
        record.add_input("pretrained", start.file)
    info = RunInfo(
        name=run.name,
        number=number,
        cohort=cohort.name,
        seed=seed,
        folds=settings.folds,
        settings=settings,
        recipe=recipe.as_dict(),
        backbone=backbone_config(settings.backbone),
        backbone_sha256=sha256(run / BACKBONE),
        inputs={**hashes, "crops": store_key(store)},
        notes=(*_failures(store), start.origin),
    )
    write_run(run, info)
    return run, info, store


def save_shared(backbone: Backbone, path: Path) -> None:
    """Write the frozen weights; tensors that half precision holds exactly are stored in it (OpenAI's are such)."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in backbone.state_dict().items():
        half = tensor.half()
        exact = tensor.numel() > 1 and torch.equal(half.to(tensor.dtype), tensor)
        tensors[name] = (half if exact else tensor).contiguous().clone()
    with replacing(path) as temporary:
        save_file(tensors, temporary)


def _prepare_planes(
    run: Path, info: RunInfo, store: CropStore, device: torch.device, progress: Progress | None
) -> None:
    settings = info.settings
    size = int(cast(Any, info.backbone["vision_cfg"])["image_size"])
    if settings.augment != "full" and device.type == "cpu":
        kept_planes_file(store, store.cropped.astype("int64"), len(store), size, progress)
    if settings.tuning == "probe":
        frozen_features(run, info, store, device, progress)


def _settings_to_resume(info: RunInfo, asked: Mapping[str, Any], cohort: str, run: Path) -> Settings:
    """The run's settings; ``parallel`` decides when folds run, not what they learn, and alone may be another.

    Raises:
        InputError: Something else that is asked for is not what the run has.
    """
    wanted = load_settings(None, info.settings.model_dump() | dict(asked))
    problems = [
        Problem(f"the run has {_shown(has)}", "leave it out, or start a new run", run, None, key, _shown(value))
        for key in asked
        if (value := getattr(wanted, key)) != (has := getattr(info.settings, key)) and key != "parallel"
    ]
    if info.cohort != cohort:
        problems.append(
            Problem(f"the run trains on {info.cohort!r}", "give that --cohort", run, None, "cohort", cohort)
        )
    if problems:
        raise InputError(problems)
    return info.settings.model_copy(update={"parallel": wanted.parallel})


def _shown(value: Any) -> str:  # noqa: ANN401
    """A setting's value as it is written in a configuration."""
    return "null" if value is None else str(list(value) if isinstance(value, tuple) else value)


def _failures(store: CropStore) -> tuple[str, ...]:
    count = len(store.failures)
    return (
        (f"{count} nodules have no crop and take no part: see {store.folder.name}/failures.csv",) if count else ()
    )


def _describe(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"
