"""Training as the measurements call it: the one file to change where the trainer's interface does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.cohorts.given_folds import TRAINED, VALIDATED
from benchmark.cohorts.joint import join_cohorts
from benchmark.contracts.workspace import Workspace
from benchmark.imaging.cropping.joined import JoinedStore
from clip_nodule.network.backbone import build_backbone, image_size
from clip_nodule.network.device import set_precision
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.runs.settings import Settings
from clip_nodule.text.wordings import wordings
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.data import TrainingData, assemble
from clip_nodule.training.fold import FoldJob, train_epoch
from clip_nodule.training.images import FreshPlanes
from clip_nodule.training.inputs import joined_crops

WAYS: dict[str, dict[str, Any]] = {"one after another": {"parallel": 1}, "in processes": {"parallel": 5}}
"""Ways to train five folds, and the settings that ask for each."""


@dataclass(frozen=True)
class Cohort:
    """A cohort with its crops, as a training run would be given it.

    Attributes:
        workspace: Where it is.
        name: Its name.
        asked: Settings that differ from ``zhuang2025``.
        store: The crops.
        data: All nodules, split into folds.
    """

    workspace: Workspace
    name: str
    asked: Mapping[str, Any]
    store: JoinedStore
    data: TrainingData

    def settings(self, **more: Any) -> Settings:
        """``zhuang2025`` with what was asked for, and more."""
        return load_settings("zhuang2025", {**self.asked, **more})


def open_cohort(root: Path, name: str, **asked: Any) -> Cohort:
    """Read a cohort under ``root/cohorts`` and make its crops, under ``root/results``."""
    workspace = Workspace(root / "cohorts", root / "results")
    asked = {"pretrained": None, "test_fraction": 0.0, **asked}
    settings = load_settings("zhuang2025", asked)
    joint = join_cohorts([workspace.cohort(name)])
    store = joined_crops(joint.cohorts, workspace, settings.data.recipe)
    words = wordings(joint.nodules, settings, 0, None)
    data, _ = assemble(joint.nodules, store.cropped.astype("int64"), words, settings, 0)
    return Cohort(workspace, name, asked, store, data)


class Epochs:
    """Folds in training on a device: called, they train one epoch; what lies on the device stays there.

    Args:
        cohort: What they are trained on.
        folds: How many are trained.
        nodules: How many nodules each is trained on.
        device: Where.
        asked: Settings that differ from the cohort's.
    """

    def __init__(
        self,
        cohort: Cohort,
        folds: int,
        nodules: int,
        device: torch.device,
        **asked: Any,
    ) -> None:
        settings = cohort.settings(sampling="none", **asked)
        data = first_nodules(cohort.data, nodules, folds)
        torch.manual_seed(0)
        backbone = build_backbone(settings.network.backbone)
        planes = FreshPlanes(cohort.store, image_size(backbone), device, augment=settings.data.augment)
        if device.type == "cuda":
            planes.keep_on_device(data.rows)
        self.steps = -(-nodules // settings.optimisation.batch_size)
        self.epoch = 0
        self.folds = []
        for fold in range(folds):
            job = FoldJob(Path(), fold, settings, 0, data, planes, device)
            model = new_model(copy.deepcopy(backbone), settings).to(device)
            set_precision(model, settings.run.precision, device)
            learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
            self.folds.append((job, model, torch.optim.AdamW(learning, lr=1e-4, weight_decay=0.1)))

    def __call__(self) -> None:
        """Train the next epoch of every fold."""
        for job, model, optimizer in self.folds:
            _, stopped = train_epoch(job, model, optimizer, self.epoch)
            if stopped:
                raise RuntimeError(stopped)
        self.epoch += 1

    def gflop(self) -> float:
        """Floating-point operations of one fold's step, GFLOP, as PyTorch counts products and convolutions."""
        with FlopCounterMode(display=False) as counter:
            train_epoch(*self.folds[0], self.epoch)
        return counter.get_total_flops() / self.steps / 1e9


def first_nodules(data: TrainingData, count: int, folds: int) -> TrainingData:
    """The first ``count`` nodules, on which every fold trains, and as many again that it is validated on."""
    sides = np.full((folds, min(2 * count, len(data.table))), VALIDATED, np.int8)
    sides[:, :count] = TRAINED
    tokens = None if data.tokens is None else data.tokens[:, : sides.shape[1]]
    return replace(data, table=data.table.iloc[: sides.shape[1]], tokens=tokens, rarity=None, sides=sides)


def train(cohort: Cohort, name: str, device: torch.device, **asked: Any) -> Path:
    """A whole run of ``zhuang2025``, from a cohort with its crops to the run folder."""
    request = TrainingRequest("zhuang2025", {**cohort.asked, **asked}, device=device.type)
    return train_run(cohort.name, request, cohort.workspace, name=name)
