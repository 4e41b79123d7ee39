from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.errors import InputError
from clip_nodule import load_run
from clip_nodule.paper.files import read_args
from clip_nodule.paper.import_weights import import_weights, unsupported_files
from clip_nodule.runs.run_folder import find_run, read_run


def test_the_reference_checkpoint_gives_its_expected_outputs(shared: Path, tmp_path: Path) -> None:
    source = shared / "reference" / "checkpoint"
    expected = json.loads((source / "expected.json").read_text(encoding="utf-8"))
    run = load_run(import_weights(source, tmp_path / "run"), device="cpu")
    crops = np.load(source / "inputs.npz")["crops"]
    images, texts = run.embed_images(crops)[0], run.embed_texts(expected["texts"])[0]
    np.testing.assert_allclose(run.predict(crops)[:, 0], expected["prob_image"], atol=1e-4)
    with torch.no_grad():
        text_logits = run.models[0].classifier_text(torch.from_numpy(texts))
    np.testing.assert_allclose(text_logits.softmax(-1)[:, 1], expected["prob_text"], atol=1e-4)
    np.testing.assert_allclose(images @ texts.T, expected["cosine"], atol=1e-4)
    np.testing.assert_allclose(images[:, :8], expected["image_embedding_first8"], atol=1e-4)
    np.testing.assert_allclose(run.scales, [expected["logit_scale_exp"]], rtol=1e-5)
    backbone = run.info.backbone
    assert backbone["vision_cfg"] == {
        "image_size": expected["image_size"],
        "patch_size": expected["patch"],
        "width": expected["vision_width"],
        "head_width": 64,
        "layers": expected["vision_layers"],
    }
    assert backbone["text_cfg"]["layers"] == expected["text_layers"]
    assert backbone["text_cfg"]["heads"] == expected["text_heads"]
    assert run.info.settings.lora.rank == expected["r"]


class PaperAttention(nn.Module):
    """Attention as the paper's code saves it: A and B stay beside weights that hold the update already."""

    def __init__(self, width: int, params: tuple[str, ...], rank: int, scale: float) -> None:
        super().__init__()
        for name in ("q_proj", "k_proj", "v_proj", "proj"):
            layer = nn.Linear(width, width)
            if name[0] in params or (name == "proj" and "o" in params):
                a, b = torch.randn(rank, width) * 0.1, torch.randn(width, rank) * 0.1
                layer.register_parameter("w_lora_A", nn.Parameter(a))
                layer.register_parameter("w_lora_B", nn.Parameter(b))
                layer.weight.data += scale * b @ a
            self.add_module(name, layer)


def block(width: int, attention: nn.Module) -> nn.Module:
    mlp = nn.ModuleDict({"c_fc": nn.Linear(width, 4 * width), "c_proj": nn.Linear(4 * width, width)})
    parts = {"attn": attention, "ln_1": nn.LayerNorm(width), "mlp": mlp, "ln_2": nn.LayerNorm(width)}
    return nn.ModuleDict(parts)


def paper_tensors(*, encoder: str = "both", params=("q", "k", "v"), rank: int = 2, alpha: float = 1) -> dict:
    """A checkpoint's tensors, as the paper's code names them: vision width 64, text width 64, two layers each."""
    torch.manual_seed(5)
    scale = alpha / rank**0.5

    def layers(adapted: bool) -> list[nn.Module]:
        if adapted:
            return [block(64, PaperAttention(64, params, rank, scale)) for _ in range(2)]
        return [block(64, nn.MultiheadAttention(64, 1)) for _ in range(2)]

    tensors = {
        "positional_embedding": torch.randn(77, 64) * 0.01,
        "text_projection": torch.randn(64, 32) * 0.1,
        "logit_scale": torch.tensor(2.5),
        "vision_model.class_embedding": torch.randn(64) * 0.1,
        "vision_model.positional_embedding": torch.randn(5, 64) * 0.1,
        "vision_model.proj": torch.randn(64, 32) * 0.1,
        "vision_model.conv1.weight": torch.randn(64, 3, 32, 32) * 0.02,
        "token_embedding.weight": torch.randn(49408, 64) * 0.02,
        "image_projection.projector.0.weight": torch.randn(24, 32) * 0.1,
        "image_projection.projector.0.bias": torch.randn(24) * 0.1,
        "image_projection.attention.0.weight": torch.randn(12, 24) * 0.1,
        "image_projection.attention.0.bias": torch.randn(12) * 0.1,
        "image_projection.attention.2.weight": torch.randn(1, 12),
        "image_projection.attention.2.bias": torch.randn(1),
        "semantic_projection.projection.weight": torch.randn(24, 32) * 0.1,
        "semantic_projection.projection.bias": torch.zeros(24),
        "semantic_projection.fc.weight": torch.randn(24, 24) * 0.1,
        "semantic_projection.fc.bias": torch.zeros(24),
        "semantic_projection.layer_norm.weight": torch.ones(24),
        "semantic_projection.layer_norm.bias": torch.zeros(24),
        "classifier_image.weight": torch.randn(2, 24),
        "classifier_image.bias": torch.randn(2),
        "classifier_text.weight": torch.randn(2, 24),
        "classifier_text.bias": torch.randn(2),
        "pred_criterion_val.weight": torch.tensor([0.3, 0.7]),
    }
    for prefix in ("vision_model.ln_pre", "vision_model.ln_post", "ln_final"):
        tensors |= {f"{prefix}.weight": torch.ones(64), f"{prefix}.bias": torch.zeros(64)}
    towers = {"vision_model.transformer": encoder != "text", "transformer": encoder != "vision"}
    for prefix, adapted in towers.items():
        for number, layer in enumerate(layers(adapted)):
            own = {f"{prefix}.resblocks.{number}.{name}": value for name, value in layer.state_dict().items()}
            tensors |= own
    return {name: value.detach() for name, value in tensors.items()}


def write_checkpoint(folder: Path, tensors: dict, args: str = "n_splits=1, r=2, alpha=1", folds: int = 1) -> Path:
    for fold in range(folds):
        (folder / f"fold_{fold}").mkdir(parents=True)
        torch.save({"model": tensors}, folder / f"fold_{fold}" / "best_both.pt")
    (folder / "args.txt").write_text(f"Namespace(model='openai_ViT-B/32', tuning='lora', {args})")
    return folder


def by_hand(tensors: dict, planes: torch.Tensor) -> torch.Tensor:
    """Probability of one nodule, written out from CLIP's definition with the weights as they stand."""
    f, t = torch.nn.functional, tensors
    x = f.conv2d(planes, t["vision_model.conv1.weight"], stride=32).flatten(2).mT
    x = torch.cat([t["vision_model.class_embedding"].expand(len(x), 1, -1), x], 1)
    x = f.layer_norm(x + t["vision_model.positional_embedding"], (64,))
    for number in range(2):
        p = f"vision_model.transformer.resblocks.{number}."
        h = f.layer_norm(x, (64,))
        if p + "attn.in_proj_weight" in t:
            q, k, v = (h @ t[p + "attn.in_proj_weight"].T + t[p + "attn.in_proj_bias"]).chunk(3, -1)
            out = (t[p + "attn.out_proj.weight"], t[p + "attn.out_proj.bias"])
        else:
            q, k, v = (h @ t[f"{p}attn.{n}_proj.weight"].T + t[f"{p}attn.{n}_proj.bias"] for n in "qkv")
            out = (t[p + "attn.proj.weight"], t[p + "attn.proj.bias"])
        x = x + (q @ k.mT / 8).softmax(-1) @ v @ out[0].T + out[1]
        h = f.layer_norm(x, (64,)) @ t[p + "mlp.c_fc.weight"].T + t[p + "mlp.c_fc.bias"]
        x = x + h * torch.sigmoid(1.702 * h) @ t[p + "mlp.c_proj.weight"].T + t[p + "mlp.c_proj.bias"]
    x = f.layer_norm(x[:, 0], (64,)) @ t["vision_model.proj"]
    h = torch.relu(x @ t["image_projection.projector.0.weight"].T + t["image_projection.projector.0.bias"])
    a = torch.tanh(h @ t["image_projection.attention.0.weight"].T + t["image_projection.attention.0.bias"])
    a = (a @ t["image_projection.attention.2.weight"].T).softmax(0)
    z = f.normalize((a * h).sum(0), dim=0)
    return (z @ t["classifier_image.weight"].T + t["classifier_image.bias"]).softmax(-1)[1]


@pytest.mark.parametrize(
    ("encoder", "params", "rank", "alpha"),
    [
        ("both", ("q", "k", "v"), 2, 1),
        ("vision", ("q", "v"), 4, 8),
        ("text", ("q", "k", "v", "o"), 3, 2),
        ("both", ("o",), 1, 5),
    ],
)
def test_other_ranks_alphas_and_encoders_are_read_off_the_tensors(tmp_path, encoder, params, rank, alpha) -> None:
    tensors = paper_tensors(encoder=encoder, params=params, rank=rank, alpha=alpha)
    args = f"n_splits=1, r={rank}, alpha={alpha}, encoder='{encoder}', params={list(params)}"
    run = load_run(
        import_weights(write_checkpoint(tmp_path / "ckpt", tensors, args), tmp_path / "run"), device="cpu"
    )
    assert run.info.settings.lora.encoder == encoder
    assert run.info.settings.lora.rank == rank
    assert run.info.backbone["vision_cfg"]["image_size"] == 64
    planes = torch.randn(9, 3, 64, 64)
    model = run.models[0]
    logits = model(planes[None]).image_logits.softmax(-1)[0, 1]
    torch.testing.assert_close(logits, by_hand(tensors, planes), rtol=1e-4, atol=1e-5)


def test_an_update_that_is_in_the_weights_is_not_added_again(tmp_path: Path) -> None:
    tensors = paper_tensors()
    run = load_run(import_weights(write_checkpoint(tmp_path / "ckpt", tensors), tmp_path / "run"), device="cpu")
    name = "transformer.resblocks.0.attn.q_proj.weight"
    torch.testing.assert_close(
        run.models[0].backbone.state_dict()[f"visual.{name}"], tensors[f"vision_model.{name}"]
    )


def test_missing_extra_and_misshapen_tensors_are_all_listed(tmp_path: Path) -> None:
    tensors = paper_tensors()
    del tensors["ln_final.bias"]
    tensors["surprise.weight"] = torch.zeros(2)
    tensors["classifier_image.bias"] = torch.zeros(3)
    with pytest.raises(InputError) as caught:
        import_weights(write_checkpoint(tmp_path / "ckpt", tensors), tmp_path / "run")
    found = {(problem.column, problem.what) for problem in caught.value.problems}
    assert ("ln_final.bias", "is missing") in found
    assert ("surprise.weight", "is not expected") in found
    assert ("classifier_image.bias", "has shape (3,), not (2,)") in found
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("encoder", ["both", "text"])
@pytest.mark.parametrize(
    "leaf", ["ln_1.weight", "mlp.c_fc.bias", "attn.proj.bias", "attn.q_proj.bias", "attn.in_proj_weight"]
)
def test_missing_tensors_have_the_names_of_the_file(tmp_path: Path, encoder: str, leaf: str) -> None:
    tensors = paper_tensors(encoder=encoder)
    names = [name for name in tensors if name.endswith(f"resblocks.1.{leaf}")]
    heads = ["image_projection.projector.0.bias", "semantic_projection.fc.weight", "vision_model.ln_post.bias"]
    for name in (*names, *heads):
        del tensors[name]
    with pytest.raises(InputError) as caught:
        import_weights(write_checkpoint(tmp_path / "ckpt", tensors), tmp_path / "run")
    assert sorted(problem.column for problem in caught.value.problems) == sorted([*names, *heads])


@pytest.mark.parametrize("encoder", ["both", "text"])
def test_projections_that_are_there_twice_are_an_error(tmp_path: Path, encoder: str) -> None:
    tensors = paper_tensors(encoder=encoder)
    tensors["transformer.resblocks.0.attn.in_proj_weight"] = torch.zeros(192, 64)
    with pytest.raises(InputError, match=r"transformer.resblocks.0.attn.in_proj_weight — is not expected"):
        import_weights(write_checkpoint(tmp_path / "ckpt", tensors), tmp_path / "run")


# torch says from 2.14 on that it will drop quantised tensors; files that were written with them stay.
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, 24, dtype=torch.complex64),
        lambda: torch.zeros(2, 24, dtype=torch.int64),
        lambda: torch.zeros(2, 24).to_sparse(),
        lambda: torch.zeros(2, 24, device="meta"),
        lambda: torch.quantize_per_tensor(torch.zeros(2, 24), 0.1, 0, torch.qint8),
    ],
    ids=["complex", "int", "sparse", "meta", "quantized"],
)
def test_tensors_that_are_no_plain_numbers_are_refused(tmp_path: Path, make: Callable[[], torch.Tensor]) -> None:
    tensors = paper_tensors() | {"classifier_image.weight": make()}
    with pytest.raises(InputError, match=r"classifier_image.weight — is no plain array"):
        import_weights(write_checkpoint(tmp_path / "ckpt", tensors), tmp_path / "run")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("logit_scale", torch.zeros(2), r"logit_scale — has shape \(2,\)"),
        ("transformer.resblocks.9999.ln_1.weight", torch.ones(64), "0, 1, 9999: some are missing"),
        ("positional_embedding", torch.zeros(1, 64).expand(10**6, 64), "has 1000000 positions"),
    ],
)
def test_shapes_that_no_network_has(tmp_path: Path, name: str, value: torch.Tensor, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        import_weights(write_checkpoint(tmp_path / "ckpt", paper_tensors() | {name: value}), tmp_path / "run")
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("share", [0.3, 0.6, 0.8])
def test_a_flipped_bit_in_the_weights_is_found(tmp_path: Path, share: float) -> None:
    folder = write_checkpoint(tmp_path / "ckpt", paper_tensors())
    path = folder / "fold_0" / "best_both.pt"
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"is refused: it is damaged, .* does not fit its checksum"):
        import_weights(folder, tmp_path / "run")


def test_a_refusal_gives_no_advice_to_run_code(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "ckpt", {"x": torch.zeros(1)})
    torch.save({"model": {}, "extra": Hostile(tmp_path / "canary")}, folder / "fold_0" / "best_both.pt")
    with pytest.raises(InputError, match=r"it asks for pathlib.Path.touch|it asks for .*") as caught:
        import_weights(folder, tmp_path / "run")
    assert "trusted" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_tuning_that_is_a_list(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "ckpt", paper_tensors())
    (folder / "args.txt").write_text("Namespace(tuning=['lora'])")
    with pytest.raises(InputError, match="is no tuning method"):
        import_weights(folder, tmp_path / "run")


def test_half_an_update_is_an_error(tmp_path: Path) -> None:
    tensors = paper_tensors()
    del tensors["transformer.resblocks.1.attn.v_proj.w_lora_B"]
    with pytest.raises(InputError, match="not a whole update"):
        import_weights(write_checkpoint(tmp_path / "ckpt", tensors), tmp_path / "run")


class Hostile:
    """Code that runs when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))


@pytest.mark.parametrize("form", ["zip", "legacy", "bare"])
@pytest.mark.parametrize("place", ["inside", "whole"])
def test_a_hostile_file_is_refused_and_its_code_does_not_run(tmp_path: Path, form: str, place: str) -> None:
    canary = tmp_path / "canary"
    folder = write_checkpoint(tmp_path / "ckpt", {"x": torch.zeros(1)})
    content = {"model": paper_tensors(), "extra": Hostile(canary)} if place == "inside" else Hostile(canary)
    path = folder / "fold_0" / "best_both.pt"
    if form == "bare":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    with pytest.raises(InputError, match="is refused"):
        import_weights(folder, tmp_path / "run")
    assert not canary.exists()
    assert not (tmp_path / "run").exists()
    # The same file does run its code where it is trusted: the canary works.
    if form == "bare":
        pickle.loads(path.read_bytes())  # noqa: S301 (it was written above)
        assert canary.exists()


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_file_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    folder = write_checkpoint(tmp_path / "ckpt", paper_tensors())
    path = folder / "fold_0" / "best_both.pt"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(InputError, match="is refused"):
        import_weights(folder, tmp_path / "run")


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    tensors = paper_tensors()
    tensors["ln_final.weight"][3] = float("nan")
    with pytest.raises(InputError, match=r"ln_final.weight — holds values that are not finite"):
        import_weights(write_checkpoint(tmp_path / "ckpt", tensors), tmp_path / "run")


def test_fewer_folds_than_stated_are_an_error(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "ckpt", paper_tensors(), "n_splits=3", folds=3)
    shutil.rmtree(folder / "fold_1")
    with pytest.raises(InputError, match=r"fold_1 — is missing"):
        import_weights(folder, tmp_path / "run")


def test_several_folds_and_calibrators_that_are_pickles(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "ckpt", paper_tensors(), "n_splits=2", folds=2)
    (folder / "cal_0.pkl").write_bytes(pickle.dumps(Hostile(tmp_path / "canary")))
    run = import_weights(folder, tmp_path / "results" / "runs" / "paper")
    info = read_run(run)
    assert (info.kind, info.folds, info.recipe["name"]) == ("imported", 2, "zhuang2025")
    assert "cal_0.pkl is a pickle" in " ".join(info.notes)
    assert [path.name for path in unsupported_files(folder)] == ["cal_0.pkl"]
    assert not (tmp_path / "canary").exists()
    assert find_run(tmp_path / "results") == run


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Namespace(",
        "__import__('os').system('touch canary')",
        "Other(a=1)",
        "Namespace(a=1) + 1",
        "x" * 100_000,
    ],
)
def test_arguments_that_are_no_namespace_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "args.txt").write_text(text)
    with pytest.raises(InputError, match="cannot be read"):
        read_args(tmp_path / "args.txt")


def test_arguments_are_literals_and_nothing_is_run(tmp_path: Path) -> None:
    text = "Namespace(a=1, b='x, y)', params=['q', 'k'], f=-0.5, n=None, c=tensor([1.0]), d=open('canary', 'w'))"
    (tmp_path / "args.txt").write_text(text)
    args = read_args(tmp_path / "args.txt")
    assert args["a"] == 1
    assert args["b"] == "x, y)"
    assert args["params"] == ["q", "k"]
    assert args["f"] == -0.5
    assert args["d"] == "open('canary', 'w')"
    assert not Path("canary").exists()


def test_an_existing_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="is there already"):
        import_weights(write_checkpoint(tmp_path / "ckpt", paper_tensors()), tmp_path / "run")
