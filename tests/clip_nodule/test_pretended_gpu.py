"""On a GPU, pretended here, training and scoring give what they give on the processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.contracts.workspace import Workspace
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.planes import batch as planes
from clip_nodule.planes import paper_augment, shifted_planes
from clip_nodule.planes import sampling as plane_sampling
from clip_nodule.runs.run_folder import read_run
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training import fold_runner
from clip_nodule.training.images import FreshPlanes, KeptPlanes, kept_planes_file
from tests.clip_nodule.pretended_gpu import MixedDevicesError, pretended_gpu
from tests.clip_nodule.training_cohort import TINY, make_cohort


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretended")
    make_cohort(folder / "cohorts" / "balls", 8)
    return folder


@pytest.fixture(autouse=True)
def fresh_caches():
    """Tensors in caches belong to one pretended GPU only."""
    yield
    planes._device_maps.cache_clear()
    plane_sampling.source_of.cache_clear()
    shifted_planes.shifted_maps.cache_clear()
    paper_augment._rotations.cache_clear()


def train(root: Path, device: str, **settings) -> tuple[Path, pd.DataFrame]:
    run = train_run(
        "balls", TrainingRequest(settings=TINY | {"epochs": 1} | settings, device=device),
        Workspace(root / "cohorts", root / "results"), name="-".join([device, *map(str, settings.values())]),
    )  # fmt: skip
    return run, pd.concat([pd.read_csv(run / f"fold_{fold}" / "metrics.csv") for fold in range(2)])


@pytest.mark.parametrize(
    "settings",
    [
        {"augment": "flips"}, {"augment": "full"}, {"tuning": "probe"},
        {"classifiers": "fitted", "sampling": "semantic", "class_weights": True},
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)  # fmt: skip
def test_a_gpu_trains_as_the_processor_does(root: Path, settings: dict) -> None:
    _, on_processor = train(root, "cpu", **settings)
    with pretended_gpu():
        _, on_gpu = train(root, "cuda", **settings)
    # Planes kept on disk for the processor have 16 bits: 1/131070 of the range at most.
    pd.testing.assert_frame_equal(on_gpu, on_processor, atol=1e-3, rtol=1e-3)


def test_a_gpu_scores_as_the_processor_does(root: Path) -> None:
    run, _ = train(root, "cpu", rank=1)
    where = {"workspace": Workspace(root / "cohorts", root / "results"), "run": run.name}
    expected = pd.read_csv(score_cohort("balls", Scoring(device="cpu"), out=root / "cpu.csv", **where))
    planes._device_maps.cache_clear()
    with pretended_gpu():
        found = pd.read_csv(score_cohort("balls", Scoring(device="cuda"), out=root / "gpu.csv", **where))
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("augment", ["none", "flips", "full", "paper", "jitter"])
def test_every_augmentation_is_what_it_is_called_on_both_devices(root: Path, augment: str) -> None:
    run, _ = train(root, "cpu", augment=augment, rank=3)
    store = CropStore.open(root / "results" / "crops" / "balls")
    rows = store.cropped.astype("int64")
    on_processor = fold_runner._planes(store, rows, read_run(run), torch.device("cpu"))
    expected = on_processor(rows[:5], np.random.default_rng(7))
    with pretended_gpu():
        on_gpu = fold_runner._planes(store, rows, read_run(run), torch.device("cuda"))
        found = on_gpu(rows[:5], np.random.default_rng(7))
        assert found.device.type == "cuda"
        found = found.cpu()
    # Half a step of 16 bits, 8e-6; a gamma of exp(-0.2) makes it 6e-5 at black, CLIP's normalisation 2e-4.
    torch.testing.assert_close(found, expected, atol=1e-3, rtol=0)


def test_flips_of_fresh_planes_are_those_of_kept_ones_and_leave_validation_alone(root: Path) -> None:
    train(root, "cpu", rank=5)
    store = CropStore.open(root / "results" / "crops" / "balls")
    rows = store.cropped.astype("int64")
    fresh = FreshPlanes(store, 48, torch.device("cpu"), augment="flips")
    kept = KeptPlanes(kept_planes_file(store, rows, len(store), 48), torch.device("cpu"), flips=True)
    plain = FreshPlanes(store, 48, torch.device("cpu"))(rows, None)
    torch.testing.assert_close(fresh(rows, None), plain, rtol=0, atol=0)
    flipped = fresh(rows, np.random.default_rng(3))
    assert not torch.allclose(flipped, plain, atol=0.1)
    torch.testing.assert_close(flipped, kept(rows, np.random.default_rng(3)), rtol=0, atol=1e-3)


def test_the_pretended_gpu_refuses_what_a_gpu_refuses() -> None:
    with pretended_gpu():
        there = torch.ones(3).to("cuda")
        with pytest.raises(TypeError, match="can't convert cuda"):
            there.numpy()
        with pytest.raises(MixedDevicesError):
            there + torch.ones(3)
        assert (there + torch.tensor(1.0)).device.type == "cuda"
        assert there[torch.tensor([0, 2])].cpu().numpy().sum() == 2
        assert torch.zeros(2, device="cuda").to(torch.float64).device.type == "cuda"
