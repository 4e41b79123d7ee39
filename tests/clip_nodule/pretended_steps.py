"""Training steps on the pretended GPU, counted."""

from __future__ import annotations

import torch

from clip_nodule.network.tiny import TOKENS
from tests.clip_nodule.pretended_counts import Counts
from tests.clip_nodule.pretended_gpu import pretended_gpu
from tests.gpu.steps import Cohort, Epochs

LEAST = {
    "embed_dim": 32,
    "quick_gelu": True,
    "vision_cfg": {"image_size": 32, "patch_size": 16, "width": 32, "head_width": 16, "layers": 1},
    "text_cfg": {"context_length": 77, "vocab_size": TOKENS, "width": 16, "heads": 1, "layers": 1},
}
"""The smallest backbone that has all parts."""
THIN = {
    **LEAST,
    "vision_cfg": {**LEAST["vision_cfg"], "layers": 12},
    "text_cfg": {**LEAST["text_cfg"], "layers": 12},
}
"""As many layers as ViT-B/32, and so as many kernels a step."""


def counts_of_a_step(cohort: Cohort, folds: int, **settings: object) -> Counts:
    """What a step of some folds costs: an epoch of two steps less one of one, each the second of its training."""
    with pretended_gpu() as counts:
        found = []
        for nodules in (4, 8):
            epochs = Epochs(cohort, folds, nodules, torch.device("cuda"), batch_size=4, **settings)
            epochs()
            before = counts.copy()
            epochs()
            found.append(counts - before)
        return found[1] - found[0]
