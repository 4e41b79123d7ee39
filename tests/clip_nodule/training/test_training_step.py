"""Optimisation steps against the paper's own code, and the training's class weights by hand."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.errors import InputError
from clip_nodule.network.backbone import backbone_from_config
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.network.tiny import TINY
from clip_nodule.paper.checkpoint import under_our_names
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.runs.settings import Settings
from clip_nodule.training.data import TrainingData
from clip_nodule.training.fold import FoldJob
from clip_nodule.training.folds.batches import Batch
from clip_nodule.training.folds.lockstep import train_epoch
from clip_nodule.training.folds.stack import FoldStack
from tests.clip_nodule.counts import count_parameters


def paper_network(network: dict) -> dict:
    """open_clip's configuration of a CLIP in OpenAI's layout, whose heads are 64 wide."""
    return {
        "embed_dim": network["embed_dim"],
        "quick_gelu": True,
        "vision_cfg": {
            "image_size": network["image_resolution"],
            "patch_size": network["vision_patch_size"],
            "width": network["vision_width"],
            "head_width": 64,
            "layers": network["vision_layers"],
        },
        "text_cfg": {
            "context_length": network["context_length"],
            "vocab_size": network["vocab_size"],
            "width": network["transformer_width"],
            "heads": network["transformer_heads"],
            "layers": network["transformer_layers"],
        },
    }


def paper_settings(given: dict) -> Settings:
    """Our settings of the same meaning; class weights are used where sampling is semantic."""
    own = {
        "rank": given["r"],
        "alpha": given["alpha"],
        "lora_dropout": given["dropout_rate"],
        "position": given["position"],
        "encoder": given["encoder"],
        "params": given["params"],
        "dropout": given["dropout"],
        "temperature": given["tau"],
        "clip_weight": given["clip_loss_weight"],
        "image_weight": given["img_loss_weight"],
        "text_weight": given["text_loss_weight"],
        "width": given["out_dim"],
        "sampling": given["weighted"],
        "class_weights": given["weighted"] == "semantic",
        "pretrained": None,
    }
    return load_settings("zhuang2025", own)


def place(model: NoduleCLIP, start: dict[str, torch.Tensor]) -> dict[str, torch.nn.Parameter]:
    """Put the start's tensors into a network; the parameters that have one there, by the paper's names."""
    rows = start.pop("token_embedding.weight.rows")
    table = torch.zeros_like(model.encoder.token_embedding.weight)
    table[rows] = start["token_embedding.weight"]
    given = under_our_names(start | {"token_embedding.weight": table})
    updates = {name: tensor for name, tensor in start.items() if ".w_lora_" in name}
    places = {}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            plain = name.replace(".base_model.model.", ".").replace(".base_layer.", ".").replace(".default.", ".")
            if ".lora_" in plain:
                layer, _, which = plain.removeprefix("backbone.").removesuffix(".weight").rpartition(".lora_")
                theirs = layer.replace("visual.", "vision_model.").replace(".out_proj", ".proj")
                theirs = f"{theirs}.w_lora_{which}"
                parameter.copy_(updates.pop(theirs))
                places[theirs] = parameter
            elif plain != "backbone.logit_scale":  # the paper's code keeps its own
                parameter.copy_(given.pop(plain))
                places[plain] = parameter
    assert not updates
    assert not given
    return places


def paper_gradient_name(name: str) -> str:
    """Ours of a gradient's name in ``expected.json``; low-rank updates keep the paper's."""
    return next(iter(under_our_names({name: torch.zeros(1)})), name)


def sets(shared: Path) -> list[Path]:
    return sorted(path.parent for path in (shared / "reference" / "training_step").glob("*/expected.json"))


@pytest.mark.parametrize("apart", [False, True], ids=["stacked", "fold by fold"])
def test_four_steps_are_those_of_the_papers_code(shared: Path, apart: bool) -> None:
    """Losses, logits and gradients within what ``reference/training_step/README.md`` says to expect."""
    assert sets(shared)
    for folder in sets(shared):
        expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        settings = paper_settings(expected["settings"])
        model = new_model(backbone_from_config(paper_network(expected["network"])), settings)
        with np.load(folder / "start.npz") as file:
            places = place(model, {name: torch.from_numpy(file[name]) for name in file.files})
        with np.load(folder / "batches.npz") as file:
            batches = [
                [torch.from_numpy(file[f"{kind}_{b}"]) for kind in ("planes", "tokens", "labels")]
                for b in range(len(expected["steps"]))
            ]
        assert count_parameters(model)[0] == expected["trainable"], folder.name
        weights = torch.tensor(expected["settings"]["class_weights"]) if settings.losses.class_weights else None
        stack = stack_of(model, settings, weights, apart=apart)
        for number, ((planes, tokens, labels), step) in enumerate(zip(batches, expected["steps"], strict=True)):
            near = {"rtol": 0, "atol": 1e-5, "err_msg": f"{folder.name}, step {number}"}
            with torch.no_grad():
                text_logits = stack.network(twice(planes), twice(tokens)).text_logits
            batch = Batch(twice(planes), twice(tokens), twice(labels), twice(labels > -2), torch.ones(2))
            for fold, values in enumerate(stack.step(batch, 0, number)):
                np.testing.assert_allclose(values[0], step["clip_loss"], **near)
                np.testing.assert_allclose(values[1], step["prediction_loss"], **near)
                np.testing.assert_allclose(values[2:].view(-1, 2), step["image_logits"], **near)
                np.testing.assert_allclose(text_logits[fold], step["text_logits"], **near)
            if number == 0:
                gradients = gradients_of(stack, model)
                for name, norm in expected["gradient_norms_of_step_0"].items():
                    own = places.get(name, places.get(paper_gradient_name(name)))
                    for found in gradients[id(own)].reshape(2, -1).norm(dim=1).tolist():
                        # The attention's last bias shifts all planes alike: its gradient is zero but for rounding.
                        assert found == pytest.approx(norm, rel=1e-4, abs=1e-7), f"{folder.name}: {name}"
            stack.move([0, 1])
        with torch.no_grad():
            last = stack.network(twice(batches[0][0])).image_logits
        after = expected["image_logits_of_batch_0_after_4_steps_in_evaluation"]
        for logits in last:
            np.testing.assert_allclose(logits, after, rtol=0, atol=1e-5, err_msg=folder.name)
        for fold in range(2):
            stack.network.parameters.give(fold, model)
            with torch.no_grad():  # the network that scores
                logits = model.eval()(batches[0][0]).image_logits
            np.testing.assert_allclose(logits, after, rtol=0, atol=1e-5, err_msg=folder.name)


def twice(tensor: torch.Tensor) -> torch.Tensor:
    """The same of two folds."""
    return tensor.unsqueeze(0).repeat(2, *[1] * tensor.dim())


def stack_of(model: NoduleCLIP, settings: Settings, weights: torch.Tensor | None, *, apart: bool) -> FoldStack:
    """Two folds that begin as ``model``."""
    data = SimpleNamespace(class_weights=lambda train: weights, split=lambda fold: ([], []))
    jobs = [FoldJob(Path(), fold, settings, 0, data, SamePlanes(), torch.device("cpu")) for fold in range(2)]
    stack = FoldStack(model, jobs, apart=apart)
    for fold in range(2):
        stack.network.parameters.take(fold, model)
    return stack


def gradients_of(stack: FoldStack, model: NoduleCLIP) -> dict[int, torch.Tensor]:
    """Gradients ``[folds, ...]`` of a network's parameters, by their identity."""
    leaves, pieces = stack.network.leaves, stack.network.parameters.layout.pieces
    return {
        id(parameter): torch.stack([leaves[pieces[name].leaf].grad[fold][pieces[name].index] for fold in range(2)])
        for name, parameter in model.named_parameters()
        if name in pieces
    }


class SamePlanes:
    """Planes that are the same for a nodule whenever they are asked for."""

    def draw(self, random, count: int) -> np.ndarray:
        return np.empty((count, 0))

    def epoch(self, rows, changes):
        return lambda step: self(rows[step])

    def __call__(self, rows, changes=None) -> torch.Tensor:
        return torch.stack(
            [torch.randn(9, 3, 48, 48, generator=torch.Generator().manual_seed(int(r))) for r in rows]
        )


LABELS = [0, 0, 0, 1, -1, 0, 1, 0, 1, 1]
FOLDS = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]


def job_of(tmp_path: Path, class_weights: bool) -> FoldJob:
    """Fold 1 trains on four benign, one malignant and one unlabelled nodule."""
    settings = load_settings(
        None,
        {
            "backbone": "tiny", "pretrained": None, "modality": "vision", "tuning": "probe", "sampling": "none",
            "class_weights": class_weights, "batch_size": 50, "width": 16, "attention": 8,
        },
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "row": range(10),
            "pid": list("abcdefghij"),
            "nodule_id": "1",
            "label": LABELS,
            "fold": FOLDS,
        }
    )
    data = TrainingData(table, None)
    return FoldJob(tmp_path, 1, settings, 0, data, SamePlanes(), torch.device("cpu"))


def cross_entropy_by_hand(logits: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Sum of weight times minus the logarithm of the true class's share, over the sum of weights."""
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    known = labels >= 0
    each = -np.log(shares[known, labels[known]])
    return float((weights[labels[known]] * each).sum() / weights[labels[known]].sum())


@pytest.mark.parametrize("class_weights", [False, True])
def test_training_weights_classes_by_the_training_rows_of_the_fold(tmp_path: Path, class_weights: bool) -> None:
    job = job_of(tmp_path, class_weights)
    torch.manual_seed(0)
    model = new_model(backbone_from_config(TINY["tiny"]), job.settings)
    train, _ = job.data.split(1)
    drawn = job.random(0).choice(train, len(train), p=np.full(len(train), 1 / len(train)))
    labels = np.array(LABELS)
    assert set(labels[drawn]) >= {0, 1}  # else no weights could be seen
    with torch.no_grad():
        logits = model(SamePlanes()(drawn)).image_logits.double().numpy()
    # Fold 1's training rows: 4 benign and 1 malignant are labelled, so that 1/4 to 1 becomes 0.2 to 0.8.
    weights = np.array([0.2, 0.8]) if class_weights else np.ones(2)
    stack = FoldStack(model, [job])
    stack.network.parameters.take(0, model)
    stack.optimizers = [torch.optim.SGD(stack.optimizers[0].param_groups[0]["params"], lr=0.0)]
    [(metrics, stopped)] = train_epoch(stack, 0)
    assert not stopped
    assert metrics["train_pred"] == pytest.approx(cross_entropy_by_hand(logits, labels[drawn], weights), abs=1e-6)


def test_the_papers_configuration_weights_and_the_default_does_not() -> None:
    paper = load_settings("zhuang2025")
    assert (paper.data.sampling, paper.losses.class_weights) == ("semantic", True)
    assert not load_settings(None).losses.class_weights


def test_classes_are_not_balanced_twice_without_a_word() -> None:
    with pytest.raises(InputError, match=r"second time.*set class_weights to false"):
        load_settings("zhuang2025", {"sampling": "diagnosis"})
    assert not load_settings("zhuang2025", {"sampling": "diagnosis", "class_weights": False}).losses.class_weights
