"""How weights move: against PyTorch's own schedules, clipping and AdamW, on networks that are not stacked."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from benchmark.errors import InputError
from clip_nodule.network import tiny
from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.runs.setting_parts import OptimisationSettings
from clip_nodule.runs.settings import Settings
from clip_nodule.text.tokens import tokenize
from clip_nodule.training.fold import FoldJob
from clip_nodule.training.folds.batches import Batch
from clip_nodule.training.folds.moves import is_scheduled, learning_rate, shorten
from clip_nodule.training.folds.stack import FoldStack
from clip_nodule.training.objective import batch_losses
from tests.clip_nodule.pretended_steps import LEAST

RATE = 3e-4


def rates(epochs: int, per_epoch: int, **given: object) -> list[float]:
    own = OptimisationSettings(epochs=epochs, learning_rate=RATE, **given)
    return [learning_rate(own, move, per_epoch) for move in range(epochs * per_epoch)]


def torchs_rates(moves: int, rising: int, end: float | None) -> list[float]:
    """PyTorch's own: ``LinearLR`` to the full rate, then ``CosineAnnealingLR``, or no other."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=RATE)
    rise = LinearLR(optimizer, 1 / rising, total_iters=rising - 1)
    then = LinearLR(optimizer, 1.0) if end is None else CosineAnnealingLR(optimizer, moves - rising, RATE * end)
    schedule = SequentialLR(optimizer, [rise, then], [rising])
    found = []
    for _ in range(moves):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.filterwarnings("ignore:The epoch parameter")  # SequentialLR itself gives it
@pytest.mark.parametrize(("epochs", "per_epoch", "warm_up"), [(4, 5, 1), (3, 7, 0.5), (10, 3, 2.4), (2, 2, 1)])
@pytest.mark.parametrize("end", [None, 0.0, 0.1])
def test_learning_rates_are_pytorchs(epochs: int, per_epoch: int, warm_up: float, end: float | None) -> None:
    given = {} if end is None else {"schedule": "cosine", "lr_end": end}
    found = rates(epochs, per_epoch, lr_warmup=warm_up, **given)
    expected = torchs_rates(epochs * per_epoch, round(warm_up * per_epoch), end)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-18)


def test_a_cosine_without_warm_up_begins_at_the_rate_is_half_in_the_middle_and_falls() -> None:
    found = rates(4, 5, schedule="cosine")
    assert found[0] == RATE
    assert found[10] == pytest.approx(RATE / 2)
    assert all(one > other for one, other in pairwise(found))
    # By hand: the last of 20 moves is at 19/20 of the way.
    assert found[-1] == pytest.approx(RATE * (1 + math.cos(math.pi * 0.95)) / 2)


def test_without_levers_the_rate_is_never_touched() -> None:
    own = OptimisationSettings()
    assert not is_scheduled(own)
    assert rates(2, 3) == [RATE] * 6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"lr_warmup": 3, "epochs": 3}, "lr_warmup.*would rise in all of the 3 epochs"),
        ({"lr_end": 0.1}, "lr_end.*a constant learning rate has no other end"),
        ({"schedule": "step"}, "schedule.*'constant' or 'cosine'"),
        ({"max_grad_norm": 0}, "max_grad_norm.*greater than 0"),
        ({"decayed": "some"}, "decayed.*'all' or 'matrices'"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_settings(None, given)


@pytest.mark.parametrize("longest", [0.5, 1e3])
def test_gradients_are_shortened_as_pytorch_shortens_them(longest: float) -> None:
    parameters = [torch.zeros(size, requires_grad=True) for size in ((3, 4), (5,), ())]
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
    own = [parameter.grad.clone() for parameter in parameters]
    norm = shorten(own, longest)
    torch.testing.assert_close(norm, clip_grad_norm_(parameters, longest))
    torch.testing.assert_close(own, [parameter.grad for parameter in parameters])


UNSEEN = ("k_proj.bias", "image_head.score.bias")
FOLDS, BATCH, EPOCHS, STEPS = 2, 3, 2, 4
LENGTH = 12


@pytest.fixture(autouse=True)
def least_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tiny.TINY, "least", LEAST)


def settings_with(**given: object) -> Settings:
    # The paper's learning rate: AdamW makes steps of that length even of gradients that are rounding errors.
    common = {"backbone": "least", "pretrained": None, "lora_dropout": 0, "dropout": 0, "batch_size": BATCH,
              "learning_rate": 1e-4, "weight_decay": 20, "epochs": EPOCHS, "sampling": "none"}  # fmt: skip
    return load_settings(None, {**common, **given})


def networks(settings: Settings) -> list[NoduleCLIP]:
    models = []
    for seed in range(FOLDS):
        torch.manual_seed(seed)
        models.append(new_model(build_backbone("least"), settings))
    return models


def stack_of(models: list[NoduleCLIP], settings: Settings) -> FoldStack:
    data = SimpleNamespace(split=lambda fold: (np.arange(STEPS * BATCH), np.arange(0)))
    jobs = [FoldJob(Path(), fold, settings, 0, data, None, torch.device("cpu")) for fold in range(FOLDS)]
    stack = FoldStack(models[0], jobs)
    for fold, model in enumerate(models):
        stack.network.parameters.take(fold, model)
    return stack


def batches() -> list[Batch]:
    """Of two epochs; the second fold's images are ten times as strong, and so are its gradients other ones."""
    generator = torch.Generator().manual_seed(3)
    labels = torch.tensor([[0, 1, -1], [1, 1, 0]])
    texts = tokenize(["a solid nodule", "", "smooth margins and no more"])[:, :LENGTH].repeat(FOLDS, 1, 1)
    found = []
    for _ in range(EPOCHS * STEPS):
        images = torch.randn(FOLDS, BATCH, 9, 3, 32, 32, generator=generator)
        images[1] *= 10
        found.append(Batch(images, texts, labels, labels > -2, torch.full((FOLDS,), 0.5)))
    return found


def trained_by_hand(model: NoduleCLIP, fold: int, settings: Settings) -> tuple[list[float], dict[str, Tensor]]:
    """The loop as PyTorch's users write it, weights by open_clip's rule: norms of the gradients, averages."""
    own = settings.optimisation
    learning = {name: p for name, p in model.named_parameters() if p.requires_grad}
    spared = {
        name
        for name, p in learning.items()
        if p.ndim < 2 or "bn" in name or "ln" in name or "bias" in name or "logit_scale" in name
    }
    spared = spared if own.decayed == "matrices" else set()
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for name, p in learning.items() if name not in spared]},
            {"params": [p for name, p in learning.items() if name in spared], "weight_decay": 0.0},
        ],
        lr=own.learning_rate,
        weight_decay=own.weight_decay,
    )
    moves = EPOCHS * STEPS // own.accumulate
    schedule = CosineAnnealingLR(optimizer, moves)
    norms, averages = [], {}
    for number, batch in enumerate(batches()):
        loss = batch_losses(model(batch.images[fold], batch.texts[fold]), batch.labels[fold], settings.losses)
        (loss.both * batch.share[fold]).backward()
        if number % own.accumulate == own.accumulate - 1:
            if own.max_grad_norm is not None:
                norms.append(float(clip_grad_norm_(learning.values(), own.max_grad_norm)))
            optimizer.step()
            if own.schedule == "cosine":
                schedule.step()
            optimizer.zero_grad()
            now = {name: p.detach().clone() for name, p in learning.items()}
            averages = {n: own.ema * averages.get(n, p) + (1 - own.ema) * p for n, p in now.items()}
    return norms, averages


@pytest.mark.parametrize(
    "levers",
    [
        {"schedule": "cosine"},
        {"max_grad_norm": 0.3},
        {"decayed": "matrices"},
        {"schedule": "cosine", "max_grad_norm": 0.3, "decayed": "matrices", "accumulate": 2},
        {"decayed": "matrices", "tuning": "full"},
        {"ema": 0.8, "accumulate": 2},
    ],
    ids=str,
)
def test_a_stack_moves_as_each_network_is_moved_by_hand(levers: dict) -> None:
    settings = settings_with(**levers)
    own = settings.optimisation
    models = networks(settings)
    stack = stack_of(models, settings)
    norms: list[list[float]] = [[] for _ in models]
    for number, batch in enumerate(batches()):
        epoch, step = divmod(number, STEPS)
        stack.step(batch, epoch, step)
        if step % own.accumulate == own.accumulate - 1:
            for fold, norm in stack.move(range(FOLDS), epoch, step).items():
                norms[fold].append(float(norm))
    for fold, model in enumerate(models):
        expected, averages = trained_by_hand(model, fold, settings)
        np.testing.assert_allclose(norms[fold], expected, rtol=1e-3)
        found = stack.state_of(fold)
        assert any(name.startswith("ema/") for name in found) == (own.ema > 0)
        for name, parameter in model.named_parameters():
            # Scores' constant and keys' biases change nothing: their gradients are rounding errors.
            if name not in stack.network.parameters.layout.pieces or name.endswith(UNSEEN):
                continue
            near = {"atol": 1e-5, "rtol": 1e-4, "msg": lambda message, n=name: f"{n}: {message}"}
            torch.testing.assert_close(found[f"model/{name}"], parameter.detach(), **near)
            if own.ema:
                torch.testing.assert_close(found[f"ema/{name}"], averages[name], **near)
    if own.max_grad_norm is not None:
        assert max(max(of_fold) for of_fold in norms) > own.max_grad_norm  # else nothing was shortened
        assert abs(norms[0][0] - norms[1][0]) > 0.01  # folds have norms of their own


HEAD = "model/image_head.project.weight"


def test_averages_score_and_the_weights_that_learn_are_there_again_afterwards() -> None:
    settings = settings_with(ema=0.8)
    stack = stack_of(networks(settings), settings)
    for number, batch in enumerate(batches()):
        stack.step(batch, *divmod(number, STEPS))
        stack.move(range(FOLDS), *divmod(number, STEPS))
    before = [stack.state_of(fold) for fold in range(FOLDS)]
    places = {name: leaf.data_ptr() for name, leaf in stack.network.leaves.items()}
    with stack.scoring():
        inside = [stack.state_of(fold) for fold in range(FOLDS)]
    for own, learning in zip(inside, before, strict=True):
        names = [name.removeprefix("ema/") for name in own if name.startswith("ema/")]
        assert names
        assert all(torch.equal(own[f"model/{name}"], learning[f"ema/{name}"]) for name in names)
        assert not torch.equal(own[HEAD], learning[HEAD])
    # A captured graph reads the weights where they were: they may not have moved.
    assert {name: leaf.data_ptr() for name, leaf in stack.network.leaves.items()} == places
    for fold in range(FOLDS):
        after = stack.state_of(fold)
        assert all(torch.equal(after[name], tensor) for name, tensor in before[fold].items())
