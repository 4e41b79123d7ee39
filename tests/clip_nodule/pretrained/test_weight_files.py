"""Weights as others publish them: each file gives that library's own outputs, or is refused with its reason."""

from __future__ import annotations

import json
import socket
import time
import zipfile
from pathlib import Path

import pytest
import torch
from open_clip.model import CLIP
from safetensors.torch import load_file, save_file

from benchmark.errors import InputError
from clip_nodule.network.backbone import build_backbone, encode_image, encode_text, start_backbone
from clip_nodule.network.tiny import TINY, clip_from_config
from clip_nodule.pretrained import download
from clip_nodule.text.tokens import tokenize

NAME = "tiny-224"
TEXTS = ["a solid nodule", "There is pleural attachment, and much more besides."]


def open_clip_model(quick_gelu: bool = True) -> CLIP:
    """open_clip's own network of the size of ``tiny-224``, no bias and no gain at its start value."""
    torch.manual_seed(1)
    model = clip_from_config(TINY[NAME] | {"quick_gelu": quick_gelu}).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return model


def pixels() -> torch.Tensor:
    return torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def outputs(file: Path, name: str = NAME) -> tuple[torch.Tensor, torch.Tensor]:
    backbone = build_backbone(name, str(file))
    return encode_image(backbone, pixels()), encode_text(backbone, tokenize(TEXTS))


@torch.no_grad()
def outputs_of_open_clip(model: CLIP) -> tuple[torch.Tensor, torch.Tensor]:
    return model.encode_image(pixels()), model.encode_text(tokenize(TEXTS))


def near(found: tuple[torch.Tensor, ...], expected: tuple[torch.Tensor, ...]) -> None:
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def saved(model: CLIP, file: Path, **content) -> Path:
    tensors = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    if file.suffix == ".safetensors":
        save_file(tensors, file, metadata={"format": "pt"})
    else:
        torch.save(content["wrap"](tensors) if "wrap" in content else tensors, file)
    return file


def test_the_file_that_open_clip_publishes_gives_its_outputs(tmp_path: Path) -> None:
    model = open_clip_model()
    file = saved(model, tmp_path / "open_clip_model.safetensors")
    assert "visual.transformer.resblocks.0.attn.in_proj_weight" in load_file(file)
    near(outputs(file), outputs_of_open_clip(model))
    origin = start_backbone(NAME, str(file)).origin
    assert "in open_clip's names" in origin
    assert "activation is QuickGELU, by the backbone's name" in origin


@pytest.mark.parametrize(
    ("file", "wrap"),
    [
        ("open_clip_pytorch_model.bin", lambda t: t),
        ("model.pt", lambda t: t),
        (
            "epoch_3.pt",
            lambda t: {"epoch": 3, "name": "x", "state_dict": {f"module.{n}": v for n, v in t.items()}},
        ),
        ("logit_scale.pt", lambda t: t | {"logit_scale": t["logit_scale"].reshape(1)}),
        ("jit_state.pt", lambda t: t | {"input_resolution": torch.tensor(224), "vocab_size": torch.tensor(49408)}),
        ("half.bin", lambda t: {n: v.half().float() for n, v in t.items()}),
    ],
)
def test_files_of_torch_save_are_read_too(tmp_path: Path, file: str, wrap) -> None:
    model = open_clip_model()
    path = saved(model, tmp_path / file, wrap=wrap)
    if file == "half.bin":
        model.load_state_dict(wrap(model.state_dict()))
        torch.save({n: v.half() for n, v in model.state_dict().items()}, path)
    near(outputs(path), outputs_of_open_clip(model))


def hugging_face_model(act: str = "quick_gelu"):
    """``transformers``' own network of the size of ``tiny-224``."""
    transformers = pytest.importorskip("transformers")
    own = TINY[NAME]
    vision, text = own["vision_cfg"], own["text_cfg"]
    config = transformers.CLIPConfig(
        projection_dim=own["embed_dim"],
        vision_config={
            "hidden_size": vision["width"], "intermediate_size": 4 * vision["width"], "hidden_act": act,
            "num_hidden_layers": vision["layers"], "num_attention_heads": vision["width"] // vision["head_width"],
            "image_size": vision["image_size"], "patch_size": vision["patch_size"],
            "projection_dim": own["embed_dim"],
        },
        text_config={
            "hidden_size": text["width"], "intermediate_size": 4 * text["width"], "hidden_act": act,
            "num_hidden_layers": text["layers"], "num_attention_heads": text["heads"],
            "vocab_size": text["vocab_size"], "projection_dim": own["embed_dim"],
        },
    )  # fmt: skip
    torch.manual_seed(3)
    model = transformers.CLIPModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.02)
    return model


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
def test_hugging_faces_file_gives_transformers_outputs(tmp_path: Path, kind: str) -> None:
    model = hugging_face_model()
    model.save_pretrained(tmp_path)
    file = tmp_path / "model.safetensors"
    if kind == "bin":
        old = model.state_dict() | {"text_model.embeddings.position_ids": torch.arange(77)[None]}
        file = tmp_path / "pytorch_model.bin"
        torch.save(old, file)
    with torch.no_grad():
        ids = tokenize(TEXTS)
        both = model(input_ids=ids, pixel_values=pixels())
        images = both.image_embeds
        texts = both.text_embeds
    unit = [one / one.norm(dim=-1, keepdim=True) for one in outputs(file)]
    near(tuple(unit), (images, texts))
    origin = start_backbone(NAME, str(file)).origin
    assert "in Hugging Face's names" in origin
    assert "QuickGELU, by the config.json beside it" in origin


def test_an_activation_that_the_backbone_has_not_is_refused(tmp_path: Path) -> None:
    hugging_face_model("gelu").save_pretrained(tmp_path)
    with pytest.raises(InputError, match=r"activation GELU, by the config.json beside it; tiny-224 has QuickGELU"):
        build_backbone(NAME, str(tmp_path / "model.safetensors"))
    published = saved(open_clip_model(), tmp_path / "open_clip_model.safetensors")
    config = {"model_cfg": {k: v for k, v in TINY[NAME].items() if k != "quick_gelu"}}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"activation GELU, by the open_clip_config.json beside it"):
        build_backbone(NAME, str(published))
    config["model_cfg"]["quick_gelu"] = True
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    assert "QuickGELU, by the open_clip_config.json" in start_backbone(NAME, str(published)).origin
    config["model_cfg"]["text_cfg"] = config["model_cfg"]["text_cfg"] | {"heads": 4}
    (tmp_path / "open_clip_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"text heads 4.*has 2"):
        build_backbone(NAME, str(published))


def test_the_activation_of_open_clips_tags_must_be_the_backbones() -> None:
    with pytest.raises(
        InputError, match=r"activation QuickGELU, by the tag 'openai'.*--backbone ViT-B-32-quickgelu"
    ):
        build_backbone("ViT-B-32", "openai")


class Evil:
    """What would create a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_no_code_of_a_file_is_run(tmp_path: Path) -> None:
    torch.save({"visual.proj": torch.zeros(1), "x": Evil(tmp_path / "ran")}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match=r"would have to run code"):
        build_backbone(NAME, str(tmp_path / "evil.pt"))
    assert not (tmp_path / "ran").exists()
    with zipfile.ZipFile(tmp_path / "ViT-B-32.pt", "w") as archive:  # members as torch.jit.save writes them
        for member in ("data.pkl", "constants.pkl", "code/__torch__/clip.py", "data/0", "version"):
            archive.writestr(f"ViT-B-32/{member}", b"")
    with pytest.raises(InputError, match=r"TorchScript archive, which holds code.*torch\.jit\.load"):
        build_backbone(NAME, str(tmp_path / "ViT-B-32.pt"))


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ({"vision_model.conv1.weight": torch.zeros(1)}, "bench import-weights"),
        ({"encoder.weight": torch.zeros(1)}, "holds no weights of a CLIP.*encoder.weight"),
        ({"visual.proj": torch.full((1,), float("nan"))}, "not finite"),
        ({"visual.proj": torch.ones(1, dtype=torch.int64)}, "no plain array of numbers"),
    ],
)
def test_other_files_are_refused_with_their_reason(tmp_path: Path, tensors: dict, said: str) -> None:
    for file in (tmp_path / "w.safetensors", tmp_path / "w.pt"):
        (save_file if file.suffix == ".safetensors" else torch.save)(tensors, file)
        with pytest.raises(InputError, match=said):
            build_backbone(NAME, str(file))


def test_damaged_files_and_folders_are_refused(tmp_path: Path) -> None:
    file = saved(open_clip_model(), tmp_path / "w.safetensors")
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(InputError, match="cannot be read"):
        build_backbone(NAME, str(file))
    with pytest.raises(InputError, match=r"is a folder — give the file in it"):
        build_backbone(NAME, str(tmp_path))
    (tmp_path / "w.npz").touch()
    with pytest.raises(InputError, match=r"must end in one of .safetensors"):
        build_backbone(NAME, str(tmp_path / "w.npz"))


def test_a_missing_stacked_projection_is_named_as_in_the_file(tmp_path: Path) -> None:
    tensors = dict(open_clip_model().state_dict())
    del tensors["transformer.resblocks.1.attn.in_proj_weight"]
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(InputError) as caught:
        build_backbone(NAME, str(tmp_path / "w.safetensors"))
    problems = [(problem.column, problem.what) for problem in caught.value.problems]
    assert problems == [("transformer.resblocks.1.attn.in_proj_weight", "is missing")]


def test_without_a_network_one_short_error_comes_soon(monkeypatch, caplog, capfd) -> None:
    def no_network(*args, **kwargs):
        raise OSError("Temporary failure in name resolution")

    monkeypatch.setattr(download.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setattr(download, "_cached", lambda entry: None)
    monkeypatch.setattr(
        download.open_clip, "download_pretrained", lambda entry: pytest.fail("no network, no retries")
    )
    begin = time.monotonic()
    with pytest.raises(InputError, match=r"'openai' are not on this machine.*--pretrained FILE") as caught:
        build_backbone("ViT-B-32-quickgelu", "openai")
    assert time.monotonic() - begin < 15
    assert len(str(caught.value).splitlines()) == 1
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


def test_weights_in_the_cache_need_no_network(tmp_path: Path, monkeypatch) -> None:
    file = saved(open_clip_model(), tmp_path / "open_clip_model.safetensors")
    asked = []

    def cached(repository: str, name: str) -> str | None:
        asked.append((repository, name))
        return str(file) if name == file.name else None

    monkeypatch.setattr(download.huggingface_hub, "try_to_load_from_cache", cached)
    assert download.tag_file(download.tag_settings("ViT-B-32-quickgelu", "openai"), "openai") == file
    assert asked == [("timm/vit_base_patch32_clip_224.openai", "open_clip_model.safetensors")]


def test_an_unknown_tag_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no tag of open_clip for ViT-B-32-quickgelu.*did you mean 'openai'"):
        build_backbone("ViT-B-32-quickgelu", "openia")
