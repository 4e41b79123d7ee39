"""Which tensors learn, stacked over folds, and where each parameter of a network lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from open_clip.transformer import ResidualAttentionBlock
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn

from clip_nodule.network.attention import SplitAttention
from clip_nodule.network.lora import PROJECTIONS
from clip_nodule.network.model import NoduleCLIP

TOWERS = {"images": "visual.transformer", "texts": "transformer"}
"""Where the two encoders' blocks are, by what they encode."""
DOWN, UP, OUT_DOWN, OUT_UP = "down", "up", "out_down", "out_up"
_INPUTS = [PROJECTIONS[name] for name in "qkv"]


@dataclass(frozen=True)
class Piece:
    """Where a parameter lies: ``leaf[fold][index]``."""

    leaf: str
    index: tuple[int | slice, ...] = ()


@dataclass(frozen=True)
class AdaptedTower:
    """The low-rank updates of one encoder.

    Attributes:
        layers: Adapted layers: place in the stack by number.
        inputs: Which of the Q, K, V projections are adapted, by number.
        output: Whether the output projection is.
        rank: Their rank.
        scaling: What the updates are multiplied by.
        dropout: Dropout before them.
    """

    layers: dict[int, int]
    inputs: tuple[int, ...]
    output: bool
    rank: int
    scaling: float
    dropout: float


@dataclass(frozen=True)
class Layout:
    """The leaves of a network.

    Attributes:
        shapes: Shape of every leaf, without the folds.
        pieces: Where each learning parameter lies, by its name in the network.
        adapted: Encoders whose updates are stacked over layers and projections.
    """

    shapes: dict[str, tuple[int, ...]]
    pieces: dict[str, Piece]
    adapted: dict[str, AdaptedTower]


def layout_of(model: NoduleCLIP) -> Layout:
    """How the learning parameters of a network are stacked.

    The updates of an encoder are four leaves at most: ``down`` ``[layers, projections * rank, width]``, ``up``
    ``[layers, projections, width, rank]``, and the same two of the output projection. Every other parameter, and
    the updates of an encoder that is not made of CLIP's own blocks, is a leaf of its own.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    pieces: dict[str, Piece] = {}
    adapted = {}
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    for what in TOWERS:
        tower = _adapted_tower(blocks_of(model, what))
        if tower is not None:
            adapted[what] = tower
            _place_updates(blocks_of(model, what), tower, f"lora.{what}.", names, shapes, pieces)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad and name not in pieces:
            shapes[name], pieces[name] = tuple(parameter.shape), Piece(name)
    return Layout(shapes, pieces, adapted)


def blocks_of(model: NoduleCLIP, what: str) -> list[nn.Module]:
    """The blocks of an encoder, in their order."""
    encoder = cast(Any, model.encoder)
    tower = encoder.visual.transformer if what == "images" else encoder.transformer
    return list(tower.resblocks)


def are_clips_own(blocks: Sequence[nn.Module]) -> bool:
    """Whether blocks are CLIP's: two LayerNorms, split attention, two linear layers, nothing scaled."""
    return all(
        type(block) is ResidualAttentionBlock
        and isinstance(block.attn, SplitAttention)
        and isinstance(block.ls_1, nn.Identity)
        and isinstance(block.ls_2, nn.Identity)
        for block in blocks
    )


def split_layer(layer: nn.Module) -> tuple[nn.Linear, LoraLayer | None]:
    """A linear layer, and the low-rank update around it, if there is one."""
    return (cast(nn.Linear, layer.base_layer), layer) if isinstance(layer, LoraLayer) else (cast(Any, layer), None)


def _adapted_tower(blocks: Sequence[nn.Module]) -> AdaptedTower | None:
    """What is adapted of an encoder of frozen blocks that are CLIP's own; None where nothing is."""
    if not are_clips_own(blocks):
        return None
    updates = [
        {name: layer for name in PROJECTIONS.values() if (layer := split_layer(getattr(block.attn, name))[1])}
        for block in cast(Any, blocks)
    ]
    numbers = [number for number, own in enumerate(updates) if own]
    if not numbers:
        return None
    first = updates[numbers[0]]
    one = next(iter(first.values()))
    dropout = one.lora_dropout["default"]
    return AdaptedTower(
        {number: place for place, number in enumerate(numbers)},
        tuple(number for number, name in enumerate(_INPUTS) if name in first),
        PROJECTIONS["o"] in first,
        one.r["default"],
        one.scaling["default"],
        float(dropout.p) if isinstance(dropout, nn.Dropout) else 0.0,
    )


def _place_updates(
    blocks: Sequence[nn.Module],
    tower: AdaptedTower,
    prefix: str,
    names: dict[int, str],
    shapes: dict[str, tuple[int, ...]],
    pieces: dict[str, Piece],
) -> None:
    width = split_layer(cast(Any, blocks[0]).attn.out_proj)[0].in_features
    count, projections, rank = len(tower.layers), len(tower.inputs), tower.rank
    if projections:
        shapes[prefix + DOWN] = (count, projections * rank, width)
        shapes[prefix + UP] = (count, projections, width, rank)
    if tower.output:
        shapes[prefix + OUT_DOWN], shapes[prefix + OUT_UP] = (count, rank, width), (count, width, rank)
    for number, place in tower.layers.items():
        attention = cast(Any, blocks[number]).attn
        for position, projection in enumerate(tower.inputs):
            down, up = _factors(getattr(attention, _INPUTS[projection]))
            rows = slice(position * rank, (position + 1) * rank)
            pieces[names[id(down)]] = Piece(prefix + DOWN, (place, rows))
            pieces[names[id(up)]] = Piece(prefix + UP, (place, position))
        if tower.output:
            down, up = _factors(attention.out_proj)
            pieces[names[id(down)]] = Piece(prefix + OUT_DOWN, (place,))
            pieces[names[id(up)]] = Piece(prefix + OUT_UP, (place,))


def _factors(layer: Any) -> tuple[Tensor, Tensor]:  # noqa: ANN401
    return layer.lora_A["default"].weight, layer.lora_B["default"].weight


class StackedParameters:
    """The learning parameters of several folds.

    Args:
        layout: How they are stacked.
        folds: How many.
        device: Where they are.

    Attributes:
        leaves: ``[folds, *shape]`` by name; they require gradients, which are views of one buffer.
    """

    def __init__(self, layout: Layout, folds: int, device: torch.device) -> None:
        self.layout, self.folds = layout, folds
        self.leaves: dict[str, Tensor] = {}
        sizes = {name: folds * torch.Size(shape).numel() for name, shape in layout.shapes.items()}
        self._gradients = torch.zeros(sum(sizes.values()), device=device)
        gradients = torch.split(self._gradients, list(sizes.values()))
        for (name, size), gradient in zip(sizes.items(), gradients, strict=True):
            shape = (folds, *layout.shapes[name])
            self.leaves[name] = torch.zeros(size, device=device).view(shape).requires_grad_()
            self.leaves[name].grad = gradient.view(shape)

    def of_fold(self, fold: int) -> dict[str, Tensor]:
        """Views of one fold's leaves, with views of their gradients, as an optimizer takes them."""
        views = {}
        for name, leaf in self.leaves.items():
            views[name] = leaf.detach()[fold]
            views[name].grad = cast(Tensor, leaf.grad)[fold]
        return views

    def zero_gradients(self) -> None:
        """Of all folds."""
        self._gradients.zero_()

    @torch.no_grad()
    def take(self, fold: int, model: NoduleCLIP) -> None:
        """Copy the learning parameters of a network into a fold."""
        own = dict(model.named_parameters())
        for name, piece in self.layout.pieces.items():
            self.leaves[piece.leaf][fold][piece.index].copy_(own[name])

    @torch.no_grad()
    def give(self, fold: int, model: NoduleCLIP) -> None:
        """Copy a fold's parameters into a network."""
        own = dict(model.named_parameters())
        for name, tensor in self.layout_of_fold(
            {n: leaf.detach()[fold] for n, leaf in self.leaves.items()}
        ).items():
            own[name].copy_(tensor)

    def layout_of_fold(self, leaves: dict[str, Tensor]) -> dict[str, Tensor]:
        """The parts of one fold's leaves (or of moments shaped like them) by the network's names, on the CPU."""
        there = {name: leaf.cpu() for name, leaf in leaves.items()}
        return {name: there[piece.leaf][piece.index] for name, piece in self.layout.pieces.items()}
