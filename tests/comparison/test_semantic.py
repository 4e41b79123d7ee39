from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.comparison.semantic import CLASSES, FEATURES, semantic_tables

CONSISTENCY = ("Solid", "Pure ground glass", "Semiconsolidation", "Part-solid", "Peri-cystic")
MARGINS = ("Spiculated/Serrated", "Smooth", "Lobulated", "Ill-defined", "Notched")


def cohort(n: int = 300, seed: int = 0) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Nodules, and scores by feature column: ``(nodules, classes)`` probabilities that lean to the truth."""
    random = np.random.default_rng(seed)
    nodules = pd.DataFrame(
        {"pid": [f"{i // 2:03d}" for i in range(n)], "nodule_id": [str(i % 2) for i in range(n)]}
    )
    nodules["necrosis"] = random.choice(["Present", "Absent"], n, p=[0.3, 0.7])
    nodules["nodule_consistency"] = random.choice(CONSISTENCY, n, p=[0.6, 0.2, 0.1, 0.095, 0.005])
    nodules["nodule_margins"] = random.choice(MARGINS, n)
    nodules["additional_nodule_margins"] = random.choice([None, *MARGINS], n)
    scores = {}
    for column, classes in (
        ("necrosis", ("Present", "Absent")), ("nodule_consistency", CONSISTENCY), ("nodule_margins", MARGINS),
    ):  # fmt: skip
        truth = np.stack([nodules[column] == name for name in classes], axis=1)
        raw = np.exp(1.2 * truth + random.normal(size=truth.shape))
        scores[column] = pd.DataFrame(raw / raw.sum(axis=1, keepdims=True), columns=list(classes))
    return nodules, scores


def long(nodules: pd.DataFrame, scores: dict[str, pd.DataFrame]) -> pd.DataFrame:
    parts = [
        nodules[["pid", "nodule_id"]].assign(feature=column, probability=table[name].to_numpy(), **{"class": name})
        for column, table in scores.items()
        for name in table.columns
    ]
    return pd.concat(parts, ignore_index=True).sample(frac=1, random_state=3)


def test_binary_several_classes_and_labels_against_scikit_learn() -> None:
    nodules, scores = cohort()
    features, classes = semantic_tables(nodules, long(nodules, scores), replicates=200)
    assert tuple(features.columns) == FEATURES
    assert tuple(classes.columns) == CLASSES
    rows = features.set_index("feature")
    truth = nodules["necrosis"] == "Present"
    assert rows.at["necrosis", "auroc"] == pytest.approx(
        roc_auc_score(truth, scores["necrosis"]["Present"]), abs=1e-12
    )
    assert rows.at["necrosis", "n_positive"] == truth.sum()
    # Peri-cystic has too few cases: scikit-learn's weighted one-vs-rest by hand over the four others.
    kept = [name for name in CONSISTENCY if (nodules["nodule_consistency"] == name).sum() >= 5]
    assert kept == list(CONSISTENCY[:4])
    areas = [
        roc_auc_score(nodules["nodule_consistency"] == name, scores["nodule_consistency"][name]) for name in kept
    ]
    weights = [(nodules["nodule_consistency"] == name).sum() for name in kept]
    assert rows.at["nodule consistency", "auroc"] == pytest.approx(np.average(areas, weights=weights), abs=1e-12)
    assert "Peri-cystic" in rows.at["nodule consistency", "note"]
    both = nodules[["nodule_margins", "additional_nodule_margins"]]
    labels = [roc_auc_score((both == name).any(axis=1), scores["nodule_margins"][name]) for name in MARGINS]
    assert rows.at["nodule margins", "auroc"] == pytest.approx(np.mean(labels), abs=1e-12)
    by_class = classes[classes["feature"] == "nodule margins"].set_index("class")["auroc"]
    assert by_class[list(MARGINS)].to_numpy() == pytest.approx(labels, abs=1e-12)
    assert (rows["auroc_low"] < rows["auroc"]).all()
    assert (rows["auroc"] < rows["auroc_high"]).all()


def test_a_permuted_label_column_gives_one_half_within_its_interval() -> None:
    nodules, scores = cohort(600, seed=1)
    random = np.random.default_rng(5)
    for column in ("necrosis", "nodule_consistency", "nodule_margins", "additional_nodule_margins"):
        nodules[column] = random.permutation(nodules[column].to_numpy(object))
    features, _ = semantic_tables(nodules, long(nodules, scores), replicates=200)
    assert ((features["auroc_low"] <= 0.5) & (features["auroc_high"] >= 0.5)).all()


def test_swapped_classes_swap_the_score() -> None:
    nodules, scores = cohort()
    before, _ = semantic_tables(nodules, long(nodules, scores), replicates=10)
    scores["necrosis"].columns = ["Absent", "Present"]
    after, _ = semantic_tables(nodules, long(nodules, scores), replicates=10)
    at = before["feature"] == "necrosis"
    assert after.loc[at, "auroc"].item() == pytest.approx(1 - before.loc[at, "auroc"].item(), abs=1e-12)


def test_a_feature_that_no_nodule_has_is_too_few_and_no_number() -> None:
    nodules, scores = cohort()
    nodules["necrosis"] = "Absent"
    nodules["nodule_consistency"] = None
    features, _ = semantic_tables(nodules, long(nodules, scores), replicates=10)
    rows = features.set_index("feature")
    assert rows.at["necrosis", "note"] == "too few: 0 of 300"
    assert np.isnan(rows.at["necrosis", "auroc"])
    assert rows.at["nodule consistency", "n"] == 0
    assert rows.at["nodule consistency", "note"].startswith("too few: ")


def test_missing_values_leave_their_nodules_out() -> None:
    nodules, scores = cohort()
    nodules.loc[:99, "necrosis"] = None
    features, _ = semantic_tables(nodules, long(nodules, scores), replicates=10)
    row = features.set_index("feature").loc["necrosis"]
    assert row["n"] == 200
    truth = nodules["necrosis"][100:] == "Present"
    assert row["auroc"] == pytest.approx(roc_auc_score(truth, scores["necrosis"]["Present"][100:]), abs=1e-12)


def test_a_perfect_feature_has_no_interval_without_width() -> None:
    nodules, scores = cohort()
    for column in ("necrosis", "nodule_consistency"):
        for name in scores[column]:
            scores[column][name] = (nodules[column] == name).astype(float)
    features, _ = semantic_tables(nodules, long(nodules, scores), replicates=20)
    rows = features.set_index("feature")
    assert rows.at["nodule consistency", "auroc"] == 1
    assert np.isnan(rows.at["nodule consistency", "auroc_low"])
    assert "no interval: all resamples have this AUROC" in rows.at["nodule consistency", "note"]
    assert 0.9 < rows.at["necrosis", "auroc_low"] < 1
