from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from clip_nodule.backbone import WEIGHTS, build_backbone, encode_text
from clip_nodule.images import KeptPlanes
from clip_nodule.pretrain import COHORTS, NAME, PLANES, Pretraining, Sample, class_targets, pretrain, save_weights
from clip_nodule.tokens import tokenize


def sample(tmp_path, count: int = 24) -> Sample:
    """Two kinds of nodules that differ in brightness, and say so."""
    random = np.random.default_rng(0)
    kind = np.arange(count) % 2
    planes = random.normal(20000 + 20000 * kind[:, None, None, None], 2000, (count, 9, 48, 48)).astype(np.uint16)
    np.save(tmp_path / "planes.npy", planes)
    tokens = np.stack([tokenize([["dark nodule", "bright nodule"][k] for k in kind]).numpy()] * 12).astype(
        np.uint16
    )
    place = np.column_stack([np.zeros(count, np.int64), np.arange(count)])
    source = KeptPlanes(tmp_path / "planes.npy", torch.device("cpu"), flips=True)
    return Sample([source], place, tokens, kind[:, None], kind.astype(np.float32), [2])


def test_pretraining_learns_and_is_seeded(tmp_path) -> None:
    given = sample(tmp_path)
    one, history = pretrain(given, 12)
    two, again = pretrain(given, 12)
    assert history == again
    assert all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    )
    assert history[-1]["features"] < 0.5 * history[0]["features"]


def test_weights_hold_only_the_token_rows_in_use_and_read_back(tmp_path) -> None:
    given = sample(tmp_path)
    backbone = build_backbone("tiny", seed=1)
    save_weights(backbone, given.tokens, tmp_path / "w.safetensors")
    read = build_backbone("tiny", str(tmp_path / "w.safetensors"))
    tokens = tokenize(["dark nodule"])
    torch.testing.assert_close(encode_text(read, tokens), encode_text(backbone, tokens), rtol=0, atol=0)
    assert (tmp_path / "w.safetensors").stat().st_size < 6e6


def test_missing_features_have_no_part_in_the_loss() -> None:
    model = Pretraining(build_backbone("tiny"), [2, 3])
    features = torch.randn(3, 128, requires_grad=True)
    targets = torch.tensor([[0, -1], [1, -1], [-1, -1]])
    model.feature_loss(features, targets).backward()
    assert features.grad is not None
    assert features.grad[2].eq(0).all()
    assert features.grad[:2].ne(0).any()


def test_class_numbers_are_the_vocabularys_and_missing_is_minus_one() -> None:
    table = pd.DataFrame({"necrosis": ["Present", "Absent", None], "nodule_shape": ["Round", None, "Ovoid"]})
    targets, classes = class_targets(table)
    assert len(classes) == targets.shape[1]
    columns = {tuple(column) for column in targets.T.tolist()}
    assert (0, 1, -1) in columns
    assert (1, -1, 0) in columns


def test_a_step_sees_some_planes_and_scoring_all_nine(tmp_path) -> None:
    given = sample(tmp_path)
    which = np.array([3, 5])
    assert given.images(which, np.random.default_rng(0)).shape == (2, PLANES, 3, 48, 48)
    assert given.images(which, None).shape == (2, 9, 3, 48, 48)


def test_the_committed_weights_are_small_and_load() -> None:
    file = WEIGHTS / f"{NAME}.safetensors"
    assert file.stat().st_size <= 6e6
    backbone = build_backbone("tiny", NAME)
    images = backbone.visual(torch.zeros(1, 3, 48, 48))
    assert torch.isfinite(images).all()


def test_the_phantoms_of_pretraining_have_seeds_of_their_own() -> None:
    assert all(seed >= 9000 for _, seed, _ in COHORTS)
