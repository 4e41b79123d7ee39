"""The encoders of a run's folds: what folds have in common is computed once a batch."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from clip_nodule.inference.lean_blocks import LeanBlock, is_lean
from clip_nodule.network.backbone import Backbone
from clip_nodule.network.int8 import Int8Linear, Int8Patches
from clip_nodule.network.model import NoduleCLIP

Stage = Callable[[Tensor], Tensor]


class FoldEncoders:
    """The image and text encoders of some networks.

    Low-rank updates change some layers of a backbone that folds share; a probe changes none. On a GPU in bf16 the
    image encoders run in stages (see ``LeanBlock``), of which folds share those before the first that differs;
    elsewhere each is what the network itself computes, once for all folds that have the same.

    Args:
        models: One a fold, updates merged, in evaluation mode, on ``device``.
        device: Where they are.
    """

    def __init__(self, models: Sequence[NoduleCLIP], device: torch.device) -> None:
        self.models, self.device = models, device
        self.in_stages = (
            device.type == "cuda"
            and all(model.precision == torch.bfloat16 for model in models)
            and all(is_lean(model.encoder) for model in models)
        )
        self._image_identities = [_image_identity(model.encoder) for model in models]
        self._text_identities = [_text_identity(model.encoder) for model in models]
        self._made: dict[Hashable, Stage] = {}
        self._stages = [self._stages_of(model.encoder) for model in models] if self.in_stages else []

    @property
    def planes_dtype(self) -> torch.dtype:
        """Numbers in which planes are taken: those that the first layer would round them to."""
        return torch.bfloat16 if self.in_stages else torch.float32

    def images(self, planes: Tensor) -> list[Tensor]:
        """Planes ``[n, 9, 3, size, size]`` to features ``[n, 9, features]`` of every fold."""
        if not self.in_stages:
            return self._once_each(self._image_identities, "image_features", planes)
        found: dict[int, Tensor] = {}
        self._staged(range(len(self.models)), 0, planes.flatten(0, 1), found)
        return [found[fold].float().reshape(*planes.shape[:2], -1) for fold in range(len(self.models))]

    def texts(self, tokens: Tensor) -> list[Tensor]:
        """Token ids ``[n, context]`` to features ``[n, features]`` of every fold."""
        return self._once_each(self._text_identities, "text_features", tokens)

    def _once_each(self, identities: Sequence[Hashable], method: str, given: Tensor) -> list[Tensor]:
        """A method of every model, called once for those of the same identity."""
        found: dict[Hashable, Tensor] = {}
        for model, identity in zip(self.models, identities, strict=True):
            if identity not in found:
                found[identity] = getattr(model, method)(given)
        return [found[identity] for identity in identities]

    def _staged(self, folds: Sequence[int], number: int, x: Tensor, found: dict[int, Tensor]) -> None:
        """Some folds, the same so far, from a stage on."""
        if number == len(self._stages[folds[0]]):
            found.update(dict.fromkeys(folds, x))
            return
        same: dict[int, list[int]] = {}
        for fold in folds:
            same.setdefault(id(self._stages[fold][number]), []).append(fold)
        for members in same.values():
            self._staged(members, number + 1, self._stages[members[0]][number](x), found)

    def _stages_of(self, backbone: Backbone) -> list[Stage]:
        visual = cast(Any, backbone.visual)
        blocks = list(visual.transformer.resblocks)
        entering = (visual.conv1, visual.class_embedding, visual.positional_embedding, visual.ln_pre)
        stages = [self._shared("tokens", entering, lambda: _entering(visual))]
        for block in blocks[:-1]:
            stages.append(self._shared("block", (block,), lambda block=block: LeanBlock(block)))  # type: ignore[misc]
        stages.append(self._shared("last", (blocks[-1],), lambda: LeanBlock(blocks[-1], class_token_alone=True)))
        stages.append(self._shared("leaving", (visual.ln_post, visual.proj), lambda: _leaving(visual)))
        return stages

    def _shared(self, what: str, parts: Sequence[nn.Module | Tensor], make: Callable[[], Stage]) -> Stage:
        """The stage of some tensors, made once for all folds that have the same."""
        identity = (what, *(id(tensor) for part in parts for tensor in _tensors(part)))
        if identity not in self._made:
            self._made[identity] = make()
        return self._made[identity]


def _entering(visual: Any) -> Stage:  # noqa: ANN401
    """Images to tokens, the class token first."""

    def enter(images: Tensor) -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            tokens: Tensor = visual._embeds(images)
        return tokens.to(torch.bfloat16)

    return enter


def _leaving(visual: Any) -> Stage:  # noqa: ANN401
    """What becomes of the class token behind the last block, in fp32: it is one of many tokens."""

    def leave(token: Tensor) -> Tensor:
        return cast(Tensor, visual.ln_post(token[:, 0].float()) @ visual.proj)

    return leave


def _tensors(part: nn.Module | Tensor) -> list[Tensor]:
    return [part] if isinstance(part, Tensor) else [*part.parameters(), *part.buffers()]


def _image_identity(backbone: Backbone) -> Hashable:
    """Equal for backbones whose image encoders are made of the same tensors."""
    visual = cast(nn.Module, backbone.visual)
    if any(isinstance(layer, Int8Linear | Int8Patches) for layer in visual.modules()):
        return id(visual)  # what int8 has packed is no parameter
    return tuple(map(id, _tensors(visual)))


def _text_identity(backbone: Backbone) -> Hashable:
    """Equal for backbones whose text encoders are made of the same tensors."""
    parts = (
        backbone.transformer, backbone.token_embedding, backbone.positional_embedding, backbone.ln_final,
        backbone.text_projection,
    )  # fmt: skip
    return tuple(id(tensor) for part in parts for tensor in _tensors(part))
