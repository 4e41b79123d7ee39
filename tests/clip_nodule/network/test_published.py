"""Models that others published: what is loaded is open_clip's, and what cannot be used is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import huggingface_hub
import open_clip
import pytest
import torch
import yaml
from safetensors.torch import save_file

from benchmark.contracts.workspace import Workspace
from benchmark.errors import InputError
from clip_nodule import load_run
from clip_nodule.network.backbone import backbone_config, encode_image, encode_text, start_backbone
from clip_nodule.runs.run_folder import read_run
from clip_nodule.text.tokens import tokenize
from clip_nodule.train import TrainingRequest, train_run
from tests.clip_nodule.training_cohort import TINY, make_cohort

SMALL: dict[str, Any] = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "head_width": 16, "layers": 2},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 2},
}
"""As a hub has it under ``model_cfg``."""
NAME = "somebody/small-clip"


def published(folder: Path, config: dict[str, Any] = SMALL, *, weights: bool = True) -> Path:
    """A folder as open_clip pushes it to a hub; its network is open_clip's own."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {"size": 32}})
    )
    if weights:
        torch.manual_seed(4)
        made = dict(copy.deepcopy(config))
        kind = open_clip.CustomTextCLIP if made.pop("custom_text", False) else open_clip.CLIP
        tensors = {name: tensor.contiguous() for name, tensor in kind(**made).state_dict().items()}
        save_file(tensors, folder / "open_clip_model.safetensors")
    return folder


def in_the_hubs_cache(cache: Path) -> Path:
    """The layout of huggingface_hub's cache of a model that was downloaded before."""
    commit = "0" * 40
    model = cache / f"models--{NAME.replace('/', '--')}"
    (model / "refs").mkdir(parents=True)
    (model / "refs" / "main").write_text(commit)
    return published(model / "snapshots" / commit)


@pytest.mark.parametrize("custom_text", [False, True])
def test_a_published_model_is_open_clips(tmp_path: Path, custom_text: bool) -> None:
    folder = published(tmp_path / "model", SMALL | ({"custom_text": True} if custom_text else {}))
    theirs = open_clip.create_model(f"local-dir:{folder}", precision="fp32").eval()
    start = start_backbone(f"local-dir:{folder}", "own")
    images, tokens = torch.randn(2, 3, 32, 32), tokenize(["a solid nodule", "pleural attachment, and much more"])
    with torch.no_grad():
        torch.testing.assert_close(encode_image(start.backbone, images), theirs.encode_image(images))
        torch.testing.assert_close(encode_text(start.backbone, tokens), theirs.encode_text(tokens))
    assert backbone_config(f"local-dir:{folder}") == SMALL
    assert "open_clip_model.safetensors" in start.origin


@pytest.mark.slow
def test_a_run_on_a_hubs_model_keeps_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = in_the_hubs_cache(tmp_path / "cache")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    make_cohort(tmp_path / "cohorts" / "balls", 8)
    where = Workspace(tmp_path / "cohorts", tmp_path / "results")
    asked = TINY | {"epochs": 1, "backbone": f"hf-hub:{NAME}", "pretrained": "own"}
    run = train_run("balls", TrainingRequest(settings=asked, device="cpu"), where, name="hub")
    assert read_run(run).backbone == SMALL
    for path in snapshot.iterdir():
        path.unlink()  # neither the cache nor a hub is there any more

    def unreachable(*_: object, **__: object) -> None:
        raise AssertionError("the run folder reaches a hub")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", unreachable)
    assert len(load_run(run, device="cpu").models) == 2
    assert train_run("balls", TrainingRequest(device="cpu"), where, name="hub", resume=True) == run


def test_a_configuration_may_not_name_a_hubs_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise AssertionError("a file's content reaches a hub")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", unreachable)
    make_cohort(tmp_path / "cohorts" / "balls", 8)
    config = tmp_path / "own.yaml"
    config.write_text(yaml.safe_dump({"backbone": f"hf-hub:{NAME}", "pretrained": "own"}))
    with pytest.raises(
        InputError, match=r"a configuration may not name.*give --backbone hf-hub:somebody/small-clip"
    ):
        train_run(
            "balls", TrainingRequest(config, device="cpu"), Workspace(tmp_path / "cohorts", tmp_path / "results")
        )
    assert not list((tmp_path / "results").glob("runs/*"))


BIOMEDCLIP = SMALL | {
    "vision_cfg": {"timm_model_name": "vit_base_patch16_224", "image_size": 224},
    "text_cfg": {"hf_model_name": "microsoft/BiomedBERT", "hf_tokenizer_name": "microsoft/BiomedBERT"},
}
SIGLIP = SMALL | {
    "custom_text": True,
    "vision_cfg": {"timm_model_name": "vit_base_patch16_siglip_224", "image_size": 224},
    "text_cfg": SMALL["text_cfg"]
    | {
        "context_length": 64,
        "hf_tokenizer_name": "timm/ViT-B-16-SigLIP",
        "no_causal_mask": True,
        "pool_type": "last",
    },
}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (BIOMEDCLIP, ["timm's vit_base_patch16_224", "Hugging Face's microsoft/BiomedBERT", "by the tokeniser"]),
        (
            SIGLIP,
            ["timm's vit_base_patch16_siglip_224", "by the tokeniser", "as in SigLIP", "have 64 tokens, ours 77"],
        ),
        (
            SMALL | {"vision_cfg": {**SMALL["vision_cfg"], "layers": [3, 4, 6, 3]}},
            ["image encoder is convolutional"],
        ),
        (SMALL | {"vision_cfg": {**SMALL["vision_cfg"], "width": 10**9}}, ["vision_cfg.width"]),
        (SMALL | {"hf_code": "x.py"}, ["hf_code"]),
    ],
    ids=["BiomedCLIP", "SigLIP", "ResNet", "a number out of bounds", "a key that is none"],
)
def test_what_is_not_supported_is_named_all_at_once(tmp_path: Path, config: dict, said: list[str]) -> None:
    folder = published(tmp_path / "model", config, weights=False)
    with pytest.raises(InputError) as refused:
        start_backbone(f"local-dir:{folder}", "own")
    assert len(refused.value.problems) == len(said)
    assert all(words in str(refused.value) for words in said)


@pytest.mark.parametrize("name", ["ViT-B-16-SigLIP", "ViT-L-14-CLIPA"])
def test_a_name_of_open_clip_that_reads_texts_otherwise_is_refused(name: str) -> None:
    """A CLIPA's text encoder is open_clip's own class, and reads other tokens at another place."""
    with pytest.raises(InputError, match="is not read at the end token behind a causal mask"):
        start_backbone(name, None)


@pytest.mark.parametrize(
    ("backbone", "pretrained", "said"),
    [
        (f"hf-hub:{NAME}", "own", r"open_clip_config.json of somebody/small-clip is not on this machine"),
        ("hf-hub:no/such/name", "own", "is not on this machine and cannot be downloaded"),
        ("local-dir:nowhere", "own", "has no open_clip_config.json"),
        ("tiny", "own", "no weights of a tiny backbone"),
    ],
)
def test_what_is_not_there_is_said(
    backbone: str, pretrained: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=said):
        start_backbone(backbone, pretrained)


def test_a_tag_is_no_weights_of_a_published_model(tmp_path: Path) -> None:
    folder = published(tmp_path / "model")
    with pytest.raises(InputError, match="give --pretrained own"):
        start_backbone(f"local-dir:{folder}", "openai")
