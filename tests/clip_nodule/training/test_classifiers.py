from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from clip_nodule.network.backbone import build_backbone
from clip_nodule.network.losses import MISSING
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.runs.configuration import load_settings
from clip_nodule.training.classifiers import STRENGTH, fit_classifiers
from clip_nodule.training.data import TrainingData
from clip_nodule.training.fold import FoldJob, embed

COUNT, FEATURES = 60, 128


def fold_job(labels: np.ndarray, seed: int = 0, modality: str = "clip") -> FoldJob:
    """A fold that trains on the first 40 nodules, on features that tell a little about the label."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame({"row": range(COUNT), "label": labels, "fold": [1] * 40 + [0] * 20})
    images = random.normal(size=(COUNT, 9, FEATURES)) + 0.3 * labels[:, None, None]
    texts = random.normal(size=(1, COUNT, FEATURES)) + 0.3 * labels[None, :, None]
    tokens = np.zeros((1, COUNT, 4), np.uint16) if modality == "clip" else None
    settings = load_settings("tiny-cpu", {"modality": modality, "tuning": "probe"})
    features = torch.from_numpy(images).float(), torch.from_numpy(texts).float() if modality == "clip" else None
    data = TrainingData(table, tokens)
    cpu = torch.device("cpu")
    return FoldJob(Path("fold_0"), 0, settings, seed, data, lambda *_: torch.empty(0), cpu, features)


def network(modality: str = "clip") -> NoduleCLIP:
    torch.manual_seed(0)
    return NoduleCLIP(build_backbone("tiny", seed=0), width=32, attention=8, modality=modality).eval()


@pytest.fixture
def labels() -> np.ndarray:
    random = np.random.default_rng(1)
    values = random.choice([0, 0, 0, 1], COUNT)
    values[::7] = MISSING
    return values


def test_the_penalised_loss_of_the_training_nodules_has_no_slope_left(labels: np.ndarray) -> None:
    """The definition: cross-entropy plus half the squared difference of the two rows, at its least."""
    job, model = fold_job(labels), network()
    before = model.classifier_image.weight.clone()
    fit_classifiers(job, model)
    assert not torch.equal(before, model.classifier_image.weight)
    train, _ = job.data.split(0)
    target = torch.from_numpy(labels[train])
    image, text = embed(job, model, train)
    for classifier, embedding in ((model.classifier_image, image), (model.classifier_text, text)):
        rows = classifier.weight.detach().double()
        slope = (rows[1] - rows[0]).requires_grad_()
        offset = (classifier.bias[1] - classifier.bias[0]).detach().double().requires_grad_()
        logits = embedding.double() @ slope + offset
        known = target != MISSING
        loss = functional.binary_cross_entropy_with_logits(logits[known], target[known].double(), reduction="sum")
        (loss + slope.square().sum() / (2 * STRENGTH)).backward()
        assert slope.grad.abs().max() < 1e-4
        assert abs(float(offset.grad)) < 1e-4


def test_only_labelled_training_nodules_count(labels: np.ndarray) -> None:
    one, two = network(), network()
    fit_classifiers(fold_job(labels), one)
    other = fold_job(labels)
    held = np.flatnonzero((labels == MISSING) | (np.arange(COUNT) >= 40))
    images, texts = other.features
    images[held], texts[:, held] = 5.0, -5.0
    fit_classifiers(other, two)
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_nothing_but_the_classifiers_changes_and_one_class_changes_nothing(labels: np.ndarray) -> None:
    model, start = network(), network().state_dict()
    fit_classifiers(fold_job(labels), model)
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, start[name])}
    assert changed == {f"classifier_{kind}.{part}" for kind in ("image", "text") for part in ("weight", "bias")}
    model = network()
    fit_classifiers(fold_job(np.where(labels == 1, MISSING, labels)), model)
    assert all(torch.equal(value, start[name]) for name, value in model.state_dict().items())


def test_images_alone_have_one_classifier(labels: np.ndarray) -> None:
    model = network("vision")
    before = model.classifier_image.weight.clone()
    fit_classifiers(fold_job(labels, modality="vision"), model)
    assert not torch.equal(before, model.classifier_image.weight)
