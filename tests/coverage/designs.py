"""Simulated cohorts whose true AUROC and AUPRC are known."""

from dataclasses import dataclass

import numpy as np
from scipy.integrate import quad
from scipy.special import ndtr, ndtri


@dataclass(frozen=True)
class Design:
    """Equal-variance binormal scores; patients have ``nodules`` nodules each, of one label."""

    positives: int
    negatives: int
    auroc: float
    nodules: int = 1
    icc: float = 0.0

    @property
    def name(self):
        extra = f", {self.nodules} nodules a patient, ICC {self.icc:g}" if self.nodules > 1 else ""
        return f"{self.positives}+{self.negatives}, AUROC {self.auroc:.2f}{extra}"

    @property
    def shift(self):
        return np.sqrt(2) * ndtri(self.auroc)

    def draw(self, rng):
        """Labels, scores, and patients of one cohort."""
        label = np.repeat([1, 0], [self.positives, self.negatives])
        patient = np.arange(label.size) // self.nodules
        shared = rng.normal(size=patient[-1] + 1)[patient]
        own = rng.normal(size=label.size)
        return label, np.sqrt(self.icc) * shared + np.sqrt(1 - self.icc) * own + self.shift * label, patient

    def true_auprc(self):
        """Area under the population's precision-recall curve at the sample's prevalence."""
        share = self.positives / (self.positives + self.negatives)

        def precision(recall):
            fpr = ndtr(ndtri(recall) - self.shift)
            return share * recall / (share * recall + (1 - share) * fpr)

        return quad(precision, 0, 1, limit=200)[0]


def correlated(rng, positives, negatives, auroc_a, auroc_b, correlation):
    """Labels and two models' scores on the same patients, correlated within each class."""
    label = np.repeat([1, 0], [positives, negatives])
    shared, a, b = rng.normal(size=(3, label.size))
    mix, rest = np.sqrt(correlation), np.sqrt(1 - correlation)
    shift = np.sqrt(2) * ndtri([auroc_a, auroc_b])
    return label, *(mix * shared + rest * own + s * label for own, s in zip((a, b), shift, strict=True))
