"""Where a fold stands after an epoch, so that a killed run goes on as if it had not been."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmark.errors import InputError
from benchmark.files import replacing, sha256, write_text
from benchmark.formats.json import read_json
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.pretrained.tensor_files import read_safetensors, save_tensors
from clip_nodule.runs import checkpoint
from clip_nodule.runs.checkpoint import replacing_folder
from clip_nodule.runs.settings import Settings

KEPT = 2
DIVERGED = "diverged.json"
EPOCHS = f"epoch-{'[0-9]' * 5}"
"""Folders of ours; a copy that somebody keeps beside them has another name."""
STOPS = ("both", "pred", "clip")
_CONTENT = {"sha256", "stops", "history"}
log = logging.getLogger(__name__)


@dataclass
class EarlyStopping:
    """Watches a loss and says when it has not improved for long.

    Attributes:
        patience: Epochs without improvement after which ``stopped`` is true.
        warmup: Epochs that are not watched.
        best: Smallest value so far.
        best_epoch: Epoch it was seen in; None before the first.
        waited: Epochs since then.
        sticky: Stay stopped once stopped, and take a value equal to the best for a better one.
        ended: Whether patience ever ran out.
    """

    patience: int
    warmup: int = 0
    best: float = math.inf
    best_epoch: int | None = None
    waited: int = 0
    sticky: bool = False
    ended: bool = False

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


@dataclass
class TrainingState:
    """Everything but the weights that a fold carries from epoch to epoch.

    Attributes:
        stops: Early stopping on the summed, the prediction and the contrastive loss.
        history: One row of metrics an epoch.
        diverged: Why the fold was stopped early by a loss that is not finite, or empty.
        diverged_in: The epoch in which that was.
    """

    stops: dict[str, EarlyStopping]
    history: list[dict[str, float | None]] = field(default_factory=list)
    diverged: str = ""
    diverged_in: int | None = None

    @property
    def epoch(self) -> int:
        """The next epoch."""
        return len(self.history)

    @property
    def stopped(self) -> bool:
        """Whether every watched loss has stopped improving."""
        return all(stop.stopped for stop in self.stops.values())

    def take_divergence(self, folder: Path) -> None:
        """Take in what ``save_divergence`` wrote, if it is about the epoch that comes next."""
        if not (folder / DIVERGED).is_file():
            return
        written = read_json(folder / DIVERGED)
        if written.get("epoch") == self.epoch:
            self.diverged, self.diverged_in = str(written.get("why")), self.epoch


def new_state(settings: Settings) -> TrainingState:
    """Where a fold stands before its first epoch: it watches the losses that its settings have."""
    with_texts, losses, optimisation = settings.network.modality == "clip", settings.losses, settings.optimisation
    contrastive = with_texts and losses.clip_weight > 0
    predicting = losses.image_weight > 0 or (with_texts and losses.text_weight > 0)
    watched = {"both": contrastive and predicting, "pred": predicting, "clip": contrastive}
    return TrainingState(
        {
            name: EarlyStopping(optimisation.patience, optimisation.warmup, sticky=optimisation.sticky_stops)
            for name in STOPS
            if watched[name]
        }
    )


def save_state(folder: Path, tensors: Mapping[str, Tensor], state: TrainingState) -> None:
    """Write the state after an epoch and drop all but the newest two.

    Args:
        folder: ``fold_k/state``.
        tensors: Weights and AdamW's moments (``FoldStack.state_of``).
        state: Where training stands.
    """
    with replacing_folder(folder / f"epoch-{state.epoch:05d}") as temporary:
        save_tensors(tensors, temporary / "tensors.safetensors")
        content = {
            "sha256": sha256(temporary / "tensors.safetensors"),
            "stops": {name: stop.as_dict() for name, stop in state.stops.items()},
            "history": state.history,
        }
        content["sha256_of_this"] = _hash_of_content(content)
        (temporary / "state.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    for old in _states(folder)[:-KEPT]:
        shutil.rmtree(old)


def save_divergence(folder: Path, state: TrainingState) -> None:
    """Write down that a fold was stopped by its loss, so that a resumed run does not wait for it."""
    write_text(folder / DIVERGED, json.dumps({"epoch": state.diverged_in, "why": state.diverged}) + "\n")


def load_state(folder: Path, newest: int | None = None) -> tuple[TrainingState, dict[str, Tensor]] | None:
    """Read the newest whole state; a damaged one is passed over, aloud.

    Args:
        folder: ``fold_k/state``.
        newest: Leave out states after more epochs than this.

    Returns:
        Where training stood, and weights and moments by name; None if there is no whole state.
    """
    for path in reversed(_states(folder)):
        if newest is not None and path.name > f"epoch-{newest:05d}":
            continue
        try:
            content, tensors = _read_saved_state(path)
            stops = {name: EarlyStopping.from_dict(values) for name, values in content["stops"].items()}
            state = TrainingState(stops, content["history"])
        except (InputError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("state %s is damaged (%s): going back to the one before", path.name, error)
            continue
        return state, tensors
    return None


def referenced_epochs(folder: Path) -> set[int]:
    """Epochs that any kept state calls best."""
    epochs: set[int] = set()
    for path in _states(folder):
        try:
            stops = _read_content(path)["stops"]
            epochs |= {values["best_epoch"] for values in stops.values() if values["best_epoch"] is not None}
        except (InputError, ValueError, KeyError, TypeError, AttributeError):
            continue
    return epochs


def take_losses(state: TrainingState, metrics: dict[str, float | None]) -> bool:
    """Tell early stopping of an epoch's losses; returns whether any is the best so far.

    Args:
        state: Where training stands, before the epoch is in its history.
        metrics: The epoch's.
    """
    values = {"both": metrics["val_loss"], "pred": metrics["val_pred"], "clip": metrics["val_clip"]}
    improved = [
        stop.update(math.nan if (value := values[name]) is None else value, state.epoch)
        for name, stop in state.stops.items()
    ]
    return any(improved)


def keep_weights(folder: Path, model: NoduleCLIP, epoch: int) -> None:
    """Save the weights of an epoch of a fold (``fold_k``) that is the best by some loss."""
    checkpoint.save_weights(model, _best_state_folder(folder, epoch))


def drop_other_states(folder: Path) -> None:
    """Drop weights that no kept state of a fold calls best any more."""
    wanted = {_best_state_folder(folder, epoch) for epoch in referenced_epochs(folder / "state")}
    for path in (folder / "best").glob(EPOCHS):
        if path not in wanted:
            shutil.rmtree(path)


def place_best_weights(folder: Path, state: TrainingState, select: str) -> None:
    """Put the weights of the chosen best state of a fold where scoring looks for them, if there is one."""
    stop = state.stops.get(select) or state.stops["pred"]
    if stop.best_epoch is None:
        return
    best = _best_state_folder(folder, stop.best_epoch)
    for name in (checkpoint.ADAPTER, checkpoint.BACKBONE, checkpoint.HEADS):
        source = best / name
        if source.is_dir():
            with checkpoint.replacing_folder(folder / name) as temporary:
                shutil.copytree(source, temporary, dirs_exist_ok=True)
        elif source.is_file():
            with replacing(folder / name) as temporary:
                shutil.copyfile(source, temporary)
    with replacing(folder / checkpoint.LISTING) as temporary:
        shutil.copyfile(best / checkpoint.LISTING, temporary)


def _best_state_folder(folder: Path, epoch: int) -> Path:
    return folder / "best" / f"epoch-{epoch:05d}"


def _states(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(EPOCHS) if path.is_dir())


def _read_saved_state(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    content = _read_content(path)
    file = path / "tensors.safetensors"
    if sha256(file) != content["sha256"]:
        raise ValueError("its hash differs")
    return content, read_safetensors(file)


def _read_content(path: Path) -> dict[str, Any]:
    """``state.json`` of a state, whole; those of earlier versions have no hash of themselves."""
    content: dict[str, Any] = read_json(path / "state.json", nan="kept")
    if content.pop("sha256_of_this", None) not in (None, _hash_of_content(content)) or set(content) != _CONTENT:
        raise ValueError("the hash of its state.json differs")
    return content


def _hash_of_content(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
