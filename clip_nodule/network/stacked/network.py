"""``NoduleCLIP`` for several folds at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from clip_nodule.network.backbone import pools_the_class_token
from clip_nodule.network.model import LARGEST_SCALE, NoduleCLIP, Output
from clip_nodule.network.stacked.encoders import FrozenPatches, FrozenTower
from clip_nodule.network.stacked.layout import StackedParameters, are_clips_own, blocks_of, layout_of

Seed = Callable[[int], None]
"""Seeds torch for one of the folds."""


@dataclass(frozen=True)
class Dropped:
    """What a training step leaves out.

    Attributes:
        images: Masks of the image encoder's updates, ``[folds, *FrozenTower.mask_shape]``; None for none.
        texts: The same of the text encoder.
        head: ``[folds, n, width]`` of the text head.
        seed: Seeds torch before a fold whose encoders draw for themselves.
    """

    images: Tensor | None = None
    texts: Tensor | None = None
    head: Tensor | None = None
    seed: Seed = lambda fold: None


class StackedNetwork:
    """Several folds of one network, which share what does not learn.

    Frozen encoders made of CLIP's own blocks take all folds' images as one batch; others, and encoders that learn
    as a whole, run fold after fold. LoRA's dropout masks a layer's input once for its Q, K and V.

    Args:
        model: One fold's network, on its device; its frozen weights are used, not copied.
        folds: How many.
        apart: Run even frozen encoders fold after fold, through the network's own modules.
    """

    def __init__(self, model: NoduleCLIP, folds: int, *, apart: bool = False) -> None:
        self.model, self.folds = model, folds
        self.device = next(model.parameters()).device
        self.parameters = StackedParameters(layout_of(model), folds, self.device)
        self.apart = apart
        self._towers: dict[str, FrozenTower | None] = {}
        self._patches: FrozenPatches | None = None
        self._encoders = _Encoders(model)

    @property
    def leaves(self) -> dict[str, Tensor]:
        """``StackedParameters.leaves``."""
        return self.parameters.leaves

    def __call__(
        self, images: Tensor, texts: Tensor | None = None, dropped: Dropped | None = None, *, encoded: bool = False
    ) -> Output:
        """Logits and similarities of a batch of nodules of each fold.

        Args:
            images: Planes ``[folds, n, 9, 3, size, size]``, or features ``[folds, n, 9, features]``.
            texts: Token ids ``[folds, n, tokens]``, or features ``[folds, n, features]``; None for images alone.
            dropped: What is left out while training; None in evaluation.
            encoded: Whether the encoders' outputs are given.

        Returns:
            Logits ``[folds, n, 2]`` and similarities ``[folds, n, n]``.
        """
        image = self.embed_images(images if encoded else self.image_features(images, dropped))
        output = Output(self.classified("image", image))
        if texts is not None and self.model.modality == "clip":
            text = self.embed_texts(texts if encoded else self.text_features(texts, dropped), dropped)
            output.text_logits = self.classified("text", text)
            output.similarity = self.scale().view(-1, 1, 1) * (image @ text.mT)
        return output

    def image_features(self, planes: Tensor, dropped: Dropped | None) -> Tensor:
        """``[folds, n, 9, 3, size, size]`` through the image encoder: ``[folds, n, 9, features]``."""
        tower = self._tower("images")
        if tower is None:
            return self._fold_by_fold("images", planes, dropped)
        visual = self.model.encoder.visual
        if self._patches is None:
            self._patches = FrozenPatches(self.model.encoder, tower.dtype)
        tokens = self._patches(planes.flatten(0, 2))
        x = tower(
            tokens.view(self.folds, -1, *tokens.shape[1:]),
            self._updates("images"), None if dropped is None else dropped.images, first_only=True,
        )  # fmt: skip
        pooled = functional.linear(visual.ln_post(x[:, :, 0]), cast(Tensor, visual.proj).mT)
        return pooled.view(*planes.shape[:3], -1)

    def text_features(self, tokens: Tensor, dropped: Dropped | None) -> Tensor:
        """``[folds, n, tokens]`` ids through the text encoder: ``[folds, n, features]``."""
        tower = self._tower("texts")
        if tower is None:
            return self._fold_by_fold("texts", tokens, dropped)
        encoder = self.model.encoder
        with torch.no_grad():
            x = encoder.token_embedding(tokens) + encoder.positional_embedding[: tokens.shape[-1]]
            places = torch.arange(tokens.shape[-1], device=tokens.device)
            ends = (places == tokens.argmax(-1, keepdim=True)).to(x.dtype)
        masks = None if dropped is None else dropped.texts
        x = tower(x, self._updates("texts"), masks, causal=True)
        pooled = (ends.unsqueeze(-2) @ x).squeeze(-2)
        return functional.linear(encoder.ln_final(pooled), encoder.text_projection.mT)

    def embed_images(self, features: Tensor) -> Tensor:
        """Unit-length embeddings ``[folds, n, width]`` from ``[folds, n, 9, features]`` (``PlaneAttention``)."""
        projected = torch.relu(self._linear("image_head.project", features))
        hidden = torch.tanh(self._linear("image_head.hidden", projected))
        weights = self._linear("image_head.score", hidden).squeeze(-1).softmax(-1)
        return functional.normalize((weights.unsqueeze(-2) @ projected).squeeze(-2), dim=-1)

    def embed_texts(self, features: Tensor, dropped: Dropped | None = None) -> Tensor:
        """Unit-length embeddings ``[folds, n, width]`` from ``[folds, n, features]``; see ``TextHead``."""
        head = self.model.text_head
        projected = self._linear("text_head.project", features)
        mixed = self._linear("text_head.mix", functional.gelu(projected))
        if dropped is not None and dropped.head is not None:
            mixed = mixed * dropped.head * (1 / (1 - head.dropout.p))
        weight, bias = (self.leaves[f"text_head.norm.{name}"].unsqueeze(1) for name in ("weight", "bias"))
        normed = functional.layer_norm(mixed + projected, weight.shape[-1:], eps=head.norm.eps)
        return functional.normalize(torch.addcmul(bias, normed, weight), dim=-1)

    def classified(self, what: Literal["image", "text"], embeddings: Tensor) -> Tensor:
        """Logits ``[folds, n, 2]`` of embeddings ``[folds, n, width]``."""
        return self._linear(f"classifier_{what}", embeddings)

    def scale(self) -> Tensor:
        """The factor on cosines of each fold, ``[folds]``."""
        return self.leaves["logit_scale"].clamp(0, LARGEST_SCALE).exp()

    @torch.no_grad()
    def clamp_scale(self) -> None:
        """Keep the learned temperatures within CLIP's bounds."""
        if "logit_scale" in self.leaves:
            self.leaves["logit_scale"].clamp_(0, LARGEST_SCALE)

    def drawn(self, seed: Seed, n: int, tokens: int | None, *, encoded: bool = False) -> Dropped:
        """Draw what a step leaves out, each fold's by its own seed.

        Args:
            seed: Seeds torch for a fold.
            n: Nodules a fold.
            tokens: Tokens of a text; None without texts.
            encoded: Whether the encoders' outputs are given.
        """
        masks: dict[str, tuple[Tensor, float]] = {}

        def add(what: str, shape: tuple[int, ...], rate: float, dtype: torch.dtype = torch.float32) -> None:
            masks[what] = torch.empty((self.folds, *shape), dtype=dtype, device=self.device), 1 - rate

        for what, size in {} if encoded else self._sizes(n, tokens).items():
            tower = self._tower(what)
            if tower is not None and tower.dropout:
                add(what, tower.mask_shape(*size), tower.dropout, tower.dtype)
        if tokens is not None and self.model.modality == "clip" and (rate := self.model.text_head.dropout.p):
            add("head", (n, self.leaves["text_head.mix.bias"].shape[-1]), rate)
        for fold in range(self.folds if masks else 0):
            seed(fold)
            for mask, kept in masks.values():
                mask[fold].bernoulli_(kept)
        return Dropped(**{what: mask for what, (mask, _) in masks.items()}, seed=seed)

    @cached_property
    def runs_apart(self) -> bool:
        """Whether an encoder runs fold after fold: it may draw for itself what it drops, and wait for results."""
        return any(self._tower(what) is None for what in self._sizes(1, 1))

    def _tower(self, what: str) -> FrozenTower | None:
        """An encoder for all folds at once; None if it must run fold after fold."""
        if what not in self._towers:
            blocks = blocks_of(self.model, what)
            whole = not self.apart and are_clips_own(blocks) and self._is_frozen(what)
            adapted = self.parameters.layout.adapted.get(what)
            precision = self.model.precision or torch.float32
            self._towers[what] = FrozenTower(blocks, adapted, precision) if whole else None
        return self._towers[what]

    def _sizes(self, n: int, tokens: int | None) -> dict[str, tuple[int, int]]:
        """Sequences a fold and tokens a sequence of each encoder that is used."""
        images = {"images": (9 * n, int(self.model.encoder.visual.positional_embedding.shape[0]))}
        return images if tokens is None or self.model.modality != "clip" else {**images, "texts": (n, tokens)}

    def _linear(self, name: str, x: Tensor) -> Tensor:
        """Each fold's own layer over ``[folds, ..., inputs]``."""
        weight, bias = self.leaves[f"{name}.weight"], self.leaves[f"{name}.bias"]
        flat = torch.baddbmm(bias.unsqueeze(1), x.flatten(1, -2), weight.mT)
        return flat.view(*x.shape[:-1], -1)

    def _updates(self, what: str) -> dict[str, Tensor]:
        prefix = f"lora.{what}."
        return {name.removeprefix(prefix): leaf for name, leaf in self.leaves.items() if name.startswith(prefix)}

    def _fold_by_fold(self, what: str, inputs: Tensor, dropped: Dropped | None) -> Tensor:
        self._encoders.train(dropped is not None)
        features = []
        for fold, own in enumerate(inputs.unbind(0)):
            if dropped is not None:
                dropped.seed(fold)
            parameters = {
                f"model.{name}": self.leaves[piece.leaf][fold][piece.index]
                for name, piece in self.parameters.layout.pieces.items()
            }
            features.append(cast(Tensor, functional_call(self._encoders, parameters, (what, own))))
        return torch.stack(features)

    def _is_frozen(self, what: str) -> bool:
        """Whether nothing of an encoder learns but stacked updates, and its output is read in CLIP's way."""
        prefix = "backbone."
        learning = [
            name
            for name, piece in self.parameters.layout.pieces.items()
            if name.startswith(prefix) and ("visual." in name) == (what == "images") and piece.leaf == name
        ]
        return not learning and (what == "texts" or pools_the_class_token(self.model.encoder))


class _Encoders(nn.Module):
    def __init__(self, model: NoduleCLIP) -> None:
        super().__init__()
        self.model = model

    def forward(self, what: str, inputs: Tensor) -> Tensor:
        return self.model.image_features(inputs) if what == "images" else self.model.text_features(inputs)
