"""On a GPU, training, scoring and explaining give what the processor gives, and the same bits every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.contracts.workspace import Workspace
from benchmark.imaging.cropping.cohort import crops_of
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.inference.explain import ExplainOptions, explain_cohort
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.images import FreshPlanes
from tests.clip_nodule.training_cohort import TINY

pytestmark = pytest.mark.gpu
Record = Callable[[str, object], None]


def train(workspace: Workspace, name: str, device: str, **settings: object) -> Path:
    request = TrainingRequest(settings=TINY | {"precision": "fp32"} | settings, device=device)
    return train_run("balls", request, workspace, name=name)


def metrics(run: Path) -> pd.DataFrame:
    return pd.concat([pd.read_csv(run / f"fold_{fold}" / "metrics.csv") for fold in range(2)])


def weights(run: Path) -> dict[str, bytes]:
    """Every tensor that scores or that training would go on with."""
    found = {path.relative_to(run).as_posix(): path.read_bytes() for path in run.rglob("fold_*/**/*.safetensors")}
    assert len(found) > 4
    return found


@pytest.fixture(scope="module")
def processor_run(workspace: Workspace) -> Path:
    return train(workspace, "of-the-processor", "cpu")


@pytest.mark.parametrize(
    "settings",
    [{"tuning": "lora"}, {"tuning": "full"}, {"tuning": "probe"}, {"modality": "vision", "select": "pred"},
     {"classifiers": "fitted", "sampling": "semantic", "class_weights": True}],
    ids=lambda settings: "-".join(map(str, settings.values())),
)  # fmt: skip
def test_it_trains_as_the_processor_does(
    workspace: Workspace, device: str, settings: dict, record_property: Record
) -> None:
    name = "-".join(map(str, settings.values()))
    # Dropout draws other numbers on a GPU, with the same seed.
    still = {"dropout": 0.0, "lora_dropout": 0.0, **settings}
    expected = metrics(train(workspace, f"cpu-{name}", "cpu", **still))
    found = metrics(train(workspace, f"gpu-{name}", device, **still))
    record_property("largest difference of a metric", f"{(found - expected).abs().max().max():.1e}")
    # Planes kept on disk for the processor have 16 bits: 1/131070 of the range at most.
    pd.testing.assert_frame_equal(found, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("augment", ["none", "flips", "full", "paper", "jitter"])
def test_every_augmentation_is_the_processors(
    workspace: Workspace, device: str, augment: str, record_property: Record
) -> None:
    crops_of(workspace.cohort("balls"), workspace.results)
    store = CropStore.open(workspace.crops("balls"))
    rows = store.cropped.astype("int64")

    def planes(name: str) -> torch.Tensor:
        source = FreshPlanes(store, 224, torch.device(name), augment=augment)
        if name == "cuda":
            source.keep_on_device(rows)
        return source(rows[:5], source.draw(np.random.default_rng(7), 5)).cpu()

    found, expected = planes(device), planes("cpu")
    record_property("largest difference", f"{(found - expected).abs().max():.1e}")
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_it_scores_as_the_processor_does(
    workspace: Workspace, device: str, processor_run: Path, tmp_path: Path, precision: str, record_property: Record
) -> None:
    def scores(device: str, precision: str, file: str) -> pd.DataFrame:
        scoring = Scoring(device=device, precision=precision)
        return pd.read_csv(score_cohort("balls", scoring, workspace, run=processor_run.name, out=tmp_path / file))

    expected, found = scores("cpu", "fp32", "cpu.csv"), scores(device, precision, "gpu.csv")
    record_property("largest difference of a score", f"{(found['score'] - expected['score']).abs().max():.1e}")
    pd.testing.assert_frame_equal(found, expected, atol=1e-5 if precision == "fp32" else 1e-2, rtol=0)


def test_it_explains_as_the_processor_does(workspace: Workspace, device: str, processor_run: Path) -> None:
    found, expected = (
        explain_cohort("balls", workspace, ExplainOptions(run=processor_run.name, device=where)).predictions
        for where in (device, "cpu")
    )
    pd.testing.assert_frame_equal(found, expected, atol=1e-4, rtol=0)


class Interrupted(Exception):
    """Training is stopped from outside."""


def interrupt(done: int, total: int, text: str) -> None:
    if "epoch 1" in text:
        raise Interrupted


@pytest.mark.parametrize(
    ("tuning", "precision", "exact"), [("lora", "auto", False), ("lora", "fp32", True), ("full", "auto", True)]
)
@pytest.mark.parametrize("again", ["twice", "resumed"])
def test_it_trains_to_the_same_bits(
    workspace: Workspace, device: str, tuning: str, precision: str, exact: bool, again: str
) -> None:
    settings = {"tuning": tuning, "precision": precision, "augment": "full", "deterministic": exact}
    once = workspace.results / "runs" / f"{tuning}-{precision}"
    once = once if once.is_dir() else train(workspace, once.name, device, **settings)
    name = f"{tuning}-{precision}-{again}"
    if again == "twice":
        other = train(workspace, name, device, **settings)
    else:
        request = TrainingRequest(settings=TINY | settings, device=device)
        with pytest.raises(Interrupted):
            train_run("balls", request, workspace, name=name, progress=interrupt)
        other = train_run("balls", TrainingRequest(settings={}, device=device), workspace, name=name, resume=True)
    found, expected = weights(other), weights(once)
    assert found.keys() == expected.keys()
    assert [path for path in expected if found[path] != expected[path]] == []
