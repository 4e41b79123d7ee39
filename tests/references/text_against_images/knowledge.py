"""What the trained image encoders know of the features that a phantom's malignancy depends on."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.contracts.vocabulary import PRESENT
from benchmark.metrics import auroc
from tests.references.text_against_images.cells import Cell, cell_of
from tests.references.text_against_images.scoring import Scored, held_out_nodules
from tests.references.text_against_images.trials import Trial, scores_of

DIAMETER = "longest_axial_diameter_(mm)"
CLASSES: dict[str, tuple[tuple[str, ...], str]] = {
    "spiculated": (("nodule_margins", "additional_nodule_margins"), "Spiculated/Serrated"),
    "part-solid": (("nodule_consistency",), "Part-solid"),
    "pleural attachment": (("pleural_attachment",), PRESENT),
    "vascular convergence": (("vascular_convergence",), PRESENT),
}
"""The strongest effects in the phantoms' model of malignancy beside the diameter (``features.EFFECTS``)."""
NAMES = ("diameter", *CLASSES)
FOLDS = 5


def known_of(embedding: npt.NDArray[np.float32], nodules: pd.DataFrame) -> dict[str, float]:
    """How well linear models read features from embeddings of nodules whose patients they were not fitted on.

    Args:
        embedding: ``[n, width]``.
        nodules: Their rows of the nodule table.

    Returns:
        Spearman's correlation with the diameter, and the AUROC of each of ``CLASSES``; NaN where a class is rarer
        than ``FOLDS`` nodules.
    """
    groups, folds = nodules["pid"].to_numpy(), GroupKFold(FOLDS)
    size = np.log2(pd.to_numeric(nodules[DIAMETER]).to_numpy(float))
    ridge = make_pipeline(StandardScaler(), Ridge(10.0))
    found = {
        "diameter": float(spearmanr(cross_val_predict(ridge, embedding, size, groups=groups, cv=folds), size)[0])
    }
    for name, (columns, value) in CLASSES.items():
        label = np.any([(nodules[column] == value).fillna(False).to_numpy(bool) for column in columns], axis=0)
        found[name] = np.nan
        if min(label.sum(), (~label).sum()) >= FOLDS:
            model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
            chance = cross_val_predict(model, embedding, label, groups=groups, cv=folds, method="predict_proba")
            found[name] = auroc(label, chance[:, 1])
    return found


def knowledge(work: Path, done: Collection[Trial]) -> dict[Cell, dict[str, dict[str, float]]]:
    """Means over seeds by cell and modality, of cells that learn with the whole network."""
    nodules = held_out_nodules(work)
    rows: dict[tuple[Cell, str], list[dict[str, float]]] = {}
    for trial in sorted(done):
        if trial.tuning == "full":
            scored = Scored.read(scores_of(work, trial))
            known = known_of(scored.embedding, nodules.iloc[scored.rows])
            rows.setdefault((cell_of(trial), trial.modality), []).append(known)
    found: dict[Cell, dict[str, dict[str, float]]] = {}
    for (cell, modality), each in rows.items():
        found.setdefault(cell, {})[modality] = {
            name: float(np.mean([one[name] for one in each])) for name in NAMES
        }
    return found
