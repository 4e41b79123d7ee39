"""Slow: what the tiny network learns from phantoms, and that it learns nothing from shuffled labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.cohorts.phantom.prepare import prepare_phantom
from benchmark.contracts.cohort import load_cohort, write_cohort
from benchmark.contracts.scores import read_score_table
from clip_nodule.predict import score_cohort
from clip_nodule.train import train_run

pytestmark = pytest.mark.slow
SETTINGS = {"test_fraction": 0.3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("learning")
    prepare_phantom("nlst", path / "cohorts" / "nlst", seed=4, n_patients=300, workers=2)
    return path


def held_out(folder: Path, name: str, results: Path, truth: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Labels and ensemble scores of the held-out patients, nodules' largest."""
    run = train_run(name, cohorts=folder / "cohorts", results=results, settings=SETTINGS, name=f"on-{name}")
    table = read_score_table(score_cohort(name, cohorts=folder / "cohorts", results=results, run=run))
    table = table[table["fold"] == "ensemble"].merge(truth, on=["pid", "nodule_id"])
    patients = table.groupby("pid").agg(score=("score", "max"), malignant=("malignant", "max"))
    return patients["malignant"].to_numpy(int), patients["score"].to_numpy(float)


def interval(labels: np.ndarray, scores: np.ndarray) -> tuple[float, float]:
    """95 % bootstrap interval of the AUROC over patients."""
    random = np.random.default_rng(0)
    values = []
    while len(values) < 1000:
        rows = random.integers(0, len(labels), len(labels))
        if 0 < labels[rows].sum() < len(rows):
            values.append(roc_auc_score(labels[rows], scores[rows]))
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def test_the_ensemble_reaches_080_on_held_out_phantoms(folder: Path, tmp_path: Path) -> None:
    truth = load_cohort("nlst", folder / "cohorts").nodules[["pid", "nodule_id", "malignant"]]
    labels, scores = held_out(folder, "nlst", tmp_path, truth)
    assert roc_auc_score(labels, scores) >= 0.80


def test_shuffled_labels_teach_nothing(folder: Path, tmp_path: Path) -> None:
    cohort = load_cohort("nlst", folder / "cohorts")
    nodules = cohort.nodules.copy()
    by_patient = nodules.groupby("pid", sort=False)["malignant"].max()
    shuffled = pd.Series(np.random.default_rng(1).permutation(by_patient.to_numpy()), index=by_patient.index)
    nodules["malignant"] = nodules["pid"].map(shuffled).astype("Int8")
    manifest = cohort.manifest.model_copy(update={"name": "shuffled", "image_root": "../nlst"})
    write_cohort(folder / "cohorts" / "shuffled", manifest, nodules)
    truth = nodules[["pid", "nodule_id", "malignant"]]
    low, high = interval(*held_out(folder, "shuffled", tmp_path, truth))
    assert low < 0.5 < high
