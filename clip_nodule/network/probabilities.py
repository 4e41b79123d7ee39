"""Probabilities, AUROC and average precision of two-class logits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from clip_nodule.network.losses import MISSING


def probabilities(logits: Tensor) -> npt.NDArray[np.float64]:
    """Probability of malignancy from ``[..., 2]`` logits, in float64."""
    return logits.double().softmax(-1)[..., 1].cpu().numpy()


def auroc_of_logits(labels: Tensor, logits: Tensor) -> float | None:
    """AUROC of the nodules with a label; None unless both classes are there."""
    pair = _known(labels, logits)
    return None if pair is None else float(roc_auc_score(*pair))


def auprc_of_logits(labels: Tensor, logits: Tensor) -> float | None:
    """Average precision of the nodules with a label; None unless both classes are there."""
    pair = _known(labels, logits)
    return None if pair is None else float(average_precision_score(*pair))


def _known(labels: Tensor, logits: Tensor) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]] | None:
    known = labels != MISSING
    truth, scores = labels[known].numpy(), probabilities(logits[known])
    return (truth, scores) if len(np.unique(truth)) == 2 and np.isfinite(scores).all() else None
