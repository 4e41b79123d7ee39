"""Folds in lockstep learn what folds one after another learn, and a killed run goes on to the same bits."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.contracts.workspace import Workspace
from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.stacked.network import StackedNetwork
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.text.tokens import tokenize
from clip_nodule.train import TrainingRequest, TrainingStopped, train_run
from clip_nodule.training.folds import stack as stack_module
from clip_nodule.training.folds.fold_runner import stacks_of
from clip_nodule.training.objective import batch_losses
from tests.clip_nodule.training_cohort import TINY, make_cohort

FOLDS = 3
SETTINGS = {"folds": FOLDS, "epochs": 3, "batch_size": 3, "learning_rate": 1e-4}
"""The paper's learning rate: AdamW makes steps of that length even of gradients that are rounding errors."""
LEVERS = {"schedule": "cosine", "lr_warmup": 0.5, "max_grad_norm": 0.5, "decayed": "matrices", "accumulate": 2,
          "ema": 0.7}  # fmt: skip
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lockstep")
    make_cohort(folder / "cohorts" / "balls", 17)
    train(folder, folder, "crops", epochs=1)
    return folder


def train(cohort: Path, results: Path, name: str, *, resume: bool = False, progress=None, **settings) -> Path:
    if cohort != results and not (results / "results" / "crops").exists():
        (results / "results").mkdir(parents=True)
        shutil.copytree(cohort / "results" / "crops", results / "results" / "crops")
    asked = {} if resume else TINY | SETTINGS | settings
    return train_run(
        "balls", TrainingRequest("tiny-cpu", asked, device="cpu", seed=5),
        Workspace(cohort / "cohorts", results / "results"), name=name, resume=resume, progress=progress,
    )  # fmt: skip


def weights(run: Path) -> dict[str, bytes]:
    """Every tensor that scores or that training would go on with."""
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("fold_*/**/*.safetensors")}


def best_epochs(run: Path) -> list[dict]:
    states = [sorted((run / f"fold_{fold}" / "state").glob("epoch-*"))[-1] for fold in range(FOLDS)]
    stops = [json.loads((state / "state.json").read_text(encoding="utf-8"))["stops"] for state in states]
    return [{name: stop["best_epoch"] for name, stop in own.items()} for own in stops]


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"lora_dropout": 0.3, "accumulate": 2}, id="lora", marks=pytest.mark.slow),
        pytest.param({"tuning": "full", "epochs": 2}, id="full", marks=pytest.mark.slow),
        pytest.param({"tuning": "probe"}, id="probe"),
        pytest.param(
            {"modality": "vision", "select": "pred", "params": ["q", "o"], "lora_dropout": 0.2},
            id="vision",
            marks=pytest.mark.slow,
        ),
        pytest.param(LEVERS | {"epochs": 2}, id="levers"),
    ],
)
def test_lockstep_is_one_fold_at_a_time(cohort: Path, tmp_path: Path, settings: dict) -> None:
    # 17 patients in 3 folds: batches of 3 end in different steps, the last ones are not full.
    alone, together = (train(cohort, tmp_path, f"of-{n}", lockstep=n, **settings) for n in (1, FOLDS))
    expected, found = weights(alone), weights(together)
    assert expected.keys() == found.keys()
    assert len(expected) > 6
    from clip_nodule.pretrained.tensor_files import read_safetensors

    for name in expected:
        one, other = read_safetensors(alone / name), read_safetensors(together / name)
        for key, tensor in one.items():
            # A constant in all scores of a softmax changes nothing: these gradients are rounding errors alone.
            if key.endswith(("k_proj.bias", "image_head.score.bias")):
                continue
            torch.testing.assert_close(other[key], tensor, atol=1e-5, rtol=1e-4, msg=lambda m, k=key: f"{k}: {m}")
    assert best_epochs(alone) == best_epochs(together)
    for fold in range(FOLDS):
        tables = [pd.read_csv(run / f"fold_{fold}" / "metrics.csv") for run in (alone, together)]
        pd.testing.assert_frame_equal(*tables, atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_how_folds_run_changes_no_bit_where_stacks_are_the_same(cohort: Path, tmp_path: Path) -> None:
    here, apart = (train(cohort, tmp_path, f"p{n}", lockstep=2, parallel=n, epochs=1) for n in (1, 2))
    assert weights(here) == weights(apart)


class Whole(NamedTuple):
    """A run, and what it was asked for."""

    run: Path
    asked: dict[str, Any]


KILLED = {"lockstep": FOLDS, "epochs": 2, "lora_dropout": 0.2}


@pytest.fixture(scope="module", params=[{}, LEVERS], ids=["plain", "levers"])
def whole(request: pytest.FixtureRequest, cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A run that nothing disturbed."""
    asked = KILLED | request.param
    return Whole(train(cohort, tmp_path_factory.mktemp("whole"), "whole", **asked), asked)


class Interrupted(Exception):
    """Training is stopped from outside."""


@pytest.mark.parametrize("moment", [2, *(pytest.param(moment, marks=pytest.mark.slow) for moment in (1, 4, 6))])
def test_a_run_killed_between_two_folds_states_goes_on_to_the_same_bits(
    cohort: Path, tmp_path: Path, whole: Whole, moment: int
) -> None:
    seen = []

    def stop(done: int, total: int, text: str) -> None:
        seen.extend([text] if " epoch " in text else [])
        if len(seen) == moment:  # after the state of one fold was saved, and before those of the others
            raise Interrupted

    with pytest.raises(Interrupted):
        train(cohort, tmp_path, "killed", progress=stop, **whole.asked)
    killed = train(cohort, tmp_path, "killed", resume=True)
    assert weights(killed) == weights(whole.run)
    for fold in range(FOLDS):
        one, other = (run / f"fold_{fold}" / "metrics.csv" for run in (whole.run, killed))
        assert one.read_bytes() == other.read_bytes()


@pytest.mark.slow
def test_a_fold_that_diverges_stops_alone(cohort: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"lockstep": FOLDS, "epochs": 3, "patience": 9}
    whole = train(cohort, tmp_path, "whole", **settings)
    original, calls = stack_module.batch_losses, []

    def poisoned(output, *given, **more):
        losses = original(output, *given, **more)
        calls.append(1)
        if len(output.image_logits) == FOLDS and len(calls) > 4:  # in the second epoch
            losses.clip = losses.clip * torch.tensor([1.0, float("nan"), 1.0])
        return losses

    monkeypatch.setattr(stack_module, "batch_losses", poisoned)
    with pytest.raises(TrainingStopped, match=r"fold 1: loss is not finite in epoch 2"):
        train(cohort, tmp_path, "poisoned", **settings)
    run = tmp_path / "results" / "runs" / "poisoned"
    lengths = [len(pd.read_csv(run / f"fold_{fold}" / "metrics.csv")) for fold in range(FOLDS)]
    assert lengths == [3, 1, 3]
    for fold in (0, 2):
        tables = [pd.read_csv(run / f"fold_{fold}" / "metrics.csv") for run in (whole, run)]
        pd.testing.assert_frame_equal(*tables, atol=1e-5, rtol=1e-4)
    monkeypatch.undo()
    before = weights(run)
    with pytest.raises(TrainingStopped, match=r"fold 1: loss is not finite in epoch 2"):
        train(cohort, tmp_path, "poisoned", resume=True)  # what stopped it is written down
    assert weights(run) == before


def test_stacks_are_as_even_as_can_be() -> None:
    assert [list(stack) for stack in stacks_of(5, 3, CPU)] == [[0, 1], [2, 3, 4]]
    assert [len(stack) for stack in stacks_of(5, "auto", CPU)] == [1] * 5
    assert [len(stack) for stack in stacks_of(5, "auto", torch.device("cuda"))] == [5]


@pytest.mark.parametrize("apart", [False, True], ids=["stacked", "fold by fold"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"params": ["q", "v", "o"], "rank": 3}, {"encoder": "vision"}, {"encoder": "text", "position": "top3"},
     {"tuning": "full"}, {"tuning": "probe"}, {"modality": "vision"}, {"backbone": "tiny-224", "params": ["k"]}],
    ids=str,
)  # fmt: skip
def test_a_stack_gives_what_each_network_gives(settings: dict, apart: bool) -> None:
    own = load_settings(
        None, {"backbone": "tiny", "pretrained": None, "lora_dropout": 0, "dropout": 0, **settings}
    )
    models = []
    for seed in range(2):
        torch.manual_seed(seed)
        models.append(new_model(build_backbone(own.network.backbone), own))
        for name, parameter in models[-1].named_parameters():
            if ".lora_B." in name:
                torch.nn.init.normal_(parameter, std=0.05)
    stack = StackedNetwork(models[0], 2, apart=apart)
    for fold, model in enumerate(models):
        stack.parameters.take(fold, model)
    size = 48 if own.network.backbone == "tiny" else 224
    images = torch.randn(2, 3, 9, 3, size, size, generator=torch.Generator().manual_seed(1))
    texts = tokenize(["a solid nodule", "", "smooth margins and no more"])[:, :12].repeat(2, 1, 1)
    labels = torch.tensor([[0, 1, -1], [1, 1, 0]])
    dropped = stack.drawn(lambda fold: None, 3, 12)
    losses = batch_losses(stack(images, texts, dropped), labels, own.losses)
    losses.both.sum().backward()
    for fold, model in enumerate(models):
        alone = batch_losses(model(images[fold], texts[fold]), labels[fold], own.losses)
        alone.both.backward()
        torch.testing.assert_close(losses.both[fold], alone.both, atol=2e-6, rtol=1e-6)
        for name, parameter in model.named_parameters():
            if name in stack.parameters.layout.pieces and parameter.grad is not None:
                piece = stack.parameters.layout.pieces[name]
                found = stack.leaves[piece.leaf].grad[fold][piece.index]
                torch.testing.assert_close(found, parameter.grad, atol=2e-6, rtol=1e-4)


def test_what_is_dropped_depends_on_the_fold_alone() -> None:
    own = load_settings(None, {"backbone": "tiny", "pretrained": None, "lora_dropout": 0.25})
    stacks = [StackedNetwork(new_model(build_backbone("tiny"), own), folds) for folds in (1, 3)]
    alone, together = (stack.drawn(torch.manual_seed, 2, 8) for stack in stacks)
    assert alone.images is not None
    assert together.images is not None
    torch.testing.assert_close(alone.images[0], together.images[0])
    assert not torch.equal(together.images[0], together.images[1])
    kept = float(together.images.mean())
    # Four standard deviations of the number of values.
    assert kept == pytest.approx(0.75, abs=4 * np.sqrt(0.25 * 0.75 / together.images.numel()))
