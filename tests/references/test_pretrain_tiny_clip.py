from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.contracts.vocabulary import SEMANTIC_COLUMNS
from clip_nodule.network.backbone import build_backbone, encode_text, start_backbone
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.pretrained.tensor_files import save_tensors
from clip_nodule.pretrained.weight_files import WEIGHTS
from clip_nodule.runs.configuration import load_settings
from clip_nodule.runs.networks import start_heads
from clip_nodule.runs.run_folder import START
from clip_nodule.text.feature_sentences import CLASSED, class_shares, feature_sentences
from clip_nodule.text.semantics import default_prompts
from clip_nodule.text.tokens import tokenize
from clip_nodule.training.images import KeptPlanes
from tests.references.pretrain_tiny_clip import (
    ATTENTION,
    COHORTS,
    GENERAL,
    NAME,
    PLANES,
    WIDTH,
    Pretraining,
    Sample,
    _transposed,
    pretrain,
    save_weights,
)


def sample(tmp_path, count: int = 64) -> Sample:
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
    table = pd.DataFrame({"nodule_consistency": np.where(kind == 1, "Solid", "Pure ground glass")})
    return Sample([source], place, tokens, class_shares(table), kind.astype(np.float32))


def network(width: int = WIDTH) -> NoduleCLIP:
    return NoduleCLIP(build_backbone("tiny", seed=1), width=width, attention=ATTENTION).eval()


@pytest.mark.slow
def test_pretraining_learns_is_seeded_and_knows_the_prompts(tmp_path) -> None:
    given = sample(tmp_path)
    one, history = pretrain(given, 12)
    two, again = pretrain(given, 12)
    assert history == again
    assert all(
        torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True)
    )
    assert history[-1]["sentences"] < 0.5 * history[0]["sentences"]
    prompts = default_prompts()["nodule_consistency"]
    tokens = tokenize([prompts["Pure ground glass"], prompts["Solid"]])
    with torch.no_grad():
        images, _ = one.eval().embed_images(one.image_features(given.images(np.arange(64), None)))
        said = (images @ one.embed_texts(one.text_features(tokens)).t()).argmax(dim=1)
    assert (said.numpy() == np.arange(64) % 2).mean() > 0.9


def test_weights_hold_only_the_token_rows_in_use_and_read_back(tmp_path) -> None:
    given, made = sample(tmp_path), network()
    path = tmp_path / "w.safetensors"
    save_weights(made, given.tokens, path)
    read = build_backbone("tiny", str(path))
    tokens = tokenize(["dark nodule", "No findings."])
    torch.testing.assert_close(encode_text(read, tokens), encode_text(made.encoder, tokens), rtol=0, atol=0)
    assert path.stat().st_size < 6e6
    heads = start_backbone("tiny", str(path)).heads
    assert set(heads) == {name for name in made.heads() if not name.startswith("classifier")}


def test_heads_that_came_with_the_weights_begin_a_run_where_they_fit(tmp_path) -> None:
    made, fresh, wide = network(), network(), network(2 * WIDTH)
    assert not start_heads(fresh, tmp_path)
    save_tensors({n: p for n, p in made.heads().items() if not n.startswith("classifier")}, tmp_path / START)
    before = {name: parameter.clone() for name, parameter in wide.heads().items()}
    assert not start_heads(wide, tmp_path)
    assert all(torch.equal(before[name], parameter) for name, parameter in wide.heads().items())
    assert start_heads(fresh, tmp_path)
    for name, parameter in fresh.heads().items():
        assert torch.equal(parameter, made.heads()[name]) == (not name.startswith("classifier"))
    images = NoduleCLIP(build_backbone("tiny"), width=WIDTH, attention=ATTENTION, modality="vision")
    assert start_heads(images, tmp_path)


def test_missing_features_have_no_part_in_the_loss() -> None:
    table = pd.DataFrame({"necrosis": ["Present", "Absent", None]})
    shares = class_shares(table)
    model = Pretraining(network(), shares)
    logits = [torch.randn(3, share.shape[1], requires_grad=True) for share in shares]
    model.class_loss(logits, [torch.from_numpy(share) for share in shares]).backward()
    necrosis = [feature.column for feature in CLASSED].index("necrosis")
    assert [k for k, given in enumerate(logits) if given.grad is not None] == [necrosis]
    assert logits[necrosis].grad[2].eq(0).all()
    assert logits[necrosis].grad[:2].ne(0).any()


def test_a_general_feature_weighs_double() -> None:
    table = pd.DataFrame({"necrosis": ["Present", "Absent"], "nodule_shape": ["Round", "Ovoid"]})
    shares = class_shares(table)
    model = Pretraining(network(), shares)
    torch.manual_seed(0)
    logits = [torch.randn(2, share.shape[1]) for share in shares]
    columns = [feature.column for feature in CLASSED]
    alone = {}
    for column in ("necrosis", "nodule_shape"):
        only = [
            torch.from_numpy(share if name == column else np.zeros_like(share))
            for name, share in zip(columns, shares, strict=True)
        ]
        alone[column] = float(model.class_loss(logits, only))
    both = float(model.class_loss(logits, [torch.from_numpy(share) for share in shares]))
    assert both == pytest.approx((alone["necrosis"] + GENERAL * alone["nodule_shape"]) / (1 + GENERAL), rel=1e-6)


def test_a_nodules_planes_are_transposed_together() -> None:
    planes = torch.rand(40, 3, 3, 8, 8)
    turned = _transposed(planes, np.random.default_rng(0))
    over = [bool(torch.equal(t, p.transpose(-1, -2))) for t, p in zip(turned, planes, strict=True)]
    left = [bool(torch.equal(t, p)) for t, p in zip(turned, planes, strict=True)]
    assert all(a != b for a, b in zip(over, left, strict=True))
    assert 10 < sum(over) < 30


def test_shares_of_classes_are_the_vocabularys() -> None:
    table = pd.DataFrame(
        {
            "nodule_margins": ["Smooth", "Lobulated", None],
            "additional_nodule_margins": ["Notched", None, None],
            "nodule_shape": ["Round", None, "Ovoid"],
        }
    )
    shares = dict(zip((feature.column for feature in CLASSED), class_shares(table), strict=True))
    # classes in the vocabulary's order: spiculated, smooth, lobulated, ill-defined, notched
    np.testing.assert_array_equal(
        shares["nodule_margins"], [[0, 0.5, 0, 0, 0.5], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
    )
    np.testing.assert_array_equal(shares["nodule_shape"], [[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]])


def test_sentences_name_every_class_once_and_never_the_suspicion() -> None:
    sentences = feature_sentences()
    columns = [column for one in sentences for column in one.feature.columns]
    assert {c for c in columns if "(mm)" not in c} <= set(SEMANTIC_COLUMNS)
    for one in sentences:
        assert len(one.wordings) == len(one.feature.classes)
        assert all(len(texts) > 1 for texts in one.wordings)
        own = [set(texts[1:]) for texts in one.wordings]
        assert len(set.union(*own)) == sum(map(len, own)), f"two classes of {one.feature.name} share a sentence"
        assert not any("suspicio" in text for texts in one.wordings for text in texts)


def test_the_tiny_configuration_has_the_width_of_the_pretrained_heads() -> None:
    settings = load_settings("tiny-cpu")
    assert (settings.network.width, settings.network.attention) == (WIDTH, ATTENTION)


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
    assert start_backbone("tiny", NAME).heads["image_head.project.weight"].shape == (WIDTH, 128)


def test_the_phantoms_of_pretraining_have_seeds_of_their_own() -> None:
    assert all(seed >= 9000 for _, seed, _ in COHORTS)
