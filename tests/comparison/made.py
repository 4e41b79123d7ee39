"""Small cohorts and score tables, made from a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.contracts.cohort import Cohort, CohortManifest, write_cohort
from benchmark.contracts.score_card import ScoreCard, write_scores

NOISE = {"good": 0.4, "middling": 1.0, "poor": 3.0}


def nodule_table(labels: Sequence[Sequence[int | None]], ids: Sequence[str] | None = None) -> pd.DataFrame:
    """One patient an entry of ``labels``, one nodule a label."""
    rows = [
        (ids[k] if ids else f"P{k:03d}", str(j), label)
        for k, own in enumerate(labels)
        for j, label in enumerate(own)
    ]
    table = pd.DataFrame(rows, columns=["pid", "nodule_id", "malignant"])
    table["malignant"] = table["malignant"].astype("Int8")
    return table.assign(image_path="x.nii.gz", coordX=0.0, coordY=0.0, coordZ=0.0)


def score_rows(
    nodules: pd.DataFrame, model: str, cohort: str, scores: Sequence[float], fold: str = "ensemble"
) -> pd.DataFrame:
    """A score table of one fold; NaN scores are failures."""
    values = np.asarray(scores, dtype=float)
    failed = np.isnan(values)
    return nodules[["pid", "nodule_id"]].assign(
        model=model,
        cohort=cohort,
        fold=fold,
        score=values,
        score_kind="probability",
        status=np.where(failed, "failed", "scored"),
        reason=np.where(failed, "no lung found", ""),
    )


def write_made(
    folder: Path,
    sizes: Mapping[str, tuple[int, int]],
    models: Mapping[str, float] = NOISE,
    *,
    folds: int = 3,
    ids: Sequence[str] | None = None,
    titles: Mapping[str, str] | None = None,
    columns: Mapping[str, Sequence[str]] | None = None,
    seed: int = 0,
) -> dict[str, Cohort]:
    """Cohorts ``name: (patients, positives)`` with scores of ``model: noise``, under ``folder``."""
    generator = np.random.default_rng(seed)
    made = {}
    for name, (patients, positives) in sizes.items():
        labels = [[int(k < positives)] + [0] * int(generator.integers(0, 3)) for k in range(patients)]
        nodules = nodule_table(labels, ids)
        for column, values in (columns or {}).items():
            nodules[column] = [values[k % len(values)] for k in range(len(nodules))]
        manifest = CohortManifest(name=name, title=(titles or {}).get(name, name.upper()), ct_type="low-dose")
        made[name] = write_cohort(folder / "cohorts" / name, manifest, nodules)
        signal = nodules["malignant"].astype(float).to_numpy() * 1.5 + generator.normal(size=len(nodules)) * 0.7
        for number, (model, noise) in enumerate(models.items()):
            single = [expit(signal + noise * generator.normal(size=len(nodules))) for _ in range(folds)]
            parts = [score_rows(nodules, model, name, s, str(k)) for k, s in enumerate(single)]
            parts.append(score_rows(nodules, model, name, np.mean(single, axis=0)))
            stem = model if model.replace("-", "").isalnum() else f"model-{number}"
            path = folder / "scores" / name / f"{stem}.csv"
            card = ScoreCard(model, name, model, "made", (), "unseen")
            write_scores(pd.concat(parts, ignore_index=True), card, path)
    return made


def expit(x: np.ndarray) -> np.ndarray:
    return np.asarray(1 / (1 + np.exp(-x)))
