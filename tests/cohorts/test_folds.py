from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.cohorts.folds import assign_folds, hold_out
from benchmark.errors import InputError


def table(labels: list[list[int | None]]) -> pd.DataFrame:
    """One patient an inner list, one nodule a label."""
    rows = [(f"{patient:03d}", str(n), label) for patient, own in enumerate(labels) for n, label in enumerate(own)]
    frame = pd.DataFrame(rows, columns=["pid", "nodule_id", "malignant"])
    return frame.astype({"malignant": "Int8"})


cohorts = st.lists(
    st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=4), min_size=12, max_size=60
).filter(
    lambda labels: min(sum(1 in own for own in labels), sum(1 not in own and 0 in own for own in labels)) >= 3
)


@settings(max_examples=60, deadline=None)
@given(labels=cohorts, k=st.integers(2, 3), seed=st.integers(0, 1000))
def test_every_patient_is_validated_exactly_once(labels, k, seed) -> None:
    nodules = table(labels)
    folds = assign_folds(nodules, k, seed)
    assert list(folds["pid"]) == list(dict.fromkeys(nodules["pid"]))
    assert set(folds["fold"]) <= set(range(k))


@settings(max_examples=30, deadline=None)
@given(labels=cohorts, seed=st.integers(0, 1000))
def test_the_order_of_rows_changes_nothing(labels, seed) -> None:
    nodules = table(labels)
    shuffled = nodules.sample(frac=1, random_state=seed).reset_index(drop=True)
    one = assign_folds(nodules, 3, seed).set_index("pid")["fold"]
    two = assign_folds(shuffled, 3, seed).set_index("pid")["fold"]
    pd.testing.assert_series_equal(one.sort_index(), two.sort_index())
    assert hold_out(nodules, 0.3, seed) == hold_out(shuffled, 0.3, seed)


def test_folds_are_balanced_in_malignant_patients() -> None:
    nodules = table([[1] if patient < 30 else [0] for patient in range(100)])
    merged = assign_folds(nodules, 5, 0).merge(nodules, on="pid")
    counts = merged.groupby("fold")["malignant"].agg(["sum", "count"])
    assert list(counts["sum"]) == [6] * 5
    assert list(counts["count"]) == [20] * 5


def test_another_seed_gives_other_folds() -> None:
    nodules = table([[patient % 2] for patient in range(40)])
    assert not assign_folds(nodules, 5, 0).equals(assign_folds(nodules, 5, 1))


@pytest.mark.parametrize(
    ("k", "said"), [(1, "too few folds"), (0, "too few"), (4, r"malignant nodule \(3\) — give at most 3")]
)
def test_folds_that_cannot_be_made_are_refused_with_the_largest_number(k: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        assign_folds(table([[1], [1], [1], *([0] for _ in range(20))]), k, 0)


def test_patients_whose_label_cannot_be_told_are_held_out_as_a_stratum_of_their_own() -> None:
    nodules = table([*([[1]] * 10), *([[0]] * 10), *([[0, None]] * 10)])
    held = [int(pid) for pid in hold_out(nodules, 0.5, 0)]
    assert [sum(low <= pid < low + 10 for pid in held) for low in (0, 10, 20)] == [5, 5, 5]


def test_a_benign_nodule_counts_for_the_folds_although_another_has_no_label() -> None:
    nodules = table([[1], [1], [0, None], [0, None]])
    assert sorted(assign_folds(nodules, 2, 0)["fold"]) == [0, 0, 1, 1]


def test_a_fifth_of_each_stratum_is_held_out() -> None:
    nodules = table([[1] if patient < 20 else [0] for patient in range(100)])
    held = hold_out(nodules, 0.2, 0)
    assert sum(int(pid) < 20 for pid in held) == 4
    assert len(held) == 20
    assert hold_out(nodules, 0.0, 0) == []


@pytest.mark.parametrize("fraction", [-0.1, 1.0, float("nan")])
def test_impossible_shares_are_refused(fraction: float) -> None:
    with pytest.raises(InputError, match="no share"):
        hold_out(table([[0], [1]]), fraction, 0)


def test_ids_stay_text() -> None:
    nodules = table([[0], [1]] * 6)
    nodules["pid"] = np.array(["007", "NA", "1e5", "=1", "a", "b", "c", "d", "e", "f", "g", "h"], dtype=object)
    assert set(assign_folds(nodules, 2, 0)["pid"]) == set(nodules["pid"])
