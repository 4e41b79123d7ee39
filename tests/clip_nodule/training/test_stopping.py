"""What ends training and what chooses the state that scores, by losses and by the validation AUROC."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from clip_nodule.network import tiny
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.run_folder import read_run
from clip_nodule.runs.settings import Settings
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.data import TrainingData
from clip_nodule.training.state import TrainingState, load_state, save_state, take_values
from clip_nodule.training.stopping import chosen_by, folds_without_auroc, new_stops
from tests.clip_nodule.pretended_steps import LEAST
from tests.clip_nodule.training_cohort import TINY, make_cohort

LOSSES = [3.0, 2.0, 1.0, 0.9, 0.8, 0.7]
AUROCS = [0.6, 0.9, 0.9, 0.7, 0.8, None]
"""Losses go on falling; the AUROC is best in the second epoch, the same in the third, and missing at last."""


def watched(patience: int = 2, **given: object) -> TrainingState:
    """A fold's state as these epochs leave it, saved and read again after each as a killed run has it."""
    state = TrainingState(new_stops(load_settings(None, {"patience": patience, **given})))
    for loss, auroc in zip(LOSSES, AUROCS, strict=True):
        if state.stopped:
            break
        metrics = {"val_loss": loss, "val_pred": loss / 2, "val_clip": loss / 2, "val_auroc_image": auroc}
        take_values(state, metrics)
        state.history.append(metrics)
    return state


def best_epoch(state: TrainingState, select: str) -> int | None:
    return state.stops[chosen_by(state.stops, select)].best_epoch


def test_without_the_lever_the_auroc_is_not_watched() -> None:
    state = watched()
    assert set(state.stops) == {"both", "pred", "clip"}
    assert state.epoch == len(LOSSES)


def test_the_auroc_chooses_and_the_losses_end_training() -> None:
    state = watched(select="auroc")
    assert (state.epoch, best_epoch(state, "auroc")) == (len(LOSSES), 1)  # of two equal ones the first


def test_the_auroc_ends_training_and_a_loss_chooses() -> None:
    state = watched(stop_on="auroc", select="pred")
    # Best in epoch 1; epochs 2 and 3 are no better, and patience is 2.
    assert (state.epoch, best_epoch(state, "pred")) == (4, 3)


def test_a_missing_auroc_is_an_epoch_without_a_better_one() -> None:
    state = watched(patience=4, stop_on="auroc", select="auroc")
    assert (state.epoch, state.stopped, best_epoch(state, "auroc")) == (6, True, 1)


def test_what_decides_is_read_again_as_it_was_saved(tmp_path: Path) -> None:
    state = watched(stop_on="auroc", select="auroc")
    save_state(tmp_path, {}, state)
    found = load_state(tmp_path)
    assert found is not None
    assert found[0].stops == state.stops
    assert found[0].stopped
    assert json.loads((tmp_path / "epoch-00004" / "state.json").read_text())["stops"]["auroc"]["best"] == -0.9


@pytest.mark.parametrize(
    ("given", "chooser"),
    [
        ({}, "both"),
        ({"modality": "vision"}, "pred"),
        ({"image_weight": 0, "text_weight": 0}, "clip"),
        ({"clip_weight": 0}, "pred"),
    ],
)
def test_where_the_sum_is_not_watched_one_of_the_losses_chooses(given: dict, chooser: str) -> None:
    assert chosen_by(new_stops(load_settings(None, given)), "both") == chooser


@pytest.mark.parametrize("name", ["select", "stop_on"])
def test_the_auroc_of_a_classifier_that_does_not_learn_is_refused(name: str) -> None:
    given = {name: "auroc", "image_weight": 0}
    with pytest.raises(InputError, match=rf"{name}.*the images' classifier, which begins at random"):
        load_settings(None, given)
    load_settings(None, given | {"classifiers": "fitted"})


def data_of(labels: list[int]) -> TrainingData:
    table = pd.DataFrame({"label": labels, "fold": [0, 0, 1, 1], "pid": list("abcd"), "cohort": "x"})
    return TrainingData(table, None)


@pytest.mark.parametrize(("labels", "lacking"), [([0, 1, 1, 1], [1]), ([0, -1, 0, 1], [0]), ([0, 1, 1, 0], [])])
def test_folds_that_validate_one_class_are_named(labels: list[int], lacking: list[int]) -> None:
    settings = load_settings(None, {"folds": 2, "select": "auroc"})
    notes = folds_without_auroc(data_of(labels), settings)
    assert [note.split()[1] for note in notes] == [str(fold) for fold in lacking]
    assert all("the prediction loss chooses its best state" in note for note in notes)
    assert folds_without_auroc(data_of(labels), Settings()) == ()


def one_class_validated(folder: Path) -> Path:
    """Folds of 8 patients, odd ones malignant: fold 0 validates benign ones alone."""
    for fold, validated in enumerate([("000", "002"), ("001", "004")]):
        part = folder / f"fold_{fold}"
        part.mkdir(parents=True)
        every = [f"{number:03d}" for number in range(8)]
        for name, pids in (("train", [pid for pid in every if pid not in validated]), ("val", list(validated))):
            pd.DataFrame({"pid": pids}).to_csv(part / f"{name}_pid.csv", index=False)
    return folder


@pytest.mark.slow
def test_a_run_on_such_a_fold_says_so_and_has_weights_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(tiny.TINY, "least", LEAST)
    make_cohort(tmp_path / "cohorts" / "balls", 8)
    asked = {key: value for key, value in TINY.items() if key not in ("folds", "test_fraction")}
    asked |= {"backbone": "least", "select": "auroc", "stop_on": "auroc", "epochs": 3}
    request = TrainingRequest(settings=asked, device="cpu", splits=one_class_validated(tmp_path / "splits"))
    run = train_run("balls", request, Workspace(tmp_path / "cohorts", tmp_path / "results"), name="one")
    said = "fold 0 validates on nodules of one class and has no AUROC"
    assert any(said in note for note in read_run(run).notes)
    assert said in caplog.text
    tables = [pd.read_csv(run / f"fold_{fold}" / "metrics.csv") for fold in range(2)]
    assert tables[0]["val_auroc_image"].isna().all()
    # The state that scores is the epoch with the smallest loss, or the first with the largest AUROC.
    best = [int(tables[0]["val_pred"].argmin()), int(np.argmax(tables[1]["val_auroc_image"]))]
    for fold, epoch in enumerate(best):
        chosen = run / f"fold_{fold}" / "best" / f"epoch-{epoch:05d}" / "heads.safetensors"
        assert (run / f"fold_{fold}" / "heads.safetensors").read_bytes() == chosen.read_bytes()
