"""Run folders from elsewhere that were made to do harm: refused in words, nothing written, no network, no memory.

Each case begins with a whole run and changes one thing, with the hashes mended where who changed it would do so.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.files import sha256
from tests.conftest import SHARED

GIB = 1 << 30
Harm = Callable[[Path], None]


def set_in(name: str, *keys: str, value: Any) -> Harm:
    """Set, or take away where the value is ``...``, a key of a YAML or JSON file of the run."""

    def change(run: Path) -> None:
        path = run / name
        content = inner = yaml.safe_load(path.read_text(encoding="utf-8"))
        for key in keys[:-1]:
            inner = inner[key]
        if value is ...:
            del inner[keys[-1]]
        else:
            inner[keys[-1]] = value
        dump = json.dumps if path.suffix == ".json" else yaml.safe_dump
        path.write_text(dump(content), encoding="utf-8")
        relist(run)

    return change


def relist(run: Path) -> None:
    """Mend what is hashed of fold 0, as one who changes a run would."""
    (run / "hashes.json").unlink(missing_ok=True)
    fold = run / "fold_0"
    names = [p for p in (*fold.glob("*.safetensors"), *(fold / "adapter").glob("*")) if p.is_file()]
    hashes = {path.relative_to(fold).as_posix(): sha256(path) for path in names}
    (fold / "weights.json").write_text(json.dumps({"sha256": hashes}), encoding="utf-8")


def renamed(run: Path) -> None:
    manifest = run / "run.yaml"
    manifest.write_text(manifest.read_text(encoding="utf-8").replace("seed: 0", "seed: 1", 1), encoding="utf-8")


def listing(content: Any) -> Harm:
    def change(run: Path) -> None:
        (run / "hashes.json").unlink()
        path = run / "fold_0" / "weights.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")

    return change


def outside(name: str) -> Harm:
    """Put a link to a file beside the run in the place of one of its own."""

    def change(run: Path) -> None:
        shutil.move(run / name, run.parent / "moved")
        (run / name).symlink_to(run.parent / "moved")

    return change


def fifo(name: str) -> Harm:
    def change(run: Path) -> None:
        (run / name).unlink()
        os.mkfifo(run / name)

    return change


def tensors(name: str, change: Callable[[dict[str, torch.Tensor]], None]) -> Harm:
    def harm(run: Path) -> None:
        held = load_file(run / name)
        change(held)
        save_file(held, run / name)
        relist(run)

    return harm


def with_file(name: str, data: bytes = b"x") -> Harm:
    def change(run: Path) -> None:
        (run / name).write_bytes(data)

    return change


def from_shared(folder: str) -> Harm:
    def change(run: Path) -> None:
        source = SHARED / "faults" / "security" / folder / "run.yaml"
        if not source.is_file():
            pytest.skip("no ../shared beside this checkout")
        shutil.copyfile(source, run / "run.yaml")

    return change


def cut(held: dict[str, torch.Tensor]) -> None:
    held.popitem()


def strange_kind(held: dict[str, torch.Tensor]) -> None:
    name = next(iter(held))
    held[name] = held[name].to(torch.float8_e5m2)


ADAPTER = "fold_0/adapter/adapter_config.json"
VISION = ("run.yaml", "backbone", "vision_cfg")
TEXT = ("run.yaml", "backbone", "text_cfg")
HARMS: dict[str, tuple[Harm, str]] = {
    "name leads up": (set_in("run.yaml", "name", value="../../x"), "separates the parts of a path"),
    "name is a path": (set_in("run.yaml", "name", value="/etc/x"), "separates the parts of a path"),
    "name hides": (set_in("run.yaml", "name", value=".x"), "begins with a dot"),
    "name of two lines": (set_in("run.yaml", "name", value="a\nb"), "cannot be seen"),
    "name of a device": (set_in("run.yaml", "name", value="NUL"), "Windows"),
    "name too long": (set_in("run.yaml", "name", value="x" * 300), "more than 120"),
    "name is a number": (set_in("run.yaml", "name", value=3), "valid string"),
    "cohort leads up": (set_in("run.yaml", "cohort", value="../balls"), "separates the parts of a path"),
    "cohorts lead up": (set_in("run.yaml", "cohorts", value=["a", "../balls"]), "separates the parts of a path"),
    "cohort beside cohorts": (set_in("run.yaml", "cohort", value="balls"), "are both there"),
    "unknown key": (set_in("run.yaml", "hook", value="x"), "no field here"),
    "a million folds": (set_in("run.yaml", "folds", value=10**6), "less than or equal to 1000"),
    "number of 400 digits": (set_in("run.yaml", "number", value=10**400), "less than 1000000000"),
    "number in base 16": (with_file("run.yaml", b"number: 0x" + b"f" * 10_000), "thousands of digits"),
    "number of 10^4 digits": (with_file("run.yaml", b"number: " + b"9" * 10_000), "is not YAML"),
    "hash that is none": (set_in("run.yaml", "backbone_sha256", value="x"), "match pattern"),
    "text of the hub": (set_in(*TEXT, "hf_model_name", value="evil/repo"), "no field here"),
    "tokeniser of the hub": (set_in(*TEXT, "hf_tokenizer_name", value="evil/repo"), "no field here"),
    "image model of timm": (set_in(*VISION, "timm_model_name", value="x"), "no field here"),
    "arguments of classes": (set_in(*VISION, "act_kwargs", value={"a": 1}), "no field here"),
    "custom blocks": (set_in(*TEXT, "block_type", value="custom"), "no field here"),
    "vast width": (set_in(*VISION, "width", value=10**9), "less than or equal to 16384"),
    "wider than its tensors": (set_in(*VISION, "width", value=16_384), "has shape"),
    "deeper than its tensors": (set_in(*TEXT, "layers", value=128), "is missing"),
    "larger vocabulary": (set_in(*TEXT, "vocab_size", value=2_000_000), "has shape"),
    "no heads": (set_in(*TEXT, "heads", value=0), "greater than or equal to 1"),
    "width in words": (set_in(*VISION, "width", value="96"), "valid integer"),
    "patches of nothing": (set_in(*VISION, "patch_size", value=1000), "do not cut"),
    "ratio without end": (set_in(*VISION, "mlp_ratio", value=float("nan")), "finite"),
    "stem of one": (set_in("run.yaml", "backbone", "stem", value=[1]), "multiples of 8"),
    "spacing 0": (set_in("run.yaml", "recipe", "spacing", value=0.0), "greater than or equal to 0.1"),
    "spacing 1e30": (set_in("run.yaml", "recipe", "spacing", value=1e30), "less than or equal to 10"),
    "crop of 10^5 points": (set_in("run.yaml", "recipe", "size", value=10**5), "less than or equal to 256"),
    "window upside down": (set_in("run.yaml", "recipe", "low", value=600.0), "is not below"),
    "planes of a strange kind": (set_in("run.yaml", "recipe", "planes", value="eval"), "'linear' or 'rotate'"),
    "recipe leads up": (set_in("run.yaml", "recipe", "name", value="../x"), "separates the parts of a path"),
    "vast heads": (set_in("run.yaml", "settings", "network", "width", value=10**9), "16384"),
    "wider heads": (set_in("run.yaml", "settings", "network", "width", value=16_384), "has shape"),
    "empty list": (listing({"sha256": {}}), "does not list heads.safetensors"),
    "list without the adapter": (listing({"sha256": {"heads.safetensors": "0" * 64}}), "is not listed"),
    "list leads up": (listing({"sha256": {"../run.yaml": "0" * 64}}), "none of a fold's weights"),
    "list of a path": (listing({"sha256": {"/dev/zero": "0" * 64}}), "none of a fold's weights"),
    "list with more": (listing({"sha256": {}, "code": 1}), "no list of its weights"),
    "list of numbers": (listing({"sha256": {"heads.safetensors": 1}}), "no list of its weights"),
    "list as deep as can be": (listing("[" * 100_000), "no list of its weights"),
    "weights beside the list": (with_file("fold_0/more.safetensors"), "is not listed"),
    "slow pattern": (set_in(ADAPTER, "target_modules", value="(a+)+$"), "is not run"),
    "pattern of all": (set_in(ADAPTER, "target_modules", value=".*"), "is not run"),
    "layers that are none": (set_in(ADAPTER, "target_modules", value=["visual"]), "is no layer"),
    "other layers": (set_in(ADAPTER, "target_modules", value=["visual.transformer.resblocks.0.attn.out_proj"]),
                     "is missing"),
    "vast rank": (set_in(ADAPTER, "r", value=10**9), "less than or equal to 16384"),
    "rank of no tensor": (set_in(ADAPTER, "r", value=16_384), "has shape"),
    "rank in words": (set_in(ADAPTER, "r", value="2"), "valid integer"),
    "alpha without end": (set_in(ADAPTER, "lora_alpha", value=float("inf")), "finite"),
    # no tensor changes by these, and every score does
    "scale of its own": (set_in(ADAPTER, "lora_alpha", value=64.0), "is not what run.yaml says"),
    "scaled another way": (set_in(ADAPTER, "use_rslora", value=False), "is not what run.yaml says (True)"),
    "another scale in run.yaml": (set_in("run.yaml", "settings", "lora", "alpha", value=64.0), "says (64.0)"),
    "another rank in run.yaml": (set_in("run.yaml", "settings", "lora", "rank", value=5), "run.yaml says (5)"),
    "modules of its own": (set_in(ADAPTER, "auto_mapping", value={"parent_library": "os"}), "no field here"),
    "frozen weights changed": (set_in(ADAPTER, "init_lora_weights", value="pissa"), "True"),
    "adapter of another kind": (set_in(ADAPTER, "peft_type", value="IA3"), "LORA"),
    "pickled adapter": (with_file("fold_0/adapter/adapter_model.bin"), "is not listed"),
    "weights elsewhere": (outside("fold_0/heads.safetensors"), "leads out of its folder"),
    "adapter elsewhere": (outside("fold_0/adapter"), "leads out of its folder"),
    "list elsewhere": (outside("fold_0/weights.json"), "leads out of its folder"),
    "backbone elsewhere": (outside("backbone.safetensors"), "leads out of its folder"),
    "manifest elsewhere": (outside("run.yaml"), "leads out of its folder"),
    "patients elsewhere": (outside("folds.csv"), "leads out of its folder"),
    "hashes elsewhere": (outside("hashes.json"), "leads out of its folder"),
    "backbone is a pipe": (fifo("backbone.safetensors"), "no regular file"),
    "list is a pipe": (fifo("fold_0/weights.json"), "no weights"),
    "weights are a pipe": (fifo("fold_0/heads.safetensors"), "no regular file"),
    "a tensor less": (tensors("fold_0/heads.safetensors", cut), "is missing"),
    "numbers of 8 bits": (tensors("fold_0/heads.safetensors", strange_kind), "kind F8_E5M2"),
    "validation changed": (with_file("fold_0/validation.csv"), "differs from what was written"),
    "record changed": (with_file("record.json", b"{}"), "differs from what was written"),
    "manifest changed": (renamed, "differs from what was written"),
    "hashes of nothing": (with_file("hashes.json", b'{"sha256": {}}'), "is not listed"),
    "hashes of elsewhere": (
        with_file("hashes.json", b'{"sha256": {"../x": "%s"}}' % (b"0" * 64)), "no file of a run",
    ),
    "the shared traversal": (from_shared("run_name_traversal"), "separates the parts of a path"),
    "the shared model elsewhere": (from_shared("run_network"), "no field here"),
}  # fmt: skip


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[object]]:
    asked: list[object] = []

    def refuse(*arguments: object) -> None:
        asked.append(arguments)
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield asked
    assert not asked


def tree(folder: Path) -> set[tuple[str, int]]:
    return {(str(path.relative_to(folder)), path.lstat().st_size) for path in folder.rglob("*")}


@pytest.mark.parametrize("harm", HARMS)
def test_a_run_that_would_do_harm_is_refused(
    small: Path, tmp_path: Path, harm: str, no_network: list[object]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(small / "results" / "runs" / "first", run, ignore=shutil.ignore_patterns("best", "state"))
    change, said = HARMS[harm]
    change(run)
    before, memory = tree(tmp_path), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    places = ["--cohorts", str(small / "cohorts"), "--results", str(tmp_path / "results"), "--run", str(run)]
    done = CliRunner().invoke(app, ["score", "--cohort", "balls", *places])
    assert (done.exit_code, said in done.output, type(done.exception)) == (2, True, SystemExit), done.output
    made = {name for name, _ in tree(tmp_path) - before}
    assert not {name for name in made if not name.startswith("results/crops") and name != "results"}
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) * 1024 < GIB // 2


def test_full_names_of_layers_are_an_adapter_too(small: Path, tmp_path: Path) -> None:
    import clip_nodule

    source, run = small / "results" / "runs" / "first", tmp_path / "run"
    shutil.copytree(source, run)
    held = load_file(run / "fold_0" / "adapter" / "adapter_model.safetensors")
    names = sorted({name.removeprefix("base_model.model.").rpartition(".lora_")[0] for name in held})
    set_in(ADAPTER, "target_modules", value=names)(run)
    theirs, own = (clip_nodule.load_run(folder, device="cpu").models[0].state_dict() for folder in (run, source))
    assert all(torch.equal(theirs[name], own[name]) for name in own)


def test_a_run_without_hashes_is_one_of_before(small: Path, tmp_path: Path) -> None:
    import clip_nodule

    run = tmp_path / "run"
    shutil.copytree(small / "results" / "runs" / "first", run)
    assert set(json.loads((run / "hashes.json").read_text())["sha256"]) >= {"record.json", "fold_1/validation.csv"}
    (run / "hashes.json").unlink()
    assert len(clip_nodule.load_run(run, device="cpu").models) == 2


def test_hashes_of_before_the_manifest_was_hashed_are_enough(small: Path, tmp_path: Path) -> None:
    import clip_nodule

    run = tmp_path / "run"
    shutil.copytree(small / "results" / "runs" / "first", run)
    hashes = json.loads((run / "hashes.json").read_text())
    del hashes["sha256"]["run.yaml"]
    (run / "hashes.json").write_text(json.dumps(hashes))
    assert len(clip_nodule.load_run(run, device="cpu").models) == 2
