"""The network: a CLIP backbone, a head and a classifier for images, and the same for texts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, cast

import torch
from peft import PeftModel
from torch import Tensor, nn
from torch.nn import functional

from clip_nodule.network.backbone import Backbone, embedding_size, encode_image, encode_text
from clip_nodule.network.heads import PlaneAttention, TextHead

Modality = Literal["clip", "vision"]

LARGEST_SCALE = 4.6052
"""Upper clamp of the temperature's logarithm, log(100), as in CLIP; the lower one is 0."""


@dataclass
class Output:
    """What one batch gives.

    Attributes:
        image_logits: ``[n, 2]``.
        text_logits: ``[n, 2]``, or None without texts.
        similarity: ``[n, n]`` scaled cosines, images by texts, or None without texts.
    """

    image_logits: Tensor
    text_logits: Tensor | None = None
    similarity: Tensor | None = None


class NoduleCLIP(nn.Module):
    """CLIP over nine planes with projection heads and two 2-class classifiers.

    Args:
        backbone: A backbone with split attention, or one that LoRA was added to.
        width: Length of the embedding in which images and texts meet.
        attention: Length of the plane attention's hidden layer.
        dropout: Dropout of the text head.
        temperature: Start of the learned temperature.
        modality: ``vision`` leaves out the text head, its classifier and the temperature.
        attention_start: How the plane attention begins; see ``PlaneAttention``.
    """

    def __init__(
        self,
        backbone: Backbone | PeftModel,
        *,
        width: int = 256,
        attention: int = 128,
        dropout: float = 0.1,
        temperature: float = 0.07,
        modality: Modality = "clip",
        attention_start: Literal["uniform", "kaiming"] = "uniform",
    ) -> None:
        super().__init__()
        self.backbone = cast(nn.Module, backbone)
        self.modality = modality
        self.precision: torch.dtype | None = None
        features = embedding_size(self.encoder)
        self.image_head = PlaneAttention(features, width, attention, attention_start)
        self.classifier_image = nn.Linear(width, 2)
        if modality == "clip":
            self.text_head = TextHead(features, width, dropout)
            self.classifier_text = nn.Linear(width, 2)
            self.logit_scale = nn.Parameter(torch.tensor(math.log(1 / temperature)))

    @property
    def encoder(self) -> Backbone:
        """The backbone; PEFT's wrapper hands attributes through."""
        return cast(Backbone, self.backbone)

    def heads(self) -> dict[str, nn.Parameter]:
        """Every parameter that is not the backbone's, by name."""
        return {name: p for name, p in self.named_parameters() if not name.startswith("backbone.")}

    def image_features(self, planes: Tensor) -> Tensor:
        """``[n, 9, 3, size, size]`` through the image encoder, all planes as one batch: ``[n, 9, features]``."""
        with self._autocast(planes.device):
            encoded = encode_image(self.encoder, planes.flatten(0, 1))
        return encoded.float().reshape(*planes.shape[:2], -1)

    def text_features(self, tokens: Tensor) -> Tensor:
        """``[n, context]`` token ids through the text encoder: ``[n, features]``."""
        with self._autocast(tokens.device):
            encoded = encode_text(self.encoder, tokens)
        return encoded.float()

    def _autocast(self, device: torch.device) -> torch.autocast:
        """The encoders run in ``precision``; heads, losses and weights stay in fp32."""
        return torch.autocast(device.type, self.precision, enabled=self.precision is not None)

    def embed_images(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Unit-length embeddings ``[n, width]`` and plane attention ``[n, 9]`` from ``[n, 9, features]``."""
        embedding, weights = self.image_head(features)
        return functional.normalize(embedding, dim=-1), weights

    def embed_texts(self, features: Tensor) -> Tensor:
        """Unit-length embeddings ``[n, width]`` from ``[n, features]``."""
        return functional.normalize(self.text_head(features), dim=-1)

    def scale(self) -> Tensor:
        """The factor on cosines, 1/temperature, between 1 and 100."""
        return self.logit_scale.clamp(0, LARGEST_SCALE).exp()

    def forward(self, images: Tensor, texts: Tensor | None = None, *, encoded: bool = False) -> Output:
        """Logits and similarities of a batch of nodules.

        Args:
            images: Planes ``[n, 9, 3, size, size]``, or features ``[n, 9, features]`` if ``encoded``.
            texts: Token ids ``[n, context]``, or features ``[n, features]`` if ``encoded``; None for images alone.
            encoded: Whether the encoders' outputs are given (they are frozen when probing).
        """
        features = images if encoded else self.image_features(images)
        image, _ = self.embed_images(features)
        output = Output(self.classifier_image(image))
        if texts is not None and self.modality == "clip":
            text = self.embed_texts(texts if encoded else self.text_features(texts))
            output.text_logits = self.classifier_text(text)
            output.similarity = self.scale() * image @ text.t()
        return output

    @torch.no_grad()
    def clamp_scale(self) -> None:
        """Keep the learned temperature within CLIP's bounds."""
        if self.modality == "clip":
            self.logit_scale.clamp_(0, LARGEST_SCALE)


def freeze_backbone(model: NoduleCLIP) -> None:
    """Let only the heads learn."""
    for parameter in model.backbone.parameters():
        parameter.requires_grad_(False)
