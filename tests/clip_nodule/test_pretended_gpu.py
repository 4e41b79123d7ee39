"""On a GPU, pretended here, training and scoring give what they give on the processor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.contracts.workspace import Workspace
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.ablation import run_ablation
from clip_nodule.inference.explain import ExplainOptions, explain_cohort, explain_nodule
from clip_nodule.inference.predict import Scoring, score_cohort
from clip_nodule.network import tiny
from clip_nodule.runs.run_folder import read_run
from clip_nodule.train import TrainingRequest, train_run
from clip_nodule.training.folds import one_stack
from clip_nodule.training.images import FreshPlanes, KeptPlanes, kept_planes_file
from tests.clip_nodule.pretended_gpu import pretended_gpu
from tests.clip_nodule.pretended_steps import LEAST
from tests.clip_nodule.training_cohort import TINY, make_cohort


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretended")
    make_cohort(folder / "cohorts" / "balls", 8)
    return folder


@pytest.fixture(autouse=True)
def least_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(tiny.TINY, "least", LEAST)


def asked(**settings: object) -> dict[str, object]:
    return TINY | {"backbone": "least", "epochs": 1, "precision": "fp32"} | settings


def train(root: Path, device: str, name: str | None = None, **settings: object) -> tuple[Path, pd.DataFrame]:
    request = TrainingRequest(settings=asked(**settings), device=device)
    name = name or "-".join([device, *(f"{key}-{value}" for key, value in settings.items())])
    run = train_run("balls", request, at(root), name=name)
    return run, metrics(run)


def at(root: Path) -> Workspace:
    return Workspace(root / "cohorts", root / "results")


def metrics(run: Path) -> pd.DataFrame:
    return pd.concat([pd.read_csv(run / f"fold_{fold}" / "metrics.csv") for fold in range(2)])


@pytest.mark.parametrize(
    "settings",
    [
        {"augment": "flips"}, {"augment": "full"}, {"augment": "paper"}, {"augment": "jitter"},
        {"tuning": "probe"}, {"tuning": "full"}, {"precision": "bf16"},
        {"classifiers": "fitted", "sampling": "semantic", "class_weights": True},
        pytest.param(
            {"schedule": "cosine", "lr_warmup": 0.5, "max_grad_norm": 0.1, "decayed": "matrices", "ema": 0.7},
            marks=pytest.mark.slow,
        ),
    ],
    ids=lambda settings: "-".join(map(str, settings.values())),
)  # fmt: skip
def test_a_gpu_trains_as_the_processor_does(root: Path, settings: dict) -> None:
    _, on_processor = train(root, "cpu", **settings)
    with pretended_gpu():
        _, on_gpu = train(root, "cuda", **settings)
    # Planes kept on disk for the processor have 16 bits: 1/131070 of the range at most.
    pd.testing.assert_frame_equal(on_gpu, on_processor, atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_a_run_resumed_on_a_gpu_ends_as_one_that_was_not_interrupted(root: Path) -> None:
    def interrupt(done: int, total: int, text: str) -> None:
        if "epoch 1" in text:
            raise KeyboardInterrupt

    request = TrainingRequest(settings=asked(epochs=2, augment="full"), device="cuda")
    with pretended_gpu():
        whole = train_run("balls", request, at(root), name="whole")
        with pytest.raises(KeyboardInterrupt):
            train_run("balls", request, at(root), name="halves", progress=interrupt)
        again = TrainingRequest(settings={}, device="cuda")
        halves = train_run("balls", again, at(root), name="halves", resume=True)
    assert len(metrics(halves)) == 4
    pd.testing.assert_frame_equal(metrics(halves), metrics(whole), rtol=0, atol=0)
    for weights in sorted(whole.rglob("fold_*/**/*.safetensors")):
        assert (halves / weights.relative_to(whole)).read_bytes() == weights.read_bytes()


@pytest.mark.parametrize(
    "scoring", [{}, {"calibrated": True}, {"precision": "bf16"}], ids=["fp32", "calibrated", "bf16"]
)
def test_a_gpu_scores_as_the_processor_does(root: Path, tmp_path: Path, scoring: dict) -> None:
    run = trained_once(root)

    def scores(device: str) -> pd.DataFrame:
        out = tmp_path / f"{device}.csv"
        return pd.read_csv(
            score_cohort("balls", Scoring(device=device, **scoring), at(root), run=run.name, out=out)
        )

    expected = scores("cpu")
    with pretended_gpu():
        found = scores("cuda")
    # In bf16 a GPU has blocks of fewer passes, which round at other places.
    near = {"rtol": 0, "atol": 1e-3} if "precision" in scoring else {}
    pd.testing.assert_frame_equal(found, expected, **near)


def test_a_gpu_explains_as_the_processor_does(root: Path, tmp_path: Path) -> None:
    run = trained_once(root)

    def explained(device: str) -> tuple[pd.DataFrame, np.ndarray]:
        options = ExplainOptions(run=run.name, device=device)
        one = explain_nodule("balls", ("001", "1"), tmp_path / f"{device}.png", at(root), options)
        return explain_cohort("balls", at(root), options).predictions, np.append(one.score, one.attention)

    predictions, nodule = explained("cpu")
    with pretended_gpu():
        found, found_nodule = explained("cuda")
    pd.testing.assert_frame_equal(found, predictions)
    np.testing.assert_allclose(found_nodule, nodule, atol=1e-6)


@pytest.mark.slow
def test_a_gpu_ablates_as_the_processor_does(root: Path) -> None:
    common = {name: value for name, value in asked().items() if name not in ("modality", "select")}
    table = run_ablation("modality", "balls", TrainingRequest(settings=common, device="cpu"), at(root), name="cpu")
    with pretended_gpu():
        request = TrainingRequest(settings=common, device="cuda")
        found = run_ablation("modality", "balls", request, at(root), name="gpu")
    values, expected = (pd.read_csv(path).drop(columns="model") for path in (found, table))
    assert expected["value"].notna().any()
    pd.testing.assert_frame_equal(values, expected)


def trained_once(root: Path) -> Path:
    run = root / "results" / "runs" / "cpu-rank-1"
    return run if run.is_dir() else train(root, "cpu", rank=1)[0]


@pytest.mark.parametrize("augment", ["none", "flips", "full", "paper", "jitter"])
def test_every_augmentation_is_what_it_is_called_on_both_devices(root: Path, augment: str) -> None:
    run, _ = train(root, "cpu", augment=augment, rank=3)
    store = CropStore.open(root / "results" / "crops" / "balls")
    rows = store.cropped.astype("int64")
    on_processor = one_stack.planes_of_run(store, rows, read_run(run), torch.device("cpu"))
    expected = on_processor(rows[:5], on_processor.draw(np.random.default_rng(7), 5))
    with pretended_gpu():
        on_gpu = one_stack.planes_of_run(store, rows, read_run(run), torch.device("cuda"))
        found = on_gpu(rows[:5], on_gpu.draw(np.random.default_rng(7), 5))
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
    plain = FreshPlanes(store, 48, torch.device("cpu"))(rows)
    torch.testing.assert_close(fresh(rows), plain, rtol=0, atol=0)
    changes = fresh.draw(np.random.default_rng(3), len(rows))
    flipped = fresh(rows, changes)
    assert not torch.allclose(flipped, plain, atol=0.1)
    torch.testing.assert_close(flipped, kept(rows, changes), rtol=0, atol=1e-3)
