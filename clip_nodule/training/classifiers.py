"""Classifiers that begin where a logistic regression ends."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from clip_nodule.network.losses import MISSING
from clip_nodule.network.model import NoduleCLIP
from clip_nodule.training.fold import FoldJob, embed

STRENGTH = 3.0
"""Inverse strength of the penalty on the weights, of unit-length embeddings."""
TOLERANCE, ITERATIONS = 1e-6, 1000


@torch.no_grad()
def fit_classifiers(job: FoldJob, model: NoduleCLIP) -> None:
    """Fit both classifiers to a fold's training nodules while the rest of the network stands still.

    Where labels are few, a fitted start loses less of what the encoders know than a random one: Kumar et al. 2022,
    "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution" (linear probing, then
    fine-tuning). Every nodule counts once, however often it will be drawn; nothing is fitted to a single class.

    Args:
        job: The fold.
        model: Its network; the classifiers are changed in place.
    """
    train, _ = job.split
    labels = job.data.labels[train]
    known = labels != MISSING
    if len(np.unique(labels[known])) < 2:
        return
    model.eval()
    image, text = embed(job, model, train[known])
    fitted = [(model.classifier_image, image)] + ([(model.classifier_text, text)] if text is not None else [])
    for classifier, embedding in fitted:
        regression = LogisticRegression(C=STRENGTH, tol=TOLERANCE, max_iter=ITERATIONS)
        regression.fit(embedding.cpu().double().numpy(), labels[known])
        halves = torch.tensor([[-0.5], [0.5]])
        classifier.weight.copy_(halves * torch.from_numpy(regression.coef_).float())
        classifier.bias.copy_(halves.ravel() * torch.from_numpy(regression.intercept_).float())
