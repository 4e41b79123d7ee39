"""Cohorts joined, and their patients in folds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.cohorts.folds import assign_folds
from benchmark.cohorts.joint import join_cohorts
from benchmark.contracts.cohort import Cohort, CohortManifest
from benchmark.errors import InputError


def cohort(name: str, labels: dict[str, list[int | None]], **manifest: object) -> Cohort:
    rows = [(pid, str(n), label) for pid, own in labels.items() for n, label in enumerate(own)]
    frame = pd.DataFrame(rows, columns=["pid", "nodule_id", "malignant"]).astype({"malignant": "Int8"})
    return Cohort(CohortManifest(name=name, title=name, **manifest), frame, Path(name))


PHANTOM = {"details": {"phantom": {}}}


def test_one_cohort_stays_as_it_is() -> None:
    joint = join_cohorts([cohort("a", {"1": [0], "2": [1]})])
    assert list(joint.nodules["person"]) == ["1", "2"]
    assert list(joint.nodules["cohort"]) == ["a", "a"]
    assert not joint.notes


def test_equal_ids_are_one_person_where_cohorts_share_patients_and_two_where_they_do_not() -> None:
    own = {"1": [0], "2": [1]}
    pairs = {
        "declared": [cohort("a", own, shares_patients_with=("b",)), cohort("b", own)],
        "public": [cohort("nlst", own), cohort("luna25", own)],
        "not said": [cohort("a", own), cohort("nlst", own)],
    }
    for name, pair in pairs.items():
        joint = join_cohorts(pair)
        assert joint.nodules["person"].nunique() == 2, name
        assert "2 ids are in" in joint.notes[0], name
    assert "do not say whether" in join_cohorts(pairs["not said"]).notes[0]
    for pair in ([cohort("nlst", own), cohort("lidc", own)], [cohort(n, own, **PHANTOM) for n in "ab"]):
        joint = join_cohorts(pair)
        assert joint.nodules["person"].nunique() == 4
        assert not joint.notes


def test_shared_patients_under_ids_of_another_spelling_are_refused() -> None:
    pair = [cohort("nlst", {"0101": [0], "7": [1]}), cohort("luna25", {"101": [0]})]
    with pytest.raises(InputError, match=r"ids differ in zeros, blanks or case: 101 \(0101 in nlst\)"):
        join_cohorts(pair)


def test_a_cohort_is_given_once() -> None:
    with pytest.raises(InputError, match="given twice"):
        join_cohorts([cohort("a", {"1": [0]})] * 2)


def test_columns_that_one_cohort_lacks_are_missing_in_its_rows() -> None:
    first, second = cohort("a", {"1": [0]}), cohort("lidc", {"x": [None]})
    first.nodules["necrosis"], second.nodules["texture"] = "Present", 4.0
    second.nodules["number"] = np.array([3])
    table = join_cohorts([first, second]).nodules
    assert table["necrosis"].isna().tolist() == [False, True]
    assert table["texture"].isna().tolist() == [True, False]
    assert table["number"].isna().tolist() == [True, False]
    assert table["malignant"].isna().tolist() == [False, True]
    assert str(table["malignant"].dtype) == "Int8"


labels = st.lists(st.sampled_from([0, 1, None]), min_size=1, max_size=3)


@settings(max_examples=40, deadline=None)
@given(
    first=st.lists(labels, min_size=12, max_size=30),
    second=st.lists(labels, min_size=1, max_size=30),
    shared=st.integers(0, 5),
    k=st.integers(2, 3),
    seed=st.integers(0, 99),
)
@pytest.mark.slow
def test_nobody_is_validated_twice_whatever_cohorts_share(first, second, shared, k, seed) -> None:
    first = [[0], [1]] * 7 + first  # enough of both classes, whatever the other cohort says of five
    one = cohort("a", {f"a{n}": own for n, own in enumerate(first)}, shares_patients_with=("b",))
    two = cohort("b", {f"a{n}" if n < shared else f"b{n}": own for n, own in enumerate(second)})
    nodules = join_cohorts([one, two]).nodules
    folds = assign_folds(nodules.drop(columns="pid").rename(columns={"person": "pid"}), k, seed)
    assert not folds["pid"].duplicated().any()
    assert set(folds["pid"]) == set(nodules["person"])
    again = nodules.sample(frac=1, random_state=seed).drop(columns="pid").rename(columns={"person": "pid"})
    # Nodules of one person and cohort are alike but for their labels: their order may decide nothing.
    moved = assign_folds(again, k, seed).set_index("pid")["fold"]
    assert (moved.loc[folds["pid"]].to_numpy() == folds["fold"].to_numpy()).all()


def test_folds_are_balanced_by_label_within_each_cohort() -> None:
    random = np.random.default_rng(0)
    one = cohort("a", {f"{n}": [int(n % 4 == 0)] for n in range(200)}, **PHANTOM)
    two = cohort("b", {f"{n}": [random.choice([None, None, None, 0, 1])] for n in range(150)}, **PHANTOM)
    nodules = join_cohorts([one, two]).nodules
    folds = assign_folds(nodules.drop(columns="pid").rename(columns={"person": "pid"}), 5, 1)
    nodules["fold"] = nodules["person"].map(folds.set_index("pid")["fold"])
    stratum = nodules["malignant"].astype("Float64").fillna(2).astype(int)
    counts = nodules.groupby([nodules["cohort"], stratum, "fold"]).size().unstack("fold").fillna(0)
    # Each of six strata, shared evenly: no fold is more than two nodules from a fifth of it.
    expected = counts.sum(axis=1).to_numpy()[:, None] / 5
    assert (np.abs(counts.to_numpy() - expected) <= 2).all(), counts


def test_strata_too_few_to_be_split_do_not_stop_the_split() -> None:
    one = cohort("a", {f"{n}": [n % 2] for n in range(20)}, **PHANTOM)
    two = cohort("b", {"x": [1], "y": [None], "z": [0]}, **PHANTOM)
    nodules = join_cohorts([one, two]).nodules
    folds = assign_folds(nodules.drop(columns="pid").rename(columns={"person": "pid"}), 5, 0)
    assert len(folds) == 23


def test_patients_of_one_series_are_one_person_and_stay_on_one_side() -> None:
    made = cohort("a", {name: [k % 2] for k, name in enumerate("abcdefgh")})
    uid = "1.2.840.113654.2.55.99"
    # a and c have one series, c and e another: the three are one person.
    scans = {"a": f"{uid}.1", "b": "T0", "c": f"{uid}.1", "d": "T0", "e": f"{uid}.2", "f": None}
    second = {**scans, "c": f"{uid}.2"}
    rows = pd.concat([made.nodules.assign(scan_id=made.nodules["pid"].map(which)) for which in (scans, second)])
    joint = join_cohorts([Cohort(made.manifest, rows.reset_index(drop=True), Path("a"))])
    person = joint.nodules.drop_duplicates("pid").set_index("pid")["person"]
    assert person.to_dict() == {**{name: name for name in "abdfgh"}, "c": "a", "e": "a"}
    assert "2 patients have the SeriesInstanceUID of another" in joint.notes[0]
