"""How often a nodule is drawn while training."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmark.contracts.vocabulary import FEATURES, SUSPICION
from clip_nodule.network.losses import MISSING

Floats = npt.NDArray[np.float64]


def class_weights(labels: npt.NDArray[np.int64]) -> Floats:
    """Weights of the two classes, inverse to their counts, summing to 1; ``[2]``. Missing labels do not count.

    A class that does not occur gets weight 0 and the other 1.
    """
    counts = np.bincount(labels[labels != MISSING], minlength=2).astype(float)
    inverse = np.divide(1.0, counts, out=np.zeros(2), where=counts > 0)
    return np.asarray(inverse / max(inverse.sum(), np.finfo(float).tiny))


def diagnosis_weights(labels: npt.NDArray[np.int64]) -> Floats:
    """Sampling weights that draw malignant, benign and unlabelled nodules equally often; ``[n]``."""
    _, group, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return 1.0 / counts[group]


def semantic_weights(nodules: pd.DataFrame) -> Floats:
    """Sampling weights that draw nodules with rare semantic features more often; ``[n]`` in (0, 1].

    As in the paper's code: for each feature the logarithm of the inverse count of the nodule's class, missing
    values taken as the commonest class, summed over features and scaled to run from about 0 to 1.

    Args:
        nodules: Nodule table with semantic columns; columns without any value are left out.
    """
    total = np.zeros(len(nodules))
    columns = [c for f in FEATURES if f.classes for c in f.columns if c != SUSPICION and c in nodules]
    for column in columns:
        values = nodules[column]
        if values.isna().all():
            continue
        filled = values.fillna(str(values.value_counts().sort_index().idxmax()))
        total -= np.log(filled.map(filled.value_counts()).to_numpy(float))
    spread = total.max() - total.min()
    if spread == 0:
        return np.ones(len(nodules))
    epsilon = 1e-6
    return np.asarray((total - total.min() + epsilon) / (spread + epsilon))
