"""Leak checks of STATISTICS.md D7: a planted patient id helps only where folds split patients."""

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from benchmark.cohorts.folds import assign_folds
from benchmark.metrics import auroc
from benchmark.statistics import auroc_interval


def planted(seed):
    """Nodules of 150 patients with three each; the only feature is a number that is the patient's own."""
    rng = np.random.default_rng(seed)
    label = rng.permutation(np.arange(150) % 3 == 0)
    return pd.DataFrame(
        {
            "pid": np.repeat([f"{i:03d}" for i in range(150)], 3),
            "malignant": np.repeat(label, 3).astype(int),
            "feature": np.repeat(rng.permutation(150), 3) * 1.0,
        }
    )


def out_of_fold(table, fold):
    """Scores of each nodule from a model that was fitted on the other folds."""
    scores = np.empty(len(table))
    for k in np.unique(fold):
        test = fold == k
        model = KNeighborsClassifier(1).fit(table.loc[~test, ["feature"]], table.loc[~test, "malignant"])
        scores[test] = model.predict_proba(table.loc[test, ["feature"]])[:, 1]
    return scores


def test_a_planted_patient_id_helps_only_where_folds_split_patients():
    grouped, ungrouped = [], []
    for seed in range(5):
        table = planted(seed)
        fold = table.merge(assign_folds(table[["pid", "malignant"]], 5, seed), on="pid", how="left")[
            "fold"
        ].to_numpy()
        assert len(fold) == len(table)
        grouped.append(auroc(table["malignant"], out_of_fold(table, fold)))
        split = np.empty(len(table), dtype=int)
        splitter = StratifiedKFold(5, shuffle=True, random_state=seed)
        for k, (_, test) in enumerate(splitter.split(table, table["malignant"])):
            split[test] = k
        ungrouped.append(auroc(table["malignant"], out_of_fold(table, split)))
    assert abs(np.mean(grouped) - 0.5) < 0.05
    assert np.mean(ungrouped) > 0.9


def test_shuffled_labels_leave_the_interval_around_one_half():
    rng = np.random.default_rng(1)
    label = np.repeat([1, 0], [50, 250])
    score = rng.normal(size=300) + 2 * label
    held = 0
    for _ in range(300):
        found = auroc_interval(rng.permutation(label), score)
        held += found.low <= 0.5 <= found.high
    # 0.95 ± 3.29 standard errors over 300 repeats.
    assert 0.909 <= held / 300 <= 0.991
