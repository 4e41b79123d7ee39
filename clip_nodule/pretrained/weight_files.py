"""Files of a CLIP's pretrained weights, and what is stated beside them about the network they fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from benchmark.errors import InputError, Problem
from benchmark.formats.json import read_json
from clip_nodule.pretrained.namings import HEADS, OWN, ROWS, recognise_names
from clip_nodule.pretrained.pt_files import read_pt, read_tensors_apart
from clip_nodule.pretrained.tensor_files import read_safetensors, require_plain

WEIGHTS = Path(__file__).parents[1] / "weights"
SAFETENSORS = ".safetensors"
SUFFIXES = (SAFETENSORS, ".pt", ".pth", ".bin", ".ckpt")
"""What names of weight files end in; all but the first are PyTorch's and read without running code."""
OPEN_CLIP_CONFIG, HUGGING_FACE_CONFIG = "open_clip_config.json", "config.json"
"""Files that open_clip and Hugging Face publish beside the weights."""
_ACTIVATIONS = {"quick_gelu": "QuickGELU", "gelu": "GELU"}


@dataclass(frozen=True)
class Stated:
    """What is stated about the network that weights belong to and cannot be read off them; None where nothing is.

    Attributes:
        by: Where it is stated.
        activation: ``QuickGELU`` or ``GELU``, or whatever else it is.
        vision_heads: Attention heads of the image encoder.
        text_heads: Attention heads of the text encoder.
    """

    by: str = ""
    activation: str | None = None
    vision_heads: int | None = None
    text_heads: int | None = None


@dataclass(frozen=True)
class PretrainedWeights:
    """Weights to start from.

    Attributes:
        file: Where they were read.
        naming: Whose names the file has.
        backbone: The backbone's tensors under our names; see ``load_backbone`` for parts of a token table.
        heads: The projection heads' tensors, where the file has some.
        stated: What is stated about the network.
    """

    file: Path
    naming: str
    backbone: dict[str, Tensor]
    heads: dict[str, Tensor]
    stated: Stated


def find_weights_file(pretrained: str) -> Path | None:
    """The file that ``pretrained`` names, by its path or in ``clip_nodule/weights``; None for other words.

    Raises:
        InputError: It is a path, but of no file of weights.
    """
    for path in (Path(pretrained), WEIGHTS / f"{pretrained}{SAFETENSORS}"):
        if path.suffix.lower() in SUFFIXES and path.is_file():
            return path
    path = Path(pretrained)
    if path.suffix.lower() in SUFFIXES or len(path.parts) > 1:
        what, fix = "does not exist", "check the path"
        if path.is_dir():
            what, fix = "is a folder", "give the file in it, e.g. open_clip_model.safetensors or model.safetensors"
        elif path.exists():
            what, fix = "is no file of weights by its name", f"the name must end in one of {', '.join(SUFFIXES)}"
        raise InputError(Problem(what, fix, pretrained, None, "pretrained"))
    return None


def read_weights(file: Path) -> PretrainedWeights:
    """Read a file of weights, whatever naming of ``namings`` it has.

    Raises:
        InputError: It is damaged, unsafe to read, or holds no CLIP.
    """
    if file.suffix.lower() == SAFETENSORS:
        tensors = read_safetensors(file, again="copy or download it again")
    else:
        tensors = read_tensors_apart(state_tensors, file)
    heads = {name.removeprefix(HEADS): tensor for name, tensor in tensors.items() if name.startswith(HEADS)}
    body, naming = recognise_names(
        {name: tensor for name, tensor in tensors.items() if not name.startswith(HEADS)}, file
    )
    require_plain({name: tensor for name, tensor in body.items() if name != ROWS}, file)
    return PretrainedWeights(file, naming, body, heads, Stated() if naming == OWN else _stated_beside(file))


def state_tensors(file: Path) -> dict[str, Tensor]:
    """The tensors of a PyTorch file: at its top, or under ``state_dict`` as open_clip's training saves them.

    Raises:
        InputError: It is damaged, unsafe to read, or holds other things there.
    """
    content = read_pt(file)
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    named = isinstance(content, Mapping) and all(isinstance(name, str) for name in content)
    tensors = {n: t for n, t in content.items() if isinstance(t, Tensor)} if named else {}
    if not tensors or len(tensors) < len(content):
        keys = ", ".join(map(str, list(content)[:5])) if isinstance(content, Mapping) else type(content).__name__
        what = f"holds no tensors by name at its top or under 'state_dict', but {keys}"
        raise InputError(Problem(what, "give a file of a CLIP's state_dict", file))
    return tensors


def _stated_beside(file: Path) -> Stated:
    """What a configuration in the file's folder states."""
    for name, read in ((OPEN_CLIP_CONFIG, _stated_by_open_clip), (HUGGING_FACE_CONFIG, _stated_by_hugging_face)):
        path = file.parent / name
        if not path.is_file():
            continue
        try:
            stated = read(read_json(path), name)
        except (InputError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
            what = f"stands beside {file.name}, but cannot be read as its configuration: {error}"
            raise InputError(Problem(what, "move it away or download it again", path)) from error
        if stated is not None:
            return stated
    return Stated()


def _stated_by_open_clip(content: Mapping[str, Any], name: str) -> Stated | None:
    config = content.get("model_cfg")
    if config is None:
        return None
    vision = config.get("vision_cfg", {})
    heads = None
    if isinstance(vision.get("width"), int):
        heads = vision["width"] // vision.get("head_width", 64)
    activation = "QuickGELU" if config.get("quick_gelu", False) else "GELU"
    return Stated(f"by the {name} beside it", activation, heads, config.get("text_cfg", {}).get("heads"))


def _stated_by_hugging_face(content: Mapping[str, Any], name: str) -> Stated | None:
    """``transformers`` takes QuickGELU where its configuration of a CLIP names no activation."""
    if content.get("model_type") != "clip":
        return None
    towers = [content.get(f"{tower}_config") or {} for tower in ("vision", "text")]
    found = sorted({str(tower.get("hidden_act", "quick_gelu")) for tower in towers})
    activation = " and ".join(_ACTIVATIONS.get(one, one) for one in found)
    heads = [tower.get("num_attention_heads") for tower in towers]
    return Stated(f"by the {name} beside it", activation, *heads)
