"""The two projection heads: attention over nine planes for images, a residual projection for texts."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class PlaneAttention(nn.Module):
    r"""Attention-based multiple-instance learning over the planes of a nodule.

    Ilse, Tomczak, Welling, "Attention-based Deep Multiple Instance Learning", ICML 2018, equation 8: with
    projected planes :math:`h_i = relu(W h'_i + b)` and weights :math:`a = softmax_i(w^T tanh(V h_i))`, the
    embedding is :math:`z = \sum_i a_i h_i`.

    Args:
        inputs: Length of the encoder's vectors.
        outputs: Length of the embedding.
        hidden: Length of the attention's hidden layer.
        start: How weights begin: ``uniform``, PyTorch's own, or ``kaiming``, normal with variance 2 / inputs (He
            et al., "Delving Deep into Rectifiers", ICCV 2015). Biases are PyTorch's own.
    """

    def __init__(
        self, inputs: int, outputs: int = 256, hidden: int = 128, start: Literal["uniform", "kaiming"] = "uniform"
    ) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, outputs)
        self.hidden = nn.Linear(outputs, hidden)
        self.score = nn.Linear(hidden, 1)
        if start == "kaiming":
            for layer in (self.project, self.hidden, self.score):
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, planes: Tensor) -> tuple[Tensor, Tensor]:
        """Pool planes.

        Args:
            planes: ``[n, planes, inputs]``.

        Returns:
            Embeddings ``[n, outputs]`` and attention weights ``[n, planes]``.
        """
        projected = torch.relu(self.project(planes))
        weights = self.score(torch.tanh(self.hidden(projected))).squeeze(-1).softmax(-1)
        return (weights.unsqueeze(1) @ projected).squeeze(1), weights


class TextHead(nn.Module):
    """Projection, GELU, linear, dropout, residual, LayerNorm.

    Args:
        inputs: Length of the encoder's vectors.
        outputs: Length of the embedding.
        dropout: Dropout rate.
    """

    def __init__(self, inputs: int, outputs: int = 256, dropout: float = 0.1) -> None:
        super().__init__()
        self.project = nn.Linear(inputs, outputs)
        self.mix = nn.Linear(outputs, outputs)
        self.dropout = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(outputs)
        nn.init.kaiming_normal_(self.project.weight)
        nn.init.kaiming_normal_(self.mix.weight)

    def forward(self, texts: Tensor) -> Tensor:
        """``[n, inputs]`` to ``[n, outputs]``."""
        projected = self.project(texts)
        mixed: Tensor = self.dropout(self.mix(nn.functional.gelu(projected)))
        return self.norm(mixed + projected)  # type: ignore[no-any-return]
