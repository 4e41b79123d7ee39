"""Folds that were made before: what `bench cohort split` writes, and the paper's files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.cohorts.folds import assign_folds, hold_out
from benchmark.cohorts.given_folds import NEITHER, TRAINED, VALIDATED, read_given_folds
from benchmark.cohorts.joint import join_cohorts, split_together
from benchmark.cohorts.split_cohort import split_cohort
from benchmark.errors import InputError
from tests.cohorts.test_joint import PHANTOM, cohort

ONE = cohort("a", {f"{n:02d}": [n % 2] for n in range(20)}, **PHANTOM)
TWO = cohort("b", {f"{n:02d}": [[None, None, 0, 1][n % 4]] for n in range(16)}, **PHANTOM)


def papers_files(folder: Path, folds: list[tuple[str, str]]) -> None:
    """As the paper's notebook writes them: an index without a name, then ``pid``."""
    for number, sides in enumerate(folds):
        (folder / f"fold_{number}").mkdir(parents=True)
        for name, pids in zip(("train_pid.csv", "val_pid.csv"), sides, strict=True):
            pd.DataFrame({"pid": pids.split()}).to_csv(folder / f"fold_{number}" / name)


def test_one_cohort_is_split_as_it_was_before_there_could_be_several(tmp_path: Path) -> None:
    split_cohort(ONE, tmp_path, folds=3, test=0.2, seed=4)
    held = hold_out(ONE.nodules, 0.2, 4)
    rest = ONE.nodules[~ONE.nodules["pid"].isin(held)].reset_index(drop=True)
    expected = assign_folds(rest, 3, 4)
    assert pd.read_csv(tmp_path / "test_pid.csv", dtype=str)["pid"].tolist() == held
    for fold in range(3):
        found = pd.read_csv(tmp_path / f"fold_{fold}" / "val_pid.csv", dtype=str)
        assert list(found) == ["pid"]
        assert found["pid"].tolist() == expected["pid"][expected["fold"] == fold].tolist()


def test_several_cohorts_come_back_as_they_were_split(tmp_path: Path) -> None:
    drawn = split_cohort([ONE, TWO], tmp_path, folds=2, test={"a": 0.3}, seed=1)
    nodules = join_cohorts([ONE, TWO]).nodules
    parts = split_together(nodules, 2, {"a": 0.3}, 1)
    given = read_given_folds(tmp_path, nodules)
    person = nodules.set_index(["cohort", "pid"])["person"]
    for row in parts.itertuples():
        own = person[(row.cohort, row.pid)]
        assert given.part(own) == row.fold
        if row.fold == "test":
            assert row.cohort == "a"
            assert (given.sides[own] == NEITHER).all()
        else:
            assert given.sides[own].tolist() == [VALIDATED if str(f) == row.fold else TRAINED for f in range(2)]
    counted = parts.groupby("fold").size()
    assert [fold.patients for fold in drawn.folds] == [counted["0"], counted["1"]]
    assert drawn.test.patients == counted["test"] == 6
    assert pd.read_csv(tmp_path / "fold_0" / "val_pid.csv", dtype=str)["cohort"].nunique() == 2


def test_the_papers_shuffled_splits_are_read_and_who_is_validated_how_often_is_said(tmp_path: Path) -> None:
    papers_files(tmp_path, [("00 01 02 03", "04 05"), ("01 02 03 04", "00 05")])
    small = cohort("a", {f"{n:02d}": [n % 2] for n in range(6)})
    given = read_given_folds(tmp_path, join_cohorts([small]).nodules)
    assert given.folds == 2
    assert [given.part(f"{n:02d}") for n in range(6)] == ["1", "train", "train", "train", "0", "0+1"]
    assert given.sides["05"].tolist() == [VALIDATED, VALIDATED]
    assert "3 patients are never validated, 1 more than once" in given.notes[0]


def test_ids_without_a_cohort_that_are_of_two_patients_are_refused(tmp_path: Path) -> None:
    everyone = " ".join(sorted({*ONE.nodules["pid"], *TWO.nodules["pid"]}))
    papers_files(tmp_path, [(everyone[3:], everyone[:2]), (everyone[:2], everyone[3:])])
    with pytest.raises(InputError, match=r"16 ids are those of patients of several cohorts.*column `cohort`"):
        read_given_folds(tmp_path, join_cohorts([ONE, TWO]).nodules)
    # Where the cohorts share their patients, an id is one person.
    same = cohort("c", {f"{n:02d}": [n % 2] for n in range(20)}, shares_patients_with=("d",))
    other = cohort("d", {f"{n:02d}": [None] for n in range(5)})
    given = read_given_folds(tmp_path, join_cohorts([same, other]).nodules)
    assert len(given.sides) == 20
    assert np.sum([given.sides[p] for p in given.sides], axis=0).tolist() == [21, 39]


@pytest.mark.parametrize(
    ("folds", "said"),
    [
        ([("00 01 02", "03 04"), ("03 04", "00 01 02")], r"1 patients of the cohort are in no fold.*test_pid.csv"),
        ([("00 01 02 05", "02 03 04"), ("03 04", "00 01 02")], "in train and in validation of fold 0: 02"),
        ([("00 01 02 05", "03 04 99"), ("03 04", "00 01 02")], "not in the cohort"),
    ],
)
def test_folds_that_do_not_fit_are_refused(tmp_path: Path, folds: list[tuple[str, str]], said: str) -> None:
    papers_files(tmp_path, folds)
    small = cohort("a", {f"{n:02d}": [n % 2] for n in range(6)})
    with pytest.raises(InputError, match=said):
        read_given_folds(tmp_path, join_cohorts([small]).nodules)


def test_folds_are_numbered_without_gaps(tmp_path: Path) -> None:
    papers_files(tmp_path, [("00", "01"), ("01", "00")])
    (tmp_path / "fold_1").rename(tmp_path / "fold_2")
    with pytest.raises(InputError, match="holds the folds 0, 2"):
        read_given_folds(tmp_path, join_cohorts([cohort("a", {"00": [0], "01": [1]})]).nodules)


def test_a_share_of_a_cohort_that_is_not_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not split here.*cohorts of this split: a, b"):
        split_cohort([ONE, TWO], tmp_path / "out", test={"c": 0.2})
    assert not (tmp_path / "out").exists()


def test_a_fold_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    papers_files(tmp_path, [("00 01", "02 03"), ("02 03", "00 01")])
    (tmp_path / "fold_1").rename(tmp_path / "fold_00")
    with pytest.raises(InputError, match=r"fold_00? — is the fold 0 too, as fold_00? is"):
        read_given_folds(tmp_path, join_cohorts([ONE]).nodules)


def test_test_patients_that_cannot_be_read_are_not_taken_for_none(tmp_path: Path) -> None:
    pids = [f"{n:02d}" for n in range(20)]
    papers_files(
        tmp_path, [(" ".join(pids[:10]), " ".join(pids[10:])), (" ".join(pids[10:]), " ".join(pids[:10]))]
    )
    (tmp_path / "test_pid.csv").symlink_to("moved.csv")
    with pytest.raises(InputError, match=r"test_pid.csv — cannot be read: it does not exist"):
        read_given_folds(tmp_path, join_cohorts([ONE]).nodules)
