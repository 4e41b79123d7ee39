from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark.cohorts.folds import hold_out
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.contracts.vocabulary import SUSPICION
from benchmark.errors import InputError
from benchmark.producers.baselines import BASELINES, baseline_scores, design, fit_baseline, score_baseline


def cohort(n: int = 120, seed: int = 0, name: str = "train") -> Cohort:
    random = np.random.default_rng(seed)
    diameter = random.uniform(4, 30, n)
    spiculated = random.random(n) < 0.4
    malignant = (diameter / 10 + 2 * spiculated + random.normal(size=n) > 2.5).astype(int)
    nodules = pd.DataFrame(
        {"pid": [f"{i // 2:03d}" for i in range(n)], "nodule_id": [str(i % 2) for i in range(n)]}
    )
    nodules = nodules.assign(image_path="a", coordX=0.0, coordY=0.0, coordZ=0.0)
    nodules["malignant"] = pd.array(malignant, dtype="Int8")
    nodules["longest_axial_diameter_(mm)"] = [f"{d:.1f}" for d in diameter]
    nodules["nodule_margins"] = np.where(spiculated, "Spiculated/Serrated", "Smooth")
    nodules["additional_nodule_margins"] = None
    nodules[SUSPICION] = np.where(malignant == 1, "High", "Very Low")
    return Cohort(CohortManifest(name=name, title=name), nodules, Path(name))


FOLDS = {f"{i:03d}": i % 5 for i in range(60)}


def test_suspicion_is_never_a_feature() -> None:
    assert all(SUSPICION not in columns for columns in BASELINES.values())


def test_five_folds_and_their_mean_beat_chance_on_other_patients() -> None:
    table = score_baseline(fit_baseline("semantic-lr", cohort(), FOLDS), cohort(seed=1, name="other"))
    wide = table.pivot(index=["pid", "nodule_id"], columns="fold", values="score")
    assert sorted(wide.columns) == ["0", "1", "2", "3", "4", "ensemble"]
    np.testing.assert_allclose(wide["ensemble"], wide.drop(columns="ensemble").mean(axis=1), atol=1e-15)
    other = cohort(seed=1).nodules.set_index(["pid", "nodule_id"])["malignant"].astype(int)
    assert roc_auc_score(other.loc[wide.index], wide["ensemble"]) > 0.8


def test_a_fold_is_fitted_without_its_own_patients() -> None:
    train = cohort()
    changed = Cohort(train.manifest, train.nodules.copy(), train.folder)
    rows = changed.nodules["pid"].map(FOLDS) == 3
    changed.nodules.loc[rows, "malignant"] = 1 - changed.nodules.loc[rows, "malignant"]
    before = score_baseline(fit_baseline("diameter", train, FOLDS), train)
    after = score_baseline(fit_baseline("diameter", changed, FOLDS), train)
    same = (before["score"] == after["score"]).groupby(before["fold"]).all()
    assert same["3"]
    assert not same["0"]


def test_size_ranks_as_the_diameter_does() -> None:
    table = score_baseline(fit_baseline("diameter", cohort(), FOLDS), cohort())
    ensemble = table[table["fold"] == "ensemble"]["score"]
    diameter = cohort().nodules["longest_axial_diameter_(mm)"].astype(float)
    assert ensemble.rank().tolist() == diameter.rank().tolist()


def test_nodules_without_any_feature_fail_with_that_reason() -> None:
    other = cohort()
    other.nodules.loc[0, ["longest_axial_diameter_(mm)", "nodule_margins"]] = None
    failed = score_baseline(fit_baseline("semantic-lr", cohort(), FOLDS), other).query("status == 'failed'")
    assert set(zip(failed["pid"], failed["nodule_id"], strict=True)) == {("000", "0")}
    assert set(failed["reason"]) == {"none of the features is given"}


def test_absent_and_missing_are_different() -> None:
    nodules = pd.DataFrame({"necrosis": ["Present", "Absent", None]})
    matrix, usable = design(nodules, ["necrosis"])
    assert matrix.to_numpy().tolist() == [[1, 0], [0, 1], [0, 0]]
    assert usable.tolist() == [True, True, False]


def test_unknown_features_name_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'nodule_margins'"):
        fit_baseline("mine", cohort(), FOLDS, ["nodule_margin"])
    with pytest.raises(InputError, match="none of the features"):
        fit_baseline("mine", cohort(), FOLDS, ["necrosis"])


def test_the_training_cohort_is_scored_on_held_out_patients_only() -> None:
    scores = baseline_scores("semantic-lr", cohort(), cohort(), test_fraction=0.3, seed=4)
    assert set(scores["pid"]) == set(hold_out(cohort().nodules, 0.3, 4))
    assert set(baseline_scores("semantic-lr", cohort(), cohort(name="other"))["pid"]) == set(
        cohort().nodules["pid"]
    )
    with pytest.raises(InputError, match="--test-fraction"):
        baseline_scores("semantic-lr", cohort(), cohort())


def test_a_class_in_another_spelling_is_that_class_and_another_word_is_refused() -> None:
    made = cohort(20)
    lower = made.nodules.assign(nodule_margins=made.nodules["nodule_margins"].str.lower())
    columns = ["nodule_margins"]
    pd.testing.assert_frame_equal(design(lower, columns)[0], design(made.nodules, columns)[0])
    assert design(lower, columns)[1].all()
    with pytest.raises(InputError, match="is no class of nodule margins"):
        design(made.nodules.assign(nodule_margins="not spiculated"), columns)
