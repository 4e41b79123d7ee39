from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clip_nodule.network.losses import MISSING
from clip_nodule.runs.configuration import load_settings
from clip_nodule.training.data import TEST, TrainingData, assemble, load_data, save_data
from clip_nodule.training.sampling import class_weights, diagnosis_weights, semantic_weights


def test_class_weights_are_inverse_counts_that_sum_to_one() -> None:
    labels = np.array([0, 0, 0, 1, MISSING])
    np.testing.assert_allclose(class_weights(labels), [0.25, 0.75])


def test_a_class_that_does_not_occur_weighs_nothing() -> None:
    np.testing.assert_allclose(class_weights(np.array([0, 0])), [1, 0])
    np.testing.assert_allclose(class_weights(np.array([MISSING])), [0, 0])


def test_diagnoses_are_drawn_equally_often() -> None:
    labels = np.array([0] * 6 + [1] * 3 + [MISSING])
    weights = diagnosis_weights(labels)
    sums = [weights[labels == label].sum() for label in (0, 1, MISSING)]
    np.testing.assert_allclose(sums, [1, 1, 1])


def test_rare_features_weigh_more_as_in_the_papers_code() -> None:
    # By hand: necrosis 3 absent (the missing one counts as the commonest class), 1 present; shape 2 and 2.
    table = pd.DataFrame(
        {
            "necrosis": ["Absent", "Absent", None, "Present"],
            "nodule_shape": ["Round", "Ovoid", "Round", "Ovoid"],
            "level_of_suspicion_of_lung_cancer": ["High", "Very Low", "High", "High"],
        }
    )
    raw = -np.log([3 * 2, 3 * 2, 3 * 2, 1 * 2])
    expected = (raw - raw.min()) / (raw.max() - raw.min())
    np.testing.assert_allclose(semantic_weights(table), expected, atol=2e-6)
    assert (semantic_weights(table) > 0).all()


@pytest.mark.parametrize("columns", [{}, {"necrosis": [None, None]}, {"necrosis": ["Absent", "Absent"]}])
def test_features_that_say_nothing_leave_all_weights_equal(columns: dict) -> None:
    np.testing.assert_array_equal(semantic_weights(pd.DataFrame(columns, index=[0, 1], dtype=object)), [1, 1])


def nodules_of(count: int) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "pid": [f"p{k:02d}" for k in range(count)],
            "nodule_id": "1",
            "malignant": pd.array(np.arange(count) % 2, dtype="Int8"),
            "necrosis": random.choice(["Absent", "Absent", "Absent", "Present"], count),
            "nodule_shape": random.choice(["Round", "Ovoid", "Irregular"], count),
        }
    )


def test_a_fold_counts_rare_features_among_its_own_training_nodules_only() -> None:
    settings = load_settings("zhuang2025", {"folds": 3, "test_fraction": 0.25})
    nodules = nodules_of(36)
    data, patients = assemble(nodules, np.arange(36), None, settings, 0)
    assert (patients["fold"] == TEST).any()
    for fold in range(3):
        train, _ = data.split(fold)
        expected = semantic_weights(nodules.iloc[train].reset_index(drop=True))
        np.testing.assert_allclose(data.sampling_weights(train, "semantic", fold), expected / expected.sum())
        # What validation and held-out patients have is not told: other features of theirs change no weight.
        others = np.setdiff1d(np.arange(36), train)
        changed = nodules.copy()
        changed.loc[others, "necrosis"] = "Present"
        again, _ = assemble(changed, np.arange(36), None, settings, 0)
        np.testing.assert_array_equal(again.rarity[fold], data.rarity[fold])
        assert (data.rarity[fold][others] == 0).all()


def test_weights_come_back_from_a_run_folder_and_those_of_older_runs_hold(tmp_path) -> None:
    settings = load_settings("zhuang2025", {"folds": 3, "test_fraction": 0.25})
    data, patients = assemble(nodules_of(36), np.arange(36), None, settings, 0)
    assert "rarity" in save_data(tmp_path / "new", data, patients)
    np.testing.assert_array_equal(load_data(tmp_path / "new").rarity, data.rarity)
    # As runs had it before: one weight a nodule, for all folds.
    weights = np.linspace(0.1, 1, 36)
    old = TrainingData(data.table.assign(semantic=weights), None)
    save_data(tmp_path / "old", old, patients)
    train, _ = old.split(1)
    read = load_data(tmp_path / "old").sampling_weights(train, "semantic", 1)
    np.testing.assert_allclose(read, weights[train] / weights[train].sum())


def test_rows_in_folds_are_those_that_some_fold_trains_or_validates_on() -> None:
    table = pd.DataFrame({"row": [4, 5, 7, 9], "fold": [0, -1, 1, -1], "label": 0})
    np.testing.assert_array_equal(TrainingData(table, None).rows_in_folds, [4, 7])
    # Folds that were given may train on patients whom none validates on.
    sides = np.array([[1, 1, 2, 0], [2, 1, 1, 0]], np.int8)
    data = TrainingData(table, None, sides=sides)
    used = np.unique(np.concatenate([np.concatenate(data.split(fold)) for fold in range(2)]))
    np.testing.assert_array_equal(data.rows_in_folds, data.rows[used])
    np.testing.assert_array_equal(data.rows_in_folds, [4, 5, 7])
