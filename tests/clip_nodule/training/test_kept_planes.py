"""Planes kept on the disk are checked before they are used; crops that are not kept are read ahead."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.errors import InputError
from benchmark.imaging.cropping.joined import JoinedStore
from benchmark.imaging.cropping.store import CropStore
from clip_nodule.network.backbone import build_backbone
from clip_nodule.planes.batch import planes_batch
from clip_nodule.pretrained.tensor_files import save_tensors
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import new_model
from clip_nodule.runs.run_folder import DATA, read_run
from clip_nodule.training.data import load_data
from clip_nodule.training.features import FEATURES, frozen_features
from clip_nodule.training.fold import FoldJob, embed
from clip_nodule.training.folds.stack import FoldStack
from clip_nodule.training.images import FreshPlanes, KeptPlanes, kept_planes_file
from clip_nodule.training.validation import validate
from tests.clip_nodule.training_cohort import TINY

SIZE = 16
CPU = torch.device("cpu")


@pytest.fixture
def store(small: Path) -> Iterable[CropStore]:
    store = CropStore.open(small / "results" / "crops" / "balls")
    yield store
    for file in store.folder.glob(f"planes-{SIZE}-*.npy"):
        file.unlink()


def test_kept_planes_are_those_of_the_crops(store: CropStore) -> None:
    rows = store.cropped.astype(np.int64)
    file = kept_planes_file(store, rows, len(store), SIZE)
    assert kept_planes_file(store, rows, len(store), SIZE) == file
    made = planes_batch(torch.from_numpy(store.crops(rows[:3])), store.recipe, size=SIZE)
    kept = KeptPlanes(file, CPU)(rows[:3])
    # One of 65,536 steps, half of it to either side, of CLIP's range of about 4 (1 / 0.261).
    torch.testing.assert_close(kept, made.clamp(made.min(), made.max()), atol=4 / 65_535, rtol=0)


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((3, 9, SIZE, SIZE), np.uint16),
        np.zeros((20, 9, SIZE, 1), np.uint16),
        np.zeros((20, 1, SIZE, SIZE), np.uint16),
        np.zeros((20, 9, SIZE, SIZE), np.float32),
        np.zeros(20, np.uint16),
        np.zeros((), np.uint16),
    ],
    ids=["rows", "pixels", "planes", "type", "flat", "number"],
)
def test_kept_planes_of_another_shape_are_refused(store: CropStore, wrong: np.ndarray) -> None:
    """NumPy would stretch a side of 1 to any length without a word."""
    rows = store.cropped.astype(np.int64)
    file = kept_planes_file(store, rows, len(store), SIZE)
    assert len(store) == 20
    np.save(file, wrong)
    with pytest.raises(InputError, match=r"not planes: uint16 \[20, 9, 16, 16\] — remove it; it is made again"):
        kept_planes_file(store, rows, len(store), SIZE)
    file.unlink()
    good = kept_planes_file(store, rows, len(store), SIZE)
    other = good.with_name(f"planes-{SIZE}-other.npy")
    if wrong.shape != (3, 9, SIZE, SIZE):  # another store may have fewer rows
        np.save(other, wrong)
        with pytest.raises(InputError, match="not planes"):
            KeptPlanes([good, other], CPU)


@pytest.mark.parametrize(
    "change",
    [
        lambda images, texts: {"images": images[:-1], "texts": texts},
        lambda images, texts: {"images": images[:, :8], "texts": texts},
        lambda images, texts: {"images": images, "texts": texts[:, :-1]},
        lambda images, texts: {"images": images},
        lambda images, texts: {"texts": texts},
    ],
    ids=["nodules", "planes", "texts", "no texts", "no images"],
)
def test_kept_features_of_another_shape_are_refused(small: Path, tmp_path: Path, change: Callable) -> None:
    run = shutil.copytree(small / "results" / "runs" / "first", tmp_path / "run")
    data = load_data(run)
    images, texts = torch.rand(len(data.table), 9, 4), torch.rand(*data.tokens.shape[:2], 4)
    save_tensors({"images": images, "texts": texts}, run / DATA / FEATURES)
    given = read_run(run), JoinedStore.open([small / "results" / "crops" / "balls"]), CPU
    found = frozen_features(run, *given)
    assert torch.equal(found[0], images)
    assert torch.equal(found[1], texts)
    save_tensors(change(images, texts), run / DATA / FEATURES)
    with pytest.raises(InputError, match="not features of 9 planes of each of 19 nodules and of their"):
        frozen_features(run, *given)


def test_what_validation_asks_for_is_read_ahead(small: Path, store: CropStore, monkeypatch) -> None:
    settings = load_settings("tiny-cpu", TINY)
    data = load_data(small / "results" / "runs" / "first")
    planes = FreshPlanes(store, 48, CPU)
    jobs = [FoldJob(small, fold, settings, 0, data, planes, CPU) for fold in range(2)]
    model = new_model(build_backbone("tiny"), settings)
    ahead: list[list[int]] = []
    asked: list[list[int]] = []
    expect, call = planes.expect, FreshPlanes.__call__

    def expected(batches: Iterable[np.ndarray]) -> None:
        these = list(batches)
        ahead.extend(rows.tolist() for rows in these)
        expect(these)

    monkeypatch.setattr(planes, "expect", expected)

    def given(self: FreshPlanes, rows: np.ndarray, changes: np.ndarray | None = None) -> torch.Tensor:
        asked.append(rows.tolist())
        return call(self, rows, changes)

    monkeypatch.setattr(FreshPlanes, "__call__", given)
    validate(jobs, FoldStack(model, jobs).network)
    assert len(asked) > 0
    assert ahead == asked
    embed(jobs[0], model, np.arange(len(data.table)))
    assert ahead == asked
    assert len(planes.crops._ahead) == 0  # none was decoded for nothing
