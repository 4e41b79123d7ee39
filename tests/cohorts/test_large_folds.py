"""Folds of cohorts with so many patients that most are dealt out."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from benchmark.cohorts import folds as module
from benchmark.cohorts.folds import LARGE, _dealt, assign_folds

KINDS = {"screening": (0.93, 0.05, 0.02), "unlabelled": (0.09, 0.01, 0.9), "even": (0.4, 0.4, 0.2)}


def made(patients: int, shares: tuple[float, ...], seed: int, most: int | None = None) -> pd.DataFrame:
    """Patients with one nodule or more, benign, malignant or without a label."""
    random = np.random.default_rng(seed)
    sizes = np.minimum(random.geometric(0.6, patients), most or patients)
    pid = np.repeat([f"p{k:06d}" for k in range(patients)], sizes)
    return pd.DataFrame(
        {"pid": pid, "malignant": pd.array(random.choice([0, 1, None], len(pid), p=shares), "Int8")}
    )


def spread(nodules: pd.DataFrame, folds: pd.DataFrame) -> float:
    """What StratifiedGroupKFold keeps low: the deviation between folds of a stratum's shares, mean over strata."""
    of = folds.set_index("pid")["fold"][nodules["pid"]].to_numpy()
    counts = pd.crosstab(of, nodules["malignant"].astype("Float64").fillna(2).to_numpy())
    return float((counts / counts.sum()).std(ddof=0).mean())


def test_up_to_the_size_that_is_dealt_out_the_folds_of_a_seed_are_scikit_learns() -> None:
    nodules = made(400, KINDS["screening"], 0)
    strata = nodules["malignant"].astype("Float64").fillna(2).to_numpy(int)
    splitter = StratifiedGroupKFold(n_splits=4, shuffle=True, random_state=7)
    expected = {}
    for fold, (_, rows) in enumerate(splitter.split(strata, strata, nodules["pid"].to_numpy(object))):
        expected.update(dict.fromkeys(nodules["pid"].iloc[rows], fold))
    found = assign_folds(nodules, 4, 7)
    assert dict(zip(found["pid"], found["fold"], strict=True)) == expected


@pytest.mark.parametrize("shares", KINDS.values(), ids=KINDS)
@pytest.mark.slow
def test_dealt_folds_are_as_balanced_as_scikit_learns(monkeypatch, shares) -> None:
    tables = [made(2000, shares, seed) for seed in range(3)]
    theirs = [spread(nodules, assign_folds(nodules, 5, seed)) for seed, nodules in enumerate(tables)]
    monkeypatch.setattr(module, "LARGE", 0)
    drawn = [assign_folds(nodules, 5, seed) for seed, nodules in enumerate(tables)]
    ours = [spread(nodules, folds) for nodules, folds in zip(tables, drawn, strict=True)]
    smallest = min(nodules["malignant"].value_counts(dropna=False).min() for nodules in tables)
    assert np.mean(ours) <= np.mean(theirs) + 0.2 / smallest  # a fifth of a nodule of the rarest stratum
    assert drawn[0]["pid"].tolist() == tables[0]["pid"].unique().tolist()
    assert not drawn[0].equals(assign_folds(tables[0], 5, 1))


@settings(max_examples=40, deadline=None)
@given(
    patients=st.integers(200, 900),
    most=st.integers(1, 3),
    k=st.integers(2, 6),
    rounds=st.integers(0, 20),
    seed=st.integers(0, 99),
)
def test_what_is_dealt_out_is_the_same_in_every_fold(patients, most, k, rounds, seed) -> None:
    nodules = made(patients, (0.6, 0.3, 0.1), seed, most)
    person, pids = pd.factorize(nodules["pid"])
    strata = nodules["malignant"].astype("Float64").fillna(2).to_numpy(int)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROUNDS", rounds)
        fold = _dealt(person, strata, k, seed)
    kinds: dict[tuple[int, ...], list[int]] = {}
    for one in range(len(pids)):
        own = strata[person == one]
        kinds.setdefault(tuple(int((own == stratum).sum()) for stratum in range(3)), []).append(int(fold[one]))
    for members in kinds.values():
        each = [members.count(number) for number in range(k)]
        assert len(set(each)) == 1
        left = members.count(-1)
        assert left + sum(each) == len(members)
        assert left == len(members) or rounds * k <= left < (rounds + 1) * k


def test_the_order_of_rows_changes_nothing_where_patients_are_dealt_out(monkeypatch) -> None:
    monkeypatch.setattr(module, "LARGE", 0)
    nodules = made(2000, KINDS["even"], 3)
    shuffled = nodules.sample(frac=1, random_state=1).reset_index(drop=True)
    one, two = (assign_folds(table, 3, 5).set_index("pid")["fold"] for table in (nodules, shuffled))
    pd.testing.assert_series_equal(one.sort_index(), two.sort_index())


def test_folds_of_a_large_cohort_differ_by_a_patient_or_two() -> None:
    nodules = made(LARGE + 7, KINDS["screening"], 0, most=1)
    folds = assign_folds(nodules, 5, 0)
    sizes = folds["fold"].value_counts()
    positive = nodules[nodules["malignant"] == 1].merge(folds)["fold"].value_counts()
    assert sizes.max() - sizes.min() <= 2
    assert positive.max() - positive.min() <= 1
