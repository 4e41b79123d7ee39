"""Where a fold stands after an epoch, so that a killed run goes on as if it had not been."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
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
from clip_nodule.training.stopping import EarlyStopping, chosen_by, new_stops, watched_values

KEPT = 2
DIVERGED = "diverged.json"
EPOCHS = f"epoch-{'[0-9]' * 5}"
"""Folders of ours; a copy that somebody keeps beside them has another name."""
_CONTENT = {"sha256", "stops", "history"}
log = logging.getLogger(__name__)


@dataclass
class TrainingState:
    """Everything but the weights that a fold carries from epoch to epoch.

    Attributes:
        stops: Early stopping on each of what is watched (``new_stops``).
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
        """Whether all that decides on the end has stopped improving."""
        return all(stop.stopped for stop in self.stops.values() if stop.decides)

    def take_divergence(self, folder: Path) -> None:
        """Take in what ``save_divergence`` wrote, if it is about the epoch that comes next."""
        if not (folder / DIVERGED).is_file():
            return
        written = read_json(folder / DIVERGED)
        if written.get("epoch") == self.epoch:
            self.diverged, self.diverged_in = str(written.get("why")), self.epoch


def new_state(settings: Settings, *, with_auroc: bool = True) -> TrainingState:
    """Where a fold stands before its first epoch.

    Args:
        settings: The run's.
        with_auroc: Whether its validation patients have both classes.
    """
    return TrainingState(new_stops(settings, with_auroc=with_auroc))


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


def take_values(state: TrainingState, metrics: Mapping[str, float | None]) -> bool:
    """Tell early stopping of an epoch's losses and AUROC; returns whether any is the best so far.

    Args:
        state: Where training stands, before the epoch is in its history.
        metrics: The epoch's.
    """
    values = watched_values(metrics)
    improved = [stop.update(values[name], state.epoch) for name, stop in state.stops.items()]
    return any(improved)


def keep_weights(folder: Path, model: NoduleCLIP, epoch: int) -> None:
    """Save the weights of an epoch of a fold (``fold_k``) that is the best by something that is watched."""
    checkpoint.save_weights(model, _best_state_folder(folder, epoch))


def drop_other_states(folder: Path) -> None:
    """Drop weights that no kept state of a fold calls best any more."""
    wanted = {_best_state_folder(folder, epoch) for epoch in referenced_epochs(folder / "state")}
    for path in (folder / "best").glob(EPOCHS):
        if path not in wanted:
            shutil.rmtree(path)


def place_best_weights(folder: Path, state: TrainingState, select: str) -> None:
    """Put the weights of the chosen best state of a fold where scoring looks for them, if there is one."""
    stop = state.stops[chosen_by(state.stops, select)]
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
