"""When training ends and which epoch's weights score: early stopping on losses and on the validation AUROC."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from clip_nodule.runs.settings import Settings
from clip_nodule.training.data import TrainingData

AUROC = "auroc"
LOSSES = {"both": "sum of the losses", "pred": "prediction loss", "clip": "contrastive loss"}
_METRICS = {"both": "val_loss", "pred": "val_pred", "clip": "val_clip", AUROC: "val_auroc_image"}
"""The metric of each thing that can be watched."""


@dataclass
class EarlyStopping:
    """Watches a value that should become small, and says when it has not improved for long.

    Attributes:
        patience: Epochs without improvement after which ``stopped`` is true.
        warmup: Epochs that are not watched.
        best: Smallest value so far.
        best_epoch: Epoch it was seen in; None before the first.
        waited: Epochs since then.
        sticky: Stay stopped once stopped, and take a value equal to the best for a better one.
        ended: Whether patience ever ran out.
        decides: Whether training goes on until it has stopped; else it only knows the best epoch.
    """

    patience: int
    warmup: int = 0
    best: float = math.inf
    best_epoch: int | None = None
    waited: int = 0
    sticky: bool = False
    ended: bool = False
    decides: bool = True

    @property
    def stopped(self) -> bool:
        """Whether patience has run out."""
        return self.waited >= self.patience or (self.sticky and self.ended)

    def update(self, value: float, epoch: int) -> bool:
        """Take in an epoch's value; true if it is the best so far. A value that is not finite never is."""
        if epoch < self.warmup:
            return False
        better = value <= self.best if self.sticky else value < self.best
        if math.isfinite(value) and (self.best_epoch is None or better):
            self.best, self.best_epoch, self.waited = value, epoch, 0
            return True
        self.waited += 1
        self.ended = self.ended or self.waited >= self.patience
        return False

    def as_dict(self) -> dict[str, Any]:
        """Plain values; ``EarlyStopping(**values)`` restores it. Infinity becomes None."""
        values = asdict(self)
        return values | {"best": None if math.isinf(self.best) else self.best}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> EarlyStopping:
        """What ``as_dict`` wrote."""
        best = values["best"]
        return cls(**(values | {"best": math.inf if best is None else float(best)}))


def new_stops(settings: Settings, *, with_auroc: bool = True) -> dict[str, EarlyStopping]:
    """What is watched from the first epoch on: the losses that there are, and the AUROC where it is asked for.

    Args:
        settings: The run's.
        with_auroc: Whether the fold's validation patients have both classes; without, losses stand in for it.
    """
    with_texts, losses, own = settings.network.modality == "clip", settings.losses, settings.optimisation
    contrastive = with_texts and losses.clip_weight > 0
    predicting = losses.image_weight > 0 or (with_texts and losses.text_weight > 0)
    by_auroc = with_auroc and own.stop_on == AUROC
    watched = {
        "both": contrastive and predicting,
        "pred": predicting,
        "clip": contrastive,
        AUROC: by_auroc or (with_auroc and own.select == AUROC),
    }
    return {
        name: EarlyStopping(own.patience, own.warmup, sticky=own.sticky_stops, decides=by_auroc == (name == AUROC))
        for name, is_watched in watched.items()
        if is_watched
    }


def chosen_by(watched: Collection[str], select: str) -> str:
    """What chooses the best state: what is asked for, or, where that is not watched, the first loss of these."""
    return next(name for name in (select, "pred", "clip") if name in watched)


def watched_values(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """An epoch's values by what can be watched, smaller ones better; NaN for what is missing."""
    values = {name: metrics.get(metric) for name, metric in _METRICS.items()}
    plain = {name: math.nan if value is None else value for name, value in values.items()}
    return plain | {AUROC: -plain[AUROC]}


def folds_without_auroc(data: TrainingData, settings: Settings) -> tuple[str, ...]:
    """A sentence a fold whose validation nodules lack a class, where their AUROC ends training or chooses."""
    if AUROC not in (settings.optimisation.select, settings.optimisation.stop_on):
        return ()
    lacking = [fold for fold in range(settings.data.folds) if not data.validates_both_classes(fold)]
    chooser = chosen_by(new_stops(settings, with_auroc=False), AUROC)
    what = f"its losses end training, and the {LOSSES[chooser]} chooses its best state"
    return tuple(f"fold {fold} validates on nodules of one class and has no AUROC: {what}" for fold in lacking)
