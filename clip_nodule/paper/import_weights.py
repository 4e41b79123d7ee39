"""A checkpoint folder of the paper's code as a run folder of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from benchmark.contracts.names import require_name
from benchmark.errors import InputError, Problem
from benchmark.imaging.recipe import RECIPES
from benchmark.outputs.command_line import command_line
from benchmark.outputs.locks import holding
from benchmark.outputs.run_record import RunRecord
from clip_nodule.network.backbone import backbone_from_config
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.paper.checkpoint import Architecture, architecture, paper_name, under_our_names, updates
from clip_nodule.paper.files import ARGS, WEIGHTS, read_args, read_paper_weights
from clip_nodule.runs.checkpoint import replacing_folder, write_weights
from clip_nodule.runs.configuration import make_settings
from clip_nodule.runs.run_folder import RunInfo, claimed_number, fold_folder, write_run
from clip_nodule.runs.run_hashes import RECORD, write_hashes
from clip_nodule.runs.settings import Settings

RECIPE = "zhuang2025"
ARGUMENTS: dict[str, str] = {
    "r": "rank",
    "alpha": "alpha",
    "dropout_rate": "lora_dropout",
    "position": "position",
    "encoder": "encoder",
    "params": "params",
    "dropout": "dropout",
    "tau": "temperature",
    "clip_loss_weight": "clip_weight",
    "img_loss_weight": "image_weight",
    "text_loss_weight": "text_weight",
    "weighted": "sampling",
    "epochs": "epochs",
    "batch_size": "batch_size",
    "ga": "accumulate",
    "lr": "learning_rate",
    "weight_decay": "weight_decay",
    "es_warmup": "warmup",
    "es_patience": "patience",
}
"""Arguments of the paper's code and our settings of the same meaning."""
TUNING = {"lora": "lora", "ft": "full", "pt": "probe"}


def import_weights(source: Path | str, out: Path | str, *, weights: str = WEIGHTS) -> Path:
    """Import a checkpoint folder: ``args.txt`` and ``fold_k/best_both.pt``.

    Weights are taken as they are: the paper's code saves them with the low-rank updates already added.

    Example::

        >>> from clip_nodule.paper.import_weights import import_weights
        >>> import_weights("checkpoint", "results/runs/paper").as_posix()
        'results/runs/paper'

    Args:
        source: The checkpoint folder.
        out: The run folder to make.
        weights: Name of the weights in each fold's folder (``best_both.pt``, ``best_pred.pt``, ``best_clip.pt``).

    Returns:
        The run folder.

    Raises:
        InputError: A file is missing or unsafe, or tensors are missing, extra or of the wrong shape; all of
            a fold are listed. Nothing was written.
    """
    source, out = Path(source), Path(out)
    require_name(out.name, "run", "--out")
    with holding(out):
        return _imported(source, out, weights)


def _imported(source: Path, out: Path, weights: str) -> Path:
    if out.exists():
        raise InputError(Problem("is there already", "choose another --out", out))
    if not source.is_dir():
        raise InputError(Problem("is no folder", "give the folder that holds args.txt and fold_0, ...", source))
    args = read_args(source / ARGS)
    folds = _folds(source, args)
    record = RunRecord(command_line(), {"source": str(source), "weights": weights})
    shape: Architecture | None = None
    with claimed_number(out.parent) as number, replacing_folder(out) as temporary:
        for fold in folds:
            path = fold_folder(source, fold) / weights
            tensors = read_paper_weights(path)
            own = architecture(tensors, path)
            if shape is not None and own != shape:
                raise InputError(Problem("has another architecture than fold 0", "import it by itself", path))
            shape = own
            model = _model(tensors, own, path)
            record.add_input(f"fold_{fold}", path)
            fold_folder(temporary, fold).mkdir()
            write_weights(model, fold_folder(temporary, fold))
        shape_ = cast(Architecture, shape)
        info = RunInfo(
            name=out.name,
            number=number,
            kind="imported",
            folds=len(folds),
            settings=_settings(args, shape_, len(folds), source / ARGS),
            recipe=RECIPES[RECIPE].as_dict(),
            backbone=shape_.backbone,
            notes=_notes_on_import(source),
        )
        write_run(temporary, info)
        record.write(temporary / RECORD)
        write_hashes(temporary, info.folds)
    return out


def unsupported_files(source: Path) -> list[Path]:
    """Pickled calibrators and other pickles of a checkpoint folder, which are never read."""
    suffixes = (".pkl", ".pickle", ".joblib")
    return sorted(path for path in source.rglob("*") if path.suffix.lower() in suffixes)


def _folds(source: Path, args: Mapping[str, Any]) -> list[int]:
    """All folds that the arguments speak of must be there."""
    matches = (re.fullmatch(r"fold_(\d+)", path.name) for path in source.iterdir() if path.is_dir())
    there = sorted(int(found.group(1)) for found in matches if found)
    stated = args.get("n_splits", len(there))
    count = stated if isinstance(stated, int) and not isinstance(stated, bool) and stated > 0 else len(there)
    missing = sorted(set(range(count)) - set(there))
    extra = sorted(set(there) - set(range(count)))
    problems = [
        Problem("is missing", "copy the whole checkpoint folder", source / f"fold_{fold}") for fold in missing
    ]
    fix = f"args.txt has n_splits={count}"
    problems += [Problem("is more than there should be", fix, source / f"fold_{fold}") for fold in extra]
    if not there:
        problems = [Problem("holds no fold_0, fold_1, ...", "give the checkpoint folder", source)]
    if problems:
        raise InputError(problems)
    return there


def _model(tensors: Mapping[str, Tensor], shape: Architecture, path: Path) -> NoduleCLIP:
    """A network with the weights in it; every tensor must be known and fit."""
    updates(tensors, path)
    model = NoduleCLIP(backbone_from_config(shape.backbone), width=shape.width, attention=shape.attention)
    given = under_our_names(tensors)
    own = dict(model.named_parameters())
    # The paper keeps its own temperature and drops that of the backbone.
    given["backbone.logit_scale"] = given.get("logit_scale", torch.tensor(0.0))
    theirs = {name: paper_name(name, tensors) for name in (*own, *given)}
    problems = [Problem("is missing", file=path, column=theirs[name]) for name in own if name not in given]
    problems += [Problem("is not expected", file=path, column=theirs[name]) for name in given if name not in own]
    for name in own.keys() & given.keys():
        if own[name].shape != given[name].shape:
            what = f"has shape {tuple(given[name].shape)}, not {tuple(own[name].shape)}"
            problems.append(Problem(what, file=path, column=theirs[name]))
    if problems:
        raise InputError(list(dict.fromkeys(problems)))  # several of ours may be one of theirs
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(given[name])
    return cast(NoduleCLIP, cast(nn.Module, model).requires_grad_(True))


def _settings(args: Mapping[str, Any], shape: Architecture, folds: int, path: Path) -> Settings:
    """Our settings for the paper's arguments."""
    values: dict[str, Any] = {own: args[name] for name, own in ARGUMENTS.items() if name in args}
    tuning = args.get("tuning", "lora")
    if not isinstance(tuning, str) or tuning not in TUNING:
        raise InputError(
            Problem("is no tuning method", f"one of {', '.join(TUNING)}", path, None, "tuning", str(tuning))
        )
    values |= {
        "tuning": TUNING[tuning],
        "backbone": _backbone_name(args),
        "pretrained": None,
        "recipe": RECIPE,
        "width": shape.width,
        "attention": shape.attention,
        "folds": folds,
        "augment": "paper" if args.get("augmentation") else "jitter",
        "text_augment": "paper",
        "text_part": "paper",
        "attention_start": "kaiming",
        "sticky_stops": True,
        "class_weights": args.get("weighted") == "semantic",
    }
    return make_settings(path, values)


def _backbone_name(args: Mapping[str, Any]) -> str:
    """``openai_ViT-B/32`` as open_clip calls it; the architecture itself is read off the tensors."""
    name = str(args.get("model", "openai_ViT-B/32")).rpartition("_")[2]
    return f"{name.replace('/', '-')}-quickgelu"


def _notes_on_import(source: Path) -> tuple[str, ...]:
    notes = ["imported weights hold the low-rank updates already; no adapter is added to them"]
    for path in unsupported_files(source):
        notes.append(f"not imported: {path.relative_to(source)} is a pickle, which can run code when it is read")
    return tuple(notes)
